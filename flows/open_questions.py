"""Open questions: what is known of an account beyond its API's documentation, in a file that a person may edit.

`$MUSTER_HOME/answers/KIND-ACCOUNT.yml` has a line for each question that is settled, and the address it holds for. A
probe writes it (`muster doctor KIND --probe ADDRESS`), a person may as well; check, plan, sync and the sandbox follow it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from connectors.errors import CannotStart
from connectors.probing import Finding, Question, Questions, questions_of
from flows.ledger.database import private_folder
from flows.settings import Settings
from mappings.engine.complaints import Complaint, nearest

__all__ = ["Answers", "answers_path", "as_settings", "known_answers", "read_answers", "write_answers"]

_BASE_URL = "base_url"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file says: the address that it holds for, the position of each question, and each question's line."""

    base_url: str
    positions: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)


def answers_path(home: Path, kind: str, account: str) -> Path:
    """Where the answers of an account are."""
    return home / "answers" / f"{kind}-{account}.yml"


def known_answers(
    settings: Settings,
    home: Path,
    kind: str,
    account: str,
    base_url: str,
    say: Callable[[str], None] = lambda _: None,
) -> Mapping[str, str]:
    """What is known of an account: positions by question; nothing where the answers are another address's, which is said.

    A file that `KIND_ANSWERS` names holds for any address: so a rehearsal in a sandbox goes by the real account's. Raises
    CannotStart with all that is wrong with the file.
    """
    named = settings.of(kind, account, "ANSWERS")
    path = Path(named).expanduser() if named else answers_path(home, kind, account)
    if not named and not path.exists():
        return {}
    answers = read_answers(path, questions_of(kind))
    if not named and answers.base_url != base_url:
        say(f"answers   those in {path} are of {answers.base_url or 'no address'}, and are not used here")
        return {}
    say(f"answers   {len(answers.positions)} open questions are settled: {path}")
    return answers.positions


def read_answers(path: Path, questions: Questions) -> Answers:
    """The answers in a file. Raises CannotStart with file and line of all that is wrong."""
    try:
        text = path.read_text("utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(
            f"The answers {path} cannot be read: {error}.", "Mend the path or its rights."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise CannotStart(f"{path}:{line}: this is not YAML.", "A line is QUESTION: POSITION.") from None
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise CannotStart(f"{path}:1: these are no answers.", "A line is QUESTION: POSITION.")
    answers, complaints, lines = Answers(""), [], text.splitlines()
    positions, base_url = answers.positions, ""
    for key, value in root.value if root is not None else ():
        line, name = key.start_mark.line + 1, str(key.value)
        position = value.value if isinstance(value, yaml.ScalarNode) else ""
        wrong = ("this question stands here twice.", "Take one out.") if name in positions else None
        if name == _BASE_URL:
            base_url = position.rstrip("/")
            continue
        wrong = wrong or _wrong(name, position, questions)
        if wrong is not None:
            complaints.append(Complaint(str(path), line, name, *wrong))
        positions[name] = position
        answers.lines[name] = lines[line - 1]
    if complaints:
        raise CannotStart("\n".join(map(str, complaints)))
    return Answers(base_url, positions, answers.lines)


def _wrong(name: str, position: str, questions: Questions) -> tuple[str, str] | None:
    """Why this is no answer, and what to do; None where it is one."""
    question = questions.named(name)
    if question is None:
        like = nearest(name, questions.names())
        return (
            "there is no such question.",
            f"Did you mean {like}?" if like else f"There is: {', '.join(questions.names())}.",
        )
    if question.takes(position):
        return None
    like = nearest(position, question.positions)
    return f"'{position}' is no answer.", (
        f"Did you mean {like}? " if like else ""
    ) + f"Answers are {_either(question)}."


def write_answers(
    path: Path, title: str, base_url: str, questions: Questions, findings: Iterable[Finding]
) -> Path | None:
    """Writes what was found. What the file has of questions that were not tried stays, with its line.

    A file of another address is put aside first; its new path, None where there was none. Raises CannotStart.
    """
    from flows.report.writing import whole  # noqa: PLC0415 - it knows spreadsheets and pages

    before, aside = Answers(base_url), None
    private_folder(path.parent.parent)
    private_folder(path.parent)
    if path.exists():
        before = read_answers(path, questions)
        if before.base_url != base_url:
            aside = path.with_suffix(".before.yml")
            path.rename(aside)
            before = Answers(base_url)
    found = {one.question.name: one for one in findings}
    lines = [
        f"# {title}: what is known beyond the API's documentation. muster doctor --probe writes it; you may edit it.",
        "# check, plan and sync follow it, and muster sandbox --as-probed answers so. A line that is taken out is not known.",
        f"{_BASE_URL}: {base_url}",
        *(_line(question, found.get(question.name), before) for question in questions),
    ]
    try:
        with whole(path) as file:
            file.write(("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise CannotStart(
            f"The answers cannot be written to {path}: {error.strerror or error}.", "Mend its rights."
        ) from None
    return aside


def _line(question: Question, finding: Finding | None, before: Answers) -> str:
    asks = f"{_either(question)}: {question.asks}"
    if finding is not None and finding.position:
        today = dt.datetime.now(dt.UTC).date()
        return f"{question.name}: {finding.position}  # asked {today}; inferred: {question.inferred}. {asks}"
    if question.name in before.lines and not (finding is not None and finding.tried):
        return before.lines[question.name]
    what = "not asked yet"
    if finding is not None:
        what = "it answered otherwise" if finding.tried else f"not tried, because {finding.said}"
    return f"# {question.name}:  # {' '.join(what.split())}; inferred: {question.inferred}. {asks}"


def _either(question: Question) -> str:
    *first, last = question.positions
    return f"{', '.join(first)} or {last}" + (", or another name" if question.form else "")


def as_settings(answers: Answers) -> Iterator[str]:
    """The answers as a sandbox's settings on its command line."""
    for name, position in answers.positions.items():
        yield f"--{name.replace('_', '-')}={position}"
