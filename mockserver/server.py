"""Listen on a socket: aiohttp outside, the application inside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from mockserver.app import Application, Exchange
from mockserver.errors import Malformed, TooLarge
from mockserver.exchange import Request, Response

#: Request lines and headers up to this are ours to refuse; beyond, aiohttp's.
_LINE_LIMIT: Final = 1 << 18
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
        path, _, query = message.raw_path.partition("?")
        headers = {name.lower(): value for name, value in message.headers.items()}
        request = Request(
            message.method, _path_only(path), query.partition("#")[0], headers, scheme=message.scheme
        )
        if path == _HEALTH:
            return web.json_response({"status": "ok"})
        application = self.application
        try:
            body = await _read(message, application.api.conventions["body_limit"])
        except (TooLarge, Malformed) as rejection:
            exchange = application.refuse(request, rejection)
        else:
            if body:
                request = Request(
                    request.method, request.path, request.query, headers, body, request.scheme
                )
            exchange = application.answer(request)
        if self._log is not None:
            self._log(request, exchange, time.perf_counter() - started)
        return _to_aiohttp(message, exchange.response)


@asynccontextmanager
async def listening(server: Server, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, which 0 leaves to the system."""
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = server.handle
    runner = web.ServerRunner(
        web.Server(
            handler,
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
            access_log=None,
        ),
        handle_signals=False,
        shutdown_timeout=2.0,
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
