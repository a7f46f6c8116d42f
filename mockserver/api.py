"""Bind every operation of a spec to the one action that performs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from mockserver import claims, crud, dialects, filters, ordering, views
from mockserver.actions import Action, Bound, Scope
from mockserver.bodies import Bodies, BodyReader
from mockserver.compiler import resolve
from mockserver.errors import AuthorError, BrokenSpec, Invalid, Issue, Issues, SpecError
from mockserver.filters import Predicate
from mockserver.json_types import JSON, Record
from mockserver.links import Links
from mockserver.loader import where
from mockserver.operation import Field, Operation, Resource, Schema, Spec, is_nullable, types_of
from mockserver.pack import Pack
from mockserver.paths import Path, Paths
from mockserver.projection import View, Views, properties_of
from mockserver.views import Source, Wanted

_VERBS: Final[Mapping[str, Action]] = {
    "list": crud.list_,
    "retrieve": crud.retrieve,
    "create": crud.create,
    "update": crud.update,
    "partial_update": crud.partial_update,
    "destroy": crud.destroy,
}
_SHOWING: Final = frozenset({"list", "retrieve", "create", "update", "partial_update"})


@dataclass(frozen=True, slots=True)
class Api:
    """A spec and a pack, compiled together: all that a request may look up."""

    spec: Spec
    pack: Pack
    dialect: dialects.Dialect
    links: Links
    operations: Mapping[str, Bound] = field(default_factory=dict)

    @property
    def conventions(self) -> Mapping[str, Any]:
        """What `x-mock` says, with its defaults."""
        return self.spec.conventions


def bind(spec: Spec, pack: Pack) -> Api:
    """Compile every operation; raise BrokenSpec with every mistake."""
    problems: list[AuthorError] = []
    binder = _Binder(spec, pack, problems)
    operations = binder.bind()
    name = spec.conventions["dialect"]
    if name not in dialects.DIALECTS:
        known = ", ".join(dialects.DIALECTS)
        problems.append(SpecError("x-mock", f"there is no dialect {name!r}; there are {known}"))
    if problems:
        raise BrokenSpec(problems)
    return Api(spec, pack, dialects.DIALECTS[name], binder.links, operations)


class _Binder:
    def __init__(self, spec: Spec, pack: Pack, problems: list[AuthorError]) -> None:
        self.spec, self.pack, self.problems = spec, pack, problems
        self.links = Links(spec.resources, spec.operations, spec.conventions["elsewhere"])
        self.paths = Paths(
            spec.resources, pack.functions, spec.conventions["ordering"]["collation"]
        )
        media = (spec.conventions["media"] or {}).get("path", "")
        self.views = Views(spec.document, self.paths, media, problems)
        self.bodies = Bodies(
            spec.document, self.paths, self.links, is_lenient=spec.conventions["input"] == "lenient"
        )

    def bind(self) -> dict[str, Bound]:
        bound = {}
        for operation in self.spec.operations:
            try:
                bound[operation.id] = self._bind(operation)
            except SpecError as problem:
                self.problems.append(problem)
        self._check_resources()
        self.problems.extend(claims.check(self.spec, self.paths))
        known = {operation.id for operation in self.spec.operations}
        for name in sorted(set(self.pack.operations) - known):
            text = f"no such operation: {name}; name the function like its operationId"
            self.problems.append(SpecError(f"pack {self.pack.name}", text))
        for name in sorted(set(self.pack.functions) - self.paths.used):
            text = f"nothing in the spec names {name}; remove it, or make it private"
            self.problems.append(SpecError(f"pack {self.pack.name}", text))
        return bound

    def _check_resources(self) -> None:
        """Compile what no operation may have compiled: default orders, relations, fields."""
        for resource in self.spec.resources.values():
            texts = [*resource.order, *resource.relations]
            texts += [f.name for f in resource.fields.values() if f.computed]
            for text in texts:
                try:
                    self.paths.compile(resource, text.removeprefix("-"), resource.where)
                except SpecError as problem:
                    self.problems.append(problem)
            for chosen in resource.fields.values():
                if chosen.server:
                    self._guard(partial(self.paths.function, chosen.server, resource.where))

    def _guard(self, step: Callable[[], Any]) -> None:
        try:
            step()
        except SpecError as problem:
            self.problems.append(problem)

    def _bind(self, operation: Operation) -> Bound:
        resource = self.spec.resources[operation.resource]
        parent, rows = self._rows(operation, resource)
        view = self._view(operation, resource)
        return Bound(
            operation=operation,
            resource=resource,
            conventions=self.spec.conventions,
            success=operation.success,
            path_key=operation.path_key,
            action=self._action(operation),
            parent=parent,
            rows=rows,
            find=self._find(operation, resource),
            is_visible=self._seen(operation, resource),
            shows=view.show,
            names=view.names,
            # Only a list asks about the parent: a new record must lead to its owner itself.
            owners=self._owners(operation, (operation.verb == "list" and parent) or resource),
            chosen=self._chosen(resource) if operation.verb == "create" else {},
            defaults=self._defaults(operation, resource) if operation.verb == "create" else {},
            body_fields=self._body_fields(operation, resource),
            readers=self._readers(operation, resource),
        )

    def _action(self, operation: Operation) -> Action:
        own = self.pack.operations.get(operation.id)
        if own is not None:
            return own
        if operation.verb in _VERBS:
            return _VERBS[operation.verb]
        wanted = f"add `def {operation.id}(scope)` to the {self.pack.name} pack"
        text = f"{operation.id} does nothing: {wanted}"
        raise SpecError(operation.where, text)

    # Rows

    def _rows(
        self, operation: Operation, resource: Resource
    ) -> tuple[Resource | None, Callable[[Scope], Sequence[Record]]]:
        nesting, name = operation.nesting, resource.name
        origin = object()
        if nesting is None:
            return None, lambda scope: Source(scope, origin, lambda: scope.store.all(name), name)
        if nesting.relation:
            parent = self.spec.resources[nesting.parent]
            if parent.relations[nesting.relation].to != name:
                text = f"{nesting.parent}.{nesting.relation} does not lead to {name}"
                raise SpecError(operation.where, text)
            path = self.paths.compile(parent, nesting.relation, operation.where)
            return parent, lambda scope: Source(
                scope, origin, lambda: path.reach(scope.parent or {}, scope)
            )
        return self._rows_by_field(operation, resource, nesting.field)

    def _rows_by_field(
        self, operation: Operation, resource: Resource, field_path: str
    ) -> tuple[Resource, Callable[[Scope], Sequence[Record]]]:
        before = field_path.rpartition(".")[0]
        path = self.paths.compile(resource, before or ".", operation.where)
        parent = path.resource
        if parent is None or not before:
            text = (
                f"x-filter {field_path!r} on a path parameter must end in a relation's key; "
                f"write it as relation.{resource.key}"
            )
            raise SpecError(operation.where, text)
        relation = resource.relations.get(before)
        origin = object()
        if relation is not None and relation.is_stored:

            def held(scope: Scope) -> Sequence[Record]:
                key = (scope.parent or {})[parent.key]
                return scope.store.related(resource.name, before, key)

            return parent, lambda scope: Source(scope, origin, lambda: held(scope))

        def led(scope: Scope) -> Sequence[Record]:
            return [
                record
                for record in scope.store.all(resource.name)
                if any(found is scope.parent for found in path.reach(record, scope))
            ]

        return parent, lambda scope: Source(scope, origin, lambda: led(scope))

    def _find(
        self, operation: Operation, resource: Resource
    ) -> Callable[[Scope, Sequence[Record]], Sequence[Record]]:
        makers = self._makers(operation, resource)
        sort = ordering.compile_order(
            operation.ordering,
            operation.order,
            resource,
            self.spec.conventions["ordering"],
            self.paths,
            operation.where,
        )
        is_visible = self._visible(operation) if operation.visible else None
        checks = [c for c in (self._condition(operation, resource), is_visible) if c is not None]
        required = self._required(operation) & makers.keys()
        name, heard = object(), self._heard(operation)

        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            sent = scope.call.query
            made, lost = filters.asked(makers, scope)
            issues: dict[str, Issues] = filters.complaints(made)
            issues.update({name: [Issue("query.required")] for name in required - sent.keys()})
            sorter = sort(scope)
            if isinstance(sorter, list):
                assert operation.ordering is not None
                issues[operation.ordering.parameter] = list(sorter)
            if issues or isinstance(sorter, list):
                raise Invalid(issues)
            if lost is not None:
                raise lost
            if not isinstance(rows, Source) or rows.scope is not scope:
                return sorter(_kept(rows, made.values(), checks, scope))
            tests = [keeps for keeps in made.values() if callable(keeps)]
            tests += [partial(_holds, holds, scope) for holds in checks]
            few = partial(filters.few, made.values())
            wanted = Wanted(tests, sorter.alone, sorter.rank, few)
            asked = tuple([(each, tuple(sent[each])) for each in sorted(heard & sent.keys())])
            return views.find(scope, rows, wanted, name, asked)

        return find

    def _heard(self, operation: Operation) -> frozenset[str]:
        """Return the query parameters that decide which records are found, and their order."""
        rules = self.spec.conventions
        other = {rules["paging"]["number"], rules["paging"]["size"], rules["fieldset"]["parameter"]}
        names = {p.name for p in operation.parameters if p.place == "query"}
        names |= {operation.ordering.parameter} if operation.ordering else set()
        return frozenset(names - other)

    def _required(self, operation: Operation) -> set[str]:
        """Return the query parameters whose absence is refused: none where input is lenient."""
        if self.spec.conventions["input"] != "strict":
            return set()
        return {p.name for p in operation.parameters if p.place == "query" and p.is_required}

    def _makers(self, operation: Operation, resource: Resource) -> dict[str, filters.Maker]:
        """Return what each query parameter that filters makes of a call."""
        makers: dict[str, filters.Maker] = {}
        for p in operation.parameters:
            if p.filter is None:
                continue
            # Guarded one by one: the mistake of one must not hide those of the others.
            try:
                makers[p.name] = filters.compile_filter(
                    p, p.filter, resource, self.paths, self.links
                )
            except SpecError as problem:
                self.problems.append(problem)
        return makers

    def _condition(
        self, operation: Operation, resource: Resource
    ) -> Callable[[Record, Scope], bool] | None:
        wanted: list[tuple[Path, JSON]] = [
            (self.paths.compile(resource, text, operation.where), value)
            for text, value in operation.conditions.items()
        ]
        if not wanted:
            return None
        return lambda record, scope: all(
            value in path.reach(record, scope) for path, value in wanted
        )

    def _seen(self, operation: Operation, resource: Resource) -> Callable[[Record, Scope], bool]:
        """Return whether one record is there for the caller, by `where` and `visible`."""
        condition, is_visible = self._condition(operation, resource), self._visible(operation)
        if condition is None:
            return is_visible
        return lambda record, scope: condition(record, scope) and is_visible(record, scope)

    def _visible(self, operation: Operation) -> Callable[[Record, Scope], bool]:
        if not operation.visible:
            return lambda record, scope: True
        return self.paths.function(operation.visible, operation.where)

    def _owners(
        self, operation: Operation, start: Resource
    ) -> Callable[[Record, Scope], list[Record]]:
        permission = operation.permission
        compiled = [
            self.paths.compile(start, text, operation.where)
            for text in (permission.on if permission else ())
        ]
        for path in compiled:
            if path.resource is None:
                text = f"x-permission on {path.text!r}: that is a field, not a record"
                raise SpecError(operation.where, text)
        return lambda record, scope: [r for path in compiled for r in path.reach(record, scope)]

    # Views and bodies

    def _view(self, operation: Operation, resource: Resource) -> View:
        schema = operation.success.schema
        if schema is None:
            return View()
        schema = resolve(self.spec.document, schema)
        if operation.verb == "list":
            schema = self._items(operation, schema)
        if operation.verb in _SHOWING:
            return self.views.compile(schema, resource)
        # A function may answer with the record or with anything else.
        problems: list[Any] = []
        views = Views(self.spec.document, self.paths, self.views.media_path, problems)
        view = views.compile(schema, resource)
        return View() if problems else view

    def _items(self, operation: Operation, schema: Schema) -> Schema:
        """Return the schema of one row, inside the envelope where there is one."""
        envelope = self.spec.conventions["paging"]["envelope"]
        if "array" not in types_of(schema) and envelope:
            declared = properties_of(self.spec.document, schema)
            schema = resolve(self.spec.document, declared.get(envelope["items"], {}))
        found: Schema = resolve(self.spec.document, schema.get("items") or {})
        if not found:
            name = f", {envelope['items']!r} in the envelope" if envelope else ""
            text = f"{operation.id} lists, but its answer describes no array of records{name}"
            raise SpecError(operation.where, f"{text}; see x-mock.paging")
        return found

    def _readers(self, operation: Operation, resource: Resource) -> dict[str, BodyReader]:
        if operation.body is None:
            return {}
        return {
            media: self.bodies.compile(
                schema,
                resource,
                is_partial=operation.verb == "partial_update",
                is_new=operation.verb == "create",
                is_record=operation.verb in ("create", "update", "partial_update"),
            )
            for media, schema in operation.body.schemas.items()
        }

    def _body_fields(self, operation: Operation, resource: Resource) -> dict[str, str]:
        if operation.body is None or operation.verb not in ("create", "update", "partial_update"):
            return {}
        found = {}
        for schema in operation.body.schemas.values():
            for name, declared in properties_of(self.spec.document, schema).items():
                sub = resolve(self.spec.document, declared)
                stored = _stored_name(name, sub.get("x-from"))
                target = resource.fields.get(stored)
                if target is None or not target.is_stored:
                    text = f"body property {name!r}: {resource.name} stores no field {stored!r}"
                    raise SpecError(where(declared) or operation.where, text)
                found[name] = stored
        return found

    def _chosen(self, resource: Resource) -> dict[str, Callable[[Scope], JSON]]:
        return {
            name: self._choose(declared, resource)
            for name, declared in resource.fields.items()
            if declared.server is not None
        }

    def _choose(self, declared: Field, resource: Resource) -> Callable[[Scope], JSON]:
        if declared.server:
            function = self.paths.function(declared.server, resource.where)
            return lambda scope: function(scope.call)
        form = declared.schema.get("format")
        if form == "uuid":
            return lambda scope: scope.call.new_id()
        if form == "date-time":
            return lambda scope: scope.call.instant
        if form == "date":
            return lambda scope: scope.call.instant[:10]
        if "integer" in types_of(declared.schema):
            return lambda scope: scope.store.next_serial(resource.name)
        text = f"x-from server: we cannot choose a {declared.name} by its format; name a function"
        raise SpecError(where(declared.schema) or resource.where, text)

    def _defaults(self, operation: Operation, resource: Resource) -> dict[str, JSON]:
        said: dict[str, JSON] = {}
        for schema in operation.body.schemas.values() if operation.body else ():
            for name, declared in properties_of(self.spec.document, schema).items():
                sub = resolve(self.spec.document, declared)
                if "default" in sub:
                    said[_stored_name(name, sub.get("x-from"))] = sub["default"]
        return {
            name: said.get(name, _default(declared, resource))
            for name, declared in resource.fields.items()
            if declared.is_stored and declared.server is None
        }


def _holds(check: Callable[[Record, Scope], bool], scope: Scope, record: Record) -> bool:
    return check(record, scope)


def _kept(
    rows: Sequence[Record],
    made: Iterable[Predicate | list[Issue] | None],
    checks: Iterable[Callable[[Record, Scope], bool]],
    scope: Scope,
) -> Sequence[Record]:
    """Return the rows that pass every predicate and every check, in their order."""
    for keeps in made:
        if callable(keeps):
            rows = [record for record in rows if keeps(record)]
    for holds in checks:
        rows = [record for record in rows if holds(record, scope)]
    return rows


def _default(declared: Field, resource: Resource) -> JSON:
    if "default" in declared.schema:
        return declared.schema["default"]
    relation = resource.relations.get(declared.name)
    if relation is not None and relation.kind == "many":
        return []
    if relation is not None or is_nullable(declared.schema):
        return None
    empty: dict[str, JSON] = {"array": [], "object": {}, "string": "", "boolean": False}
    return next((empty[t] for t in types_of(declared.schema) if t in empty), None)


def _stored_name(name: str, source: Any) -> str:
    if isinstance(source, str) and source != "server":
        return source
    if isinstance(source, Mapping):
        return str(source.get("link") or source.get("media") or name)
    return name
