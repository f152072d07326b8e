"""Countries in other languages than English: which codes their names are."""

from __future__ import annotations

import gettext

import pyarrow as pa

from mappings.engine.suggesting.column import Column
from mappings.engine.suggesting.names import fold
from mappings.engine.transforms import Settings, transform

__all__ = ["translated"]

_LANGUAGES = ("de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "tr")


def translated(column: Column) -> tuple[dict[str, str], dict[str, int]]:
    """The codes of the names that muster does not know by itself, and the texts that stay unknown, each with its cells.

    One language has to explain them: what is a country in one may be another word elsewhere.
    """
    texts = list(column.counts)
    known = transform("country")(pa.array(texts, pa.string()), Settings()).values.is_valid().to_pylist()
    strange = [text for text, is_known in zip(texts, known, strict=True) if not is_known]
    tables = (_found(strange, language) for language in _LANGUAGES) if strange else ()
    best = max(tables, key=len, default={})
    return best, {text: column.counts[text] for text in strange if text not in best}


def _found(texts: list[str], language: str) -> dict[str, str]:
    import pycountry  # noqa: PLC0415 - only where countries are suggested

    words = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
    codes: dict[str, str] = {}
    for country in pycountry.countries:
        for name in (country.name, getattr(country, "common_name", country.name)):
            codes.setdefault(fold(words.gettext(name)), country.alpha_2)
    return {text: codes[fold(text)] for text in texts if fold(text) in codes}
