"""Send an answer as it is, or late, slowly, broken, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http import SERVER_SOFTWARE

from mockserver.delivery import Delivery
from mockserver.exchange import Request, Response
from mockserver.repeats import Repeats

#: A slow answer comes in pieces, one each so many seconds.
_TICK: Final = 0.05
#: A longer body is sent by aiohttp, which waits for slow readers.
_LONGEST_READY: Final = 1024 * 1024
#: Close at once and forget what is unsent: the other side gets an RST.
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_GARBAGE: Final = b"\x15\x03 this is not HTTP\r\n\r\n"
_NO_CHUNK: Final = b"this is not the size of a chunk\r\n"
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Connection(web.RequestHandler):
    """
    A connection on which an answer can wait without outliving client or server.

    `repeats` knows the requests that came on it, and `read_at` is when aiohttp read
    one last, by the clock of the loop.
    """

    __slots__ = ("_is_ending", "_waiting", "read_at", "repeats")

    def __init__(self, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self.repeats: Repeats[Request] = Repeats()
        self.read_at = 0.0
        self._is_ending = False
        self._waiting: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Take no more requests: the server is about to stop."""
        super().close()
        self._end()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget a client that has gone away."""
        super().connection_lost(exc)
        self._end()

    @property
    def is_free(self) -> bool:
        """Whether an answer can be written at once."""
        transport = self.transport
        return not (
            self._is_ending or transport is None or transport.is_closing() or self.writing_paused
        )

    async def pause(self, seconds: float) -> bool:
        """Wait; return False as soon as the client is gone or the server stops."""
        if self._is_ending:
            return False
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiting
        except TimeoutError:
            return True
        finally:
            self._waiting = None
        return False

    def _end(self) -> None:
        self._is_ending = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def response(given: Response) -> web.Response:
    """Return an answer as aiohttp has it."""
    # aiohttp leaves the body out of an answer to HEAD and keeps its length.
    made = web.Response(status=given.status, body=given.body, headers=given.headers)
    if "Content-Type" not in given.headers and not given.body:
        made.headers.popall("Content-Type", None)
    return made


class _Ready(web.StreamResponse):
    """An answer that is bytes already; aiohttp would work them out anew each time."""

    def __init__(self, data: bytes, request: Request) -> None:
        # Nothing that the base class would set up is ever used.
        self._data, self._request = data, request

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open: only then is an answer ready."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send everything; ConnectionError when the client is gone."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        transport.write(self._data)
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.repeats.answered(self._request)
            connection.read_at = asyncio.get_running_loop().time()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: everything is sent."""


def whole(message: web.BaseRequest, request: Request, given: Response) -> web.StreamResponse:
    """Return the answer to a message, and to the request made of it; it goes out as it is."""
    is_usual = (
        len(given.body) <= _LONGEST_READY
        and message.keep_alive
        and message.version == HttpVersion11
        and not message.protocol.writing_paused
    )
    if not is_usual:
        return response(given)
    return _Ready(written(request.method, given), request)


def written(method: str, given: Response) -> bytes:
    """Return an answer as the bytes that are sent on a connection that stays open."""
    head = _usual_head(given.status, tuple(given.headers.items()), len(given.body))
    body = given.body if method != hdrs.METH_HEAD else b""
    return b"%b%b\r\n\r\n%b" % (head, _date(int(time.time())), body)


@lru_cache(maxsize=4096)
def _usual_head(status: int, headers: tuple[tuple[str, str], ...], size: int) -> bytes:
    """Return status line and headers as aiohttp would send them, up to the value of Date."""
    told = dict(headers)
    names = {name.lower() for name in told}
    if status not in _BODILESS:
        told[hdrs.CONTENT_LENGTH] = str(size)
        if size and "content-type" not in names:
            told[hdrs.CONTENT_TYPE] = "application/octet-stream"
    told.setdefault(hdrs.SERVER, SERVER_SOFTWARE)
    return _head(Response(status, told), {})[:-2] + b"Date: "


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")


async def send(message: web.BaseRequest, given: Response, delivery: Delivery) -> web.StreamResponse:
    """
    Send an answer in the manner of `delivery`, or as much of it as that says.

    A delay ends at once when the server stops; a client that is gone gets nothing.
    """
    if delivery.delay > 0:
        await _pause(message, delivery.delay)
    break_it = _MANNERS.get(delivery.manner)
    if break_it is None or message.transport is None:
        return response(given)
    return await break_it(message, given, delivery)


async def _pause(message: web.BaseRequest, seconds: float) -> bool:
    connection = message.protocol
    if isinstance(connection, Connection):
        return await connection.pause(seconds)
    await asyncio.sleep(seconds)
    return True


async def _empty(
    message: web.BaseRequest, given: Response, delivery: Delivery
) -> web.StreamResponse:
    return _nothing_more(message)


async def _reset(
    message: web.BaseRequest, given: Response, delivery: Delivery
) -> web.StreamResponse:
    if (transport := message.transport) is not None:
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
    return web.Response()


async def _truncated(
    message: web.BaseRequest, given: Response, delivery: Delivery
) -> web.StreamResponse:
    if _has_body(message, given):
        head = _head(given, {hdrs.CONTENT_LENGTH: str(len(given.body))})
        _write(message, head + given.body[: len(given.body) // 2])
    else:
        # There is no body to cut, so the headers end too soon.
        _write(message, _head(given, {})[: -len(b"\r\n\r\n")])
    return _nothing_more(message)


async def _malformed(
    message: web.BaseRequest, given: Response, delivery: Delivery
) -> web.StreamResponse:
    if _has_body(message, given):
        half = given.body[: len(given.body) // 2]
        chunk = b"%x\r\n%b\r\n" % (len(half), half) if half else b""
        _write(message, _head(given, {hdrs.TRANSFER_ENCODING: "chunked"}) + chunk + _NO_CHUNK)
    else:
        _write(message, _GARBAGE)
    return _nothing_more(message)


async def _slow(
    message: web.BaseRequest, given: Response, delivery: Delivery
) -> web.StreamResponse:
    if not _has_body(message, given):
        return response(given)
    made = web.StreamResponse(status=given.status, headers=given.headers)
    made.content_length = len(given.body)
    pieces = _Pieces(given.body, delivery.rate)
    try:
        await made.prepare(message)
        while pieces.left and await _pause(message, pieces.seconds):
            await made.write(pieces.next())
        if message.transport is not None:
            # The server stops: the rest goes out without waiting.
            await made.write(pieces.left)
    except ConnectionError:
        made.force_close()
    return made


class _Pieces:
    """A body in pieces of a size that makes its rate, and the pause before each."""

    def __init__(self, body: bytes, rate: int) -> None:
        self.left = body
        self._size = max(1, round(rate * _TICK))
        self._rate = max(1, rate)

    @property
    def seconds(self) -> float:
        return min(self._size, len(self.left)) / self._rate

    def next(self) -> bytes:
        piece, self.left = self.left[: self._size], self.left[self._size :]
        return piece


def _has_body(message: web.BaseRequest, given: Response) -> bool:
    return bool(given.body) and message.method != hdrs.METH_HEAD and given.status not in _BODILESS


def _head(given: Response, extra: Mapping[str, str]) -> bytes:
    """Return the status line and headers, up to the empty line."""
    try:
        phrase = HTTPStatus(given.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {given.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in {**given.headers, **extra}.items()]
    # A line break inside of a header would begin another one.
    clean = (line.replace("\r", "").replace("\n", "") for line in lines)
    return ("\r\n".join(clean) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _write(message: web.BaseRequest, data: bytes) -> None:
    if message.transport is not None:
        message.transport.write(data)


def _nothing_more(message: web.BaseRequest) -> web.StreamResponse:
    """Close the connection; what aiohttp still wants to write to it is lost, and not missed."""
    if message.transport is not None:
        message.transport.close()
    return web.Response()


_MANNERS: Final[
    Mapping[str, Callable[[web.BaseRequest, Response, Delivery], Awaitable[web.StreamResponse]]]
] = {
    "empty": _empty,
    "reset": _reset,
    "truncated": _truncated,
    "malformed": _malformed,
    "slow": _slow,
}
