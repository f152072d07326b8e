"""Whether a file that was dropped can be retried; why not, in words for somebody who has no shell."""

from __future__ import annotations

from pathlib import Path

from connectors.errors import CannotStart, SourceError
from flows.ledger import Ledger
from flows.report.returned import read_returned
from flows.retry import Retry, open_retry
from mappings.engine.document import Mapping

__all__ = ["LARGEST", "SENTENCES", "Unusable", "retry_of"]

LARGEST = 200 * 2**20
"""Bytes; a workbook of failures has a hundredth of that."""
SENTENCES = {
    "lock": "it is only what a spreadsheet program keeps while a file is open",
    "too_large": "it is too large for a file of failures",
    "password": "it is protected by a password",
    "unreadable": "it is no file of failures that can be read",
    "unknown_run": "its run is not known here",
    "other_mapping": "it is of another mapping",
    "rows": "its rows do not fit the run that they are of",
    "guard": "a guard stopped it",
    "needs_answer": "something has to be allowed by a person at a terminal",
}
"""Why a file was not used, without a word of what is in it: for alerts."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_TAKE = (
    "Take the failures.xlsx of the run's report, correct its cells there, and leave the columns _run and _row as they are: "
    "they say which row it is."
)


class Unusable(CannotStart):
    """A file that cannot be used. `code` is one of SENTENCES; `what` and `fix` are for the person who dropped it."""

    def __init__(self, code: str, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.code = code


def retry_of(file: Path, name: str, mapping: Mapping, ledger: Ledger) -> Retry:
    """The rows of a file called `name`, to be sent again. Raises Unusable."""
    if _is_encrypted(file):
        raise Unusable(
            "password",
            f"{name} is protected by a password, so that it cannot be read.",
            "Save it without a password, then drop it again.",
        )
    try:
        run_id = read_returned(file).run
    except SourceError as error:
        raise Unusable("unreadable", _named(error.what, file, name), _without_shell(error.fix)) from None
    run = ledger.runs.get(run_id)
    if run is None or run.id != run_id:
        raise Unusable(
            "unknown_run",
            f"{name} is of the run {run_id}, which is not known here.",
            f"Take the failures.xlsx of a run of {mapping.name}: its column _run says which one it is of.",
        )
    if run.mapping != mapping.name:
        raise Unusable(
            "other_mapping",
            f"{name} has rows of {run.mapping}, and this folder is for {mapping.name}.",
            f"Drop it into the folder of {run.mapping}.",
        )
    try:
        return open_retry(file, mapping.file)
    except CannotStart as error:
        raise Unusable("rows", _named(error.what, file, name), _without_shell(error.fix)) from None


def _is_encrypted(file: Path) -> bool:
    """Whether it is a workbook that asks for a password: an old container with the new file inside, unreadable."""
    with file.open("rb") as opened:
        begins = opened.read(8)
        return begins == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" and _ENCRYPTED in begins + opened.read(LARGEST)


def _named(what: str, file: Path, name: str) -> str:
    return what.replace(str(file), name)


def _without_shell(fix: str) -> str:
    """What to do next, for who can type no command."""
    return _TAKE if not fix or "muster " in fix or "failures.csv from" in fix else fix
