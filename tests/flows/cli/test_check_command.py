"""muster check: what has to be created first, and the mappings of a folder beside each other."""

from __future__ import annotations

import json

import pytest

from tests.flows.cli.conftest import MAPPING, Shell

WANTING = MAPPING.replace(
    "  country: Country\n",
    "  country: Country\n  loyalty_level: {from: Country, type: number}\n  tier_2: {from: Country, values: {x: Gold, y: Silver}}\n",
)


def test_what_has_to_be_created_in_the_app_is_listed_at_the_end_with_its_type(shell: Shell) -> None:
    shell.write("signups.yml", WANTING + "tags: {flags: {Country: brandnew}}\n")
    done = shell.run("check", "signups.yml", "people.csv")
    assert done.returncode == 2
    complaints, _, listed = done.stderr.partition(
        "To be created in the app of campaignlark, account main, first (unless only misspelled):\n"
    )
    assert "the destination has no merge tag 'loyalty_level'" in complaints
    lines = [" ".join(line.split()) for line in listed.splitlines()]
    assert lines[0] == "field loyalty_level NUMBER labelled Loyalty Level"
    assert lines[1] == "field tier_2 DROPDOWN_SINGLE labelled Tier 2; options: Gold, Silver"
    assert lines[2].startswith(
        "not with this name: a merge tag is 2 to 16 lower-case letters and underscores"
    )
    assert lines[3] == "tag brandnew"
    facts = json.loads(shell.run("check", "signups.yml", "people.csv", "--json").stdout)
    assert facts["right"] is False
    assert [one["name"] for one in facts["to_create"]] == ["loyalty_level", "tier_2", "brandnew"]


def test_tags_that_the_sync_creates_are_no_complaint(shell: Shell) -> None:
    text = MAPPING.replace("kind: campaignlark", "kind: campaignlark, create_missing: tags")
    shell.write("signups.yml", text + "tags: {flags: {Country: brandnew}}\n")
    done = shell.run("check", "signups.yml", "people.csv")
    assert done.returncode == 0, done.stderr
    assert "Created by the sync (create_missing: tags):\n  tag    brandnew\n" in done.stdout
    facts = json.loads(shell.run("check", "signups.yml", "people.csv", "--json").stdout)
    assert facts["right"] is True
    assert [one["name"] for one in facts["created_by_sync"]] == ["brandnew"]


def test_a_check_agrees_with_the_sync_that_unknown_create_creates_tags(shell: Shell) -> None:
    shell.write("signups.yml", MAPPING + "tags: {always: [brandnew], unknown: create}\n")
    done = shell.run("check", "signups.yml", "people.csv")
    assert done.returncode == 0, done.stderr
    assert "Created by the sync (unknown: create):\n  tag    brandnew\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (("check", "signups.yml", "people.csv"), 2),
        (("check", "nothing.yml"), 2),
        (("plan", "signups.yml", "people.csv"), 2),
        (("sync", "signups.yml", "nothing.csv"), 2),
        (("sync", "signups.yml", "people.csv", "--plan", "nothing.json"), 2),
        (("plan", "signups.yml", "--bogus"), 2),
        (("report", "nothing"), 2),
    ],
)
def test_what_cannot_start_is_json_where_json_was_asked_for(
    shell: Shell, words: tuple[str, ...], exit_code: int
) -> None:
    shell.write("signups.yml", MAPPING.replace("  country: Country\n", "  country: Land\n"))
    done = shell.run(*words, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == said["error"]["exit_code"] == exit_code
    assert said["error"]["what"]
    assert done.stderr
    if words[0] == "check":
        assert said["right"] is False
        assert said["complaints"]


def test_a_warning_fails_a_check_only_where_that_is_asked(shell: Shell) -> None:
    shell.write("people.csv", "Email,First name,Country,Other\na@example.com,A,DE,x\n")
    assert shell.run("check", "signups.yml", "people.csv").returncode == 0
    assert shell.run("check", "signups.yml", "people.csv", "--fail-on-warning").returncode == 1
    assert shell.run("check").returncode == 2


def test_check_all_looks_across_the_mappings_of_a_folder_offline(shell: Shell) -> None:
    shell.environment |= {"CAMPAIGNLARK_API_KEY": "", "CAMPAIGNLARK_BASE_URL": "http://127.0.0.1:9/v1"}
    shell.write("other.yaml", MAPPING.replace("name: signups", "name: other"))
    shell.write("compose.yml", "version: 3\nservices: {}\n")
    done = shell.run("check", "--all")
    assert done.returncode == 0, done.stderr
    assert "2 mappings read:" in done.stdout
    assert "warning: 2 mappings write first_name, country" in done.stdout
    assert "share the account's 100 requests a second" in done.stdout
    assert shell.run("check", "--all", "--fail-on-warning").returncode == 1
    facts = json.loads(shell.run("check", "--all", str(shell.folder), "--json").stdout)
    assert {one["code"] for one in facts["warnings"]} == {"same_field", "shares_rate"}
    assert sorted(one["name"] for one in facts["mappings"]) == ["other", "signups"]


def test_check_all_exits_with_2_where_a_mapping_cannot_be_read_or_there_is_none(shell: Shell) -> None:
    shell.write("broken.yml", MAPPING + "wher: {Country: DE}\n")
    done = shell.run("check", "--all")
    assert done.returncode == 2
    assert "Did you mean where?" in done.stderr
    assert "1 mapping read:" in done.stdout
    (shell.folder / "empty").mkdir()
    assert "There is no mapping in 'empty'" in shell.run("check", "--all", "empty").stderr
    assert "There is no folder nowhere" in shell.run("check", "--all", "nowhere").stderr


def test_a_check_counts_who_is_suppressed_and_refuses_a_list_that_cannot_be_read(shell: Shell) -> None:
    shell.write("signups.yml", MAPPING + "suppress: [lists/gone.txt]\n")
    done = shell.run("check", "signups.yml", "people.csv", "--offline")
    assert done.returncode == 2
    assert "lists/gone.txt" in done.stderr
    (shell.folder / "lists").mkdir()
    shell.write("lists/gone.txt", "ann@example.com\n@blocked.example\n" + "ab" * 32 + "\n")
    (shell.home).mkdir()
    shell.write(".muster/suppress.txt", "bob@example.com\n")
    done = shell.run("check", "signups.yml", "people.csv", "--offline")
    assert done.returncode == 0, done.stderr
    assert "suppressed: 2 addresses, 1 domain, 1 hash in 2 files" in done.stdout
    facts = json.loads(shell.run("check", "signups.yml", "people.csv", "--offline", "--json").stdout)
    assert {name: facts["suppressed"][name] for name in ("addresses", "domains", "hashes")} == {
        "addresses": 2,
        "domains": 1,
        "hashes": 1,
    }
    shell.write("lists/gone.txt", "ann\n")
    assert shell.run("check", "signups.yml", "people.csv", "--offline").returncode == 2
