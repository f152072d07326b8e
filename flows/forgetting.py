"""Forgetting: takes a person out of the ledger, of all runs' folders, and of everything else in the home folder.

The numbers stay: rows, outcomes, balances, times. A keyed hash stays as well, by which no later export brings them back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.errors import LedgerError
from flows.copies.leaving import rewrite
from flows.depot import depot_of, folder_of
from flows.fixes.forgetting import clear_fixes
from flows.forgotten import CODE
from flows.ledger import Ledger, Run, Who
from flows.ledger.database import SqliteFile
from flows.ledger.pages import key_hash
from flows.ledger.people import Held
from flows.report import Details, Summary, write_report
from flows.report.failures import header, parts
from flows.report.vanished_list import without
from flows.report.writing import DETAILS_FILE, whole
from flows.scrubbing import scrub
from flows.settings import Settings
from flows.shards.shared import clear_left
from flows.spool import originals_of
from flows.suppressions import SUPPRESSION_FILE
from flows.theirs import Theirs, address_pattern
from flows.traces import traces

__all__ = ["INSTEAD", "Forgot", "forget"]

INSTEAD = "[forgotten]"
"""What stands where something of the person stood."""
_OWN = ("ledger.sqlite", "pace.sqlite")
_DRAWN = ("failures.csv", "failures.xlsx", "results.csv", "rows.parquet", "report.html", "summary.json", DETAILS_FILE, "twice_there.csv")  # fmt: skip
_SHORT = 4


@dataclass(frozen=True, slots=True)
class Forgot:
    """What was done. `held` is what is at the destinations still, `left` the files in which something stands all the same.

    `unreached` are the addresses of copies of reports, and of folders of fixes, that could not be made right.
    """

    sent: int
    runs: int
    held: list[Held]
    left: list[Path]
    unreached: list[str]


def forget(home: Path, ledger: Ledger, who: Who) -> Forgot:
    """Done when it returns, and can be repeated after it was cut off. Raises Busy while a run is at work, LedgerError,
    and SourceError where a place cannot be reached that machines share.
    """
    with contextlib.ExitStack() as locks:
        for mapping, account in _jobs(ledger):
            locks.enter_context(ledger.run_lock(mapping, account))
            locks.enter_context(ledger.run_lock(mapping, f"{account}-fixes"))
        every = ledger.runs.last(-1)
        for run in every:  # first: where a place cannot be reached, it is said before anything is begun
            folder_of(run)
        clear_left(Settings(home=home), {run.id for run in every})
        held = ledger.people.held(who)
        ledger.forgotten.add(who)  # first: from here on nothing new of them comes in
        rows: dict[str, set[int]] = {}
        texts: set[str] = set()
        for trace in ledger.people.traces(who):
            rows.setdefault(trace.run, set()).add(trace.row)
            texts.update(_texts([trace.wanted, trace.before, trace.problems, trace.calls.get("changes")]))
        folders: list[tuple[Run, _Folder]] = []
        for run in every:
            if Path(run.folder).is_dir():
                theirs = Theirs(ledger, run, who, rows.get(run.id, set()))
                folders.append((run, _Folder(Path(run.folder), who, theirs)))
                texts.update(folders[-1][1].found())
        # what is theirs in one run may be the value before in another
        exact = {text for text in texts if len(text) >= _SHORT}
        cleared = {run.id for run, folder in folders if folder.cleared(exact)}
        for number, name in _filed(ledger):
            ledger.pages.put(number, name, (), [(key_hash(text), text) for text in who.texts])
        sent = ledger.people.wipe(who)
        if isinstance(ledger.database, SqliteFile):
            _database(ledger.database.path, who)  # also where others' texts name them
        else:
            scrub(ledger.database, who.addresses, address_pattern(who), INSTEAD)
        ledger.database.tidy()
        _elsewhere(home, who)
        folders_of_runs = {home / "runs", *(Path(run.folder).parent for run in every)}
        unreached = [address for folder in sorted(folders_of_runs) for address in rewrite(folder)]
        for run, _ in folders:  # what they say of their copies as well
            if (depot := depot_of(run.mapping_path, Path(run.folder))) is not None:
                depot.renew(run.id, Path(run.folder))
        unreached += clear_fixes(ledger, home, who.addresses, cleared)
        return Forgot(sent, len(cleared), held, traces(home, who.addresses), unreached)


def _jobs(ledger: Ledger) -> list[tuple[str, str]]:
    sql = "select distinct r.mapping, a.kind || '-' || a.name from run r join account a on a.id = r.account order by 1, 2"
    return [(mapping, account) for mapping, account in ledger.database.ask(sql)]


def _filed(ledger: Ledger) -> list[tuple[int, str]]:
    return [
        (account, name) for account, name in ledger.database.ask("select distinct account, mapping from page")
    ]


class _Folder:
    """A run's folder, of which a person is taken out."""

    def __init__(self, folder: Path, who: Who, theirs: Theirs) -> None:
        self._folder = folder
        self._who = who
        self._theirs = theirs
        self._address = address_pattern(who)
        self._names = header(folder)
        self._exact: set[str] = set()

    def found(self) -> set[str]:
        """The texts of their rows; which rows these are is known from then on."""
        texts: set[str] = set()
        for path in parts(self._folder, "spool"):
            spool, place = pq.read_table(path), self._folder / "outcomes" / path.name
            rows = self._theirs.among(spool, pq.read_table(place) if place.exists() else None)
            mine = spool.filter(pa.array(rows))
            texts.update(one.text for one in originals_of(mine))
            for name in mine.column_names:
                texts.update(_texts(mine[name].to_pylist()))
        return texts

    def cleared(self, exact: set[str]) -> bool:
        """Whether anything of them was there. `exact` are texts of theirs, which go where they are the whole of a text."""
        self._exact = exact
        changed = False
        for path in parts(self._folder, "outcomes"):
            changed |= self._outcomes(path)
        for path in parts(self._folder, "spool"):
            changed |= self._spool(path)
        shutil.rmtree(self._folder / "shards", ignore_errors=True)  # of a run that was killed while it read
        shutil.rmtree(self._folder / "begun", ignore_errors=True)  # made anew by whoever resumes the run
        (self._folder / "whereabouts.arrow").unlink(missing_ok=True)
        for path in parts(self._folder, "problems"):
            changed |= self._problems(path)
        without(self._folder, self._who.texts)
        if changed or self._stands():
            self._draw()
            return True
        return False

    def _spool(self, path: Path) -> bool:
        table = pq.read_table(path)
        rows = self._theirs.known(table)
        mask = pa.array(rows)
        fresh = {}
        for index in range(len(self._names)):
            column = table[str(index)].combine_chunks()
            fresh[str(index)] = self._replaced(pc.if_else(mask, pa.scalar("", column.type), column))
        cells = [
            [] if mine else kept for mine, kept in zip(rows.tolist(), table["cells"].to_pylist(), strict=True)
        ]
        fresh["cells"] = pa.array(cells, table["cells"].type)
        if "originals" in table.column_names:  # earlier versions of muster kept none
            originals = table["originals"].combine_chunks()
            fresh["originals"] = self._replaced(pc.if_else(mask, pa.scalar(None, pa.string()), originals))
        note = pa.scalar(json.dumps([CODE, ""]), pa.string())
        fresh["misread"] = pc.if_else(mask, note, table["misread"].combine_chunks())
        return self._written(path, table, fresh)

    def _outcomes(self, path: Path) -> bool:
        table = pq.read_table(path)
        mask = pa.array(self._theirs.known(table))
        fresh = {name: pc.if_else(mask, "", table[name].combine_chunks()) for name in ("key", "contact_id")}
        fresh["reason"] = self._replaced(table["reason"].combine_chunks())
        return self._written(path, table, fresh)

    def _problems(self, path: Path) -> bool:
        table = pq.read_table(path)
        mask = pa.array(self._theirs.known(table))
        fresh = {}
        for name, instead in (("value", ""), ("message", INSTEAD), ("fix", "")):
            column = self._replaced(table[name].combine_chunks())
            fresh[name] = pc.if_else(mask, pa.scalar(instead, column.type), column)
        return self._written(path, table, fresh)

    def _replaced(self, column: pa.Array) -> pa.Array:
        """A column of texts, with none of the addresses in it."""
        for address in sorted(self._who.addresses):
            found = pc.match_substring(column, address, ignore_case=True)
            found = pc.fill_null(found, fill_value=False)
            if pc.any(found).as_py():
                texts = [self._address.sub(INSTEAD, text) for text in column.filter(found).to_pylist()]
                column = pc.replace_with_mask(column, found, pa.array(texts, column.type))
        return column

    def _written(self, path: Path, table: pa.Table, fresh: dict[str, pa.Array]) -> bool:
        """Puts the columns in the place of those that are there, if they are others; whether they were."""
        before = table
        for name, column in fresh.items():
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
        if table.equals(before):
            return False
        with whole(path) as file:
            pq.write_table(table, file, compression="lz4", use_dictionary=False, write_statistics=False)
        return True

    def _stands(self) -> bool:
        """Whether something of them stands in what was drawn for people."""
        files = [path for name in _DRAWN if (path := self._folder / name).exists()]
        return any(
            self._address.search(path.read_bytes().decode("utf-8", "replace"))
            for path in files
            if path.suffix != ".xlsx"
        )

    def _draw(self) -> None:
        """The report anew, from what is left. One of which not enough was kept is taken away."""
        try:
            summary = Summary.model_validate(self._scrubbed("summary.json"))
            details = Details.model_validate(self._scrubbed(DETAILS_FILE))
        except (OSError, ValueError):
            for name in _DRAWN:
                if name != "summary.json":
                    (self._folder / name).unlink(missing_ok=True)
            return
        write_report(self._folder, summary, details)

    def _scrubbed(self, name: str) -> Any:
        found = json.loads((self._folder / name).read_text("utf-8"))
        return _scrubbed(found, self._address, self._exact | self._who.texts)


def _texts(found: Any) -> Iterator[str]:
    """All texts in some JSON, its names left out."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list | tuple):
        for one in found:
            yield from _texts(one)
    elif isinstance(found, dict):
        yield from _texts(list(found.values()))


def _scrubbed(found: Any, address: re.Pattern[str], exact: set[str] | frozenset[str]) -> Any:
    """JSON with none of the texts in it: addresses wherever they stand, others where they are the whole text."""
    if isinstance(found, str):
        return INSTEAD if found in exact else address.sub(INSTEAD, found)
    if isinstance(found, list):
        return [_scrubbed(one, address, exact) for one in found]
    if isinstance(found, dict):
        return {address.sub(INSTEAD, name): _scrubbed(one, address, exact) for name, one in found.items()}
    return found


def _elsewhere(home: Path, who: Who) -> None:
    """Everything else in the home folder: Prefect's database and logs, lists that were exported, a suppression file, rehearsals."""
    for folder in (*home.glob("rehearsals/*"), *home.glob("plans/*")):
        if traces(folder, who.addresses):  # nothing in them happened
            shutil.rmtree(folder, ignore_errors=True)
    for path in traces(home, who.addresses):
        if path.name.startswith(_OWN):
            continue
        with path.open("rb") as file:
            database = file.read(16) == b"SQLite format 3\0"
        if database:
            _database(path, who)
        elif path.suffix in (".txt", ".csv", ".json", ".log", ".md", ".html", ".yml", ".db-wal", ""):
            _text(home, path, who)


def _text(home: Path, path: Path, who: Who) -> None:
    body = path.read_bytes()
    for address in who.addresses:
        instead = INSTEAD
        if path == home / SUPPRESSION_FILE:  # they stay on it, under a name that tells nobody
            instead = hashlib.sha256(address.encode()).hexdigest()
        body = re.sub(re.escape(address.encode()), instead.encode(), body, flags=re.IGNORECASE)
    with whole(path) as file:
        file.write(body)


def _database(path: Path, who: Who) -> None:
    """Another program's database, such as Prefect's: the addresses in its texts. Raises LedgerError where it cannot be written."""
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database:
            database.execute("pragma secure_delete = on")
            pattern = address_pattern(who)
            database.create_function("scrubbed", 1, lambda text: pattern.sub(INSTEAD, text))
            with database:
                for table, column in list(_text_columns(database)):
                    for address in who.addresses:
                        sql = (
                            f'update "{table}" set "{column}" = scrubbed("{column}")'  # noqa: S608 - names from the file itself
                            f' where typeof("{column}") = \'text\' and instr(lower("{column}"), ?)'
                        )
                        database.execute(sql, (address,))
            database.execute("pragma wal_checkpoint(truncate)")
            database.execute("vacuum")
    except sqlite3.Error as error:
        raise LedgerError(
            f"{path} could not be cleared: {error}.", "End what works with it, and say muster forget again."
        ) from None


def _text_columns(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = database.execute(
        "select name from sqlite_master where type = 'table' and sql not like 'create virtual%'"
    )
    for (table,) in tables.fetchall():
        for _, column, *_ in database.execute(f'pragma table_info("{table}")'):
            yield table, column
