"""Set and move the clock of a session."""

from __future__ import annotations

from mockserver.actions import Result, Scope
from mockserver.admin.desk import Desk
from mockserver.clock import Clock, read_duration
from mockserver.errors import Invalid


def clock_read(desk: Desk, scope: Scope) -> Result:
    """Show what time it is in a session."""
    return Result(desk.session().clock.shown())


def clock_set(desk: Desk, scope: Scope) -> Result:
    """Set what time it is, and how it passes."""
    clock = read_clock(scope.body["clock"])
    session = desk.session()
    session.move(clock)
    return Result(session.clock.shown())


def clock_advance(desk: Desk, scope: Scope) -> Result:
    """Let time pass."""
    session = desk.session()
    try:
        session.advance(read_duration(scope.body["by"]))
    except ValueError as problem:
        raise Invalid.field("by", f"{problem}.") from None
    return Result(session.clock.shown())


def read_clock(text: str) -> Clock:
    """Return the clock that a text names; Invalid when it names none."""
    try:
        return Clock.read(text)
    except ValueError as problem:
        raise Invalid.field("clock", f"{problem}.") from None
