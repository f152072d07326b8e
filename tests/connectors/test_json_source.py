"""JSON and JSON Lines as tables: nothing guessed, nothing lost, and memory bounded by the longest object."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from connectors.sources import json_walk, row_source
from connectors.sources.opening import format_of, open_table
from tests.connectors.reading import Seen, read, spoiled


def of(tmp_path: Path, text: str | bytes, **said: str) -> Seen:
    path = tmp_path / "people"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert format_of(path) == "json_file"
    return read(path, said)


def test_a_list_of_objects_is_a_table_of_what_is_written(tmp_path: Path) -> None:
    found = of(tmp_path, """[
  {"Email": "ann@example.com", "Score": 1.50, "Id": 12345678901234567890, "Out": false, "Born": null},
  {"Email": "bob@example.com", "Out": true, "Tags": ["a", "b", 3], "Address": {"City": "Köln", "Zip": {"Code": "01234"}}}
]""")  # fmt: skip
    assert found.header == ("Email", "Score", "Id", "Out", "Born", "Tags", "Address.City", "Address.Zip.Code")
    assert found.rows == [
        ["ann@example.com", "1.50", "12345678901234567890", "false", "", "", "", ""],
        ["bob@example.com", "", "", "true", "", "a;b;3", "Köln", "01234"],
    ]
    assert found.lines == [2, 3]
    assert found.odd == {}


def test_a_list_inside_is_found_or_named(tmp_path: Path) -> None:
    two = '{"meta": {"count": 2, "ids": [1, 2]}, "data": {"contacts": [{"Email": "a@x.de"}], "old": [{"Email": "b@x.de"}]}}'
    with pytest.raises(SourceError, match=r"several lists: data\.contacts, data\.old") as caught:
        of(tmp_path, two)
    assert "at: data.contacts" in caught.value.fix
    assert of(tmp_path, two, at="data.old").rows == [["b@x.de"]]
    with pytest.raises(SourceError, match=r"no list at data\.contact") as caught:
        of(tmp_path, two, at="data.contact")
    assert caught.value.fix == "Did you mean data.contacts?"
    found = of(tmp_path, '{"total": 1, "data": {"contacts": [{"Email": "a@x.de"}]}}')
    assert (found.rows, found.source.reading["at"]) == ([["a@x.de"]], "data.contacts")
    assert of(tmp_path, '{"Email": "a@x.de", "Tags": ["x"]}').rows == [["a@x.de", "x"]]


def test_lists_of_objects_become_columns_with_their_position(tmp_path: Path) -> None:
    emails = [{"value": f"{n}@x.de", "type": "work"} for n in range(4)]
    found = of(tmp_path, json.dumps([{"emails": emails[:1]}, {"emails": emails, "pairs": [[1, 2], ["a;b"]]}]))
    assert found.header[:4] == ("emails.1.value", "emails.1.type", "emails.2.value", "emails.2.type")
    assert found.rows[1][4] == "2@x.de"
    assert found.rows[1][-1] == '[[1, 2], ["a;b"]]'
    assert "line 1" in found.odd["long_lists"]


def test_json_lines_keep_their_lines_and_a_broken_one_is_set_aside(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        b'\xef\xbb\xbf{"Email": "a@x.de"}\n\n{"Email": "b@x.de"\n{"Email": "c@x.de", "Email": "d@x.de", "N": 1e3}\n[1]\n'
        b'{"Email": "\xff"}\n{"Email": "\\ud800"}\n{"N": [' + b"[" * 3000 + b"\n",
    )
    assert found.source.reading["format"] == "JSON Lines"
    assert found.rows == [["a@x.de", ""], ["", ""], ["d@x.de", "1e3"], *[["", ""]] * 4]
    assert found.lines == [1, 3, 4, 5, 6, 7, 8]
    assert [(bad.at, bad.code) for bad in found.misread] == [
        (1, "row_unreadable"), (3, "row_unreadable"), (4, "row_undecodable"), (5, "row_undecodable"), (6, "row_unreadable"),
    ]  # fmt: skip
    assert found.misread[0].cells == ('{"Email": "b@x.de"',)
    assert "the last value counts; on line 4" in found.odd["repeated_keys"]
    assert "3 rows cannot be read and were set aside; the first on line 3" in found.odd["row_unreadable"]
    assert of(tmp_path, '{"Email": broken}\n{"Email": "b@x.de"}\n').rows == [[""], ["b@x.de"]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"a": 1}', "ends in the middle, on line 1"),
        ('[{"a": 1},\n{"a": 2', "ends in the middle, on line 2"),
        ('[{"a": 1}\n{"a": 2}]', "no JSON on line 2: '{' stands where a comma"),
        ('[{"a": 1}] x', "goes on with 'x' after its end"),
        ('[{"a": 1,}, {"b": "' + "x" * 50 + '"}]', "no JSON on line 1"),
        ('{"a": ' * 3000, "nested more than"),
        ("[]", "holds no objects"),
        ("{}", "holds no objects"),
        ("[" + '{"a": 1}, ' * 9 + "7]", "x"),
        (b'[{"a": "\xff"}]', "is no UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_said_with_its_line(tmp_path: Path, text: str | bytes, why: str) -> None:
    if why == "x":
        found = of(tmp_path, text)
        assert (len(found.rows), found.misread[0].detail) == (10, "it is no object")
        return
    with pytest.raises(SourceError, match=why) as caught:
        of(tmp_path, text)
    assert caught.value.fix


def test_two_keys_for_one_column_and_values_with_semicolons_are_said(tmp_path: Path) -> None:
    found = of(tmp_path, '[{"Email": "a@x.de", "Tags": ["a;b", "c"]}]')
    assert found.rows == [["a@x.de", "a;b;c"]]
    assert "1 list has a value with a semicolon" in found.odd["semicolons"]


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="more than 5,000 columns"):
        of(tmp_path, json.dumps([{f"c{n}": n for n in range(5_001)}]))


def test_memory_is_bounded_by_a_part_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_walk, "_AT_ONCE", 1 << 15)
    monkeypatch.setattr(row_source, "FRAME_ROWS", 500)
    path = tmp_path / "long.json"
    with path.open("w") as file:
        file.write('{"contacts": [')
        file.writelines(f'{{"Email": "p{n}@example.com", "Note": "{"x" * 100}"}},\n' for n in range(12_000))
        file.write('{"Email": "last@example.com"}]}')
    source = open_table(path, {})
    tracemalloc.start()
    try:
        rows = sum(len(frame) for frame in source.frames())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == 12_001
    assert peak < path.stat().st_size / 2


def test_an_element_that_never_ends_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_walk, "LONGEST_ROW", 3 << 20)
    with pytest.raises(SourceError, match="longer than 3 MB"):
        of(tmp_path, '[{"a": "' + "x" * (5 << 20))


@pytest.mark.parametrize("lines", [True, False])
def test_a_spoiled_file_ends_in_rows_or_in_an_error(tmp_path: Path, lines: bool) -> None:
    objects = [json.dumps({"Email": f"p{n}@x.de", "Sub": {"A": [1, "x"]}, "Ünder": n}) for n in range(9)]
    whole = "\n".join(objects) if lines else f"[{', '.join(objects)}]"
    path = tmp_path / "spoiled"
    for data in spoiled(whole.encode(), 250, seed=3):
        path.write_bytes(data)
        with contextlib.suppress(SourceError):
            read(path)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=8),
    st.sampled_from(["lines", "list", "inside"]),
    st.booleans(),
)
def test_a_table_of_texts_comes_back_unchanged(
    tmp_path: Path, cells: list[list[str]], form: str, ascii_: bool
) -> None:
    objects: list[dict[str, Any]] = [
        {"Email": f"{n}@x.de", "a": a, "b": {"c": c}} for n, (a, c) in enumerate(cells)
    ]
    if form == "lines":
        text = "\n".join(json.dumps(one, ensure_ascii=ascii_) for one in [*objects, objects[0]])
    else:
        held = objects if form == "list" else {"of": {"them": objects}, "n": len(objects)}
        text = json.dumps(held, ensure_ascii=ascii_, indent=1)
    found = of(tmp_path, text)
    assert found.rows[: len(objects)] == [[one["Email"], one["a"], one["b"]["c"]] for one in objects]
