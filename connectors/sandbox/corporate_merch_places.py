"""The states and provinces that Corporate Merch knows by a code of two letters: those of the US and of Canada.

Source: the update page says "a valid 2-letter US state code" and "a valid 2-letter Canadian province/territory code"
without listing them; these are the postal codes of both countries.
"""

from __future__ import annotations

__all__ = ["PROVINCES", "STATES", "TERRITORIES"]

# fmt: off
STATES = frozenset([
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME",
    "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA",
    "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "DC",
])
# fmt: on
TERRITORIES = frozenset(["AS", "GU", "MP", "PR", "VI", "UM", "AA", "AE", "AP"])
"""Whether they count as US states is not documented: a switch."""
PROVINCES = frozenset(["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"])
