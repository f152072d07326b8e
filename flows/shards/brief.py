"""A brief: all that whoever maps a shard has to know, as a file in the run's folder. Nothing in it is read anywhere else."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from connectors.errors import MappingError, SourceError
from connectors.sources.bookmarks import Divided, Shard
from connectors.sources.csv_file import CsvSource
from connectors.sources.dialect import Dialect
from connectors.sources.several import One, Several
from flows.ledger import Correction
from flows.opening import make_application
from mappings.engine.applying import Application
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Schema

__all__ = ["Brief", "File", "read_shards", "written_shards"]


@dataclass(frozen=True, slots=True)
class File:
    """A file, with its size (bytes) and time (nanoseconds) when its reading began; `dialect` and `block` (bytes) say how it is read.

    `name` and `columns` are those that it has among several.
    """

    path: str
    size: int
    modified: int
    dialect: Dialect
    block: int
    name: str
    columns: dict[str, str]

    @classmethod
    def of(cls, file: Divided) -> File:
        """As it is now. Raises OSError."""
        there = file.path.stat()
        return cls(
            str(file.path), there.st_size, there.st_mtime_ns, file.dialect, file.block, file.name, dict(file.columns)
        )  # fmt: skip

    def source(self) -> CsvSource:
        """Read as it was divided. Nobody has looked yet whether it is the same."""
        return CsvSource(Path(self.path), self.dialect, self.block)

    def refuse_another(self) -> None:
        """Raises SourceError where it is another one, or not there."""
        try:
            there = Path(self.path).stat()
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read where a part of it is to be mapped: {error.strerror}.",
                "Every worker has to see the file under this path: put it on a shared folder.",
            ) from None
        if (there.st_size, there.st_mtime_ns) != (self.size, self.modified):
            raise SourceError(
                f"{self.path} is another file than it was when its reading began.",
                "Sync it again, when nobody writes to it any more.",
            )


@dataclass(frozen=True, slots=True)
class Brief:
    """The mapping, and the files; where they are several, they are one source, and `pattern` is what found them.

    `today` says from which day spans are counted, `keys` which merge tags may be a
    key there, `forgets_in` which home knows who was forgotten ('' where nobody can have been).
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    mapping: str
    mapping_file: str
    mapping_sha256: str
    schema: Schema
    today: dt.date | None
    pattern: str
    files: tuple[File, ...]
    keys: tuple[str, ...]
    forgets_in: str
    corrections: tuple[Correction, ...]

    def written(self) -> bytes:
        """As JSON."""
        return _BRIEF.dump_json(self)

    @classmethod
    def read(cls, written: bytes) -> Brief:
        """As it was written."""
        return _BRIEF.validate_json(written)

    def source(self) -> CsvSource | Several:
        """The files, to be read as they were divided. Raises SourceError where one is another one, or not there."""
        for file in self.files:
            file.refuse_another()
        if not self.pattern:
            return self.files[0].source()
        return Several(
            Path(self.pattern), [One(file.name, file.source(), file.columns) for file in self.files]
        )

    def application(self, header: tuple[str, ...]) -> Application:
        """The mapping made ready. Raises MappingError where it is not the one that the run was begun with."""
        if hashlib.sha256(self.mapping.encode()).hexdigest() != self.mapping_sha256:
            raise MappingError(
                "The mapping is not the one that the run was begun with.", "Sync the source again."
            )
        return make_application(
            read_mapping_text(self.mapping, self.mapping_file), self.schema, header, self.today
        )


@dataclass(frozen=True, slots=True)
class _Written:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    shards: tuple[Shard, ...]


_BRIEF: TypeAdapter[Brief] = TypeAdapter(Brief)
_SHARDS: TypeAdapter[Any] = TypeAdapter(_Written)


def written_shards(shards: tuple[Shard, ...]) -> bytes:
    """Shards as JSON. What they hold of a row that is not whole yet is somebody's: it stays in the run's folder."""
    return bytes(_SHARDS.dump_json(_Written(shards)))


def read_shards(written: bytes) -> tuple[Shard, ...]:
    """As they were written."""
    found: tuple[Shard, ...] = _SHARDS.validate_json(written).shards
    return found
