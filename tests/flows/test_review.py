"""The review page by its requests: who may ask, the check, fixes for a group, what is sent and what is kept of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Any

import pytest

from tests.flows.conftest import Desk
from tests.flows.reviewing import Visit, reviewing

Person = Callable[..., dict[str, str]]


@pytest.fixture
async def run_id(desk: Desk, person: Person) -> str:
    """A run of five rows: two addresses and a score are wrong, one key is blank, one row lands."""
    rows = [
        person(1, Email="nobody"),
        person(2, Email="NOBODY "),
        person(3, Score="many"),
        person(4, Email=""),
        person(5),
    ]
    return (await desk.sync(desk.file(rows))).id


@pytest.fixture
async def visit(desk: Desk, run_id: str) -> AsyncIterator[Visit]:
    with reviewing(desk, run_id) as found:
        yield found


@pytest.fixture
def inside(visit: Visit) -> Visit:
    visit.enter()
    return visit


def group(visit: Visit, code: str) -> int:
    codes = [one["code"] for one in visit.get("/state")["groups"]]
    return codes.index(code)


def ended(visit: Visit) -> dict[str, Any]:
    """What the page is told when the sending is over."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found: dict[str, Any] = visit.get("/progress")
        if not found["running"]:
            return found
        time.sleep(0.02)
    raise AssertionError("it never ended")


def test_the_token_is_good_once_and_the_cookie_is_strict(visit: Visit) -> None:
    path = "/" + visit.address.split("/", 3)[3]
    status, headers, _ = visit.ask("GET", path)
    assert status == 303
    assert all(word in headers["set-cookie"] for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert visit.ask("GET", path)[0] == 403
    assert visit.ask("GET", "/?token=wrong")[0] == 403


def test_without_the_cookie_nothing_is_told_or_changed(visit: Visit) -> None:
    for path in ("/", "/state", "/rows?group=0", "/progress", "/report", "/page.js", "/page.css"):
        status, _, text = visit.ask("GET", path)
        assert status == 403
        assert "nobody" not in text
    visit.cookie = f"muster-review-{visit.host.split(':')[1]}=wrong"
    for path in ("/edit", "/group", "/plan", "/send", "/answer", "/end"):
        assert visit.ask("POST", path, {})[0] == 403


def test_foreign_hosts_and_origins_are_refused_with_the_right_cookie(inside: Visit) -> None:
    port = inside.host.split(":")[1]
    for host in ("evil.example", f"evil.example:{port}", f"localhost:{port}", "127.0.0.1", None):
        assert inside.ask("GET", "/state", Host=host)[0] in (400, 403)
    for origin in ("http://evil.example", "null", f"https://{inside.host}", f"http://localhost:{port}"):
        assert inside.ask("GET", "/state", Origin=origin)[0] == 403
        assert inside.ask("POST", "/send", {}, Origin=origin)[0] == 403
    assert inside.ask("POST", "/send", {}, Origin=None)[0] == 403
    assert inside.ask("POST", "/send", {}, Sec_Fetch_Site="cross-site")[0] == 403
    assert inside.ask("POST", "/send", {}, Content_Type="text/plain")[0] == 403
    assert inside.get("/progress") is None


def test_other_methods_are_refused_and_nothing_is_kept_by_a_browser(inside: Visit) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"):
        assert inside.ask(method, "/state")[0] == 405
    for path in ("/", "/state", "/nothing", "/page.js"):
        headers = inside.ask("GET", path)[1]
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


def test_a_cell_is_checked_by_the_mapping_as_it_is_edited(inside: Visit) -> None:
    found = inside.post("/edit", {"row": 1, "place": 1, "text": "still nobody"})
    assert [(one["code"], one["places"]) for one in found["problems"]] == [("email_syntax", [1])]
    assert found["problems"][0]["fix"]
    assert inside.post("/edit", {"row": 1, "place": 1, "text": "one@example.com"})["problems"] == []


def test_the_check_is_the_mappings_that_is_there_now(desk: Desk, inside: Visit) -> None:
    fields = {"email_address": {"from": "Email", "type": "email"}, "first_name": "First", "city": "City"}
    desk.mapping(fields=fields, ignore=["Score"])
    number = next(n for n, one in enumerate(inside.get("/state")["groups"]) if one["column"] == "Score")
    assert inside.get("/state")["groups"][number]["open"] == 0


@pytest.mark.parametrize(
    "body",
    [{}, {"row": 99, "place": 1, "text": ""}, {"row": 1, "place": 99, "text": ""}, {"row": 1, "place": True, "text": ""},
     {"row": 1, "place": 1, "text": 7}, {"row": 1, "place": 1, "text": "\ud800"}, {"row": [], "place": 1, "text": ""}, []],
)  # fmt: skip
def test_an_edit_that_makes_no_sense_is_refused_in_a_sentence(inside: Visit, body: object) -> None:
    status, _, text = inside.ask("POST", "/edit", body)
    assert (status, "error" in text) == (400, True)


def test_a_whole_group_is_replaced_by_value_filled_and_left_out(inside: Visit) -> None:
    emails, blank = group(inside, "email_syntax"), group(inside, "key_blank")
    fix = {"group": emails, "how": "replace", "place": 1, "value": "nobody", "by": "x@example.com"}
    assert inside.post("/group", fix)["changed"] == 2
    assert (
        inside.post("/group", {"group": blank, "how": "fill", "place": 1, "by": "y@example.com"})["changed"]
        == 1
    )
    assert inside.post("/group", {"group": emails, "how": "drop"})["changed"] == 2
    state = inside.get("/state")
    assert (state["kept"], state["edited"]) == (2, 1)
    assert inside.post("/group", {"group": emails, "how": "take_row", "row": 1})["changed"] == 1
    assert inside.get("/state")["kept"] == 3


def test_a_plan_says_what_would_happen_and_writes_nothing(desk: Desk, inside: Visit) -> None:
    inside.post("/edit", {"row": 1, "place": 1, "text": "one@example.com"})
    before = desk.writes()
    found = inside.post("/plan", {})
    assert (found["rows"], found["outcomes"]) == (4, {"created": 1, "invalid": 3})
    assert desk.writes() == before


def test_what_is_sent_lands_and_who_edited_it_when_is_kept(desk: Desk, run_id: str, inside: Visit) -> None:
    inside.post("/edit", {"row": 1, "place": 1, "text": "one@example.com"})
    inside.post("/edit", {"row": 3, "place": 4, "text": "7"})
    inside.post("/group", {"group": group(inside, "key_blank"), "how": "drop"})
    assert inside.post("/send", {}) == {"rows": 3}
    end = ended(inside)["ended"]
    assert (end["outcomes"], end["need"], end["exit_code"]) == ({"created": 2, "invalid": 1}, 1, 1)
    assert {"one@example.com", "p3@example.com", "p5@example.com"} == set(desk.contacts())
    with closing(sqlite3.connect(desk.home / "ledger.sqlite")) as ledger:
        sql = "select run, row_number, column_name, before, after, origin, who <> '', made_at <> '' from edit order by 2"
        assert ledger.execute(sql).fetchall() == [
            (run_id, 1, "Email", "nobody", "one@example.com", "page", 1, 1),
            (run_id, 3, "Score", "many", "7", "page", 1, 1),
        ]
        assert ledger.execute("select count(*) from correction").fetchone() == (2,)
    assert inside.ask("GET", "/report")[0] == 200
    assert inside.ask("POST", "/edit", {"row": 2, "place": 1, "text": ""})[0] == 400
    assert not list(desk.home.glob("review-*"))


def test_a_guard_stops_it_as_it_stops_a_retry(desk: Desk, inside: Visit) -> None:
    desk.mapping(guards={"invalid": {"share": "1%", "floor": 1}}, automations=None)
    inside.post("/send", {})
    end = ended(inside)["ended"]
    assert (end["exit_code"], end["opens"]) == (3, ["--allow invalid"])


def test_a_sending_that_cannot_start_says_why_and_the_rows_can_be_sent_again(
    desk: Desk, inside: Visit
) -> None:
    text = (desk.folder / "people.yml").read_text("utf-8")
    (desk.folder / "people.yml").write_text("name: [", "utf-8")
    inside.post("/send", {})
    assert "people.yml" in ended(inside)["error"]["error"]
    (desk.folder / "people.yml").write_text(text, "utf-8")
    inside.post("/send", {})
    assert ended(inside)["ended"]["outcomes"] == {"invalid": 4}


def test_the_server_ends_when_the_page_says_so(inside: Visit) -> None:
    inside.post("/end", {})
    visit, ended_by_itself = inside, False
    for _ in range(200):
        try:
            visit.ask("GET", "/progress")
        except OSError:
            ended_by_itself = True
            break
        time.sleep(0.05)
    assert ended_by_itself


def test_what_has_to_be_allowed_by_name_is_asked_on_the_page_and_nothing_is_sent_before(
    desk: Desk, inside: Visit
) -> None:
    desk.mapping(consent={"opted_out": {"from": "Out", "when": "yes"}, "newcomers": "UNCONFIRMED"})
    inside.post("/edit", {"row": 1, "place": 1, "text": "one@example.com"})
    before = desk.writes()
    for typed, wrong in (("yes", "Stopped by you; nothing was sent."), ("confirmation_mails", "")):
        inside.post("/send", {})
        question = asked(inside)
        assert (question["kind"], "confirmation_mails" in question["label"]) == ("name", True)
        assert desk.writes() == before
        assert inside.ask("POST", "/end", {})[0] == 400
        inside.post("/answer", {"number": question["number"], "text": typed})
        found = ended(inside)
        assert (found["error"] or {"error": ""})["error"] == wrong
    assert found["ended"]["outcomes"]["created"] == 1
    assert desk.contacts()["one@example.com"]["status"] == "UNCONFIRMED"


def asked(visit: Visit) -> dict[str, Any]:
    """The question that waits."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found: dict[str, Any] = visit.get("/progress")
        assert found["running"], found
        if found["question"]:
            question: dict[str, Any] = found["question"]
            return question
        time.sleep(0.02)
    raise AssertionError("nothing was asked")
