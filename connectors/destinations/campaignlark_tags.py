"""CampaignLark's tags: those of a contact that is there, and those that the workspace does not have yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from connectors.answer import Answer, Meaning
from connectors.base import Decision, Delivered, Known
from connectors.changes import folded
from connectors.destinations.campaignlark_decisions import TAGS_ADD, TAGS_REMOVE
from connectors.destinations.campaignlark_sending import GONE, NO_SUCH_CONTACT, Sending
from connectors.destinations.campaignlark_workspace import data_of
from connectors.endings import Problem, trouble
from connectors.errors import CredentialsError, Unreachable
from mappings.engine.contact import Contact

__all__ = ["Tagging", "tag_calls"]

_LONGEST_NAME = 64


def tag_calls(decision: Decision) -> dict[str, tuple[str, ...]]:
    """The names that each of the two calls is about, in the order of the calls."""
    return {TAGS_ADD: decision.tags, TAGS_REMOVE: decision.tags_off}


class Tagging(Sending):
    """Adds tags, takes them away, creates them."""

    async def _tagged(
        self, contact: Contact, there: Known, done: Delivered, call: str, tag_ids: Sequence[int]
    ) -> Delivered:
        """One of the two calls, after what is `done` already. Both are harmless to repeat."""
        first = next(one for one in done.decision.calls if not one.startswith("GET ")) == call
        method, path = call.format(id=done.contact_id).split(" ")
        try:
            answer = await self._wire.call(method, path, json_body={"tag_ids": list(tag_ids)})
        except CredentialsError as error:
            if first and not error.unclear:
                raise
            meaning = Meaning.UNCLEAR if error.unclear else Meaning.NOT_SENT
            answer = Answer(meaning, detail=error.what)
        return (
            done
            if answer.done
            else await self._tags_in_doubt(answer, contact, there, done, call, first=first)
        )

    async def _tags_in_doubt(
        self, answer: Answer, contact: Contact, there: Known, done: Delivered, call: str, *, first: bool
    ) -> Delivered:
        """What came before this call landed, if it is not the `first`; whether the tags did may be shown by a look-up.

        Where something landed and the tags did not, it counts as unclear, so that a resume looks it up and does the rest.
        """
        decision, adds = done.decision, call == TAGS_ADD
        names = tag_calls(decision)[call]
        refused, unsure = answer.meaning is Meaning.REFUSED, answer.meaning is Meaning.UNCLEAR
        if refused and NO_SUCH_CONTACT in answer.detail and not decision.changes:
            return Delivered("protected", "gone", GONE, decision=decision)
        if unsure or (refused and not adds):  # a tag that was deleted meanwhile is gone from the contact, too
            try:
                found = await self._read_again(contact, there)
            except (Unreachable, CredentialsError):
                pass
            else:
                if found is not None and _settled(found, names, adds=adds):
                    return done
                unsure = False
        if refused:
            problem: Problem = ("tags_refused", "tags", ", ".join(names), {"detail": answer.detail})
            return replace(done, outcome="refused", code="tags_refused", problems=(*done.problems, problem))
        what = "the tags" if adds else "the tags to take away"
        if not (first or unsure):
            what = f"all else arrived, {what} did not"
        half = unsure or not first
        problem = trouble(f"{what}: {answer.detail}", answer.attempts, unsure=half)
        return replace(
            done, outcome="unknown" if half else "failed", code=problem[0],
            problems=(*done.problems, problem), troubled=True, untouched=not half,
        )  # fmt: skip

    def missing_tags(self, names: Iterable[str]) -> list[str]:
        """Those of the names that the workspace has no tag for, in whatever case, each once."""
        each = {name.casefold(): name for name in reversed(list(names))}
        return [
            name
            for fold, name in reversed(each.items())
            if fold not in self._tag_ids and name not in self._tag_ids
        ]

    async def create_tags(self, names: Sequence[str]) -> dict[str, str]:
        """Creates the tags that the workspace does not have; those that were refused, each with the reason.

        Raises Unreachable where one has no usable answer, CredentialsError.
        """
        refused = {}
        for name in self.missing_tags(names):
            if not 1 <= len(name) <= _LONGEST_NAME:
                refused[name] = f"a tag's name has 1 to {_LONGEST_NAME} characters, and this one {len(name)}"
                continue
            answer = await self._wire.call("POST", "/tags", json_body={"name": name})
            made = data_of(answer)
            if isinstance(made, dict) and isinstance(made.get("id"), int):
                self._learn({name: made["id"]})
                continue
            self._learn(await self._read_tags())  # somebody may have created it meanwhile, also we ourselves
            if not self.missing_tags([name]):
                continue
            if answer.meaning is not Meaning.REFUSED:
                raise Unreachable(
                    f"No usable answer when the tag '{name}' was to be created: {answer.detail}",
                    "Start the same sync again later, or create the tag there.",
                )
            refused[name] = answer.detail
        return refused


def _settled(found: Known, names: Iterable[str], *, adds: bool) -> bool:
    """Whether the contact has all of the names, or none of them where they were to go."""
    there = folded(found.tags)
    return folded(names) <= there if adds else there.isdisjoint(folded(names))
