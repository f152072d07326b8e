"""Whether a source is read in shards, and in which: what is known of the file, the mapping and the machine decides."""

from __future__ import annotations

from pathlib import Path

from connectors.base import Source
from connectors.sources.bookmarks import Divisible
from flows.corrected import Corrected
from flows.ledger.opening import there_is_a_ledger
from flows.settings import Settings
from flows.shards.brief import Brief, File
from flows.shards.crew import Crew, Processes, processors
from flows.shards.gathering import Shards
from mappings.engine.applying import Application

__all__ = ["LARGE", "shards_of"]

LARGE = 256 << 20
"""Bytes from which on a file is divided unasked: well above what the start of processes costs; `benchmarks/shards.py` measures the gain."""
SHARD = 32 << 20
"""Bytes of a shard: small beside what is large, so that all are busy until the end, and large beside a block of rows."""
_MOST = 8


def shards_of(
    source: Source,
    application: Application,
    forgets_in: Path,
    keys: tuple[str, ...],
    asked: int | None,
    crew: Crew | None = None,
) -> Shards | None:
    """How a source is divided; None where one process reads it alone: it is small, of a kind that cannot be divided (or one of its files is), there
    is one processor only, or what is made of a row depends on the rows before it.

    `asked` is the number that a person named, None where that is left to us. `crew` maps the shards, else processes of this machine.
    """
    divisible = source.source if isinstance(source, Corrected) else source
    wanted = asked if asked is not None else processors() if crew is None else _MOST
    if not isinstance(divisible, Divisible) or application.learns or wanted < 2 or not divisible.files():
        return None
    if asked is None and divisible.size < LARGE:
        return None
    size = max(1, -(-divisible.size // wanted)) if asked is not None else SHARD
    most = min(wanted, processors(), _MOST, -(-divisible.size // size))
    files = divisible.files()
    corrected = source if isinstance(source, Corrected) else None
    url = Settings(Path(str(application.mapping.file))).ledger_url()
    brief = Brief(
        mapping=application.mapping.text,
        mapping_file=str(application.mapping.file),
        mapping_sha256=application.mapping.sha256,
        schema=application.schema,
        today=application.today,
        pattern=str(divisible.path) if files[0].name else "",
        files=tuple(map(File.of, files)),
        keys=tuple(keys),
        forgets_in=str(forgets_in) if there_is_a_ledger(forgets_in, url) else "",
        corrections=corrected.corrections if corrected is not None else (),
    )
    return Shards(divisible, corrected, brief, crew or Processes(most), size)
