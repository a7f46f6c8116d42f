"""Write down how worlds changed, as JSON, and read it back.

What is written leads from worlds that the reader knows as well to those after them:
for each session the steps from one state to the next, and nothing that stayed as it was.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from immutables import Map

from mockserver.clock import Clock
from mockserver.entries import Names
from mockserver.fixtures import Persona
from mockserver.json_types import Key
from mockserver.operation import Resource
from mockserver.scenario import Scenario
from mockserver.session import Image, Snapshot
from mockserver.store import Change, State, Table, Transaction, Writes
from mockserver.trails import between

#: A shorter text is not worth packing.
_SMALL: Final = 1024
_EMPTY: Final = Table()
#: Marks where a step comes from.
_OF_SCENARIO: Final = "scenario"


@dataclass(frozen=True, slots=True)
class Worlds:
    """All that servers share: their sessions by name, and whose session a token leads into."""

    images: Map[str, Image] = field(default_factory=Map)
    tokens: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """What every reader knows before it reads: the kinds of record, and how sessions start."""

    resources: Mapping[str, Resource]
    fresh: Image


def pack(document: Mapping[str, Any]) -> bytes:
    """Return a document as bytes; exact also where numbers are long and texts are odd."""
    text = json.dumps(document, separators=(",", ":"), default=dict).encode("ascii")
    return text if len(text) < _SMALL else zlib.compress(text, 1)


def unpack(body: bytes) -> dict[str, Any]:
    """Return the document that `pack` made bytes of."""
    found: dict[str, Any] = json.loads(body if body[:1] == b"{" else zlib.decompress(body))
    return found


def write(
    origin: Origin,
    before: Worlds,
    after: Worlds,
    names: Iterable[str],
    writes: Writes | None = None,
) -> dict[str, Any]:
    """
    Return what leads from some worlds to others; `names` are the sessions that may differ.

    `writes` is what is known of the way between two states, which is then not searched for.
    """
    writer = _Writer(origin, writes)
    sessions = {
        name: writer.session(before.images.get(name), after.images.get(name)) for name in names
    }
    document: dict[str, Any] = {"sessions": sessions}
    if after.tokens is not before.tokens:
        document["tokens"] = {
            "gone": [token for token in before.tokens if token not in after.tokens],
            "new": [[token, name] for token, name in after.tokens.items()
                    if before.tokens.get(token) != name],
        }  # fmt: skip
    if writer.told:
        document["scenarios"] = writer.told
    return document


def read(origin: Origin, document: Mapping[str, Any], before: Worlds) -> Worlds:
    """Return the worlds that a document leads to."""
    reader = _Reader(origin, document.get("scenarios", ()))
    images, tokens = before.images, before.tokens
    for name, told in document["sessions"].items():
        if told is None:
            images = images.delete(name) if name in images else images
        else:
            base = origin.fresh if "new" in told else images[name]
            images = images.set(name, reader.session(base, told))
    moved = document.get("tokens")
    if moved is not None:
        gone = set(moved["gone"])
        tokens = {token: name for token, name in tokens.items() if token not in gone}
        tokens.update(moved["new"])
    return Worlds(images, tokens)


def write_state(state: State) -> dict[str, Any]:
    """Return all records of a state."""
    return _step(State(), state)


def write_scenario(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario with all its records, independent of the files it came from."""
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "description": scenario.description,
        "personas": [[p.name, p.token, p.description, p.user] for p in scenario.personas],
        "keys": scenario.names.keys,
        "groups": {name: [of, list(keys)] for name, (of, keys) in scenario.names.groups.items()},
        "state": write_state(scenario.state),
    }


def write_clock(clock: Clock) -> dict[str, Any]:
    """Return what `read_clock` makes a clock of."""
    if clock.fixed is not None:
        return {"fixed": clock.fixed.isoformat()}
    span = clock.offset
    return {"offset": [span.days, span.seconds, span.microseconds]}


def read_clock(told: Mapping[str, Any]) -> Clock:
    """Return the clock that was written."""
    if "fixed" in told:
        return Clock(datetime.fromisoformat(told["fixed"]))
    return Clock(offset=timedelta(*told["offset"]))


class _Writer:
    def __init__(self, origin: Origin, writes: Writes | None) -> None:
        self._origin, self._writes = origin, writes
        self._known = [origin.fresh.scenario]
        #: Scenarios that the reader cannot know.
        self.told: list[dict[str, Any]] = []

    def session(self, before: Image | None, after: Image | None) -> dict[str, Any] | None:
        """Return what leads from one image to another; None when the session is gone."""
        if after is None:
            return None
        base = self._origin.fresh if before is None else before
        told: dict[str, Any] = {} if before is not None else {"new": True}
        if after.since is not None:
            told["since"] = after.since.isoformat()
        if after.seed != base.seed:
            told["seed"] = after.seed
        if after.clock != base.clock:
            told["clock"] = write_clock(after.clock)
        is_moved = after.state is not base.state or after.scenario is not base.scenario
        if is_moved or after.past is not base.past:
            kept = _kept(base.past, after.past)
            told["past"] = [kept.start, kept.stop]
            told["steps"] = list(self._steps(base, after, after.past[len(kept) :]))
        return told

    def _steps(
        self, base: Image, after: Image, added: Sequence[Snapshot]
    ) -> Iterable[dict[str, Any]]:
        at, scenario = base.state, base.scenario
        points: list[Snapshot | Image] = [*added, after]
        for each in points:
            step: dict[str, Any] = {}
            if isinstance(each, Snapshot):
                step["at"] = each.at.isoformat()
            is_other = each.scenario is not scenario
            if is_other:
                scenario = each.scenario
                step["scenario"] = self._scenario(scenario)
            source, known = _nearest(base, at, each.state, scenario, is_other)
            if known is not None:
                step["of"] = known
            step.update(_step(source, each.state, self._writes))
            at = each.state
            yield step

    def _scenario(self, scenario: Scenario) -> int:
        for number, known in enumerate(self._known):
            if known is scenario:
                return number
        self._known.append(scenario)
        self.told.append(write_scenario(scenario))
        return len(self._known) - 1


class _Reader:
    def __init__(self, origin: Origin, scenarios: Iterable[Mapping[str, Any]]) -> None:
        self._origin = origin
        self._scenarios = [origin.fresh.scenario, *map(self._scenario, scenarios)]

    def session(self, base: Image, told: Mapping[str, Any]) -> Image:
        """Return the image that was written."""
        changed: dict[str, Any] = {}
        if "since" in told:
            changed["since"] = datetime.fromisoformat(told["since"])
        if "seed" in told:
            changed["seed"] = told["seed"]
        if "clock" in told:
            changed["clock"] = read_clock(told["clock"])
        if "steps" in told:
            changed.update(self._moved(base, told))
        return replace(base, **changed)

    def _moved(self, base: Image, told: Mapping[str, Any]) -> dict[str, Any]:
        start, stop = told["past"]
        past = list(base.past[start:stop])
        state, scenario = base.state, base.scenario
        for step in told["steps"]:
            if "scenario" in step:
                scenario = self._scenarios[step["scenario"]]
            state = self._state(_named(step.get("of"), base, state, scenario), step)
            if "at" in step:
                past.append(Snapshot(state.bare(), datetime.fromisoformat(step["at"]), scenario))
        return {"past": tuple(past), "state": state, "scenario": scenario}

    def _state(self, state: State, step: Mapping[str, Any]) -> State:
        if not step["changes"] and "serials" not in step and step["version"] == state.version:
            return state
        transaction = Transaction(self._origin.resources, state)
        transaction.replay(step["changes"])
        made = transaction.commit()
        tables = made.tables
        for name, serial in step.get("serials", {}).items():
            tables = tables.set(name, replace(tables.get(name, _EMPTY), serial=serial))
        if made.version == step["version"] and tables is made.tables:
            return made
        return State(step["version"], tables, memory=made.memory)

    def _scenario(self, told: Mapping[str, Any]) -> Scenario:
        groups = {name: (of, keys) for name, (of, keys) in told["groups"].items()}
        personas = tuple(Persona(*each) for each in told["personas"])
        state = self._state(State(), told["state"])
        names = Names(told["keys"], groups)
        return Scenario(told["name"], told["seed"], told["description"], personas, state, names)


def _nearest(
    base: Image, at: State, state: State, scenario: Scenario, is_other: bool
) -> tuple[State, int | str | None]:
    """Return a state that the reader knows, from which it is not far, and its name."""
    if state.tables is at.tables:
        return at, None
    if is_other or state.tables is scenario.state.tables:
        return scenario.state, _OF_SCENARIO
    for index in range(len(base.past) - 1, -1, -1):
        if base.past[index].state.tables is state.tables:
            return base.past[index].state, index
    return at, None


def _named(of: int | str | None, base: Image, at: State, scenario: Scenario) -> State:
    if of is None:
        return at
    return scenario.state if isinstance(of, str) else base.past[of].state


def _step(before: State, after: State, writes: Writes | None = None) -> dict[str, Any]:
    """Return what leads from one state to another."""
    if before.tables is after.tables:
        return {"version": after.version, "changes": []}
    if (
        writes is not None
        and writes.base.tables is before.tables
        and writes.state.tables is after.tables
    ):
        return {"version": after.version, "changes": writes.changes}
    changes: list[Change] = []
    serials: dict[str, int] = {}
    for name in {**before.tables, **after.tables}:
        old, new = before.tables.get(name, _EMPTY), after.tables.get(name, _EMPTY)
        if old is not new:
            changes += _differences(name, old, new)
            serials[name] = new.serial
    step: dict[str, Any] = {"version": after.version, "changes": changes}
    return {**step, "serials": serials} if serials else step


def _differences(name: str, old: Table, new: Table) -> list[Change]:
    known = between(old.trail, new.trail)
    if known is not None:
        return [(name, key, held[1]) for key, held in known.items()]
    find: Callable[[Key], Any] = old.records.get
    gone: list[Change] = [(name, key, None) for key in old.records if key not in new.records]
    return gone + [(name, key, each) for key, each in new.records.items() if find(key) is not each]


def _kept(old: Sequence[Snapshot], new: Sequence[Snapshot]) -> range:
    """Return which part of what could be undone still can; it comes before what was added."""
    if not new:
        return range(0)
    start = next((index for index, each in enumerate(old) if each is new[0]), None)
    if start is None:
        return range(0)
    stop = start
    while stop < len(old) and stop - start < len(new) and old[stop] is new[stop - start]:
        stop += 1
    return range(start, stop)
