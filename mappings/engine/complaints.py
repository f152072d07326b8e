"""What is wrong with a mapping, with the place in its file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Complaint", "MappingInvalid", "listed", "nearest", "visible"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing to mend: `file`, `line` (from 1), the `key` as a dotted path, what is wrong and what to do."""

    file: str
    line: int
    key: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        named = f"{place}: {self.key}: " if self.key else f"{place}: "
        return visible(f"{named}{self.what}" + (f" {self.fix}" if self.fix else ""))


class MappingInvalid(Exception):  # noqa: N818 - it says what the mapping is, not that something failed
    """The mapping cannot be used; `complaints` holds everything that is wrong with it, in file order."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(sorted(complaints, key=lambda c: (c.line, c.key)))
        super().__init__("\n".join(map(str, self.complaints)))


def visible(text: str) -> str:
    r"""The text with control characters written out, so that no file can speak to a terminal.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def listed(names: Iterable[str], most: int = 12, longest: int = 40) -> str:
    """Names as a message lists them: the first few, each cut."""
    known = list(names)
    shown = [name if len(name) <= longest else name[: longest - 1] + "…" for name in known[:most]]
    return ", ".join(shown) + (f" and {len(known) - most} more" if len(known) > most else "")


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name that is most like `name`, or an empty text; `likeness` from 0 to 1 is the least that counts.

    >>> nearest("first_nam", ["first_name", "last_name"])
    'first_name'
    >>> nearest("E-Mail", ["Email", "Phone"])
    'Email'
    >>> nearest("xyz", ["Email"])
    ''
    """
    folded = {_folded(option): option for option in known}
    found = difflib.get_close_matches(_folded(name), folded, n=1, cutoff=likeness)
    return folded[found[0]] if found else ""


def _folded(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum()) or name
