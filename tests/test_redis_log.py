"""A log in Redis or Valkey: what is kept, what others see, and what happens when it goes away."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mockserver import log, stores
from mockserver.errors import StoreError
from mockserver.log import START, Away, Mark
from tests.library_hub import ask, data, status
from tests.shared_hubs import join, worlds

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")
needs_redis = pytest.mark.skipif(PROGRAM is None, reason="neither Valkey nor Redis is installed")
CARD = {"card": "curator"}


@dataclass
class Server:
    """A Redis or Valkey of its own, that keeps what it acknowledged."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    logs: list[log.Log] = field(default_factory=list)

    def start(self) -> None:
        assert PROGRAM is not None
        self.process = subprocess.Popen(
            [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
             "--save", "", "--appendonly", "yes", "--appendfsync", "always"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        late = time.monotonic() + 20
        while time.monotonic() < late:
            try:
                self.open("ready").everything()
            except Away:
                time.sleep(0.02)
            else:
                return
        pytest.fail("Redis does not start")

    def open(self, name: str = "default") -> log.Log:
        made = stores.opened(f"redis://127.0.0.1:{self.port}/0?name={name}")
        self.logs.append(made)
        return made

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory) -> Iterator[Server]:
    """A server for tests that leave it alone."""
    yield from _running(tmp_path_factory.mktemp("redis"))


@pytest.fixture
def mortal(tmp_path) -> Iterator[Server]:
    """A server to be killed."""
    yield from _running(tmp_path)


def _running(folder: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Server(folder, port)
    try:
        made.start()
        yield made
    finally:
        for each in made.logs:
            each.close()
        made.kill()


def title(hub, text):
    return status(ask(hub, "PATCH", "/books/1", {"title": text}, **CARD))


def read(hub):
    return data(ask(hub, "GET", "/books/1"))["title"]


def push(where, mark, body):
    row = log.row_after(mark, body)
    assert where.push(mark, row)
    return row.mark


@needs_redis
class TestRows:
    def test_nothing_is_an_empty_log(self, lasting):
        one = lasting.open("nothing")
        assert log.pull(one, START) is None
        assert one.everything() == (None, [])

    def test_others_see_what_was_written(self, lasting):
        one, other = lasting.open("seen"), lasting.open("seen")
        end = push(one, START, b"a\x00\xff")
        assert log.pull(other, START) == log.News((b"a\x00\xff",), end)
        assert log.pull(other, end) is None
        last = push(other, end, b"b")
        assert log.pull(one, end) == log.News((b"b",), last)
        assert log.pull(one, Mark(-1, "")) == log.News((b"a\x00\xff", b"b"), last, afresh=True)

    def test_who_is_second_is_told(self, lasting):
        one, other = lasting.open("second"), lasting.open("second")
        end = push(one, START, b"a")
        assert not other.push(START, log.row_after(START, b"b"))
        assert log.pull(other, START) == log.News((b"a",), end)

    def test_the_same_push_twice_is_one(self, lasting):
        """Who got no answer may ask again."""
        one = lasting.open("twice")
        row = log.row_after(START, b"a")
        assert one.push(START, row)
        assert one.push(START, row)
        assert log.pull(one, START) == log.News((b"a",), row.mark)

    def test_nobody_can_tell_of_a_push_whose_place_is_forgotten(self, lasting):
        """It must not look like one that came second: the work would be done twice."""
        one, other = lasting.open("late"), lasting.open("late")
        row = log.row_after(START, b"a")
        assert one.push(START, row)
        end = row.mark
        for body in (b"b", b"c"):
            end = push(other, end, body)
            other.compact(log.snapshot_at(end, body))
        with pytest.raises(Away, match="nobody can tell"):
            one.push(START, row)
        snapshot, rows = other.everything()
        assert snapshot is not None
        assert (snapshot.mark, rows) == (end, [])
        assert log.pull(one, row.mark) == log.News((), end, True, b"c")

    def test_names_keep_logs_apart(self, lasting):
        end = push(lasting.open("this"), START, b"a")
        assert log.pull(lasting.open("that"), START) is None
        assert log.pull(lasting.open("this"), START) == log.News((b"a",), end)

    def test_snapshots(self, lasting):
        one, other = lasting.open("short"), lasting.open("short")
        a = push(one, START, b"a")
        b = push(one, a, b"b")
        one.compact(log.snapshot_at(b, b"all"))
        c = push(one, b, b"c")
        assert log.pull(other, a) == log.News((b"b", b"c"), c)
        other.compact(log.snapshot_at(a, b"older"))
        other.compact(log.snapshot_at(Mark(3, "elsewhere"), b"other"))
        other.compact(log.snapshot_at(c, b"more"))
        assert log.pull(one, a) == log.News((), c, True, b"more")

    def test_clearing_is_seen_by_all(self, lasting):
        one, other = lasting.open("clear"), lasting.open("clear")
        end = push(one, START, b"a")
        other.clear()
        for each in (one, other):
            assert log.pull(each, end) == log.News((), START, afresh=True)
        push(one, START, b"b")


@needs_redis
class TestHubs:
    def test_servers_share_it(self, lasting):
        one, other = (join(lasting.open("hubs")) for _ in range(2))
        for number in range(10):
            writer, reader = (one, other) if number % 2 else (other, one)
            assert title(writer, f"Title {number}") == 200
            assert read(reader) == f"Title {number}"
        assert worlds(one) == worlds(other) == worlds(join(lasting.open("hubs")))

    def test_snapshots_are_taken_up(self, lasting, monkeypatch):
        monkeypatch.setattr("mockserver.replica.ENTRIES", 10)
        one, other = (join(lasting.open("snapshots")) for _ in range(2))
        for number in range(35):
            assert title(one, f"Title {number}") == 200
        assert read(other) == "Title 34"
        assert worlds(join(lasting.open("snapshots"))) == worlds(one) == worlds(other)

    def test_it_goes_and_comes_back(self, mortal, monkeypatch):
        monkeypatch.setattr("mockserver.replica.PAUSE", 0.0)
        one, other = join(mortal.open()), join(mortal.open())
        assert title(one, "Acknowledged") == 200
        mortal.kill()
        for hub in (one, other):
            assert title(hub, "Refused") == 503
            assert status(ask(hub, "GET", "/books/1")) == 503
        mortal.start()
        assert read(other) == read(one) == "Acknowledged"
        assert title(other, "Again") == 200
        assert read(one) == "Again"

    def test_what_it_forgot_is_forgotten_by_all(self, mortal, monkeypatch):
        monkeypatch.setattr("mockserver.replica.PAUSE", 0.0)
        told = []
        one, other = join(mortal.open(), told=told), join(mortal.open())
        first = read(one)
        title(one, "Lost")
        mortal.kill()
        shutil.rmtree(mortal.folder / "appendonlydir")
        mortal.start()
        assert read(one) == read(other) == first
        assert any("begun anew" in each for each in told)
        assert title(one, "Kept") == 200
        assert read(other) == "Kept"

    def test_memory_that_is_full_takes_nothing(self, mortal):
        line = mortal.open()
        one, other = join(line), join(mortal.open())
        title(one, "Before")
        line._client.config_set("maxmemory", "1")
        assert title(one, "Refused") == 503
        assert read(one) == read(other) == "Before"
        line._client.config_set("maxmemory", "0")
        assert title(one, "After") == 200
        assert read(other) == "After"


def test_nobody_there_is_away():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        found = stores.opened(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Away):
            found.after(START)
        found.close()


class TestAddresses:
    def test_no_credentials_are_shown(self):
        found = stores.opened("redis://user:secret@host.example:7000/3?name=mine")
        assert found.address == "redis://host.example:7000/3?name=mine"
        found.close()

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("redis://", "HOST:PORT"),
            ("redis://host/first", "HOST:PORT"),
            ("redis://host:port/0", "Port"),
            ("redis://host/0?size=x", "it knows name"),
            ("sqlite://data.db", "three slashes"),
            ("sqlite:///", "three slashes"),
            ("sqlite:///data.db?synchronous=off", "full or normal"),
            ("sqlite:///nowhere/data.db", "no folder nowhere"),
            ("postgres://host/db", "no shared store"),
            ("data.db", "no shared store"),
        ],
    )
    def test_others_are_refused_with_a_remedy(self, address, said, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(StoreError, match=said) as found:
            stores.opened(address)
        assert found.value.place == "--store"

    def test_a_package_that_is_not_there_is_named(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "mockserver.redis_log", None)
        with pytest.raises(StoreError, match=r"pip install redis"):
            stores.opened("redis://host/0")
