"""The sample files are made without muster: no module of `sample_data` needs more than the standard library."""

import ast
import sys
from pathlib import Path

import pytest

import sample_data

MODULES = sorted(Path(sample_data.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_needs_only_the_standard_library_and_its_neighbours(path: Path) -> None:
    used: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            used |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            used.add(str(node.module).split(".")[0])
    assert used <= {*sys.stdlib_module_names, "sample_data"}
