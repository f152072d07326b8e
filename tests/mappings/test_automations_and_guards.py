"""What a mapping may say of guards and automations, in short and in long, and what is refused."""

from __future__ import annotations

import pytest

from mappings.engine.complaints import MappingInvalid
from mappings.engine.reading import read_mapping_text
from tests.mappings import editor
from tests.mappings.fragments import around


@pytest.mark.parametrize(
    ("written", "share"),
    [("5%", 0.05), ("2.5 %", 0.025), ("0.05", 0.05), ("100%", 1.0), ("1", 1.0), ("0%", 0.0)],
)
def test_a_share_is_written_as_a_percentage_or_as_a_part(written: str, share: float) -> None:
    text = around([f"guards: {{changes: {{share: {written}}}}}"])
    guards = read_mapping_text(text).guards
    assert guards is not None
    assert guards.changes is not None
    assert guards.changes.share == pytest.approx(share)
    assert guards.changes.floor is None
    assert editor.complaints(text) == []


@pytest.mark.parametrize("written", ["typed", "{typed: yes}"])
def test_opt_outs_may_have_to_be_typed(written: str) -> None:
    text = around([f"guards: {{opt_outs: {written}}}"])
    guards = read_mapping_text(text).guards
    assert guards is not None
    assert guards.opt_outs is not None
    assert guards.opt_outs.typed
    assert editor.complaints(text) == []


@pytest.mark.parametrize("written", ["contact_added", "[contact_added, confirmation_mails]"])
def test_one_or_several_may_be_allowed(written: str) -> None:
    text = around([f"automations: {{allow: {written}, tracked: [city, plan]}}"])
    automations = read_mapping_text(text).automations
    assert automations is not None
    assert automations.allow[0] == "contact_added"
    assert automations.tracked == ("city", "plan")
    assert editor.complaints(text) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("guards: {opt_out: typed}", "Did you mean opt_outs?"),
        ("guards: {empty_source: {floor: 3}}", "muster does not know this key"),
        ("guards: {changes: typed}", "write a limit such as"),
        ("guards: {opt_outs: often}", "write typed, or a limit"),
        ("guards: {opt_outs: {typed: yes, floor: 3}}", "typed stands alone"),
        ("guards: {changes: {}}", "say a share, a floor, or both"),
        ("guards: {changes: {share: 500%}}", "100% at most"),
        ("guards: {changes: {share: some}}", "such as 5% or 0.05"),
        ("guards: {changes: {floor: -1}}", "a whole number from 0 on"),
        ("automations: {allow: [contact_aded]}", "Did you mean contact_added?"),
    ],
)
def test_what_is_wrong_is_said(line: str, said: str) -> None:
    with pytest.raises(MappingInvalid) as refused:
        read_mapping_text(around([line]))
    assert said in str(refused.value)
