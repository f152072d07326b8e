"""The approval of a run that a guard stopped: who, why, yes or no, and what that opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from flows.ledger import Run
from flows.report.guard import Guard

__all__ = ["Approval", "Approved", "opened_by", "question_about", "tripped", "why_not"]


class Approval(BaseModel):
    """What a person fills in. It is kept with the run: name and reason stand in its report."""

    name: Annotated[
        str, Field(title="Your name", description="It is kept with the run", min_length=2, max_length=100)
    ]
    reason: Annotated[
        str,
        Field(title="Why this is right", description="It is kept with the run", min_length=3, max_length=500),
    ]
    allow: Annotated[
        bool,
        Field(
            title="Let it pass",
            description="Yes: the run starts again with these counts allowed. No: it stays stopped",
        ),
    ] = False
    number: Annotated[
        int | None, Field(title="The number", description="Of a guard that is opened by its number alone: the number it counted", ge=0)
    ] = None  # fmt: skip


@dataclass(frozen=True, slots=True)
class Approved:
    """What a person has let pass, as `--allow` names it."""

    allow: frozenset[str]
    who: str
    why: str


def tripped(run: Run) -> list[Guard]:
    """The guards that stopped a run."""
    guards = [Guard.model_validate(one) for one in run.summary.get("guards", ())]
    return [one for one in guards if one.tripped and not one.allowed]


def question_about(run: Run, sentence: str) -> str:
    """What a person is asked about a run that its guards stopped. Counts only."""
    lines = [
        f"- `{one.name}` counted {one.count:,}{', and wants that number' if one.typed else ''}"
        for one in tripped(run)
    ]
    report = f"{run.folder}/report.html"
    return (
        f"{sentence}\n\n"
        + "\n".join(lines)
        + f"\n\nLook at the report first: `{report}`, or where that is not there: `muster report {run.id}`"
    )


def why_not(answer: Any, run: Run) -> str:
    """Why an answer lets nothing pass, in a sentence; '' where it does."""
    if not answer.allow:
        return "A person did not let it pass; nothing was sent. Start it anew, or with allow, when the file is right."
    wanted = [one.count for one in tripped(run) if one.typed]
    if len(wanted) > 1:
        return "Several guards want their numbers, and a form takes one; nothing was sent. Start it anew with allow NAME=N for each."
    if wanted and answer.number not in wanted:
        return "The number that was typed is not the one that was counted; nothing was sent. Start it anew to be asked again."
    return ""


def opened_by(answer: Any, run: Run) -> Approved:
    """Up to the counts that were seen, and no further: what is counted anew and is more stops the run again."""
    names = frozenset(f"{one.name}={one.count}" for one in tripped(run))
    return Approved(names, answer.name.strip(), answer.reason.strip())
