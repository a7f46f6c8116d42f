"""Follow dotted paths from a record to the values they reach.

Paths are compiled once, at start-up, into closures; a wrong one is a SpecError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mockserver.actions import Scope
from mockserver.errors import SpecError
from mockserver.json_types import JSON, Record
from mockserver.operation import Field, Relation, Resource

#: Everything a path reaches from a record; a null relation on the way reaches nothing.
Reach: TypeAlias = Callable[[Record, Scope], list[JSON]]
#: A named function of the pack.
Functions: TypeAlias = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Path:
    """
    A compiled path.

    `resource` is what the reached records are when the path ends in a
    relation; `field` what it ends in otherwise.
    """

    reach: Reach
    text: str
    resource: Resource | None
    field: Field | None
    is_many: bool


class Paths:
    """Compile paths against resources and the functions of a pack."""

    def __init__(self, resources: Mapping[str, Resource], functions: Functions) -> None:
        self.resources = resources
        self.functions = functions
        self.used: set[str] = set()

    def function(self, name: str, place: str) -> Callable[..., Any]:
        """Return a named function of the pack; SpecError when there is none."""
        self.used.add(name)
        try:
            return self.functions[name]
        except KeyError:
            text = f"the pack has no function {name}; add `def {name}`, or correct the name"
            raise SpecError(place, text) from None

    def compile(self, resource: Resource, text: str, place: str) -> Path:
        """Compile a path that starts at a record of `resource`; "." is the record itself."""
        if text == ".":
            return Path(lambda record, scope: [record], text, resource, None, is_many=False)
        reach: Reach | None = None
        is_many = False
        here, steps = resource, text.split(".")
        for position, step in enumerate(steps):
            is_last = position == len(steps) - 1
            relation = here.relations.get(step)
            if relation is not None:
                is_many = is_many or not (relation.kind == "one" or relation.is_single)
                reach = _chain(reach, self._relation(here, relation, place))
                here = self.resources[relation.to]
                continue
            field = here.fields.get(step)
            if field is None or not is_last:
                known = ", ".join(sorted({*here.relations, *here.fields}))
                what = "relation" if not is_last else "field or relation"
                text_ = f"path {text!r}: {here.name} has no {what} {step!r}; it has {known}"
                raise SpecError(place, text_)
            return Path(_chain(reach, self._field(field, here.where)), text, None, field, is_many)
        assert reach is not None
        return Path(reach, text, here, None, is_many)

    def _field(self, field: Field, place: str) -> Reach:
        name = field.name
        if field.computed:
            function = self.function(field.computed, place)
            return lambda record, scope: [function(record, scope)]

        def stored(record: Record, scope: Scope) -> list[JSON]:
            return [record.get(name)]

        return stored

    def _relation(self, resource: Resource, relation: Relation, place: str) -> Reach:
        name, to, by, key = relation.name, relation.to, relation.by, resource.key
        if relation.kind == "one":

            def one(record: Record, scope: Scope) -> list[JSON]:
                found = scope.store.get(to, record.get(name))
                return [] if found is None else [found]

            return one
        if relation.kind == "many":

            def many(record: Record, scope: Scope) -> list[JSON]:
                found = (scope.store.get(to, held) for held in record.get(name) or ())
                return [r for r in found if r is not None]

            return self._sorted(relation, many, place)
        if relation.kind == "computed":
            function = self.function(relation.computed, place)
            return lambda record, scope: list(function(record, scope))

        def reverse(record: Record, scope: Scope) -> list[JSON]:
            return list(scope.store.related(to, by, record[key]))

        return self._sorted(relation, reverse, place)

    def _sorted(self, relation: Relation, reach: Reach, place: str) -> Reach:
        """Order the reached records by plain values, ascending; nulls come last."""
        if not relation.order:
            return reach
        target = self.resources[relation.to]
        keys = [self.compile(target, path, place) for path in relation.order]

        def ordered(record: Record, scope: Scope) -> list[JSON]:
            found = reach(record, scope)
            if len(found) < 2:
                return found

            def rank(r: Record) -> list[tuple[bool, Any]]:
                firsts = [next(iter(k.reach(r, scope)), None) for k in keys]
                return [(v is None, "" if v is None else v) for v in firsts]

            return sorted(found, key=rank)

        return ordered


def _chain(first: Reach | None, then: Reach) -> Reach:
    if first is None:
        return then

    def chained(record: Record, scope: Scope) -> list[JSON]:
        return [value for middle in first(record, scope) for value in then(middle, scope)]

    return chained
