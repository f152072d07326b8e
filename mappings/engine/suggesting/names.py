"""How alike the name of a column and a field are, and the names that people and programs give to the same thing."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata

from mappings.engine.schema import Field
from mappings.engine.suggesting.synonyms import AROUND, NAMES, WORDS

__all__ = [
    "BY_EXPORT",
    "BY_NAME",
    "BY_SPELLING",
    "BY_SYNONYM",
    "BY_VALUES",
    "USUAL",
    "fold",
    "likeness",
    "meaning",
]

BY_EXPORT, BY_NAME, BY_SYNONYM, BY_VALUES, BY_SPELLING = range(5)
"""What a match rests on, the surest first."""

USUAL = {
    "first_name": "text", "last_name": "text", "phone": "text", "company": "text", "job_title": "text", "street": "text",
    "city": "text", "postal_code": "text", "state": "text", "country": "country", "birthday": "date", "joined_at": "datetime",
    "website": "text", "language": "text",
}  # fmt: skip
"""Fields that many accounts have, with their usual types: guessed where an account cannot be asked."""


@functools.lru_cache(maxsize=20_000)
def fold(name: str) -> str:
    """A name without case, spaces, accents and punctuation.

    >>> fold(" E-Mail Address*"), fold("Prénom"), fold("Straße")
    ('emailaddress', 'prenom', 'strasse')
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


_MEANINGS = {fold(concept): concept for concept in NAMES} | {
    name: concept for concept, names in NAMES.items() for name in names.split()
}
_BY_WORD = {word: concept for concept, words in WORDS.items() for word in words.split()}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def meaning(name: str) -> str:
    """What a name usually stands for, as a key of `NAMES`, or an empty text.

    >>> meaning("E-Mail-Adresse"), meaning("Vorname"), meaning("Shoe size")
    ('email_address', 'first_name', '')
    >>> meaning("Name (First)"), meaning("billing_address_zip"), meaning("Company ID")
    ('first_name', 'postal_code', '')
    """
    own = name.removesuffix("__c")  # so end the names of Salesforce's own-made fields
    return "" if fold(own) in _NOBODY else _MEANINGS.get(fold(own), "") or _by_words(own)


@functools.lru_cache(maxsize=20_000)
def _by_words(name: str) -> str:
    """What a name stands for whose words are in another order, or have others around them that change nothing."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = [word.casefold() for word in _WORD.findall(plain.replace("ß", "ss"))]
    joined = _joined(words)
    telling = [word for word in joined if word not in AROUND or (word in _BY_WORD and word not in _VAGUE)]
    found = {_BY_WORD.get(word, "") for word in telling}
    if len(found) == 1 and len(joined) > 1:
        return found.pop()
    for left_out in (_OF_WHOM, AROUND):
        rest = [word for word in joined if word not in left_out]
        if 0 < len(rest) < len(joined) and (found_whole := _MEANINGS.get("".join(rest), "")):
            return found_whole
    return ""


def _joined(words: list[str]) -> list[str]:
    """`e mail` is one word, as is `post code`."""
    found: list[str] = []
    for word in words:
        if found and found[-1] + word in _BY_WORD:
            found[-1] += word
        else:
            found.append(word)
    return found


_NOBODY = frozenset(
    {
        "username",
        "loginname",
        "benutzername",
        "gebruikersnaam",
        "nombredeusuario",
        "nomeutente",
        "nomdutilisateur",
    }
)
_VAGUE = frozenset({"company", "land", "via"})
_OF_WHOM_TEXT = (
    "contact contacts kontakt contacto contatto contato customer client kunde kunden cliente klant user usuario utente person persona lead member billing mailing shipping "
    "default primary your the subscriber recipient attendee participant"
)
_OF_WHOM = frozenset(_OF_WHOM_TEXT.split())


def likeness(column: str, field: Field, known: str = "") -> int | None:
    """What the match of a column's name and a field rests on; None where they are not alike.

    `known` is what the column stands for where the kind of export says so; then no near spelling counts.
    A near spelling is a slip of the keyboard. A longer name is another thing: `Company ID` is no company.
    """
    name = fold(column)
    wanted = [fold(field.name), fold(field.label)]
    if not name:
        return None
    if known and any(_MEANINGS.get(one) == known for one in wanted):
        return BY_EXPORT
    if name in wanted:
        return BY_NAME
    if field.type == "boolean" and name in [one.removeprefix("is") for one in wanted]:
        return BY_SYNONYM
    stands_for = known or meaning(column)
    if stands_for and any(_MEANINGS.get(one) == stands_for for one in wanted):
        return BY_SYNONYM
    if not stands_for and any(_misspelled(name, one) for one in wanted):
        return BY_SPELLING
    return None


def _misspelled(name: str, wanted: str) -> bool:
    if (
        min(len(name), len(wanted)) < 5
        or abs(len(name) - len(wanted)) > 2
        or name in wanted
        or wanted in name
    ):
        return False
    return difflib.SequenceMatcher(None, name, wanted, autojunk=False).ratio() >= 0.85
