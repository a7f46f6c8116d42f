"""Move the clock of a world, and let things go wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from mockserver import values
from mockserver.clock import Clock, Duration, read_duration
from mockserver.faults import Rule
from mockserver.session import Session
from mockserver.testing.hosting import Do


class Meeting(TypedDict, total=False):
    """Which requests meet a fault, how often, and how likely; of all requests if left out."""

    id: str
    operation: str
    method: str
    path: str
    persona: str
    probability: float
    times: int


class MockClock:
    """The clock of one world."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def now(self) -> datetime:
        """Return what time it is, in UTC."""
        return self._do(Session.now)

    def set(self, clock: str | datetime) -> None:
        """
        Make it another time.

        An instant stands still, `from 2026-01-31T12:00:00Z` runs on from there, `+3d` is
        three days ahead of the real time, and `real` is that.
        """
        made = read_clock(clock)

        self._do(lambda session: session.move(made))

    def advance(self, by: str | float | timedelta) -> None:
        """Let time pass: `3d`, `PT2H`, or a number of seconds; what is due meanwhile happens."""
        span = Duration(rest=by) if isinstance(by, timedelta) else read_duration(by)

        self._do(lambda session: session.advance(span))


class MockFaults:
    """What goes wrong on purpose in one world."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def add(
        self,
        fault: str | Mapping[str, Any] | None = None,
        *,
        status: int | None = None,
        **meeting: Unpack[Meeting],
    ) -> str:
        """
        Let requests fail, and return the id of that rule.

        `fault` is a kind like `reset`, or a mapping like
        `{"kind": "latency", "milliseconds": 200}`; `status` alone is short for an answer
        of that status.
        """
        if (fault is None) == (status is None):
            raise ValueError("give either a fault or a status")
        said = {"kind": "status", "code": status} if fault is None else fault

        def put(session: Session) -> str:
            personas = [persona.name for persona in session.scenario.personas]
            operations = session.application.api.operations
            rule = Rule.read({**meeting, "fault": said}, operations, personas)
            return session.faults.put(rule).id

        return self._do(put)

    def remove(self, rule: str) -> None:
        """Let nothing fail any more by one rule; LookupError when there is none of that id."""
        if not self._do(lambda session: session.faults.remove(rule)):
            raise LookupError(f"no fault has the id {rule!r}; add() returns the ids")

    def clear(self) -> None:
        """Let nothing fail any more."""
        self._do(lambda session: session.faults.clear())


def read_clock(said: str | datetime) -> Clock:
    """Return the clock that a text or an instant names; ValueError when it names none."""
    return Clock.read(clock_text(said))


def clock_text(said: str | datetime) -> str:
    """Return the text that names a clock; ValueError for an instant without a time zone."""
    if isinstance(said, str):
        return said
    if said.tzinfo is None:
        raise ValueError(f"{said} has no time zone; give it one, as in tzinfo=UTC")
    return values.write_instant(said)
