"""Sort by the fields a query names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from mockserver.actions import Scope
from mockserver.errors import Issue
from mockserver.json_types import Record
from mockserver.operation import Order, Resource
from mockserver.paths import UNREACHED, Paths, comparable

#: One level of a sort: how to rank a record, and whether the greatest comes first.
Level: TypeAlias = "tuple[Callable[[Record, Scope], Any], bool]"
Sort: TypeAlias = Callable[[Scope], "Callable[[Sequence[Record]], list[Record]] | list[Issue]"]


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

    def sort(scope: Scope) -> Callable[[Sequence[Record]], list[Record]] | list[Issue]:
        levels = standard
        if order is not None:
            asked = _asked(order, scope.call.query.get(order.parameter, ()), rules)
            bad = [word for word in asked if word not in words]
            if bad and rules["unknown"] == "reject":
                return [Issue(f"{order.wording}.choice", {"value": bad[0]})]
            chosen = [
                (rank, word.startswith(mark))
                for word in asked
                if word in words
                for rank, _ in keys[word.removeprefix(mark)]
            ]
            levels = chosen or standard
        return lambda records: _sorted(records, levels, resource.key, scope)

    return sort


def _default_levels(
    text: str, keys: Mapping[str, list[Level]], compiler: _Levels, mark: str
) -> list[Level]:
    word, is_descending = text.removeprefix(mark), text.startswith(mark)
    if word in keys:
        return [(rank, is_descending) for rank, _ in keys[word]]
    return compiler.levels((word,), is_descending=is_descending)


def _asked(order: Order, sent: Sequence[str], rules: Mapping[str, Any]) -> list[str]:
    last = sent[-1] if sent else ""
    if order.is_single:
        return [last] if last else []
    return [word for word in last.split(rules["separator"]) if word]


def _sorted(
    records: Sequence[Record], levels: Sequence[Level], key: str, scope: Scope
) -> list[Record]:
    # Stable sorts from the last level to the first, reversed or not: equal rows
    # keep key order.
    found = sorted(records, key=itemgetter(key))
    for rank, is_descending in reversed(levels):
        found.sort(key=lambda record: rank(record, scope), reverse=is_descending)
    return found


class _Levels:
    def __init__(
        self, resource: Resource, paths: Paths, collation: str, nulls: str, place: str
    ) -> None:
        self.resource, self.paths, self.place = resource, paths, place
        self.collation, self.nulls = collation, nulls

    def levels(self, texts: Sequence[str], *, is_descending: bool) -> list[Level]:
        """Return the levels that sort by some paths, one after another."""
        return [(self._rank(text), is_descending) for text in texts]

    def _rank(self, text: str) -> Callable[[Record, Scope], Any]:
        path = self.paths.compile(self.resource, text, self.place)
        first, shown = path.first, comparable(path, self.collation)
        for_null = self.nulls == "high"

        def rank(record: Record, scope: Scope) -> Any:
            value = first(record, scope)
            # The first element tells them apart, so the second never meets a missing one.
            if value is None or value is UNREACHED:
                return (for_null,)
            return (not for_null, shown(value))

        return rank
