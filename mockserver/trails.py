"""Tell which records differ between two versions of a table."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import count
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from mockserver.json_types import Key, Record

#: So many of the latest writes are remembered at least, and twice as many at most.
LENGTH: Final = 128
_PIECE: Final = 16

_numbers = count(1)
_number = attrgetter("number")
#: What a key held before and after: None where there was no record.
Changes: TypeAlias = "Mapping[Key, tuple[Record | None, Record | None]]"
#: The same of one write, with the key.
Write: TypeAlias = "tuple[Key, Record | None, Record | None]"


class Step(NamedTuple):
    """One write, and the number of the version that it led to."""

    number: int
    key: Key
    old: Record | None
    new: Record | None


class Trail:
    """
    The latest writes that led to a version of a table; never changed.

    Two versions of the same `number` are the same; the writes start at the version
    `base`. Whoever makes a table by other means than single writes leaves its trail
    to the default: no version before it is known.
    """

    __slots__ = ("_newer", "_older", "base", "number")

    def __init__(
        self, base: int | None = None, older: tuple[Step, ...] = (), newer: tuple[Step, ...] = ()
    ) -> None:
        self.base = next(_numbers) if base is None else base
        # A write copies the newer ones only.
        self._older, self._newer = older, newer
        last = newer or older
        #: The version that it leads to: asked for at every look at what is kept.
        self.number = last[-1].number if last else self.base

    def __reduce__(self) -> tuple[type[Trail], tuple[()]]:
        # Numbers mean nothing to another process.
        return Trail, ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The writes, the oldest first."""
        return self._older + self._newer

    def after(self, writes: Sequence[Write]) -> Trail:
        """Return the trail that goes some writes further."""
        base, older, newer = self.base, self._older, self._newer
        if len(writes) > LENGTH:
            # Nobody has seen the versions in between.
            base, older, newer, writes = next(_numbers), (), (), writes[-LENGTH:]
        steps = tuple([Step(next(_numbers), *write) for write in writes])
        if len(newer) + len(steps) <= _PIECE:
            return Trail(base, older, newer + steps)
        older = older + newer + steps
        if len(older) >= 2 * LENGTH:
            base, older = older[-LENGTH - 1].number, older[-LENGTH:]
        return Trail(base, older)

    def since(self, number: int) -> tuple[Step, ...] | None:
        """Return the writes that came after a version, None when it is not on the way."""
        if number == self.number:
            return ()
        newer = self._newer
        if newer and number >= newer[0].number:
            place = _place(newer, number)
            return None if place is None else newer[place:]
        older = self._older
        if number == (older[-1].number if older else self.base):
            return newer
        place = 0 if number == self.base else _place(older, number)
        return None if place is None else older[place:] + newer


def _place(steps: tuple[Step, ...], number: int) -> int | None:
    """Return how many of the writes come before a version."""
    found = bisect_left(steps, number, key=_number)
    is_there = found < len(steps) and steps[found].number == number
    return found + 1 if is_there else None


#: The trail of a table without records; all tables start from the same one.
EMPTY: Final = Trail(0)


def between(before: Trail, after: Trail) -> Changes | None:
    """
    Return what differs between two versions, None when nobody knows.

    Neither has to come from the other: they may have a version in common.
    """
    if before.number == after.number:
        return {}
    ways = _ways(before, after)
    if ways is None:
        return None
    back, forth = ways
    old = {step.key: step.old for step in reversed(forth)}
    old.update((step.key, step.new) for step in back)
    new = {step.key: step.old for step in reversed(back)}
    new.update((step.key, step.new) for step in forth)
    # Whatever was written on one side only is on the other as it was in common.
    return {key: (old[key], new[key]) for key in old if old[key] is not new[key]}


def _ways(before: Trail, after: Trail) -> tuple[tuple[Step, ...], tuple[Step, ...]] | None:
    """Return the writes since the latest version in common, on both sides."""
    forth = after.since(before.number)
    if forth is not None:
        return (), forth
    back = before.since(after.number)
    if back is not None:
        return back, ()
    longer, other = (before, after) if before.base <= after.base else (after, before)
    # Both went the same way until they parted, so whatever they share starts with this.
    if longer.since(other.base) is None:
        return None
    steps = other.steps
    place = bisect_left(steps, True, key=lambda step: longer.since(step.number) is None)
    number = steps[place - 1].number if place else other.base
    back, forth = before.since(number), after.since(number)
    return None if back is None or forth is None else (back, forth)
