"""muster sandbox: local servers that answer as the real APIs do."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import click

from connectors.errors import CannotStart

__all__ = ["command"]

LAST_PORT = 65535


@click.command("sandbox", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[DESTINATION]... [SETTING]...")
@click.option(
    "--port", default=8900, show_default=True, type=click.IntRange(0, LAST_PORT),
    help="The first one's; the others take the ports after it. 0 takes any free ports.",
)  # fmt: skip
@click.option(
    "--as-probed",
    is_flag=True,
    help="Answer as the account was found to (muster doctor DESTINATION --probe).",
)
@click.option(
    "--answers",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Answer as this file says; of one DESTINATION.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each when it is ready.")
def command(words: tuple[str, ...], port: int, as_probed: bool, answers: Path | None, as_json: bool) -> int:
    """Start a server that answers as DESTINATION does, on this machine only, until Ctrl-C; without a name, all of them.

    \b
    Faults on demand:  --fault 500:0.05   --fault reset_after:next=3   --latency-ms 200   --seed 7
    Its account:       --workspace FILE   --rate 100   --keys sandbox-key
    All settings:      muster sandbox campaignlark --help-settings
    """  # noqa: D301 - a backspace keeps the lines as they are
    from connectors.sandbox.serving import kinds  # noqa: PLC0415 - only this verb

    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    named, settings = list(dict.fromkeys(words[:first])) or kinds(), words[first:]
    if unknown := [name for name in named if name not in kinds()]:
        raise CannotStart(
            f"There is no sandbox for {unknown[0]}.", f"There is one for: {', '.join(kinds())}."
        )
    if port and port + len(named) - 1 > LAST_PORT:
        raise CannotStart(f"There is no port after {LAST_PORT} for every sandbox.", "Choose a lower --port.")
    files = _answers(named, answers, as_probed=as_probed)
    start = [sys.executable, "-P", "-m", "connectors.sandbox.serving"]
    if "--help-settings" in settings:
        return subprocess.run([*start, named[0], "--help"], check=False).returncode  # noqa: S603 - our own module
    # A key of its own each time: this sandbox is empty, and must not be taken for one that was there before.
    given = any(word.startswith("--keys") for word in settings)
    keys = {name: "" if given else f"sandbox-{secrets.token_hex(4)}" for name in named}
    children: dict[str, subprocess.Popen[bytes]] = {}
    for place, name in enumerate(named):
        own = [
            "--port",
            str(port and port + place),
            *(_settings(name, files[name]) if name in files else ()),
            *settings,
            *(["--keys", keys[name]] if keys[name] else []),
        ]
        children[name] = subprocess.Popen([*start, name, *own], stdout=subprocess.PIPE)  # noqa: S603 - as above

    def end(*_: object) -> None:
        for child in children.values():
            child.terminate()

    # Ctrl-C reaches the servers as well; here it only means to wait for their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    for name, child in children.items():
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        line = child.stdout.readline()
        if not line:
            end()
            break
        _show(json.loads(line), keys[name], files.get(name), as_json=as_json)
    else:
        if not as_json:
            click.echo("Ctrl-C ends it; nothing it holds is kept.")
    sys.stdout.flush()
    return max(child.wait() for child in children.values())


def _answers(named: list[str], given: Path | None, *, as_probed: bool) -> dict[str, Path]:
    """The files that say how to answer, by sandbox. Raises CannotStart where there is none."""
    if given is not None and len(named) != 1:
        raise CannotStart("--answers is a file of one sandbox.", "Name that one, or use --as-probed.")
    if given is not None:
        return {named[0]: given}
    if not as_probed:
        return {}
    from flows.open_questions import answers_path  # noqa: PLC0415 - only where it is asked for
    from flows.settings import Settings  # noqa: PLC0415 - as above

    paths = {name: answers_path(Settings().home_here(), name, "main") for name in named}
    found = {name: path for name, path in paths.items() if path.exists()}
    if not found:
        raise CannotStart(
            f"There are no answers in {next(iter(paths.values())).parent}.",
            f"Ask the account first: muster doctor {named[0]} --probe ADDRESS; or name a file with --answers.",
        )
    return found


def _settings(name: str, path: Path) -> list[str]:
    from connectors.probing import questions_of  # noqa: PLC0415 - only where answers are asked for
    from flows.open_questions import as_settings, read_answers  # noqa: PLC0415 - as above

    return list(as_settings(read_answers(path, questions_of(name))))


def _show(ready: dict[str, str], key: str, answers: Path | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps(ready | ({"key": key} if key else {}) | ({"answers": str(answers)} if answers else {}))
        )
        return
    name, prefix = ready["kind"], ready["kind"].upper()
    click.echo(f"{name} answers at {ready['url']}; what it holds is shown at {ready['inspect']}\n")
    click.echo(
        f"export {prefix}_BASE_URL={ready['url']}\nexport {prefix}_API_KEY={key or '(one of --keys)'}\n"
        + (f"export {prefix}_ANSWERS={answers.absolute()}\n" if answers else "")
    )
