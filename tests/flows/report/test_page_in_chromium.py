"""The page in a real browser: search, filter, sort and keys; strangers' text; no request; light, dark and on paper."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from flows.report.page import problem_groups, render
from mappings.engine.problems.codes import CODES
from tests.browser import Chromium
from tests.flows.report.conftest import CORPUS, OUTCOME_NAMES, PROBLEM_NAMES, a_summary, some_details

ROWS = 100_000
KINDS = (
    ("email_syntax", "Email", "nobody {}"),
    ("value_unknown", "Plan", "Platin {}"),
    ("phone_syntax", "Mobile", "12 {}"),
)


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a bit of everything: 100,000 rows are invalid with one problem, some with two, and some are refused."""
    folder = tmp_path_factory.mktemp("run")
    rows = range(1, ROWS + 1)
    problems = [
        (row, row + 1, code, "error", column, text.format(row), CODES[code].message.format(value=text.format(row), detail="odd", field=column), "mend it")
        for row in rows
        for code, column, text in (KINDS[: 2 if row % 10 == 1 else 1] if row % 2 else KINDS[2:])
    ]  # fmt: skip
    ends = ["refused" if row % 100 == 0 else "invalid" for row in rows]
    outcomes = [
        (row, row + 1, f"p{row}@example.com", end, "", "", "") for row, end in zip(rows, ends, strict=True)
    ]
    for kind, names, found in (("outcomes", OUTCOME_NAMES, outcomes), ("problems", PROBLEM_NAMES, problems)):
        (folder / kind).mkdir()
        columns = dict(zip(names, map(list, zip(*found, strict=True)), strict=True))
        pq.write_table(pa.table(columns), folder / kind / "part-00001.parquet")
    refused = ends.count("refused")
    summary = a_summary(
        source={"path": "exports/contacts.csv", "sha256": "b" * 64, "rows_read": ROWS + 300_000},
        outcomes={"created": 300_000, "invalid": ROWS - refused, "refused": refused},
        problems=problem_groups(folder),
        previous={"run_id": "20251011-031205-heron", "compared": True, "new": 3, "known": ROWS - 3, "solved": 5},
        guards=[{"name": "invalid", "count": 2, "share": 0.25, "limit_share": 0.2, "floor": 1, "tripped": True, "allowed": True}],
        kept_differently={"first_name": 1},
        automations={"FIELD_UPDATED": 3},
        pace={"allowed_per_second": 99, "achieved_per_second": 40.2},
        requests={"sent": 4321, "retried": 4, "throttled": 1, "p50_ms": 80, "p95_ms": 240},
        exit_code=1,
    )  # fmt: skip
    details = some_details(
        columns=[
            {"name": "Email", "use": "used", "into": ["email_address"], "filled": 700, "rows": 1000},
            {"name": "Notes", "use": "unmapped", "filled": 8, "rows": 1000},
        ],
        changes=[{"tag": "first_name", "count": 9, "examples": [("", "Linus"), ("Zoe", "Zoë")]}],
        kept_examples={"first_name": [("Zoë", "Zoe")]},
        reasons=[{"outcome": "refused", "reason": "no thanks", "count": 3}],
        pace_series=[(second, 30 + second % 20) for second in range(100)],
        new_rows=[3, 5, 7],
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(render(folder, summary, details), "utf-8")
    assert path.stat().st_size < 1_500_000
    return path


def opened(window: BrowserContext, path: Path) -> Page:
    """The page, with everything written down that it complains about or asks for."""
    page = window.new_page()
    page.heard = []  # type: ignore[attr-defined]
    page.on("console", lambda said: page.heard.append(said.text))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.heard.append(str(error)))  # type: ignore[attr-defined]
    page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))  # type: ignore[attr-defined]
    page.on("request", lambda asked: page.heard.append(asked.url) if asked.url != path.as_uri() else None)  # type: ignore[attr-defined]
    page.goto(path.as_uri())
    return page


def shown(page: Page) -> list[int]:
    rows: list[int] = page.evaluate(
        "() => [...document.querySelectorAll('#rows-table tbody[data-row]')].filter(b => !b.hidden).map(b => +b.dataset.row)"
    )
    return rows


def test_rows_are_searched_filtered_and_sorted(chromium: Chromium, page_file: Path) -> None:
    def see(window: BrowserContext) -> None:
        page = opened(window, page_file)
        said = page.locator("#rows-said")
        expect(said).to_have_text("All 1,000 rows here are shown.")
        page.locator("#rows-search").fill("nobody P41@Example.com")
        expect(said).to_have_text("1 of 1,000 rows are shown.")
        assert shown(page) == [41]
        page.locator("#rows-search").press("Escape")
        assert len(shown(page)) == 1000

        page.locator("#rows-code").select_option("value_unknown")
        assert shown(page) == list(range(1, 1000, 10))
        page.locator("#rows-column").select_option("Email")
        assert shown(page) == [], "code and column are asked of one problem"
        expect(page.get_by_text("No row is like that.")).to_be_visible()
        page.get_by_role("button", name="Show all").click()
        page.locator("#rows-outcome").select_option("refused")
        assert shown(page) == list(range(100, 1001, 100))
        page.locator("#rows-outcome").select_option("")
        page.locator("#rows-state").select_option("new")
        assert shown(page) == [3, 5, 7]
        page.get_by_role("button", name="Show all").click()

        page.get_by_role("button", name="Row", exact=True).click()
        assert shown(page)[:3] == [1000, 999, 998]
        page.get_by_role("button", name="Outcome", exact=True).click()
        page.get_by_role("button", name="Outcome", exact=True).click()
        assert shown(page)[:11] == [*range(100, 1001, 100), 1], "those that are alike stay in their order"
        page.get_by_role("button", name="Key", exact=True).click()
        assert shown(page)[:4] == [1, 2, 3, 4], "numbers in a text count as numbers"

        page.locator("article").filter(has_text="value_unknown").get_by_role(
            "link", name="Show these rows"
        ).click()
        assert shown(page) == list(range(1, 1000, 10))
        assert page.evaluate("() => location.hash") == "#rows"
        assert page.heard == []  # type: ignore[attr-defined]

    chromium.look(see)


def test_everything_can_be_done_with_keys_and_the_focus_is_seen(chromium: Chromium, page_file: Path) -> None:
    def see(window: BrowserContext) -> None:
        page = opened(window, page_file)

        def focused() -> Any:
            return page.evaluate(
                "() => { const one = document.activeElement; const style = getComputedStyle(one);"
                " return [one.id || one.textContent, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]; }"
            )

        page.keyboard.press("/")
        assert focused() == ["rows-search", True]
        page.keyboard.type("platin")
        assert len(shown(page)) == 100
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert focused() == ["rows-code", True]
        page.keyboard.type("value")
        assert page.locator("#rows-code").input_value() == "value_unknown"
        for _ in range(3):
            page.keyboard.press("Tab")
        assert focused() == ["rows-clear", True]
        page.keyboard.press("Enter")
        assert len(shown(page)) == 1000
        for _ in range(8):
            page.keyboard.press("Tab")
            if focused()[0] == "Row":
                break
        assert focused() == ["Row", True]
        page.keyboard.press("Enter")
        assert shown(page)[0] == 1000
        assert page.locator("th[data-sort=row]").get_attribute("aria-sort") == "descending"

    chromium.look(see)


def test_everything_can_be_read_without_the_script(chromium: Chromium, page_file: Path) -> None:
    def see(window: BrowserContext) -> None:
        page = opened(window, page_file)
        assert page.locator("#rows-tools").is_hidden()
        assert page.locator("#rows-none").is_hidden()
        assert page.locator("#rows-table tbody[data-row]:visible").count() == 1000
        assert page.locator("#rows-table button").count() == 0

    chromium.look(see, java_script_enabled=False)


def test_without_a_browser_these_tests_are_skipped_and_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        Chromium()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        Chromium()


class _Counting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listening() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Counting) as server:
        server.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


TRIES = """async (address) => {
  const broken = [];
  document.addEventListener("securitypolicyviolation", (one) => broken.push(one.effectiveDirective));
  const add = (tag, more) => document.body.append(Object.assign(document.createElement(tag), more));
  add("img", { src: address + "img" });
  add("script", { src: address + "script" });
  add("script", { textContent: "window.ran = true" });
  add("iframe", { src: address + "frame" });
  add("link", { rel: "stylesheet", href: address + "style" });
  add("style", { textContent: "body { background: url(" + address + "background) }" });
  await fetch(address + "fetch").catch(() => null);
  navigator.sendBeacon(address + "beacon");
  const form = Object.assign(document.createElement("form"), { action: address + "form", method: "get" });
  document.body.append(form);
  form.submit();
  for (let n = 0; n < 100 && !broken.includes("frame-src"); n++) await new Promise((done) => setTimeout(done, 50));
  await new Promise((done) => setTimeout(done, 300));
  return [broken, window.ran === undefined];
}"""


def test_no_request_leaves_the_page_whatever_is_tried(
    chromium: Chromium, page_file: Path, listening: http.server.ThreadingHTTPServer
) -> None:
    def see(window: BrowserContext) -> Any:
        page = opened(window, page_file)
        return page.evaluate(TRIES, f"http://127.0.0.1:{listening.server_port}/")

    broken, not_run = chromium.look(see)
    assert {"img-src", "script-src-elem", "frame-src", "style-src-elem", "connect-src"} <= set(broken)
    assert not_run
    assert listening.seen == []  # type: ignore[attr-defined]


def test_strangers_text_stays_text_in_every_cell(
    chromium: Chromium, hostile: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(hostile(*CORPUS), "utf-8")

    def see(window: BrowserContext) -> None:
        page = opened(window, path)
        counted = "() => document.scripts.length + document.forms.length + document.images.length + document.styleSheets.length"
        assert page.evaluate(counted) == 2
        assert page.evaluate("() => document.querySelectorAll('iframe, base, math, object').length") == 0
        options = page.locator("#rows-code option")
        assert options.count() == len(CORPUS) + 1
        for text in ("<script>alert(1)</script>", "' onmouseover='alert(1)"):
            page.locator("#rows-code").select_option(text)
            page.locator("#rows-column").select_option(text)
            page.locator("#rows-search").fill(text)
            assert len(shown(page)) == 1
            page.get_by_role("button", name="Show all").click()
        for link in page.get_by_role("link", name="Show these rows").all()[:3]:
            link.click()
            assert len(shown(page)) == 1
        for name in ("Key", "Value", "Problem"):
            page.get_by_role("button", name=name, exact=True).click()
        assert page.evaluate(counted) == 2
        assert page.heard == []  # type: ignore[attr-defined]

    chromium.look(see)


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || one.closest("svg, script, option") || !one.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.add(one.className + " " + one.tagName + " " + ratio.toFixed(2));
  }
  return [...poor];
}"""


def test_it_can_be_read_by_day_by_night_and_on_paper(chromium: Chromium, page_file: Path) -> None:
    def see(window: BrowserContext) -> None:
        page = opened(window, page_file)
        papers = {}
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert page.evaluate(CONTRAST) == [], scheme
            papers[scheme] = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert papers["light"] != papers["dark"]
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator("#rows-tools").is_hidden()
        assert page.locator("#rows-table tbody[data-row]:visible").count() == 100
        page.emulate_media(media="screen", color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, (
            "nothing sticks out on a phone"
        )

    chromium.look(see)
