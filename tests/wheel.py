"""Builds the wheel, installs it into a new environment, and runs the demo from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    # Beside the packages, so that their files can be linked.
    with tempfile.TemporaryDirectory(dir=sys.prefix, prefix="wheel-") as place:
        folder = Path(place)
        environment = {
            **os.environ,
            "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], ROOT, environment)
        [wheel] = folder.glob("muster_sync-*.whl")
        assert "flows/conformance/conftest.py" in zipfile.ZipFile(wheel).namelist(), (
            "the suite is for outsiders"
        )
        there = folder / "venv"
        venv.create(there, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(there)]
        run(
            [*pip, "install", "--quiet", "--no-compile", "--no-deps", "--no-index", str(wheel)],
            folder,
            environment,
        )
        for name in needed(wheel):
            link(name, there)
        run([*pip, "check"], folder, environment)
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        clean = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_", "PYTHON"))
        }
        answer = run([str(there / "bin" / "muster"), "demo", "--json"], elsewhere, clean)
        summary = json.loads(answer)
        assert summary["balanced"], summary
        report = elsewhere / ".muster" / "demo" / "runs" / summary["run_id"] / "report.html"
        assert report.stat().st_size > 10_000, report
        print(f"The wheel works: {wheel.name}, demo balances with {summary['source']['rows_read']} rows.")


def needed(wheel: Path) -> set[str]:
    """What the wheel's own metadata asks for, and what that asks for, by name; nothing that only tests and extras need."""
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().split("\n\n", 1)[0].splitlines()
    left = [
        (Requirement(line.removeprefix("Requires-Dist: ")), "")
        for line in lines
        if line.startswith("Requires-Dist: ")
    ]
    asked: set[tuple[str, str]] = set()
    while left:
        one, extra = left.pop()
        if one.marker is not None and not one.marker.evaluate({"extra": extra}):
            continue
        for wanted in {(one.name, part) for part in ("", *one.extras)} - asked:
            asked.add(wanted)
            left += [(Requirement(text), wanted[1]) for text in distribution(one.name).requires or ()]
    return {distribution(name).name for name, _ in asked}


def link(name: str, there: Path) -> None:
    """Puts a package into another environment as pip has installed it into this one: the same files, compiled already.

    Scripts are left out, which name this environment's Python; so is what packages of several names have in common.
    """
    for file in distribution(name).files or ():
        ours = Path(os.path.normpath(str(file.locate())))
        if ".." in file.parts:
            continue
        for path in (ours, *ours.parent.glob(f"__pycache__/{ours.stem}.*.pyc")):
            theirs = there / path.relative_to(sys.prefix)
            if not theirs.exists():
                theirs.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, theirs)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} … ended with {done.returncode}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
