"""Keep, restore, take back, read and write the state of a session."""

from __future__ import annotations

from typing import Final

from mockserver import crud, editing, loader, renderer
from mockserver.actions import Result, Scope
from mockserver.admin import clocks, edits, rows
from mockserver.admin.desk import Desk
from mockserver.admin.filling import fill
from mockserver.errors import NON_FIELD, Conflict, Invalid, UnsupportedMedia
from mockserver.exchange import Response
from mockserver.session import Session

#: Media types of scenarios; a body without one is taken for YAML, of which JSON is a part.
_TEXTS: Final = frozenset(
    {"", "application/json", "application/yaml", "application/x-yaml", "text/plain",
     "text/yaml", "text/x-yaml"}
)  # fmt: skip


def reset(desk: Desk, scope: Scope) -> Result:
    """Start again."""
    sent, session = scope.body, desk.session()
    clock = clocks.read_clock(sent["clock"]) if "clock" in sent else None
    with edits.starting():
        desk.hub.reset(
            session,
            scenario=sent.get("scenario", ""),
            seed=sent.get("seed"),
            clock=clock,
            keep=sent.get("keep", ()),
        )
    return _shown(desk, session)


def snapshots_list(desk: Desk, scope: Scope) -> Result:
    """Show the snapshots of a session."""
    _fill_snapshots(desk, scope)
    return crud.list_(scope)


def snapshots_retrieve(desk: Desk, scope: Scope) -> Result:
    """Show one snapshot."""
    _fill_snapshots(desk, scope)
    return crud.retrieve(scope)


def snapshots_create(desk: Desk, scope: Scope) -> Result:
    """Keep the present state."""
    name, session = scope.body["name"], desk.session()
    if name in session.snapshots:
        raise Conflict(
            f"There is a snapshot {name!r} already; replace it with PUT /snapshots/{name}, "
            "or take another name."
        )
    made = rows.snapshot_row(name, session.take(name))
    return Result(crud.show(scope, made), created=name)


def snapshots_replace(desk: Desk, scope: Scope) -> Result:
    """Keep the present state, instead of the one that was kept under that name."""
    name = scope.call.path["name"]
    return Result(crud.show(scope, rows.snapshot_row(name, desk.session().take(name))))


def snapshots_delete(desk: Desk, scope: Scope) -> Result:
    """Forget a snapshot."""
    _fill_snapshots(desk, scope)
    del desk.session().snapshots[crud.target(scope)["name"]]
    return Result()


def snapshots_restore(desk: Desk, scope: Scope) -> Result:
    """Go back to a snapshot."""
    _fill_snapshots(desk, scope)
    kept = crud.target(scope)
    desk.session().restore(kept["name"])
    return Result(crud.show(scope, kept))


def undo(desk: Desk, scope: Scope) -> Result:
    """Take the last writes back."""
    session = desk.session()
    done = session.undo(scope.body.get("writes", 1))
    return Result({"undone": done, "undoable": session.undoable})


def state_read(desk: Desk, scope: Scope) -> Result:
    """Show the whole state as a scenario."""
    session = desk.session()
    form = _form(desk, scope)
    text = editing.export(session.application.api, session.scenario, session.state)
    if form == "json":
        made = renderer.encode(loader.read_yaml(text, "state"))
        desk.instead = Response(200, {"Content-Type": renderer.JSON_TYPE}, made)
    else:
        desk.instead = Response(200, {"Content-Type": "application/yaml"}, text.encode())
    return Result()


def state_replace(desk: Desk, scope: Scope) -> Result:
    """Replace the whole state by that of a scenario; that can be undone."""
    session = desk.session()
    name = session.scenario.name
    made = edits.load(desk.editor(session), _text(desk), name)
    session.edit(made.state)
    session.scenario = made
    return _shown(desk, session)


def _form(desk: Desk, scope: Scope) -> str:
    """Return the language that is asked for; the header decides when the query does not."""
    asked = scope.call.query.get("format", [""])[-1]
    if asked not in ("", "yaml", "json"):
        raise Invalid.field("format", f"{asked[:40]!r} is not known; it is yaml or json.")
    accepted = desk.request.headers.get("accept", "")
    takes_json = "json" in accepted and not any(word in accepted for word in ("yaml", "*/*"))
    return asked or ("json" if takes_json else "yaml")


def _text(desk: Desk) -> str:
    """Return the scenario that was sent; Invalid, or UnsupportedMedia for other than text."""
    header = desk.request.headers.get("content-type", "")
    if header.partition(";")[0].strip().lower() not in _TEXTS:
        raise UnsupportedMedia(header)
    try:
        text = desk.request.body.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        wrong = f"Byte {problem.start} is not UTF-8; send the scenario in that encoding."
        raise Invalid.field(NON_FIELD, wrong) from None
    if not text.strip():
        raise Invalid.field(NON_FIELD, "The body is empty; send a scenario, as GET shows one.")
    return text


def _shown(desk: Desk, session: Session) -> Result:
    return Result(dict(rows.session_row(session, desk.home(session))))


def _fill_snapshots(desk: Desk, scope: Scope) -> None:
    found = desk.session().snapshots.items()
    fill(scope, "snapshot", (rows.snapshot_row(name, kept) for name, kept in found))
