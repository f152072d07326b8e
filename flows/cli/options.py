"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from flows.guards import GUARDS

__all__ = ["choosing"]


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is read and which of it is sent: the same words for plan and sync."""
    options = [
        click.argument("mapping"),
        click.argument("file", required=False),
        click.option("--limit", type=click.IntRange(min=1), help="Send at most so many contacts; the rest stays unsent."),
        click.option("--only", metavar="KEY", help="Send only the contact with this key."),
        click.option("--resend", is_flag=False, flag_value="", metavar="[KEY]", help="Send what was delivered before as well: all of it, or one key."),
        click.option("--allow", multiple=True, type=click.Choice([guard.name for guard in GUARDS]), help="Let a run pass this guard; it is recorded."),
        click.option("--opt-outs-only", is_flag=True, help="Deliver nothing but opt-outs, such as those of a run that a guard stopped."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output."),
        click.option("--yes", is_flag=True, help="Answer what a terminal would be asked; never opens a guard."),
        click.option("--fail-on-warning", is_flag=True, help="Exit with 1 also when there are only warnings."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
