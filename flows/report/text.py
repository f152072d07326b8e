"""Strangers' text on a page: escaped, what cannot be seen in it is named, and it is cut at a length."""

from __future__ import annotations

import base64
import functools
import hashlib
import unicodedata
from datetime import UTC, datetime
from typing import Any

import jinja2
from markupsafe import Markup, escape

from flows.report.wording import pace

__all__ = ["drawn_by", "percent", "shown", "value"]

VALUE_SHOWN, TEXT_SHOWN = 160, 500


def shown(text: str) -> str:
    """The text with what cannot be seen in it named, such as ⟨zero width space⟩."""
    if text.isprintable() and not _HOLLOW & set(text):
        return text
    return "".join(c if c.isprintable() and c not in _HOLLOW else f"⟨{_name(c)}⟩" for c in text)


_HOLLOW = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")  # letters, to Unicode, that nobody can see
_NAMES = {"\t": "tab", "\n": "line break", "\r": "carriage return", "\0": "NUL"}


def _name(character: str) -> str:
    return _NAMES.get(character) or unicodedata.name(character, "").lower() or f"U+{ord(character):04X}"


def value(text: str, length: int | None = None) -> Markup:
    """A cell's value: what is invisible is named and marked, blanks at its ends too. `length`: before it was cut."""
    if not text:
        return Markup('<em class="quiet">blank</em>')
    whole = len(text) if length is None else length
    body = text.strip(" ")
    before = len(text) - len(text.lstrip(" "))
    ends = text[:before], text[before + len(body) :] if body else ""
    pieces = [Markup("").join(_mark("space") for _ in ends[0])]
    pieces += [escape(c) if shown(c) == c else _mark(_name(c)) for c in body]
    pieces += [Markup("").join(_mark("space") for _ in ends[1])]
    rest = Markup(' <em class="quiet">… {:,} characters</em>').format(whole) if whole > len(text) else ""
    return Markup('<bdi class="value">{}</bdi>{}').format(Markup("").join(pieces), rest)


def _cell(text: str) -> Markup:
    """A value of any length, cut where it is long."""
    return value(text[:VALUE_SHOWN], len(text))


def _mark(name: str) -> Markup:
    return Markup('<span class="unseen">⟨{}⟩</span>').format(name)


def _finalize(thing: Any) -> Any:
    """What every expression of the template goes through: no invisible characters, no endless text."""
    if not isinstance(thing, str) or isinstance(thing, Markup):
        return thing
    return shown(thing if len(thing) <= TEXT_SHOWN else thing[: TEXT_SHOWN - 1] + "…")


def percent(share: float) -> str:
    """A share in percent that says 0% and 100% only of nothing and all."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share * 100:.1f}".removesuffix(".0") + "%"


def moment(time: datetime) -> Markup:
    there = time.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        there.isoformat(timespec="seconds"), f"{there.day} {there:%B %Y, %H:%M:%S} UTC"
    )


def _ticked(text: str) -> Markup:
    """What stands between backticks as code."""
    pieces = (escape(piece) for piece in shown(text).split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else piece for index, piece in enumerate(pieces)
    )


def _digest(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


@functools.cache
def drawn_by(name: str) -> jinja2.Template:
    """The template in the file `name`: every expression in it is escaped and made visible. Compiled once: it takes long."""
    around = jinja2.Environment(
        loader=jinja2.PackageLoader("flows.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    around.filters.update(
        {
            "n": lambda count: f"{count:,}",
            "percent": percent,
            "pace": pace,
            "value": value,
            "cell": _cell,
            "moment": moment,
            "ticked": _ticked,
            "digest": _digest,
        }
    )
    return around.get_template(name)
