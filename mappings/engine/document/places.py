"""Places where files come from: a folder, or an address such as s3://bucket/out."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

__all__ = ["PlaceUrl"]


def _without_secrets(place: str) -> str:
    """A place as it was written. Raises ValueError for one with a password in it, or with nothing in it.

    >>> _without_secrets("sftp://crm@files.example.com/out/*.csv")
    'sftp://crm@files.example.com/out/*.csv'
    """
    if not place.strip():
        raise ValueError("name a folder, or an address such as s3://bucket/out.")
    if re.match(r"[a-z][a-z0-9+.-]*://", place, re.IGNORECASE):
        before, at, _ = urlsplit(place).netloc.rpartition("@")
        if at and ":" in before:
            raise ValueError(
                "there is a password in the address, and a mapping is read by many: leave it out, "
                "and set MUSTER_SFTP_PASSWORD, MUSTER_SFTP_KEY or AWS_SECRET_ACCESS_KEY where muster runs."
            )
    return place


PlaceUrl = Annotated[str, AfterValidator(_without_secrets)]
"""A folder seen from the mapping's, or an address."""
