"""Servers in processes of their own: killed under load, several on one port, started anew."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Folder
from tests.test_cli import PATIENCE, Process, ask, run, until

STORE = ("--store", "sqlite:///data.db")


@pytest.fixture
def start(folder: Folder) -> Iterator[Callable[..., Process]]:
    """Start a server of the small spec in its folder: `start("--workers", 2)`."""
    folder.edit("body_limit: 2000", 'body_limit: 2000\n  clock: "2026-03-15T12:00:00Z"')
    started: list[Process] = []

    def make(*arguments: object) -> Process:
        (folder.root / "port").unlink(missing_ok=True)
        made = Process(
            folder.root, "serve", "--spec", folder.spec, "--port", 0, "--port-file", "port",
            "--log-level", "warning", "--log-format", "json", *arguments,
        )  # fmt: skip
        started.append(made)
        return made

    yield make
    for process in started:
        process.end()


class Writer(threading.Thread):
    """Makes one book after the other until the server goes away."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(daemon=True)
        self.port, self.label = port, name
        self.acknowledged: dict[str, str] = {}
        self.tried = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            while True:
                title = f"{self.label}-{self.tried}"
                self.tried += 1
                body = json.dumps({"title": title})
                connection.request("POST", "/books/", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                made = json.loads(answer.read())
                if answer.status == 201:
                    self.acknowledged[made["id"]] = title
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def total(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/books/?page_size=1")
        answer = connection.getresponse()
        answer.read()
        return int(answer.headers["X-Total"])
    finally:
        connection.close()


def survive(start: Callable[..., Process], folder: Folder, rounds: int, *more: object) -> None:
    """Kill a server again and again while it is written to, and look for what it promised."""
    known: dict[str, str] = {}
    lost = 0
    chance = random.Random(7)
    for each in range(rounds):
        server = start(*STORE, *more)
        port = server.port(folder.root / "port")
        before = total(port)
        writers = [Writer(port, f"{each}-{number}") for number in range(3)]
        for writer in writers:
            writer.start()
        enough = chance.randrange(1, 40)
        until(lambda w=writers, n=enough: sum(len(x.acknowledged) for x in w) >= n)
        for pid in (server.process.pid, *children(server.process.pid)):
            os.kill(pid, signal.SIGKILL)
        server.wait()
        for writer in writers:
            writer.join(PATIENCE)
            known |= writer.acknowledged

        again = start(*STORE)
        port = again.port(folder.root / "port")
        made = total(port) - before
        promised = sum(len(writer.acknowledged) for writer in writers)
        # One of each writer may have been on its way.
        assert promised <= made <= promised + len(writers)
        lost += made - promised
        for key in chance.sample(sorted(known), min(20, len(known))):
            assert ask(port, "GET", f"/books/{key}/") == (200, known_book(key, known))
        again.process.send_signal(signal.SIGTERM)
        assert again.wait() == 0
    assert total_known(known, start, folder) == 3 + len(known) + lost


def known_book(key: str, known: dict[str, str]) -> dict[str, object]:
    return {"id": key, "title": known[key], "writer": None}


def total_known(known: dict[str, str], start: Callable[..., Process], folder: Folder) -> int:
    server = start(*STORE)
    port = server.port(folder.root / "port")
    for key in known:
        assert ask(port, "GET", f"/books/{key}/")[0] == 200
    return total(port)


def children(parent: int) -> list[int]:
    """Return the processes that serve for another one."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            words = (path / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z" and "spawn_main" in words:
            found.append(int(path.name))
    return sorted(found)


has_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@has_proc
def test_what_was_acknowledged_survives_a_kill(start, folder):
    survive(start, folder, 2)


@has_proc
def test_what_several_workers_acknowledged_survives_a_kill(start, folder):
    survive(start, folder, 1, "--workers", 2)


@pytest.mark.soak
@has_proc
def test_what_was_acknowledged_survives_every_kill(start, folder):
    survive(start, folder, 200)


def test_memory_forgets(start, folder):
    server = start()
    port = server.port(folder.root / "port")
    ask(port, "POST", "/books/", {"title": "Short-lived"})
    server.process.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert not list(folder.root.glob("data.db*"))


@has_proc
class TestWorkers:
    def test_they_share_a_port_and_a_world(self, start, folder):
        server = start(*STORE, "--workers", 2)
        port = server.port(folder.root / "port")
        assert len(children(server.process.pid)) == 2
        for number in range(20):
            status, made = ask(port, "POST", "/books/", {"title": f"Book {number}"})
            assert status == 201
            # Each connection may be that of another process.
            assert ask(port, "GET", f"/books/{made['id']}/")[0] == 200
        assert total(port) == 23
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not (folder.root / "port").exists()

    def test_one_that_dies_is_started_again(self, start, folder):
        server = start(*STORE, "--workers", 2)
        port = server.port(folder.root / "port")
        first, other = children(server.process.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: len({*children(server.process.pid)} - {first, other}) == 1)
        assert other in children(server.process.pid)
        died = until(lambda: [e for e in server.events() if e["event"] == "worker died"])
        assert [(e["worker"], e["status"]) for e in died] == [(0, -signal.SIGKILL)]
        assert ask(port, "POST", "/books/", {"title": "Still here"})[0] == 201

    def test_none_stays_when_the_one_that_looks_after_them_is_gone(self, start, folder):
        server = start(*STORE, "--workers", 2)
        server.port(folder.root / "port")
        workers = children(server.process.pid)
        server.process.kill()
        server.wait()
        until(lambda: not any(is_running(each) for each in workers))

    def test_a_mistake_is_told_once(self, start, folder):
        folder.edit("verb: list", "verb: lists")
        server = start(*STORE, "--workers", 3)
        assert server.wait() == 2
        assert server.err.read_text().count("nothing is served") == 1

    def test_a_port_that_others_use_is_not_shared(self, start, folder):
        server = start(*STORE, "--workers", 2)
        port = server.port(folder.root / "port")
        other = run("serve", "--spec", folder.spec, *STORE, "--workers", 2, "--port", port)
        assert other.exit_code == 2
        assert f"port {port} is in use" in other.output


def is_running(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


class TestUsage:
    def test_workers_need_a_store(self):
        found = run("serve", "--workers", 2)
        assert found.exit_code == 2
        assert "--store sqlite:///PATH" in found.output

    def test_a_store_belongs_to_one_description(self):
        found = run("serve", "--watch", *STORE)
        assert found.exit_code == 2
        assert "--watch" in found.output

    def test_a_bad_store_is_a_mistake(self, folder):
        found = run("serve", "--spec", folder.spec, "--store", "files:///x")
        assert found.exit_code == 2
        assert "sqlite:///PATH" in found.output

    def test_a_store_of_another_description_can_be_emptied(self, start, folder):
        server = start(*STORE)
        ask(server.port(folder.root / "port"), "POST", "/books/", {"title": "Old"})
        server.process.send_signal(signal.SIGTERM)
        server.wait()
        folder.edit("title: Books", "title: Papers")
        found = run("serve", "--spec", folder.spec, *STORE)
        assert found.exit_code == 2
        assert "another description of the API" in found.output
        assert "mockserver store reset 'sqlite:///data.db'" in found.output
        assert run("store", "reset", "sqlite:///data.db").output == "sqlite:///data.db is empty\n"
        again = start(*STORE)
        assert total(again.port(folder.root / "port")) == 3

    def test_a_running_server_begins_anew_when_its_store_is_emptied(self, start, folder):
        server = start(*STORE)
        port = server.port(folder.root / "port")
        ask(port, "POST", "/books/", {"title": "Gone soon"})
        assert run("store", "reset", "sqlite:///data.db").exit_code == 0
        assert total(port) == 3
        (told,) = [each for each in server.events() if each["level"] == "warning"]
        assert "begun anew" in str(told["event"])
