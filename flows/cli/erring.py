"""What a person reads when something goes wrong, and the exit code."""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

__all__ = ["explained"]


def explained(work: Callable[[], Any], *, as_json: bool = False) -> int:
    """Runs a command; its exit code. A person sees what happened, where, and what to do next.

    `as_json`: so does a script, on standard output, where the command itself has nothing to print there.
    """
    from connectors.errors import MusterError  # noqa: PLC0415 - light

    said = functools.partial(_for_scripts, as_json)
    try:
        code = work()
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.Abort:
        click.echo("Interrupted. If a run had begun, muster runs says how far it came.", err=True)
        return said(130, "Interrupted.")
    except click.ClickException as error:
        error.show()
        return said(2, error.format_message())
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        return said(130, "Interrupted.")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as the shell says of who was cut off by a pipe
    except MusterError as error:
        click.echo(_shaped(error.what, error.fix), err=True)
        return said(error.exit_code, error.what, error.fix, error.facts)
    except OSError as error:
        known = _of_the_system(error)
        if known is None:
            return said(4, _bug(error))
        click.echo(_shaped(*known), err=True)
        return said(2, *known)
    except Exception as error:  # noqa: BLE001 - the last resort, so that nobody meets a traceback
        return said(4, _bug(error))
    return code if isinstance(code, int) else 0


def _for_scripts(
    as_json: bool, exit_code: int, what: str, fix: str = "", facts: Mapping[str, Any] | None = None
) -> int:
    """The exit code, and where JSON was asked for, what happened as JSON."""
    if as_json:
        error = {"what": what, "fix": fix, "exit_code": exit_code}
        click.echo(json.dumps({"error": error, **(facts or {})}, ensure_ascii=False, indent=2))
    return exit_code


def _of_the_system(error: OSError) -> tuple[str, str] | None:
    """What the disk or its rights do not allow, and what to do; None where that is not it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {_place(error)}", "Make room, then start again."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{_place(error)} may not be written.", "Mend its rights, or set MUSTER_HOME."
    return None


def _shaped(what: str, fix: str) -> str:
    from mappings.engine.complaints import visible  # noqa: PLC0415 - only when something went wrong

    return visible(f"muster: {what}" + (f"\n  {fix}" if fix else ""))


def _place(error: OSError) -> str:
    return str(error.filename or "a file of muster") + f" ({error.strerror})"


def _bug(error: BaseException) -> str:
    """What a person sees of a bug. The traceback goes to a file that only the owner reads: it may hold a person's data."""
    from connectors.errors import MusterError  # noqa: PLC0415 - only when something is broken
    from flows.settings import Settings  # noqa: PLC0415 - as above

    where = ""
    try:
        folder = Settings().home_here()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = Path(folder) / "crash.txt"
        path.touch(mode=0o600)
        path.write_text("".join(traceback.format_exception(error)), "utf-8")
        where = f" Its details are in {path} (they may hold personal data)."
    except (OSError, MusterError):
        pass
    what = f"this is a bug in muster: {type(error).__name__}.{where}"
    click.echo(f"muster: {what}\n  Please report it.", err=True)
    return what
