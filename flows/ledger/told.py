"""What was told of each mapping, and to whom, so that a state is told once."""

from __future__ import annotations

from dataclasses import dataclass

from flows.ledger.database import Connection, Database

__all__ = ["LastTold", "Told"]


@dataclass(frozen=True, slots=True)
class LastTold:
    """What a receiver knows of a mapping. `account` is KIND-NAME, '' where the mapping could not be read. Times are ISO 8601, UTC.

    `since` is when the state was told first, `told_at` when last, `run` the run that it was told of, '' where none began.
    """

    account: str
    mapping: str
    receiver: str
    state: str
    run: str
    since: str
    told_at: str


_COLUMNS = "account, mapping, receiver, state, run, since, told_at"


class Told:
    """The last state that each receiver was told, by account, mapping and receiver."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, account: str, mapping: str, path: str) -> dict[str, LastTold]:
        """By receiver. `path` is the mapping's file: what was told while it could not be read counts as well."""
        sql = f"select {_COLUMNS} from told where (account = ? and mapping = ?) or (account = '' and path = ?) order by told_at"  # noqa: S608 - our own names
        return {
            one.receiver: one
            for one in (LastTold(*row) for row in self._database.ask(sql, (account, mapping, path)))
        }

    def everything(self) -> list[LastTold]:
        """All that every receiver knows."""
        sql = f"select {_COLUMNS} from told order by mapping, account, receiver"  # noqa: S608 - our own names
        return [LastTold(*row) for row in self._database.ask(sql)]

    def keep(self, told: LastTold, path: str) -> None:
        """In the place of what the receiver knew before."""

        def kept(database: Connection) -> None:
            database.execute(
                "delete from told where receiver = ? and account = '' and path = ? and (mapping <> ? or ? <> '')",
                (told.receiver, path, told.mapping, told.account),
            )
            database.execute(
                f"""insert into told ({_COLUMNS}, path) values (?, ?, ?, ?, ?, ?, ?, ?)
                on conflict (account, mapping, receiver) do update set state = excluded.state, run = excluded.run,
                since = excluded.since, told_at = excluded.told_at, path = excluded.path""",  # noqa: S608 - our own names
                (
                    told.account,
                    told.mapping,
                    told.receiver,
                    told.state,
                    told.run,
                    told.since,
                    told.told_at,
                    path,
                ),
            )

        self._database.done(kept)

    def last_mapping(self, path: str) -> tuple[str, str, str] | None:
        """Name, account (KIND-NAME) and text of the mapping that the last run from this file had; None where there was none."""
        sql = """
            select run.mapping, account.kind, account.name, coalesce(mapping_text.text, '') from run
            join account on account.id = run.account left join mapping_text on mapping_text.sha256 = run.mapping_sha256
            where run.mapping_path = ? order by run.started_at desc limit 1
        """
        found = self._database.ask(sql, (path,))
        return None if not found else (found[0][0], f"{found[0][1]}-{found[0][2]}", found[0][3])
