"""Loops' open questions, each with the way to find out. See connectors.probing.

Names and positions are those of the sandbox's switches (connectors.sandbox.loops). The client needs none of the
answers: it compares addresses without case, sends dates as ISO 8601, and only properties and lists that are there.
"""

from __future__ import annotations

import re

from connectors.destinations.loops_throwaway import TEXT, Throwaway
from connectors.probing import NotTried, Otherwise, Questions, shouted

__all__ = ["QUESTIONS", "Throwaway"]

QUESTIONS = Questions()
asked = QUESTIONS.asked
_UNKNOWN = "musterProbe"
_NO_LIST = "muster-no-such-list"
_DATE = "2024-01-17T12:21:00+01:00"


@asked("insensitive", "sensitive", requests=2)
async def email_case(one: Throwaway) -> str:
    """Are addresses compared without case?"""
    found = await one.lookup(email=shouted(one.address))
    if found is None:
        await one.now()
        return "sensitive"
    if found["id"] != one.id:
        raise Otherwise("it found another contact")
    return "insensitive"


@asked("as_sent", "lowercase", requests=4)
async def email_kept(one: Throwaway) -> str:
    """Is an address kept as it was sent?"""
    spelled = shouted(one.spare)
    lower = spelled.lower()
    if spelled == lower:
        raise NotTried("the address is in upper case already")
    await one.make(spelled)
    found = await one.lookup(email=spelled) or await one.lookup(email=lower) or {}
    await one.delete(email=str(found.get("email")))
    if found.get("email") not in (spelled, lower):
        raise Otherwise("it is kept in another way")
    return "as_sent" if found["email"] == spelled else "lowercase"


@asked("null", "absent", requests=1)
async def unset_property(one: Throwaway) -> str:
    """How does find show a property that is not set?"""
    name, found = one.property(), await one.now()
    if found.get(name) is not None:
        raise Otherwise(f"it shows {found[name]!r}")
    return "null" if name in found else "absent"


@asked("iso", "as_sent", "milliseconds", requests=3)
async def date_shown(one: Throwaway) -> str:
    """How does find show a date?"""
    name = one.property("date")
    answer = await one.update({name: _DATE})
    found = str((await one.now()).get(name))
    await one.update({name: None})
    if found == _DATE:
        return "as_sent"
    if re.fullmatch(r"\d{12,14}", found):
        return "milliseconds"
    if found.startswith("2024-01-17T11:21"):
        return "iso"
    raise Otherwise(f"it shows {found}: {answer.detail}")


@asked("refuse", "keep", "drop", requests=3)
async def wrong_value(one: Throwaway) -> str:
    """What becomes of a value that does not fit the property's type?"""
    name = one.property("number", "boolean")
    if not (await one.update({name: TEXT})).done:
        return "refuse"
    found = (await one.now()).get(name)
    await one.update({name: None})
    if found not in (TEXT, None):
        raise Otherwise(f"it keeps {found!r}")
    return "drop" if found is None else "keep"


@asked("ignore", "refuse", "keep", requests=3)
async def unknown_property(one: Throwaway) -> str:
    """What becomes of a key that no property has?"""
    if await one.has_property(_UNKNOWN):
        raise NotTried(f"the team has a property {_UNKNOWN} by now")
    if not (await one.update({_UNKNOWN: TEXT})).done:
        return "refuse"
    if await one.has_property(_UNKNOWN):
        one.behind.append(f"The property {_UNKNOWN} came to be there; delete it in its app.")
        return "keep"
    return "ignore"


@asked("refuse", "ignore", requests=1)
async def unknown_list(one: Throwaway) -> str:
    """What becomes of a mailing list's id that is not there?"""
    return "ignore" if (await one.update({"mailingLists": {_NO_LIST: True}})).done else "refuse"


@asked("ignore", "add", "refuse", requests=3)
async def list_of_unsubscribed(one: Throwaway) -> str:
    """Can somebody who is not subscribed be added to a list?"""
    number = one.mailing_list()
    if not (await one.update({"mailingLists": {number: True}})).done:
        return "refuse"
    if number not in ((await one.now()).get("mailingLists") or {}):
        return "ignore"
    await one.update({"mailingLists": {number: False}})
    return "add"


@asked("email_wins", "userid_wins", "refuse", requests=2)
async def two_contacts(one: Throwaway) -> str:
    """Update: whose are address and userId that two contacts have?"""
    other = await one.make(one.spare, userId=one.user_id)
    answer = await one.update({"userId": one.user_id})
    won = answer.body.get("id") if answer.done else ""
    if not answer.done:
        return "refuse"
    if won not in (one.id, other):
        raise Otherwise(f"it answered with neither of the two: {answer.detail}")
    return "email_wins" if won == one.id else "userid_wins"


QUESTIONS.not_asked(
    "list_left",
    "add",
    "ignore",
    "refuse",
    asks="Can somebody be added again to a list that they left themselves?",
    why="the person would have to leave a list by a click in a mail",
)
QUESTIONS.not_asked(
    "list_already_in",
    "quiet",
    "fires",
    asks="Does adding somebody to a list that they are in start its workflow?",
    why="the API does not show which workflows started",
)
QUESTIONS.not_asked(
    "rate_body",
    "json",
    "empty",
    "text",
    asks="What is the body of a 429?",
    why="a 429 would have to be provoked on an account that others use",
)
QUESTIONS.not_asked(
    "retry_after",
    "none",
    "header",
    asks="Does a 429 say how long to wait?",
    why="a 429 would have to be provoked on an account that others use",
)
