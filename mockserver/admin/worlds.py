"""Make, show and forget sessions, and what they can start from."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from mockserver import crud
from mockserver.actions import Result, Scope
from mockserver.admin import clocks, edits, rows
from mockserver.admin.desk import Desk
from mockserver.admin.filling import fill
from mockserver.errors import Conflict
from mockserver.json_types import Record
from mockserver.session import Session


def sessions_list(desk: Desk, scope: Scope) -> Result:
    """Show all sessions."""
    _fill_sessions(desk, scope)
    return crud.list_(scope)


def sessions_create(desk: Desk, scope: Scope) -> Result:
    """Make a session."""
    fill(scope, "scenario", _scenarios(desk, desk.hub.sessions.default))
    sent = scope.body
    name = sent.get("name") or f"s-{secrets.token_hex(4)}"
    sessions = desk.hub.sessions
    if sessions.named(name) is not None:
        raise Conflict(f"There is a session {name!r} already; delete it, or take another name.")
    with edits.starting():
        start = desk.hub.start(sent.get("scenario", ""), sent.get("seed"))
    clock = clocks.read_clock(sent["clock"]) if "clock" in sent else desk.hub.clock
    made = sessions.make(name, start, clock)
    return Result(crud.show(scope, rows.session_row(made, desk.home(made))), created=name)


def sessions_retrieve(desk: Desk, scope: Scope) -> Result:
    """Show one session, and make none."""
    _fill_sessions(desk, scope)
    return crud.retrieve(scope)


def sessions_delete(desk: Desk, scope: Scope) -> Result:
    """Forget a session."""
    _fill_sessions(desk, scope)
    desk.hub.sessions.drop(crud.target(scope)["name"])
    return Result()


def tokens_create(desk: Desk, scope: Scope) -> Result:
    """Make a token of a persona that leads into its session by itself."""
    _fill_sessions(desk, scope)
    session = desk.hub.sessions.get(crud.target(scope)["name"])
    persona = scope.body["persona"]
    token = desk.hub.bind(session, persona)
    return Result({"token": token, "persona": persona, "session": session.name})


def scenarios_list(desk: Desk, scope: Scope) -> Result:
    """Show what sessions can start from."""
    fill(scope, "scenario", _scenarios(desk, desk.session()))
    return crud.list_(scope)


def personas_list(desk: Desk, scope: Scope) -> Result:
    """Show who may act in a session."""
    session = desk.session()
    api = session.application.api
    found = (rows.persona_row(each, api, session.state) for each in session.scenario.personas)
    fill(scope, "persona", found)
    return crud.list_(scope)


def _fill_sessions(desk: Desk, scope: Scope) -> None:
    found = list(desk.hub.sessions.all())
    fill(scope, "session", (rows.session_row(each, desk.home(each)) for each in found))
    fill(scope, "scenario", _scenarios(desk, *found))


def _scenarios(desk: Desk, *sessions: Session) -> Iterator[Record]:
    """Yield the scenarios there are, and those that some sessions are in."""
    known = {each.scenario.name: each.scenario.description for each in sessions}
    known.update(desk.hub.scenarios())
    current = sessions[0].scenario.name
    for name, description in known.items():
        yield {"name": name, "description": description, "is_current": name == current}
