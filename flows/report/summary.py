"""What a run came to, in numbers: `Summary` is `summary.json`.

Its keys are a contract. They change together with `schema_version` and the JSON Schema beside this
file, which `python -m flows.report.summary` prints.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AwareDatetime, Field, field_validator

from flows.report.guard import Guard, Override
from flows.report.mapping_edited import MappingEdited
from flows.report.model import Count, Model, Rate
from flows.report.outcomes import NEED_A_PERSON, Outcomes, still_unclear
from flows.report.problem_group import PreviousFacts, ProblemGroup
from flows.report.vanished import VanishedFacts

__all__ = [
    "Corrected",
    "DestinationFacts",
    "Interruption",
    "MappingFacts",
    "RehearsalFacts",
    "SourceFacts",
    "Status",
    "Summary",
    "Undoable",
    "schema",
]

Status = Literal[
    "planned", "finished", "limited", "guarded", "stopped", "interrupted", "superseded", "not_started"
]
"""How the run ended: `limited` by `--limit` or `--only`, `guarded` before the first request, `stopped` by the
failure limit or the breaker, `superseded` by another run before it was resumed. Whether it balances is said by `balanced`."""


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
