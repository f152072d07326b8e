"""The answers of an account in their file: what may stand there, when it holds, and that plan and sync follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.destinations.campaignlark_probe import QUESTIONS
from connectors.destinations.corporate_merch import Connector
from connectors.errors import CannotStart, MappingError
from connectors.probing import Finding, questions_of
from connectors.sandbox.campaignlark import STATUSES
from connectors.sandbox.serving import Running, running
from flows.open_questions import answers_path, read_answers, write_answers
from tests.flows.conftest import PEOPLE
from tests.flows.test_plan_equals_sync import plan_then_sync

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
URL = "https://api.campaignlark.com/v1"
CLEARS: dict[str, Any] = {
    "fields": {**PEOPLE["fields"], "city": {"from": "City", "blank": "clear"}},
}


def told(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def tell(desk: Desk, base_url: str = "", **answers: str) -> Path:
    """What a probe would have written for the desk's account."""
    lines = [f"base_url: {base_url or desk.server.url}", *(f"{name}: {one}" for name, one in answers.items())]
    return told(answers_path(desk.home, "campaignlark", "main"), "\n".join(lines))


# ---- the file


def test_what_was_found_is_read_back_and_what_was_not_stands_there_to_be_filled_in(tmp_path: Path) -> None:
    path = answers_path(tmp_path, "campaignlark", "main")
    findings = [Finding(one, one.positions[-1]) for one in QUESTIONS if one.ask is not None]
    findings += [Finding(one, said=one.why_not, tried=False) for one in QUESTIONS if one.ask is None]
    assert write_answers(path, "campaignlark, account main", URL, QUESTIONS, findings) is None
    answers = read_answers(path, QUESTIONS)
    assert answers.base_url == URL
    assert answers.positions == {one.name: one.positions[-1] for one in QUESTIONS if one.ask is not None}
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 3 + len(QUESTIONS)
    by_hand = [line[2:] if line.startswith("# retry_after:") else line for line in lines]
    path.write_text("\n".join(by_hand).replace("retry_after:", "retry_after: header"), "utf-8")
    assert read_answers(path, QUESTIONS).positions["retry_after"] == "header"


def test_an_answer_that_came_otherwise_this_time_is_taken_out(tmp_path: Path) -> None:
    path = told(answers_path(tmp_path, "campaignlark", "main"), f"base_url: {URL}\nemail_case: sensitive\nnull_value: keep\n")  # fmt: skip
    question = QUESTIONS.named("email_case")
    assert question is not None
    write_answers(path, "campaignlark", URL, QUESTIONS, [Finding(question, said="500")])
    assert read_answers(path, QUESTIONS).positions == {"null_value": "keep"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base_url: x\nemail_cas: sensitive", "main.yml:2: email_cas: there is no such question. Did you mean email_case?"),
        ("null_value: cleer", "main.yml:1: null_value: 'cleer' is no answer. Did you mean clear? Answers are clear or keep."),
        ("null_value:\nempty_value: [clear]", "main.yml:2: empty_value: '' is no answer. Answers are clear or keep."),
        ("null_value: clear\n\nnull_value: keep", "main.yml:3: null_value: this question stands here twice."),
        ("- null_value", "main.yml:1: these are no answers."),
        ("null_value: 'clear", "this is not YAML."),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_with_its_line_and_the_nearest(
    tmp_path: Path, text: str, said: str
) -> None:
    path = told(answers_path(tmp_path, "campaignlark", "main"), text)
    with pytest.raises(CannotStart) as caught:
        read_answers(path, QUESTIONS)
    assert said in str(caught.value)


def test_words_that_yaml_takes_for_other_things_are_texts_and_names_may_be_any(tmp_path: Path) -> None:
    yes = told(tmp_path / "lark.yml", "put_changes_address: yes\nbusy_refuses_contacts: no\n")
    assert read_answers(yes, QUESTIONS).positions == {
        "put_changes_address": "yes",
        "busy_refuses_contacts": "no",
    }
    merch = questions_of("corporate_merch")
    name = told(tmp_path / "merch.yml", "classification: customer_class\ncreate_status: 200\n")
    assert read_answers(name, merch).positions == {"classification": "customer_class", "create_status": "200"}
    with pytest.raises(
        CannotStart, match="Answers are classification or contact_classification, or another name"
    ):
        read_answers(told(tmp_path / "wrong.yml", "classification: Customer Class\n"), merch)


# ---- plan and sync


async def test_a_value_is_emptied_only_where_it_is_known_how_and_the_plan_says_the_same(
    desk: Desk, person: Person
) -> None:
    desk.server.switch(null_value="keep", empty_value="clear")
    desk.mapping(**CLEARS)
    file = desk.file([person(1, City="Rome"), person(2, City="Rome")])
    with pytest.raises(MappingError, match="how this destination empties a value is not documented"):
        await desk.sync(file)
    path = tell(desk, empty_value="clear", null_value="keep")
    first = await desk.sync(file)
    assert first.outcomes == {"created": 2}
    assert f"answers   2 open questions are settled: {path}" in first.said
    assert first.said.index(f"address   {desk.server.url}") < first.said.index(
        f"answers   2 open questions are settled: {path}"
    )
    ended = await plan_then_sync(desk, desk.file([person(1), person(2, City="Rome")]))
    assert ended.outcomes == {"updated": 1, "unchanged": 1}
    assert "city" not in desk.contacts()["p1@example.com"]["fields"]
    assert desk.contacts()["p2@example.com"]["fields"]["city"] == "Rome"


async def test_tags_travel_with_the_fields_a_request_less_and_the_plan_says_the_same(
    desk: Desk, person: Person
) -> None:
    desk.server.switch(partial_with_tags="union")
    desk.server.seed([{"email_address": f"p{n}@example.com", "tags": ["press"]} for n in (1, 2, 3)])
    file = desk.file([person(1, Tags="vip"), person(2, Tags="vip;crm"), person(3)])
    tell(desk, partial_with_tags="union")
    ended = await plan_then_sync(desk, file)
    assert ended.outcomes == {"updated": 3}
    assert desk.writes() == {"POST /v1/contacts/upsert": 3}
    assert [sorted(one["tags"]) for one in desk.contacts().values()] == [["press", "vip"], ["crm", "press", "vip"], ["press"]]  # fmt: skip


async def test_an_account_is_read_in_one_sweep_and_the_plan_says_the_same(desk: Desk, person: Person) -> None:
    desk.server.seed([{"email_address": f"p{n}@example.com", "status": STATUSES[n % 5]} for n in range(250)])
    file = desk.file([person(n) for n in range(1, 40)])
    tell(desk, search_without_filter="everybody")
    ended = await plan_then_sync(desk, file)
    assert ended.outcomes == {"updated": 39}
    # twice five statuses, whether everybody is listed, and the one page of a sweep
    assert desk.server.requests()["by_endpoint"]["POST /v1/contacts/search"] == {"200": 14}


async def test_answers_of_another_address_are_not_used_and_that_is_said(desk: Desk, person: Person) -> None:
    desk.mapping(**CLEARS)
    path = tell(desk, base_url="https://api.campaignlark.com/v1", null_value="clear")
    run = desk.run(desk.file([person(1)]))
    watcher: Any = run.watcher
    async with run:
        with pytest.raises(MappingError, match="is not documented"):
            await run.open()
    assert (
        f"answers   those in {path} are of https://api.campaignlark.com/v1, and are not used here"
        in watcher.said
    )


async def test_a_rehearsal_goes_by_the_real_accounts_answers_where_they_are_named(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.mapping(**CLEARS)
    path = tell(desk, base_url="https://api.campaignlark.com/v1", null_value="clear")
    monkeypatch.setenv("CAMPAIGNLARK_ANSWERS", str(path))
    assert (await desk.sync(desk.file([person(1, City="Rome")]))).outcomes == {"created": 1}


async def test_a_file_that_is_wrong_stops_the_run_before_anything_is_sent(desk: Desk, person: Person) -> None:
    tell(desk, null_valu="clear")
    with pytest.raises(
        CannotStart, match=r"campaignlark-main\.yml:2: null_valu: .* Did you mean null_value\?"
    ):
        await desk.sync(desk.file([person(1)]))
    assert not desk.server.requests()["by_endpoint"]


# ---- Corporate Merch, whose update could not be made at all

TEAM: dict[str, Any] = {
    "name": "team", "destination": {"kind": "corporate_merch"}, "key": "email", "person": "Id", "tags": None,
    "consent": None, "where": None,
    "fields": {
        "email": {"from": "Email", "type": "email"}, "first_name": "First", "last_name": {"value": "Lee"},
        "type": {"value": "client"}, "address": {"value": "1 Rock Road"}, "city": "City", "state": {"value": "CA"},
        "zip_code": {"value": "90001"}, "country": {"value": "US"}, "classification": "Tags",
    },
}  # fmt: skip


@pytest.fixture
def shop() -> Iterator[Running]:
    with running("corporate_merch", rate=0, update="patch", classification="customer_class") as server:
        yield server


async def test_a_sync_updates_with_the_verb_and_the_names_that_are_known_and_is_refused_without(
    desk: Desk, person: Person, shop: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connector, "per_second", 5000.0)
    monkeypatch.setenv("CORPORATE_MERCH_BASE_URL", shop.url)
    monkeypatch.setenv("CORPORATE_MERCH_API_KEY", "sandbox-key")
    desk.mapping(**TEAM)
    lee = {"first_name": "Old", "last_name": "Lee", "type": "client", "address": "1 Rock Road", "city": "Rome",
           "state": "CA", "zip_code": "90001", "country": "US"}  # fmt: skip
    shop.seed([{"email_address": "p1@example.com", "fields": lee}])
    file = desk.file([person(1, City="Rome", Tags="VIP")])
    assert (await desk.sync(file)).outcomes == {"refused": 1}
    path = answers_path(desk.home, "corporate_merch", "main")
    told(path, f"base_url: {shop.url}\nupdate: patch\nclassification: customer_class\n")
    planned = await desk.plan(file)
    assert planned.calls["PATCH /contacts/{id}"] == 1
    assert (await desk.sync(file)).outcomes == {"updated": 1}
    [there] = shop.contacts()
    assert (there["fields"]["first_name"], there["fields"]["classification"]) == ("Name 1", "VIP")
