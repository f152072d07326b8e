"""A suppression file is read to its last line or not at all, and holds whom it lists, however they are written; nobody else."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from flows.suppression_file import listed_of
from flows.suppressions import Suppressions

SHA256 = hashlib.sha256(b"ann@example.com").hexdigest()
SHA1 = hashlib.sha1(b"ann@example.com", usedforsecurity=False).hexdigest()
MD5 = hashlib.md5(b"ann@example.com", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  ANN@Example.com  # asked in May", "ann@example.com"),
        ("ann@example.com", "ANN@EXAMPLE.COM"),
        ("ann@example.com.", "ann@example.com"),
        ("ann@example.com", "ann@example.com."),
        ("\u200bann@example.com\u00a0", "ann@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@Bücher.example"),
        ("jörg@example.com", "JÖRG@example.com"),
        ("@example.com", "ann@example.com"),
        ("example.com", "ann@example.com"),
        ("*@example.com", "ann@example.com"),
        ("*.example.com", "ann@example.com"),
        ("@Example.COM # the whole company", "Ann@example.com"),
        ("@example.com", "ann@mail.eu.example.com"),
        ("bücher.example", "ann@shop.xn--bcher-kva.example"),
        (SHA256, "Ann@Example.com "),
        (SHA1.upper(), "ann@example.com"),
        (f"{MD5}  # from the service", "ann@example.com"),
        (hashlib.sha256("ann@bücher.example".encode()).hexdigest(), "ann@xn--bcher-kva.example"),
        (hashlib.sha256(b"ann@xn--bcher-kva.example").hexdigest(), "ann@bücher.example"),
        ('"ann@example.com","asked, in May"', "ann@example.com"),
        ("ann@example.com;Ann;asked", "ann@example.com"),
        ("ann@example.com\t2026-01-31", "ann@example.com"),
    ],
)
def test_an_address_its_domain_or_its_hash_is_on_the_list_however_it_is_written(
    line: str, address: str
) -> None:
    assert Suppressions.of(["# people", "", line]).holds(address)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("ann@example.com", "joann@example.com"),
        ("ann@example.com", "ann+news@example.com"),
        ("ann+news@example.com", "ann@example.com"),
        ("ann@example.com", "ann@mail.example.com"),
        ("*ann@example.com", "ann@example.com"),
        ("@example.com", "ann@notexample.com"),
        ("mail.example.com", "ann@example.com"),
        ("# ann@example.com", "ann@example.com"),
        ("", "ann@example.com"),
        ("   ", "@"),
        ("example.com", "example.com"),
        (SHA256, "bob@example.com"),
        (SHA256, SHA256),
        ("ss@example.com", "ß@example.com"),
    ],
)
def test_nobody_else_is_on_it(line: str, address: str) -> None:
    assert not Suppressions.of([line]).holds(address)


@pytest.mark.parametrize(
    "text",
    [
        "Email\nann@example.com\n",
        "# of the service\n\nE-Mail-Adresse;Grund\nann@example.com;spam\n",
        'email,reason\n# a remark\n\nann@example.com,"two\nlines, and a ""quote"""\nbob@example.com,\n',
        f"sha256_hash\n{SHA256}\n",
        "Recipient\tWhen\r\nann@example.com\t2026\r\n",
    ],
)
def test_a_csv_with_a_header_is_read_by_its_first_column(text: str) -> None:
    found = Suppressions.of(text.replace("\r\n", "\n").split("\n"))
    assert found.holds("ann@example.com")
    assert found.counts["addresses"] + found.counts["hashes"] == text.count("@") + text.count(SHA256)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("ann@example.com\nann at example.com\n", "line 2"),
        ("ann\n", "line 1"),
        ("id,email\n7,ann@example.com\n", "lines 1, 2"),
        ("Email\nann@example.com\n\nann\n@\n", "lines 4, 5"),
        ("contact@\n", "line 1"),
        ("mail@example\n", "line 1"),
        ("com\n", "line 1"),
        ("@com\n", "line 1"),
        ("ann@example.com bob@example.com\n", "line 1"),
        (SHA256[:-1] + "\n", "line 1"),
        (SHA256[:-1] + "g\n", "line 1"),
        ("email,name\nann@example.com,Ann\n,Bob\n", "line 3"),
        ('email,name\nann@example.com,"Ann\nbob@example.com,Bob\n', "line 2"),
        ("".join(f"{n}\n" for n in range(9)), "lines 1, 2, 3, 4, 5 and 4 more"),
    ],
)
def test_a_line_that_is_not_understood_stops_it_all_and_is_named(text: str, lines: str) -> None:
    with pytest.raises(SourceError, match=r"gone\.txt:\d+: this is no address") as raised:
        listed_of(text, "gone.txt")
    assert f"({lines})" in raised.value.what
    assert "ann" not in raised.value.what, "nobody's address is told"


def test_the_file_is_read_from_the_home_and_may_be_missing_others_may_not(tmp_path: Path) -> None:
    assert not Suppressions.read(tmp_path).holds("ann@example.com")
    assert Suppressions.read(tmp_path).said == ""
    (tmp_path / "suppress.txt").write_bytes(b"\xef\xbb\xbfann@example.com\r\n@blocked.example\r\n")
    other = tmp_path / "others.csv"
    with pytest.raises(SourceError, match=r"no suppression file .*others\.csv"):
        Suppressions.read(tmp_path, [other])
    other.write_text(f"hash\n{SHA1}\n")
    found = Suppressions.read(tmp_path, [other])
    assert found.holds("ann@example.com")
    assert found.holds("x@blocked.example")
    assert found.said == "1 address, 1 domain, 1 hash in 2 files"


def test_a_file_that_is_no_text_stops_the_run_and_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "suppress.txt").write_bytes(b"\xff\xfea\x00n\x00n\x00")
    with pytest.raises(SourceError, match=r"suppress\.txt cannot be read"):
        Suppressions.read(tmp_path)


def test_what_is_added_to_a_file_counts_within_a_second_and_nobody_gets_off_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    own, other = tmp_path / "suppress.txt", tmp_path / "others.txt"
    other.write_text("bob@example.com\n")
    found = Suppressions.read(tmp_path, [other])
    found.refresh()
    own.write_text("ann@example.com\n")
    other.write_text(f"{MD5}\ncleo@example.com\n")
    found.refresh()
    assert not found.holds("ann@example.com"), "it was looked at in this second already"
    moment += 1.0
    found.refresh()
    assert all(found.holds(f"{name}@example.com") for name in ("ann", "bob", "cleo"))
    own.unlink()
    moment += 1.0
    found.refresh()
    assert found.holds("ann@example.com")
    other.write_text("half a li")
    moment += 1.0
    for _ in range(2):
        with pytest.raises(SourceError, match=r"others\.txt:1"):
            found.refresh()
    other.write_text("dora@example.com\n")
    found.refresh()
    assert found.holds("dora@example.com")


def test_a_file_that_is_not_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "suppress.txt"
    path.write_text("ann@example.com\n")
    found = Suppressions.read(tmp_path)
    stat = path.stat()
    path.write_text("bob@example.com\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found.refresh()
    assert not found.holds("bob@example.com"), "size and time are the same: it costs a look at these alone"


def test_a_hundred_thousand_lines_are_read_and_asked_in_no_time(tmp_path: Path) -> None:
    lines = [f"person{n}@example{n % 977}.com" for n in range(60_000)]
    lines += [hashlib.sha256(f"other{n}@example.com".encode()).hexdigest() for n in range(60_000)]
    (tmp_path / "suppress.txt").write_text("\n".join(lines))
    began = time.thread_time()
    found = Suppressions.read(tmp_path)
    read = time.thread_time() - began
    began = time.thread_time()
    held = sum(found.holds(f"other{n}@example.com") for n in range(0, 60_000, 6))
    asked = (time.thread_time() - began) / 10_000
    assert held == 10_000
    assert read < 3.0
    assert asked < 100e-6


# whatever they look like

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789äöüéñçø", min_size=1, max_size=12)
DOMAINS = st.builds(lambda a, b: f"{a}.{b}", LABEL, st.sampled_from(["com", "example", "co.uk"]))
LOCALS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+_-'ä", min_size=1, max_size=12)


def spelled(draw: st.DrawFn, local: str, domain: str, *, hashed: bool) -> str:
    """One of the ways in which people, services and programs write the same address."""
    if draw(st.booleans()):
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
    if hashed and draw(st.booleans()):
        digest = draw(st.sampled_from(["sha256", "sha1", "md5"]))
        text = hashlib.new(digest, f"{local}@{domain}".encode(), usedforsecurity=False).hexdigest()
    else:
        text = f"{local}@{domain}" + draw(st.sampled_from(["", "."]))
    loud = draw(st.integers(0, 2**64))  # a bit for each letter
    cases = [letter.upper() if loud >> (at % 64) & 1 else letter for at, letter in enumerate(text)]
    return draw(st.sampled_from(["", " ", "\t\u00a0"])) + "".join(cases) + draw(st.sampled_from(["", "  "]))


@st.composite
def two_spellings(draw: st.DrawFn) -> tuple[str, str]:
    local, domain = draw(LOCALS), draw(DOMAINS)
    return spelled(draw, local, domain, hashed=True).strip("\t"), spelled(draw, local, domain, hashed=False)


@given(two_spellings())
@settings(max_examples=150, deadline=None)
def test_any_spelling_of_a_listed_address_is_held(spellings: tuple[str, str]) -> None:
    listed, asked = spellings
    assert Suppressions.of([listed]).holds(asked.replace("\u00a0", ""))


@st.composite
def two_people(draw: st.DrawFn) -> tuple[str, str]:
    one, other = (draw(LOCALS), draw(DOMAINS)), (draw(LOCALS), draw(DOMAINS))
    if one == other:
        other = ("x" + other[0], other[1])
    return spelled(draw, *one, hashed=True).strip("\t"), spelled(draw, *other, hashed=False)


@given(two_people())
@settings(max_examples=150, deadline=None)
def test_nobody_is_held_for_another_s_address(people: tuple[str, str]) -> None:
    listed, asked = people
    assert not Suppressions.of([listed]).holds(asked)
