"""What a plan and a report say of a list that was read page by page."""

from __future__ import annotations

import time

from connectors.listing import Survey
from flows.report.details import ListingFacts, Twice

__all__ = ["facts_of", "twice_of"]


def facts_of(survey: Survey | None) -> ListingFacts | None:
    """None where the destination is not read so, or nothing was read."""
    if survey is None:
        return None
    age = None if survey.known_since is None else max(0.0, time.time() - survey.known_since) / 3600
    return ListingFacts(
        contacts=survey.contacts,
        pages=survey.pages,
        read=survey.read,
        hours_old=age if age is None else round(age, 4),
        why=survey.why,
        twice=len(survey.twice),
    )


def twice_of(survey: Survey | None, most: int | None = None) -> list[Twice]:
    """The addresses that several contacts have there, in order; the first `most` of them."""
    found = sorted(survey.twice.items()) if survey is not None else []
    return [Twice(address=address, ids=list(ids)) for address, ids in found[:most]]
