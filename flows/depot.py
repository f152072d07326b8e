"""The depot: where machines share the folders of their runs, so that any of them goes on with a run, retries it, or shows it.

    MUSTER_RUNS/RUN/manifest.json           {"brought_at": …, "files": {name: [bytes, hash]}}, put there last of all
    MUSTER_RUNS/RUN/spool/part-00001.parquet.HASH

A run is worked at in the home of its machine. It is brought when its rows are read, before anything is sent, and when its report is
written; files that are there already are not brought again. What a manifest does not name is nobody's. `folder_of` is the one way to a
run's folder for whoever reads it: it fetches what is not here, or is another here than there.

Everything in it is personal data, as in the home itself.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Self

import xxhash

from connectors.errors import LedgerError, SourceError
from connectors.places.place import Place
from flows.ledger import Ledger, Run
from flows.ledger.runs import now
from flows.settings import Settings

__all__ = ["MARKS", "Depot", "brought", "depot_of", "folder_of", "rows_brought", "tidied"]

SETTING = "MUSTER_RUNS"
MARK = "depot.json"
"""In a folder of this machine: the manifest with which it was brought or fetched."""
NOT_BROUGHT = "not-brought"
"""In a folder that is newer here, because the depot could not be reached."""
_MANIFEST = "manifest.json"
MARKS = (MARK, NOT_BROUGHT)
_MINE = {
    "begun", "keys", "shards", "whereabouts.arrow", "destination.sqlite", "destination.sqlite-journal", "destination.sqlite-wal",
    "destination.sqlite-shm", *MARKS,
}  # fmt: skip
"""What only whoever is at work at a run asks for."""
_SECRETS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MUSTER_SFTP_KEY",
    "MUSTER_SFTP_PASSWORD", "MUSTER_SFTP_KNOWN_HOSTS",
)  # fmt: skip
_TRIES = 3
_SCRATCH = ".fetched-"
_SCRATCH_KEPT_SECONDS = 86_400
_SKEW = dt.timedelta(hours=1)
"""So far apart the clocks of two machines may be."""


class Depot:
    """All of its methods raise SourceError where the place cannot be used."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @classmethod
    def of(cls, *settings: Settings) -> Self | None:
        """As the first of the settings that names one says; None where the folders stay where they are."""
        for one in settings:
            if given := one.get(SETTING).strip():
                where = given if "://" in given else str(Path(given).expanduser().absolute())
                return cls(_place(where, tuple((name, one.get(name)) for name in _SECRETS)))
        return None

    def bring(self, run_id: str, folder: Path) -> None:
        """A copy of a run's folder, as it is now. Whoever fetches it meanwhile gets this one or the one before."""
        files = _files_of(folder)
        before = _named(self._manifest(run_id))
        for name, (_, digest) in files.items():
            if before.get(name, (0, ""))[1] != digest:
                self._place.put(folder / name, self._path(run_id, name, digest), private=True)
        written = json.dumps({"brought_at": now(), "files": files}, ensure_ascii=False).encode()
        with tempfile.TemporaryDirectory(prefix="muster-manifest-") as scratch:
            path = Path(scratch) / _MANIFEST
            path.write_bytes(written)
            self._place.put(path, self._manifest_of(run_id), private=True)
        _write(folder, written)
        (folder / NOT_BROUGHT).unlink(missing_ok=True)
        named = {self._path(run_id, name, digest) for name, (_, digest) in files.items()}
        for path_there in self._place.below(f"{self._place.path}/{run_id}"):
            if path_there not in named and path_there != self._manifest_of(run_id):
                self._place.clear(path_there)

    def tried(self) -> None:
        """Whether it can be written is known when this returns."""
        with tempfile.TemporaryDirectory(prefix="muster-try-") as scratch:
            self._place.try_writing(Path(scratch), private=True)

    def renew(self, run_id: str, folder: Path) -> None:
        """Brings a folder that is there if it is not there as it is here."""
        manifest = self._manifest(run_id)
        if manifest is not None and _named(manifest) != _files_of(folder):
            self.bring(run_id, folder)

    def fetch(self, run_id: str, folder: Path) -> None:
        """The run's folder is here as it is there, if it is there; one that is newer here stays. Raises SourceError also where it is not whole there."""
        manifest = self._manifest(run_id)
        if manifest is None or _is_here(manifest, folder):
            return
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder.parent.parent))
        try:
            for last in (*[False] * (_TRIES - 1), True):
                shutil.rmtree(scratch / "new", ignore_errors=True)
                missing = self._copied(run_id, _named(manifest), scratch / "new")
                if not missing:
                    break
                again = self._manifest(run_id)  # it may just have been brought anew
                if last or again is None or again == manifest:
                    raise SourceError(
                        f"The folder of the run {run_id} is not whole where {SETTING} keeps it: {missing} is not there, or damaged.",
                        "Restore that place from its backup. Without it, sync the source again: what landed is not sent again.",
                    )
                manifest = again
            _write(scratch / "new", manifest)
            if folder.exists():
                folder.rename(scratch / "old")
            (scratch / "new").rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def is_as_here(self, run_id: str, folder: Path) -> bool:
        """Whether a fetch would bring nothing: the folder is here as it is there, is newer here, or is not there."""
        manifest = self._manifest(run_id)
        return manifest is None or _is_here(manifest, folder)

    def let_go(self, run: Run) -> None:
        """Nothing of the run is there any more. What its folder says of its copies is here then, as far as it can be read."""
        with contextlib.suppress(SourceError):
            self.fetch(run.id, Path(run.folder))
        self.remove(run.id)

    def remove(self, run_id: str) -> None:
        """Nothing of the run is there any more."""
        self._place.clear(self._manifest_of(run_id))  # first: nobody is to find half of it
        self._place.clear(f"{self._place.path}/{run_id}")

    def is_newer(self, run_id: str, folder: Path) -> bool:
        """Whether the folder there is another one than this copy of it."""
        return self._manifest(run_id) != _marked(folder)

    def _copied(self, run_id: str, files: dict[str, tuple[int, str]], into: Path) -> str:
        """The name of the first file that is missing or damaged, '' where none is."""
        into.mkdir(mode=0o700)
        for name, (size, digest) in files.items():
            path = into / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = self._place.get(self._path(run_id, name, digest), path)
            if not there or path.stat().st_size != size or _hash(path) != digest:
                return name
        return ""

    def _manifest(self, run_id: str) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="muster-manifest-") as scratch:
            path = Path(scratch) / _MANIFEST
            return path.read_bytes() if self._place.get(self._manifest_of(run_id), path) else None

    def _manifest_of(self, run_id: str) -> str:
        return f"{self._place.path}/{run_id}/{_MANIFEST}"

    def _path(self, run_id: str, name: str, digest: str) -> str:
        return f"{self._place.path}/{run_id}/{name}.{digest}"


def depot_of(mapping_path: str, folder: Path) -> Depot | None:
    """As the mapping's settings say, else those of the home in which a run's folder is, as they do where its ledger is."""
    return Depot.of(
        *([Settings(Path(mapping_path))] if mapping_path else []), Settings(home=folder.parent.parent)
    )


def folder_of(run: Run) -> Path:
    """A run's folder on this machine: where machines share the folders, as it is there. It need not exist. Raises SourceError."""
    folder = Path(run.folder)
    depot = depot_of(run.mapping_path, folder)
    if depot is not None:
        depot.fetch(run.id, folder)
    return folder


def brought(run_id: str, folder: Path, mapping_path: str, say: Callable[[str], None]) -> None:
    """Brings a run's folder, where machines share them; where that fails, says so, and the next run on this machine does it. Raises OSError."""
    try:
        depot = depot_of(mapping_path, folder)
        if depot is not None:
            depot.bring(run_id, folder)
    except SourceError as error:
        (folder / NOT_BROUGHT).touch(mode=0o600)
        say(
            f"runs      The run's folder is on this machine only. {error.what} {error.fix} The next run here brings it."
        )


def rows_brought(run_id: str, folder: Path, mapping_path: str) -> None:
    """Whoever goes on with the run on another machine finds its rows, before anything is sent. Raises LedgerError."""
    try:
        if (depot := depot_of(mapping_path, folder)) is not None:
            depot.bring(run_id, folder)
    except SourceError as error:
        raise LedgerError(
            f"The rows of the run cannot be kept where machines share them. {error.what}",
            f"{error.fix} Then start again; nothing was sent.",
        ) from None


def tidied(ledger: Ledger, depot: Depot) -> None:
    """What stands in the home of this machine is brought if it was not, and gone if another machine let go of it, or forgot somebody. Raises SourceError."""
    home = ledger.database.home
    kept = {run.id: run for run in ledger.runs.with_rows()}
    forgotten = ledger.forgotten.last()
    for folder in (home / "runs").iterdir():
        run = kept.get(folder.name)
        if (folder / NOT_BROUGHT).exists() and run is not None:
            depot.bring(folder.name, folder)
        elif (marked := _marked(folder)) is None or (run is not None and run.state == "running"):
            continue
        elif run is None or (_before(marked, forgotten) and depot.is_newer(folder.name, folder)):
            shutil.rmtree(folder, ignore_errors=True)
    for left in home.glob(f"{_SCRATCH}*"):  # by whoever was killed meanwhile
        if time.time() - left.stat().st_mtime > _SCRATCH_KEPT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _before(manifest: bytes, moment: str) -> bool:
    """Whether a folder may have been brought before that moment; '' is none."""
    at = json.loads(manifest)["brought_at"]
    return bool(moment) and dt.datetime.fromisoformat(at) - _SKEW < dt.datetime.fromisoformat(moment)


@functools.cache
def _place(address: str, settings: tuple[tuple[str, str], ...]) -> Place:
    return Place.at(
        address, beside=Path.cwd(), setting=lambda name: dict(settings).get(name, ""), shown=f"The place of the runs ({SETTING})"
    )  # fmt: skip


def _files_of(folder: Path) -> dict[str, tuple[int, str]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in _MINE and not any(p.startswith(".") for p in name.parts):
            found[name.as_posix()] = (path.stat().st_size, _hash(path))
    return found


def _named(manifest: bytes | None) -> dict[str, tuple[int, str]]:
    """The files that a manifest names. Raises SourceError where it is none of ours."""
    if manifest is None:
        return {}
    try:
        files: dict[str, Any] = json.loads(manifest)["files"]
        found = {name: (int(size), str(digest)) for name, (size, digest) in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        found = {"..": (0, "")}
    if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in found):
        raise SourceError(
            f"What lies where {SETTING} keeps the runs is not muster's, or damaged.",
            "Look whether the setting names the right place.",
        )
    return found


def _is_here(manifest: bytes, folder: Path) -> bool:
    return (folder / NOT_BROUGHT).exists() or manifest == _marked(folder)


def _marked(folder: Path) -> bytes | None:
    try:
        return (folder / MARK).read_bytes()
    except OSError:
        return None


def _write(folder: Path, manifest: bytes) -> None:
    begun = folder / f".{MARK}"
    begun.write_bytes(manifest)
    begun.chmod(0o600)
    begun.replace(folder / MARK)


def _hash(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
