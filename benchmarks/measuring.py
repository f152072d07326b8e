"""What both benchmarks share: each side in a process of its own, its memory and processor time, tables of medians."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = HERE / ".venv-peers"
DATA = HERE / ".data"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Ran:
    """One process that ended well: what its last line said (JSON), and its processor seconds over time."""

    said: dict[str, Any]
    samples: list[tuple[float, float]] = field(default_factory=list)

    def processor(self, begin: float, end: float) -> float | None:
        """Processor seconds used between two moments of the monotonic clock; None where that cannot be seen."""
        if len(self.samples) < 2:
            return None
        return _at(self.samples, end) - _at(self.samples, begin)


def _at(samples: list[tuple[float, float]], moment: float) -> float:
    before = samples[0]
    for sample in samples:
        if sample[0] >= moment:
            span = sample[0] - before[0]
            share = (moment - before[0]) / span if span > 0 else 0.0
            return before[1] + max(0.0, share) * (sample[1] - before[1])
        before = sample
    return before[1]


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, extra: dict[str, str] | None = None
) -> Ran:
    """Runs a command to its end. Ends the benchmark where it fails, with what it said."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(extra or {})}
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    samples: list[tuple[float, float]] = []
    watching = threading.Thread(target=_watch, args=(process, samples), daemon=True)
    watching.start()
    out, err = process.communicate()
    watching.join()
    if process.returncode:
        sys.exit(
            f"{' '.join(map(str, command))}\nended with {process.returncode}:\n{out[-3000:]}\n{err[-3000:]}"
        )
    lines = out.strip().splitlines()
    said = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {"text": out}
    return Ran(said, samples)


def _watch(process: subprocess.Popen[str], samples: list[tuple[float, float]]) -> None:
    stat = Path(f"/proc/{process.pid}/stat")
    while process.poll() is None:
        try:
            parts = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return
        samples.append((time.monotonic(), (int(parts[11]) + int(parts[12])) / _TICKS))
        time.sleep(0.02)


def peak_memory() -> float:
    """This process's peak so far, in MB. `ru_maxrss` would count its parent's as well where the kernel has a better one."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource  # noqa: PLC0415 - not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def peers(arguments: argparse.Namespace) -> Path:
    """The folder of the peers' commands. Ends with how to install them where they are not there."""
    if arguments.install:
        subprocess.run([sys.executable, HERE / "peers" / "install.py"], check=True)
    if not (PEERS / "bin" / "python").exists():
        sys.exit("The peers are not installed. Once: python benchmarks/peers/install.py (or add --install).")
    return PEERS / "bin"


def data_folder() -> Path:
    """Where files are kept between runs; git leaves it alone."""
    DATA.mkdir(exist_ok=True)
    (DATA / ".gitignore").write_text("*\n")
    return DATA


def median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown, its columns aligned."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return (
            "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"
        )

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def shown(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)
