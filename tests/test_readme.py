"""The README says what is true: its session is compared with a real one, its generated parts with the code."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from flows.cli import muster
from flows.guards import GUARDS
from flows.roll import OUTCOMES
from mappings.engine.documenting import README as MAPPING_README
from mappings.engine.documenting import with_generated_parts
from mappings.engine.reading import read_mapping_text
from tests import warm
from tests.mappings import editor

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CASES = MAPPING_README.parent / "CASES.md"


def test_the_session_in_the_readme_is_what_a_person_sees(tmp_path: Path, prefect_url: str) -> None:
    shown = README.split("$ make demo\n", 1)[1].split("```", 1)[0]
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_"))
    }
    done = warm.run(
        ["demo"], cwd=tmp_path, env={**clean, "HOME": str(tmp_path), "PREFECT_API_URL": prefect_url}
    )
    assert done.returncode == 0, done.stderr
    said = [line[9:] for line in done.stderr.splitlines()]
    kept = [line for line in said if re.match(r"(A sandbox|account|address|ledger|source)\b", line)]
    seen = "\n".join([*kept, *done.stdout.split("\nNext, with", 1)[0].splitlines()])
    assert plain(seen) == plain(shown)


def plain(text: str) -> str:
    """Without what differs from run to run: folders, ports, names of runs, blanks at line ends."""
    text = re.sub(r"\S*(?=\.muster/demo|sample_data/hubspot)", "", text)
    text = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def test_every_outcome_and_guard_is_explained() -> None:
    for name in (*OUTCOMES, *(guard.name for guard in GUARDS)):
        assert f"`{name}`" in README, name


def test_every_command_that_the_readme_names_exists() -> None:
    known = set(muster.list_commands(click.Context(muster)))
    for words in re.findall(r"(?:\$ |`)muster ([a-z]+)", README + MAPPING_README.read_text("utf-8")):
        assert words in known, words


def test_the_generated_parts_of_the_mapping_readme_are_up_to_date() -> None:
    text = MAPPING_README.read_text("utf-8")
    assert with_generated_parts(text) == text, "run: python -m mappings.engine.documenting"


def test_every_mapping_in_the_mapping_readme_can_be_read() -> None:
    shown = re.findall(r"^```yaml\n(.+?)^```", MAPPING_README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(shown) > 3
    for text in shown:
        whole = text if re.search("^name:", text, re.MULTILINE) else wrapped(text)
        assert read_mapping_text(whole), text
        assert editor.complaints(whole) == [], text


def wrapped(text: str) -> str:
    """A part of a mapping with what it lacks of a whole one."""
    head = "name: news\nsource: {kind: csv_file}\ndestination: {kind: campaignlark}\nkey: email_address\n"
    if "fields:" not in text:
        return f"{head}fields: {{email_address: Email}}\n{text}"
    address = "" if "email_address:" in text else "  email_address: Email\n"
    return head + text.replace("fields:\n", f"fields:\n{address}")


def test_the_files_that_the_documents_link_to_exist() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", MAPPING_README, CASES):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), (document.name, target)
