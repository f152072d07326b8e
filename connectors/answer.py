"""What an answer means for what was asked: a table of statuses, which a destination adds to, and what came back."""

from __future__ import annotations

import contextlib
import enum
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

__all__ = ["MEANINGS", "Answer", "Meaning", "message", "parsed"]

_READER = json.JSONDecoder(parse_constant=lambda _: None)


class Meaning(enum.Enum):
    """What an answer means for what was asked."""

    DONE = "done"
    REFUSED = "refused"  # no for good
    AGAIN = "again"  # no for now, and surely not applied
    SLOW_DOWN = "slow down"  # pacing, not an attempt
    STOP = "stop"  # the key is no good: nobody else needs to be tried
    UNCLEAR = "unclear"  # may have been applied
    NOT_SENT = "not sent"  # never left this machine
    TOO_LATE = (
        "too late"  # its turn came when what it was based on had grown old: never left this machine either
    )


MEANINGS: dict[int, Meaning] = {
    400: Meaning.REFUSED,
    401: Meaning.STOP,
    403: Meaning.STOP,
    404: Meaning.REFUSED,
    408: Meaning.UNCLEAR,
    409: Meaning.REFUSED,
    413: Meaning.REFUSED,
    422: Meaning.REFUSED,
    425: Meaning.AGAIN,
    429: Meaning.SLOW_DOWN,
}
"""Shared by all destinations; any other 4xx and 3xx is refused, any 5xx unclear. A destination adds what it documents."""


@dataclass(slots=True)
class Answer:
    """What came back. `body` is the parsed JSON (None if there is none), `detail` a sentence without secrets."""

    meaning: Meaning
    status: int = 0
    body: Any = None
    detail: str = ""
    request_id: str = ""
    attempts: int = 1
    retry_after: float | None = None
    unclear: bool = False
    """Whether this or an earlier attempt of the same call may have been applied unheard."""
    left_out: str = ""
    """Why it is not sent any more: `breaker`, `interrupted`; '' where it was."""

    @property
    def done(self) -> bool:
        return self.meaning is Meaning.DONE

    @property
    def usable(self) -> bool:
        """Whether the destination has said anything at all."""
        return self.meaning not in (Meaning.UNCLEAR, Meaning.NOT_SENT)

    @property
    def in_short(self) -> str:
        """What came instead of a usable answer, without the destination's words, which may be about somebody."""
        if not self.status:
            return self.detail
        if self.status < 300:
            return f"{self.status} without an answer in it"
        with contextlib.suppress(ValueError):
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        return str(self.status)


def parsed(raw: bytes) -> Any:
    """JSON as it may be kept: NaN and infinity are nothing, half of a surrogate pair is the replacement character."""
    body = _READER.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    if b"\\ud" in raw or b"\\uD" in raw:
        whole = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        body = json.loads(whole)
    return body


def message(body: Any) -> str:
    """The words of a failure, wherever this API keeps them."""
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict) and error.get("message"):
            return str(error["message"])
        for key in ("message", "error"):
            if isinstance(body.get(key), str):
                return str(body[key])
    return json.dumps(body, ensure_ascii=False)
