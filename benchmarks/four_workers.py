"""Four workers, four mappings, one account, and one of the workers is killed: does everybody land, once, at the whole rate?

    python benchmarks/four_workers.py [--contacts 200000] [--rate 200] [--workers 4] [--mappings 4]

Starts all of it on this machine: PostgreSQL, Prefect's server on it, a work pool with workers, `muster takeover`, CampaignLark's
sandbox at a rate of so many calls a second. When a quarter has landed, a worker and what it runs are killed (`kill -9`), and its run
is finished elsewhere. Ends with 0 if every balance is right, nobody is missing or there twice, the rate was used and never passed; with
1 otherwise.

The sandbox stands for a server elsewhere, and counts a call when it gets to it: all the others are nicer than it (`nice`), so that it is
not kept waiting by what it measures.

`--prefect URL` takes a Prefect server that is there; `--ledger sqlite` keeps the ledger in a file, as one machine does.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import datetime as dt
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import HERE, ROOT, data_folder, machine, table
from postgres import free_port, postgres, size

from connectors.sandbox.serving import Running, running
from flows.ledger import Ledger
from flows.ledger.opening import open_ledger

POOL = "muster-example"
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
MAPPING = """\
name: list-{number}
source: {{kind: csv_file}}
destination: {{kind: campaignlark, senders: shared}}
key: email_address
person: Id
fields:
  email_address: {{from: Email, type: email}}
  first_name: First Name
consent: {{assumed: made-up people at example domains}}
"""


List = tuple[Path, Path, set[str]]
"""A mapping, its file, and the addresses that have to land."""


@dataclass
class Site:
    """What runs where: the addresses and folders that a person would set on each machine."""

    folder: Path
    environment: dict[str, str]
    sandbox: Running
    rate: float

    @property
    def home(self) -> Path:
        return self.folder / "home"


@dataclass
class Worker:
    """A `prefect worker` and what it has started."""

    name: str
    process: subprocess.Popen[bytes]

    def at_work(self, flow_runs: list[str]) -> list[str]:
        """Which of these flow runs its processes are."""
        below = {_flow_run(pid) for pid in _descendants(self.process.pid)}
        return [one for one in flow_runs if one in below]

    def kill(self) -> None:
        """Everything at once, as a power cut would."""
        for pid in [self.process.pid, *_descendants(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(place.read_text().rpartition(")")[2].split()[1]), []).append(int(place.parent.name))  # fmt: skip
    found, left = [], [pid]
    while left:
        for child in parents.get(left.pop(), ()):
            found.append(child)
            left.append(child)
    return found


_PARTS = {
    "postgres": "PostgreSQL", "server start": "Prefect's server", "connectors.sandbox": "the sandbox", "takeover": "muster takeover",
    "worker start": "the workers",
}  # fmt: skip
_TICKS = os.sysconf("SC_CLK_TCK")


def spent(below: int) -> Counter[str]:
    """The processor seconds of what a process has started, by what it is; what a worker has started is what sends."""
    found: Counter[str] = Counter()
    for pid in [below, *_descendants(below)]:
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            own, ended_children = _processor(pid)
            part = next((name for word, name in _PARTS.items() if word in line), "the runs")
            if pid == os.getpid():
                continue
            found[part] += own
            found["the runs" if part == "the workers" else part] += ended_children
    return found


def _processor(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, children = (sum(int(one) for one in fields[at : at + 2]) / _TICKS for at in (11, 13))
    return own, children


def _flow_run(pid: int) -> str:
    """Which flow run a process carries out, as its worker has told it."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if line.startswith(b"PREFECT__FLOW_RUN_ID="):
                return line.partition(b"=")[2].decode()
    return ""


@contextlib.contextmanager
def prefect_server(folder: Path, database: str) -> Iterator[str]:
    """Prefect's own server, on PostgreSQL as its users run it; its address."""
    port = free_port()
    environment = {
        **_clean(), "PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.replace("postgresql://", "postgresql+asyncpg://"),
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    }  # fmt: skip
    command = [Path(sys.executable).parent / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    with ended(command, environment, folder / "server.log"):
        url = f"http://127.0.0.1:{port}/api"
        for _ in range(1200):
            with contextlib.suppress(OSError), _opener().open(f"{url}/health", timeout=2):
                break
            time.sleep(0.1)
        else:
            sys.exit(f"Prefect's server does not answer:\n{(folder / 'server.log').read_text()[-3000:]}")
        yield url


@contextlib.contextmanager
def ended(command: list[Any], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with its block, and all that it has started."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*_nicer(), *(str(word) for word in command)], env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=log.parent,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        below = _descendants(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        for pid in [process.pid, *below]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _nicer() -> list[str]:
    return ["nice", "-n", "5"] if shutil.which("nice") else []


def goes_first(sandbox: Running) -> None:
    """The sandbox before all else, where the system lets us: it stands for a server elsewhere, which nothing here keeps waiting."""
    if sandbox.pid is not None:
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setscheduler(sandbox.pid, os.SCHED_RR, os.sched_param(1))


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_"))}


def files(folder: Path, mappings: int, contacts: int) -> list[List]:
    """A mapping and a file for each list, and the addresses that have to land. One of a hundred rows has a broken address."""
    made = []
    for number in range(1, mappings + 1):
        mapping, source, usable = folder / f"list_{number}.yml", folder / f"list_{number}.csv", set()
        mapping.write_text(MAPPING.format(number=number), "utf-8")
        with source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("Id", "Email", "First Name"))
            for row in range(contacts // mappings):
                address = f"list{number}.user{row}@example{row % 977}.com"
                if row % 100 == 99:
                    address = address.replace("@", " at ")
                else:
                    usable.add(address)
                writer.writerow((f"{number}-{row}", address, f"Person {row}"))
        made.append((mapping, source, usable))
    return made


def deployed(site: Site, lists: list[List], pool: str) -> list[str]:
    """The pool, the deployments, and a flow run of each list; their ids."""
    words = [str(path) for mapping, source, _ in lists for path in (mapping, source)]
    made = subprocess.run(
        [sys.executable, HERE / "deploy_lists.py", pool, *words], env=site.environment, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found: list[str] = json.loads(made.stdout)
    return found


def looked_after(site: Site) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Somebody who sees that a worker is gone. On real machines it runs on two of them."""
    command = [Path(sys.executable).parent / "muster", "takeover", "--every", "5"]
    return ended(command, site.environment, site.folder / "takeover.log")


def states(site: Site, flow_runs: list[str]) -> list[str]:
    """How each has ended, '' while it has not."""
    found = []
    for one in flow_runs:
        with _opener().open(f"{site.environment['PREFECT_API_URL']}/flow_runs/{one}", timeout=30) as answer:
            state = json.load(answer)["state"]
        found.append(state["name"] if state["type"] in ENDED else "")
    return found


@contextlib.contextmanager
def workers(site: Site, count: int, limit: int, pool: str) -> Iterator[list[Worker]]:
    with contextlib.ExitStack() as stack:
        found = []
        for number in range(1, count + 1):
            command = [
                Path(sys.executable).parent / "prefect", "worker", "start", "--pool", pool, "--name", f"worker-{number}", "--limit", str(limit),
            ]  # fmt: skip
            log = site.folder / f"worker-{number}.log"
            found.append(
                Worker(f"worker-{number}", stack.enter_context(ended(command, site.environment, log)))
            )
        yield found


def said(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def busy(found: list[Worker], flow_runs: list[str]) -> Worker:
    """A worker that has at least one of the runs."""
    for worker in found:
        if worker.at_work(flow_runs):
            return worker
    sys.exit("No worker is at work at any of the runs.")


def landed(sandbox: Running) -> int:
    return int(sandbox.requests(within=0)["applied"])


def told(site: Site, lists: list[List], killed: float) -> tuple[list[dict[str, Any]], float]:
    """What the ledger says of each list's run; and how long nobody was at work at those of the worker that was killed."""
    os.environ |= {name: text for name, text in site.environment.items() if name.startswith("MUSTER_")}
    runs, waited = [], 0.0
    with _ledger(site) as ledger:
        for number in range(1, len(lists) + 1):
            [run] = ledger.runs.last(mapping=f"list-{number}")
            stretches = ledger.stretches.of(run.id)
            [(first, last, answers)] = ledger.database.ask(
                "select min(answered_at), max(answered_at), count(*) from answer where run = ?", (run.id,)
            )
            times = [_moment(one.began_at) for one in stretches]
            waited = max([waited, *(began - killed for began in times[1:])])
            runs.append(
                {"run": run.id, "stretches": len(stretches), "first": _moment(first), "last": _moment(last), "answers": answers,
                 "state": run.state, **{name: run.summary.get(name) for name in ("balanced", "outcomes", "exit_code")},
                 "moments": [_moment(at) for (at,) in ledger.database.ask("select answered_at from answer where run = ?", (run.id,))]}
            )  # fmt: skip
    return runs, waited


@contextlib.contextmanager
def _ledger(site: Site) -> Iterator[Ledger]:
    ledger = open_ledger(site.home)
    try:
        yield ledger
    finally:
        ledger.close()


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def judged(
    site: Site, lists: list[List], runs: list[dict[str, Any]], waited: float, killed: float, least: float
) -> bool:
    """Prints the figures; whether all of them are as they have to be."""
    seen, there = site.sandbox.requests(), site.sandbox.contacts()
    wanted = set().union(*(usable for _, _, usable in lists))
    addresses = Counter(one["email_address"] for one in there)
    lost, strange = wanted - addresses.keys(), addresses.keys() - wanted
    twice = [
        one["email_address"] for one in there if one["writes"] > 1 or addresses[one["email_address"]] > 1
    ]
    begin, end = int(min(run["first"] for run in runs)) + 1, int(max(run["last"] for run in runs))
    calls = {int(second): count for second, count in seen["seconds"].items()}
    refused = seen["by_status"].get("429", 0)
    share = sum(calls.get(second, 0) for second in range(begin, end)) / (site.rate * max(1, end - begin))
    over = max(0, seen["busiest_second"] - round(site.rate)) + refused
    both = max(run["first"] for run in runs), min(killed, *(run["last"] for run in runs))
    in_time = [sum(both[0] <= at < both[1] for at in run["moments"]) for run in runs]
    rows = [
        (f"list-{number}", run["run"], str(run["stretches"]), run["state"], str(run["outcomes"]["created"]), str(run["outcomes"]["invalid"]),
         "right" if run["balanced"] and run["outcomes"]["created"] + run["outcomes"]["upserted"] + run["outcomes"]["updated"] + run["outcomes"]["unchanged"] == len(lists[number - 1][2]) else "WRONG",
         f"{part / max(1, sum(in_time)):.1%}")
        for number, (run, part) in enumerate(zip(runs, in_time, strict=True), start=1)
    ]  # fmt: skip
    print(
        "\n"
        + table(
            (
                "mapping",
                "run",
                "stretches",
                "ended",
                "created",
                "invalid",
                "balance",
                "of the answers while all sent",
            ),
            rows,
        )
    )
    figures = [
        ("contacts there", f"{len(there):,} of {len(wanted):,}"),
        ("lost", str(len(lost) + len(strange))),
        ("duplicates, or written twice", str(len(twice))),
        ("share of the rate", f"{share:.1%} of {site.rate:g}/s over {end - begin} s"),
        ("overshoot", f"{over} (busiest second {seen['busiest_second']}, 429s {refused})"),
        ("busiest second anywhere", f"{seen['busiest_sliding_second']} ({seen['busiest_sliding_second'] / site.rate - 1:+.1%})"),
        ("taken over after", f"{waited:.0f} s"),
    ]  # fmt: skip
    print("\n" + table(("what", "figure"), figures) + "\n")
    return (
        not lost and not strange and not twice and not over and share >= least and all(row[6] == "right" for row in rows)
        and any(run["stretches"] > 1 for run in runs)
    )  # fmt: skip


def weighed(site: Site, before: dict[str, int], lists: int, contacts: int) -> None:
    """Prints what is kept, in bytes a contact, and how Prefect's database grew."""
    grown = {address.rpartition("/")[2]: size(address) - there for address, there in before.items()}
    if "MUSTER_LEDGER_URL" not in site.environment:
        grown["muster"] = sum(path.stat().st_size for path in site.home.glob("ledger.sqlite*"))
    folders = sum(path.stat().st_size for path in (site.home / "runs").rglob("*") if path.is_file())
    rows = [
        ("ledger", f"{grown['muster'] / contacts:,.0f} bytes a contact"),
        ("runs' folders", f"{folders / contacts:,.0f} bytes a contact"),
    ]
    if "prefect" in grown:
        rows.append(("Prefect's database", f"{grown['prefect'] / lists / 1024:,.0f} kB a run of {contacts // lists:,}"))  # fmt: skip
    print("\n" + table(("what is kept", "weighs"), rows))


def shown_spent(used: Counter[str], contacts: int) -> None:
    """Prints who needs how much of the processors."""
    rows = [(part, f"{1000 * seconds / contacts:.2f}") for part, seconds in used.most_common()]
    print(
        "\n" + table(("who", "CPU ms a contact"), [*rows, ("all", f"{1000 * used.total() / contacts:.2f}")])
    )


def carried_out(given: argparse.Namespace, folder: Path) -> bool:
    began = time.monotonic()
    lists = files(folder, given.mappings, given.contacts)
    with contextlib.ExitStack() as stack:
        addresses: list[str] = []
        if given.ledger == "postgresql" or not given.prefect:
            said("PostgreSQL")
            addresses = stack.enter_context(postgres("muster", "prefect"))
        said("Prefect's server" + (" on it" if not given.prefect else f" at {given.prefect}"))
        url = given.prefect or stack.enter_context(prefect_server(folder, addresses[1]))
        sandbox = stack.enter_context(running("campaignlark", rate=round(given.rate), latency_ms=20))
        goes_first(sandbox)
        environment = {
            **_clean(), "PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "client"), "DO_NOT_TRACK": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "5", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "MUSTER_HOME": str(folder / "home"), "CAMPAIGNLARK_BASE_URL": sandbox.url, "CAMPAIGNLARK_API_KEY": "sandbox-key",
            "FOUR_WORKERS_RATE": str(given.rate), "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]),
        }  # fmt: skip
        if given.ledger == "postgresql":
            environment["MUSTER_LEDGER_URL"] = addresses[0]
        site = Site(folder, environment, sandbox, given.rate)
        before = {address: size(address) for address in addresses}
        flow_runs = deployed(site, lists, given.pool)
        limit = math.ceil(given.mappings / max(1, given.workers - 1))  # those that are left have room for all
        said(f"{given.workers} workers; {given.mappings} mappings, {given.contacts:,} contacts, one account at {given.rate:g} calls a second")  # fmt: skip
        stack.enter_context(looked_after(site))
        found = stack.enter_context(workers(site, given.workers, limit, given.pool))
        while landed(sandbox) < given.contacts / 4:
            time.sleep(0.5)
            if time.monotonic() - began > given.patience:
                sys.exit(f"Nothing moves. What the workers said is in {folder}/worker-*.log.")
        victim = busy(found, flow_runs)
        lost = [lists[flow_runs.index(one)][0].stem for one in victim.at_work(flow_runs)]
        killed, there = time.time(), landed(sandbox)
        used = spent(victim.process.pid)
        victim.kill()
        said(f"{there:,} have landed: {victim.name} is killed, and its run of {' and '.join(lost)} with it")
        while not all(now := states(site, flow_runs)):
            time.sleep(2)
            if time.monotonic() - began > given.patience:
                sys.exit(f"Not all have ended: {now}. What the workers said is in {folder}/worker-*.log.")
        said(f"all have ended: {', '.join(now)}")
        used += spent(os.getpid())
        runs, waited = told(site, lists, killed)
        weighed(site, before, len(lists), given.contacts)
        shown_spent(used, given.contacts)
        return judged(site, lists, runs, waited, killed, given.share)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--mappings", type=int, default=4)
    parser.add_argument("--ledger", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--prefect", default="", help="the address of a Prefect server that is there")
    parser.add_argument("--pool", default=POOL)
    parser.add_argument(
        "--share", type=float, default=0.99, help="the least share of the rate that is good enough"
    )
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds for all of it")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs, ledger and reports")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="workers-", dir=data_folder()))
    try:
        good = carried_out(given, folder)
    finally:
        if given.keep:
            print(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{machine()}\n{'Everything holds.' if good else 'It does not hold.'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
