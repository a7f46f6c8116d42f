"""Show a record as its schema says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from mockserver import views
from mockserver.actions import Scope
from mockserver.compiler import resolve
from mockserver.errors import SpecError
from mockserver.frozen import dataclass
from mockserver.json_types import JSON, OMIT, Record
from mockserver.loader import where
from mockserver.operation import Resource, Schema, is_nullable, types_of
from mockserver.paths import UNREACHED, First, Path, Paths, head

Getter: TypeAlias = Callable[[Record, Scope], JSON]
_DEPTH: Final = 8


class Column(NamedTuple):
    """
    One property: its name, and how it is read from one of the records that a view starts at.

    `start` is the place of that record: 0 for the one that is shown. `field` is what it
    stores and shows as it is; where that is "", `getter` knows. `absent` stands for what
    cannot be reached.
    """

    name: str
    start: int
    field: str
    getter: Getter
    absent: JSON


class Hop(NamedTuple):
    """A way to another record to start at, from the one at the place `start`."""

    start: int
    first: First


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How a schema shows a record: its properties in order, and the records they start at."""

    columns: tuple[Column, ...] = ()
    hops: tuple[Hop, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of all properties."""
        return frozenset(column.name for column in self.columns)

    def show(self, record: Record, scope: Scope, names: frozenset[str] | None = None) -> JSON:
        """Return the record as the schema shows it; `names` keeps some of the keys."""
        if names is not None:
            return _narrowed(self, names).show(record, scope)
        starts: list[Any] = [record]
        for start, first in self.hops:
            here = starts[start]
            starts.append(here if here is UNREACHED else first(here, scope))
        shown = {}
        for name, start, field, getter, absent in self.columns:
            here = starts[start]
            if here is UNREACHED:
                value = absent
            elif field:
                value = here.get(field)
            else:
                value = getter(here, scope)
            if value is not OMIT:
                shown[name] = value
        return shown


@lru_cache(maxsize=256)
def _narrowed(view: View, names: frozenset[str]) -> View:
    """Return a view with some properties only, which goes nowhere else than they need."""
    columns = tuple(column for column in view.columns if column.name in names)
    needed = {column.start for column in columns}
    hops: list[Hop] = []
    for place in range(len(view.hops), 0, -1):
        hop = view.hops[place - 1] if place in needed else Hop(0, _nowhere)
        needed.add(hop.start)
        hops.insert(0, hop)
    return View(columns, tuple(hops))


def _nowhere(record: Record, scope: Scope) -> JSON:
    return UNREACHED


def _itself(record: Record, scope: Scope) -> JSON:
    return record


class _Starts:
    """
    The records that the properties of one view start at, by the way to them.

    It shows a record of `resource`, `depth` views below the outermost one.
    """

    def __init__(self, paths: Paths, resource: Resource, depth: int) -> None:
        self._paths, self.resource, self.depth = paths, resource, depth
        self._known: dict[str, tuple[int, Resource]] = {"": (0, resource), ".": (0, resource)}
        self.hops: list[Hop] = []

    def place(self, text: str) -> tuple[int, Resource]:
        """Return the place of the record that a path of relations leads to, and what it is."""
        if text not in self._known:
            before, _, relation = text.rpartition(".")
            start, here = self.place(before)
            path = self._paths.compile(here, relation, here.where)
            assert path.resource is not None
            self.hops.append(Hop(start, path.first))
            self._known[text] = len(self.hops), path.resource
        return self._known[text]


class Views:
    """Compile schemas into views."""

    def __init__(
        self, document: Mapping[str, Any], paths: Paths, media_path: str, problems: list[Any]
    ) -> None:
        self.document, self.paths, self.problems = document, paths, problems
        self.media_path = media_path

    def compile(self, schema: Schema, resource: Resource, depth: int = 0) -> View:
        """Return the view a schema gives of a resource; mistakes join `problems`."""
        if depth > _DEPTH:
            place = where(schema)
            self.problems.append(SpecError(place, "views nest without end; break the circle"))
            return View()
        starts, columns = _Starts(self.paths, resource, depth), []
        for name, declared in properties_of(self.document, schema).items():
            try:
                columns.append(self._column(name, declared, starts))
            except SpecError as problem:
                self.problems.append(problem)
        return View(tuple(columns), tuple(starts.hops))

    def _column(self, name: str, declared: Any, starts: _Starts) -> Column:
        schema, resource = resolve(self.document, declared), starts.resource
        place = where(declared) or where(schema)
        source = schema.get("x-from", name)
        if isinstance(source, dict):
            return self._special(name, source, schema, starts, place)
        if source == "server":
            source = name
        if source == name and name not in resource.fields and name not in resource.relations:
            text = f"property {name!r}: {resource.name} has no such field; say x-from"
            raise SpecError(place, text)
        path = self.paths.compile(resource, source, place)
        if path.resource is not None and _shows_objects(self.document, schema):
            return self._nested(name, path, path.resource, schema, starts)
        return self._value(name, path, schema, starts)

    def _special(
        self, name: str, source: Mapping[str, Any], schema: Schema, starts: _Starts, place: str
    ) -> Column:
        resource = starts.resource
        if "link" in source:
            path = self.paths.compile(resource, source["link"], place)
            return _link(name, path, schema, starts, place)
        if "media" in source:
            return _own(name, self._media(self.paths.compile(resource, source["media"], place)))
        if "computed" in source:
            function = self.paths.function(source["computed"], place)
            if "resource" not in source:
                return _own(name, function)
            if source["resource"] not in self.paths.resources:
                raise SpecError(place, f"there is no resource {source['resource']!r}")
            of = self.paths.resources[source["resource"]]
            made = Path(function, head(function), name, of, None, is_many=True)
            return self._nested(name, made, of, schema, starts)
        return self._value(name, self.paths.compile(resource, name, place), schema, starts)

    def _nested(
        self, name: str, path: Path, of: Resource, schema: Schema, starts: _Starts
    ) -> Column:
        is_list = "array" in types_of(schema)
        inner = resolve(self.document, schema.get("items") or {}) if is_list else schema
        show = self.compile(inner, of, starts.depth + 1).show
        if is_list:
            # A computed relation may answer null: not the same as having none.
            reach: Callable[[Record, Scope], list[Record] | None] = path.reach
            own, key = object(), starts.resource.key

            def many(record: Record, scope: Scope) -> JSON:
                found = reach(record, scope)
                if found is not None and len(found) >= views.MANY:
                    return views.shown(scope, (own, record[key]), of, found, show)
                return None if found is None else [show(r, scope) for r in found]

            return _own(name, many)
        absent = None if is_nullable(schema) else OMIT
        if not path.is_many:
            return Column(name, starts.place(path.text)[0], "", show, absent)
        first = path.first

        def one(record: Record, scope: Scope) -> JSON:
            found = first(record, scope)
            return absent if found is UNREACHED else show(found, scope)

        return _own(name, one)

    def _media(self, path: Path) -> Getter:
        before, _, after = self.media_path.partition("{key}")
        if path.resource is not None:
            path = _keys(path, path.resource.key)

        def media(record: Record, scope: Scope) -> JSON:
            found = path.first(record, scope)
            if found is UNREACHED or not found:
                return None
            return f"{scope.call.base_url}{before}{found}{after}"

        return media

    def _value(self, name: str, path: Path, schema: Schema, starts: _Starts) -> Column:
        if path.is_many:
            reach = path.reach if path.resource is None else _keys(path, path.resource.key).reach
            return _own(name, reach)
        absent = None if is_nullable(schema) else OMIT
        if path.resource is not None:
            return Column(name, starts.place(path.text)[0], path.resource.key, _itself, absent)
        before, _, last = path.text.rpartition(".")
        start, here = starts.place(before)
        field = here.fields[last]
        if field.computed:
            return Column(name, start, "", self.paths.function(field.computed, here.where), absent)
        return Column(name, start, last, _itself, absent)


def _own(name: str, getter: Getter) -> Column:
    """Return the property that a function reads from the record itself."""
    return Column(name, 0, "", getter, OMIT)


def _keys(path: Path, key: str) -> Path:
    """Return the path on to the keys of the records it reaches."""

    def first(record: Record, scope: Scope) -> JSON:
        found = path.first(record, scope)
        return found if found is UNREACHED else found[key]

    def reach(record: Record, scope: Scope) -> list[JSON]:
        return [found[key] for found in path.reach(record, scope)]

    return replace(path, reach=reach, first=first)


def _link(name: str, path: Path, schema: Schema, starts: _Starts, place: str) -> Column:
    resource = path.resource
    if resource is None or not resource.path:
        raise SpecError(place, f"cannot link to {path.text!r}: its resource has no path")
    before, after = resource.around
    key, first = resource.key, path.first

    if "array" in types_of(schema):

        def links(record: Record, scope: Scope) -> JSON:
            found = path.reach(record, scope)
            return [f"{scope.call.base_url}{before}{one[key]}{after}" for one in found]

        return _own(name, links)

    def link(record: Record, scope: Scope) -> JSON:
        return f"{scope.call.base_url}{before}{record[key]}{after}"

    absent = None if is_nullable(schema) else OMIT
    if not path.is_many:
        return Column(name, starts.place(path.text)[0], "", link, absent)

    def first_link(record: Record, scope: Scope) -> JSON:
        found = first(record, scope)
        return absent if found is UNREACHED else link(found, scope)

    return _own(name, first_link)


def properties_of(document: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the properties of an object schema, those of `allOf` and `anyOf` included."""
    schema = resolve(document, schema)
    found: dict[str, Any] = {}
    for part in schema.get("allOf") or ():
        found.update(properties_of(document, part))
    found.update(schema.get("properties") or {})
    for key in ("anyOf", "oneOf"):
        for part in schema.get(key) or ():
            for name, declared in properties_of(document, part).items():
                found.setdefault(name, declared)
    return found


def _shows_objects(document: Mapping[str, Any], schema: Schema) -> bool:
    if "array" in types_of(schema):
        schema = resolve(document, schema.get("items") or {})
    return bool(properties_of(document, schema))
