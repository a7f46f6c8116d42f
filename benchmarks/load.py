"""Send a bounded number of requests over a few loopback connections that stay open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, TypeAlias, cast

HOST: Final = "127.0.0.1"
#: How long a batch may take before it counts as stuck, in seconds.
PATIENCE: Final = 60.0
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class BadAnswer(Exception):
    """An answer that is not what the benchmark is about."""


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP request as bytes, and the status that its answer must have."""

    raw: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names as they were sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


#: Says what is sent next, and is told the answer as it came.
Script: TypeAlias = Generator[Message, bytes, None]


def message(
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    body: bytes = b"",
    status: int = 200,
) -> Message:
    """Return a request, its `Content-Length` included where there is a body."""
    length = {"Content-Length": str(len(body))} if body else {}
    fields = {"Host": HOST, **headers, **length}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return Message("\r\n".join(lines).encode() + _END_OF_HEAD + body, status)


async def ask(port: int, request: Message) -> Answer:
    """Send one request on a connection of its own; raise BadAnswer on another status."""
    found = await converse(port, _replayed(request, count=1), PATIENCE)
    head, _, body = found.partition(_END_OF_HEAD)
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:])
    return Answer(int(lines[0].split()[1]), {name: value.strip() for name, _, value in pairs}, body)


async def send(port: int, *requests: Message, count: int, connections: int) -> float:
    """
    Return the seconds that `count` requests took; raise BadAnswer on another status.

    Each connection sends the given ones in turn, again and again.
    """
    share, rest = divmod(count, connections)
    counts = [share + (position < rest) for position in range(connections)]
    started = time.perf_counter()
    scripts = [_replayed(*requests, count=n) for n in counts if n]
    await asyncio.gather(*(converse(port, script, PATIENCE) for script in scripts))
    return time.perf_counter() - started


async def converse(port: int, script: Script, patience: float) -> bytes:
    """Send what a script says, for so many seconds at most; return the last answer as it came."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(lambda: _Client(script), HOST, port)
    try:
        async with asyncio.timeout(patience):
            return await client.done
    finally:
        transport.close()


def body_of(answer: bytes) -> bytes:
    """Return the body of an answer as it came."""
    return answer[answer.index(_END_OF_HEAD) + len(_END_OF_HEAD) :]


def _replayed(*requests: Message, count: int) -> Script:
    """Send requests in turn, again and again, so many in all."""
    for request in islice(cycle(requests), count):  # noqa: UP028  what islice yields takes no answer
        yield request


class _Client(asyncio.Protocol):
    """
    One connection: the next request leaves when the answer is complete.

    No parsing beyond status and length, so that the machine works for the
    server and not for its client.
    """

    def __init__(self, script: Script) -> None:
        self._script, self._request = script, next(script)
        self._received = b""
        self._expected = -1
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: the transports of uvloop are no subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request.raw)

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if self._expected < 0:
            self._read_head()
        if 0 <= self._expected <= len(self._received):
            self._next()

    def connection_lost(self, problem: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(problem or ConnectionError("the server hung up"))

    def _read_head(self) -> None:
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            return
        head = self._received[:end].lower()
        if int(head[9:12]) != self._request.status:
            self._fail(f"{self._request.status} expected: {self._received[:400]!r}")
            return
        _, found, rest = head.partition(_LENGTH)
        length = int(rest.partition(b"\r\n")[0]) if found else 0
        self._expected = end + len(_END_OF_HEAD) + length

    def _next(self) -> None:
        try:
            self._request = self._script.send(self._received)
        except StopIteration:
            self.done.set_result(self._received)
            return
        self._received, self._expected = b"", -1
        self._transport.write(self._request.raw)

    def _fail(self, problem: str) -> None:
        if not self.done.done():
            self.done.set_exception(BadAnswer(problem))
