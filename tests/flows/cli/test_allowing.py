"""What has to be allowed by name or typed as a number: at a terminal it is asked for, elsewhere --allow says it."""

from __future__ import annotations

import json
import os
import pty
import select
import time

from connectors.sandbox.serving import Running, running
from tests import warm
from tests.flows.cli.conftest import MAPPING, Shell
from tests.flows.cli.test_commands import writes

OUT = "Email,First name,Country,Out\n"
TYPED = MAPPING.replace(
    'consent: {assumed: "they signed up with this form"}',
    "consent: {opted_out: Out, newcomers: UNCONFIRMED}\nguards: {opt_outs: typed}",
)
LOOPS = """\
name: to-loops
source: {kind: csv_file}
destination: {kind: loops}
key: email
fields: {email: Email, firstName: First name}
ignore: [rest]
consent: {assumed: "they signed up with this form"}
"""


def at_a_terminal(shell: Shell, words: list[str], answers: dict[str, str]) -> tuple[int, str]:
    """Runs muster at a terminal of its own and types an answer when its question comes; the exit code and what was shown."""
    ours, theirs = pty.openpty()
    environment = {**shell.environment, "TERM": "dumb"}
    with warm.start(words, cwd=shell.folder, env=environment, stdio=(theirs, theirs, theirs)) as child:
        os.close(theirs)
        shown = typing(ours, answers)
        code = child.wait(20)
    os.close(ours)
    return code, " ".join(shown.split())


def typing(ours: int, answers: dict[str, str]) -> str:
    """Types the answers as the questions come, until the other side is closed; what was shown."""
    shown, ends, left = "", time.monotonic() + 100, dict(answers)
    while time.monotonic() < ends:
        ready, _, _ = select.select([ours], [], [], 0.2)
        if ready:
            try:
                shown += os.read(ours, 65536).decode(errors="replace")
            except OSError:  # it has ended
                break
        for question in [one for one in left if one in shown]:
            os.write(ours, f"{left.pop(question)}\n".encode())
    return shown


def test_a_terminal_asks_for_the_number_and_for_the_name(shell: Shell, sandbox: Running) -> None:
    shell.write("signups.yml", TYPED)
    sandbox.seed([{"email_address": "ann@example.com", "fields": {"first_name": "Ann"}}])
    shell.write("people.csv", OUT + "ann@example.com,Ann,Germany,yes\nbob@example.com,Bob,Germany,\n")
    number, name = "Type their number to go on (opt_outs)", "Type confirmation_mails to allow it"
    code, shown = at_a_terminal(shell, ["sync", "signups.yml", "people.csv"], {number: "2"})
    assert code == 3, shown
    assert "1 are counted, and the number 2 was named" in shown
    code, shown = at_a_terminal(shell, ["sync", "signups.yml", "people.csv"], {number: "1", name: "yes"})
    assert (code, writes(sandbox)) == (2, 0), shown
    code, shown = at_a_terminal(
        shell, ["sync", "signups.yml", "people.csv"], {number: "1", name: "confirmation_mails"}
    )
    assert code == 0, shown
    assert "allowed: opt_outs 1 (by whoever started the run), confirmation_mails 2" in shown
    assert {one["email_address"]: one["status"] for one in sandbox.contacts()} == {
        "ann@example.com": "UNSUBSCRIBED", "bob@example.com": "UNCONFIRMED",
    }  # fmt: skip


def test_elsewhere_the_number_stands_behind_the_name(shell: Shell, sandbox: Running) -> None:
    shell.write("signups.yml", TYPED.replace(", newcomers: UNCONFIRMED", ""))
    people = [{"email_address": f"p{number}@example.com"} for number in range(3)]
    sandbox.seed(people)
    shell.write("people.csv", OUT + "".join(f"p{number}@example.com,P,Germany,yes\n" for number in range(3)))
    stopped = shell.run("plan", "signups.yml", "people.csv", "--yes", "--allow", "opt_outs")
    assert stopped.returncode == 3
    assert "--allow opt_outs=3" in stopped.stdout
    wrong = shell.run("sync", "signups.yml", "people.csv", "--allow", "opt_outs=2")
    assert wrong.returncode == 3
    assert "3 are counted, and the number 2 was named" in wrong.stdout
    assert writes(sandbox) == 0
    done = json.loads(
        shell.run("sync", "signups.yml", "people.csv", "--allow", "opt_outs=3", "--json").stdout
    )
    assert done["exit_code"] == 0
    assert done["overrides"] == ["opt_outs"]
    assert done["override_details"] == [
        {"name": "opt_outs", "what": "guard", "count": 3, "by": "person", "who": "", "why": ""}
    ]
    unknown = shell.run("sync", "signups.yml", "people.csv", "--allow", "opt_out=3")
    assert unknown.returncode == 2
    assert "Did you mean opt_outs?" in unknown.stderr


def test_contacts_that_start_workflows_are_created_only_where_that_is_allowed_by_name(shell: Shell) -> None:
    shell.write("loops.yml", LOOPS)
    shell.write("people.csv", "Email,First name\nann@example.com,Ann\n")
    with running("loops", rate=0) as server:
        shell.environment |= {"LOOPS_BASE_URL": server.url, "LOOPS_API_KEY": "sandbox-key"}
        planned = shell.run("plan", "loops.yml", "people.csv")
        assert planned.returncode == 2
        assert "elsewhere: --allow contact_added" in planned.stdout
        refused = shell.run("sync", "loops.yml", "people.csv", "--yes")
        assert refused.returncode == 2
        assert "automations: {allow: [contact_added]} in the mapping" in refused.stderr
        assert server.contacts() == []
        done = shell.run("sync", "loops.yml", "people.csv", "--allow", "contact_added", "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["automation_reasons"]["Contact added"] == {"created": 1}
        shell.write("loops.yml", LOOPS + "automations: {allow: contact_added}\n")
        shell.write("people.csv", "Email,First name\nann@example.com,Ann\nbob@example.com,Bob\n")
        allowed = shell.run("sync", "loops.yml", "people.csv")
        assert allowed.returncode == 0
        assert "allowed: contact_added 1 (by the mapping)" in allowed.stdout
        assert "edited since the run" in allowed.stderr


def test_check_says_what_a_mapping_allows_and_which_limits_are_its_own(shell: Shell) -> None:
    own = "guards: {opt_outs: {share: 5%}}\nautomations: {allow: confirmation_mails}\n"
    shell.write("signups.yml", MAPPING + own)
    done = shell.run("check", "signups.yml", "people.csv")
    assert done.returncode == 0, done.stderr
    assert "guard opt_outs: trips above 5%, from 20 on; by default above 2%, from 20 on" in done.stdout
    assert "allowed in every run: confirmation_mails" in done.stdout
    plan = shell.run("plan", "signups.yml", "people.csv")
    assert "above 5%, from 20 on, as the mapping says" in plan.stdout
