"""What is tested: the description, and what each answer shows of the records behind it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from contract_tests import inference
from mockserver import compiler, loader, overlay, upgrade
from mockserver.compiler import resolve
from mockserver.data import root
from mockserver.loader import Node, where
from mockserver.operation import Operation, Relation, Resource, Schema, Spec, types_of

Source: TypeAlias = Literal["field", "link", "media", "computed", "server", "nested"]
_DEPTH: Final = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """
    One property of an answer: `path` leads from the record to what it shows.

    `resource` is what a link, a key or a nested object belongs to; `inner` shows the nested
    one; `function` names what derives a computed value.
    """

    name: str
    path: str
    source: Source
    schema: Schema
    resource: str = ""
    is_list: bool = False
    inner: Mapping[str, Shown] = field(default_factory=dict)
    function: str = ""


@dataclass(frozen=True)
class Subject:
    """
    A description as testers need it.

    `is_annotated` tells whether it says what things mean; `guessed` lists what was
    inferred of a plain document, `name` is where it was read.
    """

    spec: Spec
    name: str
    is_annotated: bool = True
    guessed: tuple[str, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """The bundled document."""
        return self.spec.document

    @property
    def conventions(self) -> Mapping[str, Any]:
        """What `x-mock` says, with its defaults."""
        return self.spec.conventions

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the document, for reports."""
        text = json.dumps(self.document, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation by its id."""
        return {operation.id: operation for operation in self.spec.operations}

    @cached_property
    def _views(self) -> dict[str, Mapping[str, Shown]]:
        return {}

    def resource(self, operation: Operation) -> Resource | None:
        """Return what the records of an operation are; None in a plain document."""
        return self.spec.resources.get(operation.resource)

    def resolve(self, node: Any) -> Any:
        """Follow the references of a node of the document."""
        return resolve(self.document, node)

    def envelope(self, operation: Operation) -> Mapping[str, str]:
        """Return the names of a list's members when it is no bare array; else {}."""
        schema = self.resolve(operation.success.schema or {})
        if "array" in types_of(schema):
            return {}
        return dict(self.conventions["paging"].get("envelope") or {})

    def row_schema(self, operation: Operation) -> Schema:
        """Return the complete schema of the record (or of one row) that an operation answers."""
        schema: Any = self.resolve(operation.success.schema or {})
        if operation.verb == "list":
            names = self.envelope(operation)
            if names:
                schema = self.resolve((schema.get("properties") or {}).get(names["items"], {}))
            schema = self.resolve(first(schema).get("items") or {})
        found: Schema = first(self.resolve(schema), self.resolve)
        return found

    def view(self, operation: Operation) -> Mapping[str, Shown]:
        """Return what each property of an operation's record shows, by property."""
        if operation.id not in self._views:
            resource = self.resource(operation)
            shown = {} if resource is None else self._shown(self.row_schema(operation), resource, 0)
            self._views[operation.id] = shown
        return self._views[operation.id]

    def shown_key(self, operation: Operation) -> str:
        """Return the property that identifies a record in an operation's answer."""
        resource = self.resource(operation)
        if resource is None:
            return "id"
        names = [
            each.name
            for each in self.view(operation).values()
            if each.path == resource.key and each.source in ("field", "server")
        ]
        return resource.key if resource.key in names or not names else names[0]

    def reached(self, resource: Resource, path: str) -> Resource | None:
        """Return the resource a dotted path of relations ends at; None when it ends at a field."""
        at: Resource | None = resource
        for step in path.split(".") if path not in ("", ".") else ():
            relation: Relation | None = at.relations.get(step) if at else None
            at = self.spec.resources.get(relation.to) if relation else None
        return at

    def body_view(self, operation: Operation) -> Mapping[str, Shown]:
        """Return what each property of an operation's request body stands for."""
        resource = self.resource(operation)
        schema = self.body_schema(operation)
        return {} if resource is None or schema is None else self._shown(schema, resource, 0)

    def body_schema(self, operation: Operation) -> Schema | None:
        """Return the schema of the JSON body; None when there is none."""
        if operation.body is None:
            return None
        for media, schema in operation.body.schemas.items():
            if media.endswith("json"):
                found: Schema = first(self.resolve(schema), self.resolve)
                return found
        return None

    def properties(self, schema: Schema) -> dict[str, Schema]:
        """Return the properties of an object schema, resolved, `allOf` included."""
        schema = self.resolve(schema)
        found: dict[str, Schema] = {}
        for part in schema.get("allOf") or ():
            found.update(self.properties(part))
        for name, declared in (schema.get("properties") or {}).items():
            found[name] = self.resolve(declared)
        for key in ("anyOf", "oneOf"):
            for part in schema.get(key) or ():
                for name, declared in self.properties(part).items():
                    found.setdefault(name, declared)
        return found

    def _shown(self, schema: Schema, resource: Resource, depth: int) -> dict[str, Shown]:
        if depth > _DEPTH:
            return {}
        return {
            name: self._property(name, declared, resource, depth)
            for name, declared in self.properties(schema).items()
        }

    def _property(self, name: str, schema: Schema, resource: Resource, depth: int) -> Shown:
        said = schema.get("x-from", name)
        is_list = "array" in types_of(schema)
        if isinstance(said, Mapping):
            return self._special(name, said, schema, resource, depth)
        if said == "server":
            return Shown(name, name, "server", schema)
        field_ = resource.fields.get(said)
        if field_ is not None and field_.computed and said not in resource.relations:
            derived = field_.computed
            return Shown(name, said, "computed", schema, is_list=is_list, function=derived)
        target = self.reached(resource, said)
        if target is None:
            return Shown(name, said, "field", schema, is_list=is_list)
        inner_schema = self.resolve(schema.get("items") or {}) if is_list else schema
        inner = self._shown(inner_schema, target, depth + 1)
        kind: Source = "nested" if inner else "field"
        path = said if inner else f"{said}.{target.key}"
        return Shown(name, path, kind, schema, target.name, is_list, inner)

    def _special(
        self, name: str, said: Mapping[str, Any], schema: Schema, resource: Resource, depth: int
    ) -> Shown:
        is_list = "array" in types_of(schema)
        if "link" in said:
            target = self.reached(resource, said["link"])
            reached = target.name if target else ""
            return Shown(name, said["link"], "link", schema, reached, is_list)
        if "media" in said:
            return Shown(name, said["media"], "media", schema)
        if "computed" in said:
            of = self.spec.resources.get(said.get("resource", ""))
            inner_schema = self.resolve(schema.get("items") or {}) if is_list else schema
            inner = self._shown(inner_schema, of, depth + 1) if of else {}
            # A stored resource may give the derived value a name of its own, for paths.
            same = (f.name for f in resource.fields.values() if f.computed == said["computed"])
            path = next(same, "")
            reached = of.name if of else ""
            derived = said["computed"]
            return Shown(name, path, "computed", schema, reached, is_list, inner, derived)
        return Shown(name, name, "server", schema)

    def place(self, operation: Operation, about: str = "") -> str:
        """Return the file and line that make a claim: of a parameter, a property, or all of it."""
        if not about:
            return operation.where
        for parameter in operation.parameters:
            if parameter.name == about:
                return parameter.where or operation.where
        for schema in (self.body_schema(operation), self.row_schema(operation)):
            declared = (schema or {}).get("properties") or {}
            if about in declared:
                return where(declared, about) or where(declared[about]) or operation.where
        return operation.where


def key_in(resource: Resource, link: str) -> str:
    """Return the key that a hyperlink of a resource names; "" when it is none."""
    before, after = resource.around
    if not resource.path:
        return ""
    path = urlsplit(link).path
    found = re.search(f"{re.escape(before)}([^/]+){re.escape(after)}$", path)
    return found[1] if found else ""


def first(schema: Any, follow: Any = lambda node: node) -> Any:
    """Return the complete alternative of a schema that a fieldset may cut (docs/adr/0004)."""
    if isinstance(schema, Mapping) and "anyOf" in schema and "type" not in schema:
        return follow(schema["anyOf"][0])
    return schema


def read(path: Path | None = None, overlays: Sequence[Path] = ()) -> Subject:
    """Return the subject a file describes; the shipped one by default. Raises BrokenSpec."""
    place = path or root() / "spec" / "openapi.yaml"
    document = upgrade.to_3_1(overlay.apply(loader.load(place), overlays))
    info = document.get("info") or {}
    shipped = f"{info.get('title', 'the description')} {info.get('version', '')}".strip()
    return of_document(document, loader.display_name(place) if path else shipped)


def of_document(document: Node, name: str) -> Subject:
    """Return the subject of a bundled document, annotated or plain."""
    if "x-mock" in document or inference.is_annotated(document):
        return Subject(compiler.compile_spec(document), name)
    spec, guessed = inference.infer(document)
    return Subject(spec, name, is_annotated=False, guessed=guessed)


def chosen(
    subject: Subject,
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    tags: Iterable[str] = (),
    exclude_tags: Iterable[str] = (),
) -> tuple[Operation, ...]:
    """Return the operations a user asks for; everything when nothing is named."""
    named, left_out = frozenset(include), frozenset(exclude)
    wanted, unwanted = frozenset(tags), frozenset(exclude_tags)
    return tuple(
        operation
        for operation in subject.spec.operations
        if (not named or operation.id in named)
        and (not wanted or wanted & set(operation.tags))
        and operation.id not in left_out
        and not unwanted & set(operation.tags)
    )
