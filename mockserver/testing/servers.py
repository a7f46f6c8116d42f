"""Serve from a thread while a test lasts, and share that server by sessions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from mockserver import assembly, background
from mockserver.assembly import Sources
from mockserver.errors import Invalid, NotFound
from mockserver.hub import PREFIX, Hub, Settings
from mockserver.server import Server
from mockserver.session import Session
from mockserver.testing.controls import clock_text, read_clock
from mockserver.testing.hosting import Host, log
from mockserver.testing.worlds import World

#: A debugger may hold a test for a while, in seconds.
_LIFETIME: Final = 86_400.0


class MockSession(World):
    """
    A world of its own on a server that others use, too; `drop` it, or use it in a `with`.

    Clients get into it through `url`, or through `headers`, or through a token of `bind`.
    """

    def __init__(self, host: Host, name: str) -> None:
        super().__init__()
        self.name = name
        self._hosted = host

    @property
    def url(self) -> str:
        """The base URL below which the API is that of this session."""
        return f"{self._hosted.url}{PREFIX}/s/{self.name}"

    @property
    def headers(self) -> dict[str, str]:
        """The header that leads into this session from the base URL of the server."""
        return {"X-Mock-Session": self.name}

    def drop(self) -> None:
        """Forget this session and all that is in it."""
        host = self._hosted
        host.run(lambda: host.hub.sessions.drop(self.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()

    def _host(self) -> Host:
        return self._hosted

    def _session(self, hub: Hub) -> Session:
        if hub.sessions.named(self.name) is None:
            raise NotFound(f"Session {self.name!r} was dropped; make another with session().")
        return hub.sessions.get(self.name)


class MockServer(World):
    """
    A mock server in a thread of this process, on 127.0.0.1; itself the default world.

    Use it in a `with` or an `async with`, or call `start` and `stop`. The arguments are
    the options of `mockserver serve`: without `spec` it serves the shipped API. The
    port is a free one unless it is given. `strict` holds every answer against the spec.
    """

    def __init__(  # noqa: PLR0913  one parameter an option
        self,
        *,
        spec: str | Path | None = None,
        pack: str | None = None,
        fixtures: str | Path | None = None,
        overlays: Sequence[str | Path] = (),
        scenario: str = "default",
        seed: int | None = None,
        clock: str | datetime | None = None,
        port: int = 0,
        strict: bool = False,
    ) -> None:
        super().__init__()
        self._sources = Sources(
            spec=None if spec is None else Path(spec),
            fixtures=None if fixtures is None else Path(fixtures),
            pack=pack,
            overlays=tuple(map(Path, overlays)),
            scenario=scenario,
            seed=seed,
            clock=None if clock is None else clock_text(clock),
        )
        self._port, self._strict = port, strict
        self._hosted: Host | None = None

    @property
    def url(self) -> str:
        """Where it listens, which is also the base URL of the default world."""
        return self._host().url

    @property
    def headers(self) -> dict[str, str]:
        """None: whoever names no session is in the default world."""
        return {}

    def session(
        self,
        name: str | None = None,
        *,
        scenario: str | None = None,
        seed: int | None = None,
        clock: str | datetime | None = None,
    ) -> MockSession:
        """
        Return a new world, in the same scenario or another.

        Its name is one that nobody has unless you give one; ValueError when it is taken.
        """
        host = self._host()
        chosen = f"test-{secrets.token_hex(6)}" if name is None else name
        moved = None if clock is None else read_clock(clock)

        def make() -> None:
            hub = host.hub
            if hub.sessions.named(chosen) is not None:
                text = f"There is a session {chosen!r} already; drop it, or take another name."
                raise Invalid(message=text)
            start = hub.start(scenario or "", seed)
            hub.sessions.make(chosen, start, moved or hub.clock)

        host.run(make)
        return MockSession(host, chosen)

    def start(self) -> Self:
        """Serve until `stop`; BrokenSpec or AuthorError for mistakes in the files."""
        if self._hosted is not None:
            raise RuntimeError("this mock server runs already; make another one")
        world = assembly.read_world(self._sources)
        settings = Settings(lifetime=_LIFETIME)
        hub = assembly.hub(world, self._sources, settings, strict=self._strict)
        running = background.start(Server(hub, log), port=self._port)
        self._hosted = Host(self._sources, hub, running)
        return self

    def stop(self) -> None:
        """Stop serving; all worlds are lost. More than once does no harm."""
        hosted, self._hosted = self._hosted, None
        if hosted is not None:
            hosted.running.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def _host(self) -> Host:
        if self._hosted is None:
            raise RuntimeError("the mock server does not run; use it inside of `with MockServer()`")
        return self._hosted

    def _session(self, hub: Hub) -> Session:
        return hub.sessions.default
