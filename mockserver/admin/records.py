"""Show and edit the records of a session, whatever the API lets its callers do."""

from __future__ import annotations

from mockserver import crud, links
from mockserver.actions import Result, Scope
from mockserver.admin import edits, rows
from mockserver.admin.desk import Desk
from mockserver.admin.filling import fill, show, with_rows
from mockserver.errors import Conflict, NotFound
from mockserver.json_types import JSON, Key, Record
from mockserver.operation import Resource
from mockserver.session import Session
from mockserver.store import State


def resources_list(desk: Desk, scope: Scope) -> Result:
    """Show the kinds of record."""
    session = desk.session()
    known = session.application.api.spec.resources.values()
    fill(scope, "resource", (rows.resource_row(each, session.state) for each in known))
    return crud.list_(scope)


def records_list(desk: Desk, scope: Scope) -> Result:
    """Show the records of a resource."""
    session = desk.session()
    resource = _resource(session, scope)
    home = desk.address(session)

    def made() -> State:
        kinds = with_rows(State(), "resource", [rows.resource_row(resource, session.state)])
        return with_rows(kinds, "record", rows.record_rows(resource, session.state, home))

    # Kept with the state of the session, for the next page and until the next write.
    kept = session.application.store.read().memo(("admin", resource.name, home), made)
    show(scope, kept)
    return crud.list_(scope)


def records_retrieve(desk: Desk, scope: Scope) -> Result:
    """Show one record."""
    session = desk.session()
    resource = _resource(session, scope)
    return _shown(desk, session, resource, _key(session, resource, scope))


def record_has_text(record: Record, value: JSON, scope: Scope) -> bool:
    """Tell whether a stored value holds a text, in any letter case."""
    return rows.has_text(record["fields"], value)


def records_create(desk: Desk, scope: Scope) -> Result:
    """Make a record, and those written inside of it; Conflict when it is there."""
    session = desk.session()
    resource = _resource(session, scope)
    state, key = edits.put(
        desk.editor(session), session.state, resource.name, None, desk.body(scope)
    )
    if key in session.state.records(resource.name):
        raise Conflict(
            f"There is a {resource.name} {key!r} already; "
            f"replace it with PUT /records/{resource.name}/{key}, or give another key."
        )
    session.edit(state)
    return _shown(desk, session, resource, key)


def records_replace(desk: Desk, scope: Scope) -> Result:
    """Make the record that the path names, or replace all of it."""
    session = desk.session()
    resource = _resource(session, scope)
    name, sent = scope.call.path["key"], desk.body(scope)
    state, key = edits.put(desk.editor(session), session.state, resource.name, name, sent)
    session.edit(state)
    return _shown(desk, session, resource, key)


def records_update(desk: Desk, scope: Scope) -> Result:
    """Change some fields of a record."""
    session = desk.session()
    resource = _resource(session, scope)
    key = _key(session, resource, scope)
    editor, sent = desk.editor(session), desk.body(scope)
    session.edit(edits.patch(editor, session.state, resource.name, key, sent))
    return _shown(desk, session, resource, key)


def records_delete(desk: Desk, scope: Scope) -> Result:
    """Delete a record by the rules of its resource."""
    session = desk.session()
    resource = _resource(session, scope)
    key = _key(session, resource, scope)
    session.edit(edits.delete(desk.editor(session), session.state, resource.name, key))
    return Result()


def _shown(desk: Desk, session: Session, resource: Resource, key: Key) -> Result:
    record = session.state.records(resource.name)[key]
    row = dict(rows.record_row(resource, record, desk.address(session)))
    del row["position"]
    return Result(row)


def _resource(session: Session, scope: Scope) -> Resource:
    """Return the resource that the path names; NotFound, with those there are."""
    known = session.application.api.spec.resources
    name = scope.call.path["resource"]
    found = known.get(name)
    if found is None:
        have = ", ".join(sorted(known))
        raise NotFound(f"There is no resource {name[:80]!r}; there are {have}.")
    return found


def _key(session: Session, resource: Resource, scope: Scope) -> Key:
    """Return the key of the record that the path names; NotFound when there is none."""
    text = scope.call.path["key"]
    key = links.read_key(resource, text)
    if key is None or session.state.records(resource.name).get(key) is None:
        raise NotFound(f"There is no {resource.name} {text[:80]!r} in session {session.name!r}.")
    return key
