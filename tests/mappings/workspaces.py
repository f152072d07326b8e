"""The fields, tags and lists of each sandbox's workspace, as the destination reads them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import connectors
from connectors.destinations import corporate_merch, loops_team
from connectors.destinations.campaignlark import Connector as CampaignLark
from connectors.destinations.loops import Connector as Loops
from mappings.engine.schema import Schema


def workspace_schema(kind: str) -> Schema:
    file = Path(str(connectors.__file__)).parent / f"sandbox/{kind}_workspace.json"
    return SCHEMAS[kind](json.loads(file.read_text("utf-8")))


def campaignlark_schema(workspace: dict[str, Any]) -> Schema:
    fields = tuple(CampaignLark._field(entry) for entry in workspace["fields"])
    return Schema(
        fields=fields,
        tags={tag["name"]: tag["id"] for tag in workspace["tags"]},
        refuses=frozenset({"blank_clear"}),
    )


def loops_schema(workspace: dict[str, Any]) -> Schema:
    documented = Loops.documented_schema()
    own = tuple(loops_team._field(entry) for entry in workspace["properties"])
    return dataclasses.replace(
        documented,
        fields=(*documented.fields, *own),
        lists={one["name"]: one["id"] for one in workspace["lists"]},
        live=True,
    )


def corporate_merch_schema(_: dict[str, Any]) -> Schema:
    return corporate_merch.Connector.documented_schema()


SCHEMAS = {
    "campaignlark": campaignlark_schema,
    "corporate_merch": corporate_merch_schema,
    "loops": loops_schema,
}
