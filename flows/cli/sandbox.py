"""muster sandbox: local servers that answer as the real APIs do."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence

import click

from connectors.errors import CannotStart

__all__ = ["command"]

_SERVE = [sys.executable, "-P", "-m", "connectors.sandbox.serving"]


@click.command("sandbox", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[DESTINATION]... [SETTINGS]...")
@click.option(
    "--port",
    default=8900,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The first one's; the others follow. 0 takes any free ones.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each when all are ready.")
def command(words: tuple[str, ...], port: int, as_json: bool) -> int:
    """Start a server that answers as DESTINATION does (all of them where none is named), on this machine, until Ctrl-C.

    \b
    Faults on demand:  --fault 500:0.05   --fault reset_after:next=3   --latency-ms 200   --seed 7
    Its account:       --workspace FILE   --rate 100   --keys sandbox-key
    All settings:      muster sandbox campaignlark --help-settings
    """  # noqa: D301 - a backspace keeps the lines as they are
    from connectors.sandbox.serving import kinds  # noqa: PLC0415 - only this verb

    destinations, settings = _told_apart(words)
    if unknown := [name for name in destinations if name not in kinds()]:
        raise CannotStart(
            f"There is no sandbox for {unknown[0]}.", f"There is one for: {', '.join(kinds())}."
        )
    chosen = list(dict.fromkeys(destinations)) or kinds()
    if "--help-settings" in settings:
        return max(subprocess.run([*_SERVE, kind, "--help"], check=False).returncode for kind in chosen)  # noqa: S603 - our own module
    given = any(word.startswith("--keys") for word in settings)
    # A key of its own each time: this sandbox is empty, and must not be taken for one that was there before.
    keys = {kind: "" if given else f"sandbox-{secrets.token_hex(4)}" for kind in chosen}
    children = [
        _started(kind, port + place if port else 0, settings, keys[kind]) for place, kind in enumerate(chosen)
    ]
    # Ctrl-C reaches the servers as well; here it only means to wait for their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end(children))
    lines = [child.stdout.readline() for child in children if child.stdout is not None]
    if all(lines):
        _say([json.loads(line) for line in lines], keys, as_json=as_json)
    else:
        _end(children)
    codes = [child.wait() for child in children]
    return max(1 if code < 0 else code for code in codes)


def _told_apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Destinations, and settings as they were written: `--name value` or `--name=value`."""
    destinations: list[str] = []
    settings: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            destinations.append(word)
            continue
        settings.append(word)
        if "=" not in word and word != "--help-settings":
            settings += [value for value in [next(rest, None)] if value is not None]
    return destinations, settings


def _started(kind: str, port: int, settings: Sequence[str], key: str) -> subprocess.Popen[bytes]:
    words = [*_SERVE, kind, "--port", str(port), *settings, *(["--keys", key] if key else [])]
    return subprocess.Popen(words, stdout=subprocess.PIPE)  # noqa: S603 - our own module


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()


def _say(ready: Sequence[dict[str, str]], keys: dict[str, str], *, as_json: bool) -> None:
    for one in ready:
        kind, key = one["kind"], keys[one["kind"]]
        if as_json:
            click.echo(json.dumps(one | ({"key": key} if key else {})))
            continue
        prefix = kind.upper()
        click.echo(f"{kind} answers at {one['url']}; what it holds is shown at {one['inspect']}\n")
        shown = key or "(one of --keys)"
        click.echo(f"export {prefix}_BASE_URL={one['url']}\nexport {prefix}_API_KEY={shown}\n")
    if not as_json:
        click.echo("Ctrl-C ends it; nothing it holds is kept.")
    sys.stdout.flush()
