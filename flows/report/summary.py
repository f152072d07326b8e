"""What a run came to: `Summary` is `summary.json`, `Details` is what only the page shows.

The keys of `Summary` are a contract. They change together with `schema_version` and the JSON Schema beside this
file, which `python -m flows.report.summary` prints.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from flows.report.vanished import VanishedFacts

__all__ = [
    "NEED_A_PERSON",
    "Column",
    "Compared",
    "Comparison",
    "Corrected",
    "Count",
    "DestinationFacts",
    "Details",
    "FieldChange",
    "Guard",
    "Interruption",
    "ListingFacts",
    "MappingEdited",
    "MappingFacts",
    "Model",
    "OddLine",
    "Outcomes",
    "Override",
    "PreviousFacts",
    "ProblemGroup",
    "Rate",
    "Reason",
    "RehearsalFacts",
    "SourceFacts",
    "Status",
    "Summary",
    "Twice",
    "Undoable",
    "UnseenValue",
    "schema",
    "still_unclear",
    "verdict",
]

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Status = Literal[
    "planned", "finished", "limited", "guarded", "stopped", "interrupted", "superseded", "not_started"
]
"""How the run ended: `limited` by `--limit` or `--only`, `guarded` before the first request, `stopped` by the
failure limit or the breaker, `superseded` by another run before it was resumed. Whether it balances is said by `balanced`."""
State = Literal["new", "known", "accepted", "solved"]
"""A group of problems compared with the previous run of the same mapping."""

NEED_A_PERSON = ("invalid", "refused", "failed", "unknown")


class Model(BaseModel):
    """A part of what is written down: unknown keys are refused, nothing changes any more."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


class Outcomes(Model):
    """How many rows ended in each outcome. Every name is always there."""

    created: Count = 0
    updated: Count = 0
    upserted: Count = 0
    unchanged: Count = 0
    filtered: Count = 0
    duplicate: Count = 0
    protected: Count = 0
    invalid: Count = 0
    refused: Count = 0
    failed: Count = 0
    unknown: Count = 0
    unsent: Count = 0

    def of(self, *names: str) -> int:
        """The sum of some outcomes, of all of them without names."""
        return sum(int(getattr(self, name)) for name in names or type(self).model_fields)


class MappingFacts(Model):
    name: str
    sha256: str


class SourceFacts(Model):
    path: str
    sha256: str
    rows_read: Count


class DestinationFacts(Model):
    kind: str
    account: str
    base_url: str

    @field_validator("base_url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


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


class Guard(Model):
    """What a guard counted. It trips where both its share and its floor are passed, unless it was allowed.

    Shares are between 0 and 1: `limit_share` 0.5 is half of the rows. `limit_of` says whose the limit is. One that is
    `typed` trips at any count, and is allowed only where exactly that number was named; `allowed_count` is what was named.
    """

    name: str
    count: Count
    share: Rate
    limit_share: Rate
    floor: Count
    tripped: bool
    allowed: bool
    limit_of: Literal["default", "mapping"] = "default"
    typed: bool = False
    allowed_count: Count | None = None


class Override(Model):
    """A guard that let more pass than its default does, or something that had to be allowed by name.

    `by` is who said so: the `mapping`, the `person` who started the run, or a person `earlier`, for this version of the
    mapping. `count` is how many it was about. `who` and `why` are what a person gave who approved it; '' where nobody was asked.
    """

    name: str
    what: Literal["guard", "permission"]
    count: Count
    by: Literal["mapping", "person", "earlier"]
    who: str = ""
    why: str = ""


class MappingEdited(Model):
    """How the mapping differs from the one of the last complete run: top-level keys, and merge tags as `fields.city`.

    `look_at` are those that decide about people, each with what that means.
    """

    since_run: str
    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    look_at: dict[str, str] = {}


class Requests(Model):
    """What went over the wire; milliseconds until the answer, none where nothing was asked."""

    sent: Count = 0
    retried: Count = 0
    throttled: Count = 0
    p50_ms: Rate | None = None
    p95_ms: Rate | None = None


class Pace(Model):
    allowed_per_second: Rate | None = None
    achieved_per_second: Rate | None = None


class Consent(Model):
    """Rows left alone for the person's sake, opt-outs that were carried to the destination, and people who were subscribed again."""

    protected: Count = 0
    opted_out: Count = 0
    subscribed_again: Count = 0


class RehearsalFacts(Model):
    """Of a run into a sandbox that is like the account at `base_url`, where nothing was changed.

    `requests_read` asked the account; `contacts_copied` of its contacts were in the sandbox, null: none, everybody was a newcomer. The
    rehearsal's requests would take `minutes` there, at `per_second`. `would_ask` is what a sync asks before it sends anything.
    """

    base_url: str
    requests_read: Count
    contacts_copied: Count | None
    minutes: Rate
    per_second: Rate
    would_ask: str = ""


class Corrected(Model):
    """Cells of the source that were corrected as retries have corrected them before, in all and by column."""

    cells: Count = 0
    rows: Count = 0
    columns: dict[str, Count] = {}


class Interruption(Model):
    """When a run was interrupted, and when it was resumed.

    `how`: `interrupted` by a person, `stopped` (see the exit code), `failed`, or `cut off` where its process was killed; `at` is
    the last sign of it then. `answered` rows had their answer when it was resumed; `unclear` rows may have been sent and had
    none: they were settled first.
    """

    at: AwareDatetime
    how: Literal["interrupted", "stopped", "failed", "finished", "cut off"]
    resumed_at: AwareDatetime
    answered: Count
    unclear: Count


class ListingFacts(Model):
    """How the contacts were read of a destination that has no look-up.

    `contacts` are there on `pages`, of which `read` were read. `hours_old` is the age of the list in the ledger that told
    of the others, none where all pages were read; `why` says why they were. `twice` addresses have several contacts there.
    """

    contacts: Count
    pages: Count
    read: Count
    hours_old: Rate | None = None
    why: str = ""
    twice: Count = 0


class Undoable(Model):
    """What `muster undo` could put back of a run, in rows that landed.

    `updated` contacts are put back as they were; `created` ones are deleted where `deletes`, else tagged. How `not_known` ones
    were before nobody looked. `opted_out` people are subscribed again only where their number is typed.
    """

    updated: Count = 0
    created: Count = 0
    deletes: bool = False
    not_known: Count = 0
    opted_out: Count = 0


class Summary(Model):
    """A run in numbers: `summary.json`."""

    schema_version: Literal["1"] = "1"
    run_id: str
    mapping: MappingFacts
    source: SourceFacts
    destination: DestinationFacts
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    status: Status
    outcomes: Outcomes
    balanced: bool
    problems: list[ProblemGroup] = []
    previous: PreviousFacts | None = None
    warnings: dict[str, Count] = {}
    guards: list[Guard] = []
    overrides: list[str] = []
    override_details: list[Override] = []
    mapping_edited: MappingEdited | None = None
    kept_differently: dict[str, Count] = {}
    vanished: Count | None = None
    """People who were delivered earlier and are not in this complete source any more; none where nobody was looked for."""
    vanished_details: VanishedFacts | None = None
    requests: Requests = Requests()
    pace: Pace = Pace()
    consent: Consent = Consent()
    automations: dict[str, Count] = {}
    automation_reasons: dict[str, dict[str, Count]] = {}
    rehearsal: RehearsalFacts | None = None
    interruptions: list[Interruption] = []
    accepted: Count = 0
    """Rows among those that need a person whose problems were all accepted: nobody has to look at them again."""
    corrected: Corrected = Corrected()
    exit_code: Annotated[int, Field(ge=0, le=255)]
    follows: str | None = None
    """The run whose rows a retry sent again; none for a sync."""
    undoes: str | None = None
    """The run that this one puts back; none for any other."""
    acts_on: str | None = None
    """Of a run for vanished people: the sync that found them; none for any other."""
    undoable: Undoable | None = None
    """None of an undo and of a rehearsal."""

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"

    @property
    def unclear(self) -> int:
        """How many rows may have been sent before the run was cut short. A resume looks them up; no person has to."""
        return still_unclear(self.status, self.outcomes.unknown, rehearsed=self.rehearsal is not None)

    @property
    def needing(self) -> int:
        """How many rows a person has to look at: those that were accepted are not among them, nor those that a resume looks up."""
        return self.outcomes.of(*NEED_A_PERSON) - self.accepted - self.unclear


class Column(Model):
    """A column of the source: what became of it, and in how many of its rows it is filled."""

    name: str
    use: Literal["used", "ignored", "unmapped"]
    into: list[str] = []
    filled: Count
    rows: Count


class OddLine(Model):
    """Something odd about the file. `line` 0 is the file as a whole."""

    line: Count
    message: str


class Reason(Model):
    outcome: str
    reason: str
    count: Count


class UnseenValue(Model):
    """A value that stood in no `values:` table; `line` is what to add there."""

    field: str
    column: str
    value: str
    count: Count
    line: str


class Compared(Model):
    """An outcome as it was planned and as it came."""

    outcome: str
    planned: Count
    done: Count


class Comparison(Model):
    """What was planned and what was done. `plan` says when the plan that was named was made, '' where none was and the sync's own decisions count."""

    plan: str = ""
    estimated: bool = False
    outcomes: list[Compared] = []

    @property
    def differing(self) -> list[Compared]:
        return [one for one in self.outcomes if one.planned != one.done]


class Twice(Model):
    """An address that several contacts have at the destination, and their ids there."""

    address: str
    ids: list[str]


class FieldChange(Model):
    """A merge tag whose value changed for `count` contacts that were there, with pairs of old and new value; '' is blank."""

    tag: str
    count: Count
    examples: list[tuple[str, str]] = []


class Details(Model):
    """What the page shows beside the summary. `pace_series` holds (second since the start, answers in it).

    `changes` has the most frequent first. `kept_examples` are, by merge tag, pairs of what was sent and what is there.
    `new_rows` are the first thousand rows that need a person and did not in the same way in the previous run.
    """

    title: str
    mapping_path: str
    plan_only: bool = False
    columns: list[Column] = []
    oddities: list[OddLine] = []
    reasons: list[Reason] = []
    pace_series: list[tuple[int, int]] = []
    source_reading: dict[str, str] = {}
    newcomers: str = ""
    unseen: list[UnseenValue] = []
    comparison: Comparison | None = None
    listing: ListingFacts | None = None
    twice: list[Twice] = []
    changes: list[FieldChange] = []
    kept_examples: dict[str, list[tuple[str, str]]] = {}
    new_rows: list[int] | None = None


def still_unclear(status: str, unknown: int, *, rehearsed: bool = False) -> int:
    """Of the rows of a run without a clear answer those that its resume looks up.

    >>> still_unclear("interrupted", 3), still_unclear("needs_review", 3)
    (3, 0)
    """
    return unknown if status in ("interrupted", "stopped") and not rehearsed else 0


def verdict(summary: Summary) -> str:
    """The run in one sentence, or two where somebody has to do something; a rehearsal says so before anything else."""
    if summary.rehearsal is None:
        return _verdict(summary)
    tripped = [f"`{guard.name}`" for guard in summary.guards if guard.tripped and not guard.allowed]
    stops = f" A sync would be stopped before it sends anything: {_list(*tripped)}." if tripped else ""
    return f"A rehearsal, nothing was changed in the account. In the sandbox: {_verdict(summary)}{stops}"


def _verdict(summary: Summary) -> str:
    outcomes, read = summary.outcomes, summary.source.rows_read
    look, unsent, unclear = summary.needing, outcomes.unsent, summary.unclear
    settled = outcomes.of() - outcomes.of(*NEED_A_PERSON) - unsent
    known = _accepted(summary.accepted)
    if not summary.balanced:
        return (
            f"This run does not balance: {_rows(read)} were read, but {outcomes.of():,} are accounted for. "
            "That is a bug in muster; please report it."
        )
    if summary.status == "not_started":
        return "The run could not start, and nothing was sent."
    if summary.status == "guarded":
        return _guarded(summary)
    if not read:
        return "The file has no rows, so there was nothing to send."
    if summary.status == "planned":
        return _planned(settled, look, unsent, read)
    there = _there(settled, read) if summary.undoes is None else _put_back(summary)
    if summary.acts_on is not None:
        there = f"{settled:,} of {read:,} people who vanished in the run {summary.acts_on} are seen to"
    if summary.status == "interrupted":
        next_time = "A rehearsal begins anew each time" if summary.rehearsal is not None else _resume(unclear)
        return f"Interrupted: {_list(there, _need(look), known, _maybe_sent(unclear), _waiting(unsent))}. {next_time}."
    if summary.status == "stopped":
        return f"Stopped: {_list(there, _need(look), known, _maybe_sent(unclear), _waiting(unsent))}. {_resume(unclear)}."
    if summary.status == "superseded":
        return f"Superseded by another run: {_list(there, _need(look), known, _waiting(unsent))}."
    if summary.status == "limited" and unsent:
        return f"Stopped at the limit you set: {_list(there, _need(look), known, _waiting(unsent))}."
    if not look and not unsent and not known and summary.undoes is None and summary.acts_on is None:
        return (
            "The one row is where it should be."
            if read == 1
            else f"All {read:,} rows are where they should be."
        )
    return "; ".join(part for part in (there, _need(look), known, _waiting(unsent)) if part) + "."


def _guarded(summary: Summary) -> str:
    tripped = [guard for guard in summary.guards if guard.tripped and not guard.allowed]
    names = _list(*(f"`{guard.name}`" for guard in tripped))
    whose = {0: "a guard", 1: f"the guard {names}"}.get(len(tripped), f"the guards {names}")
    sent = summary.outcomes.of("created", "updated", "upserted", "refused", "failed", "unknown")
    when = "" if sent else " before anything was sent"
    why = _list(*map(_over, tripped))
    return f"Stopped by {whose}{when}" + (f": {why}." if why else ".")


def _over(guard: Guard) -> str:
    if guard.typed:
        named = (
            "no number was named"
            if guard.allowed_count is None
            else f"the number {guard.allowed_count:,} was named"
        )
        return f"{guard.count:,} were counted, and {named}"
    most = "" if guard.allowed_count is None else f", and {guard.allowed_count:,} were allowed"
    return f"{_percent(guard.share)} where {_percent(guard.limit_share)} is the limit{most}"


def _planned(settled: int, look: int, unsent: int, read: int) -> str:
    would = f"{settled:,} of {_rows(read)} would end where {_they(read)} should be"
    parts = [
        would,
        f"{look:,} would need a person" if look else "",
        f"{unsent:,} would wait" if unsent else "",
    ]
    return "A plan, nothing was sent: " + _list(*parts) + "."


def _there(settled: int, read: int) -> str:
    return f"{settled:,} of {_rows(read)} {'is' if settled == 1 else 'are'} where {_they(settled)} should be"


def _put_back(summary: Summary) -> str:
    """Of an undo: how many of the run's rows are put back, and how many are left as they are."""
    outcomes, read = summary.outcomes, summary.source.rows_read
    back, left = outcomes.of("updated", "unchanged"), outcomes.protected
    said = f"{back:,} of {_rows(read)} of the run {summary.undoes} {'is' if back == 1 else 'are'} put back"
    return said + (
        f", {left:,} {'is' if left == 1 else 'are'} left as {_they(left)} {'is' if left == 1 else 'are'}"
        if left
        else ""
    )


def _they(count: int) -> str:
    return "it" if count == 1 else "they"


def _need(look: int) -> str:
    return "" if not look else f"{look:,} {'needs' if look == 1 else 'need'} a person"


def _accepted(count: int) -> str:
    return (
        ""
        if not count
        else f"{count:,} with accepted problems {'was' if count == 1 else 'were'} left as {_it(count)}"
    )


def _it(count: int) -> str:
    return "it is" if count == 1 else "they are"


def _waiting(unsent: int) -> str:
    return "" if not unsent else f"{unsent:,} {'was' if unsent == 1 else 'were'} not sent"


def _maybe_sent(unclear: int) -> str:
    return "" if not unclear else f"{unclear:,} may have been sent"


def _resume(unclear: int) -> str:
    looks = "" if not unclear else f"looks up {_those(unclear)} and "
    return f"`muster resume` {looks}goes on from here"


def _those(count: int) -> str:
    return "that one" if count == 1 else "those"


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _list(*parts: str) -> str:
    said = [part for part in parts if part]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _percent(share: float) -> str:
    return f"{share * 100:.1f}".removesuffix(".0") + "%"


def schema() -> str:
    """The JSON Schema of `summary.json`, as it is committed beside this file."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `python -m flows.report.summary`; a test compares it with the model.",
    }
    body = Summary.model_json_schema(mode="serialization")
    return json.dumps(head | body, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":  # pragma: no cover
    print(schema(), end="")  # noqa: T201 - this is what the module does when it is run
