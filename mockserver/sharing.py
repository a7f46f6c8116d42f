"""Start from the worlds that a log holds, or begin them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from mockserver import assembly, genesis
from mockserver.assembly import Sources, World
from mockserver.errors import StoreError
from mockserver.genesis import Genesis, Stranger
from mockserver.hub import Hub
from mockserver.log import Away, Damaged, Log
from mockserver.replica import Replica
from mockserver.session import Sessions, Snapshot
from mockserver.shelf import Shelf

T = TypeVar("T")
#: Who begins a log at the same time as others reads it again so often.
_ATTEMPTS = 5


def read_world(
    log: Log, sources: Sources, shelf: Shelf | None = None, *, is_named: bool = False
) -> tuple[World, Genesis]:
    """
    Return the world that a log began with, or begin the log with the one that is asked for.

    `is_named` tells whether the scenario was asked for by name. Raises BrokenSpec, and
    StoreError when the log cannot be used or began with something else.
    """
    for _ in range(_ATTEMPTS):
        known = _asked(log, lambda: genesis.found(log))
        if known is not None:
            return _again(log, sources, shelf, known, is_named=is_named)
        world = assembly.read_world(sources, shelf)
        first = _genesis(world, sources)
        if _asked(log, partial(genesis.begin, log, first, secrets.token_hex(6))):
            return world, first
    raise StoreError(log.address, "others begin it again and again; start one server at a time")


def share(hub: Hub, log: Log, first: Genesis, tell: Callable[[str], None]) -> None:
    """Make the worlds of a hub those of a log; raise StoreError."""

    def make(sessions: Sessions, start: Snapshot) -> Replica:
        made = Replica(log, sessions, start, first, tell)
        made.catch_up()
        return made

    _asked(log, lambda: hub.share(first.at, make))


def clear(log: Log) -> None:
    """Forget all that a log holds; raise StoreError."""
    _asked(log, log.clear)


def _again(
    log: Log, sources: Sources, shelf: Shelf | None, known: Genesis, *, is_named: bool
) -> tuple[World, Genesis]:
    for name, asked, its in (
        ("scenario", sources.scenario if is_named else None, known.scenario),
        ("seed", sources.seed, known.seed),
        ("clock", sources.clock, known.said),
    ):
        if asked is not None and asked != its:
            remedy = f"leave out --{name}, or {_remedy(log)}"
            raise StoreError(log.address, f"its worlds began with --{name} {its}; {remedy}")
    asked_for = replace(sources, scenario=known.scenario, seed=known.seed)
    world = assembly.read_world(asked_for, shelf, (known.at, known.clock))
    mine = replace(_genesis(world, sources), said=known.said)
    _asked(log, lambda: mine.check(known))
    return world, mine


def _genesis(world: World, sources: Sources) -> Genesis:
    start = world.scenario
    return Genesis(
        start.name,
        start.seed,
        world.at or world.clock(),
        world.clock,
        sources.clock or world.api.conventions["clock"],
        genesis.spec_digest(world.api.spec.document),
        genesis.world_digest(start),
    )


def _asked(log: Log, ask: Callable[[], T]) -> T:
    """Return what a log says; raise StoreError with a remedy when it cannot."""
    try:
        return ask()
    except Stranger as problem:
        raise StoreError(log.address, f"{problem}; {_remedy(log)}") from None
    except Damaged as problem:
        text = f"{problem}; bring it back from a backup, or {_remedy(log)}"
        raise StoreError(log.address, text) from None
    except Away as problem:
        remedy = "see to it that it can be used, or name another with --store"
        raise StoreError(log.address, f"it cannot be used ({problem}); {remedy}") from None


def _remedy(log: Log) -> str:
    forget = f"mockserver store reset '{log.address}'"
    return f"name another with --store, or forget all that it holds: {forget}"
