"""Show a record as its schema says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from mockserver import views
from mockserver.actions import Scope
from mockserver.compiler import resolve
from mockserver.errors import SpecError
from mockserver.json_types import JSON, OMIT, Record
from mockserver.loader import where
from mockserver.operation import Resource, Schema, is_nullable, types_of
from mockserver.paths import UNREACHED, Path, Paths, head

Getter: TypeAlias = Callable[[Record, Scope], JSON]
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class View:
    """How a schema shows a record: one getter for each property, in order."""

    getters: Mapping[str, Getter]

    def show(self, record: Record, scope: Scope, names: frozenset[str] | None = None) -> JSON:
        """Return the record as the schema shows it; `names` keeps some of the keys."""
        getters = self.getters
        if names is not None:
            getters = {name: getters[name] for name in getters if name in names}
        return {
            name: value
            for name, getter in getters.items()
            if (value := getter(record, scope)) is not OMIT
        }


class Views:
    """Compile schemas into views."""

    def __init__(
        self, document: Mapping[str, Any], paths: Paths, media_path: str, problems: list[Any]
    ) -> None:
        self.document, self.paths, self.problems = document, paths, problems
        self.media_path = media_path

    def compile(self, schema: Schema, resource: Resource, depth: int = 0) -> View:
        """Return the view a schema gives of a resource; mistakes join `problems`."""
        getters: dict[str, Getter] = {}
        if depth > _DEPTH:
            place = where(schema)
            self.problems.append(SpecError(place, "views nest without end; break the circle"))
            return View({})
        for name, declared in properties_of(self.document, schema).items():
            try:
                getters[name] = self._getter(name, declared, resource, depth)
            except SpecError as problem:
                self.problems.append(problem)
        return View(getters)

    def _getter(self, name: str, declared: Any, resource: Resource, depth: int) -> Getter:
        schema = resolve(self.document, declared)
        place = where(declared) or where(schema)
        source = schema.get("x-from", name)
        if isinstance(source, dict):
            return self._special(name, source, schema, resource, depth, place)
        if source == "server":
            source = name
        if source == name and name not in resource.fields and name not in resource.relations:
            text = f"property {name!r}: {resource.name} has no such field; say x-from"
            raise SpecError(place, text)
        path = self.paths.compile(resource, source, place)
        if path.resource is not None and _shows_objects(self.document, schema):
            return self._nested(path, path.resource, schema, depth, resource.key)
        return _value(path, schema)

    def _special(
        self, name: str, source: Mapping[str, Any], schema: Schema, resource: Resource,
        depth: int, place: str,
    ) -> Getter:  # fmt: skip
        if "link" in source:
            path = self.paths.compile(resource, source["link"], place)
            return _link(path, schema, place)
        if "media" in source:
            return self._media(self.paths.compile(resource, source["media"], place))
        if "computed" in source:
            function = self.paths.function(source["computed"], place)
            if "resource" not in source:
                return function
            if source["resource"] not in self.paths.resources:
                raise SpecError(place, f"there is no resource {source['resource']!r}")
            of = self.paths.resources[source["resource"]]
            made = Path(function, head(function), name, of, None, is_many=True)
            return self._nested(made, of, schema, depth, resource.key)
        path = self.paths.compile(resource, name, place)
        return _value(path, schema)

    def _nested(self, path: Path, of: Resource, schema: Schema, depth: int, key: str) -> Getter:
        is_list = "array" in types_of(schema)
        inner = resolve(self.document, schema.get("items") or {}) if is_list else schema
        show = self.compile(inner, of, depth + 1).show
        if is_list:
            # A computed relation may answer null: not the same as having none.
            reach: Callable[[Record, Scope], list[Record] | None] = path.reach
            name = object()

            def many(record: Record, scope: Scope) -> JSON:
                found = reach(record, scope)
                if found is not None and len(found) >= views.MANY:
                    return views.shown(scope, (name, record[key]), of, found, show)
                return None if found is None else [show(r, scope) for r in found]

            return many
        first, absent = path.first, None if is_nullable(schema) else OMIT

        def one(record: Record, scope: Scope) -> JSON:
            found = first(record, scope)
            return absent if found is UNREACHED else show(found, scope)

        return one

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


def _value(path: Path, schema: Schema) -> Getter:
    if path.resource is not None:
        path = _keys(path, path.resource.key)
    if path.is_many:
        return path.reach
    if path.is_own:
        return path.first
    first, absent = path.first, None if is_nullable(schema) else OMIT

    def value(record: Record, scope: Scope) -> JSON:
        found = first(record, scope)
        return absent if found is UNREACHED else found

    return value


def _keys(path: Path, key: str) -> Path:
    """Return the path on to the keys of the records it reaches."""

    def first(record: Record, scope: Scope) -> JSON:
        found = path.first(record, scope)
        return found if found is UNREACHED else found[key]

    def reach(record: Record, scope: Scope) -> list[JSON]:
        return [found[key] for found in path.reach(record, scope)]

    return replace(path, reach=reach, first=first)


def _link(path: Path, schema: Schema, place: str) -> Getter:
    resource = path.resource
    if resource is None or not resource.path:
        raise SpecError(place, f"cannot link to {path.text!r}: its resource has no path")
    absent = None if is_nullable(schema) else OMIT
    before, _, after = resource.path.partition("{")
    after = after.partition("}")[2]
    key, first = resource.key, path.first

    if "array" in types_of(schema):

        def links(record: Record, scope: Scope) -> JSON:
            found = path.reach(record, scope)
            return [f"{scope.call.base_url}{before}{one[key]}{after}" for one in found]

        return links

    def link(record: Record, scope: Scope) -> JSON:
        found = first(record, scope)
        if found is UNREACHED:
            return absent
        return f"{scope.call.base_url}{before}{found[key]}{after}"

    return link


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
