"""What really goes over the wire, byte by byte, and what becomes of the connection."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvloop
from aiohttp import web

from mockserver import sending
from mockserver.delivery import WHOLE, Delivery
from mockserver.exchange import Response

PATIENCE = 10.0
HELLO = Response(200, {"Content-Type": "text/plain", "X-Own": "yes"}, b"hello, world")
GONE = Response(204, {})
SAME = Response(304, {"ETag": '"1"'}, b"what a GET of it had")


@dataclass
class Running:
    """A server that answers everything with the same response, as `delivery` says."""

    port: int
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    thread: threading.Thread
    given: Response = HELLO
    delivery: Delivery = WHOLE
    #: How long, in seconds of the loop's clock, each delivery took.
    took: list[float] = field(default_factory=list)
    #: Set when a request has come in, and when its answer was handed over.
    came: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def ask(self, method: str = "GET") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        connection.sendall(request(method))
        return connection

    def end(self) -> None:
        with suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


def request(method: str = "GET") -> bytes:
    return f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def everything(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def one(connection: socket.socket, *, has_body: bool = True) -> tuple[bytes, bytes]:
    """Return the head and the body of one whole answer."""
    stream = connection.makefile("rb")
    head = b""
    while (line := stream.readline()) not in (b"\r\n", b""):
        head += line
    length = next(
        (int(line.split(b":")[1]) for line in head.splitlines() if b"Content-Length" in line), 0
    )
    return head, stream.read(length) if has_body else b""


@contextmanager
def listening(factory) -> Iterator[Running]:
    loop = factory()
    ready = threading.Event()
    made: list[Running] = []

    class Listener(web.Server):
        def __call__(self) -> web.RequestHandler:
            return sending.Connection(self, loop=loop, access_log=None)

    async def handle(message: web.BaseRequest) -> web.StreamResponse:
        running = made[0]
        running.came.set()
        before = loop.time()
        try:
            return await sending.send(message, running.given, running.delivery)
        finally:
            running.took.append(loop.time() - before)
            running.done.set()

    async def serve() -> None:
        runner = web.ServerRunner(Listener(handle), handle_signals=False, shutdown_timeout=5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stop = asyncio.Event()
        made.append(Running(runner.addresses[0][1], loop, stop, threading.current_thread()))
        ready.set()
        await stop.wait()
        await runner.cleanup()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield made[0]
    finally:
        made[0].end()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def running(request) -> Iterator[Running]:
    with listening(request.param) as found:
        yield found


def test_an_answer_is_sent_as_it_is(running):
    with running.ask() as connection:
        head, body = one(connection)
        connection.sendall(request())
        again = one(connection)

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"X-Own: yes\r\n" in head
    assert body == again[1] == b"hello, world"


def test_a_delay_holds_the_answer_back_and_keeps_the_connection(running):
    running.delivery = Delivery(delay=0.15)
    with running.ask() as connection:
        first = one(connection)
        connection.sendall(request())
        second = one(connection)

    assert first[1] == second[1] == b"hello, world"
    assert min(running.took) >= 0.149
    assert len(running.took) == 2


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("given", [HELLO, GONE, SAME])
def test_empty_is_no_byte_at_all(running, method, given):
    running.given, running.delivery = given, Delivery(manner="empty")
    with running.ask(method) as connection:
        assert everything(connection) == b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("given", [HELLO, GONE, SAME])
def test_a_reset_is_a_reset(running, method, given):
    running.given, running.delivery = given, Delivery(manner="reset")
    with running.ask(method) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_truncated_promises_more_than_comes(running):
    running.delivery = Delivery(manner="truncated")
    with running.ask() as connection:
        head, _, body = everything(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 12" in head
    assert b"X-Own: yes" in head
    assert body == b"hello,"


@pytest.mark.parametrize(
    ("method", "given"), [("HEAD", HELLO), ("GET", GONE), ("GET", SAME), ("HEAD", SAME)]
)
def test_truncated_without_a_body_ends_within_the_headers(running, method, given):
    running.given, running.delivery = given, Delivery(manner="truncated")
    with running.ask(method) as connection:
        found = everything(connection)

    assert found.startswith(f"HTTP/1.1 {given.status} ".encode())
    assert b"\r\n\r\n" not in found


def test_malformed_breaks_off_in_the_middle_of_the_chunks(running):
    running.delivery = Delivery(manner="malformed")
    with running.ask() as connection:
        head, _, rest = everything(connection).partition(b"\r\n\r\n")

    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    size, _, rest = rest.partition(b"\r\n")
    assert (int(size, 16), rest[:8]) == (6, b"hello,\r\n")
    with pytest.raises(ValueError, match="invalid literal"):
        int(rest[8:].partition(b"\r\n")[0], 16)


@pytest.mark.parametrize(("method", "given"), [("HEAD", HELLO), ("GET", GONE), ("GET", SAME)])
def test_malformed_without_a_body_is_no_http(running, method, given):
    running.given, running.delivery = given, Delivery(manner="malformed")
    with running.ask(method) as connection:
        found = everything(connection)

    assert found
    assert not found.startswith(b"HTTP/")


def test_slow_takes_as_long_as_its_rate_says_and_keeps_the_connection(running):
    running.delivery = Delivery(manner="slow", rate=100)
    with running.ask() as connection:
        head, body = one(connection)
        running.delivery = WHOLE
        connection.sendall(request())
        again = one(connection)

    assert b"Content-Length: 12\r\n" in head
    assert body == again[1] == b"hello, world"
    assert running.took[0] >= 0.119


@pytest.mark.parametrize(("method", "given"), [("HEAD", HELLO), ("GET", GONE), ("GET", SAME)])
@pytest.mark.parametrize("delivery", [Delivery(manner="slow", rate=1), Delivery(delay=0.01)])
def test_slow_and_late_without_a_body_keep_the_connection(running, method, given, delivery):
    running.given, running.delivery = given, delivery
    with running.ask(method) as connection:
        first = one(connection, has_body=False)
        connection.sendall(request(method))
        second = one(connection, has_body=False)

    assert first[0].startswith(f"HTTP/1.1 {given.status} ".encode())
    assert second[0].split()[1] == first[0].split()[1]


@pytest.mark.parametrize("delivery", [Delivery(delay=60.0), Delivery(manner="slow", rate=1)])
def test_a_client_that_goes_away_costs_nothing(running, delivery, caplog):
    running.delivery = delivery
    with caplog.at_level(logging.DEBUG):
        with running.ask():
            assert running.came.wait(PATIENCE)
        assert running.done.wait(PATIENCE)
        running.delivery = WHOLE
        with running.ask() as connection:
            assert one(connection)[1] == b"hello, world"

    assert running.took[0] < PATIENCE
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("delivery", [Delivery(delay=60.0), Delivery(manner="slow", rate=1)])
def test_a_server_that_stops_does_not_wait_for_delays(running, delivery):
    running.delivery = delivery
    with running.ask() as connection:
        assert running.came.wait(PATIENCE)
        before = time.monotonic()
        running.end()
        took = time.monotonic() - before
        _, body = one(connection)

    assert body == b"hello, world"
    # Less than the time that a server gives connections to finish.
    assert took < 4.0


def test_a_line_break_in_a_header_begins_no_other(running):
    running.given = Response(200, {"X-Own": "a\r\nX-Evil: b"}, b"hello")
    running.delivery = Delivery(manner="truncated")
    with running.ask() as connection:
        head, _, _ = everything(connection).partition(b"\r\n\r\n")

    assert not any(line.startswith(b"X-Evil") for line in head.splitlines())


@pytest.mark.parametrize("manner", ["empty", "reset", "truncated", "malformed", "slow"])
def test_a_delay_comes_before_every_manner(running, manner):
    running.delivery = Delivery(delay=0.1, manner=manner, rate=1_000_000)
    with running.ask() as connection:
        if manner == "reset":
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        elif manner != "slow":
            everything(connection)
        else:
            one(connection)
        assert running.done.wait(PATIENCE)

    assert running.took[0] >= 0.099


def test_a_foreign_connection_can_wait_too(running):
    async def main() -> float:
        loop = asyncio.get_running_loop()

        class Message:
            protocol = None
            transport = None

        before = loop.time()
        await sending.send(Message(), HELLO, Delivery(delay=0.02))
        return loop.time() - before

    assert asyncio.run(main()) >= 0.019
