"""The problems of a run in groups of code and column, and how they compare with the previous run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flows.report.model import Count, Model

__all__ = ["PreviousFacts", "ProblemGroup"]

State = Literal["new", "known", "accepted", "solved"]
"""A group of problems compared with the previous run of the same mapping."""


class ProblemGroup(Model):
    """All problems of one code in one column. `count` rows have it; `rows` are the first ten of them.

    `new` of them did not have it in the previous run, none where there is nothing to compare with. The `state` is `known`
    where none is new. A `solved` group counts those who had it then, are in the source still and have it no more; its
    `rows` are those of the previous run.
    """

    code: str
    severity: Literal["error", "warning"]
    state: State = "new"
    column: str
    count: Count
    new: Count | None = None
    rows: Annotated[list[int], Field(max_length=10)]
    fix: str


class PreviousFacts(Model):
    """The rows that need a person, compared with the previous run: the last complete one of the mapping, for a retry the run that it follows.

    `compared` is false where its folder is gone. `new` rows have a problem that they did not have then, `known` rows have
    only what they had; `solved` had one then and are where they should be; `gone` had one, and are not in the source any
    more or cannot be recognised in it.
    """

    run_id: str
    compared: bool
    new: Count = 0
    known: Count = 0
    solved: Count = 0
    gone: Count = 0
