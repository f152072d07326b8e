"""How often `muster init` is right about a column, over header rows of real products and forms (`header_rows.txt`): precision and recall for each field.

    python benchmarks/init_accuracy.py [--misses] [FILE]

Each column has three cells such as a person would find there, and one that nobody would send has numbers; a known export is recognised as `init` does it.
Precision is the right ones among the columns that were matched, recall the right ones among those that a person would match.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from connectors.base import SourceFacts
from connectors.sources.recognising import facts_of, recognised
from mappings.engine.schema import Field, Schema
from mappings.engine.suggesting import NoAddresses, Origin, suggest

HERE = Path(__file__).parent
TYPES = {"email_address": "email", "country": "country", "birthday": "date", "joined_at": "datetime"}
CONSENT = ("out", "in", "status")
CELLS = {
    "email_address": ("ann@example.com", "bob@example.org", "cem@example.net"), "first_name": ("Ann", "Bob", "Cem"), "last_name": ("Example", "Baker", "Yilmaz"),
    "full_name": ("Ann Example", "Bob Baker", "Cem Yilmaz"), "phone": ("+442079460958", "", "+493023125000"), "company": ("Acme", "", "Acme"),
    "job_title": ("Buyer", "CTO", ""), "street": ("1 High Street", "", "Ring 2"), "city": ("Bath", "Berlin", "Bonn"), "postal_code": ("01067", "", "BA1 1AA"),
    "state": ("Bavaria", "", "TX"), "country": ("Germany", "France", "Spain"), "birthday": ("1990-05-17", "", "1985-01-31"),
    "joined_at": ("2025-01-31 10:00:00", "2025-02-01 11:00:00", "2025-03-02 12:00:00"), "website": ("https://example.com", "", ""), "language": ("en", "de", ""),
    "gender": ("f", "m", ""), "salutation": ("Ms", "Mr", ""), "source": ("web", "fair", "web"), "score": ("10", "20", "30"),
    "out": ("true", "false", "false"), "in": ("yes", "no", "yes"), "status": ("subscribed", "unsubscribed", "subscribed"),
}  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    """A header row: whose it is, its columns, and what those stand for that somebody would send."""

    whose: str
    header: tuple[str, ...]
    labels: dict[str, str]


def labelled(path: Path) -> Iterator[Labelled]:
    for paragraph in path.read_text("utf-8").split("\n\n"):
        lines = [
            line
            for line in paragraph.splitlines()
            if line and not line.startswith("# Header") and not line.startswith("# a ")
        ]
        lines = [line for line in lines if not (line.startswith("#") and " | " not in line)]
        if len(lines) != 2:
            continue
        cells = [cell.strip() for cell in lines[1].split(" | ")]
        parts = [cell.rpartition(" = ") for cell in cells]
        named = [(name or label, label if name else "") for name, _, label in parts]
        yield Labelled(
            lines[0], tuple(name for name, _ in named), {name: label for name, label in named if label}
        )


def guessed(one: Labelled, schema: Schema) -> dict[str, str]:
    """What `init` takes each column for; columns that it leaves out are not there."""
    found = recognised(one.header)
    facts = facts_of(found.kind, one.header) if found else SourceFacts()
    origin = Origin(
        "file.csv", {"kind": found.kind if found else "csv_file", "path": "file.csv"}, consents=facts.consents,
        person_column=facts.person_column, list_separator=facts.list_separator, meanings=facts.meanings, formats=facts.formats,
    )  # fmt: skip
    cells = pa.table(
        {name: pa.array(CELLS.get(one.labels.get(name, ""), ("17", "", "4711"))) for name in one.header}
    )
    try:
        draft = suggest(
            one.header,
            cells,
            schema,
            origin=origin,
            name="file",
            destination="campaignlark",
            schema_address="x",
        ).draft
    except NoAddresses:
        return {}
    plain = {tag: match for tag, match in draft.fields.items() if "part" not in match.keys}
    fields = {name: tag for tag, match in plain.items() for name in (match.column, *match.also)}
    fields |= {match.column: "full_name" for match in draft.fields.values() if "part" in match.keys}
    return fields | dict.fromkeys(draft.consent.columns, "consent")


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("file", nargs="?", type=Path, default=HERE / "header_rows.txt")
    said.add_argument("--misses", action="store_true", help="each column that was taken for something else")
    given = said.parse_args()
    rows = list(labelled(given.file))
    fields = sorted({label for one in rows for label in one.labels.values()} - {*CONSENT})
    schema = Schema(
        tuple(
            Field(name, name, TYPES.get(name, "text"))
            for name in ["email_address", *fields]
            if name != "full_name"
        )
    )
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    told = defaultdict(list)
    for one in rows:
        found = guessed(one, schema)
        for name in one.header:
            label = one.labels.get(name, "")
            label = "consent" if label in CONSENT else label
            taken = found.get(name, "")
            right[label] += bool(label) and taken == label
            missed[label] += bool(label) and taken != label
            wrong[taken] += bool(taken) and taken != label
            if taken != label:
                told[one.whose].append(f"{name}: {taken or 'left out'}, and not {label or 'left out'}")
    print(
        f"{len(rows)} header rows, {sum(len(one.header) for one in rows)} columns, {sum(len(one.labels) for one in rows)} of them to be sent\n"
    )
    print(f"{'field':<16}{'columns':>8}{'precision':>11}{'recall':>8}")
    for name in [*sorted({*fields, "consent"}), "all"]:
        one = [sum(count.values()) if name == "all" else count[name] for count in (right, wrong, missed)]
        precision = one[0] / (one[0] + one[1]) if one[0] + one[1] else 1.0
        recall = one[0] / (one[0] + one[2]) if one[0] + one[2] else 1.0
        print(f"{name:<16}{one[0] + one[2]:>8}{precision:>11.1%}{recall:>8.1%}")
    if given.misses:
        for whose, lines in told.items():
            print(f"\n{whose}", *lines, sep="\n  ")


if __name__ == "__main__":
    main()
