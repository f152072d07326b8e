"""The ten scores of the Pollock benchmark, as its `metrics.py` counts them, and their averages.

Success, and precision, recall and F1 of the header's cells, of the rows and of all cells; each from 0 to 1. Rows and cells are
compared as multisets, rows by their cells put together, header and rows without upper and lower case. Pollock also takes
`1.0` and `1`, or two spellings of a day, for the same; here text has to be the same text.
Weights: how often a pollution was seen in 3,712 files of two open data portals, from its `pollock_weights.json`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["MEASURES", "WEIGHTS", "scored", "weighted"]

MEASURES = (
    "success",
    *(f"{what} {how}" for what in ("header", "row", "cell") for how in ("precision", "recall", "F1")),
)
WEIGHTS = {
    "source": 1.0, "no_payload": 15.0, "no_trailing_newline": 184.0, "double_trailing_newline": 5.0, "no_header": 470.0,
    "header_multirow": 94.0, "preamble": 282.0, "multitable": 188.0, "header_only": 3.0, "one_data_row": 4.0, "record_delimiter_CR": 7.0,
    "record_delimiter_LF": 1691.0, "field_delimiter_tab": 4.0, "field_delimiter_semicolon": 834.0, "field_delimiter_space": 4.0,
    "field_delimiter_comma_space": 101.0, "quotation_single": 11.0, "escape_backslash": 1.0, "escape_missing": 7.0,
    "row_less_sep": 672 * 0.3678, "row_more_sep": 756 * 0.3678, "row_space": 84 / 7, "row_extra_quote": 756 * 0.00926,
}  # fmt: skip
"""What all files of a family weigh together."""


def scored(expected: Sequence[Sequence[str]], found: Sequence[Sequence[str]] | None) -> list[float]:
    """The scores in the order of MEASURES. `found` is None where a reader gave up."""
    if found is None:
        return [0.0] * 10
    if not expected:
        return [1.0] * 10
    folded = [[cell.lower() for cell in row] for row in expected]
    read = [[cell.lower() for cell in row] for row in found]
    return [
        1.0,
        *_compared(folded[0], read[0] if read else []),
        *_compared(map("".join, folded[1:]), map("".join, read[1:])),
        *_compared([cell for row in expected for cell in row], [cell for row in found for cell in row]),
    ]


def _compared(expected: Iterable[str], found: Iterable[str]) -> list[float]:
    wanted, had = Counter(expected), Counter(found)
    if not wanted:
        return [1.0] * 3
    both = (wanted & had).total()
    if not both:
        return [0.0] * 3
    share, purity = both / wanted.total(), both / had.total()
    return [share, purity, 2 * share * purity / (share + purity)]


def weighted(families: dict[str, list[float]]) -> float:
    """The average of what each family's files scored, by how often it is met."""
    seen = {name: WEIGHTS[name] for name in families if name in WEIGHTS}
    return sum(weight * sum(families[name]) / len(families[name]) for name, weight in seen.items()) / sum(
        seen.values()
    )
