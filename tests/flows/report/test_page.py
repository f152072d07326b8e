"""The page: strangers' text is harmless, and it stays small whatever the run."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.report import Details, Summary
from flows.report.page import PARTS, bar, examples, pace_line, percent, problem_groups, render, shown, value
from tests.flows.report.conftest import CORPUS

TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "article", "h1", "h2", "h3", "p",
    "ul", "ol", "li", "a", "dl", "dt", "dd", "div", "span", "strong", "em", "bdi", "code", "time", "br", "figure",
    "figcaption", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
    "svg", "defs", "pattern", "rect", "circle", "polygon", "line", "text",
    "script", "input", "select", "option", "label", "button", "details", "summary",
}  # fmt: skip
LINKS = {"failures.xlsx", "failures.csv", "results.csv", "summary.json", "twice_there.csv"}


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.comments: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


@pytest.mark.parametrize("text", CORPUS)
def test_strangers_text_is_only_text(hostile: Callable[[str], str], text: str) -> None:
    page = _Page(hostile(text))
    assert not page.open
    assert not page.comments
    assert {tag for tag, _ in page.tags} <= TAGS
    for tag, attributes in page.tags:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc")
        ]
        if "href" in attributes:
            assert tag == "a"
            assert str(attributes["href"]).startswith("#") or attributes["href"] in LINKS
    assert sum(tag == "meta" for tag, _ in page.tags) == 5
    assert "".join(page.text).count(shown(text)) >= 15


@pytest.mark.parametrize("text", CORPUS)
def test_nothing_invisible_reaches_the_page(hostile: Callable[[str], str], text: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in hostile(text))


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(hostile: Callable[[str], str]) -> None:
    page = hostile("x")
    digests = {}
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests[tag] = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert "url(" not in inside
        assert "http" not in inside
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("text", CORPUS)
def test_the_script_is_the_same_whatever_the_run(hostile: Callable[[str], str], text: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", hostile(text), re.DOTALL)
    assert scripts == re.findall(r"<script>(.*?)</script>", hostile("x"), re.DOTALL)


def test_the_page_can_be_heard(hostile: Callable[[str], str]) -> None:
    page = _Page(hostile("x"))
    assert ("html", {"lang": "en"}) in page.tags
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    assert all(
        attributes.get("scope") in ("col", "row", "rowgroup") for tag, attributes in page.tags if tag == "th"
    )
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
    named = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(named) == len(set(named))
    pointed = {
        attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes
    }
    pointed |= {
        str(attributes["href"])[1:]
        for _, attributes in page.tags
        if str(attributes.get("href", "")).startswith("#")
    }
    assert pointed <= set(named)


def test_the_page_stays_small_with_a_hundred_thousand_problems(
    tmp_path: Path, make_summary: Callable[..., Summary], make_details: Callable[..., Details]
) -> None:
    size, count = 25_000, 100_000
    (tmp_path / "problems").mkdir()
    (tmp_path / "outcomes").mkdir()
    for number in range(count // size):
        rows = range(number * size + 1, (number + 1) * size + 1)
        columns: dict[str, Any] = {
            "row": pa.array(rows, pa.int64()),
            "line": pa.array(rows, pa.int64()),
            "code": ["email_syntax" if row % 2 else "phone_syntax" for row in rows],
            "severity": ["error"] * size,
            "column": [f"Column {row % 1000}" for row in rows],
            "value": ["x" * 1_000_000 if row == 1 else f"value {row}" for row in rows],
            "message": [f"'{row}' is wrong. " + "y" * 100 for row in rows],
            "fix": ["z" * 2_000] * size,
        }
        pq.write_table(pa.table(columns), tmp_path / "problems" / f"part-{number + 1:05d}.parquet")
        ends = {name: [""] * size for name in ("code", "reason")}
        ends |= {"outcome": ["invalid"] * size, "key": [f"p{row}@example.com" for row in rows]}
        pq.write_table(
            pa.table({"row": columns["row"], "line": columns["line"], **ends}),
            tmp_path / "outcomes" / f"part-{number + 1:05d}.parquet",
        )
    groups = problem_groups(tmp_path)
    assert sum(group.count for group in groups) == count
    assert len(groups) == 1000
    summary = make_summary(
        source={"path": "a.csv", "sha256": "", "rows_read": count}, outcomes={"invalid": count}, problems=groups,
        kept_differently={f"field {at}": 1 for at in range(50)}, exit_code=1,
    )  # fmt: skip
    details = make_details(
        columns=[{"name": "n" * 5000, "use": "used", "into": ["t"], "filled": at, "rows": count} for at in range(1000)],
        oddities=[{"line": at, "message": "odd"} for at in range(100_000)],
        reasons=[{"outcome": "invalid", "reason": f"row {at}", "count": 1} for at in range(count)],
        pace_series=[(second, 90) for second in range(20_000)],
    )  # fmt: skip
    page = render(tmp_path, summary, details)
    assert len(page.encode()) < 2_000_000
    assert page.count("<tbody data-row=") == 1000
    assert "The first 1,000 of 100,000 rows; 99,000 more are in" in page
    assert "800 more kinds of problems" in page
    assert "99,900 more" in page


def test_examples_have_different_values_where_there_are(make_run: Callable[..., Path]) -> None:
    values = ["a", "a", "a", "a", "b", "a", "c", "d"]
    problems = [
        (at + 1, at + 2, "url_syntax", "error", "Site", found, "m", "f") for at, found in enumerate(values)
    ]
    problems += [(at, at + 1, "key_blank", "error", "Email", "", "m", "f") for at in (8, 2, 4, 3)]
    folder = make_run(["a"], [[""]] * 8, [], problems)
    found = examples(folder)
    assert [(one.row, one.value) for one in found["url_syntax", "error", "Site"]] == [
        (1, "a"),
        (5, "b"),
        (7, "c"),
    ]
    assert [one.row for one in found["key_blank", "error", "Email"]] == [2, 3, 4]


def test_a_row_with_one_problem_twice_counts_once(make_run: Callable[..., Path]) -> None:
    problems = [(1, 2, "tag_unknown", "error", "Tags", tag, "m", "f") for tag in ("x", "y")]
    (group,) = problem_groups(make_run(["a"], [["x;y"]], [], problems))
    assert (group.count, group.rows) == (1, [1])


def test_what_is_invisible_is_named() -> None:
    assert value("") == '<em class="quiet">blank</em>'
    assert value(" a\u200b\t") == (
        '<bdi class="value"><span class="unseen">⟨space⟩</span>a<span class="unseen">⟨zero width space⟩</span>'
        '<span class="unseen">⟨tab⟩</span></bdi>'
    )
    assert value("  ").count("⟨space⟩") == 2
    assert "… 1,000 characters" in value("a" * 160, 1000)
    assert shown("a\xa0\u3164\x07") == "a⟨no-break space⟩⟨hangul filler⟩⟨U+0007⟩"


def test_a_share_is_never_rounded_to_nothing_or_all() -> None:
    assert [percent(share) for share in (0, 0.00001, 0.5, 0.333, 0.99999, 1)] == [
        "0%", "<0.1%", "50%", "33.3%", ">99.9%", "100%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "counts", [(12_000, 0, 0, 1, 0), (1, 1, 1, 1, 1), (1_000_000, 3, 2, 1, 1), (0, 0, 0, 0, 5)]
)
def test_the_bar_is_full_and_every_part_can_be_seen(counts: tuple[int, ...]) -> None:
    placed = bar(list(zip(PARTS, (*counts, 0, 0, 3, 0, 0, 0, 1), strict=True)))
    assert len(placed) == sum(count > 0 for count in counts) + 2
    assert sum(width for _, _, width in placed) == pytest.approx(100, abs=0.1)
    assert min(width for _, _, width in placed) >= 0.8


def test_the_pace_has_gaps_where_nothing_came_back() -> None:
    line = pace_line([(10, 5), (12, 10)], 20)
    assert (line["seconds"], line["peak"], line["mean"]) == (3, 10, 5)
    assert line["points"].split()[3] == "200.0,100.0"
    assert (line["limit"], line["top"]) == ("4.0", 20)
    assert line["spans"] == [(0, 1, 5, 5), (1, 2, 0, 0), (2, 3, 10, 10)]
    assert pace_line([(0, 0)], None)["limit"] is None


def test_the_pace_in_numbers_is_at_most_a_dozen_lines_that_hold_every_answer() -> None:
    for seconds in (1, 12, 13, 100, 3601):
        spans = pace_line([(second, 2) for second in range(seconds)], None)["spans"]
        assert len(spans) <= 12
        assert sum(answers for _, _, answers, _ in spans) == 2 * seconds
        assert [end for _, end, _, _ in spans[:-1]] == [begin for begin, _, _, _ in spans[1:]]


def test_a_plan_says_would(make_run: Callable[..., Path], make_summary: Callable[..., Summary],
                           make_details: Callable[..., Details]) -> None:  # fmt: skip
    folder = make_run(["a"], [["x"]], [(1, 2, "", "invalid", "", "", "")])
    source = {"path": "a.csv", "sha256": "", "rows_read": 1}
    summary = make_summary(status="planned", source=source, outcomes={"invalid": 1}, automations={"Mail": 2})
    page = render(folder, summary, make_details(plan_only=True))
    assert "would fire at most 2 times" in page
    assert "What would become" in page
    assert "run the same <code>muster sync</code>" not in page


def test_the_twelve_outcomes_are_told_apart_without_colour() -> None:
    assert len({(part.share.mark, part.pattern) for part in PARTS}) == len(PARTS) == 12


def test_the_parts_of_the_bar_add_up_to_the_rows_read(
    make_run: Callable[..., Path], make_summary: Callable[..., Summary], make_details: Callable[..., Details]
) -> None:
    outcomes = {name: 10 + at for at, name in enumerate(part.outcome for part in PARTS)}
    source = {"path": "a.csv", "sha256": "", "rows_read": sum(outcomes.values())}
    page = render(make_run(["a"], [], []), make_summary(source=source, outcomes=outcomes), make_details())
    sums = re.findall(r'<li><span class="number">(?:<span class="sign">(.)</span>)?(\d+)</span>', page)
    assert [sign for sign, _ in sums] == ["", *["+"] * 11, "="]
    assert sum(int(count) for _, count in sums[:-1]) == int(sums[-1][1]) == sum(outcomes.values())
    drawn = re.findall(r'<text class="on" x="[\d.]+%"[^>]*>(\d+)<', page)
    assert [int(count) for count in drawn] == [
        count for count in outcomes.values() if count / sum(outcomes.values()) >= 0.07
    ]


def test_who_acts_is_said_before_the_problems(
    make_run: Callable[..., Path], make_summary: Callable[..., Summary], make_details: Callable[..., Details]
) -> None:
    codes = ["email_syntax", "value_unknown", "no_clear_answer", "tags_refused", "address_kept"]
    problems = [(at, at + 1, code, "error", f"C{at}", "x", "m", "f") for at, code in enumerate(codes, 1)]
    outcomes = [(at, at + 1, "k", "invalid", "", "", "") for at, _ in enumerate(codes, 1)]
    folder = make_run(["a"], [["x"]] * 5, outcomes, problems)
    source = {"path": "a.csv", "sha256": "", "rows_read": 5}
    summary = make_summary(source=source, outcomes={"invalid": 5}, problems=problem_groups(folder))
    page = render(folder, summary, make_details())
    said = page.split('<dl class="acts">')[1].split("</dl>")[0]
    assert re.findall("<dt>(.*?)</dt>", said) == [
        "Correct the list", "Change the mapping", "Nothing", "Send again", "Look at the destination",
    ]  # fmt: skip
    assert [re.findall(r"<bdi>(\w+)</bdi></code>", part)[0] for part in said.split("<dt>")[1:]] == codes


def test_a_row_stands_on_the_page_with_all_that_is_wrong_with_it(
    make_run: Callable[..., Path], make_summary: Callable[..., Summary], make_details: Callable[..., Details]
) -> None:
    outcomes = [
        (1, 2, "ann@example.com", "created", "", "", "c1"),
        (2, 3, "", "invalid", "email_syntax", "", ""),
        (3, 4, "bob@example.com", "unknown", "no_clear_answer", "the run stopped before an answer came", ""),
    ]
    problems = [
        (2, 3, "email_syntax", "error", "Email", "nobody\u200b", "no address", "f"),
        (2, 3, "value_unknown", "error", "Plan", "Platin", "not known", "f"),
        (2, 3, "email_typo_domain", "warning", "Email", "x", "a warning", "f"),
    ]
    folder = make_run(["a"], [["x"]] * 3, outcomes, problems)
    source = {"path": "a.csv", "sha256": "", "rows_read": 3}
    summary = make_summary(
        source=source, outcomes={"created": 1, "invalid": 1, "unknown": 1}, problems=problem_groups(folder)
    )
    page = render(folder, summary, make_details(new_rows=[3]))
    blocks = re.findall(r"<tbody data-row=.*?</tbody>", page, re.DOTALL)
    assert len(blocks) == 2
    assert blocks[0].count("<tr") == 2
    assert 'rowspan="2"' in blocks[0]
    assert "zero width space" in blocks[0]
    assert "a warning" not in blocks[0]
    assert 'data-state="known"' in blocks[0]
    assert "the run stopped before an answer came" in blocks[1]
    assert 'data-state="new"' in blocks[1]
