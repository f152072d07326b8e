"""A kind of problem, by the code that documentation, reports and mappings call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Code", "Severity"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem. `message` and `fix` are templates, filled from the row's own details.

    `who` says who can act: the owner of the data, the owner of the mapping, nobody because muster tries again,
    whoever looks after the account, or the same and then a plain retry of the rows as they are.
    """

    name: str
    severity: Severity
    message: str
    fix: str
    who: Literal["data", "mapping", "retried", "account", "retry"] = "data"
