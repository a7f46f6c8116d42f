"""Let a call see live things as the records of a store that is thrown away after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from immutables import Map

from mockserver.actions import Scope
from mockserver.admin import document
from mockserver.json_types import Key, Record
from mockserver.operation import Resource
from mockserver.store import State, Store, Table, Transaction


class Passing(Store):
    """A store that keeps nothing: each request fills it with what it is about."""

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Return a view that is thrown away."""
        yield self.read()


def fill(scope: Scope, resource: str, rows: Iterable[Record]) -> None:
    """Let the call see some rows as the records of a resource."""
    show(scope, with_rows(scope.store.state, resource, rows))


def show(scope: Scope, state: State) -> None:
    """Let the call see the records of a state, and no others."""
    scope.store = Transaction(document.spec().resources, state)


def with_rows(state: State, resource: str, rows: Iterable[Record]) -> State:
    """Return a state in which these are the records of a resource."""
    table = _table(document.spec().resources[resource], rows)
    return State(tables=state.tables.set(resource, table))


def _table(resource: Resource, rows: Iterable[Record]) -> Table:
    # All at once: adding one record after the other takes ten times as long.
    records = {row[resource.key]: row for row in rows}
    indexes = {
        relation.name: _index(records, relation.name)
        for relation in resource.relations.values()
        if relation.is_stored
    }
    return Table(Map(records), Map(indexes))


def _index(records: dict[Key, Record], field: str) -> Map[Key, Map[Key, None]]:
    held: dict[Key, dict[Key, None]] = {}
    for key, record in records.items():
        held.setdefault(record[field], {})[key] = None
    return Map({target: Map(keys) for target, keys in held.items()})
