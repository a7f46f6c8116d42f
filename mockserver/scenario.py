"""Fill a store to a named state, and name who may act in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from mockserver.drafts import Draft, Fake, Maker, World
from mockserver.entries import Entry, Names
from mockserver.errors import AuthorError, BrokenSpec, FixtureError
from mockserver.factory import Checks, Factory, faker, read, read_all
from mockserver.fixtures import Outline, Persona
from mockserver.json_types import JSON, Record
from mockserver.loader import Node, display_name, own_path, where
from mockserver.operation import Spec
from mockserver.store import State, Store, Table

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
    names: Names = field(default_factory=Names, repr=False)
    #: The files it follows from, beside the spec.
    files: frozenset[Path] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the records of an API are made with, in whichever scenario."""

    spec: Spec
    recipes: Mapping[str, Node]
    checks: Checks
    fake: Fake

    @classmethod
    def of(cls, spec: Spec, folder: Path, providers: Iterable[Any] = ()) -> Tools:
        """Read the factory files in a folder; raise BrokenSpec with every mistake."""
        problems: list[AuthorError] = []
        recipes = read_all(folder, spec, problems)
        if problems:
            raise BrokenSpec(problems)
        return cls(spec, recipes, Checks(spec), faker(providers))

    def factory(self, outline: Outline, now: datetime, problems: list[AuthorError]) -> Factory:
        """Return the maker of the records of one world."""
        world = World(outline.seed, midnight(now), self.fake, outline)
        return Factory(self.spec, world, self.recipes, problems)


def midnight(now: datetime) -> datetime:
    """Return the start of the day, in UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def names(root: Path) -> list[str]:
    """Return the names of the scenarios in a folder of fixtures."""
    return sorted(path.stem for path in (root / "scenarios").glob("*.yaml"))


def described(root: Path) -> dict[str, str]:
    """Return what the scenarios in a folder of fixtures say about themselves, by name."""
    found = {}
    for name in names(root):
        node = read(root / "scenarios" / f"{name}.yaml", [])
        found[name] = "" if node is None else str(node.get("description") or "")
    return found


def load(
    root: Path,
    name: str,
    spec: Spec,
    *,
    seed: int | None = None,
    now: datetime,
    providers: Iterable[Any] = (),
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
    tools = Tools(
        spec, read_all(root / "factories", spec, problems), Checks(spec), faker(providers)
    )
    outline.declare(outline.seed if seed is None else seed)
    factory = tools.factory(outline, now, problems)
    factory.compile_all()
    files = {*outline.files, *map(own_path, (root / "factories").glob("*.yaml"))}
    return replace(complete(name, outline, factory, tools), files=frozenset(files))


def complete(name: str, outline: Outline, factory: Factory, tools: Tools) -> Scenario:
    """Return the scenario that an outline describes; raise BrokenSpec with every mistake."""
    state = _counted(_fill(outline, factory, tools), outline.serials, outline.writes)
    if factory.problems:
        raise BrokenSpec(factory.problems)
    personas = tuple(outline.personas)
    return Scenario(name, outline.seed, outline.description, personas, state, outline.names())


def refilled(
    spec: Spec,
    records: Mapping[str, Iterable[Record]],
    serials: Mapping[str, int],
    writes: int,
) -> State:
    """Return the state that holds these records, which were found right before."""
    store = Store(spec.resources)
    with store.transaction() as transaction:
        for name, held in records.items():
            transaction.insert_all(name, held)
    return _counted(store.state, serials, writes)


def _counted(state: State, serials: Mapping[str, int], writes: int | None) -> State:
    """Return a state that counts on from where another stopped."""
    tables = state.tables
    for name, serial in serials.items():
        table = tables.get(name) or Table()
        tables = tables.set(name, replace(table, serial=max(table.serial, serial)))
    return State(state.version if writes is None else writes, tables)


def _fill(outline: Outline, factory: Factory, tools: Tools) -> State:
    """Return the state that holds a record for each entry; note what is wrong."""
    store, problems = Store(tools.spec.resources), factory.problems
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
            record = made(entry, compiled[id(entry.raw)], factory)
            if len(problems) == before:
                problems.extend(_faults(tools.checks, entry, record, taken))
            if len(problems) == before:
                transaction.insert(entry.resource.name, record)
    return store.state


def made(
    entry: Entry,
    makers: Mapping[str, Maker],
    factory: Factory,
    old: Record | None = None,
) -> Record:
    """
    Return the record of an entry; note what is wrong.

    What follows from its place need not be made, and what nothing makes is as in `old`.
    """
    before = {name: value for name, value in (old or {}).items() if name not in makers}
    held = {name: value for name, value in entry.fixed.items() if not isinstance(value, list)}
    values = {**before, **held, entry.resource.key: entry.key}
    draft = Draft(factory.world, entry.resource.name, entry.label, entry.number, makers, values)
    try:
        record = {**(old or {}), **draft.record()}
    except AuthorError as problem:
        factory.problems.append(problem)
        return {}
    # The parent by whose side a record is written is one among those it names itself.
    several = {name: value for name, value in entry.fixed.items() if isinstance(value, list)}
    more = {name: _joined(record.get(name), value) for name, value in several.items()}
    return {**record, **more}


def _joined(given: JSON, keys: list[JSON]) -> JSON:
    named = given if isinstance(given, list) else []
    return [*named, *(key for key in keys if key not in named)]


def _faults(checks: Checks, entry: Entry, record: Record, taken: _Taken) -> Iterator[FixtureError]:
    """Yield what is wrong with a made record: its schema, its uniqueness."""
    resource = entry.resource
    for name, text in checks.complaints(resource, record):
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
