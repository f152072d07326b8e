"""The house: imports run one way, and what is heavy stays where it belongs."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("mappings", "connectors", "flows")
FLOW_FILES = {
    "flows/sync_contacts.py",
    "flows/in_turn.py",
    "flows/retry_failures.py",
    "flows/undo_run.py",
    "flows/take_over.py",
    "flows/map_shard.py",
    "flows/watch_fixes.py",
    "flows/steps.py",
}
VIEWER = {
    f"flows/viewer/{name}.py"
    for name in ("artifacts", "blocks", "deployments", "described", "events", "names", "questions", "serving")
}
PREFECT_MAY = FLOW_FILES | VIEWER | {"flows/prefect_server.py", "flows/account_limit.py"}


def files(*rooms: str) -> list[Path]:
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset(found)


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_run_from_flows_to_connectors_to_mappings() -> None:
    for path in files("mappings"):
        assert not tops(path) & {"connectors", "flows"}, named(path)
    for path in files("connectors"):
        assert "flows" not in tops(path), named(path)


def test_mappings_know_no_network_no_prefect_and_no_clock() -> None:
    for path in files("mappings"):
        assert not tops(path) & {"prefect", "httpx", "aiohttp", "requests", "socket", "time", "sqlite3"}, (
            named(path)
        )
        assert ".now(" not in path.read_text("utf-8"), named(path)


def test_prefect_is_imported_in_flow_files_only() -> None:
    for path in files(*ROOMS):
        if named(path) not in PREFECT_MAY:
            assert "prefect" not in tops(path), named(path)


WIRE = ("connectors/departing.py", "connectors/http.py")


def test_httpx_is_imported_in_the_wire_and_destinations_only() -> None:
    for path in files(*ROOMS):
        if named(path) not in WIRE and path.parent.name != "destinations":
            assert not tops(path) & {"httpx", "httpx_aiohttp"}, named(path)
            # what is served on this machine, and asks nobody
            serves = path.parent.name == "sandbox" or named(path) in (
                "flows/review/door.py",
                "flows/review/server.py",
            )
            assert "aiohttp" not in tops(path) or serves, named(path)


def test_destinations_know_no_pandas_and_no_source_knows_a_destination() -> None:
    for path in files("connectors"):
        if path.parent.name == "destinations":
            assert "pandas" not in tops(path), named(path)
            assert not any("connectors.sources" in name for name in imports(path)), named(path)
        if path.parent.name == "sources":
            assert not any("connectors.destinations" in name for name in imports(path)), named(path)


def test_flow_files_define_no_classes() -> None:
    for name in FLOW_FILES:
        assert not [node for node in ast.walk(parsed(ROOT / name)) if isinstance(node, ast.ClassDef)], name


def test_no_file_is_named_for_a_pattern() -> None:
    for path in files(*ROOMS):
        assert not re.fullmatch(r"(utils?|helpers?|managers?|common|core|misc)", path.stem), named(path)


@pytest.mark.parametrize("word", ["drift", "helper", "manager"])
def test_people_never_read_words_that_are_not_ours(word: str) -> None:
    for path in [*files(*ROOMS), ROOT / "README.md", *(ROOT / "mappings").glob("*.yml")]:
        assert not re.search(rf"\b{word}s?\b", path.read_text("utf-8"), re.IGNORECASE), named(path)


def test_every_public_module_says_what_it_is() -> None:
    for path in files(*ROOMS):
        assert ast.get_docstring(parsed(path)), named(path)


def test_nothing_names_an_index_or_a_path_of_one_machine() -> None:
    for path in [*files(*ROOMS, "tests", "benchmarks", "sample_data"), *ROOT.glob("*.*"), ROOT / "Makefile"]:
        if path.is_file() and path.name != "test_architecture.py" and ".venv" not in str(path):
            text = path.read_text("utf-8", "ignore")
            assert not re.search(r"index-url|/work/|/opt/pypi|pypi\.org", text), named(path)
