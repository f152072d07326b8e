"""Faults on demand, the inspection, and starting and ending a sandbox: over real sockets and processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from connectors.errors import CannotStart
from connectors.sandbox.campaignlark import CampaignLarkSandbox
from connectors.sandbox.faults import KINDS, Faults, Rule
from connectors.sandbox.inspection import Traffic
from connectors.sandbox.serving import Running, in_thread, kinds, running, sandbox_of, serving

COMMAND = [sys.executable, "-m", "connectors.sandbox.serving", "campaignlark"]
KEY = {"Authorization": "Bearer sandbox-key"}


WRITES = {
    "campaignlark": ("POST", "/contacts/upsert", "email_address"),
    "loops": ("PUT", "/contacts/update", "email"),
    "corporate_merch": ("POST", "/contacts", "email"),
}
"""How one contact is written, by kind: the verb, the path, and where its address stands."""
NEEDED = {
    "corporate_merch": dict.fromkeys(["first_name", "last_name", "address", "city", "state", "zip_code"], "A")
}
NEEDED["corporate_merch"] |= {"country": "DE", "type": "client"}
"""What else a write needs."""
SETTINGS = {"corporate_merch": {"create_status": "200"}}


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with in_thread(CampaignLarkSandbox({"rate": "0"})) as started:
        yield started


@pytest.fixture(params=kinds())
def each(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Every sandbox in turn."""
    with in_thread(sandbox_of(request.param, {"rate": "0", **SETTINGS.get(request.param, {})})) as started:
        yield started


def upsert(sandbox: Running, address: str = "a@example.com", timeout: float = 10) -> httpx.Response:
    verb, path, name = WRITES[sandbox.kind]
    with httpx.Client(trust_env=False, timeout=timeout) as client:
        return client.request(
            verb, sandbox.url + path, json={name: address, **NEEDED.get(sandbox.kind, {})}, headers=KEY
        )


def endpoint(sandbox: Running) -> str:
    """The name under which `upsert` is counted."""
    verb, path, _ = WRITES[sandbox.kind]
    return f"{verb} {urlsplit(sandbox.url).path}{path}"


# ---- each fault


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_status_on_demand_has_the_error_envelope_and_applies_nothing(each: Running, status: int) -> None:
    each.faults({"kind": str(status), "next": 1})
    answer = upsert(each)
    assert answer.status_code == status
    assert isinstance(answer.json(), dict)
    assert "retry-after" not in answer.headers
    assert each.contacts() == []
    assert upsert(each).status_code == 200


def test_a_429_on_demand_can_say_when_to_come_back(each: Running) -> None:
    each.faults("429:next=1,retry_after=2")
    assert upsert(each).headers["retry-after"] == "2"


@pytest.mark.parametrize("kind", ["500", "502", "503", "non_json_502"])
def test_a_server_error_can_come_after_the_write(each: Running, kind: str) -> None:
    each.faults({"kind": kind, "next": 1, "applied": True})
    assert upsert(each).status_code >= 500
    assert len(each.contacts()) == 1


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_comes_before_or_after_the_write(each: Running, kind: str, applied: int) -> None:
    each.faults(f"{kind}:next=1")
    with pytest.raises(httpx.ReadError):
        upsert(each)
    assert len(each.contacts()) == applied
    assert each.requests()["applied"] == applied
    assert each.requests()["by_endpoint"] == {endpoint(each): {"reset": 1}}


@pytest.mark.parametrize(("kind", "status", "applied"), [("non_json", 200, 1), ("non_json_502", 502, 0)])
def test_an_html_page_comes_instead_of_json(each: Running, kind: str, status: int, applied: int) -> None:
    each.faults(f"{kind}:next=1")
    answer = upsert(each)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert len(each.contacts()) == applied


def test_a_truncated_body_promises_more_than_it_holds(each: Running) -> None:
    each.faults("truncated:next=1")
    with pytest.raises(httpx.RemoteProtocolError, match=r"received .* expected"):
        upsert(each)
    assert len(each.contacts()) == 1


def test_a_slow_body_dribbles_and_arrives_whole(each: Running) -> None:
    upsert(each)
    each.faults("slow_body:next=1,seconds=0.3")
    began = time.monotonic()
    answer = upsert(each)
    assert each.contacts()[-1]["id"] in answer.text
    assert time.monotonic() - began >= 0.25


def test_a_late_answer_outlasts_a_patience_that_is_too_short_and_the_write_is_applied(
    each: Running,
) -> None:
    each.faults("late:next=1,seconds=0.8")
    with pytest.raises(httpx.ReadTimeout):
        upsert(each, timeout=0.3)
    assert len(each.contacts()) == 1


def test_validation_error_strikes_writes_of_tags_and_fields_and_by_switch_of_contacts(
    sandbox: Running,
) -> None:
    sandbox.faults("validation_error")
    busy = {"error": {"message": "Validation error"}}
    with httpx.Client(base_url=sandbox.url, headers=KEY, trust_env=False) as client:
        refused = client.post("/tags", json={"name": "new"})
        assert (refused.status_code, refused.json()) == (400, busy)
        assert client.patch("/fields/2", json={"label": "Given name"}).json() == busy
        assert client.get("/tags").status_code == 200
        assert client.post("/contacts/upsert", json={"email_address": "a@example.com"}).status_code == 200
        sandbox.switch(busy_refuses_contacts="yes")
        assert client.post("/contacts/upsert", json={"email_address": "b@example.com"}).json() == busy
        assert client.post("/contacts/search", json={}).status_code == 200


def test_latency_delays_every_answer(each: Running) -> None:
    each.faults(latency_ms=100)
    began = time.monotonic()
    upsert(each)
    assert time.monotonic() - began >= 0.09


# ---- which requests a fault strikes


def test_next_strikes_that_many_and_shows_what_is_left(each: Running) -> None:
    each.faults("500:next=2")
    assert [upsert(each).status_code for _ in range(3)] == [500, 500, 200]
    rule = each.faults()["rules"][0]
    assert (rule["next"], rule["left"], rule["hits"]) == (2, 0, 2)


def test_paths_narrow_a_fault_by_path_and_by_method(sandbox: Running) -> None:
    sandbox.faults({"kind": "500", "paths": r"^PUT "}, {"kind": "503", "paths": "^/v1/fields"})
    assert upsert(sandbox).status_code == 200
    assert httpx.put(f"{sandbox.url}/contacts/x", headers=KEY, trust_env=False).status_code == 500
    assert httpx.get(f"{sandbox.url}/fields", headers=KEY, trust_env=False).status_code == 503


def test_a_fault_of_one_address_strikes_that_address(each: Running) -> None:
    each.faults("500:email=Poison@example.com")
    assert upsert(each, "poison@example.com").status_code == 500
    assert upsert(each).status_code == 200


def test_on_loops_an_address_gets_its_fault_also_by_its_user_id() -> None:
    with in_thread(sandbox_of("loops", {"rate": "0"})) as team:
        team.seed([{"email_address": "poison@example.com", "fields": {"userId": "u1"}}])
        team.faults("500:email=poison@example.com")
        with httpx.Client(base_url=team.url, headers=KEY, trust_env=False) as client:
            for query in ({"email": "poison@example.com"}, {"userId": "u1"}):
                assert client.get("/contacts/find", params=query).status_code == 500
            assert client.put("/contacts/update", json={"userId": "u1"}).status_code == 500
            assert client.get("/contacts/find", params={"userId": "u2"}).status_code == 200
            assert client.put("/contacts/update", content=b"{").status_code == 400


def test_an_address_gets_its_fault_by_every_way_it_can_be_named(sandbox: Running) -> None:
    sandbox.seed([{"email_address": "poison@example.com"}, {"email_address": "fine@example.com"}])
    ids = {contact["email_address"]: contact["id"] for contact in sandbox.contacts()}
    sandbox.faults("500:email=Poison@example.com")
    expected = {"poison@example.com": 500, "fine@example.com": 200}
    with httpx.Client(base_url=sandbox.url, headers=KEY, trust_env=False) as client:
        for address, status in expected.items():
            fields = {"fields": {"email_address": address}, "status": "SUBSCRIBED"}
            assert client.post("/contacts/upsert", json={"email_address": address}).status_code == status
            assert client.get("/contacts/by-email", params={"email": address}).status_code == status
            assert client.put(f"/contacts/{ids[address]}", json=fields).status_code == status
            tags = client.post(f"/contacts/{ids[address]}/tags/add", json={"tag_ids": [1]})
            assert tags.status_code == status
        body = {"fields": {"email_address": "poison@example.com"}, "status": "SUBSCRIBED"}
        assert client.post("/contacts", json=body).status_code == 500


def test_a_share_strikes_the_same_requests_for_the_same_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults([Rule.parse("500:0.3")], seed=seed)
        return [faults.strike("GET", "/", str, busy_possible=False) is not None for _ in range(1000)]

    assert struck(7) == struck(7)
    assert struck(7) != struck(8)
    assert 240 < sum(struck(7)) < 360


def test_a_rule_is_read_as_typed() -> None:
    assert Rule.parse("500:0.05") == Rule("500", share=0.05)
    assert Rule.parse("reset_after:next=3") == Rule("reset_after", next=3)
    assert Rule.parse("slow_body:paths=^/v1/(a|b{1,2}),seconds=1") == Rule(
        "slow_body", paths="^/v1/(a|b{1,2})", seconds=1
    )
    assert Rule.parse("503:next=1,applied=yes").applied is True
    assert Rule.parse("503").applied is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_survives_being_written_down(kind: str) -> None:
    rule = Rule(kind, share=0.5, paths="x", email="a@example.com", retry_after="1")
    assert Rule.of(rule.written()) == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("teapot", "There is no fault 'teapot'. Faults are: 429, 500"),
        ("500:2", "between 0 and 1"),
        ("500:often", "cannot be read"),
        ("500:share=0.1,next=2", "not both"),
        ("500:next=-1", "0 or more"),
        ("500:colour=red", "has no 'colour'"),
        ("500:paths=(", "not a regular expression"),
        ("reset_after:applied=no", "`applied` goes with"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_could_be(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Rule.parse(text)


def test_faults_change_while_it_runs_and_a_wrong_change_changes_nothing(each: Running) -> None:
    assert each.faults("500:0.5", latency_ms=1, jitter_ms=2, seed=3)["seed"] == 3
    for wrong in (
        {"kind": "teapot"},
        {"latency_ms": -1},
        {"latency_ms": "slow"},
        {"rules": [], "kind": "500"},
        [],
    ):
        assert httpx.post(f"{each.inspect}/faults", json=wrong, trust_env=False).status_code == 400
    assert [rule["kind"] for rule in each.faults()["rules"]] == ["500"]
    assert each.clear_faults() == {"latency_ms": 0, "jitter_ms": 0, "seed": 0, "rules": []}


# ---- the inspection


def test_requests_are_counted_by_endpoint_and_status_and_the_inspection_counts_nowhere(
    each: Running,
) -> None:
    each.faults("503:next=1")
    for _ in range(3):
        upsert(each)
    httpx.get(f"{each.url}/nothing", headers=KEY, trust_env=False)
    each.contacts()
    shown = each.requests()
    assert shown["received"] == 4
    assert shown["applied"] == 2
    assert shown["by_endpoint"] == {"GET (unknown)": {"404": 1}, endpoint(each): {"503": 1, "200": 2}}
    assert shown["applied_by_endpoint"] == {endpoint(each): 2}
    assert shown["by_status"] == {"200": 2, "404": 1, "503": 1}
    assert shown["faults"] == {"503": 1}
    assert sum(shown["seconds"].values()) == 4
    assert sum(contact["writes"] for contact in each.contacts("a@example.com")) == 2


def test_the_busiest_sliding_second_can_hold_more_than_the_busiest_second_of_the_clock() -> None:
    traffic = Traffic()
    for at in (10.6, 10.8, 10.9, 11.1, 11.59, 11.6, 12.7):
        traffic.arrived(at)
    shown = traffic.shown()
    assert shown["seconds"] == {"10": 3, "11": 3, "12": 1}
    assert (shown["busiest_second"], shown["busiest_sliding_second"]) == (3, 5)
    assert (shown["busiest_within"], traffic.shown(within=1.2)["busiest_within"]) == (7, 6)


def test_contacts_are_seeded_changed_and_deleted_as_in_the_app_and_nothing_fires(sandbox: Running) -> None:
    seeded = {"email_address": "a@example.com", "tags": ["vip", 1], "fields": {"city": "Oslo"}}
    assert sandbox.seed([seeded]) == 1
    sandbox.seed([{"email_address": "a@example.com", "status": "UNSUBSCRIBED", "fields": {"phone": "1"}}])
    contact = sandbox.contacts()[0]
    assert contact["status"] == "UNSUBSCRIBED"
    assert contact["tags"] == ["vip", "newsletter"]
    assert contact["fields"] == {"city": "Oslo", "phone": "1"}
    assert contact["writes"] == 0
    assert sandbox.delete("A@example.com")
    assert not sandbox.delete("a@example.com")
    assert sandbox.contacts() == []
    assert sandbox.automations() == {"counts": {}, "list": []}


@pytest.mark.parametrize(
    "wrong", [{}, {"email_address": "b@c.de", "tags": ["x"]}, {"email_address": "b@c.de", "fields": {"x": 1}}]
)
def test_a_seed_that_cannot_be_adds_nobody(sandbox: Running, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"email_address|tag 'x'|field 'x'"):
        sandbox.seed([{"email_address": "good@example.com"}, wrong])
    assert sandbox.contacts() == []


def test_every_sandbox_seeds_shows_and_deletes_in_the_same_words(each: Running) -> None:
    status = "" if each.kind == "corporate_merch" else "UNSUBSCRIBED"  # nobody is mailed there
    given = {"email_address": "a@example.com", "status": status}
    assert each.seed([{name: value for name, value in given.items() if value}]) == 1
    [contact] = each.contacts("A@example.com")
    words = {"id", "email_address", "status", "tags", "fields", "writes", "created_at", "updated_at"}
    assert words <= set(contact)
    assert (contact["status"], contact["writes"]) == (status, 0)
    upsert(each, "b@example.com")
    assert [one["writes"] for one in each.contacts()] == [0, 1]
    assert each.delete("A@example.com")
    assert not each.delete("a@example.com")
    assert [one["email_address"] for one in each.contacts()] == ["b@example.com"]


def test_automations_are_listed_and_counted(sandbox: Running) -> None:
    sandbox.seed([{"email_address": "a@example.com", "tags": ["vip"]}])
    upsert(sandbox)
    shown = sandbox.automations()
    assert shown["counts"] == {"TAG_REMOVED": 1}
    assert shown["list"][0]["email_address"] == "a@example.com"
    assert shown["list"][0]["detail"] == {"tag_id": 2, "tag": "vip"}


def test_switches_change_while_it_runs_and_a_wrong_one_lists_the_positions(sandbox: Running) -> None:
    assert sandbox.switch()["email_case"] == "insensitive"
    assert sandbox.switch(email_case="sensitive")["email_case"] == "sensitive"
    with pytest.raises(ValueError, match="email_case is one of insensitive, sensitive, not 'both'"):
        sandbox.switch(email_case="both")


def test_reset_brings_back_how_it_was_started() -> None:
    started = sandbox_of("campaignlark", {"email_case": "sensitive"}, Faults([Rule.parse("500:next=1")]))
    with in_thread(started) as sandbox:
        assert upsert(sandbox).status_code == 500
        upsert(sandbox)
        sandbox.switch(email_case="insensitive")
        sandbox.reset()
        assert sandbox.contacts() == []
        assert sandbox.requests()["received"] == 0
        assert sandbox.switch()["email_case"] == "sensitive"
        assert upsert(sandbox).status_code == 500


def test_reset_brings_back_every_sandbox_as_it_was(each: Running) -> None:
    upsert(each)
    each.switch(rate="5")
    each.reset()
    assert each.contacts() == []
    assert each.requests()["received"] == 0
    assert each.automations() == {"counts": {}, "list": []}
    assert each.switch()["rate"] == "0"


def test_every_page_shows_who_is_there_and_what_fired(each: Running) -> None:
    upsert(each)
    page = httpx.get(each.inspect, trust_env=False).text
    assert f"Sandbox: {each.kind}" in page
    assert "a@example.com" in page
    assert all(f"<td>{name}</td>" in page for name in each.automations()["counts"])


def test_the_page_shows_strangers_text_escaped_and_loads_nothing(sandbox: Running) -> None:
    evil = '<script>alert("x")</script>'
    sandbox.seed([{"email_address": "a@example.com", "tags": ["vip"], "fields": {"city": evil}}])
    upsert(sandbox)
    sandbox.seed([{"email_address": "b@example.com", "fields": {"city": evil}}])
    page = httpx.get(sandbox.inspect, trust_env=False)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "TAG_REMOVED" in page.text
    assert "://" not in page.text


# ---- starting and ending


async def test_it_serves_in_the_running_loop() -> None:
    async with serving(CampaignLarkSandbox()) as address, httpx.AsyncClient(trust_env=False) as client:
        assert address.url.startswith("http://127.0.0.1:")
        assert (await client.get(f"{address.url}/fields", headers=KEY)).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{address.url}/fields")


async def test_a_port_that_is_taken_or_impossible_is_said() -> None:
    async with serving(CampaignLarkSandbox()) as address:
        taken = int(address.url.split(":")[2].split("/")[0])
        for port in (taken, 99999):
            with pytest.raises(CannotStart, match=f"cannot listen on 127.0.0.1:{port}"):
                async with serving(CampaignLarkSandbox(), port=port):
                    pass


def test_the_sandboxes_are_found_by_their_files() -> None:
    assert set(kinds()) == set(WRITES)
    with pytest.raises(CannotStart, match="no sandbox for 'mailbox'"):
        sandbox_of("mailbox", {})


def test_a_process_of_its_own_takes_its_options_and_ends_with_the_block() -> None:
    with running(
        "campaignlark", rate=0, fault=["500:next=1", "503:next=1"], seed=7, email_case="sensitive"
    ) as sandbox:
        assert [upsert(sandbox).status_code for _ in range(3)] == [500, 503, 200]
        assert len(sandbox.contacts()) == 1
        assert sandbox.switch()["email_case"] == "sensitive"
        assert sandbox.faults()["seed"] == 7
        assert sandbox.pid
    with pytest.raises(ProcessLookupError):
        os.kill(sandbox.pid, 0)


@pytest.mark.parametrize("kind", kinds())
def test_every_sandbox_runs_in_a_process_of_its_own(kind: str) -> None:
    with running(kind, keys="sandbox-key,second", **SETTINGS.get(kind, {})) as sandbox:
        assert sandbox.kind == kind
        assert upsert(sandbox).status_code == 200
        assert len(sandbox.contacts()) == 1


def test_a_process_that_is_killed_leaves_nothing_to_clean_up() -> None:
    with running("campaignlark") as sandbox:
        sandbox.kill()
        with pytest.raises(httpx.ConnectError):
            upsert(sandbox)


def test_a_process_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(CannotStart, match="email_case is one of insensitive, sensitive"),
        running("campaignlark", email_case="x"),
    ):
        pass
    with (
        pytest.raises(CannotStart, match="There is no fault 'teapot'"),
        running("campaignlark", fault="teapot"),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_also_in_the_middle_of_an_answer(number: signal.Signals) -> None:
    command = [*COMMAND, "--fault", "late:next=1,seconds=30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        assert list(started) == ["kind", "url", "inspect"]
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{started['url']}/fields", headers=KEY, timeout=0.2, trust_env=False)
        process.send_signal(number)
        said, complaints = process.communicate(timeout=10)
    assert (process.returncode, said, complaints) == (0, b"", b"")


def test_resets_and_broken_bodies_leave_no_traceback_behind() -> None:
    command = [*COMMAND, "--until-stdin-closes", "--rate", "0"]
    for kind in ("reset_before", "reset_after", "truncated", "slow_body"):
        command += ["--fault", f"{kind}:next=5"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(base_url=url, headers=KEY, trust_env=False, timeout=0.1) as client:
            for _ in range(20):
                with pytest.raises(httpx.TransportError):
                    client.post("/contacts/upsert", json={"email_address": "a@example.com"})
        _, complaints = process.communicate(timeout=10)
    assert (process.returncode, complaints) == (0, b"")


def test_it_ends_when_whoever_started_it_is_gone() -> None:
    with subprocess.Popen(
        [*COMMAND, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0
