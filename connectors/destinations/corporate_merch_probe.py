"""Corporate Merch's open questions, each with the way to find out. See connectors.probing.

Names and positions are those of the sandbox's switches (connectors.sandbox.corporate_merch); the four names that are
guessed are settings of their own, as in corporate_merch_inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from connectors.answer import Answer
from connectors.destinations.corporate_merch_fields import TYPES
from connectors.destinations.corporate_merch_inferred import ALSO_SEEN, Inferred
from connectors.destinations.corporate_merch_pages import data_of
from connectors.destinations.corporate_merch_throwaway import TEXT, Throwaway
from connectors.probing import NotTried, Otherwise, Question, Questions

__all__ = ["QUESTIONS", "Throwaway"]

QUESTIONS = Questions()
asked = QUESTIONS.asked
_CLEARS = {"clear": "blank: clear and clear_ours may be used, and a block's blank lines are emptied"}
_SECOND = "address2"
_SAMPLES: Mapping[str, Any] = {
    "employment_status": "active", "client_since": "2024-01-15", "classification": "Regular", "address_forced": True,
}  # fmt: skip
_FAMILIAR = {
    "id",
    "created_at",
    "updated_at",
    "lists",
    "labels",
    *TYPES,
    *(one for each in ALSO_SEEN.values() for one in each),
}
_FORTALEZA = {
    "address": "63 Calle de la Fortaleza",
    "city": "San Juan",
    "state": "PR",
    "zip_code": "00901",
}


@asked("put", "patch", "post", requests=3)
async def update(one: Throwaway) -> str:
    """Which verb updates a contact?"""
    said = []
    for position in ("put", "patch", "post"):
        answer = await one.updated_by(position.upper(), {"company_name": TEXT})
        shown = data_of(answer)
        if isinstance(shown, dict) and str(shown.get("id")) == one.id:
            one.verb = position.upper()
            return position
        said.append(answer.detail)
    raise Otherwise("; ".join(said))


@asked("201", "200", requests=0)
async def create_status(one: Throwaway) -> str:
    """Which status does a create answer that worked?"""
    if str(one.made.status) not in ("201", "200"):
        raise Otherwise(one.made.detail)
    return str(one.made.status)


@asked("numbers", "texts", requests=2)
async def ids(one: Throwaway) -> str:
    """How is a contact's id written?"""
    found = (await one.shown(one.made))["id"]
    return "texts" if isinstance(found, str) else "numbers"


@asked("laravel", "plain", "message_only", requests=1)
async def errors(one: Throwaway) -> str:
    """What is the body of a refusal?"""
    answer = await _refused(one)
    if answer.body is None:
        return "plain"
    if isinstance(answer.body, dict) and "message" in answer.body:
        return "laravel" if isinstance(answer.body.get("errors"), dict) else "message_only"
    raise Otherwise(answer.detail)


@asked("all", "throttled", requests=1)
async def wait_headers(one: Throwaway) -> str:
    """Do all answers say how long to wait, or only a 429?"""
    return "throttled" if (await _refused(one)).retry_after is None else "all"


async def _called(name: str, one: Throwaway) -> str:
    """The name of a field under which an update is kept."""
    sample, strange = _SAMPLES[name], set[str]()
    for tried in (name, *ALSO_SEEN[name]):
        answer = await one.update({tried: sample})
        if answer.done:
            found = await one.shown(answer)
            strange = set(found) - _FAMILIAR
            if sample in [found.get(each) for each in (name, *ALSO_SEEN[name])]:
                return tried
    shows = f"; it shows {', '.join(sorted(strange))}, one of which it may be" if strange else ""
    raise Otherwise(f"it keeps nothing under {' or '.join((name, *ALSO_SEEN[name]))}{shows}")


for _name, _others in ALSO_SEEN.items():
    QUESTIONS.add(
        Question(
            _name,
            (_name, *_others),
            f"What is the field called that the page calls {_name.replace('_', ' ')}?",
            getattr(Inferred(), _name),
            requests=6,
            form="[a-z][a-z0-9_]{1,63}",
            ask=partial(_called, _name),
        )
    )


@asked("clear", "keep", requests=6, gains=_CLEARS)
async def omitted(one: Throwaway) -> str:
    """Does an update empty what is not sent?"""
    await _fill(one)
    found = await one.value({}, "company_name")
    if found not in (TEXT, None):
        raise Otherwise(f"it holds {found!r}")
    return "keep" if found else "clear"


@asked("clear", "keep", "refuse", requests=12, gains=_CLEARS)
async def blank_value(one: Throwaway) -> str:
    """What do null and an empty text do to a field?"""
    held = []
    for blank in (None, ""):
        await _fill(one)
        answer = await one.update({"company_name": blank})
        found = (await one.shown(answer)).get("company_name") if answer.done else None
        held.append(
            ("keep" if found == TEXT else "clear" if not found else "other") if answer.done else "refuse"
        )
    if held[0] != held[1] or "other" in held:
        raise Otherwise(f"{held[0]} for null, {held[1]} for an empty text")
    return held[0]


@asked(
    "replace",
    "add",
    requests=8,
    gains={"add": "a mapping that takes labels or lists away is refused beforehand"},
)
async def lists(one: Throwaway) -> str:
    """Do the labels and lists of an update replace those that are there, or come to them?"""
    kind, (first, second) = one.two_of_one_kind()
    found: list[set[int]] = []
    for sent in ([first], [second]):
        answer = await one.update({kind: sent})
        if not answer.done:
            raise Otherwise(answer.detail)
        found.append(_numbers((await one.shown(answer)).get(kind)))
    await one.update({kind: []})
    if found in ([{first}, {second}], [{first}, {first, second}]):
        return "replace" if found[1] == {second} else "add"
    raise Otherwise(f"of two {kind} it shows {len(found[1])}")


@asked("ids", "objects", "absent", requests=1)
async def lists_shown(one: Throwaway) -> str:
    """How does an answer show labels and lists?"""
    listed = [contact for contact in data_of(await one.page(1)) or () if isinstance(contact, dict)]
    if listed and not any(kind in contact for contact in listed for kind in ("lists", "labels")):
        return "absent"
    for contact in listed:
        for shown in [*(contact.get("lists") or ()), *(contact.get("labels") or ())]:
            return "objects" if isinstance(shown, dict) else "ids"
    raise NotTried("no contact on the first page has a label or a list")


@asked("ignore", "refuse", requests=1)
async def unknown_keys(one: Throwaway) -> str:
    """What becomes of a name that the API does not have?"""
    return "ignore" if (await one.update({"muster_probe": TEXT})).done else "refuse"


@asked("refuse", "accept", requests=2)
async def us_territories(one: Throwaway) -> str:
    """Do Puerto Rico, Guam and military codes count as states of the US?"""
    accepted = (await one.update(_FORTALEZA)).done
    if accepted:
        await one.update({})
    return "accept" if accepted else "refuse"


@asked(
    "cap",
    "refuse",
    "allow",
    requests=1,
    gains={"allow": "the account is read at 100 contacts a request instead of 50"},
)
async def over_limit(one: Throwaway) -> str:
    """What does a page of more than 50 contacts give?"""
    answer = await one.page(1, limit=100)
    if not answer.done:
        return "refuse"
    limit = answer.body["pagination"]["limit"]
    if limit not in (50, 100):
        raise Otherwise(f"pages of {limit}")
    return "allow" if limit == 100 else "cap"


@asked("both", "unit", "address2", inferred="unit", requests=5)
async def second_line(one: Throwaway) -> str:
    """Create: what is the second line of the street called?"""
    unit = bool((await one.shown(one.made)).get(_SECOND))
    classification = one.answers.get("classification", "")
    extra = {classification: "Regular"} if classification else {}
    body = one.whole(one.spare, second=_SECOND)
    answer = await one.post({**body, **extra})
    if not answer.done and extra:
        answer = await one.post(body)
    if not answer.done:
        answer = await one.post(one.whole(one.spare))
    made = data_of(answer)
    if not isinstance(made, dict) or not made.get("id"):
        raise Otherwise(f"the second contact was not made: {answer.detail}")
    one.second = made
    both = bool(made.get(_SECOND))
    if not (unit or both):
        raise Otherwise("neither unit nor address2 is kept")
    return "both" if unit and both else "unit" if unit else "address2"


@asked("all", "listed", requests=0)
async def create_takes(one: Throwaway) -> str:
    """Does create take every field, or only those of its own page?"""
    name = one.answers.get("classification", "")
    if not name or not one.second:
        raise NotTried("it takes a second contact, and the name of the classification")
    return "all" if one.second.get(name) == "Regular" else "listed"


@asked("either", "street", requests=1)
async def create_address(one: Throwaway) -> str:
    """Does create need the address, or is its second line enough?"""
    second = one.answers.get("second_line", "")
    if not second:
        raise NotTried("the name of the second line was not found")
    body = one.whole(one.third, second="unit" if second == "both" else second)
    del body["address"]
    return "either" if (await one.post(body)).done else "street"


@asked("allow", "refuse", requests=1)
async def duplicate_email(one: Throwaway) -> str:
    """May two contacts have the same address?"""
    answer = await one.post(one.whole())
    made = data_of(answer)
    if isinstance(made, dict) and str(made.get("id")) == one.id:
        raise Otherwise("create updates the contact that is there")
    return "allow" if answer.done else "refuse"


@asked("newest", "oldest", requests=2)
async def list_order(one: Throwaway) -> str:
    """In which order are contacts listed?"""
    places = [str(contact["id"]) for contact in await one.ours()]
    second = str(one.second.get("id"))
    if one.id not in places or second not in places:
        raise NotTried("two contacts would have to be made")
    return "newest" if places.index(second) < places.index(one.id) else "oldest"


QUESTIONS.not_asked(
    "throttled",
    "laravel",
    "empty",
    "page",
    asks="What is the body of a 429?",
    why="a 429 would have to be provoked on an account that others use",
)
QUESTIONS.not_asked(
    "counting",
    "window",
    "sliding",
    asks="Does a minute begin with the first request, or does any minute count?",
    why="a 429 would have to be provoked on an account that others use",
)


async def _refused(one: Throwaway) -> Answer:
    """The answer to a create without anything. Raises Otherwise where it was not refused."""
    answer = await one.post({})
    if answer.done:
        raise Otherwise("a contact without anything was made")
    return answer


async def _fill(one: Throwaway) -> None:
    if await one.value({"company_name": TEXT}, "company_name") != TEXT:
        raise Otherwise("a text that was sent is not there")


def _numbers(shown: Any) -> set[int]:
    return {int(number["id"] if isinstance(number, dict) else number) for number in shown or ()}
