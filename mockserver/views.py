"""Keep lists filtered and sorted while their records change."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence, Sized
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar, overload

from mockserver.actions import Bound, Call, Scope
from mockserver.frozen import dataclass
from mockserver.json_types import JSON, Key, Record, Shown
from mockserver.memory import SHOWN
from mockserver.operation import Resource
from mockserver.rows import Rows
from mockserver.trails import Changes

T = TypeVar("T")
V = TypeVar("V", bound=Sized)
#: From this many records on, what is shown below a record is kept.
MANY: Final = 256
Predicate: TypeAlias = Callable[[Record], bool]
#: Brings records in order, and tells the key by which two records compare.
Sort: TypeAlias = "Callable[[Iterable[Record]], list[Record]]"
Rank: TypeAlias = Callable[[Record], Any]


class Source(Sequence[Record]):
    """
    The records that a list is made of, gathered when they are looked at.

    `origin` names the way to them; `whole` is the resource when they are all there are.
    """

    __slots__ = ("_rows", "gather", "origin", "scope", "whole")

    def __init__(
        self,
        scope: Scope,
        origin: Hashable,
        gather: Callable[[], Sequence[Record]],
        whole: str = "",
    ) -> None:
        self.scope, self.origin, self.whole = scope, origin, whole
        self.gather = gather
        self._rows: Sequence[Record] | None = None

    def rows(self) -> Sequence[Record]:
        """Return the records."""
        if self._rows is None:
            self._rows = self.gather()
        return self._rows

    def __len__(self) -> int:
        return len(self.rows())

    def __iter__(self) -> Iterator[Record]:
        return iter(self.rows())

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self.rows()[index]


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a list is to show: which records, in which order.

    `tests` keep a record or not; `few` returns keys among which all that pass are,
    or None where they are not known without looking at each.
    """

    tests: Sequence[Predicate]
    sort: Sort
    rank: Rank
    few: Callable[[], Iterable[Key] | None]

    def keeps(self, record: Record) -> bool:
        """Tell whether a record is shown."""
        return all(test(record) for test in self.tests)


@dataclass(frozen=True, slots=True)
class _View(Generic[V]):
    """Rows, for whom and below which record, and from when until when they are these."""

    rows: V
    user: Record | None
    parent: Record | None
    since: datetime
    until: datetime | None
    heaviness: int = 1

    def __len__(self) -> int:
        return len(self.rows) * self.heaviness

    def fits(self, scope: Scope) -> bool:
        """Tell whether they are the rows for a call, if no record has changed."""
        now = scope.call.now
        return (
            self.user is scope.user
            and self.parent is scope.parent
            and self.since <= now
            and (self.until is None or now < self.until)
        )


@dataclass(frozen=True, slots=True)
class _Timely(Generic[T]):
    """A value, and from when until when it is true if no record changes."""

    value: T
    since: datetime
    until: datetime | None

    def __len__(self) -> int:
        return len(self.value) if isinstance(self.value, Sized) else 1


def kept(scope: Scope, key: Hashable, make: Callable[[], T]) -> T:
    """
    Return a value computed from records and the time, kept for as long as both allow.

    It has to follow from the key, from what `make` reads through the scope's store
    and from what it asks the scope about the time.
    """
    now = scope.call.now
    found = scope.store.keep(
        key,
        lambda: _Timely(*_timed(scope, make)),
        lambda old: old.since <= now and (old.until is None or now < old.until),
    )
    _bound(scope, found.until)
    return found.value


def find(
    scope: Scope, source: Source, wanted: Wanted, name: Hashable, asked: Hashable
) -> Sequence[Record]:
    """
    Return the records that a list shows, in order.

    `name` and `asked` tell this list from all others, together with the caller, the
    path and the address; what is remembered of it is mended where records changed.
    """
    call = scope.call
    key = ("view", name, source.origin, asked, tuple(call.path.items()), call.base_url)
    if source.whole:
        view = scope.store.mended(
            key,
            source.whole,
            lambda: _view(scope, lambda: _gathered(scope, source, wanted)),
            lambda old, changes: _view(scope, lambda: _mended(old.rows, changes, wanted), old),
            lambda old: old.fits(scope),
        )
    else:
        view = scope.store.keep(
            key,
            lambda: _view(scope, lambda: _gathered(scope, source, wanted)),
            lambda old: old.fits(scope),
        )
    _bound(scope, view.until)
    return view.rows


def shown(
    scope: Scope,
    name: Hashable,
    resource: Resource,
    records: Sequence[Record],
    show: Callable[[Record, Scope], JSON],
) -> list[JSON]:
    """
    Return records of a resource as they are shown, each of them kept until it changes.

    `name` tells them from all others, together with the caller and the call.
    """
    key, call = resource.key, scope.call
    path = tuple(call.path.items())
    place = ("shown", name, call.operation.id, path, _asked(call), call.base_url)

    def make() -> dict[Key, JSON]:
        return {record[key]: show(record, scope) for record in records}

    def mend(old: dict[Key, JSON], changes: Changes) -> dict[Key, JSON]:
        rest = {each: value for each, value in old.items() if each not in changes}
        rest.update(
            (record[key], show(record, scope)) for record in records if record[key] in changes
        )
        return rest

    found = scope.store.mended(
        place,
        resource.name,
        lambda: _view(scope, make, heaviness=SHOWN),
        lambda old, changes: _view(scope, lambda: mend(old.rows, changes), old, SHOWN),
        lambda old: old.fits(scope),
    )
    _bound(scope, found.until)
    # Who came to be among them without being changed is shown for the first time.
    rows = found.rows
    return [rows[record[key]] if record[key] in rows else show(record, scope) for record in records]


@dataclass(frozen=True, slots=True)
class _Row:
    """A record as an operation shows it: to whom, below which record, and how long."""

    value: JSON
    record: Record
    bound: Bound
    user: Record | None
    parent: Record | None
    since: datetime
    until: datetime | None


def page(scope: Scope, records: Sequence[Record], names: frozenset[str] | None) -> list[JSON]:
    """Return records as the operation shows them, each kept until what it leads to changes."""
    bound, call = scope.bound, scope.call
    user, parent, now = call.user, scope.parent, call.now
    place = (bound.operation.id, names, tuple(call.path.items()), _asked(call), call.base_url)
    key = bound.resource.key

    def make(number: int) -> _Row:
        record = records[number]
        shown_, since, until = _timed(scope, lambda: Shown(bound.shows(record, scope, names)))
        return _Row(shown_, record, bound, user, parent, since, until)

    def fits(number: int, old: _Row) -> bool:
        return (
            old.record is records[number]
            and old.bound is bound
            and old.user is user
            and old.parent is parent
            and old.since <= now
            and (old.until is None or now < old.until)
        )

    rows = scope.store.keep_each(("page", place), [r[key] for r in records], make, fits)
    _bound(scope, min((row.until for row in rows if row.until is not None), default=None))
    return [row.value for row in rows]


def _asked(call: Call) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the query of a call as part of a key."""
    return tuple((name, tuple(values)) for name, values in call.query.items())


def _bound(scope: Scope, until: datetime | None) -> None:
    if until is not None:
        scope.until = until if scope.until is None else min(scope.until, until)


def _timed(
    scope: Scope, make: Callable[[], T], until: datetime | None = None
) -> tuple[T, datetime, datetime | None]:
    """Return what is made, and from when until when it is true; `until` at the latest."""
    outer, scope.until = scope.until, until
    try:
        return make(), scope.call.now, scope.until
    finally:
        scope.until = outer


def _view(
    scope: Scope, make: Callable[[], V], old: _View[V] | None = None, heaviness: int = 1
) -> _View[V]:
    rows, since, until = _timed(scope, make, None if old is None else old.until)
    return _View(rows, scope.user, scope.parent, since, until, heaviness)


def _gathered(scope: Scope, source: Source, wanted: Wanted) -> Rows[Record]:
    # Gathered once more if need be: what is read for that must not go unnoted.
    rows = _candidates(scope, source.whole, wanted) if source.whole else source.gather()
    kept = [record for record in rows if wanted.keeps(record)]
    return Rows.of(wanted.sort(kept))


def _candidates(scope: Scope, whole: str, wanted: Wanted) -> Iterable[Record]:
    keys = wanted.few()
    # Changes of these records come by themselves: there is no need to note that they are read.
    with scope.store.unnoted():
        if keys is None:
            return scope.store.every(whole)
        found = [scope.store.get(whole, key) for key in keys]
        return [record for record in found if record is not None]


def _mended(rows: Rows[Record], changes: Changes, wanted: Wanted) -> Rows[Record]:
    come = []
    for old, present in changes.values():
        new = present if present is not None and wanted.keeps(present) else None
        if old is not None and new is not None:
            before, rows = rows, rows.instead(old, new, wanted.rank)
            if rows is not before:
                continue
        if old is not None:
            rows = rows.without(old, wanted.rank)
        if new is not None:
            come.append(new)
    for new in come:
        rows = rows.plus(new, wanted.rank)
    return rows
