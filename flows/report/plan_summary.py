"""A plan in numbers and examples: what `muster plan --json` prints, `-o` writes, and the page and the terminal show.

The keys are a contract and change together with `schema_version`. The examples are people's own values.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from flows.report.details import ListingFacts, OddLine, Reason, Twice, UnseenValue
from flows.report.guard import Guard
from flows.report.mapping_edited import MappingEdited
from flows.report.model import Count, Model, Rate
from flows.report.outcomes import Outcomes
from flows.report.problem_group import ProblemGroup
from flows.report.summary import Corrected, DestinationFacts, MappingFacts, SourceFacts
from flows.report.vanished import VanishedFacts

__all__ = ["PlanSummary"]


_EMPTY: Any = Field(default_factory=dict)
_NONE: Any = Field(default_factory=list)
Counts = Annotated[dict[str, Count], _EMPTY]


class Change(Model):
    """A value there and the one that takes its place; none is a blank."""

    old: Any = None
    new: Any = None


class Stay(Model):
    """A value that somebody changed there, and what the source has."""

    there: Any = None
    source: Any = None


class PlanGuard(Guard):
    """`near` is how much of the way to the limit is gone: from 1 on it trips. `asked` is false on a first run for some."""

    near: Rate
    asked: bool
    says: str


class PlanPermission(Model):
    """What has to be allowed by name; `by` is who has: `mapping`, `person`, `earlier`, '' nobody yet."""

    name: str
    count: Count
    says: str
    by: str = ""
    allowed_count: Count | None = None


class PlanProblem(ProblemGroup):
    """`example` is what is wrong with the first row of the group."""

    example: str = ""


class Chosen(Model):
    """The options that say which contacts a plan is about. `resend` is none, '' for everybody, or a key."""

    limit: int | None = None
    only: str | None = None
    resend: str | None = None
    opt_outs_only: bool = False
    no_corrections: bool = False
    allow: Annotated[list[str], _NONE]


class PlanConsent(Model):
    """`opt_outs`: people who may be mailed now and would not be any more; `newcomers`: the status they begin with."""

    protected: Count = 0
    protected_reasons: Counts
    opt_outs: Count = 0
    opt_ins: Annotated[Count, Field(description="people who opted out and would be subscribed again")] = 0
    newcomers: str = ""
    new_contacts: Annotated[Counts, Field(description="new contacts by the status they begin with")]


class PlanRequests(Model):
    """`planned` are for the contacts, `reading` for what is read first. `share_of_day` is of all that a day allows."""

    planned: Count = 0
    reading: Count = 0
    by_call: Counts
    per_second: Rate = 0
    share_of_day: Rate = 0


class Cost(Model):
    requests: Count
    minutes: Rate


class Names(Model):
    """Tags or lists by name: how many contacts get each, how many lose it, which the sync would create."""

    added: Counts
    removed: Counts
    created: Annotated[list[str], _NONE]


class NotUndoable(Model):
    """What no later run can put back: counts."""

    contacts_created: Count = 0
    opt_outs: Count = 0
    automations: Count = 0
    values_set: Count = Field(0, description="values set where there was none, and none can be emptied there")
    not_looked_up: Count = Field(
        0, description="sent without having been looked up, so that how they were is not known"
    )


class PlanSummary(Model):
    """A plan. With `estimated` the figures are scaled from `sampled` contacts; `about` names the outcomes that are."""

    schema_version: Literal["1"] = "1"
    made_at: AwareDatetime
    title: str = ""
    mapping: MappingFacts
    source: SourceFacts
    destination: DestinationFacts
    account_id: int = Field(
        description="which account it is in the ledger: another key may be another account"
    )
    ledger: str
    ledger_new: bool = Field(description="nothing was delivered from this ledger before")
    ledger_state: str = Field(description="the last run that changed what the ledger knows of the account")
    options: Chosen
    estimated: bool = False
    sampled: Count | None = None
    lookup_all: Cost | None = Field(
        None, description="what looking up everybody costs, where that was not done"
    )
    outcomes: Outcomes
    about: Annotated[list[str], _NONE]
    reasons: Annotated[list[Reason], _NONE]
    changes: Annotated[Counts, Field(description="contacts that change, by merge tag; newcomers not counted")]
    examples: Annotated[dict[str, list[Change]], _EMPTY]
    stays: Annotated[Counts, Field(description="changed there by hand and left, by merge tag")]
    stays_examples: Annotated[dict[str, list[Stay]], _EMPTY]
    emptied: Annotated[Counts, Field(description="contacts whose value is taken away, by merge tag")]
    tags: Names
    lists: Names
    consent: PlanConsent
    automations: Annotated[Counts, Field(description="at most so many start there")]
    automation_reasons: Annotated[
        dict[str, dict[str, Count]],
        _EMPTY,
        Field(description="the same by reason: a merge tag, a tag, a list, created"),
    ]
    permissions: Annotated[list[PlanPermission], _NONE]
    mapping_edited: MappingEdited | None = None
    requests: PlanRequests
    minutes: Rate = 0
    listing: ListingFacts | None = None
    twice: Annotated[
        list[Twice],
        Field(
            default_factory=list, description="the first of the addresses that several contacts have there"
        ),
    ]
    vanished: VanishedFacts | None = None
    guards: Annotated[list[PlanGuard], _NONE]
    not_undoable: NotUndoable
    problems: Annotated[list[PlanProblem], _NONE]
    accepted: Count = Field(0, description="rows among the invalid ones of which every problem was accepted")
    corrected: Corrected = Field(
        Corrected(), description="cells corrected as retries have corrected them before"
    )
    unseen: Annotated[list[UnseenValue], _NONE]
    warnings: Count = 0
    oddities: Annotated[list[OddLine], _NONE]
    unmapped: Annotated[list[str], _NONE]
    question: str = Field("", description="what a sync asks before it begins")
    exit_code: Annotated[int, Field(ge=0, le=255)]

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"

    @property
    def tripped(self) -> list[PlanGuard]:
        """The guards that would stop the sync."""
        return [guard for guard in self.guards if guard.tripped and not guard.allowed]

    @property
    def not_allowed(self) -> list[PlanPermission]:
        """What has to be allowed by name before a sync sends anything."""
        return [] if self.tripped else [one for one in self.permissions if not one.by]
