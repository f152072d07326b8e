"""Who vanished from a complete source, in numbers and a sentence: beside the balance, since they are no rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flows.report.model import Count, Model

__all__ = ["VANISHED_FILE", "VanishedFacts", "vanished_said", "worst_code"]

VANISHED_FILE = "vanished.csv"


class VanishedFacts(Model):
    """People who were delivered earlier and are in no row that is kept. `people` are `absent` and `filtered`."""

    people: Count = 0
    absent: Count = 0
    filtered: Count = 0
    new: Annotated[Count, Field(description="those whom this run misses for the first time")] = 0
    done_before: Annotated[
        Count, Field(description="those for whom an earlier run did what the mapping says")
    ] = 0
    back: Annotated[Count, Field(description="people who had vanished and are in the source again")] = 0
    not_judged: Annotated[str, Field(description="why nobody counts as vanished; '' where they do")] = ""
    says: Annotated[str, Field(description="what the mapping does with them; '' where they are reported")] = (
        ""
    )
    withheld: Annotated[str, Field(description="why that was not done; '' where nothing forbade it")] = ""
    run: Annotated[str | None, Field(description="the run that did it")] = None
    outcomes: Annotated[
        dict[str, Count], Field(description="what became of them in that run, by outcome")
    ] = {}
    exit_code: Annotated[int, Field(ge=0, le=255, description="that run's")] = 0
    requests: Annotated[
        Count | None,
        Field(description="that run's; of a plan those that it would take, None where nobody could look"),
    ] = None
    automations: Annotated[
        dict[str, Count], Field(description="at most so many started there in that run, or would")
    ] = {}


def vanished_said(facts: VanishedFacts | None, *, plan: bool = False) -> list[str]:
    """What there is to say of them, a sentence or two for each matter; nothing where nobody was looked for.

    >>> vanished_said(VanishedFacts(people=1, filtered=1, new=1))
    ['1 person was delivered earlier and is not in this source any more (1 filtered out). Nothing is done with them but this report.']
    """
    if facts is None:
        return []
    if facts.not_judged:
        return [f"Nobody counts as vanished: {facts.not_judged}."]
    said = []
    if facts.people:
        who = "1 person was" if facts.people == 1 else f"{facts.people:,} people were"
        is_ = "is" if facts.people == 1 else "are"
        kinds = [(facts.absent, "absent"), (facts.filtered, "filtered out")]
        parts = ", ".join(f"{count:,} {word}" for count, word in kinds if count)
        line = f"{who} delivered earlier and {is_} not in this source any more ({parts})."
        said.append(f"{line} {_done(facts, plan=plan)}")
    if facts.back:
        said.append(
            f"{facts.back:,} who had vanished {'is' if facts.back == 1 else 'are'} in the source again."
        )
    return said


def worst_code(exit_code: int, facts: VanishedFacts | None) -> int:
    """The exit code of a sync, and of the run for vanished people that followed it: the latter's where the sync's is 0.

    >>> worst_code(0, VanishedFacts(exit_code=1)), worst_code(3, None)
    (1, 3)
    """
    return exit_code or (facts.exit_code if facts is not None else 0)


def _done(facts: VanishedFacts, *, plan: bool) -> str:
    if not facts.says:
        return "Nothing is done with them but this report."
    before = f" For {facts.done_before:,} it was done before." if facts.done_before else ""
    if facts.run is not None:
        became = ", ".join(f"{count:,} {outcome}" for outcome, count in facts.outcomes.items())
        return f"What the mapping says ({facts.says}) was done in the run {facts.run}: {became}.{_started(facts, 'Started')}{before}"
    if facts.withheld:
        return f"What the mapping says ({facts.says}) {'would not be' if plan else 'was not'} done: {facts.withheld}.{before}"
    left = facts.people - facts.done_before
    if not left:
        return f"What the mapping says ({facts.says}) was done before."
    if plan:
        takes = f" That takes {facts.requests:,} requests." if facts.requests is not None else ""
        starts = _started(facts, "It starts")
        return (
            f"A sync does with {left:,} of them what the mapping says: {facts.says}.{takes}{starts}{before}"
        )
    return f"What the mapping says ({facts.says}) is still to be done with {left:,} of them; the next sync does it.{before}"


def _started(facts: VanishedFacts, how: str) -> str:
    """The automations, where there are some."""
    names = ", ".join(f"{name} {count:,}" for name, count in facts.automations.items())
    return f" {how} at most: {names}." if names else ""
