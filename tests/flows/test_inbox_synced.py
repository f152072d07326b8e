"""An inbox whose files are really synced, held against a model: whatever comes, in whatever order, late, twice or still growing, and wherever
a sync is cut off or the destination is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from flows.conformance.ended import Ended, finish
from flows.inbox.arrivals import Inbox, Look
from flows.inbox.turn import one_after_the_other
from flows.pipeline import deliver_all

if TYPE_CHECKING:
    from conftest import Desk

DAY = 1_770_000_000.0
NOW = 10**6
"""The hour of a file that is being written."""
CONTENTS: tuple[tuple[int, ...], ...] = ((1, 2), (2, 3), (1, 3), (4,), (1, 2, 3, 4))
"""Who is in each content. Its number is the city that it gives them."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrives"), st.integers(0, 12), st.integers(0, len(CONTENTS) - 1)),
        st.tuples(st.just("arrives"), st.integers(0, 12), st.integers(0, len(CONTENTS) - 1)),
        st.tuples(st.just("grows"), st.just(NOW), st.integers(0, len(CONTENTS) - 1)),
        st.tuples(st.just("syncs"), st.sampled_from(["", "cut off", "destination away", "before it is marked"]), st.none()),
    ),
    max_size=7,
)  # fmt: skip
PLAIN: dict[str, Any] = {
    "fields": {"email_address": "Email", "first_name": "First", "city": "City"},
    "tags": None, "where": None, "consent": {"assumed": "they signed up with this form"},
}  # fmt: skip
FEW = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
"""Each step is a real sync: a failure is shown as it was found, since to find a smaller one takes minutes."""
_numbers = count(1)


class CutOff(Exception):  # noqa: N818 - no error: a process that was killed
    """Nothing more is done."""


@dataclass
class Post:
    """An inbox, what lies in it, and what has to be at the destination by now."""

    desk: Desk
    names: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The files: hour and content."""
    delivered: list[int] = field(default_factory=list)
    """The contents that were delivered to their end, in the order in which they were."""
    there: dict[int, int] = field(default_factory=dict)
    """Who has to be at the destination, with their city."""

    def put(self, name: str, hour: int, content: int) -> None:
        path = self.desk.folder / "in" / name
        rows = "".join(f"{n},p{n}@example.com,Name {n},{content}\n" for n in CONTENTS[content])
        path.write_text(f"Id,Email,First,City\n{rows}", "utf-8")
        at = time.time() if hour == NOW else DAY + 3600 * hour
        os.utime(path, (at, at))
        self.names[name] = (hour, content)

    async def sync(self, trouble: str = "") -> Look | None:
        """A look and its runs; None where it was cut off before its end."""
        inbox = Inbox.of(str(self.desk.folder / "people.yml"))
        assert inbox is not None
        with inbox.alone(), contextlib.suppress(CutOff):
            look, _ = await one_after_the_other(
                inbox, lambda path: self._run(Path(path), trouble), lambda ended: ended.exit_code in (0, 1)
            )
            return look
        return None

    async def _run(self, path: Path, trouble: str) -> Ended:
        server, city = self.desk.server, city_of(path)
        async with self.desk.begun(path, allow=("changes",)) as run:
            if trouble == "cut off":
                await run.prepare()
                delivering = asyncio.ensure_future(deliver_all(run, run.delivery.deliver))
                watcher: Any = run.watcher
                watcher.on_outcome = lambda _: delivering.cancel()
                await delivering
                self._heard_in_part(city)
                raise CutOff
            ended = await finish(
                run, prepared=lambda: trouble == "destination away" and server.faults({"kind": "503"})
            )
        server.clear_faults()
        if ended.exit_code:
            assert trouble, ended.said
            self._heard_in_part(city)
            return ended
        self.delivered.append(city)
        self.there |= dict.fromkeys(CONTENTS[city], city)
        assert self.cities() == self.there
        if trouble == "before it is marked":
            raise CutOff
        return ended

    def _heard_in_part(self, city: int) -> None:
        """Who got the city, and nobody else, may have got it."""
        now = self.cities()
        changed = {who for who, where in now.items() if self.there.get(who) != where}
        assert changed <= set(CONTENTS[city])
        assert all(now[who] == city for who in changed)
        assert self.there.keys() <= now.keys()
        self.there = now

    def cities(self) -> dict[int, int]:
        """Who is at the destination, with their city."""
        found = self.desk.contacts().items()
        return {int(key.split("@")[0][1:]): int(one["fields"]["city"]) for key, one in found}

    def whole(self) -> dict[str, int]:
        return {name: content for name, (hour, content) in self.names.items() if hour != NOW}


def city_of(path: Path) -> int:
    return int(path.read_text("utf-8").strip().rsplit(",", 1)[1])


async def lived(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[Any, ...]], files: str
) -> tuple[Post, Look]:
    """Files arrive, grow and come late; syncs are cut off or find nobody there; at last one comes to its end."""
    desk.server.reset()
    desk.folder = desk.folder.parent / f"desk-{next(_numbers)}"
    (desk.folder / "in").mkdir(parents=True)
    desk.home = desk.folder / "home"
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    desk.mapping(source={"kind": "csv_file", "inbox": "in/*.csv", "files": files}, **PLAIN)
    post = Post(desk)
    for number, (what, one, content) in enumerate(steps):
        if what == "syncs":
            before = len(post.delivered)
            await post.sync(one)
            assert len(post.delivered) - before <= 1 or files == "deltas"
        else:
            post.put(f"f{number:02}.csv", one, content)
    await post.sync()
    look = await post.sync()
    assert look is not None
    assert look.to_sync == []
    assert len(set(post.delivered)) == len(post.delivered), "a content was synced twice"
    assert post.cities() == post.there
    return post, look


@given(STEPS)
@FEW
async def test_of_snapshots_the_newest_has_the_last_word_and_none_is_synced_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[Any, ...]]
) -> None:
    post, _ = await lived(desk, monkeypatch, steps, "snapshots")
    whole = post.whole()
    if whole:
        newest = whole[max(whole, key=lambda name: (post.names[name][0], name))]
        assert newest in post.delivered
        if newest == post.delivered[-1]:  # else the newest file repeats what an older one had
            assert {who: post.cities()[who] for who in CONTENTS[newest]} == dict.fromkeys(
                CONTENTS[newest], newest
            )


@given(STEPS)
@example([("arrives", 12, 2), ("syncs", "cut off", None), ("arrives", 9, 1)])
@FEW
async def test_deltas_are_all_synced_once_in_their_order_or_somebody_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[Any, ...]]
) -> None:
    post, look = await lived(desk, monkeypatch, steps, "deltas")
    contents = {one.lying.name: post.names[one.lying.name][1] for one in look.files}
    synced = [contents[one.lying.name] for one in look.files if one.state == "synced"]
    late = {contents[one.lying.name] for one in look.files if one.state == "late"}
    assert synced == post.delivered, "in the order of the files"
    assert set(post.whole().values()) == late | set(synced)
    assert look.needs_a_person(deltas=True) == bool(late)
