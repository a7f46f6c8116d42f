"""Look at the records of one moment, and remember what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar, cast

from immutables import Map

from mockserver.frozen import dataclass
from mockserver.json_types import Key, Record
from mockserver.memory import Kept, Memory, Reads, Together, Values, held, trails_of
from mockserver.operation import Resource
from mockserver.trails import EMPTY, Changes, Trail, between

T = TypeVar("T")
#: What makes a new value of an old one and of the records that changed in between.
Mend: TypeAlias = "Callable[[T, Changes], T]"
#: Values kept with one state; more than this many and all are forgotten.
MEMO_LIMIT: Final = 4096
#: Up to this many related records are cheaper to gather again than to remember.
FEW: Final = 64
#: A value is mended so many times before it is made anew, and more often when that costs more.
MENDS: Final = 1000
#: No record holds anything.
NOBODY: Final[Map[Any, Any]] = Map()
#: The keys of the records that hold a target in one relation, by target.
Index: TypeAlias = "Map[Key, Map[Key, None]]"
#: Values that are asked for together have each read something, and all of them nothing else.
_NOTHING_READ: Final = Reads()


@dataclass(frozen=True, slots=True)
class Table:
    """
    The records of one resource.

    `indexes` maps each stored relation to the keys of the records that hold a
    given target; `serial` is the highest integer key ever used, or where keys
    are texts how many records there ever were. `trail` tells what differs from
    other versions of the table; who makes other records leaves it to its default.
    """

    records: Map[Key, Record] = field(default_factory=Map)
    indexes: Map[str, Index] = field(default_factory=Map)
    serial: int = 0
    trail: Trail = field(default_factory=Trail, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """
    All records at one moment; compared by identity.

    `version` counts the writes that led to it; no other state has its `number`.
    `memo` is what was worked out from this state, `memory` what may hold in others too.
    """

    version: int = 0
    tables: Map[str, Table] = field(default_factory=Map)
    memo: dict[Any, Kept[Any]] = field(default_factory=dict)
    number: int = field(default_factory=count().__next__, repr=False)
    memory: Memory = field(default_factory=Memory, repr=False)

    def records(self, resource: str) -> Map[Key, Record]:
        """Return the records of a resource, by key."""
        table = self.tables.get(resource)
        return Map() if table is None else table.records

    def bare(self) -> State:
        """Return the same records without what was computed from them: to be kept for long."""
        return State(self.version, self.tables, memory=self.memory)


def _always(value: object) -> bool:
    return True


class Reader:
    """Reads what the tables of one state hold; what it works out is kept for other states too."""

    __slots__ = ("_memo", "_reads", "_resources", "_tables", "state")

    def __init__(self, resources: Mapping[str, Resource], state: State) -> None:
        self._resources = resources
        self._tables = state.tables
        self._memo = state.memo
        # What is being read, while something is worked out that is to be kept.
        self._reads: Reads | None = None
        self.state = state

    def get(self, resource: str, key: Key | None) -> Record | None:
        """Return the record of that key, or None."""
        if key is None:
            return None
        if self._reads is not None:
            self._reads.of(resource).keys.add(key)
        table = self._tables.get(resource)
        return None if table is None else table.records.get(key)

    def all(self, resource: str) -> tuple[Record, ...]:
        """Return every record of a resource, ordered by key."""
        return self.keep(("all", resource), lambda: self._ordered(resource))

    def every(self, resource: str) -> Iterable[Record]:
        """Return every record of a resource, in no order."""
        if self._reads is not None:
            self._reads.of(resource).is_whole = True
        return self._records(resource).values()

    def holding(self, resource: str, field: str, key: Key) -> Iterable[Key]:
        """Return the keys of the records that `related` returns, in no order."""
        return self._holders(resource, field, key)

    def related(self, resource: str, field: str, key: Key) -> tuple[Record, ...]:
        """Return the records whose stored relation `field` holds `key`, ordered by key."""
        table = self._tables.get(resource)
        holders = self._holders(resource, field, key)
        if table is None or not holders:
            return ()
        if len(holders) <= FEW:
            return _picked(table, holders)
        return self.keep(
            ("related", resource, field, key),
            lambda: _picked(table, self._holders(resource, field, key)),
        )

    def count(self, resource: str) -> int:
        """Return how many records a resource has."""
        if self._reads is not None:
            self._reads.of(resource).is_whole = True
        return len(self._records(resource))

    def count_related(self, resource: str, field: str, key: Key) -> int:
        """Return how many records hold `key` in the stored relation `field`."""
        return len(self._holders(resource, field, key))

    def memo(self, key: Any, make: Callable[[], T]) -> T:
        """Return a value computed from the present state, kept until the next write."""
        found = self._memo.get(key)
        if found is None:
            found = self._made(make)
            self._remember(key, found)
        if self._reads is not None:
            self._reads.join(found)
        return cast("T", found.value)

    def keep(self, key: Any, make: Callable[[], T], fits: Callable[[T], bool] = _always) -> T:
        """
        Return a value computed from records, kept until one changes that it followed from.

        It has to follow from the key and from what `make` reads through this
        transaction, or `fits` has to tell whether it does.
        """
        found = self._memo.get(key)
        if found is None or not fits(found.value):
            memory = self.state.memory
            with memory.lock:
                found = self._first(self._candidates(key), fits)
                if found is None:
                    found = self._made(make)
                    if fits(found.value):
                        memory.put(key, found)
            self._remember(key, found)
        if self._reads is not None:
            self._reads.join(found)
        return cast("T", found.value)

    def keep_each(
        self,
        whole: Hashable,
        keys: Sequence[Hashable],
        make: Callable[[int], T],
        fits: Callable[[int, T], bool],
    ) -> list[T]:
        """
        Return a value for each key, kept as `keep` does; they are made by place.

        They are asked for together again under `whole`: one look tells that no record has
        changed that any of them followed from.
        """

        def suits(values: Values) -> bool:
            # Somebody else's values are no start.
            pairs = ((place, values.get(key)) for place, key in enumerate(keys))
            return any(kept is not None and fits(place, kept.value) for place, kept in pairs)

        with self.state.memory.lock:
            known = list(self._candidates(whole))
            group = self._first(known, suits)
            values: Values = {} if group is None else group.value
            found: dict[Hashable, Kept[T]] = {}
            late = []
            for place, key in enumerate(keys):
                kept = values.get(key)
                if kept is None or not fits(place, kept.value):
                    others = (each.value.get(key) for each in known)
                    kept = self._first(others, partial(fits, place))
                    if kept is None:
                        kept = self._made(partial(make, place))
                        kept.cost = kept.weight
                    late.append(kept)
                found[key] = kept
            if late or group is None:
                trails = {} if group is None else dict(group.trails)
                for kept in late:
                    for name in kept.reads.tables.keys() - trails.keys():
                        trails[name] = self._trail(name)
                made = Together(found, _NOTHING_READ, trails, self._resources)
                self.state.memory.put(whole, made, group)
        if self._reads is not None:
            for kept in found.values():
                self._reads.join(kept)
        return [found[key].value for key in keys]

    def mended(
        self,
        key: Any,
        resource: str,
        make: Callable[[], T],
        mend: Mend[T],
        fits: Callable[[T], bool],
    ) -> T:
        """
        Return a value computed from each record of a resource and others that these lead to.

        As `keep`, but when records of the resource itself have changed, `mend` makes
        the new value of the old one and of what the keys held before and now.
        """
        found = self._memo.get(key)
        if found is None or not fits(found.value):
            memory = self.state.memory
            with memory.lock:
                found = self._found(key, resource, mend, fits)
                if found is None:
                    found = self._made(make, self._trail(resource))
                    if fits(found.value):
                        memory.put(key, found)
            self._remember(key, found)
        if self._reads is not None:
            self._reads.of(resource).is_whole = True
            self._reads.join(found)
        return cast("T", found.value)

    @contextmanager
    def unnoted(self) -> Iterator[None]:
        """Read without what is being worked out taking note of it."""
        outer, self._reads = self._reads, None
        try:
            yield
        finally:
            self._reads = outer

    # Inside

    def _records(self, resource: str) -> Map[Key, Record]:
        table = self._tables.get(resource)
        return Map() if table is None else table.records

    def _holders(self, resource: str, field: str, key: Key) -> Map[Key, None]:
        if self._reads is not None:
            self._reads.of(resource).targets.setdefault(field, set()).add(key)
        table = self._tables.get(resource)
        index = None if table is None else table.indexes.get(field)
        return Map() if index is None else index.get(key, Map())

    def _trail(self, resource: str) -> Trail:
        table = self._tables.get(resource)
        return EMPTY if table is None else table.trail

    def _ordered(self, resource: str) -> tuple[Record, ...]:
        if self._reads is not None:
            self._reads.of(resource).is_whole = True
        records = self._records(resource)
        return tuple(records[key] for key in sorted(records))

    # What is worked out

    def _candidates(self, key: Any) -> Iterator[Kept[Any]]:
        # Another description may mean something else by the same words.
        found = self.state.memory.candidates(key)
        return (each for each in found if each.of is self._resources)

    def _made(self, make: Callable[[], T], own: Trail | None = None) -> Kept[T]:
        outer, self._reads = self._reads, Reads()
        try:
            value = make()
            self._reads.close()
            trails = trails_of(self._reads, self._trail)
            return Kept(value, self._reads, trails, self._resources, own)
        finally:
            self._reads = outer

    def _first(self, known: Iterable[Kept[T] | None], fits: Callable[[T], bool]) -> Kept[T] | None:
        """Return the first of some values that holds."""
        for each in known:
            if each is not None and fits(each.value) and each.holds(self._trail):
                return each
        return None

    def _remember(self, key: Any, found: Kept[Any]) -> None:
        if len(self._memo) >= MEMO_LIMIT:
            self._memo.clear()
        self._memo[key] = found

    def _found(
        self, key: Any, resource: str, mend: Mend[T], fits: Callable[[T], bool]
    ) -> Kept[T] | None:
        for old in self._candidates(key):
            changes = between(old.own or EMPTY, self._trail(resource))
            if changes is None or not fits(old.value) or not old.holds(self._trail):
                continue
            if not changes:
                return old
            if old.mends >= max(MENDS, old.size):
                # What is gone by now is still among what it has read.
                continue
            made = self._mend(old, changes, mend, resource)
            self.state.memory.put(key, made, old)
            return made
        return None

    def _mend(self, old: Kept[T], changes: Changes, mend: Mend[T], resource: str) -> Kept[T]:
        outer, self._reads = self._reads, old.reads
        try:
            value = mend(old.value, changes)
            old.reads.close()
            trails = trails_of(old.reads, self._trail)
            own = self._trail(resource)
            return Kept(value, old.reads, trails, self._resources, own, old.mends + 1)
        finally:
            self._reads = outer


def _picked(table: Table, keys: Map[Key, None]) -> tuple[Record, ...]:
    records = table.records
    return tuple(records[key] for key in sorted(keys))


def reindex(index: Index, field: str, key: Key, old: Record | None, new: Record | None) -> Index:
    """Return who holds what in a relation, after one record has changed."""
    before: Any = None if old is None else old.get(field)
    after: Any = None if new is None else new.get(field)
    if before == after:
        return index
    if isinstance(before, list) or isinstance(after, list):
        # The same key may be there twice.
        lost, won = set(held(old, field)), set(held(new, field))
        for target in lost - won:
            index = _unheld(index, target, key)
        for target in won - lost:
            index = index.set(target, index.get(target, NOBODY).set(key, None))
        return index
    if before is not None:
        index = _unheld(index, before, key)
    if after is not None:
        index = index.set(after, index.get(after, NOBODY).set(key, None))
    return index


def _unheld(index: Index, target: Key, key: Key) -> Index:
    """Return an index without one holder of a target."""
    if target not in index:
        return index
    rest = index[target].delete(key)
    return index.set(target, rest) if len(rest) else index.delete(target)
