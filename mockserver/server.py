"""Listen on a socket: aiohttp outside, the application inside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from mockserver import hub, sending
from mockserver.app import Application, Exchange
from mockserver.delivery import WHOLE
from mockserver.errors import Malformed, TooLarge
from mockserver.exchange import Request, Response
from mockserver.hub import Hub, Outcome, Stream
from mockserver.session import DEFAULT

#: Request lines and headers up to this are ours to refuse; beyond, aiohttp's.
_LINE_LIMIT: Final = 1 << 18
#: How long the end waits for connections that are still busy.
_GRACE_SECONDS: Final = 2.0
#: After so long a client's request is read again even if it is known, in seconds.
_HEARD: Final = 60.0
#: A comment keeps a silent stream of events open that long, in seconds, at a time.
_HEARTBEAT: Final = 15.0
#: A reader that is so many events behind is cut off.
_BACKLOG: Final = 1000


#: What is told of each answered request: how long it took, in seconds, too.
Log: TypeAlias = Callable[[Request, Outcome, float], None]


class Server:
    """A hub, or an application with a hub around it, behind a socket."""

    def __init__(self, served: Hub | Application, log: Log | None = None) -> None:
        self.hub = served if isinstance(served, Hub) else hub.around(served)
        self._log = log
        self._streams: set[asyncio.Queue[bytes | None]] = set()

    @property
    def application(self) -> Application:
        """What answers those who name no session."""
        return self.hub.application

    async def handle(self, message: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP message."""
        started = time.perf_counter()
        body = b""
        try:
            if message.can_read_body:
                body = await _read(message, self.hub.body_limit(message.raw_path))
        except (TooLarge, Malformed) as rejection:
            request = _from_aiohttp(message, b"")
            outcome = self.hub.refuse(request, rejection)
        else:
            request = _from_aiohttp(message, body)
            outcome = self.hub.answer(request)
        if self._log is not None:
            self._log(request, outcome, time.perf_counter() - started)
        if outcome.stream is not None:
            return await self._stream(message, outcome.stream)
        if outcome.delivery is not WHOLE:
            return await sending.send(message, outcome.exchange.response, outcome.delivery)
        return sending.whole(message, request, outcome.exchange.response)

    def repeat(self, request: Request) -> bytes | None:
        """Return the answer to a request as it is sent, None where that takes more than bytes."""
        if not self.hub.is_usual(request):
            return None
        started = time.perf_counter()
        outcome = self.hub.answer(request)
        if self._log is not None:
            self._log(request, outcome, time.perf_counter() - started)
        return sending.written(request.method, outcome.exchange.response)

    async def _stream(self, message: web.BaseRequest, stream: Stream) -> web.StreamResponse:
        """Send what a stream brings until the client or the server goes away."""
        response = web.StreamResponse(headers=stream.headers)
        await response.prepare(message)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_BACKLOG)
        end = stream.subscribe(lambda piece: _push(queue, piece))
        self._streams.add(queue)
        try:
            while (piece := await _next(queue)) is not None:
                await response.write(piece)
        except ConnectionError:
            pass
        finally:
            end()
            self._streams.discard(queue)
        return response

    def end_streams(self) -> None:
        """Close every answer without an end."""
        for queue in self._streams:
            _push(queue, None)

    def refuse(self, message: web.BaseRequest, defect: BaseException | None) -> web.StreamResponse:
        """
        Answer what is no HTTP, or what our own code failed at.

        What was sent is neither repeated nor logged: it may hold credentials.
        """
        request = Request(message.method, "")
        if isinstance(defect, Exception):
            exchange = Exchange(Response(500, {}), defect=defect)
        else:
            exchange = self.application.refuse(request, Malformed("The request is not HTTP."))
        if self._log is not None:
            self._log(request, Outcome(exchange, session=DEFAULT), 0.0)
        return sending.response(exchange.response)


class _Connection(sending.Connection):
    """
    A connection whose bad messages are refused in the words of the API.

    What a client asks again in the same bytes is answered without having them parsed.
    """

    __slots__ = ("server",)

    def __init__(self, server: Server, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self.server = server

    def data_received(self, data: bytes) -> None:
        """Take bytes that a client sent."""
        request = self.repeats.find(data)
        if request is None or not self._repeat(request):
            self.repeats.passed(data)
            super().data_received(data)

    def _repeat(self, request: Request) -> bool:
        """Answer what was asked before, and tell whether that was possible."""
        # aiohttp hangs up on clients of which it has heard nothing for long.
        is_recent = asyncio.get_running_loop().time() - self.read_at < _HEARD
        transport = self.transport
        if transport is None or not (self.is_free and is_recent):
            return False
        answer = self.server.repeat(request)
        if answer is None:
            return False
        transport.write(answer)
        return True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a message that could not be read, or not be handled."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is sent already")
        made = self.server.refuse(request, exc if status >= 500 else None)
        made.force_close()
        return made


class _Listener(web.Server):
    """Makes a connection of every client that comes."""

    def __init__(self, server: Server) -> None:
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = server.handle
        super().__init__(handler)
        self.server = server

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of one connection."""
        return _Connection(
            self.server,
            self,
            loop=asyncio.get_running_loop(),
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
            access_log=None,
        )


@asynccontextmanager
async def listening(
    server: Server, host: str, port: int, *, is_shared: bool = False
) -> AsyncIterator[int]:
    """
    Serve until the block ends; yields the port, which 0 leaves to the system.

    A shared port may be listened on by other processes, too.
    """
    runner = web.ServerRunner(
        _Listener(server), handle_signals=False, shutdown_timeout=_GRACE_SECONDS
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_port=is_shared or None)
    try:
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        server.end_streams()
        await runner.cleanup()


async def serve(
    server: Server,
    host: str,
    port: int,
    ready: Callable[[int], None],
    stop: asyncio.Event,
    *,
    is_shared: bool = False,
) -> None:
    """Serve until `stop` is set; `ready` is told the port."""
    async with listening(server, host, port, is_shared=is_shared) as bound:
        ready(bound)
        await stop.wait()


def write_port_file(path: Path, port: int) -> None:
    """Write the port so that whoever waits for the file reads it whole."""
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(f"{port}\n", encoding="ascii")
    temporary.replace(path)


async def _read(message: web.BaseRequest, limit: int) -> bytes:
    """Return the body; TooLarge as soon as it is over the limit."""
    declared = message.content_length
    if declared is not None and declared > limit:
        raise TooLarge(_too_large(limit))
    if message.headers.get("Expect", "").lower() == "100-continue":
        await message.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # That was no part of the answer, which may still be anything.
        message.writer.output_size = 0
    try:
        if message.content.is_eof():
            # All of it is here already, as it mostly is: there is nothing to wait for.
            body = message.content.read_nowait()
        else:
            body = await _arriving(message, limit)
    except (PayloadEncodingError, web.RequestPayloadError):
        raise Malformed("The request body is not encoded as its headers say.") from None
    if len(body) > limit:
        raise TooLarge(_too_large(limit))
    return body


async def _arriving(message: web.BaseRequest, limit: int) -> bytes:
    """Return a body part of which is still to come, or the start of one that is too long."""
    parts: list[bytes] = []
    size = 0
    async for part in message.content.iter_any():
        size += len(part)
        parts.append(part)
        if size > limit:
            break
    return b"".join(parts)


def _too_large(limit: int) -> str:
    return f"The request body is too large: {limit} bytes at most."


def _from_aiohttp(message: web.BaseRequest, body: bytes) -> Request:
    path, _, query = message.raw_path.partition("?")
    headers = {name.lower(): value for name, value in message.headers.items()}
    if "prefer" in headers:
        # The one header that several lines of make sense of together.
        headers["prefer"] = ", ".join(message.headers.getall("Prefer"))
    return Request(
        message.method,
        _path_only(path),
        query.partition("#")[0],
        headers,
        body,
        message.scheme,
        peer=message.remote or "",
    )


def _path_only(path: str) -> str:
    # A proxy-style request line carries the whole URL.
    if path.startswith(("http://", "https://")):
        _, _, rest = path.partition("://")
        return "/" + rest.partition("/")[2]
    return path


def _push(queue: asyncio.Queue[bytes | None], piece: bytes | None) -> None:
    """Add a piece, or the end; who does not read is ended."""
    if queue.full():
        queue.get_nowait()
        piece = None
    queue.put_nowait(piece)


async def _next(queue: asyncio.Queue[bytes | None]) -> bytes | None:
    """Return the next piece, or a comment when there is none for long."""
    try:
        return await asyncio.wait_for(queue.get(), _HEARTBEAT)
    except TimeoutError:
        return b":\n\n"
