"""Sort by the fields a query names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final, TypeAlias

from mockserver.actions import Scope
from mockserver.errors import Issue
from mockserver.frozen import dataclass
from mockserver.json_types import Key, Record
from mockserver.operation import Order, Resource
from mockserver.paths import UNREACHED, Path, Paths, comparable

#: From this many records on, an order that depends on the state alone is kept with it.
MANY: Final = 256
Sort: TypeAlias = Callable[[Scope], "Sorter | list[Issue]"]


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a sort: how a path ranks a record, and whether the greatest comes first."""

    rank: Callable[[Record, Scope], Any]
    is_descending: bool
    is_stored: bool


class _Down:
    """A value that compares the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(self.value == other.value)

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]  # it is compared, never looked up


@dataclass(frozen=True, slots=True)
class Sorter:
    """How the records of one call are sorted."""

    levels: Sequence[Level]
    resource: Resource
    scope: Scope

    def __call__(self, records: Sequence[Record]) -> list[Record]:
        """Return records in order."""
        return _sorted(records, self.levels, self.resource, self.scope)

    def alone(self, records: Iterable[Record]) -> list[Record]:
        """Return records in order, without a look at others of their kind."""
        return _rank(records, self.levels, self.resource.key, self.scope)

    def rank(self, record: Record) -> tuple[Any, ...]:
        """Return what a record has to compare with others in the same order."""
        ranks = [
            _Down(level.rank(record, self.scope))
            if level.is_descending
            else level.rank(record, self.scope)
            for level in self.levels
        ]
        return (*ranks, record[self.resource.key])


def compile_order(
    order: Order | None,
    default: Sequence[str],
    resource: Resource,
    rules: Mapping[str, Any],
    paths: Paths,
    place: str,
) -> Sort:
    """Return how a call's records are sorted; its ordering parameter wins over the default."""
    mark, nulls = rules["descending"], order.nulls if order else rules["nulls"]
    compiler = _Levels(resource, paths, rules["collation"], nulls, place)
    keys = {
        word: compiler.levels(found, is_descending=False)
        for word, found in (order.keys.items() if order else ())
    }
    words = order.words if order else frozenset()
    standard = [
        level
        for text in (order.default if order and order.default else default)
        for level in _default_levels(text, keys, compiler, mark)
    ]

    def sort(scope: Scope) -> Sorter | list[Issue]:
        levels = standard
        if order is not None:
            asked = _asked(order, scope.call.query.get(order.parameter, ()), rules)
            bad = [word for word in asked if word not in words]
            if bad and rules["unknown"] == "reject":
                return [Issue(f"{order.wording}.choice", {"value": bad[0]})]
            chosen = [
                replace(level, is_descending=word.startswith(mark))
                for word in asked
                if word in words
                for level in keys[word.removeprefix(mark)]
            ]
            levels = chosen or standard
        return Sorter(levels, resource, scope)

    return sort


def _default_levels(
    text: str, keys: Mapping[str, list[Level]], compiler: _Levels, mark: str
) -> list[Level]:
    word, is_descending = text.removeprefix(mark), text.startswith(mark)
    if word in keys:
        return [replace(level, is_descending=is_descending) for level in keys[word]]
    return compiler.levels((word,), is_descending=is_descending)


def _asked(order: Order, sent: Sequence[str], rules: Mapping[str, Any]) -> list[str]:
    last = sent[-1] if sent else ""
    if order.is_single:
        return [last] if last else []
    return [word for word in last.split(rules["separator"]) if word]


def _sorted(
    records: Sequence[Record], levels: Sequence[Level], resource: Resource, scope: Scope
) -> list[Record]:
    """Return records in order; a long list by the places that all records of its kind have."""
    key = itemgetter(resource.key)
    if len(records) < MANY or not all(level.is_stored for level in levels):
        return _rank(records, levels, resource.key, scope)
    name = ("order", *((level.rank, level.is_descending) for level in levels))

    def number() -> dict[Key, int]:
        everything = _rank(scope.store.all(resource.name), levels, resource.key, scope)
        return {key(record): place for place, record in enumerate(everything)}

    places = scope.store.memo(name, number)
    return sorted(records, key=lambda record: places[key(record)])


def _rank(
    records: Iterable[Record], levels: Sequence[Level], key: str, scope: Scope
) -> list[Record]:
    # Stable sorts from the last level to the first, reversed or not: equal rows
    # keep key order.
    found = sorted(records, key=itemgetter(key))
    for level in reversed(levels):
        rank = level.rank
        found.sort(key=lambda record: rank(record, scope), reverse=level.is_descending)
    return found


class _Levels:
    def __init__(
        self, resource: Resource, paths: Paths, collation: str, nulls: str, place: str
    ) -> None:
        self.resource, self.paths, self.place = resource, paths, place
        self.collation, self.nulls = collation, nulls

    def levels(self, texts: Sequence[str], *, is_descending: bool) -> list[Level]:
        """Return the levels that sort by some paths, one after another."""
        return [self._level(text, is_descending=is_descending) for text in texts]

    def _level(self, text: str, *, is_descending: bool) -> Level:
        path = self.paths.compile(self.resource, text, self.place)
        return Level(self._rank(path), is_descending, path.is_stored)

    def _rank(self, path: Path) -> Callable[[Record, Scope], Any]:
        first, shown = path.first, comparable(path, self.collation)
        for_null = self.nulls == "high"

        def rank(record: Record, scope: Scope) -> Any:
            value = first(record, scope)
            # The first element tells them apart, so the second never meets a missing one.
            if value is None or value is UNREACHED:
                return (for_null,)
            return (not for_null, shown(value))

        return rank
