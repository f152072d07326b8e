"""muster completion: the shell's own completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print what completes muster's words in SHELL.

    \b
    bash:  eval "$(muster completion bash)"     in ~/.bashrc
    zsh:   eval "$(muster completion zsh)"      in ~/.zshrc
    fish:  muster completion fish | source      in ~/.config/fish/config.fish
    """  # noqa: D301 - a backspace keeps the lines as they are
    from flows.cli import muster  # noqa: PLC0415 - the group imports its verbs

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click knows all three
    click.echo(found(muster, {}, "muster", "_MUSTER_COMPLETE").source())
    return 0
