"""The names of tags or lists that exist at the destination, and those that a mapping may add to them."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import nearest

__all__ = ["Memberships", "number_of"]

_LARGEST = 2**31


class Memberships:
    """Names are compared without case and spelled as they are there. `new` are those that are not there yet.

    >>> tags = Memberships("tag_unknown", ["VIP"], create=True)
    >>> tags.spelled("vip"), tags.spelled("fan"), tags.spelled("FAN"), tags.new
    ('VIP', 'fan', 'fan', ['fan'])
    """

    def __init__(
        self, code: str, there: Iterable[str] | None, *, create: bool = False, numbered: str = ""
    ) -> None:
        """`code` is the problem of a name that is not there. `there` is None where nobody could be asked: all names are taken as they are.

        `numbered`: `tags` or `lists` where the names are numbers, whose being there nobody can ask.
        """
        self._code = code
        self._numbered = numbered
        self._known = {name.casefold(): name for name in there or ()}
        self._preferred: dict[str, str] = {}
        self._there = list(self._known.values())
        self._asked = there is not None
        self._create = create
        self.new: list[str] = []

    @property
    def learns(self) -> bool:
        """Whether names of rows are taken as they are: then the first spelling counts for all rows that follow."""
        return not self._numbered and (self._create or not self._asked)

    def add(self, name: str) -> None:
        """A name that will be there, because the mapping itself brings it."""
        if self._known.setdefault(name.casefold(), name) == name and name not in self._there:
            self.new.append(name)

    def prefer(self, name: str) -> None:
        """The spelling of a name, should it be brought: rows that give it and rows that take it away mean one."""
        self._preferred.setdefault(name.casefold(), name)

    def spelled(self, name: str) -> str | tuple[str, dict[str, object]]:
        """The name as it is spelled there; a problem's code and detail where it is not there and not to be created."""
        if self._numbered:
            number = number_of(name)
            return number or ("number_needed", {"value": name, "kind": self._numbered})
        found = self._known.get(name.casefold())
        if found is not None:
            return found
        if self._create or not self._asked:
            name = self._preferred.get(name.casefold(), name)
            self.add(name)
            return name
        like = nearest(name, self._known.values())
        return self._code, {"value": name, "suggestion": f"; the nearest is {like}" if like else ""}

    def written(self, names: Iterable[str]) -> list[str]:
        """Names of the mapping itself, which fit (see `fitting`), as they are spelled there."""
        return [
            found for found in (self.spelled(clean_text(name)) for name in names) if isinstance(found, str)
        ]

    def there(self, names: Iterable[str]) -> list[str]:
        """Names to be taken away, as they are spelled there; one that is not there is not brought by this."""
        cleaned = [clean_text(name) for name in names]
        if self._numbered:
            return [number_of(name) or name for name in cleaned]
        spelled = self._preferred | self._known
        return [spelled.get(name.casefold(), name) for name in cleaned]


def number_of(name: str) -> str:
    """A number that a tag or list is known by, as it is written; '' where it is none.

    >>> number_of("012"), number_of("vip"), number_of("4000000000")
    ('12', '', '')
    """
    digits = name.isascii() and name.isdecimal() and len(name) < 20
    return str(int(name)) if digits and int(name) < _LARGEST else ""
