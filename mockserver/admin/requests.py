"""Show, find and forget what a session was asked."""

from __future__ import annotations

import orjson

from mockserver import coverage as covering
from mockserver import crud, values, verification
from mockserver.actions import Result, Scope
from mockserver.admin.desk import Desk
from mockserver.admin.filling import fill
from mockserver.errors import NotFound
from mockserver.exchange import Response
from mockserver.journal import Entry
from mockserver.json_types import JSON, Record
from mockserver.session import Session
from mockserver.verification import Lens, Matcher

#: So many exchanges are shown with headers and bodies at once, the latest.
_MOST: int = 100


def requests_list(desk: Desk, scope: Scope) -> Result:
    """Show what was asked, the newest first."""
    session = desk.session()
    lens = desk.lens(session)
    fill(scope, "exchange", (row(lens, entry) for entry in session.journal.entries()))
    return crud.list_(scope)


def requests_retrieve(desk: Desk, scope: Scope) -> Result:
    """Show one exchange with headers and bodies."""
    session = desk.session()
    text = scope.call.path["number"]
    entry = session.journal.get(int(text)) if text.isdecimal() and len(text) < 19 else None
    if entry is None:
        raise NotFound(
            f"The journal of session {session.name!r} has no exchange {text[:40]!r}; "
            "the oldest are forgotten when there are too many."
        )
    return Result(verification.shown(desk.lens(session), entry, detail=True))


def requests_clear(desk: Desk, scope: Scope) -> Result:
    """Forget what was asked."""
    desk.session().journal.clear()
    return Result()


def requests_find(desk: Desk, scope: Scope) -> Result:
    """Show the exchanges that match, the latest of them with headers and bodies."""
    session = desk.session()
    found, lens = _matching(desk, scope, session), desk.lens(session)
    items = [verification.shown(lens, entry, detail=True) for entry in found[-_MOST:]]
    return Result({"items": items, "total": len(found)})


def requests_count(desk: Desk, scope: Scope) -> Result:
    """Count the exchanges that match."""
    return Result({"count": len(_matching(desk, scope, desk.session()))})


def requests_unmatched(desk: Desk, scope: Scope) -> Result:
    """Show the requests that met no operation, and what they may have meant."""
    session = desk.session()
    lens = desk.lens(session)
    missed = [entry for entry in session.journal.entries() if entry.is_unmatched]
    items = [
        {**_line(lens, entry), "near_misses": verification.near_misses(lens.api, entry)}
        for entry in missed[: -_MOST - 1 : -1]
    ]
    return Result({"items": items, "total": len(missed)})


def requests_har(desk: Desk, scope: Scope) -> Result:
    """Show the journal as an HTTP archive."""
    session = desk.session()
    return Result(verification.har(desk.lens(session), session.journal.entries()))


def events(desk: Desk, scope: Scope) -> Result:
    """Tell what was missed; whoever serves the stream goes on with what happens."""
    session = desk.session()
    last = desk.request.headers.get("last-event-id", "")
    lens = desk.lens(session)
    missed: list[Entry] = []
    if last.isdecimal() and len(last) < 19:
        missed = [each for each in session.journal.entries() if each.number > int(last)]
    body = b"retry: 1000\n\n" + b"".join(event(lens, entry) for entry in missed)
    desk.instead = Response(200, {"Content-Type": "text/event-stream; charset=utf-8"}, body)
    return Result()


def coverage(desk: Desk, scope: Scope) -> Result:
    """Show what of the description was used."""
    session = desk.session()
    journal, lens = session.journal, desk.lens(session)
    return Result(covering.shown(lens.api, journal.counters, journal.entries(), lens.personas))


def event(lens: Lens, entry: Entry) -> bytes:
    """Return an exchange as a server-sent event."""
    shown = {**row(lens, entry), "violations": verification.violations(lens, entry)}
    return b"id: %d\nevent: exchange\ndata: %s\n\n" % (entry.number, orjson.dumps(shown))


def row(lens: Lens, entry: Entry) -> Record:
    """Return an exchange in one line; what it violates is found when it is shown."""
    line: dict[str, JSON] = {
        **_line(lens, entry),
        "session": entry.session,
        "at": values.write_instant(entry.at),
        "operation": entry.operation or None,
        "persona": None if entry.user is None else lens.personas.get(entry.user),
        "user": entry.user,
        "milliseconds": round(entry.seconds * 1000, 3),
        "notes": list(entry.note),
        "wrote": entry.wrote,
    }
    return line


def violations_of(desk: Desk, record: Record, scope: Scope) -> JSON:
    """Return where an exchange departs from the description."""
    session = desk.session()
    entry = session.journal.get(record["number"])
    return [] if entry is None else verification.violations(desk.lens(session), entry)


def _line(lens: Lens, entry: Entry) -> dict[str, JSON]:
    path, query = lens.redactor.line(entry.request)
    return {
        "number": entry.number,
        "method": entry.method,
        "path": path,
        "query": query,
        "status": entry.status,
    }


def _matching(desk: Desk, scope: Scope, session: Session) -> list[Entry]:
    matcher = Matcher.read(desk.body(scope))
    return matcher.find(session.journal.entries(), desk.lens(session).personas)
