"""Serve an application from a thread of this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from mockserver import server

_T = TypeVar("_T")
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Background:
    """A server that runs beside its caller; `stop` may be called more than once."""

    server: server.Server
    host: str
    port: int
    _loop: asyncio.AbstractEventLoop
    _stop: asyncio.Event
    _thread: threading.Thread

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    def call(self, work: Callable[[], _T], patience: float = _PATIENCE) -> _T:
        """
        Return what a function returns in the thread that serves, between two requests.

        Raises what it raises, RuntimeError when the server has stopped, and TimeoutError
        when it takes more than `patience` seconds.
        """

        async def do() -> _T:
            return work()

        asked = do()
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result(patience)
        except RuntimeError:
            asked.close()
            if self._loop.is_closed():
                raise RuntimeError("the mock server has stopped; use it while it runs") from None
            raise

    def stop(self) -> None:
        """Stop listening and wait for the thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            raise RuntimeError(f"the server on {self.url} does not stop")


def start(made: server.Server, host: str = "127.0.0.1", port: int = 0) -> Background:
    """Start a server in a thread and wait until it listens; raises OSError when it cannot."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    bound: list[int] = []
    failed: list[BaseException] = []

    def tell(number: int) -> None:
        bound.append(number)
        ready.set()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(server.serve(made, host, port, tell, stop))
        except OSError as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="mockserver", daemon=True)
    thread.start()
    ready.wait(_PATIENCE)
    if failed:
        raise failed[0]
    if not bound:
        raise RuntimeError("the server does not start")
    return Background(made, host, bound[0], loop, stop, thread)


@contextmanager
def running(made: server.Server) -> Iterator[Background]:
    """Serve on a free port of this machine while the block lasts."""
    started = start(made)
    try:
        yield started
    finally:
        started.stop()
