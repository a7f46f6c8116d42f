"""Prove of what a write leaves in the store that no answer tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from mockserver.api import Api
from mockserver.compiler import resolve
from mockserver.mutants import sites
from mockserver.mutants.registry import Site
from mockserver.operation import Operation, Resource, Schema, format_of, types_of
from mockserver.projection import properties_of

#: A step of a path: from which resource, by which field or relation.
Hop: TypeAlias = tuple[str, str]
_DEPTH = 5


def stamp(site: Site, api: Api) -> str:
    """Tell of an instant that the server keeps whether any answer shows or compares it."""
    resource, name = site.subject
    field = api.spec.resources[resource].fields.get(name)
    is_instant = field is not None and format_of(field.schema) == "date-time"
    if not is_instant or (resource, name) in _hops(api):
        return ""
    return "no answer shows the instant, no filter and no order compares it"


def changed(site: Site, api: Api) -> str:
    """Tell of a field of another record whether any answer leads to such records."""
    resource = site.subject[0]
    return "" if _is_reached(api, resource) else "no answer leads to the records that it changes"


def orphan(site: Site, api: Api) -> str:
    """Tell of what belongs to a deleted record whether it could be seen without that."""
    return _left(site, api, site.subject[0])


def pointer(site: Site, api: Api) -> str:
    """Tell of what pointed at a deleted record whether any answer leads to it."""
    return "" if _is_reached(api, site.subject[0]) else "no answer leads to what pointed at it"


def leftover(site: Site, api: Api) -> str:
    """Tell of a record that an operation takes away whether it could be seen if it stayed."""
    if site.subject == site.operation.resource:
        return ""
    if site.operation.verb == "destroy":
        return _left(site, api, site.subject)
    return _unpointed(api, site.subject)


def _unpointed(api: Api, resource: str) -> str:
    """Tell of a resource whether its records are only seen where something points at them."""
    steps = (api.spec.resources[holder].relations.get(step) for holder, step in _hops(api))
    ways = {each.kind for each in steps if each is not None and each.to == resource}
    is_asked_for = any(operation.resource == resource for operation in api.spec.operations)
    if is_asked_for or not ways <= {"one", "many"}:
        return ""
    return "it is only seen where a record points at it, and none does any more"


def unused(site: Site, api: Api) -> str:
    """Tell of what forbids a deletion whether an operation could bring it about."""
    return _unmade(api, *site.subject)


def unreachable(site: Site, api: Api) -> str:
    """Tell of an operation whether an operation could bring a record into a refused state."""
    effect, resource = site.operation.effect, api.spec.resources.get(site.operation.resource)
    ways = [path for each in (effect.refuses if effect else ()) for path in each.when]
    if resource is None or not ways:
        return ""
    relations = [resource.relations.get(path.partition(".")[0]) for path in ways]
    why = [
        _unmade(api, each.to, each.by) if each is not None and each.kind == "reverse" else ""
        for each in relations
    ]
    return why[0] if all(why) else ""


def _unmade(api: Api, resource: str, relation: str) -> str:
    """Tell whether no operation makes records of a resource, or has them point at another one."""
    for operation in api.spec.operations:
        effect = operation.effect
        if effect is None:
            continue
        if resource in effect.creates or relation in effect.changes.get(resource, ()):
            # Pointing at nothing brings about less than there was.
            emptied = effect.sets.get(resource, {})
            if resource in effect.creates or emptied.get(relation, "") is not None:
                return ""
    return f"no operation makes a {resource} or gives one a {relation}, so that none is ever in use"


def _left(site: Site, api: Api, child: str) -> str:
    parent = site.operation.resource
    for operation in api.spec.operations:
        is_below = operation.nesting is not None and operation.nesting.parent == parent
        if operation.resource == child and not is_below:
            return ""
    for holder, step in _hops(api):
        relation = api.spec.resources[holder].relations.get(step)
        if relation is not None and relation.to == child and holder != parent:
            return ""
    return "it is only shown below the record that is gone"


def _is_reached(api: Api, resource: str) -> bool:
    works = any(operation.resource == resource for operation in api.spec.operations)
    steps = ((api.spec.resources[holder].relations.get(step)) for holder, step in _hops(api))
    return works or any(each is not None and each.to == resource for each in steps)


#: The API read last, with its hops.
_LAST: dict[str, tuple[Api, frozenset[Hop]]] = {}


def _hops(api: Api) -> frozenset[Hop]:
    """Return every step that an answer, a filter, an order or a refusal takes."""
    known = _LAST.get("api")
    if known is None or known[0] is not api:
        found = {hop for operation in api.spec.operations for hop in _of(api, operation)}
        known = _LAST["api"] = (api, frozenset(found))
    return known[1]


def _of(api: Api, operation: Operation) -> Iterator[Hop]:
    resource = api.spec.resources.get(operation.resource)
    if resource is None:
        return
    yield from _shown(api, resource, sites.row_schema(api, operation), 0)
    paths = [path for p in operation.parameters if p.filter for path in p.filter.fields]
    paths += [
        path
        for p in operation.parameters
        if p.filter
        for way in p.filter.any
        for path in (*way.fields, *way.words)
    ]
    paths += [path for key in (operation.ordering.keys.values() if operation.ordering else ())
              for path in key]  # fmt: skip
    paths += [path for each in (operation.effect.refuses if operation.effect else ())
              for path in each.when]  # fmt: skip
    for path in paths:
        yield from _along(api, resource, path)
    nesting = operation.nesting
    if nesting is not None and nesting.relation and nesting.parent:
        yield nesting.parent, nesting.relation


def _along(api: Api, resource: Resource, path: str) -> Iterator[Hop]:
    at = resource
    for step in path.split(".") if path != "." else ():
        yield at.name, step
        relation = at.relations.get(step)
        if relation is None:
            return
        at = api.spec.resources[relation.to]


def _shown(api: Api, resource: Resource, schema: Schema, depth: int) -> Iterator[Hop]:
    for name, declared in properties_of(api.spec.document, schema).items():
        node = resolve(api.spec.document, declared)
        said: Any = node.get("x-from", name)
        path = said if isinstance(said, str) else next(iter(said.values()))
        if isinstance(said, Mapping) and "computed" in said:
            target = api.spec.resources.get(str(said.get("resource", "")))
        else:
            yield from _along(api, resource, name if said == "server" else str(path))
            target = _target(api, resource, str(path))
        inner = resolve(api.spec.document, node.get("items") or {})
        inner = inner if "array" in types_of(node) else node
        if target is not None and depth < _DEPTH and isinstance(inner, Mapping):
            yield from _shown(api, target, inner, depth + 1)


def _target(api: Api, resource: Resource, path: str) -> Resource | None:
    at: Resource | None = resource
    for step in path.split(".") if path != "." else ():
        relation = at.relations.get(step) if at is not None else None
        at = api.spec.resources[relation.to] if relation is not None else None
    return at
