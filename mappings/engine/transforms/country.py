"""country: names and codes become ISO 3166 alpha-2 codes."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import pyarrow as pa

from mappings.engine.complaints import nearest
from mappings.engine.transforms import Converted, Settings, by_value

# What people write and ISO does not.
_COMMON = {
    "usa": "US", "u.s.a.": "US", "u.s.": "US", "united states of america": "US", "america": "US",
    "uk": "GB", "u.k.": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB",
    "wales": "GB", "northern ireland": "GB", "the netherlands": "NL", "holland": "NL", "russia": "RU",
    "south korea": "KR", "korea": "KR", "republic of korea": "KR", "north korea": "KP", "vietnam": "VN", "viet nam": "VN",
    "czech republic": "CZ", "czechia": "CZ", "ivory coast": "CI", "cape verde": "CV", "laos": "LA", "syria": "SY",
    "iran": "IR", "bolivia": "BO", "venezuela": "VE", "tanzania": "TZ", "moldova": "MD", "macedonia": "MK",
    "brunei": "BN", "palestine": "PS", "vatican": "VA", "vatican city": "VA", "turkey": "TR", "turkiye": "TR",
    "taiwan": "TW", "macau": "MO", "hong kong sar": "HK", "uae": "AE", "swaziland": "SZ", "burma": "MM",
    "east timor": "TL", "congo": "CG", "dr congo": "CD", "democratic republic of the congo": "CD", "kosovo": "XK",
    "micronesia": "FM", "the gambia": "GM", "the bahamas": "BS", "deutschland": "DE", "osterreich": "AT", "schweiz": "CH",
    "suisse": "CH", "espana": "ES", "italia": "IT", "brasil": "BR", "mexico": "MX", "nederland": "NL", "belgie": "BE",
    "belgique": "BE", "danmark": "DK", "sverige": "SE", "norge": "NO", "suomi": "FI", "polska": "PL", "frankreich": "FR",
    "p.r. china": "CN", "pr china": "CN", "prc": "CN", "people's republic of china": "CN", "mainland china": "CN",
}  # fmt: skip


def convert(texts: pa.Array, settings: Settings) -> Converted:  # noqa: ARG001 - every type is asked the same way
    """Two letters, upper case.

    >>> found = convert(pa.array(["Germany", "usa", "de", "GBR", "Atlantis", ""]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['DE', 'US', 'DE', 'GB', None, None], [4])
    """
    return by_value(texts, _canonical)


def _canonical(text: str) -> str | tuple[str, dict[str, Any]]:
    names, shown = _names()
    code = names.get(_plain(text))
    if code:
        return code
    like = nearest(text, shown, likeness=0.75)
    return "country_unknown", {"suggestion": f"; the nearest is {like} ({shown[like]})" if like else ""}


@functools.cache
def _names() -> tuple[dict[str, str], dict[str, str]]:
    import pycountry  # noqa: PLC0415 - only where countries are mapped

    names = dict(_COMMON)
    shown: dict[str, str] = {}
    for country in pycountry.countries:
        code = country.alpha_2
        shown[country.name] = code
        for key in ("alpha_2", "alpha_3", "name", "official_name", "common_name"):
            name = getattr(country, key, None)
            if name:
                names[_plain(name)] = code
    names.setdefault("xk", "XK")
    return names, shown


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return (
        "".join(c for c in decomposed if not unicodedata.combining(c))
        .replace("’", "'")
        .replace("&", "and")
        .strip()
    )
