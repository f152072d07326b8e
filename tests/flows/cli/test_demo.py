"""muster demo for the destinations that the README does not show; that of CampaignLark is in tests/test_readme.py."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.flows.cli.conftest import Shell

DATA = Path(__file__).resolve().parents[3] / "sample_data"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("kind", "file", "itself"),
    [
        ("loops", "app_users.csv", "Loops itself takes 10 a second"),
        ("corporate_merch", "employees.csv", "Corporate Merch itself takes 40 a minute"),
    ],
)
def test_a_demo_balances_as_the_sample_says_and_tells_the_real_pace(
    shell: Shell, kind: str, file: str, itself: str
) -> None:
    done = shell.run("demo", "--to", kind)
    assert done.returncode == 0, done.stderr
    assert "every row is accounted for as sample_data/README.md says." in done.stdout
    assert itself in done.stdout
    assert ("--allow contact_added" in done.stdout) is (kind == "loops")
    [written] = (shell.home / "demo" / "runs").glob("*/summary.json")
    summary = json.loads(written.read_text("utf-8"))
    assert summary["outcomes"] == EXPECTED[file]["outcomes"]
    assert summary["destination"]["kind"] == kind
    assert summary["pace"]["allowed_per_second"] == 100


def test_a_sample_of_another_destination_is_refused(tmp_path: Path) -> None:
    done = Shell(tmp_path, dict(os.environ)).run("demo", "--to", "loops", "--sample", "hostile")
    assert done.returncode == 2
    assert "--to loops has these samples: users." in done.stderr
