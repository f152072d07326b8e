"""A few hundred of the files that `benchmarks/fuzz_reading.py` reads by the ten thousands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz_reading.py"


def test_fuzzed_files_end_in_rows_or_in_a_clear_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, FUZZ, "--files", "200", "--seed", "8", "--keep", tmp_path], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 files: ")
