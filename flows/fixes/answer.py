"""What a person reads who dropped a file: what became of its rows, what is left to do; or why it was not used."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from flows.fixes.usable import Unusable
from flows.ledger import Run
from flows.repair import Repair
from flows.report.summary import Summary
from flows.report.verdict import verdict
from flows.roll import OUTCOMES
from mappings.engine.complaints import visible

__all__ = ["Answer", "base_of", "marked_with", "of_run", "of_unusable"]

_MARK = re.compile(r"--([0-9]{8}-[0-9]{6}-[0-9a-z]{4}|[0-9a-f]{8})(?=\.|$)")
_LONGEST, _LONGEST_ENDING = 150, 20
_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What is put beside a file. `folder` is done or refused; `mark` stands in all names; `brings` are files of the run, by how their names end."""

    folder: str
    mark: str
    text: str
    brings: tuple[tuple[Path, str], ...] = ()


def base_of(name: str, mark: str) -> tuple[str, str]:
    """How the names of an answer begin, and how the file's own ends. A mark of an earlier answer is taken out.

    >>> base_of("failures--20260101-101112-4f2a.failures.xlsx", "20260202-101112-4f2a")
    ('failures--20260202-101112-4f2a', '.xlsx')
    """
    stem, ending = posixpath.splitext(name)
    found = _MARK.search(stem)
    bare = (stem[: found.start()] if found else stem).encode()[:_LONGEST].decode("utf-8", "ignore")
    return f"{bare}--{mark}", ending.encode()[:_LONGEST_ENDING].decode("utf-8", "ignore")


def marked_with(name: str) -> str:
    """The mark in the name of a file that was answered: a run's id, or a part of a hash; '' where there is none.

    >>> marked_with("failures--20260101-101112-4f2a.report.html"), marked_with("notes.txt")
    ('20260101-101112-4f2a', '')
    """
    found = _MARK.search(name)
    return found[1] if found else ""


def of_run(name: str, run: Run, repair: Repair | None, *, again: bool, link: str) -> Answer:
    """What came of a retry; `again`: it was answered before. `link` is where its report is, '' for nowhere else."""
    summary = Summary.model_validate(run.summary)
    base, _ = base_of(name, run.id)
    folder, left = Path(run.folder), summary.needing
    report = folder / "report.html"
    brings = [(report, ".report.html")] if report.is_file() else []
    lines = [
        f"{name} was retried on {run.started_at[:10]} at {run.started_at[11:16]} UTC (run {run.id})."
        + (" This very file was answered before; nothing was sent again." if again else ""),
        "",
        visible(verdict(summary)),
        "",
        *(f"{count:>9,}  {one}" for one in OUTCOMES if (count := getattr(summary.outcomes, one))),
        f"{summary.source.rows_read:>9,}  rows in all",
    ]
    if repair is not None:
        lines += ["", *_noticed(repair)]
    if left:
        lines += ["", "Still to do:", *_to_do(summary)]
    if brings:
        lines += ["", f"The report is {base}.report.html" + (f", and {link}" if link else "")]
    elif link:
        lines += ["", f"The report is {link}"]
    if left and (folder / "failures.xlsx").is_file():
        lines += [
            "",
            f"The rows that are left are in {base}.failures.xlsx. Correct them there and drop that file.",
        ]
        brings.append((folder / "failures.xlsx", ".failures.xlsx"))
    return Answer("done", run.id, "\n".join(lines) + "\n", tuple(brings))


def of_unusable(name: str, sha256: str, error: Unusable) -> Answer:
    """Why a file was not used, and what to do."""
    base, ending = base_of(name, sha256[:8])
    lines = [
        f"{name} was not used, and nothing was sent.",
        "",
        visible(error.what),
        visible(error.fix),
        "",
        f"It lies beside this text as {base}{ending}",
    ]
    return Answer("refused", sha256[:8], "\n".join(lines) + "\n")


def _noticed(repair: Repair) -> list[str]:
    """What was read in the file: what a person changed, and what was not taken."""
    lines = [f"Changed: {visible(repair.told())}"]
    if repair.worn:
        columns = ", ".join(visible(column) or "(no name)" for column in repair.worn)
        lines.append(
            f"Taken as before in {columns}: cells that differ only as spreadsheet programs change them by themselves, such as 00123 to 123."
        )
    if repair.ignored:
        lines.append(f"Not used, because the run has no such columns: {visible(', '.join(repair.ignored))}")
    if repair.missing:
        lines.append(
            f"Taken as before, because they are not in the file: {visible(', '.join(repair.missing))}"
        )
    if repair.loose:
        lines.append(
            f"Sent once, and not kept for later syncs: {repair.loose:,} changed cells of rows that could not be laid out. Correct the source."
        )
    return lines


def _to_do(summary: Summary) -> list[str]:
    errors = [
        one for one in summary.problems if one.severity == "error" and one.state not in ("accepted", "solved")
    ]
    lines = []
    for one in errors[:_PROBLEMS]:
        where = f" in {one.column}" if one.column else ""
        rows = f"{one.count:,} row{'s' if one.count > 1 else ''}"
        lines.append(visible(f"- {rows}: {one.code}{where}. {one.fix}"))
    if len(errors) > _PROBLEMS:
        lines.append(f"- and {len(errors) - _PROBLEMS} more kinds of problems, all in the report")
    return lines
