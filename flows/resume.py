"""A resume before it begins: which interrupted run it goes on with, and what that run was begun with.

A run that may send writes down what it was begun with. Whoever goes on with it takes that, the mapping's text and the
rows as they were read then; what became of the files meanwhile is another run's matter.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from connectors.base import Oddity, SourceFacts
from connectors.errors import CannotStart, MappingError
from flows.depot import folder_of
from flows.guards import Verdict
from flows.ledger import Account, Run
from flows.options import Options
from flows.permissions import Permission
from flows.report.mapping_edited import MappingEdited
from flows.spool import Spool
from mappings.engine import document
from mappings.engine.complaints import MappingInvalid
from mappings.engine.frame import Frame
from mappings.engine.reading import read_mapping_text

__all__ = ["Begun", "Resume", "Spooled"]


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run was begun with, as the ledger keeps it: asked for, judged and allowed before its first request.

    `today` is the day from which its spans of time are counted. `surveyed`: the destination was read before, so that who was not found was not there.
    """

    options: Options
    guards: tuple[Verdict, ...]
    permissions: tuple[Permission, ...]
    edited: MappingEdited | None
    new_columns: tuple[str, ...]
    reading: Mapping[str, str]
    oddities: tuple[Oddity, ...]
    today: dt.date
    attempt: int
    surveyed: bool

    def written(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "options": {
                "limit": self.options.limit,
                "only": self.options.only,
                "resend": self.options.resend,
                "allow": sorted(self.options.allow),
                "who": self.options.who,
                "why": self.options.why,
                "opt_outs_only": self.options.opt_outs_only,
                "corrections": self.options.corrections,
                "undo_tag": self.options.undo_tag,
                "unsubscribe_created": self.options.unsubscribe_created,
            },
            "guards": [dataclasses.asdict(one) for one in self.guards],
            "permissions": [dataclasses.asdict(one) for one in self.permissions],
            "edited": None if self.edited is None else self.edited.model_dump(mode="json"),
            "new_columns": list(self.new_columns),
            "reading": dict(self.reading),
            "oddities": [dataclasses.asdict(one) for one in self.oddities],
            "today": self.today.isoformat(),
            "attempt": self.attempt,
            "surveyed": self.surveyed,
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        options = dict(written["options"])
        return cls(
            options=Options(**{**options, "allow": frozenset(options["allow"])}),
            guards=tuple(Verdict(**one) for one in written["guards"]),
            permissions=tuple(Permission(**one) for one in written["permissions"]),
            edited=MappingEdited.model_validate(written["edited"]) if written["edited"] else None,
            new_columns=tuple(written["new_columns"]),
            reading=written["reading"],
            oddities=tuple(Oddity(**one) for one in written["oddities"]),
            today=dt.date.fromisoformat(written["today"]),
            attempt=written["attempt"],
            surveyed=written["surveyed"],
        )


class Spooled:
    """The rows of a run as it read them; see connectors.base.Source."""

    def __init__(self, run: Run, begun: Begun, spool: Spool) -> None:
        self.path = Path(run.source_path)
        self.header = spool.header
        self.facts = SourceFacts()
        self.oddities = list(begun.oddities)
        self.sha256 = run.source_sha256
        self.size = 0
        self.reading: Mapping[str, Any] = begun.reading
        self._spool = spool

    def frames(self) -> Iterator[Frame]:
        for number, _, _ in self._spool.parts():
            yield self._spool.frame(number)


@dataclass(frozen=True, slots=True)
class Resume:
    """The run to go on with, in the ledger of `home`. `closing`: only what may have been sent is settled, nothing is sent."""

    run: Run
    home: Path
    text: str
    begun: Begun
    spool: Spool
    closing: bool = False

    @classmethod
    def of(cls, run: Run, home: Path, text: str, *, closing: bool = False) -> Self:
        """Raises SourceError where the run's rows are not kept any more."""
        return cls(
            run, home, text, Begun.read(run.begun), Spool.kept(folder_of(run) / "spool"), closing=closing
        )

    @property
    def mapping_path(self) -> Path:
        """Where the mapping's file was, whatever is there now: settings and suppression files are looked for beside it."""
        return Path(self.run.mapping_path)

    def options(self, report_dir: Path | None = None, allow: Collection[str] = ()) -> Options:
        """What was asked for then. Of what is allowed now only the failure limit is asked again."""
        more = frozenset(allow) & {"failures"}
        begun = self.begun.options
        return dataclasses.replace(begun, report_dir=report_dir, allow=begun.allow | more)

    def mapping(self) -> document.Mapping:
        """The mapping as it was. Raises MappingError where this version of muster reads it otherwise."""
        try:
            return read_mapping_text(self.text, str(self.mapping_path))
        except MappingInvalid as error:
            raise MappingError(
                f"The mapping of the run {self.run.id} is not valid any more: {error}", ""
            ) from None

    def source(self) -> Spooled:
        return Spooled(self.run, self.begun, self.spool)

    def refuse_another(self, account: Account) -> None:
        """Raises CannotStart where the settings lead to another account now than the run's."""
        if not account.key_changed and account.id != self.run.account:
            raise CannotStart(
                f"The run {self.run.id} went to another account than {account.kind}, {account.name} at {account.base_url}.",
                "Set the address and the key that it was begun with.",
            )
