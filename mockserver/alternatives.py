"""Try a value on fields of several kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mockserver import lookups
from mockserver.actions import Scope
from mockserver.errors import SpecError
from mockserver.json_types import JSON, Record
from mockserver.operation import Alternative, Resource, Schema
from mockserver.paths import UNREACHED, Path, Paths

Test: TypeAlias = Callable[[Record], bool]
#: What a text asks of the records; None when it cannot match any.
Way: TypeAlias = Callable[[str, Scope], "Test | None"]


def compile_(declared: Alternative, resource: Resource, paths: Paths, place: str) -> Way:
    """Return what one alternative makes of a text."""
    if declared.lookup not in lookups.LOOKUPS:
        known = ", ".join(sorted(lookups.LOOKUPS))
        text = f"there is no lookup {declared.lookup!r} for an alternative; there are {known}"
        raise SpecError(place, text)
    if bool(declared.fields) == bool(declared.words):
        raise SpecError(place, "an alternative of x-filter.any names either a field or words")
    lookup = declared.lookup
    ways = [
        _on_path(paths.compile(resource, text, place), lookup)
        for text in declared.fields or declared.words
    ]
    way = _words(ways) if declared.words else _several(ways)
    return _unless(declared, way, paths, place)


def _on_path(path: Path, lookup: str) -> Way:
    read = lookups.read_text if lookup in lookups.TEXTUAL else lookups.reader(_schema(path))
    test, comparable = lookups.LOOKUPS[lookup], lookups.comparable(path.target, read)

    def way(text: str, scope: Scope) -> Test | None:
        try:
            wanted = read(text)
        except lookups.Unreadable:
            return None

        def passes(value: JSON) -> bool:
            return value is not None and test(comparable(value), wanted)

        if path.is_many:
            return lambda record: any(map(passes, path.reach(record, scope)))

        def passes_first(record: Record) -> bool:
            value = path.first(record, scope)
            return value is not UNREACHED and passes(value)

        return passes_first

    return way


def _schema(path: Path) -> Schema:
    target = path.target
    return target.fields[target.key].schema if isinstance(target, Resource) else target.schema


def _several(ways: list[Way]) -> Way:
    def several(text: str, scope: Scope) -> Test | None:
        tests = [test for way in ways if (test := way(text, scope)) is not None]
        return (lambda record: any(test(record) for test in tests)) if tests else None

    return several


def _words(ways: list[Way]) -> Way:
    def words(text: str, scope: Scope) -> Test | None:
        first = text.split()
        if len(first) < len(ways):
            return None
        parts = [*first[: len(ways) - 1], " ".join(first[len(ways) - 1 :])]
        tests = [way(part, scope) for way, part in zip(ways, parts, strict=True)]
        return lambda record: all(test is not None and test(record) for test in tests)

    return words


def _unless(declared: Alternative, way: Way, paths: Paths, place: str) -> Way:
    """Return an alternative that does not apply to the values that belong to others."""
    if declared.unless:
        read, resource = lookups.reader({"format": declared.unless}), ""
    elif declared.unless_key_of:
        resource = declared.unless_key_of
        if resource not in paths.resources:
            known = ", ".join(sorted(paths.resources))
            raise SpecError(place, f"there is no resource {resource!r}; there are {known}")
        target = paths.resources[resource]
        read = lookups.reader(target.fields[target.key].schema)
    else:
        return way

    def belongs_elsewhere(text: str, scope: Scope) -> bool:
        try:
            key: JSON = read(text)
        except lookups.Unreadable:
            return False
        return not resource or scope.store.get(resource, key) is not None

    return lambda text, scope: None if belongs_elsewhere(text, scope) else way(text, scope)
