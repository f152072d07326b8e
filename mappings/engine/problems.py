"""What can be wrong with a row, as data: a code, a severity, a place, a message and a fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["CODES", "Code", "Problem", "documented"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem. `message` and `fix` are templates, filled from the row's own details.

    `who` says who can act: the owner of the data, the owner of the mapping, nobody because muster tries again,
    whoever looks after the account, or the same and then a plain retry of the rows as they are.
    """

    name: str
    severity: Severity
    message: str
    fix: str
    who: Literal["data", "mapping", "retried", "account", "retry"] = "data"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row.

    `row` is the number of the data row (from 1), `line` the physical line where it starts. `column` is the
    source's name, or the merge tag where several columns are behind it. `value` is what stood there.
    """

    row: int
    line: int
    code: str
    column: str
    value: str
    message: str
    fix: str
    severity: Severity

    @classmethod
    def of(
        cls, code: str, *, row: int, line: int, column: str = "", value: str = "", **detail: Any
    ) -> Problem:
        """A problem with its texts filled in. Raises KeyError for a code that is not documented."""
        kind = CODES[code]
        known = {"column": column, "value": _shown(value), **detail}
        return cls(
            row=row,
            line=line,
            code=code,
            column=column,
            value=value,
            message=kind.message.format_map(known),
            fix=kind.fix.format_map(known),
            severity=kind.severity,
        )


def _shown(value: str) -> str:
    """The value as a message shows it: at most 80 characters, control characters made visible."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value[:81])
    return text if len(value) <= 80 else text[:79] + "…"


def documented() -> str:
    """The table of all codes for the documentation."""
    head = "| code | severity | what it means | what to do |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{c.name}` | {c.severity} | {_cell(c.message)} | {_cell(c.fix)} |\n" for c in CODES.values()
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{", "*").replace("}", "*")


def _codes(*codes: Code) -> dict[str, Code]:
    return {code.name: code for code in codes}


CODES: dict[str, Code] = _codes(
    # the row as it was read
    Code(
        "row_misaligned",
        "error",
        "The row has {detail}, so it is not clear which column each belongs to.",
        "Give each column of the row its cell: quote the one that holds a delimiter, add the delimiter that is missing or remove the one too many, and send the row again.",
    ),
    Code(
        "header_again",
        "error",
        "The row is the header once more: another table may begin here.",
        "Delete the line where the rows below it belong to the same table; else put them into a file of their own.",
    ),
    Code(
        "row_cut_off",
        "error",
        "The file ends inside this row: {detail}.",
        "Export the file again; the end of it is missing.",
    ),
    Code(
        "row_undecodable",
        "error",
        "The row holds bytes that are no text in this encoding: {detail}.",
        "Export the file as UTF-8, or name its encoding under source: in the mapping.",
    ),
    Code(
        "row_unreadable",
        "error",
        "The row cannot be read: {detail}.",
        "Correct it in the source, and send the row again.",
    ),
    Code(
        "cell_too_long",
        "error",
        "A cell of this row holds {detail}.",
        "Look for a quote that is never closed in or before this row.",
    ),
    # the key
    Code(
        "key_blank",
        "error",
        "{column} is blank, and it is how the destination knows the contact.",
        "Fill in {column}, or leave such rows out with where: in the mapping.",
    ),
    # types
    Code(
        "email_syntax",
        "error",
        "'{value}' is not an e-mail address: {detail}",
        "Correct the address in {column}.",
    ),
    Code(
        "email_typo_domain",
        "warning",
        "'{value}' looks like a misspelled address; was {suggestion} meant?",
        "Check these addresses with the people, or correct {column}.",
    ),
    Code(
        "integer_syntax",
        "error",
        "'{value}' is not a whole number.",
        "Write {column} with digits only, such as 42.",
    ),
    Code(
        "number_syntax",
        "error",
        "'{value}' is not a number.",
        "Write {column} as a number such as {example}, or say decimal: and thousands: for this field in the mapping.",
    ),
    Code(
        "number_ambiguous",
        "error",
        "'{value}' may be {large}, or a small number with three decimals.",
        'Say decimal: "," or decimal: "." for this field in the mapping.',
        "mapping",
    ),
    Code(
        "boolean_unknown",
        "error",
        "'{value}' is neither yes nor no.",
        "Write one of: {options}; or list the value under truthy: or falsy: of this field.",
    ),
    Code(
        "date_syntax",
        "error",
        "'{value}' is not a date written as {format}.",
        "Correct {column}, or name the right format: for this field in the mapping.",
    ),
    Code(
        "datetime_syntax",
        "error",
        "'{value}' is not a date and time written as {format}.",
        "Correct {column}, or name the right format: for this field in the mapping.",
    ),
    Code(
        "datetime_impossible",
        "error",
        "'{value}' does not exist in {timezone}: the clocks went forward.",
        "Correct {column}, or export it with its offset from UTC.",
    ),
    Code(
        "datetime_ambiguous",
        "error",
        "'{value}' happened twice in {timezone}: the clocks went back.",
        "Export {column} with its offset from UTC.",
    ),
    Code(
        "country_unknown",
        "error",
        "'{value}' is not a country's name or code{suggestion}.",
        "Write the name in English or a two-letter code in {column}.",
    ),
    Code(
        "phone_syntax",
        "error",
        "'{value}' is not a phone number: {detail}",
        "Write {column} with its country code, such as +44 20 7946 0958.",
    ),
    Code(
        "url_syntax",
        "error",
        "'{value}' is not a web address.",
        "Write {column} as https://example.com/page.",
    ),
    Code(
        "choice_unknown",
        "error",
        "'{value}' is not among the destination's options.",
        "Use one of: {options}; or translate it under values: in the mapping.",
    ),
    Code(
        "choice_left_out",
        "warning",
        "'{value}' is not among the destination's options ({options}), so it is left out.",
        "Leave it so; or translate it under values: in the mapping.",
        "mapping",
    ),
    Code(
        "value_unknown",
        "error",
        "'{value}' is not in the values: table of {field}.",
        "Add a line for it under values: of {field} (it has: {options}), or set otherwise:.",
        "mapping",
    ),
    Code(
        "not_matched",
        "error",
        "'{value}' holds nothing that match: '{pattern}' of {field} finds.",
        "Correct {column}, or set otherwise: blank or as_is for {field} in the mapping.",
        "mapping",
    ),
    Code(
        "no_case",
        "error",
        "None of the cases: of {field} fits this row.",
        "Add a case for it, or a last one without when:, in the mapping.",
        "mapping",
    ),
    Code(
        "condition_unclear",
        "error",
        "'{value}' in {column} is no date or number, so what {field} asks cannot be told.",
        "Correct {column}, or name the format: of its dates in the mapping.",
    ),
    Code(
        "too_long",
        "error",
        "The text has {length} characters; the destination takes {limit}.",
        "Shorten {column} to {limit} characters.",
    ),
    Code(
        "required_blank",
        "error",
        "{field} is blank, and the destination requires it.",
        "Fill in {column}, or give the field a default: in the mapping.",
    ),
    Code(
        "tag_unknown",
        "error",
        "The tag '{value}' does not exist at the destination{suggestion}.",
        "Create the tag there, let the sync do it with unknown: create under tags:, or correct it in {column}.",
    ),
    Code(
        "list_unknown",
        "error",
        "The list '{value}' does not exist at the destination{suggestion}.",
        "Create the list there, correct it in {column}, or leave it out.",
    ),
    Code(
        "number_needed",
        "error",
        "'{value}' is no number, and this destination knows its {kind} by their numbers only.",
        "Write the number as the destination's own app shows it, such as 12.",
    ),
    Code(
        "state_blank",
        "error",
        "{field} is blank, and the destination requires it for every country.",
        "Fill in {column}. Where a country has none, such as DE or SG, the city can stand for it: write {rule} "
        "in the mapping; or give the field a default: there.",
    ),
    Code(
        "state_unknown",
        "error",
        "'{value}' is no state or province of {country} (the nearest is {suggestion}).",
        "Write its name or its code of two letters in {column}, such as {example}.",
    ),
    Code(
        "state_territory",
        "warning",
        "'{value}' is a territory or a military address; that it counts as a state there is not documented.",
        "Look at the destination's answer; where it refuses it, enter the contact in its own app.",
    ),
    Code(
        "street_blank",
        "error",
        "address and address2 are both blank, and the destination requires one of them.",
        "Fill in the street.",
    ),
    Code(
        "age_unreadable",
        "warning",
        "'{value}' in {column} is no date that tells how new the row is, so it counts as the oldest.",
        "Correct {column}, or name the format: under duplicates: in the mapping.",
    ),
    Code(
        "consent_not_understood",
        "warning",
        "'{value}' in {column} is not understood, so it counts as an opt-out.",
        "List such values under when: or unless: of consent.opted_out in the mapping.",
        "mapping",
    ),
    Code(
        "opt_out_without_key",
        "error",
        "The row says that the person wants no mail, and it has no usable {column}: they may still be mailed.",
        "Unsubscribe them at the destination, or correct the row and send it again: the opt-out goes with it.",
    ),
    Code(
        "consent_date_unreadable",
        "warning",
        "{column} says '{value}', which is no date up to today, so this consent does not count.",
        "Correct {column}, or name the right format: under consent.follow_source in the mapping.",
    ),
    Code(
        "consent_not_followed",
        "warning",
        "The source has a consent, and the person stays unsubscribed: {detail}.",
        "Nothing, if the person wants no mail; otherwise they subscribe again themselves, or the source gets a newer consent.",
    ),
    Code(
        "duplicate_rejected",
        "error",
        "Row {other} has the same {field}, and the mapping rejects duplicates.",
        "Keep one of the rows, or choose duplicates: last or first in the mapping.",
    ),
    # what the destination did
    Code(
        "refused",
        "error",
        "The destination refused it: {detail}",
        "Correct the row as the answer says and send it again.",
    ),
    Code(
        "tags_refused",
        "error",
        "The fields arrived, but the tags were refused: {detail}",
        "Check that the tags still exist at the destination, then run the sync again.",
        "retry",
    ),
    Code(
        "tag_not_created",
        "error",
        "Nothing was sent, because the tag '{value}' could not be created at the destination: {detail}",
        "Correct the tag in {column}, or create it there, then run the sync again.",
    ),
    Code(
        "block_left_over",
        "warning",
        "{field} still holds '{kept}' from before: it is blank here, and this destination cannot be told to empty it.",
        "Empty {field} of this contact in the destination's own app.",
    ),
    Code(
        "names_unseen",
        "warning",
        "{value} was not added: the destination does not show which {field} a contact has, and might have lost them.",
        "Add it in the destination's own app.",
    ),
    Code(
        "address_kept",
        "error",
        "The destination kept the old address {detail} when it was asked to change it.",
        "Change the address of this contact in the destination's own app.",
        "account",
    ),
    Code(
        "not_delivered",
        "error",
        "Tried {attempts} times and not applied: {detail}",
        "Run the sync again; the row is tried again by itself.",
        "retried",
    ),
    Code(
        "not_listed",
        "error",
        "No clear answer came, and the list does not show the contact: {detail}",
        "Run the sync again; the row is tried again by itself.",
        "retried",
    ),
    Code(
        "no_clear_answer",
        "error",
        "Sent, but no clear answer came back: {detail}",
        "Run the sync again: it looks the contact up first.",
        "retried",
    ),
    Code(
        "kept_differently",
        "warning",
        "The destination keeps {field} as '{kept}' instead of '{value}'.",
        "Look at the field there; if it is right so, change the mapping to send it like that.",
        "mapping",
    ),
    # what an undo found
    Code(
        "changed_since",
        "warning",
        "{field} is '{value}' now, which the run did not write: somebody changed it since, so it stays. Before the run it was '{before}'.",
        "Change {field} of this contact in the destination's own app, if it should be as it was.",
        "account",
    ),
    Code(
        "not_emptied",
        "warning",
        "{field} still holds '{value}': nothing was there before the run, and this destination cannot be told to empty it.",
        "Empty {field} of this contact in the destination's own app.",
        "account",
    ),
    Code(
        "name_gone",
        "warning",
        "'{value}' is not given back: it does not exist there any more.",
        "Create it there and add the contact to it in the destination's own app, if it should be as it was.",
        "account",
    ),
    Code(
        "opt_out_stays",
        "warning",
        "The contact stays as it is ({value}), and is not subscribed again: {why}.",
        "Nothing, if the person wants no mail; otherwise they subscribe again themselves.",
        "account",
    ),
    Code(
        "id_changed",
        "warning",
        "The destination answered with another contact than the one that was looked up ({was}, and now {now}).",
        "Look at the row's contact in the destination's own app: somebody removed or merged it at that moment, and what it held "
        "may be lost there.",
        "account",
    ),
)
