"""Read a request body against its schema, complaining of all fields at once."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mockserver import scalars
from mockserver.actions import Scope
from mockserver.compiler import resolve
from mockserver.errors import NON_FIELD, Invalid, Issue, Issues, SpecError
from mockserver.json_types import JSON
from mockserver.links import Links
from mockserver.loader import where
from mockserver.operation import Resource, Schema, is_nullable, types_of
from mockserver.paths import Paths
from mockserver.projection import properties_of
from mockserver.scalars import Refused, refused


class _Nested(Exception):
    """Complaints about the parts of a value."""

    def __init__(self, issues: Issues) -> None:
        super().__init__()
        self.issues = issues


#: Returns the stored form of a value; raises Refused or _Nested.
Reader: TypeAlias = Callable[[JSON, Scope], JSON]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A body of form fields: every value of every name, and the files."""

    fields: Mapping[str, list[Any]]


_ABSENT: Final = object()
#: Formats of texts that cannot be empty.
_READ_FORMATS: Final = frozenset({"uuid", "date", "date-time"})


@dataclass(frozen=True, slots=True)
class _Property:
    name: str
    read: Reader
    is_required: bool
    is_nullable: bool
    allows_blank: bool
    is_list: bool
    is_boolean: bool
    is_text: bool
    is_object: bool
    schema: Schema


@dataclass(frozen=True, slots=True)
class BodyReader:
    """A compiled body schema; `read` returns the fields that were sent."""

    properties: tuple[_Property, ...]
    is_partial: bool
    is_lenient: bool

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
            except Refused as problem:
                issues[prop.name] = problem.issues
            except _Nested as problem:
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
        return BodyReader(tuple(properties), is_partial, self.is_lenient)

    def _required(self, schema: Schema) -> set[str]:
        found = set(schema.get("required") or ())
        for part in schema.get("allOf") or ():
            found |= self._required(resolve(self.document, part))
        return found

    def _property(self, name: str, sub: Schema, read: Reader, *, is_required: bool) -> _Property:
        types = types_of(sub)
        is_text = "string" in types and not {"boolean", "integer"} & set(types)
        is_other = sub.get("format") in _READ_FORMATS or isinstance(sub.get("x-from"), Mapping)
        return _Property(
            name=name,
            read=read,
            is_required=is_required,
            is_nullable=is_nullable(sub),
            allows_blank=not sub.get("minLength"),
            is_list="array" in types,
            is_boolean="boolean" in types,
            is_object="object" in types,
            schema=sub,
            is_text=is_text
            and not is_other
            and "enum" not in sub
            and "decimal" not in scalars.normal_steps(sub),
        )

    def _reader(self, name: str, schema: Schema, resource: Resource) -> Reader:
        source, types = schema.get("x-from"), types_of(schema)
        if "array" in types and not _admits_all(schema):
            return self._array(name, schema, resource)
        if isinstance(source, Mapping) and "link" in source:
            return self._link(source["link"], resource, schema)
        if isinstance(source, Mapping) and "media" in source:
            return _media
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
        read_item = self._reader(name, {**items, "x-from": source} if is_links else items, resource)
        takes_null = is_nullable(items)
        unique = bool(schema.get("uniqueItems")) or is_links
        shortest, longest = schema.get("minItems"), schema.get("maxItems")

        def read(value: JSON, scope: Scope) -> JSON:
            if not isinstance(value, list):
                raise refused("not_a_list", type=type(value).__name__)
            found: list[JSON] = []
            issues: dict[str, Issues] = {}
            for position, item in enumerate(value):
                try:
                    if item is None and not takes_null:
                        raise (
                            refused("not_a_link", type="NoneType") if is_links else refused("null")
                        )
                    result = None if item is None else read_item(item, scope)
                    if not (unique and result in found):
                        found.append(result)
                except Refused as problem:
                    if is_links:
                        # A relation complains of its first bad member only, as one field.
                        raise
                    issues[str(position)] = problem.issues
                except _Nested as problem:
                    issues[str(position)] = problem.issues
            if issues:
                raise _Nested(issues)
            if shortest is not None and len(value) < shortest:
                raise refused("min_items", limit=shortest)
            if longest is not None and len(value) > longest:
                raise refused("max_items", limit=longest)
            return found

        return read

    def _object(self, schema: Schema, resource: Resource) -> Reader:
        declared = properties_of(self.document, schema)
        rest = schema.get("additionalProperties")
        rest_schema = resolve(self.document, rest) if isinstance(rest, Mapping) else None
        if not declared and rest_schema is None:
            return _any_object
        if declared:
            reader = self.compile(schema, resource, is_partial=False, is_new=False)

            def read_object(value: JSON, scope: Scope) -> JSON:
                try:
                    return reader.read(value, scope)
                except Invalid as problem:
                    raise _Nested(problem.issues) from None

            return read_object
        assert rest_schema is not None
        return _table(self._reader("", rest_schema, resource), is_nullable(rest_schema))


def _table(read_value: Reader, takes_null: bool) -> Reader:
    def read(value: JSON, scope: Scope) -> JSON:
        if not isinstance(value, Mapping):
            raise refused("not_a_dict", type=type(value).__name__)
        found: dict[str, JSON] = {}
        issues: dict[str, Issues] = {}
        for key, item in value.items():
            try:
                if item is None and not takes_null:
                    raise refused("null")
                found[key] = None if item is None else read_value(item, scope)
            except Refused as problem:
                issues[key] = problem.issues
            except _Nested as problem:
                issues[key] = problem.issues
        if issues:
            raise _Nested(issues)
        return found

    return read


def _any_object(value: JSON, scope: Scope) -> JSON:
    if not isinstance(value, Mapping):
        raise refused("not_a_dict", type=type(value).__name__)
    return value


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
    def unique(value: JSON, scope: Scope) -> JSON:
        found = read(value, scope)
        if any(record.get(field) == found for record in scope.store.all(resource.name)):
            raise refused("unique", label=resource.label, field=field)
        return found

    return unique


def _media(value: JSON, scope: Scope) -> JSON:
    if value == "":
        # How a form says that there is no file.
        return None
    if not isinstance(value, Upload):
        raise refused("not_a_file")
    if not value.content:
        raise refused("empty_file")
    if not _is_image(value.content):
        raise refused("not_an_image")
    key = scope.call.new_id()
    data = base64.b64encode(value.content).decode()
    scope.store.insert("media", {"uuid": key, "content_type": value.media_type, "data": data})
    return key


def _is_image(content: bytes) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
    except Exception:  # noqa: BLE001  Pillow's decoders raise whatever they meet
        return False
    return True
