"""What a mapping may say of who is told, in short and in long, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from mappings.engine.complaints import MappingInvalid
from mappings.engine.reading import read_mapping_text
from tests.mappings import editor
from tests.mappings.fragments import around


@pytest.mark.parametrize("written", ["ops", "[ops]", "{to: ops}", "{to: [ops]}"])
def test_who_is_told_is_written_short_or_long(written: str) -> None:
    text = around([f"notify: {written}"])
    notify = read_mapping_text(text).notify
    assert notify is not None
    assert notify.to == ("ops",)
    assert "completed" not in notify.on
    assert len(notify.on) == 7
    assert notify.remind is None
    assert editor.complaints(text) == []


@pytest.mark.parametrize(
    ("written", "hours"), [("1 day", 24), ("12 hours", 12), ("2 weeks", 336), ("1.5 h", 1.5)]
)
def test_trouble_is_told_again_after_a_time(written: str, hours: float) -> None:
    text = around([f"notify: {{to: [marketing, ops_2], on: failed, remind: {written}}}"])
    notify = read_mapping_text(text).notify
    assert notify is not None
    assert (notify.on, notify.remind) == (("failed",), dt.timedelta(hours=hours))
    assert editor.complaints(text) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("notify: {to: [ops], on: [neds_review]}", "Did you mean needs_review?"),
        ("notify: {to: [ops], at: failed}", "muster does not know this key"),
        ("notify: {to: []}", "at least one is needed"),
        ("notify: {on: failed}", "this key is missing"),
        ("notify: Ops", "lower-case letters"),
        ("notify: slack_file", "does not end in file"),
        ("notify: {to: ops, remind: daily}", "such as 12 hours, 1 day or 2 weeks"),
        ("notify: {to: ops, remind: 0 days}", "is no time"),
    ],
)
def test_what_it_cannot_mean_is_refused_with_what_it_may(line: str, said: str) -> None:
    with pytest.raises(MappingInvalid) as wrong:
        read_mapping_text(around([line]))
    assert said in str(wrong.value)
    assert "mapping.yml:" in str(wrong.value)
    only_here = said in ("does not end in file", "is no time")  # no pattern that editors know says it as well
    assert only_here or editor.complaints(around([line]))


@pytest.mark.parametrize(
    "address",
    ["https://hooks.slack.com/services/T1/B1/hush", "slack://T1/B1/hush", "mailto://ann:hush@example.com", "hush@example.com"],
)  # fmt: skip
def test_an_address_does_not_stand_in_a_mapping_and_is_not_repeated_where_it_is_refused(address: str) -> None:
    for line in (f'notify: "{address}"', f'notify: {{to: [ops, "{address}"]}}'):
        with pytest.raises(MappingInvalid) as wrong:
            read_mapping_text(around([line]))
        assert "MUSTER_NOTIFY_OPS" in str(wrong.value)
        assert "hush" not in str(wrong.value)
