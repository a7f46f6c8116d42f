"""Which records a request body can refer to, and how: by link or by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract_tests.lab import Blocked, Lab
from contract_tests.subject import Subject, key_in
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation, Resource, Schema, format_of, types_of

#: Lists that are read to get to know records to refer to.
_VISITS: Final = 8
#: Parents whose lists are read for that, and how many of them with any rows.
_PARENTS: Final = 6
_FILLED: Final = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """A property whose value names a record; `is_certain` unless only its name says so."""

    resource: str
    is_link: bool
    is_integer: bool
    is_certain: bool = True


def reference_of(
    subject: Subject, resource: Resource | None, name: str, schema: Schema
) -> Reference | None:
    """Return what a body property refers to; None when it holds a value of its own."""
    said = schema.get("x-from")
    if resource is None or not (name or said):
        return None
    if isinstance(said, Mapping):
        target = subject.reached(resource, said["link"]) if "link" in said else None
        return Reference(target.name, is_link=True, is_integer=False) if target else None
    is_integer = "integer" in types_of(schema)
    path = said if isinstance(said, str) else name
    target = subject.reached(resource, path)
    if target is not None and "object" not in types_of(schema):
        return Reference(target.name, is_link=False, is_integer=is_integer)
    return None if said else _guessed(subject, name, schema, is_integer=is_integer)


def _guessed(subject: Subject, name: str, schema: Schema, *, is_integer: bool) -> Reference | None:
    stem, _, end = name.rpartition("_")
    for resource in subject.spec.resources.values():
        is_named = name == resource.name or (stem == resource.name and end == resource.key)
        is_key = format_of(schema) == "uuid" or name == resource.name
        if is_named and is_key and {"string", "integer"} & set(types_of(schema)):
            return Reference(resource.name, is_link=False, is_integer=is_integer, is_certain=False)
    return None


def references(subject: Subject, operation: Operation) -> dict[str, Reference]:
    """Return the properties of a body that each name one record."""
    schema, resource = subject.body_schema(operation), subject.resource(operation)
    found = {}
    for name, declared in subject.properties(schema or {}).items():
        if admits_all(declared) or "array" in types_of(declared):
            continue
        reference = reference_of(subject, resource, name, declared)
        if reference is not None:
            found[name] = reference
    return found


def admits_all(schema: Schema) -> bool:
    """Tell whether a property takes whatever is sent, so that nothing can be said of it."""
    return {"array", "object", "string"} <= set(types_of(schema))


def known(lab: Lab, world: World, reference: Reference) -> list[Any]:
    """Return values that name existing records, from the lists that show them."""
    _visit(lab, world, reference.resource)
    if reference.is_link:
        return list(_links(lab, world, reference.resource))
    keys = list(_keys(lab, world, reference.resource))
    return [int(key) for key in keys if key.isdigit()] if reference.is_integer else keys


def _links(lab: Lab, world: World, resource: str) -> dict[str, None]:
    """Return the links that answers showed, and those to records of which they showed the key."""
    found = dict(world.links.get(resource, {}))
    declared = lab.subject.spec.resources[resource]
    before, after = declared.around
    if not before:
        return found
    start = lab.client.transport.base_url
    for link in found:
        start = link.partition(before)[0]
        break
    seen = {key_in(declared, link) for link in found}
    for key in _keys(lab, world, resource):
        if key not in seen:
            found[f"{start}{before}{key}{after}"] = None
    return found


def _keys(lab: Lab, world: World, resource: str) -> Iterator[str]:
    declared = lab.subject.spec.resources[resource]
    found = {key: None for name, key in list(world.facts) if name == resource}
    for (name, _), facts in list(world.facts.items()):
        holder = lab.subject.spec.resources[name]
        for path, value in facts.items():
            step, _, end = path.rpartition(".")
            if end == declared.key and step and isinstance(value, (str, int)):
                reached = lab.subject.reached(holder, step)
                if reached is not None and reached.name == resource:
                    found[str(value)] = None
    for link in world.links.get(resource, ()):
        if key := key_in(declared, link):
            found[key] = None
    yield from found


def _visit(lab: Lab, world: World, resource: str) -> None:
    """Read some lists that show links to records of a resource, or their keys, once."""
    if ("visited", resource) in world.making:
        return
    world.making["visited", resource] = True
    for operation in _showing(lab, resource)[:_VISITS]:
        filled = 0
        for params in _ways(world, operation):
            try:
                filled += bool(world.listing(operation, params).rows)
            except Blocked:
                continue
            if filled == _FILLED:
                break


def _ways(world: World, operation: Operation) -> list[dict[str, str]]:
    if not operation.path_key:
        return [{}]
    keys = world.keys(world.parent_resource(operation), operation)
    said = example_of(world.lab.subject, operation).replace("-", "")
    telling = [key for key in keys if said and key.replace("-", "") == said]
    return [{operation.path_key: key} for key in dict.fromkeys([*telling, *keys[:_PARENTS]])]


def example_of(subject: Subject, operation: Operation) -> str:
    """Return the key that the description gives as an example of an operation's path; or ""."""
    item = subject.resolve(subject.document["paths"][operation.path])
    node = item.get(operation.method.lower()) or {}
    for raw in [*(node.get("parameters") or ()), *(item.get("parameters") or ())]:
        declared = subject.resolve(raw)
        if declared.get("name") == operation.path_key and "example" in declared:
            return str(declared["example"])
    return ""


def _showing(lab: Lab, resource: str) -> list[Operation]:
    found = [
        operation
        for operation in lab.subject.spec.operations
        if operation.verb == "list"
        and (
            operation.resource == resource
            or any(each.resource == resource for each in lab.subject.view(operation).values())
            or any(
                each.path.endswith(f".{lab.subject.spec.resources[resource].key}")
                and _leads_to(lab.subject, operation, each.path, resource)
                for each in lab.subject.view(operation).values()
            )
        )
    ]
    return sorted(found, key=lambda o: (bool(o.path_key), o.resource != resource))


def _leads_to(subject: Subject, operation: Operation, path: str, resource: str) -> bool:
    holder = subject.resource(operation)
    reached = subject.reached(holder, path.rpartition(".")[0]) if holder else None
    return reached is not None and reached.name == resource


def shown_as(subject: Subject, writer: Operation, reader: Operation, name: str) -> str:
    """Return the property in which a reader shows what a body property wrote; "" when in none."""
    written = subject.body_view(writer).get(name)
    if written is None or written.source not in ("field", "link"):
        return ""
    for shown in subject.view(reader).values():
        if shown.source == written.source and shown.path == written.path and not shown.inner:
            return shown.name
    return ""


def taken(lab: Lab, world: World, writer: Operation, name: str) -> set[Any]:
    """Return the values of a property that listed records already have."""
    found: set[Any] = set()
    for lister in world.listers(writer.resource):
        shown = shown_as(lab.subject, writer, lister, name)
        try:
            rows = world.listing(lister).rows if shown else []
        except Blocked:
            continue
        values = [row.get(shown, ABSENT) for row in rows if isinstance(row, Mapping)]
        found |= {value for value in values if isinstance(value, (str, int))}
    return found
