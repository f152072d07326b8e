"""Permissions: what a run may start only when it was allowed by name, before anything is sent.

Allowed is what the mapping names under `automations: {allow: […]}`, what a person names with --allow or types when
asked, and, where once is enough for a version of a mapping, what the ledger has kept of that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace

from connectors.base import Destination
from flows.roll import Roll, State
from mappings.engine.document import Mapping

__all__ = ["ONCE", "PERMISSIONS", "Permission", "granted", "needed", "what_to_add"]

PERMISSIONS = ("confirmation_mails", "contact_added", "follow_source")
ONCE = frozenset({"follow_source"})
"""Allowed once by a person, it is not asked again until the mapping is edited."""
IN_MAPPING = frozenset({"confirmation_mails", "contact_added"})
"""What the mapping itself may allow."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that this run could do to `count` people at most. `says` is the sentence that a person is asked with.

    `by` is who has allowed it: `mapping`, `person`, `earlier` (a person, for this version of the mapping), '' nobody.
    `allowed_count` is the number that was named with --allow, where it is too small.
    """

    name: str
    count: int
    says: str
    by: str = ""
    allowed_count: int | None = None


def needed(
    mapping: Mapping, roll: Roll, destination: Destination, *, resubscribes: int = 0
) -> Iterator[Permission]:
    """What has to be allowed for these rows. `resubscribes`: so many people who opted out would be subscribed again."""
    follows = mapping.consent is not None and mapping.consent.follow_source is not None
    if follows and roll.count(State.NEW, State.CHANGED):
        yield Permission(
            "follow_source",
            resubscribes,
            f"The mapping follows its source: whoever opted out, and says there later that they want mail, is subscribed again "
            f"({resubscribes:,} in this run).",
        )
    most = _created_at_most(mapping, roll)
    if not most:
        return
    mails = destination.mails_people and destination.rules.newcomers == "UNCONFIRMED"
    if mails:
        yield Permission(
            "confirmation_mails",
            most,
            f"Up to {most:,} new contacts come in as UNCONFIRMED, and each of them is sent a confirmation mail.",
        )
    if destination.creation_starts:
        yield Permission(
            "contact_added",
            most,
            f"Up to {most:,} contacts are created there, and each starts the workflows on "
            f"'{destination.creation_starts}', which may mail them.",
        )


def _created_at_most(mapping: Mapping, roll: Roll) -> int:
    if mapping.write == "update_only":
        return 0
    new = roll.count(State.NEW)
    return new + roll.count(State.CHANGED) if mapping.gone == "recreate" else new


def granted(
    asked: Iterable[Permission],
    mapping: Mapping,
    allowed: MappingOf[str, int | None],
    kept: Collection[str],
) -> list[Permission]:
    """The same, with who has allowed each. `allowed` are names with the number up to which, `kept` what the ledger knows."""
    in_mapping = IN_MAPPING.intersection(mapping.automations.allow if mapping.automations is not None else ())
    found = []
    for one in asked:
        most = allowed.get(one.name)
        if one.name in in_mapping:
            found.append(replace(one, by="mapping"))
        elif one.name in allowed and (most is None or one.count <= most):
            found.append(replace(one, by="person"))
        elif one.name in ONCE and one.name in kept:
            found.append(replace(one, by="earlier"))
        else:
            found.append(replace(one, allowed_count=most))
    return found


def what_to_add(missing: Iterable[Permission], mapping: Mapping) -> str:
    """The exact thing to add where nobody can be asked."""
    missing = list(missing)
    names = [one.name for one in missing if one.name in IN_MAPPING]
    before = mapping.automations.allow if mapping.automations is not None else ()
    line = f"automations: {{allow: [{', '.join([*before, *names])}]}} in the mapping" if names else ""
    words = " ".join(f"--allow {one.name}" for one in missing)
    once = "" if line else ", once for this version of the mapping"
    return f"If that is meant, say {words}{once}" + (f", or for every run {line}." if line else ".")
