"""The review page in a real browser: a cell is edited, checked and sent; by keyboard alone; strangers' text; nothing leaves 127.0.0.1."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import Chromium
from tests.flows.conftest import Desk
from tests.flows.report.conftest import CORPUS
from tests.flows.reviewing import Visit, reviewing

Person = Callable[..., dict[str, str]]


@pytest.fixture
async def visit(desk: Desk, person: Person) -> AsyncIterator[Visit]:
    """A run of which two addresses are wrong, and strangers' text stands in the cells."""
    rows = [
        person(1, Email="nobody"),
        person(2, Email="nobody"),
        person(3, Score="many"),
        *(person(4 + at, Email=text, First=text, City=text, Score=text) for at, text in enumerate(CORPUS)),
    ]
    ended = await desk.sync(desk.file(rows), allow=["invalid"])
    with reviewing(desk, ended.id) as found:
        yield found


def opened(window: BrowserContext, visit: Visit) -> tuple[Page, list[str]]:
    """The page when its rows are there, and what it complains about or asks of anybody else."""
    page = window.new_page()
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: (heard.append("dialog"), dialog.dismiss()))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(f"http://{visit.host}/") else heard.append(asked.url),
    )
    page.goto(visit.address)
    expect(page.locator("#told")).to_contain_text("Nothing is sent until you say so")
    return page, heard


def group(page: Page, code: str, column: str) -> int:
    """Opens a group of rows; its place."""
    heads = page.locator("#groups > details > summary").all_text_contents()
    at = next(n for n, text in enumerate(heads) if f"{code} in {column} " in text)
    part = page.locator("#groups > details").nth(at)
    if part.get_attribute("open") is None:
        part.locator("summary").first.click()
    expect(part.locator("fieldset").first).to_be_visible()
    return at


def test_a_cell_is_edited_checked_and_sent_and_the_outcome_is_shown(
    chromium: Chromium, desk: Desk, visit: Visit
) -> None:
    def see(window: BrowserContext) -> None:
        page, heard = opened(window, visit)
        at = group(page, "email_syntax", "Email")
        field = page.locator("#groups > details").nth(at).locator('fieldset[data-row="1"]')
        cell = field.get_by_label("Email", exact=True)
        expect(cell).to_have_attribute("aria-invalid", "true")
        cell.fill("still nobody")
        expect(field).to_contain_text("email_syntax")
        cell.fill("one@example.com")
        expect(cell).to_have_attribute("aria-invalid", "false")
        expect(field).to_contain_text("It was: nobody")
        expect(page.locator("#counts")).to_contain_text("1 of them edited")
        page.reload()
        expect(page.locator("#told")).to_contain_text("Nothing is sent until you say so")
        group(page, "email_syntax", "Email")
        expect(cell).to_have_value("one@example.com")
        page.get_by_role("button", name="What would happen").click()
        expect(page.locator("#planned")).to_contain_text("nothing was written there")
        page.get_by_role("button", name="Send these rows").click()
        expect(page.locator("#ended")).to_contain_text("1 created")
        expect(page.locator("#ended h3")).to_be_focused()
        with window.expect_page() as report:
            page.get_by_role("link", name="The report of this run").click()
        expect(report.value.locator("h1")).to_be_visible()
        page.get_by_role("button", name="End", exact=True).click()
        expect(page.locator("#told")).to_contain_text("It is over")
        assert heard == []

    chromium.look(see)
    assert "one@example.com" in desk.contacts()


def test_everything_is_done_by_keyboard_alone(chromium: Chromium, desk: Desk, visit: Visit) -> None:
    def see(window: BrowserContext) -> None:
        page, heard = opened(window, visit)

        def to(what: str) -> None:
            for _ in range(3000):
                page.keyboard.press("Tab")
                if page.evaluate("(what) => document.activeElement.matches(what)", what):
                    return
            raise AssertionError(f"{what} is not reached")

        heads = page.locator("#groups > details > summary").all_text_contents()
        number = next(n for n, text in enumerate(heads) if " in Email " in text and "email_syntax" in text)
        if number:  # the first one is open from the beginning
            to(f"#groups > details:nth-child({number + 1}) > summary")
            page.keyboard.press("Enter")
        expect(page.locator('fieldset[data-row="2"]').first).to_be_visible()
        to('fieldset[data-row="2"] input')
        page.keyboard.press("Control+A")
        page.keyboard.type("two@example.com")
        to("#send")
        page.keyboard.press("Enter")
        expect(page.locator("#ended")).to_contain_text("1 created")
        assert heard == []

    chromium.look(see)
    assert "two@example.com" in desk.contacts()


def test_strangers_text_is_text_in_cells_groups_and_fixes(chromium: Chromium, visit: Visit) -> None:
    def see(window: BrowserContext) -> None:
        page, heard = opened(window, visit)
        for part in page.locator("#groups > details").all():
            if part.get_attribute("open") is None:
                part.locator("summary").first.click()
            expect(part.locator("fieldset").first).to_be_visible()
        for others in page.locator("fieldset details summary").all()[:30]:
            others.click()
        assert page.locator("main script, main img, main svg, main iframe").count() == 0
        assert page.evaluate("document.scripts.length") == 1
        assert heard == []

    chromium.look(see)
