"""Wherever the contacts lie, a person names them: init writes a mapping that a sync finds them by, and peek shows them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connectors.sandbox.serving import Running
from tests import warm
from tests.flows.cli.conftest import SIGNUPS, Shell

INIT = ("init", "--to", "campaignlark", "--no-plan")


def piped(shell: Shell, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with a real pipe at its standard input."""
    said = [shell.folder / name for name in ("said", "told")]
    reads, writes = os.pipe()
    with said[0].open("wb") as out, said[1].open("wb") as err:
        child = warm.start(
            words, cwd=shell.folder, env=shell.environment, stdio=(reads, out.fileno(), err.fileno())
        )
        os.close(reads)
        with os.fdopen(writes, "w") as pipe:
            pipe.write(text)
        with child:
            code = child.wait(240)
    return subprocess.CompletedProcess(words, code, *[path.read_text("utf-8") for path in said])


def mapping(shell: Shell, name: str) -> str:
    return (shell.folder / name).read_text("utf-8")


@contextlib.contextmanager
def web(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_what_is_piped_gets_a_mapping_and_is_planned_and_synced_by_it(shell: Shell, sandbox: Running) -> None:
    done = piped(shell, SIGNUPS, "init", "-", "--to", "campaignlark", "-o", "m.yml")
    assert done.returncode == 0, done.stderr
    assert 'source: {kind: csv_file, path: "-"}' in mapping(shell, "m.yml")
    assert "Next:  muster check m.yml -\n" in done.stdout
    assert "What a sync by it would do" in done.stdout
    assert piped(shell, SIGNUPS, "check", "m.yml", "-").returncode == 0
    planned = piped(shell, SIGNUPS, "plan", "m.yml", "-", "-o", "plan.json", "--json")
    assert json.loads(planned.stdout)["outcomes"]["created"] == 40, planned.stderr
    assert not sandbox.contacts()
    other = piped(
        shell, SIGNUPS.replace("Person 7", "Anne"), "sync", "m.yml", "-", "--plan", "plan.json", "--yes"
    )
    assert other.returncode == 2
    assert not sandbox.contacts()
    done = piped(shell, SIGNUPS, "sync", "m.yml", "-", "--plan", "plan.json", "--json", "--yes")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["outcomes"]["created"], summary["source"]["path"]) == (40, "standard input")
    assert len(sandbox.contacts()) == 40
    again = piped(shell, SIGNUPS, "sync", "m.yml", "--json")
    assert json.loads(again.stdout)["outcomes"]["unchanged"] == 40
    done = shell.run("sync", "m.yml")
    assert done.returncode == 2
    assert "standard input is empty" in done.stderr


def test_a_web_address_stands_in_the_mapping_but_for_what_may_be_a_secret(shell: Shell) -> None:
    with web(shell.folder) as address:
        done = shell.run("init", f"{address}/people.csv", "--to", "campaignlark")
        assert done.returncode == 0, done.stderr
        assert f'path: "{address}/people.csv"' in mapping(shell, "people.yml")
        assert "Next:  muster check people.yml\n" in done.stdout
        assert "What a sync by it would do" in done.stdout
        assert shell.run("check", "people.yml").returncode == 0
        changed = shell.run("init", f"{address}/people.csv", "--update", "people.yml")
        assert "Nothing to change" in changed.stderr
        signed = f"{address}/people.csv?signature=hunter2"
        done = shell.run(*INIT, signed, "-o", "signed.yml")
        assert "source: {kind: csv_file}\n" in mapping(shell, "signed.yml")
        assert "name the address with each sync" in done.stdout
        assert "Next:  muster check signed.yml ADDRESS\n" in done.stdout
        assert shell.run("check", "signed.yml", signed).returncode == 0
        login = address.replace("://", "://crm:hunter2@")
        named = shell.run(*INIT, f"{login}/people.csv", "-o", "named.yml")
        assert f'path: "{address}/people.csv"' in mapping(shell, "named.yml")
        assert "MUSTER_HTTPS_USER" in named.stdout
        assert (
            "hunter2"
            not in mapping(shell, "named.yml") + mapping(shell, "signed.yml") + done.stdout + named.stdout
        )
    done = shell.run(*INIT, f"{address}/people.csv", "-o", "gone.yml")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert not (shell.folder / "gone.yml").exists()


def test_a_bucket_and_a_host_stand_in_the_mapping(
    shell: Shell, s3: dict[str, str], sftp: tuple[str, dict[str, str]]
) -> None:
    import boto3

    host, settings = sftp
    shell.environment |= {**s3, **settings}
    client = boto3.client(
        "s3", endpoint_url=s3["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s",
    )  # fmt: skip
    client.put_object(Bucket="exports", Key="anywhere/people.csv", Body=SIGNUPS.encode())
    client.put_object(Bucket="exports", Key="anywhere/more.csv", Body=b"Email,City\nz@example.com,Oslo\n")
    client.close()
    for address in ("s3://exports/anywhere/people.csv", f"sftp://crm@{host}/crm/a.csv"):
        done = shell.run(*INIT, address, "-o", f"{address[:2]}.yml")
        assert done.returncode == 0, done.stderr
        assert f'path: "{address}"' in mapping(shell, f"{address[:2]}.yml")
        assert shell.run("check", f"{address[:2]}.yml").returncode == 0
    done = shell.run(*INIT, "s3://exports/anywhere/*.csv")
    assert done.returncode == 2
    assert "2 files lie at s3://exports/anywhere/*.csv" in done.stderr
    assert "--take" in done.stderr
    assert shell.run(*INIT, "s3://exports/anywhere/*.csv", "--take", "all", "-o", "all.yml").returncode == 0
    assert 'path: "s3://exports/anywhere/*.csv", take: all}' in mapping(shell, "all.yml")
    looked = json.loads(shell.run("peek", "s3://exports/anywhere/*.csv", "--json").stdout)
    assert [(one["name"], one["rows"], one["lacks"]) for one in looked["files"]] == [
        ("more.csv", 1, []),
        ("people.csv", 40, ["City"]),
    ]


@pytest.mark.parametrize("take", ["all", "newest"])
def test_a_pattern_stands_in_the_mapping_with_which_of_its_files_are_taken(shell: Shell, take: str) -> None:
    (shell.folder / "exports").mkdir()
    shell.write("exports/north-2026-01-02.csv", SIGNUPS)
    shell.write("exports/south-2026-01-03.csv", SIGNUPS.replace("@", "@south."))
    pattern = "exports/{region}-{YYYY-MM-DD}.csv" if take == "all" else "exports/*.csv"
    done = shell.run(*INIT, pattern, "--take", take, "-o", "m.yml")
    assert done.returncode == 0, done.stderr
    assert f"take: {take}}}" in mapping(shell, "m.yml")
    assert "Next:  muster check m.yml\n" in done.stdout
    looked = json.loads(shell.run("peek", "--mapping", "m.yml", "--json").stdout)
    assert looked["rows"] == (80 if take == "all" else 40)
    assert ("_region" in [column["name"] for column in looked["columns"]]) == (take == "all")
    assert shell.run("check", "m.yml").returncode == 0


def test_a_pattern_that_finds_one_file_today_stays_a_pattern_where_all_are_taken(shell: Shell) -> None:
    assert shell.run(*INIT, "peop*.csv", "--take", "all", "-o", "m.yml").returncode == 0
    assert 'path: "peop*.csv", take: all}' in mapping(shell, "m.yml")
    checked = shell.run("check", "m.yml", "--fail-on-warning")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "_file" not in shell.run("peek", "peop*.csv").stdout


def test_peek_says_what_the_files_of_a_pattern_have_in_common_and_where_they_differ(shell: Shell) -> None:
    (shell.folder / "exports").mkdir()
    shell.write("exports/a.csv", "Email,First name,Country\na@example.com,A,Italy\nb@example.com,B,Spain\n")
    shell.write("exports/b.csv", "Email;First name;City\nc@example.com;C;Oslo\n")
    done = shell.run("peek", "exports/*.csv")
    assert done.returncode == 0, done.stderr
    assert "3 rows, 5 columns" in done.stdout
    assert "a.csv          2 rows\n" in done.stdout
    assert "b.csv          1 rows  lacks Country; also has City\n" in done.stdout
    assert "in all of them: Email, First name\n" in done.stdout
    assert shell.run("peek", "exports/*.csv", "--to-csv", "all.csv").returncode == 0
    assert mapping(shell, "all.csv").splitlines()[-1] == "c@example.com,C,,Oslo,b.csv"
    done = shell.run("peek", "exports/*.csv", "--to-csv", "exports/b.csv")
    assert done.returncode == 2
    assert "is the source itself" in done.stderr
    shell.write("exports/c.csv", "Article,Price\nshoe,12\n")
    done = shell.run("peek", "exports/*.csv")
    assert done.returncode == 2
    assert "c.csv has no column in common with a.csv" in done.stderr


def test_a_database_is_looked_at_and_gets_a_mapping_by_the_setting_that_holds_its_address(
    shell: Shell,
) -> None:
    with contextlib.closing(sqlite3.connect(shell.folder / "crm.db")) as database:
        database.execute("create table contacts (id integer primary key, email text, first_name text)")
        database.executemany(
            "insert into contacts values (?, ?, 'Ann')", [(n, f"p{n}@example.com") for n in range(3)]
        )
        database.commit()
    shell.environment["CRM_DATABASE_URL"] = f"sqlite:///{shell.folder}/crm.db"
    crm = ("--database", "CRM_DATABASE_URL")
    done = shell.run("peek", *crm)
    assert (done.returncode, "It has: contacts." in done.stderr) == (2, True)
    assert "Did you mean contacts?" in shell.run("peek", *crm, "--table", "contact").stderr
    assert "3 rows, 3 columns" in shell.run("peek", *crm, "--table", "contacts").stdout
    looked = json.loads(shell.run("peek", *crm, "--query", "select email from contacts", "--json").stdout)
    assert [column["name"] for column in looked["columns"]] == ["email"]
    done = shell.run(*INIT, *crm, "--table", "contacts")
    assert done.returncode == 0, done.stderr
    assert "source: {kind: sql_query, database: CRM_DATABASE_URL, table: contacts}\n" in mapping(
        shell, "contacts.yml"
    )
    assert "Next:  muster check contacts.yml\n" in done.stdout
    assert shell.run("check", "contacts.yml").returncode == 0
    for words, why in (
        (("sqlite:///crm.db",), "A database is not named by its address"),
        (("--database", "sqlite:///crm.db"), "wants the name of the setting"),
        (("--table", "contacts"), "say --database NAME"),
        (("people.csv", *crm), "Say either FILE or --database."),
        ((*crm, "--table", "contacts", "--sheet", "1"), "says nothing about a database"),
        ((), "Say what is read"),
    ):
        done = shell.run("peek", *words)
        assert done.returncode == 2, words
        assert why in done.stderr, words
