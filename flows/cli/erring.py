"""What a person reads when something goes wrong, and the exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["explained"]


def explained(work: Callable[[], Any]) -> int:
    """Runs a command; its exit code. A person sees what happened, where, and what to do next."""
    from connectors.errors import MusterError  # noqa: PLC0415 - light

    try:
        code = work()
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.Abort:
        click.echo("Interrupted; nothing was sent.", err=True)
        return 130
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as the shell says of who was cut off by a pipe
    except MusterError as error:
        click.echo(_shaped(error.what, error.fix), err=True)
        return error.exit_code
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            click.echo(
                _shaped(f"The disk is full: {_place(error)}", "Make room, then start again."), err=True
            )
            return 2
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            click.echo(
                _shaped(f"{_place(error)} may not be written.", "Mend its rights, or set MUSTER_HOME."),
                err=True,
            )
            return 2
        return _bug(error)
    except Exception as error:  # noqa: BLE001 - the last resort, so that nobody meets a traceback
        return _bug(error)
    return code if isinstance(code, int) else 0


def _shaped(what: str, fix: str) -> str:
    from mappings.engine.complaints import visible  # noqa: PLC0415 - only when something went wrong

    return visible(f"muster: {what}" + (f"\n  {fix}" if fix else ""))


def _place(error: OSError) -> str:
    return str(error.filename or "a file of muster") + f" ({error.strerror})"


def _bug(error: BaseException) -> int:
    """The traceback goes to a file that only the owner reads: it may hold a person's data."""
    from flows.settings import Settings  # noqa: PLC0415 - only when something is broken

    where = ""
    try:
        folder = Settings().home_here()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = Path(folder) / "crash.txt"
        path.touch(mode=0o600)
        path.write_text("".join(traceback.format_exception(error)), "utf-8")
        where = f" Its details are in {path} (they may hold personal data)."
    except OSError:
        pass
    click.echo(
        f"muster: this is a bug in muster: {type(error).__name__}.{where}\n  Please report it.", err=True
    )
    return 4
