"""Follow dotted paths from a record to the values they reach.

Paths are compiled once, at start-up, into closures; a wrong one is a SpecError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from mockserver import values
from mockserver.actions import Scope
from mockserver.errors import SpecError
from mockserver.json_types import JSON, Record
from mockserver.operation import Field, Relation, Resource, types_of

#: Everything a path reaches from a record; a null relation on the way reaches nothing.
Reach: TypeAlias = Callable[[Record, Scope], list[JSON]]
#: The first value that a path reaches, or UNREACHED.
First: TypeAlias = Callable[[Record, Scope], JSON]
#: Stands for the value behind a null relation.
UNREACHED: Final = object()
#: A named function of the pack.
Functions: TypeAlias = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Path:
    """
    A compiled path.

    `first` is the quick way where one value is enough: it makes no lists.
    `resource` is what the reached records are when the path ends in a
    relation; `field` what it ends in otherwise. `is_stored` says that no
    function has a hand in it: the values depend on the state alone.
    """

    reach: Reach
    first: First
    text: str
    resource: Resource | None
    field: Field | None
    is_many: bool
    is_stored: bool = False

    @property
    def target(self) -> Field | Resource:
        """What it ends in."""
        target = self.resource or self.field
        assert target is not None
        return target


@dataclass(frozen=True, slots=True)
class _Way:
    """How to get on from a record; `is_single` when there is one way at most."""

    reach: Reach
    first: First
    is_single: bool


class Paths:
    """Compile paths against resources and the functions of a pack."""

    def __init__(
        self,
        resources: Mapping[str, Resource],
        functions: Functions,
        collation: str = "codepoint",
    ) -> None:
        self.resources = resources
        self.functions = functions
        self.collation = collation
        self.used: set[str] = set()

    def function(self, name: str, place: str) -> Callable[..., Any]:
        """Return a named function of the pack; SpecError when there is none."""
        self.used.add(name)
        try:
            return self.functions[name]
        except KeyError:
            text = f"the pack has no function {name}; add `def {name}`, or correct the name"
            text += "" if self.functions else "; no pack is given yet (--pack)"
            raise SpecError(place, text) from None

    def compile(self, resource: Resource, text: str, place: str) -> Path:
        """Compile a path that starts at a record of `resource`; "." is the record itself."""
        if text == ".":
            itself = _single(lambda record, scope: record)
            return Path(itself.reach, itself.first, text, resource, None, is_many=False)
        way: _Way | None = None
        is_many, is_stored = False, True
        here, steps = resource, text.split(".")
        for position, step in enumerate(steps):
            is_last = position == len(steps) - 1
            relation = here.relations.get(step)
            if relation is not None:
                is_many = is_many or not (relation.kind == "one" or relation.is_single)
                is_stored = is_stored and relation.kind != "computed"
                way = _chain(way, self._relation(here, relation, place))
                here = self.resources[relation.to]
                continue
            field = here.fields.get(step)
            if field is None or not is_last:
                known = ", ".join(sorted({*here.relations, *here.fields}))
                what = "relation" if not is_last else "field or relation"
                text_ = f"path {text!r}: {here.name} has no {what} {step!r}; it has {known}"
                raise SpecError(place, text_)
            way = _chain(way, self._field(field, here.where))
            is_stored = is_stored and field.is_stored
            return Path(way.reach, way.first, text, None, field, is_many, is_stored)
        assert way is not None
        return Path(way.reach, way.first, text, here, None, is_many, is_stored)

    def _field(self, field: Field, place: str) -> _Way:
        name = field.name
        if field.computed:
            return _single(self.function(field.computed, place))
        return _single(lambda record, scope: record.get(name))

    def _relation(self, resource: Resource, relation: Relation, place: str) -> _Way:
        name, to, by, key = relation.name, relation.to, relation.by, resource.key
        if relation.kind == "one":

            def one(record: Record, scope: Scope) -> JSON:
                found = scope.store.get(to, record.get(name))
                return UNREACHED if found is None else found

            return _single(one)
        if relation.kind == "many":

            def many(record: Record, scope: Scope) -> list[JSON]:
                found = (scope.store.get(to, held) for held in record.get(name) or ())
                return [r for r in found if r is not None]

            return self._sorted(relation, many, place)
        if relation.kind == "computed":
            function = self.function(relation.computed, place)
            return _several(lambda record, scope: list(function(record, scope)))

        def reverse(record: Record, scope: Scope) -> list[JSON]:
            return list(scope.store.related(to, by, record[key]))

        return self._sorted(relation, reverse, place)

    def _sorted(self, relation: Relation, reach: Reach, place: str) -> _Way:
        """Order the reached records by plain values, ascending; nulls come last."""
        if not relation.order:
            return _several(reach)
        target = self.resources[relation.to]
        keys = [self.compile(target, path, place) for path in relation.order]
        levels = [_level(key.first, comparable(key, self.collation)) for key in keys]
        only = levels[0]

        def ordered(record: Record, scope: Scope) -> list[JSON]:
            found = reach(record, scope)
            if len(found) < 2:
                return found
            if len(levels) == 1:
                return sorted(found, key=lambda r: only(r, scope))
            return sorted(found, key=lambda r: [level(r, scope) for level in levels])

        return _several(ordered)


def _level(first: First, shown: Callable[[JSON], Any]) -> Callable[[Record, Scope], Any]:
    """Return what ranks a record by a value; nulls come last."""

    def level(record: Record, scope: Scope) -> tuple[bool, Any]:
        value = first(record, scope)
        return (True, "") if value is None or value is UNREACHED else (False, shown(value))

    return level


def comparable(path: Path, collation: str) -> Callable[[JSON], Any]:
    """Return what makes a value that a path ends in comparable; records compare by key."""
    schema = path.field.schema if path.field else {}
    if schema.get("format") == "date-time":
        return values.instant_key
    if schema.get("format") == "decimal":
        return _decimal
    if "string" in types_of(schema) and collation == "casefold":
        return lambda value: (str(value).casefold(), value)
    if path.resource is not None:
        key = path.resource.key
        return lambda record: record[key]
    return lambda value: value


def _decimal(value: JSON) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)


def _single(first: First) -> _Way:
    def reach(record: Record, scope: Scope) -> list[JSON]:
        found = first(record, scope)
        return [] if found is UNREACHED else [found]

    return _Way(reach, first, is_single=True)


def _several(reach: Reach) -> _Way:
    return _Way(reach, head(reach), is_single=False)


def head(reach: Reach) -> First:
    """Return the way to the first of several values."""

    def first(record: Record, scope: Scope) -> JSON:
        found = reach(record, scope)
        return found[0] if found else UNREACHED

    return first


def _chain(way: _Way | None, then: _Way) -> _Way:
    if way is None:
        return then
    if way.is_single and then.is_single:
        return _single(_follow(way.first, then.first))
    go, go_on = way.reach, then.reach

    def reach(record: Record, scope: Scope) -> list[JSON]:
        return [value for middle in go(record, scope) for value in go_on(middle, scope)]

    return _several(reach)


def _follow(go: First, go_on: First) -> First:
    def first(record: Record, scope: Scope) -> JSON:
        middle = go(record, scope)
        return UNREACHED if middle is UNREACHED else go_on(middle, scope)

    return first
