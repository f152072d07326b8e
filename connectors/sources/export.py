"""What is known of a product's export, whatever the account that it comes from.

A kind of export is a file of this folder with an `EXPORT`, which `recognising.opened` turns into a source. Names of columns are compared
without case, and with white space and apostrophes folded; the same column has a name for each language that the product is used in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import SourceFacts

__all__ = ["Export", "folded"]


def folded(name: str) -> str:
    """A column's name as it is compared; a typographic apostrophe is one.

    >>> folded(" Record  ID "), folded("Nom de l\u2019entreprise")
    ('record id', "nom de l'entreprise")
    """
    return " ".join(name.replace("’", "'").split()).casefold()


@dataclass(frozen=True, slots=True)
class Export:
    """A product's export of contacts.

    `signs` are sets of columns; a header that has all of one set is this product's, and no other's. `columns` are the names
    of what is known, by meaning (see mappings.engine.suggesting.names), in each language. `out`, `wanted` and `status` are the
    columns that speak of consent: a yes is an opt-out, a no is one, or a text says it; `out_prefixes` those that the account names itself.
    `person` are the columns with the product's own id, the best first. `formats` are how dates are written, by column.
    """

    product: str
    signs: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]
    person: tuple[str, ...] = ()
    out: tuple[str, ...] = ()
    out_prefixes: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    separator: str = ";"
    formats: Mapping[str, str] = field(default_factory=dict)

    def signs_in(self, header: Sequence[str]) -> list[tuple[str, ...]]:
        """The sets of columns, all of them in the header, by which it is this product's."""
        given = {folded(name) for name in header}
        return [sign for sign in self.signs if all(folded(name) in given for name in sign)]

    def names(self) -> frozenset[str]:
        """The folded names of all columns that are known."""
        by_meaning = [name for names in self.columns.values() for name in names]
        of_signs = [name for sign in self.signs for name in sign]
        others = (*self.person, *self.out, *self.wanted, *self.status)
        return frozenset(folded(name) for name in (*by_meaning, *of_signs, *others))

    def facts(self, header: Sequence[str]) -> SourceFacts:
        """What is known of the columns of a header."""
        known = {folded(name): meaning for meaning, names in self.columns.items() for name in names}
        formats = {folded(name): format_ for name, format_ in self.formats.items()}
        by_name = {folded(name): name for name in reversed(header)}
        return SourceFacts(
            person_column=next(
                (by_name[folded(name)] for name in self.person if folded(name) in by_name), ""
            ),
            list_separator=self.separator,
            product=self.product,
            consents=dict(self._consents(header)),
            meanings={by_name[name]: meaning for name, meaning in known.items() if name in by_name},
            formats={name: formats[folded(name)] for name in header if folded(name) in formats},
        )

    def _consents(self, header: Sequence[str]) -> Iterator[tuple[str, str]]:
        ways = {"out": self.out, "in": self.wanted, "status": self.status}
        known = {folded(name): way for way, names in ways.items() for name in names}
        prefixes = tuple(folded(prefix) for prefix in self.out_prefixes)
        for name in header:
            if way := known.get(folded(name), ""):
                yield name, way
            elif prefixes and folded(name).startswith(prefixes):
                yield name, "out"
