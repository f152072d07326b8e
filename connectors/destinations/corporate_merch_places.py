"""States and provinces: the US and Canada have codes of two letters there, all other countries any text.

Source: the update page ("a valid 2-letter US state code", "a valid 2-letter Canadian province/territory code"); the
codes are the postal ones of both countries. Whether the US' territories and military addresses count as states is
not documented: they are sent, with a warning.
"""

from __future__ import annotations

import unicodedata

from mappings.engine.complaints import nearest

__all__ = ["is_territory", "state_code", "state_known", "suggested"]

_US = """
AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut; DE Delaware; FL Florida;
GA Georgia; HI Hawaii; ID Idaho; IL Illinois; IN Indiana; IA Iowa; KS Kansas; KY Kentucky; LA Louisiana; ME Maine;
MD Maryland; MA Massachusetts; MI Michigan; MN Minnesota; MS Mississippi; MO Missouri; MT Montana; NE Nebraska;
NV Nevada; NH New Hampshire; NJ New Jersey; NM New Mexico; NY New York; NC North Carolina; ND North Dakota; OH Ohio;
OK Oklahoma; OR Oregon; PA Pennsylvania; RI Rhode Island; SC South Carolina; SD South Dakota; TN Tennessee; TX Texas;
UT Utah; VT Vermont; VA Virginia; WA Washington; WV West Virginia; WI Wisconsin; WY Wyoming; DC District of Columbia;
DC Washington DC
"""
_TERRITORIES = """
AS American Samoa; GU Guam; MP Northern Mariana Islands; PR Puerto Rico; VI Virgin Islands; VI US Virgin Islands;
UM US Minor Outlying Islands; AA Armed Forces Americas; AE Armed Forces Europe; AP Armed Forces Pacific
"""
_CANADA = """
AB Alberta; BC British Columbia; MB Manitoba; NB New Brunswick; NL Newfoundland and Labrador; NL Newfoundland;
NS Nova Scotia; NT Northwest Territories; NU Nunavut; ON Ontario; PE Prince Edward Island; QC Quebec; SK Saskatchewan;
YT Yukon; YT Yukon Territory
"""


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(
        c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c) and c != "."
    )
    return " ".join(letters.split())


def _table(text: str) -> dict[str, str]:
    """Codes by themselves and by the names, as they are compared."""
    pairs = [entry.strip().split(" ", 1) for entry in text.split(";")]
    return {_plain(name): code for code, name in pairs} | {code.lower(): code for code, _ in pairs}


_KNOWN = {"US": _table(_US) | _table(_TERRITORIES), "CA": _table(_CANADA)}
_OUTSIDE = frozenset(_table(_TERRITORIES).values())


def state_code(country: str, state: str) -> str:
    """The state as it has to be written there; as it is where no code is known for it.

    >>> state_code("US", "new york"), state_code("CA", "Québec"), state_code("DE", "Sachsen"), state_code("US", "XX")
    ('NY', 'QC', 'Sachsen', 'XX')
    """
    return _KNOWN.get(country, {}).get(_plain(state), state)


def state_known(country: str, state: str) -> bool:
    """Whether the destination takes it: a code where there are codes, anything elsewhere."""
    return country not in _KNOWN or state in _KNOWN[country].values()


def is_territory(country: str, state: str) -> bool:
    """Whether it is a code of the US that may not count as a state's."""
    return country == "US" and state in _OUTSIDE


def suggested(country: str, state: str) -> str:
    """The code that is nearest to a text, with its name; "not known" for none.

    >>> suggested("US", "Californa")
    'CA (california)'
    """
    names = {name: code for name, code in _KNOWN.get(country, {}).items() if len(name) > 2}
    like = nearest(_plain(state), names, likeness=0.75)
    return f"{names[like]} ({like})" if like else "not known"
