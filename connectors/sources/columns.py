"""What the columns of a file hold, and whether a row with too few or too many cells still says where its cells belong.

A delimiter that is missing or one too many moves every cell behind it into the next column. Such a row is told by
what its cells look like (an address where the others have a date) and by which columns are never blank. Where that
leaves it open, the row is not laid out: it is set aside, and a person decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["NOTHING_KNOWN", "SPOKEN", "Columns", "kind_of", "seen_in"]

_KIND = re.compile(
    rb"(?P<email>[^@\s]+@[^@\s]+\.[^@\s]+)|(?P<url>(?:https?://|www\.)\S+)"
    rb"|(?P<date>\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d.*)?)|(?P<time>\d{1,2}:\d\d(?::\d\d)?)"
    rb"|(?P<number>[-+(]?\s*(?:[$]|\xe2\x82\xac|\xc2\xa3)?\s*\d+(?:[.,' ]\d{3})*(?:[.,]\d*)?\s*(?:[%$]|\xe2\x82\xac|\xc2\xa3)?\)?)"
    rb"|(?P<phone>\+?[\d ()/.-]{6,})|(?P<flag>true|false|yes|no)",
    re.IGNORECASE | re.DOTALL,
)
SPOKEN = {
    "email": "an e-mail address", "url": "a web address", "date": "a date", "time": "a time", "number": "a number",
    "phone": "a phone number", "flag": "yes or no", "text": "text", "": "nothing",
}  # fmt: skip
_ENOUGH = 4
"""Cells that have to be seen of a column before anything is expected of it."""
_USUAL = 0.05
_MOST_LOST = 20
"""Delimiters that are looked for in a row; where more are missing, nothing is certain."""
_WHOLE = frozenset({"number", "date", "time", "flag"})
"""Kinds that two cells written together are not, unless both are."""


def kind_of(cell: bytes) -> str:
    """What a cell looks like; "" for a blank one, "text" for whatever is nothing else."""
    text = cell.strip()
    if not text:
        return ""
    found = _KIND.fullmatch(text[:500])
    return (found.lastgroup if found else None) or "text"


@dataclass(frozen=True, slots=True)
class Columns:
    """By column, the kinds of cells that are usual in it ("" among them: it may be blank); empty: nothing is known.

    `trailing`: whether rows of this file are often seen with blank cells too many at their end.
    """

    kinds: tuple[frozenset[str], ...] = ()
    trailing: bool = False

    def misplaced(self, cells: Sequence[bytes], names: Sequence[str]) -> str:
        """Why it is not certain which column each cell belongs to; "" where it is. `names` are the columns'.

        A row with more cells than columns is asked about only where those at its end are blank.
        """
        width, count = len(names), len(cells)
        if len(self.kinds) != width or count == width:
            return ""
        kinds = [kind_of(cell) for cell in cells]
        has = f"{count} cell{'s' if count > 1 else ''} where the header has {width}"
        wrong = [at for at in range(min(count, width)) if self._odd(kinds[at], at)]
        if count > width:
            moved = self._without_blanks(kinds, width)
            if moved is None or moved > len(wrong) or (moved == len(wrong) and self.trailing):
                return ""
            return f"{has}, and a blank one before others"
        filled = [at for at in wrong if kinds[at]]
        if filled:
            at = filled[0]
            return f"{has}, and {SPOKEN[kinds[at]]} in the place of {names[at] or f'column {at + 1}'}"
        missing = [*wrong, *(at for at in range(count, width) if self._odd("", at))]
        if not missing or (1 < count >= width - _MOST_LOST and self._written_together(kinds, width) > 0):
            return ""
        return f"{has}, and {names[missing[0]] or f'column {missing[0] + 1}'} is blank in no other row"

    def _odd(self, kind: str, at: int) -> bool:
        known = self.kinds[at]
        return bool(known) and kind not in known

    def _without_blanks(self, kinds: list[str], width: int) -> int | None:
        """The fewest cells out of place when blank ones are taken out before others; None: no blank one is there."""
        extra = len(kinds) - width
        last = max((at for at, kind in enumerate(kinds) if kind), default=-1)
        best: int | None = None
        blanks = [at for at in range(last) if not kinds[at]]
        if len(blanks) * extra > 200:
            return 0
        for at in blanks:
            for run in range(1, extra + 1):
                if at + run > last or any(kinds[at : at + run]):
                    break
                moved = (kinds[:at] + kinds[at + run :])[:width]
                odd = sum(1 for place, kind in enumerate(moved) if self._odd(kind, place))
                best = odd if best is None else min(best, odd)
        return best

    def _written_together(self, kinds: list[str], width: int) -> int:
        """The fewest cells out of place when all columns are there, some of them in one cell, and a cell has moved."""
        far = len(kinds) + width
        # by how many columns are covered: the fewest odd cells while none has moved, and when one has
        costs: dict[tuple[int, bool], int] = {(0, False): 0}
        for place, kind in enumerate(kinds):
            following: dict[tuple[int, bool], int] = {}
            for (covered, moved), cost in costs.items():
                for until in range(covered + 1, covered + 2 + width - len(kinds)):
                    if until > width:
                        break
                    one = until == covered + 1
                    odd = self._odd(kind, covered) if one else self._no_two(kind, covered, until)
                    state = (until, moved or covered > place)
                    following[state] = min(following.get(state, far), cost + odd)
            costs = following
        return costs.get((width, True), far)

    def _no_two(self, kind: str, begin: int, end: int) -> bool:
        """Whether a cell cannot hold what belongs into the columns from `begin` to `end`."""
        if not kind:
            return any(self._odd("", at) for at in range(begin, end))
        if kind not in _WHOLE:
            return False
        return any(self.kinds[at] and not self.kinds[at] & {kind, ""} for at in range(begin, end))


NOTHING_KNOWN = Columns()


def seen_in(rows: Sequence[Sequence[bytes]], width: int) -> Columns:
    """What the columns hold, from the first rows below the header."""
    full = [row for row in rows if len(row) == width]
    short = [row for row in rows if 0 < len(row) < width]
    trailing = [row for row in rows if len(row) > width and not any(cell.strip() for cell in row[width:])]
    regular = max(2, len(rows) * 0.01)
    kinds: list[frozenset[str]] = []
    for at in range(width):
        counts = Counter(kind_of(row[at]) for row in (*full, *(row[:width] for row in trailing)))
        if sum(1 for row in short if len(row) <= at) >= regular:  # such files leave blank ends out
            counts[""] += 1
        filled = counts.total() - counts[""]
        usual = {kind for kind, count in counts.items() if not kind or count >= _USUAL * filled}
        kinds.append(frozenset(usual if filled >= _ENOUGH else ()))
    return Columns(tuple(kinds), len(trailing) >= regular)
