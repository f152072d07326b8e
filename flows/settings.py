"""Settings: keys and addresses from the environment or a `.env` file, the home folder, mappings by name."""

from __future__ import annotations

import os
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import CredentialsError, MappingError
from mappings.engine.complaints import nearest

__all__ = ["Access", "Settings", "find_mapping", "note_settings", "shipped_mappings"]

_SHIPPED = Path(__file__).resolve().parent.parent / "mappings"
_ALIKE = 0.8
"""So like what was named is a mapping that comes with muster that it may be meant; 1 is the same."""
_FILE = ".env"
_NOTED = "settings-in"
"""In a home: the folders of mappings with an `.env` of their own, a line each."""


@dataclass(frozen=True, slots=True)
class Access:
    """How an account is reached. The key is never shown, not even by mistake."""

    base_url: str
    key: str = field(repr=False)


class Settings:
    """The environment, over `.env` files: the working folder's, the mapping's folder's, and the one beside the home.

    Whoever names no mapping is told what those said whose runs had this home, so that every verb knows what a run knew. Where
    two of them disagree about a name, neither counts.
    """

    def __init__(
        self,
        mapping_path: Path | None = None,
        environment: Map[str, str] | None = None,
        *,
        home: Path | None = None,
    ) -> None:
        """Raises CredentialsError where a file cannot be read."""
        self._given = dict(os.environ if environment is None else environment)
        self._files = _read(Path.cwd())
        if mapping_path is not None:
            self._files = _read(mapping_path.resolve().parent) | self._files
            self._files = _read(self.home(mapping_path).parent) | self._files
            return
        home = self.home_here() if home is None else home.absolute()
        self._files = _agreed(_noted(home)) | _read(home.parent) | self._files

    def get(self, name: str, default: str = "") -> str:
        """A setting; `NAME_FILE` names a file that holds it. Raises CredentialsError when that cannot be read."""
        for where in (self._given, self._files):
            if where.get(name):
                return where[name]
            path = where.get(f"{name}_FILE")
            if path:
                try:
                    return Path(path).read_text("utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    raise CredentialsError(
                        f"{name}_FILE names {path}, which cannot be read: {error}.",
                        "Mend the path or its rights.",
                    ) from None
        return default

    def names(self, prefix: str) -> set[str]:
        """The names of all settings that begin so, whatever they hold."""
        return {
            name
            for where in (self._given, self._files)
            for name, value in where.items()
            if value and name.startswith(prefix)
        }

    def of(self, kind: str, account: str, name: str, default: str = "") -> str:
        """A setting of an account, such as its BASE_URL."""
        return self.get(f"{_prefix(kind, account)}_{name}", default).strip()

    def base_url(self, kind: str, account: str, default_base_url: str) -> str:
        """The address of an account."""
        return self.of(kind, account, "BASE_URL", default_base_url).rstrip("/")

    def access(self, kind: str, account: str, default_base_url: str) -> Access:
        """Address and key of an account. Raises CredentialsError when there is no key."""
        prefix = _prefix(kind, account)
        key = self.of(kind, account, "API_KEY")
        base_url = self.base_url(kind, account, default_base_url)
        if not key:
            raise CredentialsError(
                f"There is no key for {kind}" + (f", account {account}." if account != "main" else "."),
                f"Set {prefix}_API_KEY in the environment or in a .env file (or {prefix}_API_KEY_FILE). "
                "Without an account: muster sandbox starts a place to practise and prints what to set.",
            )
        if not key.isascii() or any(c.isspace() for c in key):
            raise CredentialsError(
                f"{prefix}_API_KEY holds a blank or a character that no key has.", "Copy the key again."
            )
        if not base_url.startswith(("http://", "https://")):
            raise CredentialsError(
                f"{prefix}_BASE_URL is no web address: {base_url}.", "It begins with https://."
            )
        if "@" in urlsplit(base_url).netloc:
            raise CredentialsError(
                f"{prefix}_BASE_URL holds a name or a password, which would end up in reports.",
                f"Leave it out of the address; the key alone is enough, in {prefix}_API_KEY.",
            )
        return Access(base_url, key)

    def ledger_url(self) -> str:
        """Where the ledger is that machines share; '' where it is a file in the home, which `file` says as well."""
        given = self.get("MUSTER_LEDGER_URL").strip()
        return "" if given == "file" else given

    def home(self, mapping_path: Path) -> Path:
        """`MUSTER_HOME`; else the nearest `.muster` at or above the mapping; else beside it (shipped mappings: here)."""
        given = self.get("MUSTER_HOME")
        if given:
            return Path(given).expanduser().absolute()
        folder = mapping_path.resolve().parent
        if folder == _SHIPPED:
            folder = Path.cwd()
        for candidate in (folder, *folder.parents):
            if (candidate / ".muster").is_dir():
                return candidate / ".muster"
        return folder / ".muster"

    def home_here(self) -> Path:
        """The home for commands that name no mapping: as above, from the working folder."""
        given = self.get("MUSTER_HOME")
        if given:
            return Path(given).expanduser().absolute()
        here = Path.cwd()
        return next(
            (p / ".muster" for p in (here, *here.parents) if (p / ".muster").is_dir()), here / ".muster"
        )


def note_settings(home: Path, mapping_path: Path) -> None:
    """Notes in a home that is there where a mapping has its own `.env`: see Settings."""
    folder = mapping_path.resolve().parent
    if not (folder / _FILE).is_file() or folder in (home.parent, *_noted(home)):
        return
    with os.fdopen(
        os.open(home / _NOTED, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(f"{folder}\n")


def _noted(home: Path) -> list[Path]:
    try:
        return [Path(line) for line in (home / _NOTED).read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []


def _agreed(folders: list[Path]) -> dict[str, str]:
    """What the `.env` files of these folders say, but for names of which they say different things."""
    found = [_read(folder) for folder in dict.fromkeys(folders)]
    said = {
        name: {one[name] for one in found if name in one} for name in {name for one in found for name in one}
    }
    return {name: values.pop() for name, values in said.items() if len(values) == 1}


def _read(folder: Path) -> dict[str, str]:
    """What a folder's `.env` says; nothing where there is none. Raises CredentialsError."""
    file = folder / _FILE
    if not file.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is such a file

    try:
        return {name: value for name, value in dotenv_values(file).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(
            f"{file} cannot be read: {error}.", "Save it as UTF-8 text, a line such as NAME=value each."
        ) from None


def _prefix(kind: str, account: str) -> str:
    return kind.upper() if account == "main" else f"{kind.upper()}_{account.upper()}"


def shipped_mappings() -> dict[str, Path]:
    """The mappings that come with muster, by file name without ending and by their `name:`."""
    found = {}
    for path in sorted(_SHIPPED.glob("*.yml")):
        found[path.stem] = path
        found[path.stem.replace("_", "-")] = path
    return found


def find_mapping(given: str) -> Path:
    """A mapping by its path, or one that comes with muster by its name. Raises MappingError."""
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        inside = ", ".join(sorted(p.name for p in path.glob("*.y*ml"))[:8])
        raise MappingError(f"{given} is a folder, not a mapping.", f"It holds: {inside}." if inside else "")
    shipped = shipped_mappings()
    if given in shipped:
        return shipped[given]
    names = ", ".join(sorted(p.stem for p in set(shipped.values())))
    like = nearest(path.stem, sorted(p.stem for p in set(shipped.values())), _ALIKE)
    meant = f"Did you mean {like}? " if like else ""
    raise MappingError(
        f"There is no mapping {given}.", f"{meant}Name a YAML file, or one that comes with muster: {names}."
    )
