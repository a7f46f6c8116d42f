"""Run several processes that listen on one port: start those again that die, and end all."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Protocol

from mockserver import logs

#: A process that lived so long, in seconds, is started again at once.
_SOUND: Final = 10.0
#: Others wait, each time twice as long, up to this.
_SHORTEST: Final = 0.5
_LONGEST: Final = 30.0
#: How long the end waits for a process before it kills it.
_GRACE: Final = 5.0


class Work(Protocol):
    """What a process does: it sends something when it listens, and returns to end."""

    def __call__(self, port: int, listening: Connection, *, is_first: bool) -> None:
        """Serve on a port, which others listen on, too; the first one may say so to people."""
        ...


@dataclass(slots=True)
class _Worker:
    number: int
    process: BaseProcess
    listening: Connection
    born: float = field(default_factory=time.monotonic)
    delay: float = 0.0
    due: float | None = None


def run(count: int, host: str, port: int, work: Work, ready: Callable[[int], None]) -> int:
    """
    Run so many processes until a signal comes, and return the exit status.

    `ready` is told the port as soon as all of them listen. When one cannot start at
    all, none goes on. Raises OSError when the port cannot be used.
    """
    with _reserved(host, port) as bound, _stopping() as stop:
        crew: list[_Worker] = []
        try:
            # One after the other: the first may have something to prepare.
            for number in range(count):
                crew.append(_start(number, bound, work, is_first=not number))
                status = _wait_for(crew[-1], stop)
                if status is not None:
                    return status
            ready(bound)
            _look_after(crew, bound, work, stop)
        finally:
            _end(crew)
    return 0


def _start(
    number: int, port: int, work: Work, delay: float = 0.0, *, is_first: bool = False
) -> _Worker:
    # A fork would share the file descriptors of the store.
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(
        target=work,
        args=(port, its),
        kwargs={"is_first": is_first},
        name=f"mockserver-{number}",
        daemon=True,
    )
    process.start()
    its.close()
    return _Worker(number, process, mine, delay=delay)


def _wait_for(worker: _Worker, stop: Any) -> int | None:
    """Return None when a process listens; an exit status when it cannot, or when all shall end."""
    while True:
        happened = wait([worker.listening, worker.process.sentinel, stop])
        if stop in happened:
            return 0
        try:
            if worker.listening.poll():
                worker.listening.recv()
                return None
        except EOFError:
            pass
        worker.process.join()
        return worker.process.exitcode or 1


def _look_after(crew: list[_Worker], port: int, work: Work, stop: Any) -> None:
    """Start those again that die, until all shall end."""
    while True:
        alive = {w.process.sentinel: w for w in crew if w.due is None}
        waiting = [w.due for w in crew if w.due is not None]
        left = max(0.0, min(waiting) - time.monotonic()) if waiting else None
        happened = wait([*alive, stop], left)
        if stop in happened:
            return
        for sentinel, worker in alive.items():
            if sentinel in happened:
                _mourn(worker)
        now = time.monotonic()
        for place, worker in enumerate(crew):
            if worker.due is not None and worker.due <= now:
                crew[place] = _start(worker.number, port, work, worker.delay)


def _mourn(worker: _Worker) -> None:
    """Note when a process that died is to be started again."""
    worker.process.join()
    worker.listening.close()
    now = time.monotonic()
    is_sound = now - worker.born >= _SOUND
    worker.delay = 0.0 if is_sound else min(_LONGEST, max(_SHORTEST, worker.delay * 2))
    worker.due = now + worker.delay
    logs.warning(
        "worker died",
        worker=worker.number,
        status=worker.process.exitcode,
        again_in=worker.delay,
    )


def _end(crew: list[_Worker]) -> None:
    for worker in crew:
        worker.process.terminate()
    late = time.monotonic() + _GRACE
    for worker in crew:
        worker.process.join(max(0.0, late - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


@contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Keep a port for the processes while the block lasts; 0 leaves it to the system."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as alone:
        # Not shared yet: a server that somebody else runs there must not be joined.
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind(address)
        bound = int(alone.getsockname()[1])
    with socket.socket(family, kind, protocol) as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((address[0], bound, *address[2:]))
        yield bound


@contextmanager
def _stopping() -> Iterator[Any]:
    """Yield what becomes readable when a signal asks to end."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def told(number: int, frame: object) -> None:
        writer.send(b"x")

    before = {n: signal.signal(n, told) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
