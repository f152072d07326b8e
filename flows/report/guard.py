"""What the guards of a run counted, and what was let pass or allowed by name."""

from __future__ import annotations

from typing import Literal

from flows.report.model import Count, Model, Rate

__all__ = ["Guard", "Override"]


class Guard(Model):
    """What a guard counted. It trips where both its share and its floor are passed, unless it was allowed.

    Shares are between 0 and 1: `limit_share` 0.5 is half of the rows. `limit_of` says whose the limit is. One that is
    `typed` trips at any count, and is allowed only where exactly that number was named; `allowed_count` is what was named.
    """

    name: str
    count: Count
    share: Rate
    limit_share: Rate
    floor: Count
    tripped: bool
    allowed: bool
    limit_of: Literal["default", "mapping"] = "default"
    typed: bool = False
    allowed_count: Count | None = None


class Override(Model):
    """A guard that let more pass than its default does, or something that had to be allowed by name.

    `by` is who said so: the `mapping`, the `person` who started the run, or a person `earlier`, for this version of the
    mapping. `count` is how many it was about. `who` and `why` are what a person gave who approved it; '' where nobody was asked.
    """

    name: str
    what: Literal["guard", "permission"]
    count: Count
    by: Literal["mapping", "person", "earlier"]
    who: str = ""
    why: str = ""
