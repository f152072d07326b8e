"""A mapping that was edited says so: which keys, and what a person should look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]


async def test_plan_and_sync_say_which_keys_were_edited_since_the_last_complete_run(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(1)])
    first = await desk.sync(file)
    assert first.summary.mapping_edited is None, "there is nothing that it could differ from"
    assert (await desk.sync(file)).summary.mapping_edited is None
    fields = {
        "email_address": {"from": "Email", "type": "email"},
        "first_name": "First",
        "city": {"from": "City", "default": "Ulm"},
    }
    desk.mapping(
        fields=fields, where={"Keep": [""]}, tags=None, title="People", guards={"changes": {"floor": 5}}
    )
    last = await desk.sync(file, limit=1)
    edit = last.summary.mapping_edited
    assert edit is not None
    assert edit.added == ["title", "guards"]
    assert edit.removed == ["tags", "fields.score"]
    assert edit.changed == ["where", "fields.city"]
    assert list(edit.look_at) == ["where", "guards"]
    [said] = [line for line in last.said if line.startswith("mapping")]
    assert "changed where, fields.city" in said
    assert "Look at where: other rows are left out." in said
    assert "Mapping edited" in (last.folder / "report.html").read_text("utf-8")
    async with desk.run(file, verb="plan") as run:
        await run.open()
        await run.prepare()
        assert run.edited == edit, "a run with a limit is none to compare with"


async def test_comments_and_layout_alone_are_told_as_such(desk: Desk, person: Person) -> None:
    file = desk.file([person(1)])
    await desk.sync(file)
    path = desk.folder / "people.yml"
    path.write_text("# for the newsletter\n" + path.read_text("utf-8"), "utf-8")
    ended = await desk.sync(file)
    assert ended.summary.mapping_edited is not None
    assert any(line.endswith("only comments or layout.") for line in ended.said)
    assert (await desk.sync(file)).summary.mapping_edited is None
