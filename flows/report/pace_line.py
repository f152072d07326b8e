"""How fast answers came over the time of a run: as a picture, and as a few numbers for who cannot see one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

__all__ = ["pace_line"]

_STEPS, _SPANS = 150, 12


def pace_line(series: Sequence[tuple[int, int]], allowed: float | None) -> dict[str, Any]:
    """Answers per second over the run, from pairs of second and answers.

    `points` are a polygon in a picture of 600 by 100, whose upper edge is `top` a second; long runs are averaged over
    `step` seconds. `spans` are at most twelve lines of a table: first second, last second, answers, answers a second.
    """
    first, last = min(second for second, _ in series), max(second for second, _ in series)
    seconds = last - first + 1
    step = -(-seconds // _STEPS)
    bins = [0.0] * -(-seconds // step)
    for second, answers in series:
        bins[(second - first) // step] += answers
    widths = [min(step, seconds - index * step) for index in range(len(bins))]
    rates = [total / width for total, width in zip(bins, widths, strict=True)]
    top = max([*rates, allowed or 0, 1]) / 0.96
    steps = []
    for index, rate in enumerate(rates):
        y = 100 - rate / top * 100
        left, right = index / len(rates) * 600, (index + 1) / len(rates) * 600
        steps.append(f"{left:.1f},{y:.1f} {right:.1f},{y:.1f}")
    return {
        "points": Markup("0,100 {} 600,100").format(Markup(" ").join(map(escape, steps))),
        "limit": None if allowed is None else f"{100 - allowed / top * 100:.1f}",
        "top": max([*rates, allowed or 0, 1]),
        "seconds": seconds,
        "peak": max(answers for _, answers in series),
        "mean": sum(answers for _, answers in series) / seconds,
        "step": step,
        "spans": _spans(series, first, seconds),
    }


def _spans(series: Sequence[tuple[int, int]], first: int, seconds: int) -> list[tuple[int, int, int, float]]:
    """The run in at most twelve pieces of the same length, the last one perhaps shorter."""
    length = -(-seconds // _SPANS)
    answers = [0] * -(-seconds // length)
    for second, count in series:
        answers[(second - first) // length] += count
    found = []
    for index, count in enumerate(answers):
        begin, end = index * length, min(seconds, (index + 1) * length)
        found.append((begin, end, count, count / (end - begin)))
    return found
