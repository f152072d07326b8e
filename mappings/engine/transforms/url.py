"""url: web addresses."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value

_HOST = re.compile(r"(?=.{4,253}$)([^\W_]([\w-]{0,61}[^\W_])?\.)+([^\W\d_]{2,63}|xn--[a-z0-9-]{2,59})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def convert(texts: pa.Array, settings: Settings) -> Converted:  # noqa: ARG001 - every type is asked the same way
    """`http://` or `https://` and a host; `https://` is added where there is none.

    >>> found = convert(pa.array(["example.com/a", "HTTP://Example.com", "ftp://example.com", "n/a"]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['https://example.com/a', 'http://example.com', None, None], [2, 3])
    """
    return by_value(texts, _canonical)


def _canonical(text: str) -> str | tuple[str, dict[str, Any]]:
    given = text if _SCHEME.match(text) else f"https://{text}"
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "url_syntax", {}
    if (
        parts.scheme not in ("http", "https")
        or " " in text
        or not _HOST.fullmatch(host)
        or "@" in parts.netloc
    ):
        return "url_syntax", {}
    place = host if port is None else f"{host}:{port}"
    return parts._replace(netloc=place).geturl()
