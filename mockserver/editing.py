"""Change the records of a world from outside of its API, by the rules of fixtures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from mockserver import exporter, scenario, values
from mockserver.api import Api
from mockserver.entries import Entry, Names
from mockserver.errors import AuthorError, BrokenSpec, NotFound
from mockserver.factory import derived_key
from mockserver.fixtures import Outline
from mockserver.json_types import Key, Record
from mockserver.loader import Node
from mockserver.operation import Resource, Spec, is_nullable
from mockserver.scenario import Scenario, Tools
from mockserver.sent import ENOUGH, Places, Refused, escaped, read_text
from mockserver.store import State, Store, Transaction

__all__ = ["Editor", "Refused", "delete", "export", "found", "load", "patch", "put"]

#: One edit makes no more records than this.
MOST_RECORDS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Editor:
    """
    What it takes to edit the worlds of one API; made once, when somebody first edits.

    Labels and chance are those of `scenario`, and days are counted from `now`.
    """

    tools: Tools
    scenario: Scenario = field(default_factory=lambda: Scenario("", 0, "", (), State()))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of(cls, spec: Spec, folder: Path, providers: Iterable[Any] = ()) -> Editor:
        """Return an editor by the factories in a folder of fixtures; raise BrokenSpec."""
        return cls(Tools.of(spec, folder / "factories", providers))

    def at(self, start: Scenario, now: datetime) -> Editor:
        """Return the editor of a world that came from a scenario, at some time."""
        return replace(self, scenario=start, now=now)


def put(
    editor: Editor, state: State, resource: str, key: Key | None, fields: Any
) -> tuple[State, Key]:
    """
    Make a record, or replace the one of that key or label; return its key, too.

    `fields` are those of an entry of a scenario, and what they leave out is made as for
    one. Relations to records that point here lose those they had. Raises Refused.
    """
    edit = _Edit(editor, state, resource, key, fields)
    return edit.made(), edit.key


def patch(editor: Editor, state: State, resource: str, key: Key, fields: Any) -> State:
    """Change some fields of a record; NotFound when there is none, Refused as by `put`."""
    old = found(editor, state, resource, key)
    edit = _Edit(editor, state, resource, old[editor.tools.spec.resources[resource].key], fields)
    return edit.made(old)


def delete(editor: Editor, state: State, resource: str, key: Key) -> State:
    """Remove a record by the rules of its resource; NotFound, or Conflict when they forbid it."""
    old = found(editor, state, resource, key)
    store = Store(editor.tools.spec.resources, state)
    with store.transaction() as transaction:
        transaction.remove(resource, old)
    return store.state


def found(editor: Editor, state: State, resource: str, key: Key) -> Record:
    """Return the record of that key or label; raise NotFound."""
    kind = _resource(editor, resource)
    known = _Present(editor, state).key(kind.name, key)
    if known is None:
        raise NotFound(f"There is no {kind.name} {str(key)[:80]!r}; name one by its key or label.")
    return state.records(kind.name)[known]


def export(api: Api, start: Scenario, state: State) -> str:
    """Return a state as the YAML of a scenario, from which `load` makes an equal one."""
    return exporter.scenario(api.spec, start.description, start.seed, start.personas, state)


def load(editor: Editor, text: str, name: str = "scenario") -> Scenario:
    """Return the scenario that YAML or JSON text describes; raise Refused, telling lines."""
    places = Places()
    node = read_text(text, name, places)
    problems: list[AuthorError] = []
    outline = Outline(editor.tools.spec, problems, limit=MOST_RECORDS * 10)
    outline.take(node)
    outline.declare(outline.seed)
    factory = editor.tools.factory(outline, editor.now, problems)
    try:
        return scenario.complete(name, outline, factory, editor.tools)
    except BrokenSpec as broken:
        raise Refused([places.told(problem) for problem in broken.problems]) from None


class _Present:
    """Knows the records of a state, by key and by what their scenario called them."""

    def __init__(self, editor: Editor, state: State) -> None:
        self._resources = editor.tools.spec.resources
        self._names: Names = editor.scenario.names
        self._seed = editor.scenario.seed
        self._state = state

    def key(self, resource: str, label: Key) -> Key | None:
        """Return the key of the record of that label or key, or None."""
        records = self._state.records(resource)
        for key in self.keys(self._resources[resource], label):
            if key in records:
                return key
        return None

    def keys(self, resource: Resource, label: Key) -> Iterator[Key]:
        """Yield the keys that a text may stand for, the likelier first."""
        named = self._names.keys.get(resource.name, {}).get(str(label))
        if named is not None:
            yield named
        if resource.has_integer_key:
            digits = str(label)
            if digits.isascii() and digits.isdigit() and len(digits) < 19:
                yield int(digits)
        elif not _is_uuid(resource):
            yield str(label)
        else:
            yield values.read_uuid(str(label)) or derived_key(self._seed, resource.name, str(label))

    def label(self, resource: Resource, key: Key, said: Key) -> str:
        """Return what the scenario calls a record, or else what somebody said for its key."""
        for label, each in self._names.keys.get(resource.name, {}).items():
            if each == key:
                return label
        is_key = resource.has_integer_key or values.read_uuid(str(said)) is not None
        return str(key) if is_key else str(said)

    def labels(self, resource: str) -> Sequence[str]:
        """Return the labels of a resource."""
        return list(self._names.keys.get(resource, ()))

    def group(self, name: str) -> tuple[str, Sequence[Key]] | None:
        """Return the resource and the keys of a made group, or None."""
        return self._names.groups.get(name)

    def serial(self, resource: str) -> int:
        """Return the last number that a record of a resource got."""
        table = self._state.tables.get(resource)
        return 0 if table is None else table.serial


class _Edit:
    """One record that is made or changed, with all that is written below it."""

    def __init__(
        self, editor: Editor, state: State, resource: str, key: Key | None, fields: Any
    ) -> None:
        self._editor, self._state = editor, state
        self._kind = _resource(editor, resource)
        self._present = _Present(editor, state)
        self._problems: list[AuthorError] = []
        self._refusals: list[tuple[str, str]] = []
        self._places = Places()
        if not isinstance(fields, dict):
            raise Refused([("", "a record is an object of fields; send one")])
        node = self._places.node(fields)
        self.key, label = self._address(key, node)
        node[self._kind.key] = self.key
        self._outline = Outline(
            editor.tools.spec, self._problems, self._present, limit=MOST_RECORDS
        )
        self._outline.seed = editor.scenario.seed
        self._outline.add(resource, label, node)

    def made(self, old: Record | None = None) -> State:
        """Return the state with it; what `old` has and nothing else says stays."""
        tools = self._editor.tools
        factory = tools.factory(self._outline, self._editor.now, self._problems)
        compiled: dict[int, Mapping[str, Any]] = {}
        records: list[tuple[Entry, Record]] = []
        for number, entry in enumerate(self._outline.entries):
            if len(self._problems) + len(self._refusals) >= ENOUGH:
                break
            kept = old if number == 0 else None
            if id(entry.raw) not in compiled:
                compile_ = factory.compile if kept is None else factory.described
                compiled[id(entry.raw)] = compile_(entry.resource, entry.raw)
            before = len(self._problems)
            record = scenario.made(entry, compiled[id(entry.raw)], factory, kept)
            record = self._joined(entry, record)
            if len(self._problems) == before:
                records.append((entry, record))
                self._refusals.extend(self._complaints(entry, record))
        self._check()
        store = Store(tools.spec.resources, self._state)
        with store.transaction() as transaction:
            self._write(transaction, records)
            self._refusals.extend(self._twins(transaction, records))
            self._refusals.extend(self._strays(transaction, records))
            self._check()
        return store.state

    def _joined(self, entry: Entry, record: Record) -> Record:
        """Return a record whose relations lead to any record where they must and nobody says."""
        found = {}
        for relation in entry.resource.relations.values():
            schema = entry.resource.fields[relation.name].schema if relation.is_stored else {}
            is_free = relation.kind == "one" and relation.name not in entry.raw
            if is_free and record.get(relation.name, 0) is None and not is_nullable(schema):
                keys = sorted(self._state.records(relation.to))
                if keys:
                    chance = crc32(f"{entry.label}/{relation.name}".encode())
                    found[relation.name] = keys[chance % len(keys)]
        return {**record, **found}

    def _address(self, key: Key | None, node: Node) -> tuple[Key, str]:
        """Return the key of the record, known or new, and its label."""
        kind, own = self._kind, node.get(self._kind.key)
        if own is not None and (not isinstance(own, str | int) or isinstance(own, bool)):
            raise Refused([(f"/{escaped(kind.key)}", "a key is a text or a whole number")])
        asked = key if key is not None else own
        if asked is None:
            return self._fresh()
        found_ = self._present.key(kind.name, asked)
        meant = found_ if found_ is not None else next(self._present.keys(kind, asked), None)
        if meant is None:
            raise Refused([("", f"{str(asked)[:80]!r} is no key of a {kind.name}; give a number")])
        if own is not None and own != meant and meant not in self._present.keys(kind, own):
            text = f"the record is {meant!r}, and its key cannot change; leave it out"
            raise Refused([(f"/{escaped(kind.key)}", text)])
        return meant, self._present.label(kind, meant, asked)

    def _fresh(self) -> tuple[Key, str]:
        kind = self._kind
        number = self._present.serial(kind.name) + 1
        if kind.has_integer_key:
            return number, str(number)
        while self._present.key(kind.name, label := f"new-{number}") is not None:
            number += 1
        return next(self._present.keys(kind, label)), label

    # Writing

    def _write(self, store: Transaction, records: list[tuple[Entry, Record]]) -> None:
        kept = {(entry.resource.name, entry.key) for entry, _ in records}
        for entry, _ in records:
            for name in entry.named:
                relation = entry.resource.relations[name]
                to = self._editor.tools.spec.resources[relation.to]
                for child in store.related(relation.to, relation.by, entry.key):
                    here = store.get(relation.to, child[to.key])
                    if here is None or (relation.to, child[to.key]) in kept:
                        continue
                    if to.relations[relation.by].kind == "one":
                        store.remove(relation.to, here)
                    else:
                        rest = [key for key in here[relation.by] if key != entry.key]
                        store.replace(relation.to, here, **{relation.by: rest})
        for entry, record in records:
            here = store.get(entry.resource.name, entry.key)
            if here is None:
                store.insert(entry.resource.name, record)
            else:
                store.replace(entry.resource.name, here, **record)

    # Complaining

    def _check(self) -> None:
        told = [self._places.told(problem) for problem in self._problems]
        # What could not be read was left out, and its absence is no second mistake.
        # And records that share what is written for them share its mistakes.
        known = {pointer for pointer, _ in told}
        more = {place: text for place, text in reversed(self._refusals) if place not in known}
        if told or more:
            raise Refused([*told, *reversed(more.items())])

    def _pointer(self, entry: Entry, name: str = "") -> str:
        pointer = self._places.pointer(entry.raw.where) or ""
        return f"{pointer}/{escaped(name)}" if name else pointer

    def _complaints(self, entry: Entry, record: Record) -> Iterator[tuple[str, str]]:
        for name, text in self._editor.tools.checks.complaints(entry.resource, record):
            yield self._pointer(entry, name), f"{text}; correct the value"

    def _twins(
        self, store: Transaction, records: list[tuple[Entry, Record]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the complaints about values that another record has."""
        counted: dict[tuple[str, tuple[str, ...]], Counter[str]] = {}
        for entry, record in records:
            name = entry.resource.name
            for fields in entry.resource.unique:
                if any(record.get(each) is None for each in fields):
                    continue
                if (name, fields) not in counted:
                    every = (_held(each, fields) for each in store.all(name))
                    counted[name, fields] = Counter(every)
                if counted[name, fields][_held(record, fields)] > 1:
                    text = f"another {name} has the same {' and '.join(fields)}; change one"
                    yield self._pointer(entry, fields[-1]), text

    def _strays(
        self, store: Transaction, records: list[tuple[Entry, Record]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the complaints about relations to what this very edit removes."""
        for entry, record in records:
            for relation in entry.resource.relations.values():
                held: Any = record.get(relation.name) if relation.is_stored else None
                for key in held if isinstance(held, list) else [held]:
                    was = key is not None and key in self._state.records(relation.to)
                    if was and store.get(relation.to, key) is None:
                        text = f"{relation.to} {key!r} goes away with this edit; name another"
                        yield self._pointer(entry, relation.name), text


def _resource(editor: Editor, name: str) -> Resource:
    resource = editor.tools.spec.resources.get(name)
    if resource is None:
        names = ", ".join(sorted(editor.tools.spec.resources))
        raise NotFound(f"There is no resource {name[:80]!r}; there are {names}.")
    return resource


def _is_uuid(resource: Resource) -> bool:
    return bool(resource.fields[resource.key].schema.get("format") == "uuid")


def _held(record: Record, fields: Sequence[str]) -> str:
    return repr([record.get(name) for name in fields])
