"""Keep the records a query asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mockserver import alternatives, backwards, lookups
from mockserver.actions import Scope
from mockserver.backwards import Back
from mockserver.errors import Issue, Issues, NotFound, SpecError
from mockserver.json_types import JSON, Key, Record
from mockserver.links import Links
from mockserver.lookups import LOOKUPS, Unreadable
from mockserver.operation import Filter, Parameter, Resource, Schema, types_of
from mockserver.paths import Path, Paths

Predicate: TypeAlias = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Narrow:
    """A predicate that knows where to look: `few` returns the keys of all that may pass."""

    test: Predicate
    few: Callable[[], set[Key]]

    def __call__(self, record: Record) -> bool:
        """Tell whether a record passes."""
        return self.test(record)


#: What one parameter makes of a call: a predicate, None for "keep all", or complaints.
Maker: TypeAlias = Callable[[Scope], "Predicate | list[Issue] | None"]


def compile_filter(
    parameter: Parameter, declared: Filter, resource: Resource, paths: Paths, links: Links
) -> Maker:
    """Return what a query parameter does to the records of a resource."""
    inner = parameter.schema
    if "array" in types_of(inner):
        inner = inner.get("items") or {}
    read = lookups.read_text if declared.lookup == "link" else _reader_of(declared, inner)
    if declared.by:
        make = _by_function(declared, paths, parameter.where)
    elif declared.any:
        make = _by_alternatives(declared, resource, paths, parameter.where)
    elif declared.lookup == "link":
        make = _by_link(declared, resource, paths, links, parameter.where)
    else:
        make = _by_fields(declared, resource, paths, read, parameter.where)

    def maker(scope: Scope) -> Predicate | list[Issue] | None:
        given = _given(declared, scope.call.query.get(parameter.name, ()))
        try:
            wanted = [value for text in given for value in _values(declared, read, text, scope)]
        except Unreadable as problem:
            code = f"{declared.wording}.{problem.code}"
            is_ignored = declared.invalid == "ignore"
            return None if is_ignored else [Issue(code, {"value": problem.value})]
        if not given or (declared.only is not None and wanted != [declared.only]):
            return None
        return make(scope, wanted) if wanted else lambda record: False

    return maker


def _values(declared: Filter, read: Callable[[str], JSON], text: str, scope: Scope) -> list[JSON]:
    """Return the value of a text, or none where a malformed one matches nothing."""
    try:
        return [_existing(declared, read(text), text, scope)]
    except Unreadable:
        if declared.invalid != "none":
            raise
    if "\0" in text:
        # No value may hold it, not even one that is otherwise free to be nonsense.
        raise Unreadable("null_characters", text)
    return []


def _reader_of(declared: Filter, schema: Schema) -> Callable[[str], JSON]:
    read = lookups.reader(schema)
    if not declared.choices:
        return read

    def choose(text: str) -> JSON:
        # What cannot be read is not among the choices either, and only that is told.
        try:
            return read(text)
        except Unreadable:
            raise Unreadable("choice", text) from None

    return choose


def _existing(declared: Filter, value: JSON, text: str, scope: Scope) -> JSON:
    if declared.choices and scope.store.get(declared.choices, value) is None:
        raise Unreadable("choice", text)
    return value


def _given(declared: Filter, sent: Sequence[str]) -> list[str]:
    """Return the values that count; an empty one says nothing."""
    if declared.values == "repeat":
        return [text for text in sent if text.strip()]
    last = sent[-1] if sent else ""
    if declared.values == "comma":
        parts = [text for text in last.split(",") if text.strip()]
        # What no alternative can read matches nothing, and commas alone are no exception.
        return parts or ([last] if declared.any and last.strip() else [])
    return [last] if last.strip() else []


def _by_function(
    declared: Filter, paths: Paths, place: str
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    function = paths.function(declared.by, place)
    if declared.values == "one":
        return lambda scope, wanted: lambda record: bool(function(record, wanted[0], scope))
    return lambda scope, wanted: lambda record: bool(function(record, wanted, scope))


def _by_alternatives(
    declared: Filter, resource: Resource, paths: Paths, place: str
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    ways = [alternatives.compile_(each, resource, paths, place) for each in declared.any]

    def make(scope: Scope, wanted: list[JSON]) -> Predicate | None:
        made = (way(str(text), scope) for text in wanted for way in ways)
        tests = [test for test in made if test is not None]
        return lambda record: any(test(record) for test in tests)

    return make


def _by_link(
    declared: Filter, resource: Resource, paths: Paths, links: Links, place: str
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    compiled = [paths.compile(resource, path, place) for path in declared.fields]
    for path in compiled:
        if path.resource is None:
            raise SpecError(place, f"lookup link needs a relation; {path.text!r} is a field")

    ways = _ways_back(declared, resource, paths)

    def make(scope: Scope, wanted: list[JSON]) -> Predicate | None:
        # Text without a slash is no URL and leads to nothing; a URL must match a route.
        read = [links.read(text) for text in wanted if "/" in text]
        if None in read:
            raise NotFound
        asked = {(link.resource, link.key) for link in read if link is not None}

        def passes(record: Record) -> bool:
            return any(
                path.resource is not None
                and (path.resource.name, found[path.resource.key]) in asked
                for path in compiled
                for found in path.reach(record, scope)
            )

        if ways is None:
            return passes
        store, keys = scope.store, [key for _, key in asked]
        return Narrow(passes, lambda: {one for back in ways for one in back(store, keys)})

    return make


def _ways_back(declared: Filter, resource: Resource, paths: Paths) -> list[Back] | None:
    """Return how to find the records that lead to a value, None where one has to look at all."""
    found = [backwards.compile_(paths.resources, resource, text) for text in declared.fields]
    return None if None in found else [back for back in found if back is not None]


def _by_fields(
    declared: Filter,
    resource: Resource,
    paths: Paths,
    read: Callable[[str], JSON],
    place: str,
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    compiled = [paths.compile(resource, path, place) for path in declared.fields]
    if not compiled:
        raise SpecError(place, "x-filter names neither a field nor a function (by)")
    if declared.where and declared.lookup != "exists":
        raise SpecError(place, "x-filter.where goes with lookup exists; add it, or drop where")
    if declared.lookup in ("isnull", "exists"):
        return _by_existence(declared, compiled, paths, place)
    if declared.lookup not in LOOKUPS:
        known = ", ".join(sorted({*LOOKUPS, "link", "isnull", "exists"}))
        raise SpecError(place, f"there is no lookup {declared.lookup!r}; there are {known}")
    is_exact = declared.lookup in ("exact", "in")
    ways = _ways_back(declared, resource, paths) if is_exact else None
    return _by_comparison(compiled, LOOKUPS[declared.lookup], read, ways)


def _by_comparison(
    compiled: list[Path],
    test: Callable[[Any, Any], bool],
    read: Callable[[str], JSON],
    ways: list[Back] | None,
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    as_key = [lookups.comparable(path.target, read) for path in compiled]

    def make(scope: Scope, wanted: list[JSON]) -> Predicate | None:
        def passes(record: Record) -> bool:
            for path, comparable in zip(compiled, as_key, strict=True):
                for value in path.reach(record, scope):
                    if value is None:
                        continue
                    shown = comparable(value)
                    if any(test(shown, one) for one in wanted):
                        return True
            return False

        if ways is None:
            return passes
        store = scope.store
        return Narrow(passes, lambda: {one for back in ways for one in back(store, wanted)})

    return make


def _by_existence(
    declared: Filter, compiled: list[Path], paths: Paths, place: str
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    is_there, asks = _existence(declared, compiled, paths, place), declared.lookup == "exists"
    return lambda scope, wanted: lambda record: is_there(record, scope) == (wanted[0] is asks)


def _existence(
    declared: Filter, compiled: list[Path], paths: Paths, place: str
) -> Callable[[Record, Scope], bool]:
    """Return whether the paths reach anything, of which `where` may ask more."""
    conditions = []
    for path in compiled if declared.where else ():
        if path.resource is None:
            raise SpecError(place, f"x-filter.where needs a relation; {path.text!r} is a field")
        conditions += [
            (paths.compile(path.resource, text, place), value)
            for text, value in declared.where.items()
        ]

    def is_meant(found: JSON, scope: Scope) -> bool:
        return found is not None and all(
            value in path.reach(found, scope) for path, value in conditions
        )

    return lambda record, scope: any(
        is_meant(found, scope) for path in compiled for found in path.reach(record, scope)
    )


def asked(
    makers: Mapping[str, Maker], scope: Scope
) -> tuple[dict[str, Predicate | list[Issue] | None], NotFound | None]:
    """Return what each sent parameter makes of a call, and the refusal of a link to nowhere."""
    made: dict[str, Predicate | list[Issue] | None] = {}
    lost, sent = None, scope.call.query
    for name, maker in makers.items() if sent else ():
        if name in sent:
            try:
                made[name] = maker(scope)
            except NotFound as refusal:
                lost = refusal
    return made, lost


def few(made: Iterable[Predicate | list[Issue] | None]) -> Iterable[Key] | None:
    """Return keys among which all that pass are, None where one has to look at all."""
    found = [each.few() for each in made if isinstance(each, Narrow)]
    return min(found, key=len) if found else None


def complaints(made: Mapping[str, Predicate | list[Issue] | None]) -> dict[str, Issues]:
    """Return what is wrong with a query, by parameter."""
    return {name: found for name, found in made.items() if isinstance(found, list)}
