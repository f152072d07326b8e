"""A key that is not accepted: nothing more is sent, and the key is nowhere to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import CredentialsError
from flows.conformance.bench import KEY, LANDED, Bench, said

WRONG = "wrong-key-of-the-conformance-suite"


def holding(folder: Path, key: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


def test_with_a_wrong_key_nothing_is_sent_and_the_key_is_not_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{bench.kind.upper()}_API_KEY", WRONG)
    with pytest.raises(CredentialsError) as refused:
        bench.sync(bench.row(1))
    assert refused.value.exit_code == 2
    assert WRONG not in str(refused.value)
    assert not holding(bench.folder, WRONG)
    assert not bench.people()


def test_without_a_key_nobody_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{bench.kind.upper()}_API_KEY")
    with pytest.raises(CredentialsError, match=f"Set {bench.kind.upper()}_API_KEY"):
        bench.sync(bench.row(1))
    assert bench.server.requests()["received"] == 0


def test_a_key_that_is_revoked_meanwhile_stops_the_run_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.after_writes(3, lambda: bench.sandbox.switch({"keys": "another"}))
    rows = [bench.row(number) for number in range(1, 31)]
    ended = bench.sync(*rows)
    assert ended.exit_code == 3
    assert set(ended.per_row) <= {*LANDED, "unsent"}, said(ended)
    landed = sum(outcome in LANDED for outcome in ended.per_row)
    assert landed == len(bench.people()) == bench.server.requests()["applied"] == 3
    assert not holding(bench.folder, KEY)
    assert not any(KEY in line for line in [*ended.said, *map(str, ended.rows)])
    bench.server.switch(keys=KEY)
    bench.lands(*rows)
    assert len(bench.people()) == 30
