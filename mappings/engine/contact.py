"""A contact: what a row becomes, as an object. Only what is sent becomes one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Contact", "rendered"]

Json = str | int | float | bool | list[str]


@dataclass(slots=True)
class Contact:
    """What one row asks for at the destination.

    `key` is how the destination knows the contact, `person` how the source does ('' if the mapping says
    nothing). `texts` holds the canonical text of each merge tag that is not blank. `tags` and `lists` are the
    names that the contact gets, `tags_off` and `lists_off` those that the row takes away. `consented_at` is when the person
    consented, in seconds since 1970, where the mapping follows the source in this and the row says so, `consented_by` the last
    moment that it may have been.
    """

    row: int
    line: int
    key: str
    person: str
    texts: dict[str, str]
    tags: tuple[str, ...] = ()
    tags_off: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    lists_off: tuple[str, ...] = ()
    opted_out: bool = False
    consented_at: int | None = None
    consented_by: int | None = None
    fingerprint: int = 0


def rendered(text: str, type_: str) -> Json:
    """A canonical text as JSON of the destination's type.

    >>> rendered("12.50", "number"), rendered("42", "number"), rendered("true", "boolean")
    (12.5, 42, True)
    """
    if type_ in ("number", "integer"):
        return int(text) if "." not in text and len(text) < 20 else float(text)
    if type_ == "boolean":
        return text == "true"
    if type_ == "choices":
        return text.split("\x1f")
    return text
