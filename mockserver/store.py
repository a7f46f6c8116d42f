"""Records, by resource and key; changed together or not at all.

The state is a value: tables are persistent maps, records are never mutated. A
snapshot, a fork and a reset are therefore a pointer, a failed action leaves
nothing behind, and whatever is computed from a state may be kept with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from mockserver.errors import Conflict
from mockserver.json_types import JSON, Key, Record
from mockserver.operation import Resource
from mockserver.state import NOBODY, Reader, State, Table, reindex
from mockserver.trails import EMPTY, Write

__all__ = ["Change", "State", "Store", "Table", "Transaction", "Writes"]

#: One write: the record after it, or None when it is gone.
Change: TypeAlias = "tuple[str, Key, Record | None]"
_NONE: Final = Table(trail=EMPTY)


class Transaction(Reader):
    """
    Reads and writes on one state, nothing visible outside until committed.

    Every read sees the writes made before it.
    """

    __slots__ = ("changes",)

    def __init__(self, resources: Mapping[str, Resource], state: State) -> None:
        super().__init__(resources, state)
        self.changes: list[Change] = []

    # Writing

    def insert(self, resource: str, record: Record) -> Record:
        """Add a record; its key must be new."""
        key = record[self._resources[resource].key]
        if self.get(resource, key) is not None:
            raise ValueError(f"{resource} {key} exists already")
        return self._put(resource, key, None, record)

    def insert_all(self, resource: str, records: Iterable[Record]) -> None:
        """Add records; the same as adding one after another, and cheaper."""
        name, known, found = self._resources[resource].key, self._records(resource), list(records)
        new = {record[name]: record for record in found}
        if len(new) < len(found) or any(key in known for key in new):
            raise ValueError(f"{resource}: there are two records of one key")
        if new:
            self._put_all(resource, [(key, None, record) for key, record in new.items()])

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

    def replay(self, changes: Iterable[Change]) -> None:
        """Make writes again that were decided elsewhere, in their order."""
        for resource, key, record in changes:
            self._put(resource, key, self.get(resource, key), record)

    def next_serial(self, resource: str) -> int:
        """Return the next unused integer key, or number of a record whose key is a text."""
        table = self._tables.get(resource)
        return 1 if table is None else table.serial + 1

    def commit(self) -> State:
        """Return the state after all writes; the same state when there were none."""
        if not self.changes:
            return self.state
        return State(self.state.version + 1, self._tables, self._memo, memory=self.state.memory)

    # Inside

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
        self._put_all(resource, ((key, old, new),))
        return new if new is not None else {}

    def _put_all(self, resource: str, writes: Sequence[Write]) -> None:
        """Write what keys are to hold, where they held what is given with them."""
        table = self._tables.get(resource) or _NONE
        records, indexes, serial = table.records, table.indexes, table.serial
        for name in self._resources[resource].links:
            before = index = indexes.get(name, NOBODY)
            for key, old, new in writes:
                if old is None or new is None or old.get(name) is not new.get(name):
                    index = reindex(index, name, key, old, new)
            if index is not before:
                indexes = indexes.set(name, index)
        for key, old, new in writes:
            records = records.delete(key) if new is None else records.set(key, new)
            is_new = old is None and new is not None
            serial = max(serial, key) if isinstance(key, int) else serial + is_new
            self.changes.append((resource, key, new))
        made = Table(records, indexes, serial, table.trail.after(writes))
        self._tables = self._tables.set(resource, made)
        self._memo = {}


class Writes:
    """What transactions wrote on the way from one state to another, where they follow closely."""

    __slots__ = ("base", "changes", "state")

    def __init__(self, base: State) -> None:
        self.base = self.state = base
        self.changes: list[Change] = []

    def follow(self, transaction: Transaction, state: State) -> None:
        """Note what led to a state, unless something else came in between."""
        if transaction.state is self.state:
            self.changes += transaction.changes
            self.state = state


class Store:
    """
    The holder of the present state.

    One writer at a time by construction: an action runs without awaiting.
    """

    def __init__(self, resources: Mapping[str, Resource], state: State | None = None) -> None:
        self.resources = resources
        self.state = state or State()
        #: Somebody's who wants to know what is written.
        self.writes: Writes | None = None

    def read(self) -> Transaction:
        """Return a view of the present state; writes to it are lost unless they are kept."""
        return Transaction(self.resources, self.state)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Keep all writes of the block, or none when it raises."""
        transaction = self.read()
        yield transaction
        self.keep(transaction)

    def keep(self, transaction: Transaction) -> None:
        """Keep all writes of a transaction."""
        self.state = transaction.commit()
        if self.writes is not None:
            self.writes.follow(transaction, self.state)

    def snapshot(self) -> State:
        """Return the present state; O(1), and never changes."""
        return self.state

    def restore(self, state: State) -> None:
        """Make a state the present one; O(1)."""
        self.state = state

    def fork(self) -> Store:
        """Return a store of its own that starts from the present state; O(1)."""
        return Store(self.resources, self.state)


def _same(one: JSON, other: JSON) -> bool:
    # 1 == True and 1 == 1.0 in Python, but they are different JSON.
    return type(one) is type(other) and bool(one == other)
