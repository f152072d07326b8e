"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from flows.allowing import NAMES, wrong_with
from flows.schedule import Schedule, seconds_of

__all__ = ["Allowed", "Shards", "Span", "choosing"]

_MOST_SHARDS = 1000


class Allowed(click.ParamType[str]):
    """A guard or a permission by its name, alone or with a number."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if wrong := wrong_with(text):
            self.fail(wrong, param, ctx)
        return text

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - as click calls it
        param: click.Parameter,  # noqa: ARG002 - as click calls it
        incomplete: str,
    ) -> list[CompletionItem]:
        return [CompletionItem(name) for name in NAMES if name.startswith(incomplete)]


class Shards(click.ParamType[int | None]):
    """A number, or auto: None."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        text = str(value)
        if text == "auto":
            return None
        if not text.isdecimal() or not 1 <= int(text) <= _MOST_SHARDS:
            self.fail(f"{text} is neither auto nor a number from 1 to {_MOST_SHARDS}.", param, ctx)
        return int(text)


class Span(click.ParamType[float]):
    """A span of time, in seconds: at least `least`."""

    name = "span"

    def __init__(self, least: float) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = seconds_of(str(value))
        if seconds is None:
            self.fail(
                f"{value} is no span. Such as 30s, 15m, 6h or 1d; a number alone is seconds.", param, ctx
            )
        if seconds < self._least:
            self.fail(f"{value} is too short; {Schedule(every=self._least)} is the least.", param, ctx)
        return seconds


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is read and which of it is sent: the same words for plan and sync."""
    options = [
        click.argument("mapping"),
        click.argument("file", required=False),
        click.option("--limit", type=click.IntRange(min=1), help="Send at most so many contacts; the rest stays unsent."),
        click.option("--only", metavar="KEY", help="Send only the contact with this key."),
        click.option("--resend", is_flag=False, flag_value="", metavar="[KEY]", help="Send what was delivered before as well: all of it, or one key."),
        click.option("--allow", multiple=True, type=Allowed(), metavar="NAME[=N]", help="Let a run pass this guard, or start what has to be allowed by name; with a number, that many at most. It is recorded."),
        click.option("--opt-outs-only", is_flag=True, help="Deliver nothing but opt-outs, such as those of a run that a guard stopped."),
        click.option("--no-corrections", is_flag=True, help="Take the source as it is, and not as earlier retries have corrected it."),
        click.option("--shards", type=Shards(), default="auto", show_default=True, metavar="N", help="Read and map the file in so many parts side by side; auto divides large files only, 1 none."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output."),
        click.option("--yes", is_flag=True, help="Answer what a terminal would be asked; never opens a guard."),
        click.option("--fail-on-warning", is_flag=True, help="Exit with 1 also when there are only warnings."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
