"""The list of an account's fields that is kept for whoever cannot ask."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import MappingError
from flows.field_list import beside, keep, kept_for
from mappings.engine.schema import Field, Schema

TEXT = st.text(max_size=12)
FIELDS = st.builds(
    Field, name=TEXT, label=TEXT, type=st.sampled_from(["text", "choice", "date"]), required=st.booleans(), options=st.lists(TEXT, max_size=3).map(tuple),
    max_length=st.none() | st.integers(1, 99), form=TEXT, spellings=st.dictionaries(TEXT, TEXT, max_size=2), others=TEXT,
)  # fmt: skip
SCHEMAS = st.builds(
    Schema, fields=st.lists(FIELDS, max_size=4).map(tuple), tags=st.dictionaries(TEXT, st.integers() | TEXT, max_size=3),
    lists=st.dictionaries(TEXT, TEXT, max_size=3), live=st.booleans(), fixed=st.booleans(), numbered=st.frozensets(TEXT, max_size=2),
    refuses=st.frozensets(TEXT, max_size=2), reserved=st.dictionaries(TEXT, TEXT, max_size=2), identities=st.lists(TEXT, max_size=2).map(tuple),
    watched=st.frozensets(TEXT, max_size=2),
)  # fmt: skip


@given(SCHEMAS)
def test_what_is_kept_is_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, schema: Schema
) -> None:
    home = tmp_path_factory.mktemp("home")
    keep(schema, "campaignlark", "main", home=home)
    found = kept_for("campaignlark", "main", home, near=None)
    assert found is not None
    assert found.schema == schema


def test_every_part_of_a_schema_is_kept() -> None:
    assert {one.name for one in dataclasses.fields(Schema)} == {
        "fields", "tags", "lists", "live", "fixed", "numbered", "refuses", "reserved", "identities", "watched",
    }  # fmt: skip


def test_the_one_that_is_committed_beside_a_mapping_stands_above_the_home_s(tmp_path: Path) -> None:
    keep(Schema((Field("own", "Own", "text"),)), "loops", "main", home=tmp_path)
    near = beside(tmp_path / "m.yml", "loops", "main")
    keep(Schema((Field("committed", "C", "text"),)), "loops", "main", near=near)
    found = kept_for("loops", "main", tmp_path, near=tmp_path / "m.yml")
    assert found is not None
    assert found.schema.names() == ("committed",)
    assert found.path == near


def test_nothing_is_kept_where_no_home_is_and_no_home_is_made(tmp_path: Path) -> None:
    assert keep(Schema(()), "loops", "main", home=tmp_path / "none") is None
    assert not (tmp_path / "none").exists()
    assert kept_for("loops", "main", tmp_path / "none", near=None) is None


def test_a_damaged_one_is_named_where_somebody_committed_it_and_read_anew_where_it_is_the_home_s(
    tmp_path: Path,
) -> None:
    (tmp_path / "fields").mkdir()
    (tmp_path / "fields/loops-main.json").write_text("{")
    assert kept_for("loops", "main", tmp_path, near=None) is None
    beside(tmp_path / "m.yml", "loops", "main").write_text("[]")
    with pytest.raises(MappingError, match="no list of fields"):
        kept_for("loops", "main", tmp_path, near=tmp_path / "m.yml")
