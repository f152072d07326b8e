"""A sandbox that mirrors an account answers with the same fields, tags and lists, by the same names and ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Known
from connectors.errors import CannotStart
from connectors.kinds import destination_module
from connectors.pace import Pace
from connectors.sandbox import mirror
from connectors.sandbox.mirror import contacts_like, workspace_like
from connectors.sandbox.serving import Running, in_thread, running, sandbox_of
from mappings.engine.schema import Schema

ACCOUNTS: dict[str, dict[str, Any]] = {
    "campaignlark": {
        "fields": [
            {"label": "E-Mail", "merge_tag": "email_address", "type": "TEXT", "immutable": True, "required": True},
            {"label": "Größe", "merge_tag": "size", "type": "DROPDOWN_SINGLE", "definition": "S, M,L", "required": True},
            {"label": "Topics", "merge_tag": "topics", "type": "DROPDOWN_MULTIPLE", "definition": "a,b"},
            {"label": "Score", "merge_tag": "score", "type": "NUMBER", "default_value": 3},
            {"label": "VIP", "merge_tag": "vip", "type": "BOOLEAN"},
            {"label": "Born", "merge_tag": "born", "type": "DATE"},
            {"label": "Land", "merge_tag": "land", "type": "COUNTRY"},
        ],
        "tags": [{"id": 4711, "name": "Presse"}, {"id": 12, "name": "crm"}],
    },
    "loops": {
        "team": "Ours",
        "properties": [
            {"key": "plan", "label": "Our plan", "type": "string"}, {"key": "seats", "type": "number"},
            {"key": "paying", "type": "boolean"}, {"key": "trialEnds", "type": "date"},
        ],
        "lists": [
            {"id": "one", "name": "Newsletter"}, {"id": "two", "name": "Newsletter"}, {"id": "three", "name": "Events"},
        ],
    },
    "corporate_merch": {"lists": [{"id": 900, "name": "Gifts"}], "labels": [{"id": 77, "name": "vip"}]},
}  # fmt: skip


@contextmanager
def account(kind: str, folder: Path, workspace: str) -> Iterator[Running]:
    path = folder / "workspace.json"
    path.write_text(workspace, "utf-8")
    with in_thread(sandbox_of(kind, {"workspace": str(path), "rate": "0"})) as server:
        yield server


async def schema_of(server: Running) -> Schema:
    connector = destination_module(server.kind).Connector
    async with connector(base_url=server.url, key="sandbox-key", turns=Pace(1000)) as destination:
        found: Schema = await destination.read_schema()
        return found


@pytest.mark.parametrize("kind", list(ACCOUNTS))
async def test_the_mirror_has_the_fields_tags_and_lists_of_the_account(kind: str, tmp_path: Path) -> None:
    with account(kind, tmp_path, json.dumps(ACCOUNTS[kind])) as live:
        wanted = await schema_of(live)
    with account(kind, tmp_path, workspace_like(kind, wanted)) as mirrored:
        assert await schema_of(mirrored) == wanted


async def test_a_list_that_shares_its_name_keeps_its_id_in_the_mirror(tmp_path: Path) -> None:
    with account("loops", tmp_path, json.dumps(ACCOUNTS["loops"])) as live:
        schema = await schema_of(live)
    lists = json.loads(workspace_like("loops", schema))["lists"]
    assert {one["id"]: one["name"] for one in lists} == {
        "one": "Newsletter",
        "two": "two",
        "three": "Events",
    }


async def test_where_nobody_can_ask_for_numbers_the_mirror_takes_them_all(tmp_path: Path) -> None:
    schema = destination_module("corporate_merch").Connector.documented_schema()
    with account("corporate_merch", tmp_path, workspace_like("corporate_merch", schema)) as mirrored:
        mirrored.seed([{"email_address": "ann@example.com", "fields": {}, "lists": [900], "labels": [77]}])
        [ann] = mirrored.contacts()
        assert (ann["list_ids"], ann["label_ids"], ann["lists"]) == ([900], [77], ["900"])
        with pytest.raises(ValueError, match="There is no list"):
            mirrored.seed([{"email_address": "ann@example.com", "fields": {}, "lists": [2**40]}])


def test_a_contact_is_taken_over_with_what_the_mirror_has_and_an_unknown_status_counts_as_opted_out() -> None:
    schema = destination_module("campaignlark").Connector.documented_schema()
    fields = {"email_address": "Ann@example.com", "gone_field": "x"}
    there = [
        Known("1", "ann@example.com", "PAUSED", True, fields, frozenset({"no such tag"}), 0.0),
        Known("2", "", "SUBSCRIBED", False, {}, frozenset(), 0.0),
    ]
    assert contacts_like("campaignlark", there, schema) == [
        {"email_address": "Ann@example.com", "status": "UNSUBSCRIBED", "tags": [], "fields": {}}
    ]


def test_a_sandbox_that_cannot_take_contacts_over_says_so() -> None:
    schema = destination_module("loops").Connector.documented_schema()
    with pytest.raises(CannotStart, match="cannot take over the contacts"):
        contacts_like("loops", [], schema)
    with pytest.raises(CannotStart, match="There is no sandbox for telegraph"):
        mirror.workspace_like("telegraph", schema)


def test_the_process_of_a_sandbox_gets_no_key_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOPS_API_KEY", "CAMPAIGNLARK_EMEA_API_KEY", "LOOPS_API_KEY_FILE"):
        monkeypatch.setenv(name, "secret-of-the-account")
    with running("loops") as server:
        environment = Path(f"/proc/{server.pid}/environ").read_text()
        command = Path(f"/proc/{server.pid}/cmdline").read_text()
    assert "PATH=" in environment
    assert "secret-of-the-account" not in environment + command
