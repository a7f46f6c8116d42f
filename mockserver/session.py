"""Isolated worlds: each session has its own state, seed, clock, faults and journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from mockserver.app import Application, Exchange
from mockserver.clock import Clock, Duration
from mockserver.errors import Invalid, NotFound, TooMany
from mockserver.exchange import Request
from mockserver.faults import Faults
from mockserver.frozen import dataclass
from mockserver.journal import Budget, Journal
from mockserver.json_types import Key
from mockserver.members import NAME
from mockserver.scenario import Scenario
from mockserver.store import State, Store

#: The session of whoever names none.
DEFAULT: Final = "default"
#: So many writes can be undone.
UNDOABLE: Final = 200
#: Until they are so many, the latest writes wait in a list, which costs nothing to add to.
_RECENT: Final = 32
NAME_RULE: Final = "1 to 64 letters, digits, dots, dashes or underscores, no dot first"


def check_name(name: str, field: str = "session") -> str:
    """Return a name that a session or a snapshot may have; raise Invalid for any other."""
    if not NAME.fullmatch(name):
        raise Invalid.field(field, f"{name[:80]!r} is no name: it needs {NAME_RULE}.")
    return name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state, and the instant whose state it was."""

    state: State
    at: datetime
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Image:
    """
    All of a world that servers may share: not its faults, journal and snapshots.

    `past` is what can be undone, the oldest first; jobs have run until `since`.
    """

    state: State
    past: tuple[Snapshot, ...]
    scenario: Scenario
    seed: int
    clock: Clock
    since: datetime | None


class Session:
    """
    One world, made from a scenario at no cost: the state is shared until it is written.

    Not thread-safe: everything happens in the thread that serves.
    """

    __slots__ = (
        "_history", "_recent", "application", "clock", "faults", "journal", "name", "scenario",
        "snapshots", "used",
    )  # fmt: skip

    def __init__(
        self, name: str, like: Application, start: Snapshot, clock: Clock, journal: Journal
    ) -> None:
        self.name = name
        self.clock = clock
        self.faults = Faults()
        self.journal = journal
        self.snapshots: dict[str, Snapshot] = {}
        self.used = time.monotonic()
        self._history: tuple[Snapshot, ...] = ()
        self._recent: list[Snapshot] = []
        self.scenario = start.scenario
        store = Store(like.api.spec.resources, start.state)
        self.application = like.beside(store, self.now, start.scenario.seed)
        self.application.starts_at(start.at)

    def adopt(self, application: Application) -> None:
        """Let this very application answer instead of a sibling: others hold on to it."""
        application.live_by(self.now)
        self.application = application

    def now(self) -> datetime:
        """Return what time it is in this world."""
        return self.clock()

    @property
    def state(self) -> State:
        """All records as they are now."""
        return self.application.store.state

    @property
    def seed(self) -> int:
        """What chance is drawn from."""
        return self.application.options.seed

    @property
    def undoable(self) -> int:
        """How many writes can be undone."""
        return len(self._past())

    def present(self) -> Snapshot:
        """Return the world as it is, to come back to."""
        return Snapshot(self.state.bare(), self.now(), self.scenario)

    def answer(self, request: Request) -> Exchange:
        """Answer a request of this world, and remember what was before a write."""
        store = self.application.store
        before = store.state
        exchange = self.application.answer(request)
        if store.state is not before:
            self._remember(Snapshot(before.bare(), self.now(), self.scenario))
        return exchange

    # What only the console and tests ask for

    def take(self, name: str) -> Snapshot:
        """Keep the present state under a name; an older one of that name is lost."""
        made = self.present()
        self.snapshots[check_name(name, "name")] = made
        return made

    def restore(self, name: str) -> None:
        """Go back to a snapshot; NotFound when there is none of that name."""
        if name not in self.snapshots:
            have = ", ".join(sorted(self.snapshots)) or "none"
            raise NotFound(f"There is no snapshot {name!r}; there are: {have}.")
        self._become(self.snapshots[name])

    def undo(self, writes: int) -> int:
        """Take the last writes back, and return how many they were."""
        past = self._past()
        done = min(writes, len(past))
        if done <= 0:
            return 0
        found = past[-done]
        self._history = past[:-done]
        self._set(found)
        return done

    def edit(self, state: State) -> None:
        """Make a state the present one; it can be undone."""
        if state is not self.state:
            self._become(Snapshot(state, self.now(), self.scenario))

    def enter(self, start: Snapshot) -> None:
        """Start again from a scenario: what was before cannot be undone."""
        self._history, self._recent = (), []
        self.scenario = start.scenario
        self.application = self.application.beside(
            self.application.store, self.now, start.scenario.seed
        )
        self._set(start)

    def move(self, clock: Clock) -> None:
        """Make it another time; what has come due by then happens."""
        before = self.state
        self.clock = clock
        self.application.catch_up()
        if self.state is not before:
            self._remember(Snapshot(before.bare(), self.now(), self.scenario))

    def advance(self, by: Duration) -> None:
        """Let time pass; what is due meanwhile happens."""
        self.move(self.clock.advanced(by))

    def moved_to(self, application: Application) -> None:
        """Go on with another description of the API, on the same records."""
        since = self.now()
        store = Store(application.api.spec.resources, self.state)
        self.application = application.beside(store, self.now, self.seed)
        self.application.starts_at(since)

    # What servers share

    def image(self) -> Image:
        """Return the world as a value; two that are the same hold the same parts."""
        clock, since = self.clock, self.application.since
        return Image(self.state, self._past(), self.scenario, self.seed, clock, since)

    def show(self, image: Image) -> None:
        """Become what an image shows."""
        self._history, self._recent = image.past, []
        self.scenario, self.clock = image.scenario, image.clock
        store = self.application.store
        store.restore(image.state)
        if image.seed != self.seed:
            self.application = self.application.beside(store, self.now, image.seed)
        self.application.starts_at(self.now() if image.since is None else image.since)

    # Inside

    def _remember(self, before: Snapshot) -> None:
        self._recent.append(before)
        if len(self._recent) >= _RECENT:
            self._past()

    def _past(self) -> tuple[Snapshot, ...]:
        """Return what can be undone, the oldest first; the same as long as nothing is written."""
        if self._recent:
            self._history = (*self._history, *self._recent)[-UNDOABLE:]
            self._recent = []
        return self._history

    def _become(self, other: Snapshot) -> None:
        self._remember(self.present())
        self._set(other)

    def _set(self, snapshot: Snapshot) -> None:
        self.scenario = snapshot.scenario
        self.application.store.restore(snapshot.state)
        self.application.starts_at(min(snapshot.at, self.now()))


class Sessions:
    """
    The worlds there are, by name; one is made when it is first asked for.

    What nobody has used for `lifetime` seconds is forgotten when room is needed or
    somebody looks. The default session stays.
    """

    def __init__(
        self,
        application: Application,
        start: Callable[[], Snapshot],
        clock: Clock,
        *,
        limit: int = 10_000,
        lifetime: float = 3600.0,
        budget: Budget | None = None,
    ) -> None:
        self.application = application
        self.budget = budget or Budget()
        self.limit, self.lifetime = limit, lifetime
        self._start, self._clock = start, clock
        self._found: dict[str, Session] = {}
        #: How much longer sessions live, for those whose use is heard of late.
        self.grace = 0.0
        #: Which session a token belongs to; replaced when it changes.
        self.tokens: Mapping[Key, str] = {}
        self.default = self.get(DEFAULT)

    def get(self, name: str) -> Session:
        """Return the session of that name; Invalid for no name, TooMany when there is no room."""
        found = self._found.get(name)
        if found is None:
            found = self.make(name, self._start(), self._clock)
        found.used = time.monotonic()
        return found

    def named(self, name: str) -> Session | None:
        """Return the session of that name, or None; it does not count as use."""
        return self._found.get(name)

    def make(self, name: str, start: Snapshot, clock: Clock) -> Session:
        """Add a session that is new."""
        check_name(name)
        if len(self._found) >= self.limit:
            self.expire()
        if len(self._found) >= self.limit:
            raise TooMany(
                f"There are {self.limit} sessions already; delete some, or let them lie idle for "
                f"{self.lifetime:g} seconds, or raise --max-sessions.",
                seconds=self._soonest(),
            )
        return self.add(name, start, clock)

    def add(self, name: str, start: Snapshot, clock: Clock) -> Session:
        """Add a session that is new, whether or not there is room."""
        made = Session(name, self.application, start, clock, Journal(name, self.budget))
        self._found[name] = made
        return made

    @property
    def present(self) -> Mapping[str, Session]:
        """The sessions by name; looking at them does not count as use."""
        return MappingProxyType(self._found)

    def drop(self, name: str) -> bool:
        """Forget a session and its tokens; the default one starts anew when it is next used."""
        found = self._found.pop(name, None)
        if found is None:
            return False
        found.journal.clear()
        self.tokens = {token: owner for token, owner in self.tokens.items() if owner != name}
        if name == DEFAULT:
            self.default = self.get(DEFAULT)
        return True

    def all(self) -> Iterator[Session]:
        """Yield the sessions by name, without those that have lain idle too long."""
        self.expire()
        for name in sorted(self._found):
            yield self._found[name]

    def expire(self) -> None:
        """Forget what has lain idle for too long."""
        late = time.monotonic() - self.lifetime - self.grace
        for name in [n for n, s in self._found.items() if s.used < late and n != DEFAULT]:
            self.drop(name)

    def moved_to(self, application: Application) -> None:
        """Go on with another description of the API in every session."""
        self.application = application
        for found in self._found.values():
            found.moved_to(application)

    def _soonest(self) -> int:
        """Return after how many seconds the next session will have lain idle too long."""
        oldest = min((s.used for s in self._found.values() if s.name != DEFAULT), default=0.0)
        return max(1, round(oldest + self.lifetime + self.grace - time.monotonic()))
