"""CampaignLark's open questions, each with the way to find out. See connectors.probing.

Names and positions are those of the sandbox's switches (connectors.sandbox.campaignlark).
"""

from __future__ import annotations

from typing import Any

from connectors.answer import Answer
from connectors.destinations.campaignlark_throwaway import OUT, TEXT, Throwaway, fields_of, tag_ids_of
from connectors.destinations.campaignlark_workspace import STATUSES, data_of, total_of
from connectors.probing import NotTried, Otherwise, Questions, shouted
from connectors.values import is_blank

__all__ = ["QUESTIONS", "Throwaway"]

QUESTIONS = Questions()
asked = QUESTIONS.asked
_CLEARS = "blank: clear and clear_ours may be used, and a block's blank lines are emptied"


@asked("new", "old", requests=1)
async def field_types(one: Throwaway) -> str:
    """Which words does it use for the types of fields?"""
    listed = data_of(await one.get("/fields"))
    types = {str(field.get("type")) for field in listed or ()}
    if types & {"BOOL", "MULTI"}:
        return "old"
    if types & {"BOOLEAN", "DROPDOWN_SINGLE", "DROPDOWN_MULTIPLE", "COUNTRY"}:
        return "new"
    raise NotTried("the workspace has no field of a type that has two words")


@asked("insensitive", "sensitive", requests=2)
async def email_case(one: Throwaway) -> str:
    """Are addresses compared without case?"""
    found = await one.lookup(shouted(one.address))
    if found is None:
        await one.now()
        return "sensitive"
    if found["id"] != one.id:
        raise Otherwise("it found another contact")
    return "insensitive"


@asked(
    "everybody",
    "nobody",
    requests=12,
    gains={"everybody": "the account is read in one sweep where that takes fewer requests"},
)
async def search_without_filter(one: Throwaway) -> str:
    """Does a search without a filter list everybody?"""
    listed, by_status = 0, -1
    for _ in range(2):  # somebody may come or go between the requests
        by_status = sum([await _found(one, status=status) for status in STATUSES])
        listed = await _found(one)
        if listed in (0, by_status):
            return "everybody" if listed else "nobody"
    raise Otherwise(f"it lists {listed} of the {by_status} contacts that it lists by status")


@asked("new", "old", requests=1)
async def search_pagination(one: Throwaway) -> str:
    """Which of the two shapes has the pagination of a search?"""
    pagination = (await _search(one, status=OUT)).get("pagination") or {}
    for position, names in (("new", {"current_page", "total_count"}), ("old", {"page", "total"})):
        if names <= set(pagination):
            return position
    raise Otherwise(f"the pagination has {', '.join(pagination) or 'nothing'}")


@asked("old", "new", requests=1)
async def status_words(one: Throwaway) -> str:
    """Does a search say CLEANED (old) or BOUNCED (new)?"""
    cleaned = (await _search(one, status="CLEANED")).get("contacts") or ()
    words = {str(contact["status"]) for contact in cleaned}
    if not words:
        raise NotTried("nobody there is CLEANED, and somebody would have to be made so")
    if words - {"CLEANED", "BOUNCED"}:
        raise Otherwise(f"it says {', '.join(sorted(words))}")
    return "new" if "BOUNCED" in words else "old"


@asked("data", "fields", requests=1)
async def contact_shape(one: Throwaway) -> str:
    """What does a search call the values of a contact?"""
    equal = {"merge_tag": "email_address", "operator": "EQUALS", "value": one.address}
    for contact in (await _search(one, fields=[equal])).get("contacts") or ():
        for position in ("data", "fields"):
            if position in contact:
                return position
    raise Otherwise("it shows no contact with values")


@asked("clear", "keep", requests=4, gains={"clear": _CLEARS})
async def empty_value(one: Throwaway) -> str:
    """Does an empty text empty a field?"""
    name = await one.fill()
    return await _blanked(one, name, await one.upsert({name: ""}))


@asked("clear", "keep", requests=4, gains={"clear": _CLEARS})
async def null_value(one: Throwaway) -> str:
    """Does null empty a field?"""
    name = await one.fill()
    return await _blanked(one, name, await one.upsert({name: None}))


@asked("keep", "refuse", "drop", requests=2)
async def wrong_value(one: Throwaway) -> str:
    """What becomes of a value that does not fit the field's type?"""
    name = one.odd
    if not (await one.upsert({name: TEXT})).done:
        return "refuse"
    found = await one.value(name)
    if found not in (TEXT, None):
        raise Otherwise(f"it keeps {found!r}")
    return "drop" if found is None else "keep"


@asked("refuse", "ignore", requests=2)
async def unknown_tag(one: Throwaway) -> str:
    """What becomes of a tag's number that is not there?"""
    if not (await one.upsert({}, tags=[one.no_tag])).done:
        return "refuse"
    if one.no_tag in tag_ids_of(await one.now()):
        raise Otherwise("the contact has a tag that is not there")
    return "ignore"


@asked(
    "replace",
    "union",
    requests=6,
    gains={"union": "the tags of a contact that is there travel with its fields, a request less"},
)
async def partial_with_tags(one: Throwaway) -> str:
    """Do the tags of a partial upsert replace those that are there, or come to them?"""
    first, second = one.tags(2)
    await one.tag(first)
    answer = await one.upsert({}, tags=[second])
    found = tag_ids_of(await one.now())
    if found == {second}:
        return "replace"
    if found == {first, second}:
        return "union"
    raise Otherwise(f"of two tags it has {len(found)}: {answer.detail}")


@asked("clear", "keep", requests=6)
async def full_replace_without_tags(one: Throwaway) -> str:
    """Does a full replace without tags take them away?"""
    [tag] = one.tags(1)
    await one.tag(tag)
    answer = await one.upsert({}, partial_update=False, status=OUT)
    if not answer.done:
        raise Otherwise(answer.detail)
    kept = bool(tag_ids_of(await one.now()))
    await one.tag()
    return "keep" if kept else "clear"


@asked("keep", "clear", requests=4)
async def put_omitted_fields(one: Throwaway) -> str:
    """PUT: are fields that are not mentioned kept?"""
    name = await one.fill()
    answer = await one.put(one.whole())
    if not answer.done:
        raise Otherwise(answer.detail)
    return "clear" if await one.value(name) is None else "keep"


@asked("sent", "stored", requests=2)
async def put_required(one: Throwaway) -> str:
    """PUT: must required fields be sent, or is it enough that they are there?"""
    answer = await one.put({one.text: TEXT})
    if answer.done:
        await one.upsert({})  # what it emptied is filled again
        return "stored"
    if "required" not in answer.detail:
        raise Otherwise(answer.detail)
    return "sent"


@asked("yes", "no", requests=5)
async def put_changes_address(one: Throwaway) -> str:
    """Does PUT with another address change it?"""
    answer = await one.put(one.whole(one.spare))
    moved, stays = await one.lookup(one.spare), await one.lookup(one.address)
    if moved is None and stays is not None and answer.done:
        return "no"
    if moved is None or moved["id"] != one.id:
        raise Otherwise(answer.detail)
    await _back(one)
    return "yes"


@asked("refuse", "merge", "keep_old", requests=7)
async def put_address_taken(one: Throwaway) -> str:
    """What does PUT with an address do that another contact has?"""
    if one.answers.get("put_changes_address") != "yes":
        raise NotTried("no PUT was seen to change an address")
    made = await one.upsert({}, email_address=one.spare, status=OUT)
    other = await one.lookup(one.spare)
    if other is None:
        raise Otherwise(f"the second contact was not made: {made.detail}")
    answer = await one.put(one.whole(one.spare))
    if not answer.done:
        return "refuse"
    there, here = await one.lookup(one.spare), await one.lookup(one.address)
    if here is not None and here["id"] == one.id:
        return "keep_old"
    if here is None and there is not None and there["id"] == one.id:
        await _back(one)
        return "merge"
    raise Otherwise("both addresses are neither as before nor those of one contact")


@asked("refuse", "second_contact", "update", requests=2)
async def duplicate_create(one: Throwaway) -> str:
    """What does creating a contact do whose address is there?"""
    answer = await one.send("POST", "/contacts", {"fields": one.whole(), "status": OUT})
    if not answer.done:
        return "refuse"
    made = data_of(answer)
    if made["id"] == one.id:
        return "update"
    one.doubles.append(str(made["id"]))
    return "second_contact"


QUESTIONS.not_asked(
    "retry_after",
    "none",
    "header",
    asks="Does a 429 say how long to wait?",
    why="a 429 would have to be provoked on an account that others use",
)
QUESTIONS.not_asked(
    "busy_refuses_contacts",
    "no",
    "yes",
    asks="Are contacts refused while an import is going on?",
    why="an import would have to be going on",
)


async def _search(one: Throwaway, **filters: Any) -> dict[str, Any]:
    body = {"page": 1, "limit": 10, **filters}
    answer = await one.wire.call("POST", "/contacts/search", json_body=body)
    found = data_of(answer)
    if not isinstance(found, dict):
        raise Otherwise(f"a search gave no contacts: {answer.detail}")
    return found


async def _found(one: Throwaway, **filters: Any) -> int:
    """How many a search finds in all."""
    found = await _search(one, **filters)
    total = total_of(found.get("pagination"), -1)
    if total < 0:
        raise Otherwise("a search does not say how many there are")
    return total


async def _blanked(one: Throwaway, name: str, answer: Answer) -> str:
    """What became of a field that held TEXT and was sent a blank."""
    if not answer.done:
        raise Otherwise(answer.detail)
    found = fields_of(await one.now()).get(name)
    if not is_blank(found) and found != TEXT:
        raise Otherwise(f"it holds {found!r}")
    return "clear" if is_blank(found) else "keep"


async def _back(one: Throwaway) -> None:
    """The contact gets its first address again; where it does not, it goes on under the other one."""
    answer = await one.put(one.whole())
    if await one.lookup(one.address) is None:
        one.address, one.spare = one.spare, one.address
        raise Otherwise(f"the address was changed, and not back again: {answer.detail}")
