"""A person's first hour: a file as it came, a first mapping, and a sync by it, with nothing edited in between."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import xlsxwriter

from connectors.sandbox.serving import Running
from sample_data import crm_exports
from tests.flows.cli.conftest import Shell

SAMPLES = Path(__file__).resolve().parents[3] / "sample_data"


def as_workbook(path: Path, into: Path) -> None:
    with xlsxwriter.Workbook(str(into)) as book:
        sheet = book.add_worksheet("Signups")
        text = (
            path.read_text("utf-8-sig")
            if path.name != "newsletter_signups.csv"
            else path.read_text("windows-1252")
        )
        for at, row in enumerate(csv.reader(io.StringIO(text), delimiter=";")):
            sheet.write_row(at, 0, row)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("hubspot_contacts.csv", 1200),
        ("signups.xlsx", 400),
        ("exports/mailchimp_export.zip", crm_exports.expected().rows),
    ],
    ids=["a HubSpot CSV", "an Excel file", "a Mailchimp ZIP"],
)
def test_from_the_file_to_a_balanced_sync_nothing_has_to_be_edited(
    shell: Shell, sandbox: Running, name: str, rows: int
) -> None:
    file = shell.folder / Path(name).name
    if name.endswith(".xlsx"):
        as_workbook(SAMPLES / "newsletter_signups.csv", file)
    else:
        file.write_bytes((SAMPLES / name).read_bytes())
    assert (
        shell.run("init", file.name, "--to", "campaignlark", "-o", "first.yml", "--no-plan").returncode == 0
    )
    assert shell.run("check", "first.yml", file.name).returncode == 0
    done = shell.run("sync", "first.yml", file.name, "--yes", "--json")
    summary = json.loads(done.stdout)
    assert summary["balanced"] is True
    assert summary["source"]["rows_read"] == rows
    assert sum(summary["outcomes"].values()) == rows
    landed = summary["outcomes"]["created"]
    assert landed > 0.75 * rows
    assert len(sandbox.contacts()) == landed
    assert done.returncode in (0, 1), done.stderr
    if name.endswith(".zip"):
        out = {one["email_address"] for one in sandbox.contacts() if one["status"] != "SUBSCRIBED"}
        assert out == set(crm_exports.expected().opted_out)
