"""A place: what is done with the files in a folder of this machine, or at an address.

    local folder      path, or file://       renamed at once; what is put there has the rights of the folder
    S3 and the like   s3://bucket/key        an object is there whole or not at all; a move is a copy, then a removal
    SFTP              sftp://user@host/path  renamed at once; the host's key has to be known; rights are the server's
    others            what fsspec knows; what is put there is written in place

Credentials come from settings, never from the address. All calls wait for the network: not for the event loop.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import glob
import hashlib
import os
import posixpath
import re
import secrets
from pathlib import Path
from typing import Any, Self

from connectors.errors import SourceError
from connectors.places.kinds import BUCKETS, RENAMES, Setting, opened, rename_over_sftp
from connectors.places.lying import Lying
from connectors.places.pattern import folder_above
from connectors.places.refusals import explained, rights
from connectors.places.rights import copied, make_like, make_private

__all__ = ["Place"]

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)(/.*|)", re.IGNORECASE)


class Place:
    """A folder, a pattern or an address. Every method raises SourceError, with what to do next."""

    def __init__(self, shown: str, kind: str, host: str, path: str, files: Any) -> None:
        self.shown = shown
        self.kind = kind
        self.path = path
        self._host = host
        self._files = files
        self.root: Path | None = None
        """The folder of this machine whose rights count for what is put there."""

    @classmethod
    def at(cls, place: str, *, beside: Path, setting: Setting, shown: str = "") -> Self:
        """The place that a mapping or a setting names, `shown` instead of its address; a relative folder is seen from `beside`."""
        url = _URL.fullmatch(place)
        if url is not None and ":" in url[2].rpartition("@")[0]:
            raise SourceError(
                f"{shown or 'An address'} ({url[1]}://…) holds a password.",
                f"Leave it out: it comes from settings. {rights(url[1].lower())}",
            )
        if url is None or url[1].lower() == "file":
            path = Path(place if url is None else url[3])
            with contextlib.suppress(RuntimeError):  # a name that begins with ~ and is nobody's home
                path = path.expanduser()
            whole = str(path) if path.is_absolute() else f"{glob.escape(str(beside))}/{path}"
            return cls(shown or place, "file", "", whole, opened("file", "", setting))
        kind, host, path_there = url[1].lower(), url[2], url[3]
        whole = f"{host}{path_there}" if kind != "sftp" else path_there or "/"
        found = cls(shown or place, kind, host.rpartition("@")[2], whole.rstrip("/") or "/", None)
        with found._explained():
            found._files = opened(kind, host, setting)
        return found

    @classmethod
    def folder(cls, place: str, *, beside: Path, setting: Setting) -> Self:
        """The same for a folder, whose name is no pattern."""
        found = cls.at(place, beside=beside, setting=setting)
        if found.kind == "file":
            path = Path(_URL.sub(r"\3", place))
            with contextlib.suppress(RuntimeError):  # as above
                path = path.expanduser()
            found.path = os.path.normpath(beside / path)
            found.root = Path(found.path)
        return found

    @property
    def whole_at_once(self) -> bool:
        """Whether a file that is seen there is never half of one."""
        return self.kind in BUCKETS

    def within(self, *names: str) -> str:
        """A path in this folder."""
        return posixpath.join(self.path, *names)

    def address(self, path: str) -> str:
        """A path of this place as people name it. It holds no user's name.

        >>> Place("sftp://crm@host/out", "sftp", "host", "/out", None).address("/out/a.csv")
        'sftp://host/out/a.csv'
        """
        if self.kind == "file":
            return path
        return f"{self.kind}://{self._host if self.kind == 'sftp' else ''}{path}"

    def files(self, pattern: str, *, hidden: bool = False) -> list[Lying]:
        """The files that match; `hidden`: also those that begin with a dot. Raises SourceError where the folder above is not there."""
        with self._explained():
            found = self._files.glob(pattern, detail=True)
            lying = [
                self._lying(path, info)
                for path, info in found.items()
                if info["type"] == "file" and (hidden or not posixpath.basename(path).startswith("."))
            ]
            folder = pattern.split("/", 1)[0] if self.kind in BUCKETS else folder_above(pattern)
            if not found and not self._files.exists(folder):
                raise SourceError(
                    f"There is no {'bucket' if self.kind in BUCKETS else 'folder'} {folder} for {self.shown}.",
                    "Make it, or correct the mapping.",
                )
        return lying

    def lying_in(self, *names: str, hidden: bool = False) -> list[Lying]:
        """The files in a folder inside this one, or in itself. Raises SourceError where it is not there."""
        return self.files(f"{glob.escape(self.within(*names))}/*", hidden=hidden)

    def fetch(self, lying: Lying, into: Path) -> str:
        """Copies a file, for its owner alone, to `into`, which must not be there; its SHA-256.

        '' where it was changed meanwhile: nothing is left at `into` then.
        """
        os.close(os.open(into, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        whole = False
        try:
            with self._explained():
                self._files.get_file(lying.path, str(into))
                after = self._lying(lying.path, self._files.info(lying.path))
            whole = after == lying and into.stat().st_size == lying.size
            if not whole:
                return ""
            with into.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        finally:
            if not whole:
                into.unlink(missing_ok=True)

    def move(self, lying: Lying, path: str) -> None:
        """The file lies at `path` afterwards, and no more where it lay."""
        with self._explained():
            self._make(posixpath.dirname(path))
            self._rename(lying.path, path)

    def is_as_seen(self, lying: Lying) -> bool:
        """Whether the file lies there still, and nobody has changed it since."""
        with self._explained():
            try:
                return self._lying(lying.path, self._files.info(lying.path)) == lying
            except FileNotFoundError:
                return False

    def move_unchanged(self, lying: Lying, path: str) -> bool:
        """Moves a file that is still as it was seen; otherwise it stays, and so does one that is written while it is moved."""
        if not self.is_as_seen(lying):
            return False
        self.move(lying, path)
        if (
            self.kind not in RENAMES
        ):  # an object that was written meanwhile is another one: its copy was made before
            return True
        with self._explained():
            moved = self._lying(path, self._files.info(path))
            if (moved.size, moved.modified) == (lying.size, lying.modified):
                return True
            if not self._files.exists(lying.path):
                self._rename(path, lying.path)
        return False

    def put(self, file: Path, path: str, *, private: bool = False) -> None:
        """Copies a file of this machine into this folder: at `path` it is there whole, or what was there stays.

        `private`: in a folder of this machine it is its owner's alone, and so are the folders that are made for it.
        """
        private = private and self.kind == "file"
        with self._explained():
            if private:
                make_private(Path(path).parent)
            else:
                self._make(posixpath.dirname(path))
            if self.kind not in RENAMES:
                self._files.put_file(str(file), path)
                return
            other = posixpath.join(
                posixpath.dirname(path), f".{posixpath.basename(path)}.{secrets.token_hex(4)}.part"
            )
            try:
                if private or self.root is not None:
                    copied(file, Path(other), like=None if private else self.root)
                else:
                    self._files.put_file(str(file), other)
                self._rename(other, path)
            except BaseException:
                with contextlib.suppress(Exception):
                    self._files.rm_file(other)
                raise

    def remove(self, path: str) -> None:
        """The file is there no more, nor is its folder where nothing else lies in it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(path)
        if self.kind in RENAMES and posixpath.dirname(path) != self.path:
            with contextlib.suppress(Exception):  # others have put something there
                self._files.rmdir(posixpath.dirname(path))

    def try_writing(self, scratch: Path, *, private: bool = False) -> None:
        """Puts a small file there, made in the folder `scratch` of this machine, and takes it away again."""
        name = f".muster-{secrets.token_hex(4)}"
        (scratch / name).write_bytes(b"written and removed by muster doctor\n")
        self.put(scratch / name, self.within(name), private=private)
        self.remove(self.within(name))

    def get(self, path: str, into: Path) -> bool:
        """Copies the file at `path`, for its owner alone; whether it is there."""
        os.close(os.open(into, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        with self._explained():
            try:
                self._files.get_file(path, str(into))
            except FileNotFoundError:
                into.unlink()
                return False
        return True

    def below(self, folder: str) -> list[str]:
        """The paths of all files below a folder, in order; none where it is not there."""
        with self._explained():
            return sorted(self._files.find(folder)) if self._files.exists(folder) else []

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder; none where it is not there."""
        with self._explained():
            if not self._files.exists(folder):
                return []
            found = self._files.ls(folder, detail=True)
            return sorted(posixpath.basename(one["name"]) for one in found if one["type"] == "directory")

    def clear(self, path: str) -> None:
        """A file, or a folder with all that is in it, lies there no more, if it did."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._files.rm(path, recursive=True)

    def _make(self, folder: str) -> None:
        if self.root is not None:
            make_like(Path(folder), self.root)
        elif self.kind not in BUCKETS:
            self._files.makedirs(folder, exist_ok=True)

    def _rename(self, path: str, to: str) -> None:
        if self.kind == "file":
            Path(path).replace(to)
        elif self.kind == "sftp":
            from fsspec.asyn import sync  # noqa: PLC0415 - only for such a place

            sync(self._files.loop, rename_over_sftp, self._files, path, to)
        else:
            self._files.mv(path, to)

    def _lying(self, path: str, info: dict[str, Any]) -> Lying:
        at = info.get("LastModified") or info.get("mtime") or self._files.modified(path)
        when = at if isinstance(at, dt.datetime) else dt.datetime.fromtimestamp(at, dt.UTC)
        return Lying(path, int(info["size"]), when.astimezone(dt.UTC), str(info.get("ETag") or "").strip('"'))

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return explained(self.shown, self.kind, self._host)
