"""A long sorted sequence of which changed copies are cheap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from math import isqrt
from typing import Any, Final, Generic, TypeVar, overload

T = TypeVar("T")
#: How many items a chunk may hold at least, and how many times the root of their number.
CHUNK: Final = 1024
_ROOTS: Final = 4
#: Up to so many items are looked through faster than a dozen of them are compared.
_SHORT: Final = 128


class Rows(Sequence[T], Generic[T]):
    """
    Items in an order that a key follows; never changed, only copied with a difference.

    Copies share all chunks but the one that differs. The function that tells the key
    is not kept, since it may hold on to much else.
    """

    __slots__ = ("_chunks", "_ends")

    def __init__(
        self, chunks: Sequence[tuple[T, ...]], ends: tuple[int, ...] | None = None
    ) -> None:
        self._chunks = chunks
        self._ends = tuple(accumulate(map(len, chunks))) if ends is None else ends

    @classmethod
    def of(cls, items: Iterable[T]) -> Rows[T]:
        """Return a sequence of items that are in order already."""
        found = tuple(items)
        # Half full, so that the first insertions find room.
        size = _limit(len(found)) // 2
        return cls([found[i : i + size] for i in range(0, len(found), size)])

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._chunks)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return list(self)[index]
            if len(self._chunks) == 1:
                return list(self._chunks[0][start:stop])
            return list(self._between(start, stop))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, place)
        return self._chunks[number][place - self._start(number)]

    def without(self, item: T, key: Callable[[T], Any]) -> Rows[T]:
        """Return the sequence without this very item; the same when it is not in it."""
        number, place = self._look(item, key(item), key)
        if place < 0:
            return self
        chunk = self._chunks[number]
        return self._with(number, chunk[:place] + chunk[place + 1 :])

    def instead(self, old: T, new: T, key: Callable[[T], Any]) -> Rows[T]:
        """Return the sequence with an item in place of this very one; only where keys agree."""
        wanted = key(old)
        if wanted != key(new):
            return self
        number, place = self._look(old, wanted, key)
        if place < 0:
            return self
        chunk = self._chunks[number]
        return self._with(number, (*chunk[:place], new, *chunk[place + 1 :]))

    def plus(self, item: T, key: Callable[[T], Any]) -> Rows[T]:
        """Return the sequence with one item more, at its place."""
        if not self._chunks:
            return Rows(((item,),))
        number, place = self._find(key(item), key)
        if number == len(self._chunks):
            number, place = number - 1, len(self._chunks[-1])
        chunk = self._chunks[number]
        return self._with(number, (*chunk[:place], item, *chunk[place:]))

    # Inside

    def _start(self, number: int) -> int:
        return self._ends[number - 1] if number else 0

    def _between(self, start: int, stop: int) -> Iterator[T]:
        if start >= stop:
            return iter(())
        number = bisect_right(self._ends, start)
        offset = self._start(number)
        rest = chain.from_iterable(islice(self._chunks, number, None))
        return islice(rest, start - offset, stop - offset)

    def _look(self, item: T, wanted: Any, key: Callable[[T], Any]) -> tuple[int, int]:
        """Return the chunk that this very item is in, and its place there; -1 for nowhere."""
        chunks = self._chunks
        if len(chunks) == 1 and len(chunks[0]) <= _SHORT:
            return 0, next((n for n, each in enumerate(chunks[0]) if each is item), -1)
        number, place = self._find(wanted, key)
        is_there = number < len(chunks) and place < len(chunks[number])
        return number, place if is_there and chunks[number][place] is item else -1

    def _find(self, wanted: Any, key: Callable[[T], Any]) -> tuple[int, int]:
        """Return the chunk and the place in it of the first item whose key is not less."""
        chunks = self._chunks
        if len(chunks) == 1:
            return 0, bisect_left(chunks[0], wanted, key=key)
        number = bisect_left(chunks, wanted, key=lambda chunk: key(chunk[-1]))
        return number, bisect_left(chunks[number], wanted, key=key) if number < len(chunks) else 0

    def _with(self, number: int, chunk: tuple[T, ...]) -> Rows[T]:
        before, after = self._chunks[:number], self._chunks[number + 1 :]
        half = len(chunk) // 2
        if len(chunk) > _limit(len(self)):
            return Rows((*before, chunk[:half], chunk[half:], *after))
        if not chunk:
            return Rows((*before, *after))
        ends, more = self._ends, len(chunk) - len(self._chunks[number])
        if more:
            ends = (*ends[:number], *[end + more for end in ends[number:]])
        return Rows((*before, chunk, *after), ends)


def _limit(count: int) -> int:
    """Return how many items a chunk holds at most: a change copies one, and the list of them."""
    return max(CHUNK, _ROOTS * isqrt(count))
