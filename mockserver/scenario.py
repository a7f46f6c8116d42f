"""Fill a store to a named state, and name who may act in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from faker.providers import BaseProvider

from mockserver.drafts import Draft, Maker, World
from mockserver.errors import AuthorError, BrokenSpec, FixtureError
from mockserver.factory import Factory, faker
from mockserver.fixtures import Entry, Outline, Persona
from mockserver.json_types import Record
from mockserver.loader import display_name, where
from mockserver.operation import Spec
from mockserver.store import State, Store

#: Who first had these values in these fields of a resource.
_Taken: TypeAlias = dict[tuple[str, tuple[str, ...], str], Entry]
#: More mistakes than these, and the rest is not worth looking for.
_ENOUGH: Final = 50


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named state of the whole store."""

    name: str
    seed: int
    description: str
    personas: tuple[Persona, ...]
    state: State


def names(root: Path) -> list[str]:
    """Return the names of the scenarios in a folder of fixtures."""
    return sorted(path.stem for path in (root / "scenarios").glob("*.yaml"))


def load(
    root: Path,
    name: str,
    spec: Spec,
    *,
    seed: int | None = None,
    now: datetime,
    providers: Iterable[type[BaseProvider]] = (),
) -> Scenario:
    """
    Return the scenario of that name; raise BrokenSpec with every mistake.

    `root` is the folder that holds `scenarios/` and `factories/`. The same
    seed on the same day gives the same bytes.
    """
    known = names(root)
    if not root.is_dir():
        text = "there is no such folder; make it, or name another with --fixtures"
        raise FixtureError(display_name(root), text)
    if name not in known:
        have = ", ".join(known) or "none"
        raise FixtureError(display_name(root), f"there is no scenario {name!r}; there are {have}")
    problems: list[AuthorError] = []
    outline = Outline(spec, problems)
    outline.read(root / "scenarios" / f"{name}.yaml")
    outline.declare(outline.seed if seed is None else seed)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    world = World(outline.seed, midnight, faker(providers), outline)
    state = _fill(spec, outline, world, Factory(spec, world, root / "factories", problems))
    if problems:
        raise BrokenSpec(problems)
    return Scenario(name, outline.seed, outline.description, tuple(outline.personas), state)


def _fill(spec: Spec, outline: Outline, world: World, factory: Factory) -> State:
    """Return the state that holds a record for each entry; note what is wrong."""
    store, problems = Store(spec.resources), factory.problems
    compiled: dict[int, dict[str, Maker]] = {}
    taken: _Taken = {}
    with store.transaction() as transaction:
        for entry in outline.entries:
            if len(problems) >= _ENOUGH:
                break
            before = len(problems)
            # The records of one group share their recipes.
            if id(entry.raw) not in compiled:
                compiled[id(entry.raw)] = factory.compile(entry.resource, entry.raw)
            record = _made(entry, compiled[id(entry.raw)], world, problems)
            if len(problems) == before:
                problems.extend(_faults(factory, entry, record, taken))
            if len(problems) == before:
                transaction.insert(entry.resource.name, record)
    return store.state


def _made(
    entry: Entry, makers: Mapping[str, Maker], world: World, problems: list[AuthorError]
) -> Record:
    """Return the record of an entry; what follows from its place need not be made."""
    values = {**entry.fixed, entry.resource.key: entry.key}
    draft = Draft(world, entry.resource.name, entry.label, entry.number, makers, values)
    try:
        return draft.record()
    except AuthorError as problem:
        problems.append(problem)
        return {}


def _faults(
    factory: Factory, entry: Entry, record: Record, taken: _Taken
) -> Iterator[FixtureError]:
    """Yield what is wrong with a made record: its schema, its uniqueness."""
    resource = entry.resource
    for name, text in factory.complaints(resource, record):
        place = where(entry.raw, name) or entry.place
        yield FixtureError(place, f"{resource.name} {entry.label!r}: {text}; correct the value")
    for fields in ((resource.key,), *resource.unique):
        values: list[Any] = [record.get(name) for name in fields]
        if None in values:
            continue
        other = taken.setdefault((resource.name, fields, repr(values)), entry)
        if other is not entry:
            same = " and ".join(fields)
            text = f"{resource.name} {entry.label!r} has the {same} of {other.label!r}"
            yield FixtureError(entry.place, f"{text} at {other.place}; change one")
