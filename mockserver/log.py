"""Keep the writes of several servers in one order that all of them agree on.

A log is a row of entries. Each is added after one that its author has seen, or not at
all, and its tag follows from its body and from the tag before it: a tag names all that
went before, and an entry that was damaged on the way does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Protocol

from mockserver.errors import MockServerError

_TAG_BYTES: Final = 12


class Away(MockServerError):
    """The log cannot be used now; the text says why."""


class Full(Away):
    """The log takes nothing more for now; what it holds can be read all the same."""


class Damaged(Away):
    """What the log holds is not what was written to it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a log: after so many entries, of which the last has this tag."""

    number: int
    tag: str


#: The place before all entries.
START: Final = Mark(0, "")
#: No log is ever here, so whoever asks from here is told all there is.
NOWHERE: Final = Mark(-1, "")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, or all there was up to it, at its place."""

    mark: Mark
    body: bytes


@dataclass(frozen=True, slots=True)
class News:
    """
    What was written after a place, and the place after it.

    `afresh` when the reader has to forget all it knew: `snapshot`, if there is one,
    stands for everything before the entries.
    """

    entries: tuple[bytes, ...]
    mark: Mark
    afresh: bool = False
    snapshot: bytes | None = None


class Log(Protocol):
    """Where entries are kept; every method may raise Away, and has done nothing then."""

    @property
    def address(self) -> str:
        """What users call it, without credentials."""
        ...

    def after(self, mark: Mark) -> Sequence[Row] | None:
        """Return the entries after a place; None when its entry is the last one."""
        ...

    def everything(self) -> tuple[Row | None, Sequence[Row]]:
        """Return the snapshot, if any, and the entries after it."""
        ...

    def push(self, before: Mark, row: Row) -> bool:
        """Add an entry after a place; False when that is not the end of the log."""
        ...

    def compact(self, snapshot: Row) -> None:
        """Keep a snapshot, and forget the entries that the one before it stood for."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def row_after(mark: Mark, body: bytes) -> Row:
    """Return the entry that a body makes after a place."""
    return Row(Mark(mark.number + 1, _digest(mark.tag, body)), body)


def snapshot_at(mark: Mark, body: bytes) -> Row:
    """Return a snapshot of all there is up to a place."""
    return Row(mark, _digest(mark.tag, body).encode() + body)


def pull(log: Log, mark: Mark) -> News | None:
    """
    Return what was written to a log after a place, None when nothing was.

    Raises Away, and Damaged when the log holds what nobody wrote.
    """
    rows = log.after(mark)
    if rows is None:
        return None
    end = _followed(mark, rows)
    if rows and end is not None:
        return News(tuple(row.body for row in rows), end)
    # The reader is too far behind, or the log is another one by now.
    snapshot, rows = log.everything()
    start = START if snapshot is None else snapshot.mark
    body = None if snapshot is None else _opened(log, snapshot)
    end = _followed(start, rows)
    if end is None:
        bad = _first_misfit(start, rows)
        raise Damaged(f"entry {bad} of {log.address} does not fit the one before it")
    return News(tuple(row.body for row in rows), end, afresh=True, snapshot=body)


class MemoryLog:
    """A log for the servers of one process."""

    def __init__(self, address: str = "memory") -> None:
        self.address = address
        self._rows: list[Row] = []
        self._snapshot: Row | None = None

    def after(self, mark: Mark) -> Sequence[Row] | None:
        """Return the entries after a place; None when its entry is the last one."""
        if mark == self._end():
            return None
        return [row for row in self._rows if row.mark.number > mark.number]

    def everything(self) -> tuple[Row | None, Sequence[Row]]:
        """Return the snapshot, if any, and the entries after it."""
        known = 0 if self._snapshot is None else self._snapshot.mark.number
        return self._snapshot, [row for row in self._rows if row.mark.number > known]

    def push(self, before: Mark, row: Row) -> bool:
        """Add an entry after a place; False when that is not the end of the log."""
        if before != self._end():
            return False
        self._rows.append(row)
        return True

    def compact(self, snapshot: Row) -> None:
        """Keep a snapshot, and forget the entries that the one before it stood for."""
        old = 0 if self._snapshot is None else self._snapshot.mark.number
        if snapshot.mark.number > old:
            self._rows = [row for row in self._rows if row.mark.number > old]
            self._snapshot = snapshot

    def clear(self) -> None:
        """Forget everything."""
        self._rows, self._snapshot = [], None

    def close(self) -> None:
        """Let go of it."""

    def _end(self) -> Mark:
        if self._rows:
            return self._rows[-1].mark
        return START if self._snapshot is None else self._snapshot.mark


def _digest(tag: str, body: bytes) -> str:
    return blake2b(tag.encode() + body, digest_size=_TAG_BYTES).hexdigest()


def _opened(log: Log, snapshot: Row) -> bytes:
    """Return what a snapshot holds; raise Damaged when it is not what was written."""
    size = _TAG_BYTES * 2
    told, body = snapshot.body[:size], snapshot.body[size:]
    if told != _digest(snapshot.mark.tag, body).encode():
        raise Damaged(f"the snapshot of {log.address} is not what was written")
    return body


def _followed(mark: Mark, rows: Sequence[Row]) -> Mark | None:
    """Return the place after some entries; None when one does not fit where it stands."""
    for row in rows:
        if row_after(mark, row.body).mark != row.mark:
            return None
        mark = row.mark
    return mark


def _first_misfit(mark: Mark, rows: Sequence[Row]) -> int:
    for row in rows:
        if row_after(mark, row.body).mark != row.mark:
            break
        mark = row.mark
    return mark.number + 1
