"""Keep answers for as long as they are true, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from typing import Final

from mockserver.exchange import Response
from mockserver.frozen import dataclass
from mockserver.json_types import Key

#: Answers kept at most, and their bytes together.
ANSWERS: Final = 4096
BYTES: Final = 16 * 1024 * 1024
#: A longer body is not kept.
LONGEST: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and from when until when it is true; `until` None is for ever."""

    response: Response
    operation: str
    user: Key | None
    since: datetime
    until: datetime | None


class Answers:
    """
    The answers that were asked for last.

    The key has to name everything that an answer follows from but the time: the
    records by the number of their state, which no other state ever gets, so that an
    answer cannot be stale.
    """

    __slots__ = ("_bytes", "_kept")

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """How many bytes the bodies have together."""
        return self._bytes

    def find(self, key: Hashable, now: datetime) -> Kept | None:
        """Return the answer of that key if it is true at an instant, else None."""
        found = self._kept.get(key)
        if found is None or now < found.since:
            return None
        if found.until is not None and now >= found.until:
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, kept: Kept) -> None:
        """Keep an answer; what was not asked for longest makes room."""
        size = len(kept.response.body)
        if size > LONGEST:
            return
        old = self._kept.pop(key, None)
        if old is not None:
            self._bytes -= len(old.response.body)
        self._kept[key] = kept
        self._bytes += size
        while len(self._kept) > ANSWERS or self._bytes > BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.response.body)
