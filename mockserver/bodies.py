"""Read a request body against its schema, complaining of all fields at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockserver import composites, scalars, uploads
from mockserver.actions import Scope
from mockserver.compiler import resolve
from mockserver.composites import Nested, Reader
from mockserver.errors import NON_FIELD, Invalid, Issue, Issues, SpecError
from mockserver.json_types import JSON
from mockserver.links import Links
from mockserver.loader import where
from mockserver.operation import Resource, Schema, is_nullable, types_of
from mockserver.paths import Paths
from mockserver.projection import properties_of
from mockserver.scalars import Refused, refused
from mockserver.uploads import Form

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class _Property:
    name: str
    read: Reader
    is_required: bool
    is_nullable: bool
    is_list: bool
    is_boolean: bool
    is_object: bool
    schema: Schema


@dataclass(frozen=True, slots=True)
class BodyReader:
    """A compiled body schema; `read` returns the fields that were sent."""

    properties: tuple[_Property, ...]
    is_partial: bool

    def read(self, value: JSON, scope: Scope) -> dict[str, JSON]:
        """Return the sent fields in stored form; raise Invalid with every complaint."""
        if value is None:
            raise Invalid({NON_FIELD: [Issue("body.no_data")]})
        if isinstance(value, Form):
            value = self._from_form(value)
        elif not isinstance(value, Mapping):
            name = type(value).__name__
            raise Invalid({NON_FIELD: [Issue("body.not_an_object", {"type": name})]})
        found: dict[str, JSON] = {}
        issues: dict[str, Issues] = {}
        for prop in self.properties:
            try:
                given = value.get(prop.name, _ABSENT)
                if given is _ABSENT:
                    if prop.is_required:
                        raise refused("required")
                    continue
                found[prop.name] = _read_property(prop, given, scope)
            except (Refused, Nested) as problem:
                issues[prop.name] = problem.issues
        if issues:
            raise Invalid(issues)
        return found

    def _from_form(self, form: Form) -> dict[str, JSON]:
        """Return what a form means as JSON: the rules of HTML for what is absent."""
        result: dict[str, JSON] = {}
        for prop in self.properties:
            sent = form.fields.get(prop.name)
            if sent is None:
                # A browser sends nothing for a box that is not ticked.
                if prop.is_boolean and not self.is_partial and not prop.is_required:
                    result[prop.name] = False
                elif prop.is_object:
                    result.update(_object_of_form(prop, form))
            elif prop.is_list:
                result[prop.name] = list(sent)
            else:
                result[prop.name] = sent[-1]
        return result


def _object_of_form(prop: _Property, form: Form) -> dict[str, JSON]:
    """Return the fields called `name.key`; none of them is an empty table, or no object."""
    start = prop.name + "."
    found = {
        name.removeprefix(start): sent[-1]
        for name, sent in form.fields.items()
        if name.startswith(start) and name != start
    }
    return {prop.name: found} if found or "properties" not in prop.schema else {}


def _read_property(prop: _Property, given: JSON, scope: Scope) -> JSON:
    if given is None:
        if not prop.is_nullable:
            raise refused("null")
        return None
    return prop.read(given, scope)


class Bodies:
    """Compile body schemas into readers."""

    def __init__(
        self, document: Mapping[str, Any], paths: Paths, links: Links, *, is_lenient: bool
    ) -> None:
        self.document, self.paths, self.links = document, paths, links
        self.is_lenient = is_lenient

    def compile(
        self,
        schema: Schema,
        resource: Resource,
        *,
        is_partial: bool,
        is_new: bool,
        is_record: bool = False,
    ) -> BodyReader:
        """
        Return the reader of a body for a resource; raise SpecError.

        `is_record` says that the body is stored: the keys in it must exist.
        """
        schema = resolve(self.document, schema)
        required = set() if is_partial else self._required(schema)
        unique = {names[0] for names in resource.unique if len(names) == 1} if is_new else set()
        properties = []
        for name, declared in properties_of(self.document, schema).items():
            sub = resolve(self.document, declared)
            if sub.get("readOnly"):
                continue
            read = self._reader(name, sub, resource)
            if is_record and not _admits_all(sub):
                read = _existing(read, sub.get("x-from", name), resource)
            if name in unique:
                read = _unique(read, resource, name)
            properties.append(self._property(name, sub, read, is_required=name in required))
        return BodyReader(tuple(properties), is_partial)

    def _required(self, schema: Schema) -> set[str]:
        found = set(schema.get("required") or ())
        for part in schema.get("allOf") or ():
            found |= self._required(resolve(self.document, part))
        return found

    def _property(self, name: str, sub: Schema, read: Reader, *, is_required: bool) -> _Property:
        types = types_of(sub)
        return _Property(
            name=name,
            read=read,
            is_required=is_required,
            is_nullable=is_nullable(sub),
            is_list="array" in types,
            is_boolean="boolean" in types,
            is_object="object" in types,
            schema=sub,
        )

    def _reader(self, name: str, schema: Schema, resource: Resource) -> Reader:
        source, types = schema.get("x-from"), types_of(schema)
        if "array" in types and not _admits_all(schema):
            return self._array(name, schema, resource)
        if isinstance(source, Mapping) and "link" in source:
            return self._link(source["link"], resource, schema)
        if isinstance(source, Mapping) and "media" in source:
            return uploads.store_picture
        if _admits_all(schema):
            return lambda value, scope: value
        if "object" in types:
            return self._object(schema, resource)
        scalar = scalars.compile_scalar(schema, is_lenient=self.is_lenient)
        return lambda value, scope: scalar(value)

    def _link(self, path: str, resource: Resource, schema: Schema) -> Reader:
        place, takes_null = where(schema), is_nullable(schema)
        target = self.paths.compile(resource, path, place).resource
        if target is None or not target.path:
            raise SpecError(place, f"cannot link to {path!r}: its resource has no path")
        links = self.links

        def read(value: JSON, scope: Scope) -> JSON:
            if value == "":
                if takes_null:
                    return None
                raise refused("null")
            if not isinstance(value, str):
                raise refused("not_a_link", type=type(value).__name__)
            link = links.read(value)
            if link is None:
                raise refused("no_match")
            if link.resource != target.name:
                raise refused("incorrect_match")
            if scope.store.get(target.name, link.key) is None:
                raise refused("does_not_exist")
            return link.key

        return read

    def _array(self, name: str, schema: Schema, resource: Resource) -> Reader:
        items = resolve(self.document, schema.get("items") or {})
        source = items.get("x-from", schema.get("x-from"))
        is_links = isinstance(source, Mapping) and "link" in source
        inner = {**items, "x-from": source} if is_links else items
        return composites.list_reader(
            self._reader(name, inner, resource),
            takes_null=is_nullable(items),
            is_links=is_links,
            is_set=bool(schema.get("uniqueItems")) or is_links,
            shortest=schema.get("minItems", 0),
            longest=schema.get("maxItems"),
        )

    def _object(self, schema: Schema, resource: Resource) -> Reader:
        declared = properties_of(self.document, schema)
        rest = schema.get("additionalProperties")
        rest_schema = resolve(self.document, rest) if isinstance(rest, Mapping) else None
        if not declared and rest_schema is None:
            return composites.any_object
        if declared:
            reader = self.compile(schema, resource, is_partial=False, is_new=False)

            def read_object(value: JSON, scope: Scope) -> JSON:
                try:
                    return reader.read(value, scope)
                except Invalid as problem:
                    raise Nested(problem.issues) from None

            return read_object
        assert rest_schema is not None
        return composites.table_reader(
            self._reader("", rest_schema, resource), is_nullable(rest_schema)
        )


def _admits_all(schema: Schema) -> bool:
    """Tell whether a property takes whatever is sent: it is documented and has no effect."""
    return {"array", "object", "string"} <= set(types_of(schema))


def _existing(read: Reader, source: Any, resource: Resource) -> Reader:
    """Refuse the key of a record that does not exist; hyperlinks are checked elsewhere."""
    relation = resource.relations.get(source) if isinstance(source, str) else None
    if relation is None or not relation.is_stored:
        return read
    to = relation.to

    def existing(value: JSON, scope: Scope) -> JSON:
        found = read(value, scope)
        for key in found if isinstance(found, list) else [found]:
            if scope.store.get(to, key) is None:
                raise refused("no_record", key=key)
        return found

    return existing


def _unique(read: Reader, resource: Resource, field: str) -> Reader:
    relation = resource.relations.get(field)
    has_index = relation is not None and relation.kind == "one"

    def is_held(found: JSON, scope: Scope) -> bool:
        if has_index and found is not None:
            return bool(scope.store.count_related(resource.name, field, found))
        return any(record.get(field) == found for record in scope.store.all(resource.name))

    def unique(value: JSON, scope: Scope) -> JSON:
        found = read(value, scope)
        if is_held(found, scope):
            raise refused("unique", label=resource.label, field=field)
        return found

    return unique
