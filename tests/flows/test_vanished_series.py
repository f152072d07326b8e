"""A series of files, complete and not, good and bad, over a few people: who has vanished is what a plain model says, and nobody is harmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.conformance.ended import finish
from flows.ledger import Ledger, open_database
from flows.vanished.parting import parted
from tests.flows.conftest import Desk

Person = Callable[..., dict[str, str]]
COMPLETE = {"kind": "csv_file", "complete": True}
DONE = {"set": {"city": "Gone"}, "tags": {"remove": ["crm"]}, "unsubscribe": True}
ALLOWED = ("changes", "opt_outs", "invalid", "shrunk", "empty_source", "vanished")
HOW = ("there", "absent", "filtered", "invalid", "moved", "twice")
PEOPLE = (1, 2, 3)
FILES = st.lists(
    st.tuples(st.sampled_from(["whole", "whole", "part", "misread"]), st.tuples(*[st.sampled_from(HOW) for _ in PEOPLE])),
    min_size=2,
    max_size=4,
)  # fmt: skip


@dataclass
class Model:
    """What is known of each person: the address under which they were delivered last, and what became of them."""

    at: dict[int, str] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)

    def reads(self, kind: str, how: tuple[str, ...], rows: int) -> None:
        """Takes a file."""
        for number, there in zip(PEOPLE, how, strict=True):
            if there in ("there", "moved", "twice"):
                self.at[number] = address(number, there)
                self.missed.discard(number)
                self.done.discard(number)
        if kind == "whole" and rows:
            gone = {n for n, there in zip(PEOPLE, how, strict=True) if there in ("absent", "filtered")}
            self.missed = gone & self.at.keys()
            self.done = self.missed


def address(number: int, how: str) -> str:
    return f"new{number}@example.com" if how == "moved" else f"p{number}@example.com"


def rows_of(person: Person, number: int, how: str) -> list[dict[str, str]]:
    if how == "absent":
        return []
    cells = {"City": "Oslo", "Email": address(number, how)}
    if how == "filtered":
        cells["Keep"] = "no"
    if how == "invalid":
        cells["Score"] = "many"
    return [person(number, **cells)] * (2 if how == "twice" else 1)


ALL = ("there", "there", "there")
SECOND = ("there", "absent", "there")


@example(files=[("whole", ALL), ("whole", SECOND), ("part", ALL), ("whole", SECOND)])
@example(files=[("whole", ALL), ("whole", SECOND), ("part", ("there", "moved", "there")), ("whole", SECOND)])
@example(files=[("whole", ALL), ("whole", SECOND), ("misread", ALL), ("whole", SECOND)])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES)
def test_who_has_vanished_is_what_a_model_says_and_nobody_is_subscribed_again(
    desk: Desk, person: Person, files: list[tuple[str, tuple[str, ...]]]
) -> None:
    desk.server.reset()
    desk.home = desk.folder / f"home-{len(list(desk.folder.iterdir()))}"
    desk._monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    model, out = Model(), set[str]()
    for kind, how in files:
        source = {"kind": "csv_file"} if kind == "part" else COMPLETE
        tags = {"from": "Tags", "always": ["crm"]}
        desk.mapping(source=source, tags=tags, vanished=None if kind == "part" else DONE)
        rows = [row for number, one in zip(PEOPLE, how, strict=True) for row in rows_of(person, number, one)]
        file = desk.file(rows)
        if kind == "misread":
            file.write_text(file.read_text("utf-8") + "9,p9@example.com,,,,,,,too,many\n", "utf-8")
        before, known = desk.contacts(), dict(model.at)
        asyncio.run(synced(desk, file))  # each run has to balance
        model.reads(kind, how, len(rows))
        now = desk.contacts()
        assert missed(desk) == {model.at[n] for n in model.missed}
        for n, at in known.items():
            acted = kind == "whole" and rows and n in model.done
            if acted:
                assert now[at]["status"] == "UNSUBSCRIBED"
                assert now[at]["tags"] == []
                assert now[at]["fields"]["city"] == "Gone"
            elif how[n - 1] in ("absent", "filtered", "invalid"):
                assert now[at] == before[at], "nothing is done with anybody else"
        ids = {one["id"] for one in now.values() if one["status"] != "SUBSCRIBED"}
        assert out <= ids, "nobody is subscribed again"
        out = ids


async def synced(desk: Desk, file: object) -> None:
    async with desk.begun(str(file), allow=ALLOWED) as run:
        await finish(run)
    await parted(run)


def missed(desk: Desk) -> set[str]:
    ledger = Ledger(open_database(desk.home))
    try:
        return set(ledger.vanished.of(1, "people"))
    finally:
        ledger.close()
