"""All kinds of problems there are, by their codes."""

from __future__ import annotations

from mappings.engine.problems import delivery, people, rows, undo, values
from mappings.engine.problems.code import Code

__all__ = ["CODES", "documented"]

CODES: dict[str, Code] = {
    code.name: code for code in (*rows.CODES, *values.CODES, *people.CODES, *delivery.CODES, *undo.CODES)
}


def documented() -> str:
    """The table of all codes for the documentation."""
    head = "| code | severity | what it means | what to do |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{c.name}` | {c.severity} | {_cell(c.message)} | {_cell(c.fix)} |\n" for c in CODES.values()
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{", "*").replace("}", "*")
