"""The mappings that ship for known exports, on those exports' samples."""

from __future__ import annotations

from pathlib import Path

import pytest

import mappings
from connectors.kinds import kinds, source_module
from mappings.engine.applying import Application
from mappings.engine.contact import Contact
from mappings.engine.reading import read_mapping
from sample_data import crm_exports
from tests.mappings.workspaces import workspace_schema

MAPPINGS = [
    path
    for path in sorted(Path(str(mappings.__file__)).parent.glob("*.yml"))
    if "/exports/" in path.read_text("utf-8")
]


def test_each_kind_of_export_has_mappings_to_the_destinations_that_mail() -> None:
    named = {(read_mapping(path).source.kind, read_mapping(path).destination.kind) for path in MAPPINGS}
    exports = [kind for kind in kinds("sources") if hasattr(source_module(kind), "EXPORT")]
    wanted = {(kind, to) for kind in exports for to in ("campaignlark", "loops")}
    # HubSpot's are older, with a sample of their own; Loops' own export goes elsewhere
    assert wanted - named == {
        ("hubspot_export", "campaignlark"),
        ("hubspot_export", "loops"),
        ("loops_export", "loops"),
    }


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)
def test_on_its_sample_everybody_arrives_but_who_cannot_and_who_opted_out_is_opted_out(path: Path) -> None:
    mapping, planted = read_mapping(path), crm_exports.expected()
    source = source_module(mapping.source.kind).open_source(path.parent / str(mapping.source.path), {})
    application = Application(mapping, workspace_schema(mapping.destination.kind), source.header)
    assert not [use.column for use in application.uses() if use.use == "unmapped"]
    contacts: list[Contact] = []
    for frame in source.frames():
        mapped = application.apply(frame)
        wrong = {one.row: one.code for one in mapped.problems if one.severity == "error"}
        assert set(wrong.values()) <= {"email_syntax"}
        contacts += application.contacts(
            mapped, [at for at, row in enumerate(frame.rows.tolist()) if row not in wrong]
        )
    assert len(contacts) == planted.rows - len(planted.invalid)
    hears = mapping.consent is not None and mapping.consent.opted_out is not None
    assert sorted(one.key for one in contacts if one.opted_out) == (list(planted.opted_out) if hears else [])
    assert all(contact.texts.get(mapping.key) for contact in contacts)
