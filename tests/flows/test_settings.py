"""Where settings are looked for: the same for whoever names a mapping and for whoever does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import Settings, note_settings

if TYPE_CHECKING:
    from conftest import Desk

Env = Callable[[str, Mapping[str, str]], Path]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Env:
    """Writes a folder's `.env`; the working folder is another one, above all of which nothing is."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("MUSTER_HOME", raising=False)

    def write(folder: str, settings: Mapping[str, str]) -> Path:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (tmp_path / folder / ".env").write_text("".join(lines), "utf-8")
        return tmp_path / folder

    return write


def test_the_environment_comes_first_then_the_working_folder_the_mapping_and_the_home(env: Env) -> None:
    names = ["FIRST", "SECOND", "THIRD", "FOURTH"]
    home = env("sync", dict.fromkeys(names, "home")) / ".muster"
    home.mkdir()
    mapping = env("sync/crm", dict.fromkeys(names[:3], "mapping")) / "m.yml"
    env("elsewhere", dict.fromkeys(names[:2], "here"))
    settings = Settings(mapping, environment={"FIRST": "environment"})
    assert [settings.get(name) for name in names] == ["environment", "here", "mapping", "home"]


def test_who_names_no_mapping_knows_what_its_runs_knew_unless_two_of_them_disagree(env: Env) -> None:
    home = env("sync", {"OWN": "home"}) / ".muster"
    home.mkdir()
    for folder, key in (("sync/crm", "a"), ("sync/shop", "b")):
        mapping = (
            env(folder, {"OWN": "mapping", "BOTH": "same", "KEY": key, f"ONLY_{key.upper()}": key}) / "m.yml"
        )
        for _ in range(2):
            note_settings(home, mapping)
    settings = Settings(home=home, environment={})
    assert [settings.get(name) for name in ("OWN", "BOTH", "ONLY_A", "ONLY_B", "KEY")] == [
        "home",
        "same",
        "a",
        "b",
        "",
    ]
    assert len((home / "settings-in").read_text("utf-8").splitlines()) == 2
    assert (home / "settings-in").stat().st_mode & 0o777 == 0o600
    (home.parent / "shop" / ".env").unlink()
    assert Settings(home=home, environment={}).get("KEY") == "a"


async def test_after_a_sync_a_verb_without_a_mapping_has_its_key_from_any_folder(
    desk: Desk, person: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.folder / "crm"
    folder.mkdir()
    for name in ("CAMPAIGNLARK_API_KEY", "CAMPAIGNLARK_BASE_URL"):
        monkeypatch.delenv(name)
    text = f"CAMPAIGNLARK_API_KEY=sandbox-key\nCAMPAIGNLARK_BASE_URL={desk.server.url}\nMUSTER_NOTIFY_OPS=https://ops.example.com\n"
    (folder / ".env").write_text(text, "utf-8")
    desk.mapping("crm/people.yml")
    assert (await desk.sync(desk.file([person(1)]), "crm/people.yml")).outcomes == {"created": 1}
    assert Settings().access("campaignlark", "main", "").key == "sandbox-key"
    assert Settings(home=desk.home).names("MUSTER_NOTIFY_") == {"MUSTER_NOTIFY_OPS"}
