"""Remember the latest exchanges of each session, within one budget of bytes for all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, TypeAlias

from mockserver.counters import Counters
from mockserver.exchange import Request, Response
from mockserver.json_types import Key

#: More of a body than this is not kept.
LONGEST_BODY: Final = 64 * 1024
#: How many exchanges of one session are kept.
DEFAULT_LIMIT: Final = 1000
#: How many bytes the exchanges of all sessions may take together.
DEFAULT_BUDGET: Final = 32 * 1024 * 1024
#: What an exchange without body and headers takes, roughly.
_OVERHEAD: Final = 1024


class Answered(Protocol):
    """What is told of an answer: the response, whose it is, and who asked."""

    response: Response
    operation: str
    user: Key | None


class Entry(NamedTuple):
    """
    One exchange, as it was; whoever shows it hides its secrets.

    `number` counts over all sessions, `at` is when the answer was ready, by the real
    clock. `operation` is "" where none was found, `user` the key of the caller's
    record. `note` names what was done to the answer: a preference, a fault. Of a body
    only the start may be kept: `sizes` are the true lengths, in bytes.
    """

    # A tuple, because making a frozen dataclass takes five times as long.
    number: int
    session: str
    at: datetime
    operation: str
    user: Key | None
    seconds: float
    request: Request
    response: Response
    note: tuple[str, ...] = ()
    wrote: bool = False
    sizes: tuple[int, int] = (0, 0)

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def path(self) -> str:
        """The path as it was sent, still percent-encoded."""
        return self.request.path

    @property
    def query(self) -> str:
        """The query as it was sent, still percent-encoded."""
        return self.request.query

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.response.status

    @property
    def is_request_cut(self) -> bool:
        """Whether only the start of the request's body is kept."""
        return self.sizes[0] > len(self.request.body)

    @property
    def is_response_cut(self) -> bool:
        """Whether only the start of the answer's body is kept."""
        return self.sizes[1] > len(self.response.body)

    @property
    def is_cut(self) -> bool:
        """Whether a part of a body is missing."""
        return self.is_request_cut or self.is_response_cut

    @property
    def is_unmatched(self) -> bool:
        """Whether the request asked for what the API does not have: 404 or 405."""
        return not self.operation and self.response.status in (404, 405)


Callback: TypeAlias = Callable[[Entry], object]


class Budget:
    """The numbers and the bytes of all journals; the oldest exchange goes first."""

    __slots__ = ("_clock", "_kept", "_last", "_limit", "_used")

    def __init__(
        self,
        limit: int = DEFAULT_BUDGET,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limit, self._clock = limit, clock
        self._kept: OrderedDict[int, tuple[Journal, int]] = OrderedDict()
        self._used = self._last = 0

    @property
    def used(self) -> int:
        """How many bytes the exchanges of all journals take, roughly."""
        return self._used

    def __len__(self) -> int:
        return len(self._kept)

    def stamp(self) -> tuple[int, datetime]:
        """Return the next number, and the time."""
        self._last += 1
        return self._last, self._clock()

    def add(self, journal: Journal, number: int, size: int) -> None:
        """Count an exchange in; the oldest of any journal make room for it."""
        self._kept[number] = (journal, size)
        self._used += size
        while self._used > self._limit:
            oldest, (owner, _) = next(iter(self._kept.items()))
            owner.forget(oldest)

    def remove(self, number: int) -> None:
        """Count an exchange out."""
        _, size = self._kept.pop(number)
        self._used -= size


class Journal:
    """
    The latest exchanges of one session; nothing is allocated before the first.

    `counters` count also those that it has forgotten. A session that ends has to
    `clear` its journal: the budget holds on to it.
    """

    __slots__ = ("_budget", "_entries", "_limit", "_subscribers", "counters", "session")

    def __init__(self, session: str, budget: Budget, limit: int = DEFAULT_LIMIT) -> None:
        self.session = session
        self._budget, self._limit = budget, limit
        self._entries: OrderedDict[int, Entry] | None = None
        self._subscribers: tuple[Callback, ...] = ()
        self.counters = Counters()

    def __len__(self) -> int:
        return 0 if self._entries is None else len(self._entries)

    def record(
        self,
        request: Request,
        answered: Answered,
        seconds: float,
        note: tuple[str, ...] = (),
        wrote: bool = False,
    ) -> Entry:
        """Keep an exchange, and tell the subscribers; what they raise goes nowhere."""
        response = answered.response
        sizes = (len(request.body), len(response.body))
        if max(sizes) > LONGEST_BODY:
            request = replace(request, body=request.body[:LONGEST_BODY])
            response = replace(response, body=response.body[:LONGEST_BODY])
        number, at = self._budget.stamp()
        entry = Entry(
            number,
            self.session,
            at,
            answered.operation,
            answered.user,
            seconds,
            request,
            response,
            note,
            wrote,
            sizes,
        )
        if self._entries is None:
            self._entries = OrderedDict()
        self._entries[number] = entry
        self._budget.add(self, number, _size(request, response))
        if len(self._entries) > self._limit:
            self.forget(next(iter(self._entries)))
        self.counters.see(answered.operation, response.status, request.query, answered.user)
        if self._subscribers:
            self._tell(entry)
        return entry

    def entries(self) -> tuple[Entry, ...]:
        """Return what is kept, the newest last."""
        return tuple(self._entries.values()) if self._entries else ()

    def get(self, number: int) -> Entry | None:
        """Return one exchange; None when it is another session's, or forgotten."""
        return self._entries.get(number) if self._entries else None

    def forget(self, number: int) -> None:
        """Drop one exchange that is kept here."""
        assert self._entries is not None
        del self._entries[number]
        self._budget.remove(number)

    def clear(self) -> None:
        """Drop everything, the counters too; numbers go on."""
        self.counters.clear()
        for number in tuple(self._entries or ()):
            self.forget(number)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have each exchange told from now on; return how to end that."""

        # Two subscriptions of one function are two.
        def told(entry: Entry) -> object:
            return callback(entry)

        self._subscribers = (*self._subscribers, told)

        def unsubscribe() -> None:
            self._subscribers = tuple(each for each in self._subscribers if each is not told)

        return unsubscribe

    def _tell(self, entry: Entry) -> None:
        for callback in self._subscribers:
            # Who listens must not be able to break the request.
            with suppress(Exception):
                callback(entry)


def _size(request: Request, response: Response) -> int:
    """Return roughly how many bytes an exchange takes."""
    return (
        _OVERHEAD
        + len(request.body)
        + len(response.body)
        + len(request.path)
        + len(request.query)
        + sum(map(len, request.headers.values()))
        + sum(map(len, response.headers.values()))
    )
