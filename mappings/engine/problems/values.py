"""What can be wrong with a value, by its type and by what the mapping and the destination ask of it."""

from __future__ import annotations

from mappings.engine.problems.code import Code

__all__ = ["CODES"]

CODES = (
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
)
