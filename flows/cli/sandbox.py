"""muster sandbox: a local server that answers as the real API does."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys

import click

from connectors.errors import CannotStart

__all__ = ["command"]


@click.command("sandbox", context_settings={"ignore_unknown_options": True})
@click.argument("destination", required=False, default="campaignlark")
@click.argument("settings", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--port", default=8900, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when it is ready.")
def command(destination: str, settings: tuple[str, ...], port: int, as_json: bool) -> int:
    """Start a server that answers as DESTINATION does, on this machine only, until Ctrl-C.

    \b
    Faults on demand:  --fault 500:0.05   --fault reset_after:next=3   --latency-ms 200   --seed 7
    Its account:       --workspace FILE   --rate 100   --keys sandbox-key
    All settings:      muster sandbox campaignlark --help-settings
    """  # noqa: D301 - a backspace keeps the lines as they are
    from connectors.sandbox.serving import kinds  # noqa: PLC0415 - only this verb

    if destination.startswith("--"):  # a setting, and the destination left out
        destination, settings = "campaignlark", (destination, *settings)
    if destination not in kinds():
        raise CannotStart(
            f"There is no sandbox for {destination}.", f"There is one for: {', '.join(kinds())}."
        )
    given = any(word.startswith("--keys") for word in settings)
    key = "" if given else f"sandbox-{secrets.token_hex(4)}"
    start = [sys.executable, "-P", "-m", "connectors.sandbox.serving"]
    if "--help-settings" in settings:
        return subprocess.run([*start, destination, "--help"], check=False).returncode  # noqa: S603 - our own module
    # A key of its own each time: this sandbox is empty, and must not be taken for one that was there before.
    keys = ["--keys", key] if key else []
    # Ctrl-C reaches the server as well; here it only means to wait for its end.
    words = [*start, destination, "--port", str(port), *settings, *keys]
    child = subprocess.Popen(words, stdout=subprocess.PIPE)  # noqa: S603 - as above
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    assert child.stdout is not None  # noqa: S101 - a pipe was asked for
    line = child.stdout.readline()
    if line:
        ready = json.loads(line)
        if as_json:
            click.echo(json.dumps(ready | ({"key": key} if key else {})))
        else:
            prefix = destination.upper()
            click.echo(
                f"{destination} answers at {ready['url']}; what it holds is shown at {ready['inspect']}\n"
            )
            shown = key or "(one of --keys)"
            click.echo(f"export {prefix}_BASE_URL={ready['url']}\nexport {prefix}_API_KEY={shown}\n")
            click.echo("Ctrl-C ends it; nothing it holds is kept.")
        sys.stdout.flush()
    return child.wait()
