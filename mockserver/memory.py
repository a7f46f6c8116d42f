"""Keep what was worked out from records until a record changes that it was worked out from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence, Sized
from dataclasses import field
from threading import RLock
from typing import Any, Final, Generic, TypeAlias, TypeVar

from mockserver import trails
from mockserver.frozen import dataclass
from mockserver.json_types import Key, Record
from mockserver.trails import Changes, Trail

T = TypeVar("T")
#: Values kept at most, and their weight together: a row of a list, or an eighth of a thing read.
VALUES: Final = 8192
WEIGHT: Final = 16_000_000
_READ: Final = 8
#: What a record weighs as it is shown, in rows of a list.
SHOWN: Final = 300
#: States that know nothing of each other's writes keep so many values of one key apart.
APART: Final = 4
#: What was worked out from this little is not worth being looked at by itself.
_LITTLE: Final = 8


@dataclass(slots=True)
class Read:
    """What was read of one table: all of it, some keys, or whoever holds some targets."""

    is_whole: bool = False
    keys: set[Key] = field(default_factory=set)
    targets: dict[str, set[Key]] = field(default_factory=dict)

    def meets(self, changes: Changes) -> bool:
        """Tell whether any of the changes could have been read."""
        if self.is_whole:
            return bool(changes)
        return not self.keys.isdisjoint(changes) or any(
            not wanted.isdisjoint(held(record, name))
            for name, wanted in self.targets.items()
            for pair in changes.values()
            for record in pair
        )

    def add(self, other: Read) -> None:
        """Have read what another has."""
        self.is_whole = self.is_whole or other.is_whole
        self.keys |= other.keys
        for name, keys in other.targets.items():
            self.targets.setdefault(name, set()).update(keys)

    @property
    def weight(self) -> int:
        """How many things it holds."""
        return 1 + len(self.keys) + sum(map(len, self.targets.values()))


class Reads:
    """What was read while something was worked out, and what else it was worked out from."""

    __slots__ = ("parts", "seen", "tables")

    def __init__(self) -> None:
        self.tables: dict[str, Read] = {}
        self.parts: list[Kept[Any]] = []
        self.seen: dict[int, Kept[Any]] = {}

    def of(self, resource: str) -> Read:
        """Return what was read of a table, to be added to."""
        found = self.tables.get(resource)
        if found is None:
            found = self.tables[resource] = Read()
        return found

    def join(self, part: Kept[Any]) -> None:
        """Have read what a part was worked out from."""
        if id(part) in self.seen:
            return
        # Held, or another object could get its id.
        self.seen[id(part)] = part
        if part.own is not None or part.reads.parts or part.reads.weight > _LITTLE:
            self.parts.append(part)
            return
        for name, read in part.reads.tables.items():
            self.of(name).add(read)

    def close(self) -> None:
        """Drop what only matters while something is being worked out."""
        self.seen = {}

    @property
    def weight(self) -> int:
        """How many things it holds."""
        return len(self.parts) + sum(read.weight for read in self.tables.values())


@dataclass(slots=True)
class Kept(Generic[T]):
    """
    A value, what it was worked out from, and at which versions of these tables.

    `of` is the description it was worked out by, `own` the trail of the table of which
    it is mended record by record, `mends` how often it was; `cost` is what it weighed
    when it was put away.
    """

    value: T
    reads: Reads
    trails: dict[str, Trail]
    of: object = None
    own: Trail | None = None
    mends: int = 0
    cost: int = 0

    def holds(self, now: Callable[[str], Trail]) -> bool:
        """Tell whether it is worked out from what the tables hold now, its own one aside."""
        met: dict[str, Trail] = {}
        for name, read in self.reads.tables.items():
            present, known = now(name), self.trails.get(name)
            if known is None:
                return False
            if present.number != known.number:
                changes = trails.between(known, present)
                if changes is None or read.meets(changes):
                    return False
                met[name] = present
        if not all(part.holds(now) for part in self.reads.parts):
            return False
        # Nothing of it was touched on the way, so that it is as true there as here.
        self.trails.update(met)
        return True

    @property
    def weight(self) -> int:
        """What it costs to keep, roughly."""
        return 1 + self.size + _READ * self.reads.weight

    @property
    def size(self) -> int:
        """How many rows of a list it weighs, what it was worked out from aside."""
        return len(self.value) if isinstance(self.value, Sized) else 1


Values: TypeAlias = "Mapping[Hashable, Kept[Any]]"


class Together(Kept[Values]):
    """
    Values that were asked for together, by key: one look tells whether all of them hold.

    Its trails are of all tables that any was worked out from, at versions where all held.
    """

    __slots__ = ()

    def holds(self, now: Callable[[str], Trail]) -> bool:
        """Tell whether each value is worked out from what the tables hold now."""
        met: dict[str, Trail] = {}
        for name, known in self.trails.items():
            present = now(name)
            if present.number != known.number:
                changes = trails.between(known, present)
                if changes is None or self._meets(name, changes):
                    return False
                met[name] = present
        for kept in self.value.values():
            if kept.reads.parts and not all(part.holds(now) for part in kept.reads.parts):
                return False
        self.trails.update(met)
        return True

    def _meets(self, name: str, changes: Changes) -> bool:
        reads = (kept.reads.tables.get(name) for kept in self.value.values())
        return any(read is not None and read.meets(changes) for read in reads)

    @property
    def weight(self) -> int:
        """What it costs to keep, roughly."""
        return sum(SHOWN + kept.cost for kept in self.value.values())


class Memory:
    """
    Values by key, within bounds; shared by all states that come from one another.

    It holds no state: only values, and the latest writes of the tables they followed from.
    """

    __slots__ = ("_kept", "_weight", "lock")

    def __init__(self) -> None:
        #: To be held while values are looked for and made: servers in threads may share states.
        self.lock = RLock()
        self._kept: OrderedDict[Hashable, tuple[int, tuple[Kept[Any], ...]]] = OrderedDict()
        self._weight = 0

    def __reduce__(self) -> tuple[type[Memory], tuple[()]]:
        # A copy knows nothing, and has nothing to do with the original.
        return Memory, ()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """What all values cost to keep, roughly."""
        return self._weight

    def candidates(self, key: Hashable) -> tuple[Kept[Any], ...]:
        """Return the values of a key, the latest used first; the tables decide which holds."""
        found = self._kept.get(key)
        if found is None:
            return ()
        self._kept.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, kept: Kept[Any], instead: Kept[Any] | None = None) -> None:
        """Keep a value, in place of another or beside the others of its key."""
        weight, present = self._kept.pop(key, (0, ()))
        others = [each for each in present if each is not instead and each is not kept]
        now = (kept, *others)[:APART]
        if instead is not None and instead.own is not None and instead.reads is kept.reads:
            # To count all that was read again would take longer than to mend it.
            kept.cost = instead.cost + kept.size - instead.size
        else:
            kept.cost = kept.weight
        added = sum(each.cost for each in now)
        self._kept[key] = added, now
        self._weight += added - weight
        while len(self._kept) > VALUES or (self._weight > WEIGHT and len(self._kept) > 1):
            _, (weight, _) = self._kept.popitem(last=False)
            self._weight -= weight


def held(record: Record | None, field_name: str) -> Sequence[Key]:
    """Return the keys that a stored relation of a record holds."""
    value: Any = None if record is None else record.get(field_name)
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def trails_of(reads: Reads, now: Callable[[str], Trail]) -> dict[str, Trail]:
    """Return the present versions of the tables that were read."""
    return {name: now(name) for name in reads.tables}
