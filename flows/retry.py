"""A retry before it begins: which run the file is of, where that run's ledger and mapping are, and whether they still fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Source
from connectors.errors import CannotStart, SourceError
from connectors.sources.recognising import facts_of
from flows.depot import folder_of
from flows.ledger import Account, Run
from flows.ledger.database import NAME
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.repair import Repair
from flows.report.returned import read_returned
from flows.settings import Settings, find_mapping
from flows.settled_rows import settled_rows
from mappings.engine.document import Mapping

__all__ = ["Retry", "open_retry"]

_RUN = re.compile(r"[0-9]{8}(?:-[0-9]{0,6}(?:-[0-9a-z]{0,4})?)?")
"""A run's id, or the beginning of it."""
_WHOLE = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-z]{4}")


@dataclass(frozen=True, slots=True)
class Retry:
    """Rows of the run `follows`, to be sent again through the mapping as it is now at `mapping`."""

    follows: Run
    home: Path
    mapping: Path
    repair: Repair

    def source_of(self, mapping: Mapping) -> Source:
        """The rows, with what the mapping's kind of source is known to hold. Raises CannotStart for another mapping."""
        if mapping.name != self.follows.mapping:
            raise CannotStart(
                f"{self.mapping} is the mapping {mapping.name}, and the run {self.follows.id} was one of {self.follows.mapping}.",
                "Give it its name: again, or name the right file with --mapping.",
            )
        self.repair.facts = facts_of(mapping.source.kind, self.repair.header)
        return self.repair

    def refuse_another(self, account: Account) -> None:
        """Raises CannotStart where the mapping now leads to another account than the run's."""
        there = self.follows.summary["destination"]
        before = (there["kind"], there["account"], there["base_url"])
        now = (account.kind, account.name, account.base_url)
        if before != now:
            raise CannotStart(
                f"The run {self.follows.id} went to {before[0]}, {before[1]} at {before[2]}; "
                f"now it would be {now[0]}, {now[1]} at {now[2]}.",
                "Rows are retried where they came from: set that account again, or sync the source to the new one.",
            )
        if not account.key_changed and account.id != self.follows.account:
            raise CannotStart(
                f"The key of {account.kind}, {account.name} belongs to another workspace than in the run {self.follows.id}.",
                "Set the key of that workspace, or sync the source to the new one.",
            )


def open_retry(given: Path, mapping_given: str | None = None, *, as_typed: bool = False) -> Retry:
    """What is to be retried: the rows in a returned file, or those of a run, named by its id, the beginning of it or its folder.

    Nothing is held open. Raises CannotStart.
    """
    mapping = find_mapping(mapping_given) if mapping_given is not None else None
    path = given.expanduser().absolute()
    if _is_run(given) and not path.is_file():
        home, run, retries = _found_run(path, mapping)
        _refuse(run)
        repair = Repair.of_run(run.id, folder_of(run), settled_rows(retries))
    else:
        returned = read_returned(path)
        home, run, _ = _found(
            returned.run, _homes(path, mapping), f"{path}, line {int(returned.lines.min())}: the run"
        )
        _refuse(run)
        repair = Repair.of_file(returned, run.id, folder_of(run), as_typed=as_typed)
    return Retry(run, home, mapping or _mapping_of(run), repair)


def _is_run(given: Path) -> bool:
    return _RUN.fullmatch(given.name) is not None


def _found_run(path: Path, mapping: Path | None) -> tuple[Path, Run, list[Run]]:
    return _found(path.name, _homes(path / "failures.csv", mapping), "The run")


def _refuse(run: Run) -> None:
    """Raises CannotStart for a run without rows of a source that are known to have failed."""
    if run.undoes:
        raise CannotStart(
            f"The run {run.id} is an undo, whose rows are no rows of a source.",
            f"Start it again: muster undo {run.undoes}",
        )
    if not run.summary:
        raise CannotStart(
            f"The run {run.id} was cut off before its report was written.",
            f"Finish it first: muster resume {run.id}",
        )


def _found(run_id: str, homes: Iterator[Path], what: str) -> tuple[Path, Run, list[Run]]:
    """The ledger's home, the run in it, and its retries."""
    looked_in = []
    for home in dict.fromkeys(homes):
        if not there_is_a_ledger(home):
            continue
        looked_in.append(str(home / NAME))
        ledger = open_ledger(home)
        try:
            run = ledger.runs.get(run_id)
            retries = ledger.runs.retries(run.id) if run is not None else []
        finally:
            ledger.close()
        if run is not None:
            return home, run, retries
    where = f"the ledger {' and the ledger '.join(looked_in)}" if looked_in else "any ledger here"
    if _WHOLE.fullmatch(run_id) is None:
        raise SourceError(
            f"No run's name begins with {run_id} in {where}, or those of several do.",
            "muster runs lists them; give enough of it to tell one from the others.",
        )
    raise SourceError(
        f"{what} {run_id} is not known to {where}.",
        "Go to the folder of its mapping, set MUSTER_HOME, or name the mapping with --mapping.",
    )


def _homes(file: Path, mapping: Path | None) -> Iterator[Path]:
    """Where the run may be known: where the file lies, if that is a run's folder; by the mapping; by the working folder."""
    if file.parent.parent.name == "runs":
        yield file.parent.parent.parent
    if mapping is not None:
        yield Settings(mapping).home(mapping)
    yield Settings().home_here()


def _mapping_of(run: Run) -> Path:
    path = Path(run.mapping_path)
    if not run.mapping_path:
        raise CannotStart(
            f"The ledger does not know where the mapping {run.mapping} of the run {run.id} is.",
            "Name its file with --mapping.",
        )
    if not path.is_file():
        raise CannotStart(
            f"The mapping {run.mapping} of the run {run.id} is not in {path} any more.",
            "Name its file with --mapping.",
        )
    return path
