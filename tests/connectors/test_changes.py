"""What is sent for a contact that is there, field by field and name by name: the rules, and the laws behind them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Rules
from connectors.changes import FieldChanges, NameChanges, field_changes, folded, name_changes
from connectors.values import is_blank, same
from mappings.engine.contact import rendered

TYPES = {"score": "number", "is_customer": "boolean", "interests": "choices"}


def fields(
    texts: dict[str, str],
    there: dict[str, Any] | None,
    delivered: dict[str, str] | None = None,
    *,
    clears: bool = True,
    **rules: Any,
) -> FieldChanges:
    return field_changes(
        texts, there, delivered, Rules(**{"types": TYPES, **rules}), key="email", clears=clears
    )


# ---- merge


def test_what_was_never_delivered_is_sent_where_it_differs() -> None:
    found = fields(
        {"email": "a@b.c", "name": "Ann", "score": "12.5", "city": "Bonn"}, {"name": "ann", "score": "12.50"}
    )
    assert found.changes == {"name": ("ann", "Ann"), "city": (None, "Bonn")}


def test_the_key_is_no_change() -> None:
    assert fields({"email": "new@b.c"}, {"email": "old@b.c"}).changes == {}
    assert fields({"email": "new@b.c"}, {"email": "old@b.c"}, write="replace").changes == {}


def test_what_changed_at_the_source_is_sent_and_what_was_edited_there_stays() -> None:
    found = fields(
        {"name": "Ann", "city": "Köln"}, {"name": "Annie", "city": "Bonn"}, {"name": "Ann", "city": "Bonn"}
    )
    assert found.changes == {"city": ("Bonn", "Köln")}
    assert found.stays == {"name": ("Annie", "Ann")}


def test_what_the_destination_has_already_is_not_sent_though_it_changed_at_the_source() -> None:
    found = fields({"score": "7"}, {"score": "7.0"}, {"score": "6"})
    assert found == FieldChanges()


def test_a_value_emptied_by_hand_stays_empty_and_is_said() -> None:
    found = fields({"name": "Ann"}, {"name": ""}, {"name": "Ann"})
    assert (found.changes, found.stays) == ({}, {"name": ("", "Ann")})


def test_a_blank_of_the_source_keeps_the_value_there() -> None:
    assert fields({}, {"name": "Ann"}, {"name": "Ann"}) == FieldChanges()


def test_where_nothing_is_known_of_the_values_there_what_changed_is_sent() -> None:
    found = fields({"name": "Ann", "city": "Köln"}, None, {"name": "Ann", "city": "Bonn"})
    assert (found.changes, found.stays) == ({"city": (None, "Köln")}, {})
    assert fields({"name": "Ann"}, None).changes == {"name": (None, "Ann")}


def test_a_delivery_that_does_not_count_is_none() -> None:
    texts, there = {"name": "Ann"}, {"name": "Annie", "city": "Bonn"}
    rules: dict[str, Any] = {"blanks": {"city": "clear"}, "writes": {"name": "once"}}
    assert fields(texts, there, {}, **rules) == fields(texts, there, None, **rules)
    assert fields(texts, there, {}, **rules).changes == {"name": ("Annie", "Ann"), "city": ("Bonn", None)}


# ---- write: of a field


@pytest.mark.parametrize("delivered", [None, {"name": "Ann"}, {"name": "Old"}])
def test_always_is_sent_whenever_it_differs_there(delivered: dict[str, str] | None) -> None:
    writes = {"name": "always"}
    assert fields({"name": "Ann"}, {"name": "Annie"}, delivered, writes=writes).changes == {
        "name": ("Annie", "Ann")
    }
    assert fields({"name": "Ann"}, {"name": "Ann"}, delivered, writes=writes).changes == {}
    assert fields({"name": "Ann"}, None, delivered, writes=writes).changes == {"name": (None, "Ann")}


@pytest.mark.parametrize(
    ("there", "sent"),
    [({}, True), ({"name": ""}, True), ({"name": None}, True), ({"name": "X"}, False), (None, False)],
)
def test_if_empty_is_sent_only_where_nothing_is_there(there: dict[str, Any] | None, *, sent: bool) -> None:
    for delivered in (None, {"name": "Old"}):
        found = fields({"name": "Ann"}, there, delivered, writes={"name": "if_empty"})
        assert ("name" in found.changes) == sent


def test_if_empty_does_not_fill_again_what_was_emptied_by_hand() -> None:
    assert fields({"name": "Ann"}, {}, {"name": "Ann"}, writes={"name": "if_empty"}).changes == {}


def test_what_if_empty_found_there_is_nobodys_edit() -> None:
    found = fields({"name": "Ann"}, {"name": "X"}, {"name": "Ann"}, writes={"name": "if_empty"})
    assert found == FieldChanges()


def test_once_is_sent_the_first_time_and_never_again() -> None:
    writes = {"name": "once"}
    assert fields({"name": "Ann"}, {"name": "X"}, writes=writes).changes == {"name": ("X", "Ann")}
    assert fields({"name": "Ann"}, {"name": "X"}, {"city": "Bonn"}, writes=writes).changes == {
        "name": ("X", "Ann")
    }
    for there in ({}, {"name": ""}, {"name": "X"}, None):
        for text in ("Ann", "Bea"):
            assert fields({"name": text}, there, {"name": "Ann"}, writes=writes).changes == {}


# ---- blanks


def test_clear_empties_what_was_delivered_and_what_was_there_before_the_first_delivery() -> None:
    blanks = {"name": "clear"}
    assert fields({}, {"name": "Ann"}, {"name": "Ann"}, blanks=blanks).changes == {"name": ("Ann", None)}
    assert fields({}, {"name": "Edited"}, {"name": "Ann"}, blanks=blanks).changes == {
        "name": ("Edited", None)
    }
    assert fields({}, {"name": "Ann"}, None, blanks=blanks).changes == {"name": ("Ann", None)}
    assert fields({}, None, {"name": "Ann"}, blanks=blanks).changes == {"name": (None, None)}


@pytest.mark.parametrize("there", [{}, {"name": ""}, {"name": None}, {"name": []}])
def test_what_is_empty_there_is_not_emptied(there: dict[str, Any]) -> None:
    for blank in ("clear", "clear_ours"):
        assert fields({}, there, {"name": "Ann"}, blanks={"name": blank}).changes == {}


def test_a_blank_that_was_delivered_as_blank_leaves_what_somebody_filled_in_there() -> None:
    found = fields({}, {"name": "By hand"}, {"city": "Bonn"}, blanks={"name": "clear"})
    assert (found.changes, found.stays) == ({}, {"name": ("By hand", None)})
    always = fields(
        {}, {"name": "By hand"}, {"city": "B"}, blanks={"name": "clear"}, writes={"name": "always"}
    )
    assert always.changes == {"name": ("By hand", None)}


def test_clear_ours_empties_only_what_we_delivered_last() -> None:
    blanks = {"score": "clear_ours"}
    assert fields({}, {"score": 7.0}, {"score": "7"}, blanks=blanks).changes == {"score": (7.0, None)}
    assert fields({}, {"score": 8}, {"score": "7"}, blanks=blanks) == FieldChanges()
    assert fields({}, {"score": 7}, None, blanks=blanks).changes == {}
    assert fields({}, {"score": 7}, {"name": "Ann"}, blanks=blanks).changes == {}
    assert fields({}, None, {"score": "7"}, blanks=blanks).changes == {}


@pytest.mark.parametrize("write", ["once", "if_empty"])
def test_what_is_written_once_or_into_emptiness_is_not_emptied(write: str) -> None:
    found = fields({}, {"name": "Ann"}, {"name": "Ann"}, blanks={"name": "clear"}, writes={"name": write})
    assert found.changes == {}


def test_nothing_is_emptied_where_the_destination_cannot_be_told_to() -> None:
    blanks = {"name": "clear", "score": "clear_ours"}
    there, delivered = {"name": "Ann", "score": 7}, {"name": "Ann", "score": "7"}
    assert fields({}, there, delivered, blanks=blanks, clears=False) == FieldChanges()


# ---- blocks

BLOCK = (("street", "flat", "town"),)


def test_a_block_is_sent_as_a_whole_when_one_of_its_fields_is() -> None:
    found = fields(
        {"street": "New 1", "town": "Bonn", "name": "Ann"},
        {"street": "Old 9", "flat": "3", "town": "Köln", "name": "Annie"},
        {"street": "Old 9", "flat": "3", "town": "Bonn", "name": "Ann"},
        together=BLOCK,
    )
    assert found.changes == {"street": ("Old 9", "New 1"), "town": ("Köln", "Bonn"), "flat": ("3", None)}
    assert (found.stays, found.left_over) == ({"name": ("Annie", "Ann")}, {})


def test_a_block_of_which_nothing_is_sent_stays_as_it_is() -> None:
    texts = {"street": "Old 9", "town": "Bonn"}
    found = fields(texts, {"street": "Old 9", "flat": "3", "town": "Köln"}, texts, together=BLOCK)
    assert (found.changes, found.stays) == ({}, {"town": ("Köln", "Bonn")})


def test_a_line_that_cannot_be_emptied_stays_and_is_named() -> None:
    found = fields(
        {"street": "New 1"}, {"street": "Old 9", "flat": "3", "town": ""}, together=BLOCK, clears=False
    )
    assert (found.changes, found.left_over) == ({"street": ("Old 9", "New 1")}, {"flat": "3"})


def test_a_line_that_is_emptied_takes_its_block_along() -> None:
    found = fields(
        {"street": "A", "town": "Bonn"}, {"street": "B", "flat": "3", "town": "Bonn"},
        {"street": "A", "flat": "3", "town": "Bonn"}, together=BLOCK, blanks={"flat": "clear"},
    )  # fmt: skip
    assert found.changes == {"flat": ("3", None), "street": ("B", "A")}


def test_a_block_of_which_nothing_is_known_is_sent_as_a_whole() -> None:
    found = fields(
        {"street": "New 1", "town": "Bonn"}, None, {"street": "Old", "town": "Bonn"}, together=BLOCK
    )
    assert found.changes == {"street": (None, "New 1"), "town": (None, "Bonn"), "flat": (None, None)}
    cannot = fields({"street": "New 1"}, None, {"street": "Old"}, together=BLOCK, clears=False)
    assert (cannot.changes, cannot.left_over) == ({"street": (None, "New 1")}, {})


# ---- replace


def test_replace_sends_all_that_differs_and_empties_the_rest() -> None:
    found = fields(
        {"email": "a@b.c", "name": "Ann", "city": "Bonn"},
        {"email": "A@b.c", "name": "Annie", "city": "Bonn", "score": 0, "company": "", "interests": ["x"]},
        {"name": "Ann", "city": "Bonn"},
        write="replace",
        clears=False,
    )
    assert found.changes == {"name": ("Annie", "Ann"), "score": (0, None), "interests": (["x"], None)}
    assert found.stays == {}


# ---- laws of fields

TAGS = ("name", "score", "interests", "city", "street", "town")
TEXT = {
    "name": st.sampled_from(["Ann", "ann", "Bob"]),
    "score": st.sampled_from(["7", "7.5", "0"]),
    "interests": st.sampled_from(["a", "b\x1fa", "a\x1fb"]),
    "city": st.sampled_from(["Bonn", "Köln"]),
    "street": st.sampled_from(["A 1", "B 2"]),
    "town": st.sampled_from(["Bonn", "Köln"]),
}
VALUE = {
    **TEXT,
    "name": TEXT["name"] | st.none() | st.just(""),
    "score": st.sampled_from([7, 7.5, "7.50", 0, None, ""]),
    "interests": st.sampled_from([["a"], ["a", "b"], "b, a", [], None]),
}
TEXTS = st.fixed_dictionaries({}, optional=TEXT)
THERE = st.fixed_dictionaries({}, optional=VALUE)
RULES = st.builds(
    Rules,
    write=st.sampled_from(["merge", "merge", "merge", "update_only", "replace"]),
    types=st.just(TYPES),
    writes=st.dictionaries(
        st.sampled_from(["name", "score", "city"]), st.sampled_from(["always", "if_empty", "once"])
    ),
    blanks=st.dictionaries(st.sampled_from(TAGS), st.sampled_from(["clear", "clear_ours"])),
    together=st.sampled_from([(), (("street", "town"),), (("street", "town", "interests"),)]),
)


def applied(there: dict[str, Any], found: FieldChanges) -> dict[str, Any]:
    """What is there after the changes."""
    after = {**there, **{tag: new for tag, (_, new) in found.changes.items()}}
    return {tag: value for tag, value in after.items() if value is not None}


@given(TEXTS, THERE, st.none() | TEXTS, RULES, st.booleans())
def test_a_second_decision_after_the_first_was_applied_changes_nothing(
    texts: dict[str, str],
    there: dict[str, Any],
    delivered: dict[str, str] | None,
    rules: Rules,
    clears: bool,
) -> None:
    after = applied(there, field_changes(texts, there, delivered, rules, clears=clears))
    once = {tag: text for tag, text in (delivered or {}).items() if rules.writes.get(tag) == "once"}
    filed_now = {"email_address": "a@b.example", **texts, **once}  # whoever was delivered has a key
    for filed in (delivered, filed_now):  # the answer was lost before it was filed, and was not
        again = field_changes(texts, after, filed, rules, clears=clears)
        assert (again.changes, again.left_over) == ({}, {})


@given(TEXTS, st.none() | THERE, st.none() | TEXTS, RULES, st.booleans())
def test_what_is_sent_is_what_the_row_has_and_differs(
    texts: dict[str, str],
    there: dict[str, Any] | None,
    delivered: dict[str, str] | None,
    rules: Rules,
    clears: bool,
) -> None:
    found = field_changes(texts, there, delivered, rules, clears=clears)
    for tag, (old, new) in found.changes.items():
        assert old == (there or {}).get(tag)
        if new is None:
            assert tag not in texts
            assert clears or rules.write == "replace"
        else:
            assert new == rendered(texts[tag], TYPES.get(tag, "text"))
        if there is not None:
            assert not same(new, old, TYPES.get(tag, "text"))
        if rules.write != "replace" and rules.writes.get(tag) == "if_empty":
            assert is_blank(old)
    assert not found.changes.keys() & (found.stays.keys() | found.left_over.keys())


@given(TEXTS, THERE, st.none() | TEXTS, RULES)
def test_after_a_block_was_sent_each_of_its_lines_is_the_rows(
    texts: dict[str, str], there: dict[str, Any], delivered: dict[str, str] | None, rules: Rules
) -> None:
    for clears in (True, False):
        found = field_changes(texts, there, delivered, rules, clears=clears)
        after = applied(there, found)
        for block in rules.together:
            if found.changes.keys().isdisjoint(block):
                continue
            for tag in block:
                ours = rendered(texts[tag], TYPES.get(tag, "text")) if tag in texts else None
                assert same(ours, after.get(tag), TYPES.get(tag, "text")) or tag in found.left_over


@given(st.lists(st.tuples(TEXTS, THERE), min_size=2, max_size=6))
def test_a_field_that_is_written_once_is_sent_at_most_once_whatever_happens_there(
    nights: list[tuple[dict[str, str], dict[str, Any]]],
) -> None:
    rules = Rules(types=TYPES, writes={"name": "once"}, blanks={"name": "clear"})
    filed: dict[str, str] | None = None
    delivered = 0
    for texts, there in nights:
        found = field_changes(texts, there, filed, rules)
        if delivered:
            assert "name" not in found.changes
        delivered += "name" in texts
        filed = {"key": "k", **texts, **{t: x for t, x in (filed or {}).items() if t == "name"}}


# ---- names


def test_names_are_added_that_are_wanted_and_not_there_in_whatever_case() -> None:
    assert name_changes(["VIP", "crm"], [], ["vip"]) == NameChanges(("crm",))


def test_a_name_that_was_taken_away_by_hand_is_not_put_back() -> None:
    for write in ("add", "own"):
        assert name_changes(["vip", "crm"], [], [], delivered=["VIP"], write=write).add == ("crm",)


def test_replace_makes_the_names_exactly_the_rows() -> None:
    found = name_changes(["vip", "crm"], [], ["Press", "VIP"], delivered=["vip", "crm"], write="replace")
    assert found == NameChanges(("crm",), ("Press",))


def test_a_name_that_the_row_takes_away_goes_whoever_added_it_and_is_written_as_it_is_there() -> None:
    for write in ("add", "own", "replace"):
        found = name_changes(["crm"], ["vip", "unheard-of"], ["VIP", "crm"], write=write)
        assert found == NameChanges((), ("VIP",))


def test_a_name_that_is_both_wanted_and_taken_away_goes() -> None:
    assert name_changes(["vip"], ["VIP"], ["vip"]) == NameChanges((), ("vip",))
    assert name_changes(["vip"], ["VIP"], []) == NameChanges()


def test_own_takes_away_what_this_mapping_added_and_the_row_no_longer_has() -> None:
    there = ["VIP", "press", "crm"]
    found = name_changes(["crm"], [], there, delivered=["vip", "crm"], own=["vip", "crm"], write="own")
    assert found == NameChanges((), ("VIP",))
    assert name_changes(["crm"], [], there, own=["vip"]) == NameChanges()


def test_where_it_is_not_known_what_is_there_only_what_is_ours_or_named_goes() -> None:
    found = name_changes(["crm"], ["press"], None, delivered=["vip"], own=["vip"], write="own")
    assert found == NameChanges(("crm",), ("press", "vip"))
    assert name_changes(["crm"], [], None, own=["vip"], write="replace") == NameChanges(("crm",), ("vip",))
    assert name_changes(["crm"], [], None, delivered=["crm"]) == NameChanges()


NAMES = st.lists(st.sampled_from(["vip", "VIP", "crm", "press", "Straße", "STRASSE"]), max_size=4)
WRITE = st.sampled_from(["add", "own", "replace"])


def retagged(there: list[str], found: NameChanges) -> list[str]:
    return [name for name in there if name not in found.off] + list(found.add)


@given(NAMES, NAMES, NAMES, NAMES, NAMES, WRITE)
def test_a_second_decision_on_names_changes_nothing(
    wanted: list[str], off: list[str], there: list[str], delivered: list[str], own: list[str], write: str
) -> None:
    found = name_changes(wanted, off, there, delivered=delivered, own=own, write=write)
    after = retagged(there, found)
    for filed, ours in ((delivered, own), (wanted, [*own, *found.add])):
        assert name_changes(wanted, off, after, delivered=filed, own=ours, write=write) == NameChanges()


@given(NAMES, NAMES, NAMES, NAMES, NAMES, WRITE)
def test_nothing_of_somebody_elses_is_taken_away_unless_it_is_asked_for(
    wanted: list[str], off: list[str], there: list[str], delivered: list[str], own: list[str], write: str
) -> None:
    found = name_changes(wanted, off, there, delivered=delivered, own=own, write=write)
    assert set(found.off) <= set(there)
    assert folded(found.add).isdisjoint(folded(there) | folded(off))
    assert folded(found.add) <= folded(wanted)
    if write == "add":
        assert folded(found.off) <= folded(off)
    if write == "own":
        assert folded(found.off) <= folded(off) | (folded(own) - folded(wanted))
    if write == "replace":
        assert folded(retagged(there, found)) == folded(wanted) - folded(off)
    else:
        assert folded(found.add).isdisjoint(folded(delivered))
