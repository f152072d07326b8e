"""hostile.csv: everything that goes wrong with files, in one file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from sample_data.dice import Dice
from sample_data.lands import LANDS
from sample_data.people import People
from sample_data.sample import Sample
from sample_data.stories import BROKEN, Cells, Change, Row, Trap, Twist, cell, each, typo

__all__ = ["SAMPLE"]

HOSTILE = (
    "Email", "First Name", "Last Name", "", "Company", "Notes", "Phone", "City", "Postal Code", "Country", "Birthday",
    "Plan", "Interests", "Score", "Customer", "Opted out", "Tags", "Notes 2",
)  # fmt: skip
WRITTEN = ["Notes" if name == "Notes 2" else name for name in HOSTILE]  # the header repeats a name
PREAMBLE = "\ufeffEvent leads 2026 - exported by the ticket shop\n\n"
TAIL = ("Customer", "Opted out", "Tags", "Notes 2")


def hostile_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the file says of somebody about whom there is nothing to say."""
    one = people.next()
    return {
        "Email": one.address,
        "First Name": one.given,
        "Last Name": one.family,
        "": dice.one_of(("", "", "x", str(next(ids)))),
        "Company": one.company,
        "Notes": dice.one_of(
            ("", "came with a friend", "vegan, no nuts", 'said "maybe"', "line one\nline two")
        ),
        "Phone": one.phone,
        "City": one.city,
        "Postal Code": one.postcode,
        "Country": dice.one_of((one.land.name, *one.land.codes, one.land.codes[0].lower())),
        "Birthday": one.born,
        "Plan": dice.one_of(("", "Free", "silver", "GOLD")),
        "Interests": dice.one_of(("", "Newsletter", "events|WEBINARS", "Product news | Events")),
        "Score": dice.one_of(("", "0", "7", "-3", "1200")),
        "Customer": dice.one_of(("", "yes", "No", "TRUE", "0")),
        "Opted out": dice.one_of(("", "no")),
        "Tags": dice.one_of(("", "event-2026", "event-2026;partner", "vip")),
        "Notes 2": dice.one_of(("", "", "badge printed")),
    }


def hostile_traps() -> list[Trap]:
    """What is wrong with the file, and what only looks so."""
    short: Cells = dict.fromkeys(TAIL, "")
    out = {"Opted out": "yes"}
    upper: Change = lambda cells: {"Email": cells["Email"].upper(), "Notes": "first visit"}  # noqa: E731 - a table of changes
    title: Change = lambda cells: {"Email": cells["Email"].title()}  # noqa: E731 - as above
    hidden: Change = lambda cells: {"Email": "\u200b" + cells["Email"].replace("@", "\u200b@")}  # noqa: E731 - as above
    nobreak: Change = lambda cells: {"Email": f"\u00a0{cells['Email']}\u00a0"}  # noqa: E731 - as above
    bare = {"Notes": "", "Company": "", "First Name": "Jo", "Last Name": "Ek", "City": "Umea", "Notes 2": ""}
    lone = [
        bare | {"Company": '5" nail'},
        bare | {"Last Name": 'O"Brien'},
        bare | {"Company": 'Bolt 3/8" - 1/2"'},
    ]
    return [
        Trap("Shorter than the header, by blanks only", "created", each([short] * 8, shape="short")),
        Trap("Longer than the header, by blanks only", "created", each([{}] * 3, shape="blank cells more")),
        Trap(
            "A cell too many: an unquoted comma in the company's name",
            "invalid: row_misaligned, and nothing else about the row",
            each([{"Company": "Schmidt, Partner", "Notes 2": "badge printed"}] * 5, "row_misaligned", shape="unquoted comma"),
        ),
        Trap("Ends in CRLF while others end in LF", "created", each([{}] * 5, shape="crlf")),
        Trap("A lone quote inside an unquoted cell", "created, the quote is text", each(lone, shape="lone quote")),
        Trap(
            "Line ends inside quoted cells",
            "created",
            each([{"Notes": "one\ntwo\n\nfour"}, {"First Name": "Jean\nPierre"}, {"Company": 'The "Big,\nBad" Co'}]),
        ),
        Trap(
            "A NUL byte in a cell",
            "created without it",
            each([{"First Name": "An\x00na"}, {"Company": "Null\x00 Byte Ltd"}, {"Notes": "\x00"}]),
        ),
        Trap(
            "Zero-width characters, soft hyphens and no-break spaces in the address and the name",
            "created without them",
            each([hidden, hidden, nobreak, nobreak, {"First Name": "Ma\u00adrie\u200b"}, {"Last Name": "van\u00a0Dyk\ufeff"}]),
        ),
        Trap(
            "Decomposed Unicode",
            "created, composed",
            each([{"First Name": unicodedata.normalize("NFD", n)} for n in ("José", "Zoë", "Åsa", "Đặng")]),
        ),
        Trap(
            "Formulas as names",
            "created, as the text they are",
            each(
                [
                    {"First Name": '=HYPERLINK("http://example.com","click")'},
                    {"First Name": "+1"},
                    {"Last Name": "@SUM(A1:A9)"},
                    {"Company": "-2+3"},
                    {"Last Name": "=cmd|' /C calc'!A0"},
                ]
            ),
        ),
        Trap(
            "Scripts as names",
            "created, as the text they are",
            each([{"First Name": "<script>alert(1)</script>"}, {"Last Name": "<img src=x onerror=alert(1)>"}, {"Company": "{{ 7*7 }} ${HOME}"}]),
        ),
        Trap("Database commands as names", "created, as the text they are", each([{"Last Name": "Robert'); DROP TABLE contacts;--"}])),
        Trap("A right-to-left override in a name", "created without it", each([{"First Name": "\u202eannA"}, {"Company": "exe\u202etxt.gpj"}])),
        Trap(
            "Emoji and other four-byte characters",
            "created",
            each([{"First Name": "Zoë 🦄"}, {"Company": "🍕🍕🍕"}, {"Last Name": "𠮷野"}, {"City": "𝔅erlin"}]),
        ),
        Trap(
            "`NA`, `null`, `01234` and `1E5` as real values",
            "created, as they are",
            each(
                [
                    {"Last Name": "null"},
                    {"Last Name": "NA", "Company": "None"},
                    {"Country": "NA"},
                    {"Postal Code": "01234"},
                    {"Postal Code": "1E5", "Company": "1E5"},
                    {"First Name": "nan", "Company": "NULL"},
                    {"First Name": "true", "Last Name": "False"},
                ]
            ),
        ),
        Trap("Exactly as long as allowed", "created", each([{"Company": "x" * 100}])),
        Trap("A very long note in a column that is not sent", "created", each([{"Notes": "blah, " * 800}])),
        Trap(
            "The same address in different case",
            "the earlier rows are duplicates of the last",
            ((Twist(upper), Twist()),) * 8 + ((Twist(upper), Twist(title), Twist({}), Twist(title)),),
        ),
        Trap(
            "Opted out only in the row that loses",
            "the earlier row is a duplicate; the contact is created opted out",
            ((Twist(out, opted_out=True), Twist(title)),) * 2,
        ),
        Trap(
            "A good row, then an invalid one in different case",
            "the good row is created, the later one is invalid",
            ((Twist(), Twist(lambda cells: {"Email": cells["Email"].upper(), "Country": "Neverland"}, ("country_unknown",))),) * 2,
        ),
        Trap("Opted out", "created opted out", each([out, {"Opted out": "TRUE"}, {"Opted out": " Yes "}], opted_out=True)),
        Trap(
            "An opt-out nobody understands",
            "created opted out, with the warning consent_not_understood",
            each(cell("Opted out", "do not mail", "???", "later"), "", "consent_not_understood", opted_out=True),
        ),
        Trap(
            "A misspelled mail provider",
            "created, with the warning email_typo_domain",
            each([typo(d) for d in ("gmial.com", "hotmial.com", "gmail.con", "yaho.com")], "", "email_typo_domain"),
        ),
        Trap("A broken address", "invalid: email_syntax", each(cell("Email", *BROKEN[:6], *BROKEN[11:16], BROKEN[18]), "email_syntax")),
        Trap("No address, or one of spaces or invisible characters", "invalid: key_blank", each(cell("Email", "", " \u00a0 ", "\u200b"), "key_blank")),
        Trap("A country that does not exist", "invalid: country_unknown", each(cell("Country", "Atlantis", "ZZ"), "country_unknown")),
        Trap(
            "A date that does not exist, or is written in another way",
            "invalid: date_syntax",
            each(cell("Birthday", "1990-02-30", "2001-13-01", "31/12/1985", "yesterday"), "date_syntax"),
        ),
        Trap("Longer than the mapping allows", "invalid: too_long", each(cell("Company", "x" * 101, "long " * 200), "too_long")),
        Trap("No last name", "invalid: required_blank", each(cell("Last Name", "", "\u200b "), "required_blank")),
        Trap("Neither yes nor no", "invalid: boolean_unknown", each(cell("Customer", "maybe", "soon"), "boolean_unknown")),
        Trap(
            "Not one of the destination's options",
            "invalid: choice_unknown",
            each([{"Plan": "Platinum"}, {"Plan": "<b>Gold</b>"}, {"Interests": "Newsletter|Karaoke"}], "choice_unknown"),
        ),
        Trap("A score in words", "invalid: integer_syntax", each(cell("Score", "twelve", "n/a"), "integer_syntax")),
        Trap("Text where a phone number belongs", "invalid: phone_syntax", each(cell("Phone", "on request", "12345678901234567890"), "phone_syntax")),
        Trap("A tag that CampaignLark does not have", "invalid: tag_unknown", each(cell("Tags", "vip;blocked", "=1+1"), "tag_unknown")),
        Trap(
            "Several problems in one row",
            "one invalid row, all of its problems",
            (
                *each([{"Email": BROKEN[4], "Birthday": "1990-02-30"}], "email_syntax date_syntax"),
                *each([{"Email": "", "Last Name": "", "Country": "Atlantis"}], "key_blank required_blank country_unknown"),
                *each(
                    [{"Email": BROKEN[8], "Country": "ZZ", "Birthday": "never", "Plan": "Platinum", "Score": "twelve"}],
                    "email_syntax country_unknown date_syntax choice_unknown integer_syntax",
                ),
            ),
        ),
        Trap(
            "An invalid row that opts out, with no other row",
            "invalid; the opt-out is known, but there is no contact to tell it",
            each([out | {"Score": "many"}], "integer_syntax", opted_out=True),
        ),
    ]  # fmt: skip


def hostile_line(row: Row) -> str:
    """One row, in the shape its trap asks for."""
    cells = [row.cells[name] for name in HOSTILE]
    shape = row.twist.shape
    raw = shape in ("lone quote", "unquoted comma")
    if shape == "short":
        cells = cells[: -len(TAIL)]
    if shape == "unquoted comma":
        cells[HOSTILE.index("Notes")] = ""
    written = [
        text
        if not any(sign in text for sign in ',"\n') or (raw and name in ("Company", "Last Name"))
        else '"' + text.replace('"', '""') + '"'
        for name, text in zip(HOSTILE, cells, strict=False)
    ]
    if shape == "blank cells more":
        written += ["", "", ""]
    return ",".join(written) + ("\r\n" if shape == "crlf" else "\n")


def hostile_bytes(rows: Sequence[Row]) -> bytes:
    """A title, a blank line, the header, the rows, and blank lines at the end."""
    header = ",".join(WRITTEN) + "\n"
    return (PREAMBLE + header + "".join(hostile_line(row) for row in rows) + "\n\n").encode()


SAMPLE = Sample(
    "hostile.csv", "hostile_to_campaignlark.yml", 300, 7, "Email",
    "Everything that goes wrong with files, in one file: a byte order mark, a report's title and a blank line "
    "before the header (which is line 3), a column without a name, a name that comes twice (`Notes`), ragged rows, "
    "mixed line ends, and blank lines at the end.",
    LANDS, hostile_cells, hostile_traps, hostile_bytes,
)  # fmt: skip
