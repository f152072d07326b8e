"""Parameters that look like a key: Prefect keeps parameters and shows them, so that keys never go there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

__all__ = ["looks_like_a_key", "shown"]

_SECRET = re.compile(r"(api[-_]?key|token|secret|passw|signature|credential)|^(key|sig|pwd)$", re.IGNORECASE)
_SETTING = re.compile(r"(_API_KEY|_TOKEN|_SECRET|_PASSWORD|_KEY)$")
_KNOWN = re.compile(r"^(sk|pk|rk|xox[abp]|gh[pousr]|AKIA|eyJ)[-_A-Za-z0-9]{12,}$")


def looks_like_a_key(text: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether a text holds a key, or a password: one that is set in the environment, in an address, or shaped as such.

    >>> looks_like_a_key("sftp://crm:hunter2@files.example.com/in/*.csv", {}), looks_like_a_key("exports/*.csv", {})
    (True, False)
    >>> looks_like_a_key("https://files.example.com/a.csv?X-Amz-Signature=0a1b", {})
    True
    >>> looks_like_a_key("cl-live-1234567", {"CAMPAIGNLARK_API_KEY": "cl-live-1234567"})
    True
    """
    for name, value in (os.environ if environment is None else environment).items():
        if _SETTING.search(name) and len(value) >= 8 and value in text:
            return True
    if _KNOWN.match(text):
        return True
    if "://" not in text:
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.password) or any(_SECRET.search(name) for name, _ in parse_qsl(parts.query))
    except ValueError:
        return False


def shown(name: str) -> str:
    """A name as Prefect may show it: what holds a key or an address of somebody's is left out.

    >>> shown("monday.csv"), shown("ann@example.com.csv"), shown("sftp://crm:hunter2@files.example.com/a.csv")
    ('monday.csv', '…', '…')
    """
    return "…" if "@" in name or looks_like_a_key(name) else name
