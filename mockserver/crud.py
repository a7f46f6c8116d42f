"""The six verbs every resource shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockserver import links, paginator, views
from mockserver.actions import Result, Scope
from mockserver.errors import NON_FIELD, Forbidden, Invalid, Issue, NotFound
from mockserver.json_types import JSON, Record


def list_(scope: Scope, *, among: Sequence[Record] | None = None) -> Result:
    """Show the records a query asks for, a page at a time; `among` narrows them."""
    bound = scope.bound
    enter(scope)
    rows = bound.rows(scope) if among is None else among
    found = bound.find(scope, rows)
    if bound.operation.is_paged:
        page = paginator.cut(found, scope.call.query, bound.conventions["paging"])
    else:
        page = paginator.whole(found)
    names = _fieldset(scope)
    return Result(views.page(scope, page.items, names), page=page)


def retrieve(scope: Scope) -> Result:
    """Show one record."""
    return Result(show(scope, target(scope)))


def create(scope: Scope, **extra: JSON) -> Result:
    """Make a record of the body, and show it; `extra` fields win over it."""
    record = make(scope, **extra)
    return Result(show(scope, record), created=record[scope.bound.resource.key])


def make(scope: Scope, **extra: JSON) -> Record:
    """Store a record made of the body, checked as `create` does, and return it."""
    bound, resource = scope.bound, scope.bound.resource
    _ask_without_record(scope)
    enter(scope)
    sent = {**_stored_body(scope), **_parent_field(scope), **extra}
    chosen = {name: choose(scope) for name, choose in bound.chosen.items() if name not in sent}
    record = {**bound.defaults, **chosen, **sent}
    _ask_owners(scope, record)
    _refuse_twins(scope, record)
    if scope.store.get(resource.name, record[resource.key]) is not None:
        raise Invalid(_twin_issue(resource.label, (resource.key,)))
    return scope.store.insert(resource.name, record)


def update(scope: Scope) -> Result:
    """Write the fields that the operation may change, and show the record."""
    record = target(scope)
    effect = scope.bound.operation.effect
    allowed = effect.changes.get(scope.bound.resource.name, frozenset()) if effect else frozenset()
    changes = {name: value for name, value in _stored_body(scope).items() if name in allowed}
    changed = {**record, **changes}
    if changes:
        _refuse_twins(scope, changed)
        changed = dict(scope.store.replace(scope.bound.resource.name, record, **changes))
    return Result(show(scope, changed))


#: What differs is in the body's schema: nothing is required of a PATCH.
partial_update = update


def destroy(scope: Scope) -> Result:
    """Delete one record, by the rules of its resource."""
    scope.store.remove(scope.bound.resource.name, target(scope))
    return Result()


def target(scope: Scope) -> Record:
    """
    Return the record the path names.

    Refuses in this order: 403 where no record is needed to know, 404 when
    there is none to see, 403 when the caller may not.
    """
    bound, resource = scope.bound, scope.bound.resource
    _ask_without_record(scope)
    key = links.read_key(resource, scope.call.path[bound.path_key])
    nesting = bound.operation.nesting
    is_nested = nesting is not None and nesting.parameter != bound.path_key
    if is_nested:
        enter(scope)
    record = scope.store.get(resource.name, key)
    if record is None or not bound.is_visible(record, scope):
        raise NotFound(title=resource.title)
    if is_nested and all(row[resource.key] != key for row in bound.rows(scope)):
        raise NotFound(title=resource.title)
    _ask_owners(scope, record)
    return record


def enter(scope: Scope) -> Record | None:
    """Return the parent of a nested path (404, 403), or None; ask what needs no record."""
    bound = scope.bound
    nesting = bound.operation.nesting
    if bound.operation.verb == "list":
        _ask_without_record(scope)
    if nesting is None or bound.parent is None:
        return None
    key = links.read_key(bound.parent, scope.call.path[nesting.parameter])
    parent = scope.store.get(bound.parent.name, key)
    if parent is None:
        raise NotFound(title=bound.parent.title)
    scope.parent = parent
    if bound.operation.verb == "list":
        _ask_owners(scope, parent)
    return parent


def authorize(scope: Scope, record: Record | None = None) -> None:
    """Raise Forbidden unless the caller may do this operation, to the record if there is one."""
    _ask_without_record(scope)
    if record is not None:
        _ask_owners(scope, record)


def show(scope: Scope, record: Record) -> JSON:
    """Return a record as the operation's success answer shows it."""
    if not scope.bound.names and scope.call.operation.verb in ("action", "report"):
        name = scope.call.operation.id
        raise LookupError(f"{name}: its answer is no view of {scope.bound.resource.name}")
    names = _fieldset(scope) if scope.call.operation.method == "GET" else None
    return scope.bound.shows(record, scope, names)


def _ask_without_record(scope: Scope) -> None:
    permission = scope.bound.operation.permission
    if permission is None or permission.on:
        return
    scope.is_asked = True
    if not scope.may(scope, permission.needs, None):
        raise Forbidden


def _ask_owners(scope: Scope, record: Record) -> None:
    permission = scope.bound.operation.permission
    if permission is None or not permission.on:
        return
    scope.is_asked = True
    owners = scope.bound.owners(record, scope)
    if not any(scope.may(scope, permission.needs, owner) for owner in owners):
        raise Forbidden


def _fieldset(scope: Scope) -> frozenset[str] | None:
    rules = scope.bound.conventions["fieldset"]
    if not scope.bound.operation.has_fieldset:
        return None
    sent = scope.call.query.get(rules["parameter"], ())
    if rules["style"] == "comma":
        sent = [name.strip() for name in (sent[-1] if sent else "").split(",") if name.strip()]
    unknown = [name for name in sent if name not in scope.bound.names]
    if unknown and rules["unknown"] == "reject":
        raise Invalid({rules["parameter"]: [Issue("query.choice", {"value": unknown[0]})]})
    return (frozenset(sent) & scope.bound.names) or None


def _stored_body(scope: Scope) -> dict[str, Any]:
    fields = scope.bound.body_fields
    return {fields[name]: value for name, value in scope.body.items() if name in fields}


def _parent_field(scope: Scope) -> dict[str, JSON]:
    nesting, parent = scope.bound.operation.nesting, scope.bound.parent
    if nesting is None or parent is None or scope.parent is None:
        return {}
    if nesting.relation:
        return {parent.relations[nesting.relation].by: scope.parent[parent.key]}
    return {nesting.field.split(".")[0]: scope.parent[parent.key]}


def _refuse_twins(scope: Scope, record: Record) -> None:
    """Raise Invalid when another record has the same unique fields."""
    resource = scope.bound.resource
    for names in resource.unique:
        wanted = [record.get(name) for name in names]
        for other in _likely_twins(scope, record, names):
            is_same = [other.get(name) for name in names] == wanted
            if is_same and other[resource.key] != record[resource.key] and None not in wanted:
                raise Invalid(_twin_issue(resource.label, names))


def _likely_twins(scope: Scope, record: Record, names: tuple[str, ...]) -> Sequence[Record]:
    """Return the records that share what has an index, all where nothing has."""
    resource = scope.bound.resource
    for name in names:
        relation = resource.relations.get(name)
        if relation is not None and relation.kind == "one" and record.get(name) is not None:
            return scope.store.related(resource.name, name, record[name])
    return scope.store.all(resource.name)


def _twin_issue(label: str, names: tuple[str, ...]) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: [Issue("body.unique", {"label": label, "field": names[0]})]}
    return {NON_FIELD: [Issue("body.unique_together", {"fields": ", ".join(names)})]}
