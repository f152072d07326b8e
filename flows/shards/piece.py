"""A piece: what the mapping makes of a shard, as a folder that is whole or not there.

shards/brief.json             what all shards are mapped by
shards/00003.json             where the shards of the third part begin and end: one, or several small files of a pattern
shards/00003.piece/           what was made of it: spool, keys, begun, problems, roll.arrow, manifest.json
shards/00003.wrong.json       why nothing can be made of it
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import xxhash

from connectors.errors import MappingError, MusterError, SourceError

__all__ = [
    "BRIEF",
    "MANIFEST",
    "Manifest",
    "asked_of",
    "asking",
    "close",
    "found",
    "is_wrong",
    "lay_down",
    "note_wrong",
    "raise_wrong",
]

BRIEF = "brief.json"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in a piece, and what is counted in it.

    `asked` is the hash of brief and shard. `parts` are first and last row of each frame, `filled` the cells that are not blank by
    column, `tallies` what is odd about the rows, by the place of their file; `applied` and `otherwise` are the corrections (person, column) that met their value
    and those that did not. `files` are size and hash by name.
    """

    asked: str
    parts: list[tuple[int, int]]
    filled: list[int]
    warnings: int
    tallies: list[tuple[int, dict[str, Any]]]
    applied: list[tuple[str, str]]
    otherwise: list[tuple[str, str]]
    files: dict[str, tuple[int, str]]


def asking(folder: Path, number: int) -> Path:
    """The file of a shard."""
    return folder / f"{number:05d}.json"


def asked_of(folder: Path, number: int) -> str:
    """The hash of what is asked of whoever maps a shard. Raises OSError where it is not there."""
    texts = (folder / BRIEF).read_bytes(), asking(folder, number).read_bytes()
    return xxhash.xxh3_128_hexdigest(b"\0".join(texts))


@contextlib.contextmanager
def lay_down(folder: Path, number: int) -> Iterator[Path]:
    """A folder that becomes the piece at the end of the block, if nothing is raised in it.

    Whoever is second to bring a piece has brought it for nothing: both are the same.
    """
    work = Path(tempfile.mkdtemp(prefix=f"{number:05d}.", suffix=".begun", dir=folder))
    try:
        yield work
        try:
            work.rename(piece_of(folder, number))
        except OSError:
            if not piece_of(folder, number).is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def close(work: Path, manifest: Manifest) -> None:
    """Writes the manifest, last of all. Raises OSError."""
    files = {
        str(path.relative_to(work)): (path.stat().st_size, _hash(path))
        for path in sorted(work.rglob("*"))
        if path.is_file()
    }
    manifest.files.update(files)
    (work / MANIFEST).write_text(json.dumps(asdict(manifest)), "utf-8")
    for name in (*files, MANIFEST):  # a worker's files are its owner's alone, as a run's are
        (work / name).chmod(0o600)


def found(folder: Path, number: int) -> tuple[Path, Manifest] | None:
    """A piece that is whole and is what was asked for; None where there is none. Others are thrown away."""
    piece = piece_of(folder, number)
    try:
        written = json.loads((piece / MANIFEST).read_text("utf-8"))
        written["parts"] = [tuple(part) for part in written["parts"]]
        for name in ("applied", "otherwise", "tallies"):
            written[name] = [tuple(pair) for pair in written[name]]
        manifest = Manifest(**written)
        if manifest.asked == asked_of(folder, number) and all(
            (piece / name).stat().st_size == size and _hash(piece / name) == digest
            for name, (size, digest) in manifest.files.items()
        ):
            return piece, manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass
    shutil.rmtree(piece, ignore_errors=True)
    return None


def note_wrong(folder: Path, number: int, error: MusterError | OSError) -> None:
    """Says for the run why nothing can be made of a shard."""
    told = (
        {"kind": "disk", "number": error.errno, "what": error.strerror}
        if isinstance(error, OSError)
        else {
            "kind": "mapping" if isinstance(error, MappingError) else "source",
            "what": error.what,
            "fix": error.fix,
        }
    )
    begun = folder / f"{number:05d}.{os.getpid()}.wrong.begun"
    with contextlib.suppress(OSError):  # a full disk: the shard counts as not mapped
        begun.write_text(json.dumps(told), "utf-8")
        begun.replace(wrong_of(folder, number))


def is_wrong(folder: Path, number: int) -> bool:
    """Whether that was said of a shard."""
    return wrong_of(folder, number).exists()


def raise_wrong(folder: Path, number: int) -> NoReturn:
    """Raises what whoever mapped the shard has met: SourceError, MappingError, OSError."""
    try:
        told = json.loads(wrong_of(folder, number).read_text("utf-8"))
    except (OSError, ValueError):
        raise SourceError(
            f"Part {number} of the file could not be mapped, and why cannot be read in {folder}.",
            "Look whether the disk is full, and sync again.",
        ) from None
    if told["kind"] == "disk":
        raise OSError(told["number"], told["what"])
    raise {"mapping": MappingError, "source": SourceError}[told["kind"]](told["what"], told["fix"])


def piece_of(folder: Path, number: int) -> Path:
    """The folder that a piece is, or will be."""
    return folder / f"{number:05d}.piece"


def wrong_of(folder: Path, number: int) -> Path:
    """The file that says why there is none."""
    return folder / f"{number:05d}.wrong.json"


def _hash(path: Path) -> str:
    digest = xxhash.xxh3_64()
    with path.open("rb", buffering=0) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
