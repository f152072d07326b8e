"""Where a ledger's PostgreSQL is, and how it is shown: without user and password."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.errors import LedgerError

__all__ = ["Address"]

_SCHEMA = "muster"
_ALIVE = {
    "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}  # fmt: skip


class Address:
    """Where the server is: a URL such as postgresql://user@host:5432/database, with `?schema=` for another schema than muster."""

    def __init__(self, url: str) -> None:
        parts = _parts(url.strip())
        if parts is None or parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
            raise LedgerError(
                "MUSTER_LEDGER_URL is no address of a PostgreSQL database.",
                "It is like postgresql://USER@HOST:5432/DATABASE, with signs such as / @ # ? : in a password written as %2F and so on; "
                "without it, the ledger is a file in MUSTER_HOME.",
            )
        given = parse_qsl(parts.query)
        self.schema = next((value for name, value in given if name == "schema"), _SCHEMA)
        known = {"application_name": "muster", **_ALIVE, **dict(given)}
        query = urlencode({name: value for name, value in known.items() if name != "schema"})
        self.conninfo = urlunsplit(parts._replace(query=query))
        host = parts.netloc.rpartition("@")[2] or next((v for n, v in given if n == "host"), "localhost")
        self.shown = f"postgresql://{host}{parts.path}" + (
            f"?schema={self.schema}" if self.schema != _SCHEMA else ""
        )


def _parts(url: str) -> SplitResult | None:
    """An address in its parts; None where it is none, such as one whose password has signs that end it. Nothing of it is said."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if "@" in parts.path + parts.query + parts.fragment or parts.fragment else parts
