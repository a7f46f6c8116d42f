"""Hubs that share a log, logs that fail when they are told to, and what worlds look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from mockserver import sharing
from mockserver.genesis import Genesis
from mockserver.hub import DEFAULTS, Hub, Settings
from mockserver.log import Away, Log, Mark, MemoryLog, Row
from mockserver.session import Session
from mockserver.store import State
from tests import library_hub
from tests.library_hub import SOURCES


@cache
def genesis() -> Genesis:
    """Return what the library began with."""
    return sharing.read_world(MemoryLog(), SOURCES)[1]


def join(log: Log, settings: Settings = DEFAULTS, told: list[str] | None = None) -> Hub:
    """Return one more hub on a log."""
    made = library_hub.hub(settings)
    sharing.share(made, log, genesis(), ([] if told is None else told).append)
    return made


class FlakyLog:
    """
    Another log, seen through a connection that fails when it is told to.

    `before` is called, once, just before an entry is added: others may come first.
    `fault` says how the next push fails: `lost` before it arrives, `unanswered` after.
    """

    def __init__(self, inner: Log) -> None:
        self.inner, self.address = inner, "flaky"
        self.before: Callable[[], object] | None = None
        self.fault = ""
        self.is_away = False
        self.added = 0

    def after(self, mark: Mark) -> Sequence[Row] | None:
        self._reach()
        return self.inner.after(mark)

    def everything(self) -> tuple[Row | None, Sequence[Row]]:
        self._reach()
        return self.inner.everything()

    def push(self, before: Mark, row: Row) -> bool:
        self._reach()
        work, self.before = self.before, None
        if work is not None:
            work()
        fault, self.fault = self.fault, ""
        if fault == "lost":
            raise Away("nobody answers")
        done = self.inner.push(before, row)
        self.added += done
        if fault == "unanswered":
            raise Away("the answer was lost")
        return done

    def compact(self, snapshot: Row) -> None:
        self._reach()
        self.inner.compact(snapshot)

    def clear(self) -> None:
        self.inner.clear()

    def close(self) -> None:
        self.inner.close()

    def _reach(self) -> None:
        if self.is_away:
            raise Away("nobody answers")


def records(state: State) -> dict[str, Any]:
    """Return all that a state holds, so that it can be compared."""
    return {
        name: (
            {key: dict(each) for key, each in table.records.items()},
            {field: {t: set(keys) for t, keys in index.items()}
             for field, index in table.indexes.items() if len(index)},
            table.serial,
        )
        for name, table in state.tables.items()
        if len(table.records) or table.serial
    }  # fmt: skip


def shown(session: Session) -> dict[str, Any]:
    """Return all of a world that servers share, so that it can be compared."""
    image = session.image()
    return {
        "records": records(image.state),
        "version": image.state.version,
        "past": [(each.at, each.scenario.name, each.state.version, records(each.state))
                 for each in image.past],
        "scenario": (image.scenario.name, image.scenario.seed, image.scenario.personas,
                     image.scenario.names, records(image.scenario.state)),
        "seed": image.seed,
        "clock": image.clock,
    }  # fmt: skip


def worlds(hub: Hub) -> dict[str, Any]:
    """Return all worlds of a hub, so that they can be compared."""
    found = hub.sessions.present
    return {"tokens": dict(hub.sessions.tokens)} | {name: shown(found[name]) for name in found}
