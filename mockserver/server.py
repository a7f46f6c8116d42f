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

from mockserver.app import Application, Exchange
from mockserver.errors import Malformed, TooLarge
from mockserver.exchange import Request, Response

#: Request lines and headers up to this are ours to refuse; beyond, aiohttp's.
_LINE_LIMIT: Final = 1 << 18
#: How long the end waits for connections that are still busy.
_GRACE_SECONDS: Final = 2.0
_HEALTH: Final = "/__mock__/health"


#: What is told of each answered request: how long it took, in seconds, too.
Log: TypeAlias = Callable[[Request, Exchange, float], None]


class Server:
    """
    An application behind a socket.

    `application` may be replaced while it serves: the next request gets the new one.
    """

    def __init__(self, application: Application, log: Log | None = None) -> None:
        self.application = application
        self._log = log

    async def handle(self, message: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP message."""
        started = time.perf_counter()
        if message.raw_path.partition("?")[0] == _HEALTH:
            return web.json_response({"status": "ok"})
        application = self.application
        try:
            body = await _read(message, application.api.conventions["body_limit"])
        except (TooLarge, Malformed) as rejection:
            request = _from_aiohttp(message, b"")
            exchange = application.refuse(request, rejection)
        else:
            request = _from_aiohttp(message, body)
            exchange = application.answer(request)
        if self._log is not None:
            self._log(request, exchange, time.perf_counter() - started)
        return _to_aiohttp(message, exchange.response)

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
            self._log(request, exchange, 0.0)
        return _to_aiohttp(message, exchange.response)


class _Connection(web.RequestHandler):
    """A connection whose bad messages are refused in the words of the API."""

    __slots__ = ("server",)

    def __init__(self, server: Server, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self.server = server

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
async def listening(server: Server, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, which 0 leaves to the system."""
    runner = web.ServerRunner(
        _Listener(server), handle_signals=False, shutdown_timeout=_GRACE_SECONDS
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def serve(
    server: Server, host: str, port: int, ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Serve until `stop` is set; `ready` is told the port."""
    async with listening(server, host, port) as bound:
        ready(bound)
        await stop.wait()


def write_port_file(path: Path, port: int) -> None:
    """Write the port so that whoever waits for the file reads it whole."""
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(f"{port}\n", encoding="ascii")
    temporary.replace(path)


async def _read(message: web.BaseRequest, limit: int) -> bytes:
    """Return the body; TooLarge as soon as it is over the limit."""
    if not message.can_read_body:
        return b""
    declared = message.content_length
    if declared is not None and declared > limit:
        raise TooLarge(_too_large(limit))
    if message.headers.get("Expect", "").lower() == "100-continue":
        await message.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # That was no part of the answer, which may still be anything.
        message.writer.output_size = 0
    parts: list[bytes] = []
    size = 0
    try:
        async for part in message.content.iter_any():
            size += len(part)
            if size > limit:
                raise TooLarge(_too_large(limit))
            parts.append(part)
    except (PayloadEncodingError, web.RequestPayloadError):
        raise Malformed("The request body is not encoded as its headers say.") from None
    return b"".join(parts)


def _too_large(limit: int) -> str:
    return f"The request body is too large: {limit} bytes at most."


def _from_aiohttp(message: web.BaseRequest, body: bytes) -> Request:
    path, _, query = message.raw_path.partition("?")
    headers = {name.lower(): value for name, value in message.headers.items()}
    return Request(
        message.method, _path_only(path), query.partition("#")[0], headers, body, message.scheme
    )


def _path_only(path: str) -> str:
    # A proxy-style request line carries the whole URL.
    if path.startswith(("http://", "https://")):
        _, _, rest = path.partition("://")
        return "/" + rest.partition("/")[2]
    return path


def _to_aiohttp(message: web.BaseRequest, response: Response) -> web.Response:
    # aiohttp leaves the body out of an answer to HEAD and keeps its length.
    made = web.Response(status=response.status, body=response.body, headers=response.headers)
    if "Content-Type" not in response.headers and not response.body:
        made.headers.popall("Content-Type", None)
    return made
