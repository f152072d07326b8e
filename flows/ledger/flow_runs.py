"""Flow runs: under which id Prefect shows a run of the ledger."""

from __future__ import annotations

from flows.ledger.database import Database

__all__ = ["FlowRuns"]


class FlowRuns:
    """Which flow run of Prefect works at a run, or worked at it last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, run_id: str, flow_run: str) -> None:
        """A flow run works at it from now on."""
        self._database.tell("update run set flow_run = ? where id = ?", (flow_run, run_id))

    def of(self, run_id: str) -> str:
        """The flow run's id; '' where Prefect never heard of the run."""
        found = self._database.ask("select coalesce(flow_run, '') from run where id = ?", (run_id,))
        return str(found[0][0]) if found else ""

    def running(self) -> list[str]:
        """The ids of all runs that count as running, the oldest first: somebody is at work at them, or was cut off."""
        rows = self._database.ask("select id from run where state = 'running' order by started_at, id")
        return [str(run_id) for (run_id,) in rows]
