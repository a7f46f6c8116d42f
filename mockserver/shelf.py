"""Keep values in files that nobody else may write, for as long as what they follow from stays."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

#: What the environment says about the folder: `off`, or where it is.
VARIABLE: Final = "MOCKSERVER_CACHE"
#: Bounds of the folder, in files and bytes, and of one file.
MOST_FILES: Final = 32
MOST_BYTES: Final = 128 * 2**20
MOST_BYTES_OF_ONE: Final = 64 * 2**20
#: Files that changed so shortly before they were read may have changed while they were, in ns.
_FRESH: Final = 50_000_000
#: After so many seconds nobody finishes writing a file.
_ABANDONED: Final = 3600
_CAREFULLY: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
#: What reading a file raises that is not as we wrote it.
DOUBTS: Final = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def _silent(text: str, **values: Any) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found on a shelf; no other content has its `seal`."""

    value: Any
    seal: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """
    A folder of what was read before, each with the digests of the files that it follows from.

    Its files are JSON, so that reading one can do no more than misread; only
    those that nobody else may write are read at all. Whatever is wrong with the
    folder or a file in it is told to `tell`, and then it is as if it were not there.
    """

    folder: Path
    tell: Callable[..., None] = _silent

    def get(self, name: str, checks: Mapping[str, Any]) -> Kept | None:
        """Return what has that name, if all that it follows from is as it was."""
        try:
            _check_owner(self.folder.stat(), 0o022)
            seal, _, body = _own(self._path(name)).partition(b"\n")
            if seal.decode() != digest(body):
                raise ValueError("the file is damaged")
            kept = json.loads(body)
            if kept["name"] != name or kept["checks"] != checks or not _are(kept["files"]):
                return None
            return Kept(kept["value"], seal.decode())
        except FileNotFoundError:
            return None
        except DOUBTS as error:
            self.doubt(name, error)
            return None

    def put(
        self,
        name: str,
        make: Callable[[], Any],
        checks: Mapping[str, Any],
        files: Iterable[Path],
        started: int,
    ) -> str:
        """
        Keep the JSON that is made, which follows from files read after `started`, in ns.

        Returns its seal, which is empty when it is not kept.
        """
        try:
            digests = {str(file): _fixed(file, started - _FRESH) for file in files}
            kept = {"name": name, "checks": checks, "files": digests, "value": make()}
            body = json.dumps(kept, separators=(",", ":")).encode()
            seal = digest(body)
            self._write(self._path(name), b"%s\n%s" % (seal.encode(), body))
        except DOUBTS as error:
            self.doubt(name, error)
            return ""
        return seal

    def doubt(self, name: str, error: Exception) -> None:
        """Tell why what has that name is not used or not kept."""
        self.tell("start not kept", file=str(self._path(name)), problem=str(error) or repr(error))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _write(self, path: Path, content: bytes) -> None:
        if len(content) > MOST_BYTES_OF_ONE:
            raise ValueError("it is too large to be kept")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(self.folder.stat(), 0o022)
        handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(part).replace(path)
        except OSError:
            with suppress(OSError):
                Path(part).unlink()
            raise
        self._tidy()

    def _tidy(self) -> None:
        """Remove the oldest files beyond the bounds, and those that nobody finished."""
        found = []
        for entry in os.scandir(self.folder):
            about = entry.stat(follow_symlinks=False)
            if entry.name.endswith(".json"):
                found.append((about.st_mtime_ns, about.st_size, entry.path))
            elif entry.name.endswith(".part") and about.st_mtime < time.time() - _ABANDONED:
                Path(entry.path).unlink(missing_ok=True)
        total = 0
        for number, (_, size, path) in enumerate(sorted(found, reverse=True), start=1):
            total += size
            if number > MOST_FILES or total > MOST_BYTES:
                Path(path).unlink(missing_ok=True)


def usual(tell: Callable[..., None] = _silent) -> Shelf | None:
    """Return the shelf in the cache folder of this user, or where the environment says; or none."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Shelf(Path(chosen).absolute(), tell)
    import platformdirs

    folder = platformdirs.user_cache_path("mockserver", appauthor=False) / "starts"
    # Somebody without a home has no cache either.
    return Shelf(folder, tell) if folder.is_absolute() else None


def digest(content: bytes) -> str:
    """Return what no other content has."""
    return blake2b(content, digest_size=32).hexdigest()


def _are(files: Mapping[str, str]) -> bool:
    """Tell whether files still have these digests, and stand where they stood."""
    folders = {os.path.dirname(path) for path in files}  # noqa: PTH120  hundreds, at every start
    is_same = all(os.path.realpath(folder) == folder for folder in folders)
    return is_same and all(digest(_read(path)[0]) == known for path, known in files.items())


def _fixed(path: Path, until: int) -> str:
    """Return the digest of a file that no link leads to and that has not changed since `until`."""
    if os.path.realpath(path) != str(path):
        raise ValueError(f"links lead to {path}")
    content, about = _read(str(path))
    if max(about.st_mtime_ns, about.st_ctime_ns) > until:
        raise ValueError(f"{path} changed just now")
    return digest(content)


def _own(path: Path) -> bytes:
    """Return the content of a file that nobody else may read or write; OSError for others."""
    content, about = _read(str(path))
    _check_owner(about, 0o077)
    return content


def _read(path: str) -> tuple[bytes, os.stat_result]:
    with open(path, "rb", opener=_carefully) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError(f"{path} is no file")
        if about.st_size > MOST_BYTES_OF_ONE:
            raise ValueError(f"{path} is too large")
        return file.read(MOST_BYTES_OF_ONE), about


def _carefully(path: str, flags: int) -> int:
    """Open a file, but neither through a link nor waiting for the other end of a pipe."""
    return os.open(path, flags | _CAREFULLY)


def _check_owner(about: os.stat_result, forbidden: int) -> None:
    if not hasattr(os, "geteuid"):
        return  # where there are no owners, folders of users are their own
    if about.st_uid != os.geteuid() or about.st_mode & forbidden:
        raise PermissionError("others may change it; remove it, or let it be yours alone")
