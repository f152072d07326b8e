"""Builds the wheel, installs it into a new environment, and runs the demo from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
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
        venv.create(folder / "venv")
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "venv")]
        # What the demo does not import need not be compiled: most of it, and half of the time.
        run([*pip, "install", "--quiet", "--no-compile", str(wheel)], folder, environment)
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        clean = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_", "PYTHON"))
        }
        answer = run([str(folder / "venv" / "bin" / "muster"), "demo", "--json"], elsewhere, clean)
        summary = json.loads(answer)
        assert summary["balanced"], summary
        report = elsewhere / ".muster" / "demo" / "runs" / summary["run_id"] / "report.html"
        assert report.stat().st_size > 10_000, report
        print(f"The wheel works: {wheel.name}, demo balances with {summary['source']['rows_read']} rows.")


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} … ended with {done.returncode}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
