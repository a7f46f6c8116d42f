"""Find the exchanges that somebody describes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any, Final
from urllib.parse import unquote

from mockserver.contents import decode, media_of
from mockserver.errors import Invalid, Issue, Issues, Malformed
from mockserver.journal import Entry
from mockserver.json_types import JSON, Key

_CLASS: Final = re.compile(r"[1-5]xx", re.IGNORECASE)
_LONGEST: Final = 1000
#: Deeper than this nobody looks.
_DEPTH: Final = 64
_ABSENT: Final = object()


class _Wrong(Exception):
    """What is said cannot be read; the text tells what could."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """
    What an exchange must be like; what is not said does not matter.

    `path` is a pattern in which `*` stands for anything, slashes too; it may match
    the path as it was sent, or decoded. `persona` None is an anonymous caller.
    `statuses` holds numbers and classes as `4xx`. Each parameter of `query` must have
    one of its values, or be there at all for an empty tuple. `headers` have lower
    case names. `body` must be contained in the sent one: the members of an object,
    and the items of a list in any order.
    """

    method: str = ""
    path: re.Pattern[str] | None = None
    operation: str = ""
    persona: Any = _ABSENT
    statuses: frozenset[int | str] = frozenset()
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JSON = _ABSENT
    session: str = ""

    @classmethod
    def read(cls, given: Any) -> Matcher:
        """Return what a mapping describes; raise Invalid with every mistake."""
        if not isinstance(given, Mapping):
            raise Invalid(message="A description of requests must be an object; {} is all of them.")
        issues: dict[str, Issues] = {}
        read: dict[str, Any] = {}
        for name, value in given.items():
            if name not in _READERS:
                known = ", ".join(_READERS)
                issues[str(name)] = _said(f"This is not known. Known are: {known}.")
                continue
            member, reader = _READERS[name]
            try:
                read[member] = reader(value)
            except _Wrong as problem:
                issues[name] = _said(str(problem))
        if issues:
            raise Invalid(issues)
        return cls(**read)

    def find(
        self, entries: Iterable[Entry], personas: Mapping[Key, str] | None = None
    ) -> list[Entry]:
        """Return those that match, in their order; `personas` are the names of callers by key."""
        names = personas or {}
        return [entry for entry in entries if self.matches(entry, names)]

    def count(self, entries: Iterable[Entry], personas: Mapping[Key, str] | None = None) -> int:
        """Return how many match."""
        return len(self.find(entries, personas))

    def matches(self, entry: Entry, personas: Mapping[Key, str]) -> bool:
        """Tell whether an exchange is as described."""
        return (
            (not self.method or entry.method.upper() == self.method)
            and (not self.operation or entry.operation == self.operation)
            and (not self.session or entry.session == self.session)
            and (not self.statuses or not self.statuses.isdisjoint(_statuses(entry.status)))
            and (self.persona is _ABSENT or _persona(entry, personas) == self.persona)
            and self._fits(entry)
        )

    def _fits(self, entry: Entry) -> bool:
        return (
            (self.path is None or _is_path(self.path, entry.path))
            and self._has_headers(entry)
            and self._has_query(entry)
            and self._has_body(entry)
        )

    def _has_query(self, entry: Entry) -> bool:
        if not self.query:
            return True
        try:
            sent = entry.request.parameters()
        except Malformed:
            return False
        return all(
            name in sent and (not wanted or not set(wanted).isdisjoint(sent[name]))
            for name, wanted in self.query.items()
        )

    def _has_headers(self, entry: Entry) -> bool:
        sent = entry.request.headers
        return all(sent.get(name) == value for name, value in self.headers.items())

    def _has_body(self, entry: Entry) -> bool:
        if self.body is _ABSENT:
            return True
        request = entry.request
        sent = decode(media_of(request.headers), request.body)
        return bool(sent.encoding) and contains(sent.value, self.body)


def contains(value: JSON, wanted: JSON, depth: int = 0) -> bool:
    """Tell whether a JSON value has all that another has."""
    if depth > _DEPTH:
        return False
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(
            name in value and contains(value[name], inner, depth + 1)
            for name, inner in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(value, list) and all(
            any(contains(item, inner, depth + 1) for item in value) for inner in wanted
        )
    # 1 == True in Python, but not in JSON.
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _statuses(status: int) -> tuple[int | str, ...]:
    return (status, f"{status // 100}xx")


def _persona(entry: Entry, personas: Mapping[Key, str]) -> str | None:
    # A caller who is no persona is somebody all the same.
    return None if entry.user is None else personas.get(entry.user, "")


def _is_path(pattern: re.Pattern[str], path: str) -> bool:
    return bool(pattern.match(path) or pattern.match(unquote(path, errors="replace")))


def _said(text: str) -> list[Issue]:
    return [Issue("text", {"text": text})]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Wrong("This must be a text that is not empty.")
    if len(value) > _LONGEST:
        raise _Wrong(f"This text is too long: {_LONGEST} characters at most.")
    return value


def _method(value: Any) -> str:
    return _text(value).upper()


def _glob(value: Any) -> re.Pattern[str]:
    return re.compile(translate(_text(value)))


def _persona_name(value: Any) -> str | None:
    return None if value is None else _text(value)


def _status_set(value: Any) -> frozenset[int | str]:
    found = frozenset(map(_status, value if isinstance(value, list) else [value]))
    if not found:
        raise _Wrong("This list is empty; leave it out to take any status.")
    return found


def _status(value: Any) -> int | str:
    if isinstance(value, str) and _CLASS.fullmatch(value):
        return value.lower()
    digits = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[1-5][0-9]{2}", digits):
        raise _Wrong(
            "This must be a status as 404, a class as 4xx, or a list of them from 100 to 599."
        )
    return int(digits)


def _query(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise _Wrong("This must be an object of parameters and their values.")
    return {str(name): _values(wanted) for name, wanted in value.items()}


def _values(wanted: Any) -> tuple[str, ...]:
    if wanted is None:
        return ()
    if isinstance(wanted, list) and wanted:
        return tuple(map(_scalar, wanted))
    return (_scalar(wanted),)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (str, int, float)):
        raise _Wrong("A value must be a text, a number, a list of them, or null for any value.")
    return str(value)


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
        raise _Wrong("This must be an object of headers and their texts.")
    return {str(name).lower(): text for name, text in value.items()}


#: What may be said, the member that keeps it, and how it is read.
_READERS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "method": ("method", _method),
    "path": ("path", _glob),
    "operation": ("operation", _text),
    "persona": ("persona", _persona_name),
    "status": ("statuses", _status_set),
    "query": ("query", _query),
    "headers": ("headers", _headers),
    "body": ("body", lambda value: value),
    "session": ("session", _text),
}
