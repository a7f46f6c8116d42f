"""Keep the worlds of a server in step with a log that other servers write to as well.

A server works on what it knows, and then asks the log to add what that changed. If
others were first, it takes its changes back, reads theirs and does the same again: what
is done is a function of the state, so that nothing happens twice.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from immutables import Map

from mockserver import changes, genesis, log
from mockserver.changes import Origin, Worlds
from mockserver.errors import Unavailable
from mockserver.genesis import Genesis, Stranger
from mockserver.log import NOWHERE, START, Away, Damaged, Full, Log, News
from mockserver.session import DEFAULT, Image, Session, Sessions, Snapshot
from mockserver.store import Writes

T = TypeVar("T")
#: Who is not first for so many times gives up.
ATTEMPTS: Final = 20
#: A snapshot is made after so many entries, or bytes of them.
ENTRIES: Final = 1000
BYTES: Final = 32 * 1024 * 1024
#: A log that is away is asked again after so many seconds.
PAUSE: Final = 1.0


class Replica:
    """
    The sessions of one server, which are those of a log.

    Not thread-safe, like the sessions. `tell` is told what somebody should know.
    """

    def __init__(
        self,
        shared: Log,
        sessions: Sessions,
        start: Snapshot,
        first: Genesis,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._log, self._sessions, self._start = shared, sessions, start
        self._genesis, self._tell = first, tell
        fresh = Image(start.state, (), start.scenario, start.scenario.seed, first.clock, start.at)
        self._origin = Origin(sessions.application.api.spec.resources, fresh)
        self._first = Worlds(Map({DEFAULT: fresh}))
        self._worlds, self._mark = self._first, START
        self._pause, self._reason, self._is_full = 0.0, "", False
        self._told: dict[str, float] = {}
        self._by, self._written, self._bytes = secrets.token_hex(6), 0, 0
        # The use of a session in other servers is told so often, and no more.
        self._silence = sessions.lifetime / 4
        sessions.grace = self._silence

    @property
    def entries(self) -> int:
        """How many entries of the log these worlds are made of."""
        return self._mark.number

    # Reading

    def catch_up(self) -> None:
        """Take over what others wrote, or begin the log; raise Away or Stranger."""
        for _ in range(ATTEMPTS):
            # Whoever knows nothing yet wants the snapshot, not the entries that led to it.
            news = log.pull(self._log, NOWHERE if self._mark == START else self._mark)
            if news is not None:
                self._take(news)
            if self._mark != START:
                return
            mark = genesis.begin(self._log, self._genesis, self._by)
            if mark is not None:
                self._worlds, self._mark = self._first, mark
                self._show(())
                return
        raise Away("others begin it again and again")

    def refresh(self) -> None:
        """Take over what others wrote; raise Unavailable when nobody can say what that is."""
        if self._pause and time.monotonic() < self._pause:
            raise self._unavailable()
        with self._asking():
            self.catch_up()

    def _take(self, news: News) -> None:
        """Become what the log says."""
        worlds = self._first if news.afresh else self._worlds
        names: set[str] = {*self._worlds.images} if news.afresh else set()
        bodies = news.entries if news.snapshot is None else (news.snapshot, *news.entries)
        for body in bodies:
            try:
                document = changes.unpack(body)
                if "genesis" in document:
                    self._genesis.check(Genesis.read(document["genesis"]))
                worlds = changes.read(self._origin, document, worlds)
            except (LookupError, TypeError, ValueError, zlib.error) as problem:
                raise Damaged(f"{self._log.address} holds what no server wrote") from problem
            names.update(document["sessions"])
        if news.afresh and self._mark != START:
            self._tell(f"{self._log.address} was begun anew, or lost what was last written to it")
        if news.afresh:
            names.update(worlds.images)
            self._bytes = 0
        self._bytes += sum(map(len, news.entries))
        self._worlds, self._mark = worlds, news.mark
        self._show(names)

    def _show(self, names: Iterable[str]) -> None:
        """Make the sessions of these names what they are agreed to be."""
        now = time.monotonic()
        sessions, images = self._sessions, self._worlds.images
        for name in names:
            image, live = images.get(name), sessions.present.get(name)
            if image is None:
                self._told.pop(name, None)
                sessions.drop(name)
                continue
            session = live or sessions.add(name, self._start, self._genesis.clock)
            if live is None or not _is(session, image):
                session.show(image)
            session.used = self._told[name] = now
        sessions.tokens = self._worlds.tokens

    # Writing

    def carry_out(self, work: Callable[[], T], name: str = "") -> T:
        """
        Do something with the worlds, and return what came of it when all agree to it.

        Only the session of that name changes, or any when none is named. It may be done
        more than once. Raises what it raises, and Unavailable; nothing has changed then.
        """
        for _ in range(ATTEMPTS):
            with self._followed(name) as writes:
                try:
                    found = work()
                except BaseException:
                    self._show(self._changed(""))
                    raise
            names = self._changed(name)
            if not names and self._sessions.tokens is self._worlds.tokens:
                self._touch(name)
                return found
            if self._agreed(names, writes):
                return found
            self.refresh()
        raise Unavailable(
            f"Others wrote to {self._log.address} first, {ATTEMPTS} times over; try again."
        )

    @contextmanager
    def _followed(self, name: str) -> Iterator[Writes | None]:
        """Note what transactions write in a session while the block lasts."""
        session = self._sessions.present.get(name)
        if session is None:
            yield None
            return
        store = session.application.store
        store.writes = Writes(store.state)
        try:
            yield store.writes
        finally:
            store.writes = None

    def _changed(self, name: str) -> Collection[str]:
        """Return which sessions are not as agreed; only that of a name can be, if one is given."""
        live, images = self._sessions.present, self._worlds.images
        if name in images and name in live and len(live) == len(images):
            return () if _is(live[name], images[name]) else (name,)
        return [
            each
            for each in {*live, *images}
            if each not in live or each not in images or not _is(live[each], images[each])
        ]

    def _agreed(self, names: Collection[str], writes: Writes | None) -> bool:
        """Have the log take what changed; take it back here when it does not."""
        images = self._worlds.images
        for name in names:
            session = self._sessions.present.get(name)
            images = images.delete(name) if session is None else images.set(name, session.image())
        after = Worlds(images, self._sessions.tokens)
        try:
            document = changes.write(self._origin, self._worlds, after, names, writes)
            with self._asking():
                done = self._pushed(document)
        except BaseException:
            self._show(names)
            raise
        if not done:
            self._show(names)
            return False
        self._worlds = after
        now = time.monotonic()
        self._told.update(dict.fromkeys(names, now))
        if self._mark.number % ENTRIES == 0 or self._bytes > BYTES:
            self.compact()
        return True

    def _pushed(self, document: dict[str, Any]) -> bool:
        body = self._packed(document)
        row = log.row_after(self._mark, body)
        if not self._log.push(self._mark, row):
            return False
        self._mark = row.mark
        self._bytes += len(body)
        if self._is_full:
            self._is_full = False
            self._tell(f"{self._log.address} takes writes again")
        return True

    def _touch(self, name: str) -> None:
        """Tell others now and then that a session is in use."""
        now = time.monotonic()
        told = self._told.get(name)
        if told is None or now - told < self._silence or name == DEFAULT:
            return
        self._told[name] = now
        # What was asked for is answered already.
        with suppress(Unavailable), self._asking():
            self._pushed({"sessions": {name: {}}})

    def compact(self) -> None:
        """Keep all there is as one snapshot; without it, the log only gets longer."""
        document = changes.write(self._origin, self._first, self._worlds, self._worlds.images)
        body = self._packed({**document, "genesis": self._genesis.written()})
        self._bytes = 0
        try:
            self._log.compact(log.snapshot_at(self._mark, body))
        except Away as away:
            self._tell(f"{self._log.address} cannot be made shorter: {away}")

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    # Inside

    def _packed(self, document: dict[str, Any]) -> bytes:
        # No two entries are the same: the log knows one from another by what they say.
        self._written += 1
        return changes.pack({**document, "by": f"{self._by}-{self._written}"})

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn away those who come while the log cannot be used, and for a while after."""
        try:
            yield
        except Full as problem:
            # Reads go on: there is nothing new to be seen that this server does not see.
            if not self._is_full:
                self._tell(f"{self._log.address} takes no more writes: {problem}")
            self._is_full = True
            why = str(problem).rstrip(".")
            raise Unavailable(
                f"The store {self._log.address} takes no more writes now ({why}); "
                "make room, and try again.",
                seconds=1,
            ) from problem
        except (Away, Stranger) as problem:
            if not self._pause:
                self._tell(f"{self._log.address} cannot be used: {problem}")
            self._pause = time.monotonic() + PAUSE
            why = str(problem).rstrip(".")
            self._reason = f"The store {self._log.address} cannot be used now ({why}); try again."
            raise self._unavailable() from problem
        if self._pause:
            self._pause = 0.0
            self._tell(f"{self._log.address} can be used again")

    def _unavailable(self) -> Unavailable:
        return Unavailable(self._reason, seconds=1)


def _is(session: Session, image: Image) -> bool:
    """Tell whether a session is what an image shows."""
    now = session.image()
    return (
        now.state is image.state
        and now.past is image.past
        and now.scenario is image.scenario
        and now.seed == image.seed
        and now.clock == image.clock
    )
