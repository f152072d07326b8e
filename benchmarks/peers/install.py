"""Installs the peers, in an environment of their own: `benchmarks/.venv-peers`, which git leaves alone."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parent / ".venv-peers"

if __name__ == "__main__":
    if not (PLACE / "bin" / "python").exists():
        venv.create(PLACE, with_pip=True)
    (PLACE / ".gitignore").write_text("*\n")
    python = PLACE / "bin" / "python"
    sys.exit(subprocess.call([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"]))
