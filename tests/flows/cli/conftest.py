"""The command as a person runs it: a process of its own, a folder of its own, a sandbox over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.serving import Running
from tests import warm

MUSTER = Path(sys.executable).parent / "muster"
SIGNUPS = "Email,First name,Country\n" + "".join(
    f"p{n}@example.com,Person {n},Germany\n" for n in range(1, 41)
)
MAPPING = """\
name: signups
source: {kind: csv_file}
destination: {kind: campaignlark}
key: email_address
fields:
  email_address: Email
  first_name: First name
  country: Country
consent: {assumed: "they signed up with this form"}
"""
IMPATIENT = """
import functools
import flows.prefect_server
from connectors import http
http.Patience = functools.partial(http.Patience, first=0.01, most=0.05)
flows.prefect_server.PATIENCE_WITH_OTHERS = 0.5
"""
"""For who waits for what does not come back: as often as ever, but shorter."""


@dataclass
class Shell:
    """A folder with a mapping and a file in it, and the environment of somebody who set it up."""

    folder: Path
    environment: dict[str, str]
    children: list[warm.Child] = field(default_factory=list)
    before: str = ""
    """Python that the command's process runs first, such as IMPATIENT."""

    def run(
        self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        return warm.run(
            words, cwd=self.folder, env={**self.environment, **(env or {})}, timeout=timeout, code=self._code
        )

    def start(self, *words: str) -> warm.Child:
        child = warm.start(
            words, cwd=self.folder, env=self.environment, code=self._code, start_new_session=True
        )
        self.children.append(child)
        return child

    def cold(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The installed command, which imports everything itself: seconds."""
        return subprocess.run(
            [MUSTER, *words], cwd=self.folder, env={**self.environment, **(env or {})}, text=True,
            capture_output=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def call(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Some Python code in a process of its own, with these arguments."""
        return warm.run(words, cwd=self.folder, env=self.environment, code=code)

    @property
    def _code(self) -> str:
        return (
            f"{self.before}\nimport sys\nfrom flows.cli import main\nmain(sys.argv[1:])"
            if self.before
            else ""
        )

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def summary(self, *words: str) -> dict[str, Any]:
        done = self.run("sync", *words, "--json")
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @property
    def home(self) -> Path:
        return self.folder / ".muster"


@pytest.fixture
def sandbox(lark: Running) -> Running:
    return lark


@pytest.fixture
def shell(tmp_path: Path, sandbox: Running, prefect_url: str) -> Iterator[Shell]:
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_"))
    }
    environment = clean | {
        "CAMPAIGNLARK_BASE_URL": sandbox.url, "CAMPAIGNLARK_API_KEY": "sandbox-key", "PREFECT_API_URL": prefect_url,
    }  # fmt: skip
    made = Shell(tmp_path, environment)
    made.write("signups.yml", MAPPING)
    made.write("people.csv", SIGNUPS)
    yield made
    for child in made.children:
        if child.poll() is None:
            child.kill()
        child.communicate()
