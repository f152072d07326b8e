"""The conformance suite itself: what it leaves out and why, that it finds strangers, and that it fails where it should."""

from __future__ import annotations

import configparser
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import flows.conformance
from connectors.kinds import destination_module, kinds
from connectors.sandbox.serving import kinds as sandboxes
from connectors.sandbox.serving import trial_of

ROOT = Path(__file__).parents[2]
OUTSIDE = ROOT / "tests" / "outside"
BROKEN = OUTSIDE / "broken"


def behaviours() -> Iterator[Any]:
    for module in pkgutil.iter_modules(flows.conformance.__path__):
        if module.name.startswith("test_"):
            found = vars(importlib.import_module(f"flows.conformance.{module.name}"))
            yield from (one for name, one in found.items() if name.startswith("test_"))


def needed(behaviour: Any) -> set[str]:
    return {mark.args[0] for mark in getattr(behaviour, "pytestmark", ()) if mark.name == "needs"}


MAILS = {
    "test_an_opt_out_is_carried",
    "test_an_opt_out_is_carried_for_a_row_that_is_invalid",
    "test_an_opt_out_is_carried_for_rows_that_are_filtered_or_duplicates",
    "test_somebody_new_who_opted_out_does_not_come_in_as_somebody_to_mail",
    "test_whoever_opted_out_there_after_they_were_created_is_not_subscribed_by_the_next_run",
    "test_whoever_opted_out_there_is_subscribed_by_no_write_mode",
    "test_whoever_opted_out_once_more_since_is_not_subscribed_by_an_undo",
    "test_whom_a_run_unsubscribed_is_subscribed_again_only_for_the_number_that_was_typed",
    "test_whoever_opts_out_between_the_reading_and_the_write_is_not_subscribed",
}
SKIPPED = {
    "campaignlark": {"test_tags_and_lists_are_added_by_their_ids"},  # its tags are known by name
    "loops": set(),
    "corporate_merch": {*MAILS, "test_tags_and_lists_are_added_by_their_names"},  # it mails nobody
}


@pytest.mark.parametrize("kind", SKIPPED)
def test_of_each_destination_exactly_these_behaviours_are_left_out(kind: str) -> None:
    from flows.conformance.capabilities import lacking

    lacks = lacking(destination_module(kind).Connector, trial_of(kind))
    assert {one.__name__ for one in behaviours() if needed(one) & lacks.keys()} == SKIPPED[kind]


def test_every_destination_of_ours_is_tried_and_none_is_left_out_in_another_way() -> None:
    assert set(kinds("destinations")) == set(sandboxes()) == set(SKIPPED)
    for path in (ROOT / "flows" / "conformance").glob("test_*.py"):
        assert not re.search(r"skip|xfail|importorskip", path.read_text("utf-8")), path.name


def test_the_product_never_imports_the_suite_nor_pytest() -> None:
    said = (
        "import sys, flows.cli, flows.sync_run, flows.cli.sync, flows.cli.check, connectors.sandbox.serving; "
    )
    said += "print([name for name in sys.modules if name == 'pytest' or 'conformance' in name])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", said], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout.strip() == "[]"


def tried(folder: Path, *arguments: str, beside: Path = OUTSIDE) -> tuple[int, dict[str, set[str]], str]:
    """The suite run by somebody with another package, in another folder: exit code, tests by outcome, all that was said."""
    command = [sys.executable, "-P", "-m", "pytest", "--pyargs", "flows.conformance", *arguments]
    named = ("MUSTER_", "CAMPAIGNLARK_", "LOOPS_", "CORPORATE_MERCH_", "PYTEST_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(named)}
    done = subprocess.run(
        [*command, "-v", "-p", "no:cacheprovider", f"--basetemp={folder / 'tried'}"],
        cwd=folder, env={**clean, "PYTHONPATH": str(beside)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: dict[str, set[str]] = defaultdict(set)
    for name, outcome in re.findall(r"::(\S+) (PASSED|FAILED|SKIPPED|ERROR)", done.stdout):
        found[outcome].add(name)
    return done.returncode, found, done.stdout + done.stderr


@pytest.mark.slow
def test_a_destination_of_another_package_passes_the_same_suite(tmp_path: Path) -> None:
    code, found, said = tried(tmp_path, "--destination", "rolodex")
    assert code == 0, said
    assert len(found["PASSED"]) > 50
    left_out = {
        one.__name__ for one in behaviours() if needed(one) & {"moves", "names", "by_name", "by_number"}
    }
    assert {name.split("[")[0] for name in found["SKIPPED"]} == left_out  # it has no tags, and addresses stay


def test_a_destination_without_a_sandbox_fails_and_says_what_is_missing(tmp_path: Path) -> None:
    distribution = tmp_path / "plain-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n", "utf-8")
    plugged = "[muster.destinations]\nplain = muster_rolodex.destination\n"
    (distribution / "entry_points.txt").write_text(plugged, "utf-8")
    (tmp_path / "muster_rolodex").symlink_to(OUTSIDE / "muster_rolodex")
    code, _, said = tried(tmp_path, "--destination", "plain", "-k", "a_new_contact", beside=tmp_path)
    assert code == 1
    assert "There is no sandbox for 'plain'" in said


def test_contributing_shows_the_entry_points_and_the_command_that_work() -> None:
    section = (
        (ROOT / "CONTRIBUTING.md")
        .read_text("utf-8")
        .split("## A destination of your own")[1]
        .split("\n## ")[0]
    )
    [shown] = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    real = configparser.ConfigParser()
    real.read(OUTSIDE / "muster_rolodex-1.0.dist-info" / "entry_points.txt")
    plugged = {name: dict(group) for name, group in real.items() if name != "DEFAULT"}
    assert tomllib.loads(shown)["project"]["entry-points"] == plugged
    assert "pytest --pyargs flows.conformance --destination rolodex" in section
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert [named for named in re.findall(r"muster-sync\[(\w+)\]", section) if named not in extras] == []
    for named in re.findall(r"`((?:connectors|flows)[\w.]+)`", section):
        module, _, noun = named.rpartition(".")
        assert hasattr(importlib.import_module(module), noun), named


TROUBLED = "test_after_trouble_the_report_is_true_and_nothing_is_lost_or_twice"
IMPATIENT = "test_after_impatience_the_report_is_true_and_nothing_is_lost_or_twice"
UNHEARD = {
    *(f"{TROUBLED}[{trouble}]" for trouble in (
        "500-applied", "503-applied", "reset-after-the-write", "a-page-instead-of-an-answer", "a-page-with-502-applied",
        "a-truncated-answer",
    )),
    *(f"{IMPATIENT}[{trouble}]" for trouble in ("an-answer-that-comes-too-late", "an-answer-that-never-ends")),
}  # fmt: skip
"""The behaviours in which a write was applied and nobody heard of it."""
BREAKS: Mapping[str, tuple[str, set[str]]] = {
    "resubscribes": ("test_people.py", {
        "test_whoever_opted_out_there_is_subscribed_by_no_write_mode",
        "test_whoever_opts_out_between_the_reading_and_the_write_is_not_subscribed",
        "test_whoever_opted_out_there_after_they_were_created_is_not_subscribed_by_the_next_run",
    }),
    "loses_lists": ("test_names.py", {
        "test_tags_and_lists_that_a_contact_has_stay_when_its_fields_change",
        "test_a_tag_or_list_is_added_to_those_that_a_contact_has",
    }),
    "repeats_creates": ("test_after", UNHEARD),
    "gives_up": ("test_after", UNHEARD),
    "minds_case": ("test_writing.py", {"test_a_contact_whose_address_is_written_otherwise_there_is_found"}),
    "cuts": ("test_values.py", {"test_a_long_text_arrives_whole_or_is_refused_by_its_limit"}),
    "impatient": ("being_asked", {
        "test_being_asked_to_slow_down_is_no_attempt", "test_being_asked_to_wait_for_a_second_is_obeyed",
    }),
    "hasty": ("test_pace.py", {"test_the_rate_is_never_passed_and_never_far_from_reached"}),
}  # fmt: skip
"""Each broken destination of tests/outside/broken: the behaviours that it is put to, and those that have to fail."""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, set[str]], str]:
    """The suite's tests by outcome, of all broken destinations at once, each put to what is chosen for it; and what was said."""
    chosen = " or ".join(f"({kind} and {behaviours})" for kind, (behaviours, _) in BREAKS.items())
    kinds = [argument for kind in BREAKS for argument in ("--destination", kind)]
    code, found, said = tried(tmp_path_factory.mktemp("broken"), *kinds, "-k", chosen, beside=BROKEN)
    assert code == 1, said
    return found, said


@pytest.mark.slow
@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_destination_fails_the_behaviour_that_is_broken_and_no_other(
    kind: str, verdicts: tuple[dict[str, set[str]], str]
) -> None:
    found, said = verdicts
    failed = {name for name in found["FAILED"] if f"[{kind}" in name}
    assert {name.replace(f"[{kind}]", "").replace(f"[{kind}-", "[") for name in failed} == BREAKS[kind][1], (
        said
    )
    assert not found["ERROR"]
