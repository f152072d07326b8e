"""Errors, named by what happens next.

    MusterError
    ├── CannotStart            nothing was sent; exit 2
    │   ├── SourceError        the file: where it is, how it is read
    │   ├── MappingError       the mapping: file, line and key are in the text
    │   ├── CredentialsError   the key is missing or was not accepted
    │   ├── Unreachable        nobody answered at that address
    │   │   └── LookUpRefused  the answer to a look-up says neither who is there nor that nobody is
    │   └── LedgerError        the ledger cannot be opened, is damaged, or is of a newer version
    ├── Stopped                the run goes no further; what was not sent is `unsent`; exit 3
    └── Busy                   another run of this mapping is at work; exit 2

What happens to a single contact is never an exception: it is an outcome with its problems.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "Busy",
    "CannotStart",
    "CredentialsError",
    "LedgerError",
    "LookUpRefused",
    "MappingError",
    "MusterError",
    "SourceError",
    "Stopped",
    "Unreachable",
]


class MusterError(Exception):
    """`what` happened and where; `fix` is what to do next; `facts` are for scripts. None ever holds a secret."""

    exit_code = 2

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.facts: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.what}\n  {self.fix}" if self.fix else self.what


class CannotStart(MusterError):  # noqa: N818 - it says what happens next
    """Nothing was sent."""


class SourceError(CannotStart):
    """The source cannot be found or read."""


class MappingError(CannotStart):
    """The mapping is wrong, or does not fit its source or its destination."""


class CredentialsError(CannotStart):
    """The key is missing, was refused, or may not be used from here.

    `unclear`: a request before it, of the same call, may have been applied.
    """

    unclear = False


class Unreachable(CannotStart):
    """No answer from the destination before anything was sent."""


class LookUpRefused(Unreachable):
    """The destination answered a look-up, but not with who is there, nor that nobody is."""


class LedgerError(CannotStart):
    """The ledger cannot be used as it is."""


class Busy(CannotStart):
    """Another run of the same mapping is at work."""


class Stopped(MusterError):  # noqa: N818 - it says what happens next
    """The run stopped itself; the rest is unsent."""

    exit_code = 3
