"""Open the log that an address names."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from mockserver.errors import StoreError
from mockserver.log import Log

_WAYS: Final = "sqlite:///PATH or redis://HOST:PORT/DB?name=NAME"
_SYNCHRONOUS: Final = ("full", "normal")


def opened(address: str) -> Log:
    """Return the log that an address names; raise StoreError with a remedy."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  it complains of what is none
    except ValueError as problem:
        raise StoreError("--store", f"{problem}; write {_WAYS}") from None
    if parts.scheme == "sqlite":
        return _sqlite(parts)
    if parts.scheme in ("redis", "rediss"):
        return _redis(parts)
    raise StoreError("--store", f"{address[:80]!r} is no shared store; that is {_WAYS}")


def _sqlite(parts: SplitResult) -> Log:
    from mockserver.sqlite_log import SqliteLog

    if parts.netloc or len(parts.path) < 2:
        remedy = "write sqlite:///data.db, or sqlite:////var/lib/data.db for a path from the root"
        raise StoreError("--store", f"a file needs three slashes before its path: {remedy}")
    asked = _asked(parts, "synchronous")
    synchronous = asked.get("synchronous", "full")
    if synchronous not in _SYNCHRONOUS:
        raise StoreError("--store", f"synchronous is {' or '.join(_SYNCHRONOUS)}")
    path = Path(parts.path[1:])
    if not path.parent.is_dir():
        raise StoreError("--store", f"there is no folder {path.parent}; make it, or name another")
    return SqliteLog(path, synchronous=synchronous)


def _redis(parts: SplitResult) -> Log:
    try:
        from mockserver.redis_log import RedisLog
    except ModuleNotFoundError:
        remedy = "install it with `pip install redis`"
        raise StoreError("--store", f"the package redis is not installed; {remedy}") from None
    name = _asked(parts, "name").get("name", "default")
    database = parts.path.strip("/")
    if not parts.hostname or (database and not database.isdecimal()):
        raise StoreError("--store", "a Redis store is redis://HOST:PORT/DB?name=NAME")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}:{parts.port or 6379}/{database or 0}?name={name}"
    return RedisLog(urlunsplit(parts._replace(query="", fragment="")), shown, name)


def _asked(parts: SplitResult, *known: str) -> dict[str, str]:
    """Return what stands after the question mark; StoreError for what nobody knows."""
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in asked:
        if name not in known:
            text = f"{name!r} says nothing to a {parts.scheme} store; it knows {', '.join(known)}"
            raise StoreError("--store", text)
    return asked
