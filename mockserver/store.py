"""Records, by resource and key; changed together or not at all.

The state is a value: tables are persistent maps, records are never mutated. A
snapshot, a fork and a reset are therefore a pointer, a failed action leaves
nothing behind, and whatever is computed from a state may be kept with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar

from immutables import Map

from mockserver.errors import Conflict
from mockserver.json_types import JSON, Key, Record
from mockserver.operation import Resource

T = TypeVar("T")
#: One write: the record after it, or None when it is gone.
Change: TypeAlias = "tuple[str, Key, Record | None]"
#: Values kept with one state; more than this many and all are forgotten.
MEMO_LIMIT: Final = 4096
#: Up to this many related records are cheaper to gather again than to remember.
FEW: Final = 64


@dataclass(frozen=True, slots=True)
class Table:
    """
    The records of one resource.

    `indexes` maps each stored relation to the keys of the records that hold a
    given target; `serial` is the highest integer key ever used, or where keys
    are texts how many records there ever were.
    """

    records: Map[Key, Record] = field(default_factory=Map)
    indexes: Map[str, Map[Key, Map[Key, None]]] = field(default_factory=Map)
    serial: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """
    All records at one moment; compared by identity.

    `version` counts the writes that led to it; no other state has its `number`.
    """

    version: int = 0
    tables: Map[str, Table] = field(default_factory=Map)
    memo: dict[Any, Any] = field(default_factory=dict)
    number: int = field(default_factory=count().__next__, repr=False)

    def records(self, resource: str) -> Map[Key, Record]:
        """Return the records of a resource, by key."""
        table = self.tables.get(resource)
        return Map() if table is None else table.records

    def bare(self) -> State:
        """Return the same records without what was computed from them: to be kept for long."""
        return State(self.version, self.tables)


class Transaction:
    """
    Reads and writes on one state, nothing visible outside until committed.

    Every read sees the writes made before it.
    """

    __slots__ = ("_memo", "_resources", "_tables", "changes", "state")

    def __init__(self, resources: Mapping[str, Resource], state: State) -> None:
        self._resources = resources
        self._tables = state.tables
        self._memo = state.memo
        self.state = state
        self.changes: list[Change] = []

    # Reading

    def get(self, resource: str, key: Key | None) -> Record | None:
        """Return the record of that key, or None."""
        table = self._tables.get(resource)
        return None if table is None or key is None else table.records.get(key)

    def all(self, resource: str) -> tuple[Record, ...]:
        """Return every record of a resource, ordered by key."""
        return self.memo(("all", resource), lambda: self._ordered(resource))

    def related(self, resource: str, field: str, key: Key) -> tuple[Record, ...]:
        """Return the records whose stored relation `field` holds `key`, ordered by key."""
        table = self._tables.get(resource)
        index = None if table is None else table.indexes.get(field)
        holders = None if index is None else index.get(key)
        if table is None or not holders:
            return ()
        if len(holders) <= FEW:
            return _picked(table, holders)
        return self.memo(("related", resource, field, key), lambda: _picked(table, holders))

    def count(self, resource: str) -> int:
        """Return how many records a resource has."""
        table = self._tables.get(resource)
        return 0 if table is None else len(table.records)

    def memo(self, key: Any, make: Callable[[], T]) -> T:
        """Return a value computed from the present state, kept until the next write."""
        try:
            found: T = self._memo[key]
        except KeyError:
            found = make()
            if len(self._memo) >= MEMO_LIMIT:
                self._memo.clear()
            self._memo[key] = found
        return found

    # Writing

    def insert(self, resource: str, record: Record) -> Record:
        """Add a record; its key must be new."""
        key = record[self._resources[resource].key]
        if self.get(resource, key) is not None:
            raise ValueError(f"{resource} {key} exists already")
        return self._put(resource, key, None, record)

    def replace(self, resource: str, record: Record, **changes: JSON) -> Record:
        """Store a changed copy of a record and return it; no difference, no write."""
        key = record[self._resources[resource].key]
        if all(name in record and _same(record[name], value) for name, value in changes.items()):
            return record
        return self._put(resource, key, self.get(resource, key), {**record, **changes})

    def remove(self, resource: str, record: Record) -> None:
        """Delete a record by the rules of its resource; Conflict when another forbids it."""
        kind = self._resources[resource]
        key = record[kind.key]
        for (other, relation), rule in kind.on_delete.items():
            if rule == "restrict" and self.related(other, relation, key):
                name = self._resources[other].name.replace("_", " ")
                raise Conflict(f"Cannot delete {kind.title} with existing {name}s")
        # Gone before its dependants are, so that a circle of cascades ends.
        self._put(resource, key, self.get(resource, key), None)
        for (other, relation), rule in kind.on_delete.items():
            for dependant in self.related(other, relation, key):
                self._unlink(other, relation, key, dependant, rule)

    def next_serial(self, resource: str) -> int:
        """Return the next unused integer key, or number of a record whose key is a text."""
        table = self._tables.get(resource)
        return 1 if table is None else table.serial + 1

    def commit(self) -> State:
        """Return the state after all writes; the same state when there were none."""
        if not self.changes:
            return self.state
        return State(self.state.version + 1, self._tables, self._memo)

    # Inside

    def _ordered(self, resource: str) -> tuple[Record, ...]:
        table = self._tables.get(resource)
        if table is None:
            return ()
        records = table.records
        return tuple(records[key] for key in sorted(records))

    def _unlink(self, other: str, relation: str, key: Key, dependant: Record, rule: str) -> None:
        # Another cascade may have reached it in the meantime.
        present = self.get(other, dependant[self._resources[other].key])
        if present is None:
            return
        if rule == "cascade":
            self.remove(other, present)
            return
        is_many = self._resources[other].relations[relation].kind == "many"
        rest = [k for k in present[relation] if k != key] if is_many else None
        self.replace(other, present, **{relation: rest})

    def _put(self, resource: str, key: Key, old: Record | None, new: Record | None) -> Record:
        table = self._tables.get(resource) or Table()
        records = table.records.delete(key) if new is None else table.records.set(key, new)
        indexes = table.indexes
        for relation in self._resources[resource].relations.values():
            if relation.is_stored:
                indexes = _reindex(indexes, relation.name, key, old, new)
        is_new = old is None and new is not None
        serial = max(table.serial, key) if isinstance(key, int) else table.serial + is_new
        self._tables = self._tables.set(resource, Table(records, indexes, serial))
        self._memo = {}
        self.changes.append((resource, key, new))
        return new if new is not None else {}


class Store:
    """
    The holder of the present state.

    One writer at a time by construction: an action runs without awaiting.
    """

    def __init__(self, resources: Mapping[str, Resource], state: State | None = None) -> None:
        self.resources = resources
        self.state = state or State()

    def read(self) -> Transaction:
        """Return a view of the present state; writes to it are never kept."""
        return Transaction(self.resources, self.state)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Keep all writes of the block, or none when it raises."""
        transaction = Transaction(self.resources, self.state)
        yield transaction
        self.state = transaction.commit()

    def snapshot(self) -> State:
        """Return the present state; O(1), and never changes."""
        return self.state

    def restore(self, state: State) -> None:
        """Make a state the present one; O(1)."""
        self.state = state

    def fork(self) -> Store:
        """Return a store of its own that starts from the present state; O(1)."""
        return Store(self.resources, self.state)


def _picked(table: Table, keys: Map[Key, None]) -> tuple[Record, ...]:
    records = table.records
    return tuple(records[key] for key in sorted(keys))


def _same(one: JSON, other: JSON) -> bool:
    # 1 == True and 1 == 1.0 in Python, but they are different JSON.
    return type(one) is type(other) and bool(one == other)


def _reindex(
    indexes: Map[str, Map[Key, Map[Key, None]]],
    field: str,
    key: Key,
    old: Record | None,
    new: Record | None,
) -> Map[str, Map[Key, Map[Key, None]]]:
    before, after = _targets(old, field), _targets(new, field)
    if before == after:
        return indexes
    index = indexes.get(field, Map())
    for target in before - after:
        rest = index[target].delete(key)
        index = index.set(target, rest) if len(rest) else index.delete(target)
    for target in after - before:
        index = index.set(target, index.get(target, Map()).set(key, None))
    return indexes.set(field, index)


def _targets(record: Record | None, field: str) -> set[Key]:
    held = None if record is None else record.get(field)
    if held is None:
        return set()
    return set(held) if isinstance(held, list) else {held}
