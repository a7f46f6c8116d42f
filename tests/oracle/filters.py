"""The kinds of filters: how a value is read, and which records it keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from tests.oracle import values
from tests.oracle.values import Refused
from tests.oracle.world import Ask, Row, moment

Get: TypeAlias = Callable[[Ask, Row], Any]
Keep: TypeAlias = Callable[[Row], bool]

_LINKED = (
    "marketplace-plans|marketplace-service-providers|marketplace-provider-offerings|customers|"
    "projects|users|organization-groups|project-types|keys|payment-profiles|"
    "marketplace-course-accounts|marketplace-project-service-accounts"
)
_ROUTES = [
    re.compile(f"/api/({_LINKED})/([^/]+)/"),
    re.compile("/api/(marketplace-plans|marketplace-service-providers)/()"),
]


class Late(Exception):
    """What is refused only after every value was read."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body


@dataclass(frozen=True)
class Filter:
    """
    One parameter: what a value keeps, and where telling values come from.

    `make` gets every value sent and returns None when they have no effect.
    `samples` names values that records of the list, or others, really have.
    """

    kind: str
    make: Callable[[list[str], Ask], Keep | None]
    samples: Get


def every(found: Any) -> list[Any]:
    """Return one value or several as a list, without nulls."""
    several = found if isinstance(found, list) else [found]
    return [each for each in several if each is not None]


def by(
    kind: str, read: Callable[[list[str]], Any], test: Callable[[Ask, Row, Any], bool], samples: Get
) -> Filter:
    """Return a filter that reads a value and asks each record about it."""

    def make(sent: list[str], ask: Ask) -> Keep | None:
        value = read(sent)
        return None if value is None else lambda row: test(ask, row, value)

    return Filter(kind, make, samples)


def of(name: str) -> Get:
    """Return what reads a column."""
    return lambda ask, row: row[name]


def has_text(found: Iterable[Any], wanted: str) -> bool:
    return any(wanted.casefold() in str(each).casefold() for each in found if each is not None)


def contains(*gets: Get) -> Filter:
    def test(ask: Ask, row: Row, wanted: str) -> bool:
        return any(has_text(every(get(ask, row)), wanted) for get in gets)

    return by("text", values.text, test, lambda ask, row: _all(gets, ask, row))


def exact(get: Get) -> Filter:
    def test(ask: Ask, row: Row, wanted: str) -> bool:
        return wanted in every(get(ask, row))

    return by("text", values.text, test, get)


def uuid(get: Get, read: Callable[[list[str]], Any] = values.uuid) -> Filter:
    def test(ask: Ask, row: Row, wanted: str) -> bool:
        return wanted in every(get(ask, row))

    return by("uuid", read, test, get)


def uuids(get: Get) -> Filter:
    return by("uuids", values.uuids, lambda ask, row, wanted: get(ask, row) in wanted, get)


def loose_uuid(get: Get) -> Filter:
    """A uuid that is never refused: what is malformed matches nothing."""

    def test(ask: Ask, row: Row, wanted: str) -> bool:
        key = values.hex_of(wanted)
        return key is not None and key in every(get(ask, row))

    return by("uuid", values.text, test, get)


def since(get: Get) -> Filter:
    def test(ask: Ask, row: Row, wanted: Any) -> bool:
        held = get(ask, row)
        return held is not None and moment(held) >= wanted

    return by("instant", values.instant, test, get)


def at(get: Get) -> Filter:
    def test(ask: Ask, row: Row, wanted: Any) -> bool:
        held = get(ask, row)
        return held is not None and moment(held) == wanted

    return by("instant", values.instant, test, get)


def day(get: Get, *, is_after: bool) -> Filter:
    def test(ask: Ask, row: Row, wanted: Any) -> bool:
        held = get(ask, row)
        if held is None:
            return False
        held = date.fromisoformat(held)
        return bool(held >= wanted if is_after else held <= wanted)

    return by("day", values.day, test, get)


def flag(get: Get) -> Filter:
    def test(ask: Ask, row: Row, wanted: bool) -> bool:
        return bool(get(ask, row)) is wanted

    return by("boolean", values.boolean, test, lambda ask, row: None)


def only_true(get: Get) -> Filter:
    """A switch of which only the one position has an effect."""

    def test(ask: Ask, row: Row, wanted: bool) -> bool:
        return not wanted or bool(get(ask, row))

    return by("boolean", values.boolean, test, lambda ask, row: None)


def choice(get: Get, *allowed: str) -> Filter:
    def make(sent: list[str], ask: Ask) -> Keep | None:
        wanted = [value for value in sent if value != ""]
        for value in wanted:
            if value not in allowed:
                raise Refused(values.invalid_choice(value))
        return (lambda row: get(ask, row) in wanted) if wanted else None

    return Filter("choice", make, lambda ask, row: list(allowed))


def any_of(get: Get, samples: Get | None = None) -> Filter:
    """A repeated text that nobody checks."""

    def test(ask: Ask, row: Row, wanted: list[str]) -> bool:
        return any(each in wanted for each in every(get(ask, row)))

    return by("texts", values.several, test, samples or get)


def listed(get: Get) -> Filter:
    """A comma list of texts."""

    def test(ask: Ask, row: Row, wanted: list[str]) -> bool:
        return get(ask, row) in wanted

    return by("comma", values.texts, test, get)


def link(collection: str, get: Get) -> Filter:
    """The hyperlink of a record: only its path counts."""

    def make(sent: list[str], ask: Ask) -> Keep | None:
        url = values.text(sent)
        if url is None:
            return None
        wanted = _linked(url, collection)
        return lambda row: wanted is not None and get(ask, row) == wanted

    return Filter(f"link {collection}", make, get)


def _linked(url: str, collection: str) -> str | None:
    if not url.startswith(("/", "http://", "https://")):
        return None
    path = urlsplit(url).path
    for route in _ROUTES:
        if found := route.fullmatch(path):
            return values.hex_of(found[2]) if found[1] == collection else None
    raise Late(404, {"detail": "Not found."})


def attributes(get: Get) -> Filter:
    """An object of attributes; a list means any of its members."""

    def make(sent: list[str], ask: Ask) -> Keep | None:
        given = values.text(sent)
        if given is None:
            return None
        try:
            wanted = json.loads(given)
        except ValueError:
            raise Late(400, ["Filter attribute is not valid json."]) from None
        if not isinstance(wanted, dict):
            raise Late(400, ["Filter attribute should be an dict."])
        return lambda row: all(
            name in get(ask, row) and _matches(get(ask, row)[name], value)
            for name, value in wanted.items()
        )

    return Filter("attributes", make, get)


def _matches(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        has = held if isinstance(held, list | dict) else [held]
        return any(each in has for each in wanted if isinstance(each, str))
    return isinstance(held, bool) == isinstance(wanted, bool) and bool(held == wanted)


def _all(gets: Iterable[Get], ask: Ask, row: Row) -> list[Any]:
    found = []
    for get in gets:
        found.extend(every(get(ask, row)))
    return found
