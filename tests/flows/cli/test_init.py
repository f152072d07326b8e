"""muster init as a person runs it: a file in, a mapping out that the next command accepts."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from connectors.errors import MappingError
from connectors.sandbox.serving import Running
from flows import first_mapping
from tests.flows.cli.conftest import IMPATIENT, MUSTER, Shell

SAMPLES = Path(__file__).resolve().parents[3] / "sample_data"
GERMAN = (
    "Kunden-Nr;E-Mail-Adresse;Vorname;Nachname;Land;Geburtsdatum;Abgemeldet\r\n"
    "7001;jörg@exämple.org;Jörg;Größe;Österreich;31.12.1980;nein\r\n"
    "7002;käthe@example.org;Käthe;Straßer;Spanien;01.02.1990;ja\r\n"
).encode("windows-1252")
SALESFORCE = """\
"Contact ID","First Name","Last Name","Email","Account Name","Title","Phone","Mailing City","Mailing Country","Birthdate","Email Opt Out","Fax Opt Out","Contact Owner","Owner Email","Created Date"
"0038d00000AbCdE","Carla","Realname","carla@corp.example.com","Acme Real","VP","+1 415 555 2671","Real City","United States","3/14/1975","0","0","Olga Owner","olga@our.example.com","2024-03-11T09:12:00.000Z"
"0038d00000AbCdF","Dieter","Echtname","dieter@corp.example.de","Firma Echt","CEO","+49 30 1234567","Berlin","Germany","12/25/1960","1","0","Olga Owner","olga@our.example.com","2024-04-11T09:12:00.000Z"
"""
MAILCHIMP = """\
"Email Address","First Name","Last Name","Phone Number",Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,LEID,EUID,NOTES,TAGS
fred@real.example.com,Fred,Flint,555 0100,05/12,2,"2023-01-05 10:11:12",203.0.113.9,123456789,abcdef1234,"",\"""vip"",""press""\"
"""
FILES: dict[str, bytes] = {
    "hubspot": (SAMPLES / "hubspot_contacts.csv").read_bytes(),
    "german form": (SAMPLES / "newsletter_signups.csv").read_bytes(),
    "hostile": (SAMPLES / "hostile.csv").read_bytes(),
    "german": GERMAN,
    "salesforce": SALESFORCE.encode(),
    "mailchimp": MAILCHIMP.encode(),
    "header alone": b"Email,First name\n",
    "odd names": b'Email,Amount [EUR],All *,"a: b # c",no,~,"{x}",Email,,\na@example.org,1,2,3,4,5,6,b@example.org,8,9\n',
}


@pytest.mark.parametrize("name", list(FILES))
def test_the_next_command_that_it_names_passes(shell: Shell, name: str) -> None:
    shell.write(f"{name}.csv", FILES[name])
    done = shell.run("init", f"{name}.csv", "--to", "campaignlark")
    assert done.returncode == 0, done.stderr
    following = next(line for line in done.stdout.splitlines() if line.startswith("Next:"))
    words = shlex.split(following.removeprefix("Next:"))
    checked = shell.run(*words[1:])
    assert checked.returncode == 0, checked.stderr
    assert "is not used" not in checked.stdout


def test_it_says_what_was_matched_doubted_and_left_out(shell: Shell) -> None:
    shell.write("export.csv", SALESFORCE)
    done = shell.run("init", "export.csv", "--to", "campaignlark")
    for said in ("export.yml is written; 2 rows", "birthday       Birthdate", "person         Contact ID", "opted out      Email Opt Out",
                 "addresses are also in Owner Email", "Left out: Fax Opt Out, Contact Owner"):  # fmt: skip
        assert said in done.stdout
    text = (shell.folder / "export.yml").read_text("utf-8")
    assert "birthday: {from: Birthdate, type: date, format: MM/DD/YYYY}" in text
    assert "Realname" not in text + done.stdout


def test_a_known_export_is_recognised_by_its_opt_out_columns(shell: Shell) -> None:
    shell.write("export.csv", FILES["hubspot"])
    assert shell.run("init", "export.csv", "--to", "campaignlark").returncode == 0
    text = (shell.folder / "export.yml").read_text("utf-8")
    assert "source: {kind: hubspot_export, path: export.csv}" in text
    assert "person: Record ID" in text
    assert '"Opted out of email: Newsletter"' in text


def test_a_sync_of_what_it_wrote_subscribes_nobody_where_nobody_decided(
    shell: Shell, sandbox: Running
) -> None:
    done = shell.run("init", "people.csv", "--to", "campaignlark")
    assert "so nobody is mailed: new contacts arrive as UNSUBSCRIBED" in done.stdout
    assert shell.run("sync", "people.yml", "--limit", "3").returncode == 0
    assert {contact["status"] for contact in sandbox.contacts()} == {"UNSUBSCRIBED"}
    assert sandbox.contacts()[0]["fields"]["country"] == "DE"


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"CAMPAIGNLARK_API_KEY": ""}, "There is no key for campaignlark"),
        ({"CAMPAIGNLARK_API_KEY": "wrong-key"}, "did not accept the key"),
        ({"CAMPAIGNLARK_BASE_URL": "http://127.0.0.1:9/v1"}, "Check the address and the network"),
    ],
)
def test_where_the_account_cannot_be_asked_it_says_why_and_writes_what_is_documented(
    shell: Shell, environment: dict[str, str], why: str
) -> None:
    shell.before = IMPATIENT
    done = shell.run("init", "people.csv", "--to", "campaignlark", env=environment)
    assert done.returncode == 0, done.stderr
    assert "The fields of campaignlark could not be read" in done.stderr
    assert why in done.stderr
    assert "wrong-key" not in done.stderr + done.stdout
    assert "  # first_name: First name   # sure: the same name\n" in (shell.folder / "people.yml").read_text(
        "utf-8"
    )
    assert shell.run("check", "people.yml", "people.csv", "--offline", env=environment).returncode == 0


def test_what_is_there_is_never_written_over(shell: Shell) -> None:
    shell.write("people.yml", "mine")
    done = shell.run("init", "people.csv", "--to", "campaignlark")
    assert done.returncode == 2
    assert "people.yml is there already, and is never written over" in done.stderr
    assert "--update people.yml" in done.stderr
    assert "No such option" in shell.run("init", "people.csv", "--to", "loops", "--force").stderr
    assert (shell.folder / "people.yml").read_text() == "mine"
    (shell.folder / "link.yml").symlink_to("nowhere.yml")
    done = shell.run("init", "people.csv", "--to", "campaignlark", "-o", "link.yml")
    assert (done.returncode, (shell.folder / "nowhere.yml").exists()) == (2, False)
    done = shell.run("init", "people.csv", "--to", "campaignlark", "-o", "people.csv")
    assert done.returncode == 2
    assert "is the file with the contacts itself" in done.stderr
    assert (shell.folder / "people.csv").read_text().startswith("Email,First name")


def test_of_many_inits_at_once_one_writes_and_the_others_are_told(shell: Shell) -> None:
    shell.before = """
from flows import first_mapping
first_mapping.check_place = lambda *_: None
"""
    words = ("init", "people.csv", "--to", "campaignlark", "--no-plan", "--offline")
    inits = [shell.start(*words) for _ in range(4)]
    said = [init.communicate(120)[1] for init in inits]
    assert sorted(init.returncode or 0 for init in inits) == [0, 2, 2, 2], said
    assert sum("people.yml is there already" in text for text in said) == 3
    assert (shell.folder / "people.yml").read_text().count("name: people ") == 1
    assert not list(shell.folder.glob(".people.yml*"))


def test_a_file_system_without_links_gets_the_mapping_all_the_same_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", none)
    first_mapping.write(tmp_path / "a.yml", "first")
    with pytest.raises(MappingError, match="is there already"):
        first_mapping.write(tmp_path / "a.yml", "second")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.yml", "first")]


def test_a_dash_prints_the_mapping_and_nothing_else(shell: Shell) -> None:
    before = set(shell.folder.iterdir())
    done = shell.run("init", "people.csv", "--to", "campaignlark", "-o", "-")
    assert done.stdout.startswith("# yaml-language-server: $schema=file://")
    assert "Next:" in done.stderr
    assert set(shell.folder.iterdir()) == before
    shell.write("printed.yml", done.stdout)
    assert shell.run("check", "printed.yml", "people.csv").returncode == 0
    assert shell.run("init", "people.csv", "--to", "campaignlark", "-o", "-", "--json").returncode == 2


def test_json_says_the_same_for_scripts(shell: Shell) -> None:
    facts = json.loads(shell.run("init", "people.csv", "--to", "campaignlark", "--json").stdout)
    assert facts["fields"] == {"email_address": "Email", "first_name": "First name", "country": "Country"}
    assert (facts["mapping"], facts["live"], facts["rows_looked_at"], facts["newcomers"]) == (
        "people.yml",
        True,
        40,
        "UNSUBSCRIBED",
    )
    assert facts["next"] == "muster check people.yml people.csv"


def test_the_mapping_names_its_file_as_seen_from_its_own_folder(shell: Shell) -> None:
    (shell.folder / "maps").mkdir()
    assert shell.run("init", "people.csv", "--to", "campaignlark", "-o", "maps/people.yml").returncode == 0
    assert 'path: "../people.csv"' in (shell.folder / "maps" / "people.yml").read_text()
    assert shell.run("check", "maps/people.yml").returncode == 0


def test_how_the_file_is_to_be_read_is_kept_in_the_mapping(shell: Shell) -> None:
    shell.write("odd.csv", "made by a shop\nEmail|Name\na@example.org|A\n")
    done = shell.run("init", "odd.csv", "--to", "campaignlark", "--header-line", "2", "--delimiter", "|")
    assert done.returncode == 0, done.stderr
    assert 'delimiter: "|", header_line: 2' in (shell.folder / "odd.yml").read_text()
    assert shell.run("check", "odd.yml").returncode == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "PNG"),
        (b"Name,City\nAnn,Oslo\n", "has no column with e-mail addresses"),
        (
            b"ann@example.org,Ann\nbob@example.org,Bob\n",
            "There is no header: an e-mail address stands on line 1",
        ),
        (None, "There is no file"),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_clear_error_and_no_mapping(
    shell: Shell, content: bytes | None, expected: str
) -> None:
    if content is not None:
        shell.write("bad.csv", content)
    done = shell.run("init", "bad.csv", "--to", "campaignlark")
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (shell.folder / "bad.yml").exists()


def test_a_place_that_cannot_be_written_to_is_a_clear_error_and_leaves_nothing(shell: Shell) -> None:
    (shell.folder / "folder").mkdir()
    for place, expected in (
        ("nowhere/x.yml", "cannot be written"),
        ("people.csv/x.yml", "cannot be written"),
        ("folder", "is a folder"),
    ):
        done = shell.run("init", "people.csv", "--to", "campaignlark", "-o", place)
        assert done.returncode == 2, (place, done.stderr)
        assert expected in done.stderr
    before = set(shell.folder.iterdir())
    full = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; {shlex.quote(str(MUSTER))} init people.csv --to campaignlark"], cwd=shell.folder,
        env={**shell.environment, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert full.returncode == 2, full.stderr
    assert "people.yml cannot be written" in full.stderr
    assert set(shell.folder.iterdir()) == before


def test_an_unknown_destination_gets_the_known_ones(shell: Shell) -> None:
    done = shell.run("init", "people.csv", "--to", "campainlark")
    assert done.returncode == 2
    assert "Did you mean campaignlark?" in done.stderr


def test_nothing_in_a_column_s_name_speaks_to_the_terminal_or_ends_a_comment(shell: Shell) -> None:
    shell.write(
        "people.csv", 'Email,"x\x1b]0;owned\x07","Plan\u2028name: y","Phone\x85b: c"\na@example.org,1,2,3\n'
    )
    done = shell.run("init", "people.csv", "--to", "campaignlark")
    assert done.returncode == 0, done.stderr
    text = (shell.folder / "people.yml").read_text("utf-8")
    assert "\x1b" not in done.stdout + done.stderr + text
    assert shell.run("check", "people.yml", "people.csv").returncode == 0


def test_what_a_sync_by_the_new_mapping_would_do_is_said_and_nothing_is_sent(
    shell: Shell, sandbox: Running
) -> None:
    shell.write("people.csv", GERMAN)
    done = shell.run("init", "people.csv", "--to", "campaignlark")
    assert done.returncode == 0, done.stderr
    assert "It passes muster check: 3 examples" in done.stdout
    assert "What a sync by it would do" in done.stdout
    assert "created" in done.stdout.partition("What a sync by it would do")[2]
    assert not sandbox.contacts()


def test_a_field_that_is_not_there_is_told_offline_by_the_list_that_was_committed(
    shell: Shell, tmp_path: Path
) -> None:
    shell.write("people.csv", GERMAN)
    assert shell.run("init", "people.csv", "--to", "campaignlark", "--no-plan").returncode == 0
    kept = shell.run("check", "people.yml", "--keep-fields")
    assert "campaignlark-main.fields.json holds the account's fields and tags" in kept.stdout
    mapping = shell.folder / "people.yml"
    mapping.write_text(mapping.read_text("utf-8").replace("  first_name:", "  frist_name:", 1), "utf-8")
    ended = shell.run(
        "check",
        "people.yml",
        "--offline",
        env={"CAMPAIGNLARK_API_KEY": "", "MUSTER_HOME": str(tmp_path / "none")},
    )
    assert ended.returncode == 2
    assert "Did you mean first_name?" in ended.stdout + ended.stderr


def test_what_a_changed_export_needs_is_a_diff_that_patch_takes(shell: Shell) -> None:
    shell.write("people.csv", GERMAN)
    assert shell.run("init", "people.csv", "--to", "campaignlark", "--no-plan").returncode == 0
    shell.write(
        "people.csv", GERMAN.replace(b";Vorname;", b";First name;").replace(b"Kunden-Nr;", b"Kundennummer;")
    )
    done = shell.run("init", "people.csv", "--update", "people.yml")
    assert done.returncode == 0, done.stderr
    assert "'Vorname' is gone and 'First name' is new: taken for the same column." in done.stderr
    assert "Nothing was written." in done.stderr
    assert shell.run("check", "people.yml", "people.csv").returncode == 2
    subprocess.run(
        ["patch", "people.yml"],
        input=done.stdout,
        text=True,
        cwd=shell.folder,
        check=True,
        capture_output=True,
    )
    assert shell.run("check", "people.yml", "people.csv").returncode == 0
    assert "Nothing to change" in shell.run("init", "people.csv", "--update", "people.yml").stderr


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("our maps/my map.yml", lambda text: text),
        ("../elsewhere.yml", lambda text: text),
        ("windows.yml", lambda text: text.replace("\n", "\r\n")),
        ("marked.yml", lambda text: "\ufeff" + text.replace("name:", "# fa\u00e7on\u00a0: ours\t!\nname:", 1)),
        ("endless.yml", lambda text: text.split("\nexamples:")[0]),
    ],
)  # fmt: skip
def test_the_diff_is_taken_by_patch_wherever_and_however_the_mapping_is_written(
    shell: Shell, name: str, change: Callable[[str], str]
) -> None:
    shell.write("people.csv", GERMAN)
    target = shell.folder / name
    target.parent.mkdir(exist_ok=True)
    assert shell.run("init", "people.csv", "--to", "campaignlark", "--no-plan", "-o", name).returncode == 0
    target.write_bytes(change(target.read_text("utf-8")).encode())
    shell.write(
        "people.csv", GERMAN.replace(b";Vorname;", b";First name;").replace(b";Land;", b";Land;Schuhe;")
    )
    done = shell.run("init", "people.csv", "--update", name)
    assert done.returncode == 0, done.stderr
    *_, told = done.stderr.split("to apply it: ")
    words = shlex.split(told.split(" | ")[1])
    assert words == ["patch", name]
    diff = json.loads(shell.run("init", "people.csv", "--update", name, "--json").stdout)["diff"]
    assert done.stdout == diff.replace("\r\n", "\n")  # as the pipe of this test reads it
    lines = target.read_bytes().count(b"\n")
    subprocess.run(words, input=diff.encode(), cwd=shell.folder, check=True, capture_output=True)
    assert target.read_bytes().count(b"\n") >= lines
    assert shell.run("check", name, "people.csv").returncode == 0


def test_a_workbook_whose_addresses_are_on_another_sheet_is_told_its_sheets(shell: Shell) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].title = "Info"
    for row in (["Read me"], ["This file is confidential"]):
        book.worksheets[0].append(row)
    people = book.create_sheet("People")
    for row in (["Email", "First name"], ["ann@example.com", "Ann"]):
        people.append(row)
    book.save(shell.folder / "people.xlsx")
    done = shell.run("init", "people.xlsx", "--to", "campaignlark")
    assert done.returncode == 2
    assert "Only the sheet 'Info' is read; there are also: 'People'." in done.stderr
    assert (
        shell.run("init", "people.xlsx", "--to", "campaignlark", "--sheet", "People", "--no-plan").returncode
        == 0
    )


def test_nowhere_is_an_opt_in_offered_for_an_opt_out_that_is_gone(shell: Shell) -> None:
    shell.write("people.csv", b"Email,Email Opt Out\nann@example.com,no\nbob@example.com,yes\n")
    assert shell.run("init", "people.csv", "--to", "campaignlark", "--no-plan").returncode == 0
    shell.write("people.csv", b"Email,Email Opt In\nann@example.com,yes\nbob@example.com,no\n")
    done = shell.run("init", "people.csv", "--update", "people.yml")
    assert done.stdout == ""
    assert "'Email Opt Out' is gone, and said who opted out: export it again" in done.stderr
    assert "'Email Opt In' is new and may say who wants mail" in done.stderr
    checked = shell.run("check", "people.yml")
    assert checked.returncode == 2
    assert "the file has no column 'Email Opt Out'" in checked.stderr
    assert "Did you mean" not in checked.stderr
