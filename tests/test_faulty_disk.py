"""A disk that is full, and one that does not keep what it took: nothing is lost in silence."""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mockserver import log
from mockserver.log import NOWHERE, START, Damaged
from mockserver.sqlite_log import SqliteLog
from tests.histories import exported
from tests.test_cli import PATIENCE, Process, run, until

STAFF = {"Authorization": "Token YOUR_API_TOKEN", "Content-Type": "application/json"}
PLANS = "/api/marketplace-plans/"
#: The frame of a page in the write-ahead log.
HEAD, FRAME = 32, 24 + 4096


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, STAFF)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None
    finally:
        connection.close()


@dataclass
class Shop:
    """The shipped API on a store, and what it acknowledged: plans by key, with their names."""

    start: Callable[..., Process]
    store: Path
    port: int = 0
    server: Process | None = None

    def __post_init__(self) -> None:
        self.plans: dict[str, str] = {}
        self.refused: list[str] = []

    def open(self) -> None:
        """Start a server, and wait for it."""
        self.server = self.start("--store", f"sqlite:///{self.store}")
        self.port = self.server.port(self.server.out.parent / "port")

    def kill(self) -> None:
        assert self.server is not None
        self.server.process.kill()
        self.server.wait()

    def offering(self) -> str:
        """Return an offering of which a plan has several components."""
        records = exported(self.port)["records"]
        kinds = [each["offering"] for each in records["offering_component"].values()]
        best = max(kinds, key=kinds.count)
        assert kinds.count(best) > 1
        plans = ask(self.port, "GET", f"{PLANS}?page_size=100")[1]
        keys = {name: each.get("uuid", name) for name, each in records["offering"].items()}
        return next(each["offering"] for each in plans if str(keys[best]) in each["offering"])

    def make(self, offering: str, name: str) -> tuple[int, Any]:
        """Make a plan, which makes a record for each component as well."""
        status, body = ask(self.port, "POST", PLANS, {"name": name, "offering": offering})
        if status == 201:
            self.plans[body["uuid"]] = name
        else:
            self.refused.append(name)
        return status, body

    def look(self) -> None:
        """Find every acknowledged plan whole, and no other."""
        for key, name in self.plans.items():
            status, plan = ask(self.port, "GET", f"{PLANS}{key}/")
            assert (status, plan["name"]) == (200, name)
        assert self.names() & {*self.refused} == set()

    def names(self) -> set[str]:
        """Return the names of all plans; each has to be whole."""
        records = exported(self.port)["records"]
        parts = [each["offering"] for each in records["offering_component"].values()]
        priced = [each["plan"] for each in records["plan_component"].values()]
        names = set()
        for key, plan in records["plan"].items():
            if plan["name"].startswith("mine"):
                assert priced.count(key) == parts.count(plan["offering"]) > 1
                names.add(plan["name"])
        return names


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Process]]:
    """Start a server of the shipped API."""
    started: list[Process] = []

    def make(*arguments: object) -> Process:
        (tmp_path / "port").unlink(missing_ok=True)
        process = Process(
            tmp_path, "serve", "--port", 0, "--port-file", "port",
            "--log-level", "warning", "--log-format", "json", *arguments,
            MOCKSERVER_CACHE=str(tmp_path / "cache"),
        )  # fmt: skip
        started.append(process)
        return process

    yield make
    for process in started:
        process.end()


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A disk of its own with hardly any room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.strip()}")
    yield folder
    # What still uses it has been told to end, and may not have ended.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free on a disk; return what takes it up."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(b"x" * size)
            except OSError as problem:
                if problem.errno != errno.ENOSPC:
                    raise
                size //= 2
    return ballast


@pytest.mark.slow
class TestFull:
    def test_a_refused_write_is_not_there_and_reads_go_on(self, start, small):
        shop = Shop(start, small / "data.db")
        shop.open()
        offering = shop.offering()
        for number in range(5):
            assert shop.make(offering, f"mine {number}")[0] == 201
        ballast = fill(small)
        status, problem = self.until_refused(shop, offering)
        assert status == 503
        assert str(shop.store) in problem["detail"]
        assert "full" in problem["detail"]
        shop.look()
        assert shop.make(offering, "mine and refused again")[0] == 503
        shop.look()
        ballast.unlink()
        until(lambda: shop.make(offering, f"mine {time.monotonic()}")[0] == 201)
        shop.look()
        shop.kill()
        shop.open()
        shop.look()

    def test_a_server_that_is_killed_meanwhile_has_lost_nothing(self, start, small):
        shop = Shop(start, small / "data.db")
        shop.open()
        offering = shop.offering()
        assert shop.make(offering, "mine")[0] == 201
        ballast = fill(small)
        self.until_refused(shop, offering)
        shop.kill()
        again = shop.start("--store", f"sqlite:///{shop.store}")
        until(lambda: (again.out.parent / "port").exists() or again.process.poll() is not None)
        if again.process.poll() is None:
            shop.server, shop.port = again, again.port(again.out.parent / "port")
            shop.look()
            shop.kill()
        else:
            assert again.wait() == 2
            assert f"sqlite:///{shop.store}: it cannot be used" in again.err.read_text()
        ballast.unlink()
        shop.open()
        shop.look()
        assert shop.make(offering, "mine again")[0] == 201

    def until_refused(self, shop: Shop, offering: str) -> tuple[int, Any]:
        """Write until there is no room left in the files themselves."""
        for number in range(100):
            status, body = shop.make(offering, f"mine and more {number}")
            if status != 201:
                return status, body
        pytest.fail("the disk is never full")


def cut(wal: Path, size: int) -> None:
    """Take bytes off the end of a file."""
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - size)


def flip(wal: Path, back: int) -> None:
    """Turn the bits of a byte, counted from the end of a file."""
    content = bytearray(wal.read_bytes())
    content[-back] ^= 0xFF
    wal.write_bytes(content)


DAMAGES = [
    pytest.param(lambda wal: cut(wal, 1), id="one byte less"),
    pytest.param(lambda wal: cut(wal, FRAME), id="one page less"),
    pytest.param(lambda wal: cut(wal, 5 * FRAME + 100), id="several pages less"),
    pytest.param(lambda wal: cut(wal, wal.stat().st_size - HEAD), id="all pages less"),
    pytest.param(lambda wal: cut(wal, wal.stat().st_size), id="empty"),
    pytest.param(lambda wal: flip(wal, 1), id="the last byte"),
    pytest.param(lambda wal: flip(wal, FRAME), id="the head of the last page"),
    pytest.param(lambda wal: flip(wal, 4 * FRAME + 50), id="an earlier page"),
    pytest.param(lambda wal: flip(wal, wal.stat().st_size), id="the first byte"),
    pytest.param(lambda wal: wal.unlink(), id="gone"),
]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "store"
    made.mkdir()
    return made


class TestNote:
    """What is acknowledged is noted beside the file."""

    @pytest.fixture
    def killed(self, folder):
        """The files of a log with eight entries, as a killed server leaves them."""
        whole = folder.with_name("whole")
        whole.mkdir()
        one = SqliteLog(whole / "data.db")
        mark = START
        for number in range(8):
            row = log.row_after(mark, f"entry {number}".encode() * 50)
            assert one.push(mark, row)
            mark = row.mark
        for each in list(whole.iterdir()):
            shutil.copy(each, folder / each.name)
        # The note is about the file that it was written for, not about a copy.
        note = folder / "data.db-end"
        note.write_text(f"{(folder / 'data.db').stat().st_ino} 8".ljust(64))
        one.close()
        return folder / "data.db"

    def test_what_is_whole_is_used(self, killed):
        found = SqliteLog(killed)
        assert len(log.pull(found, NOWHERE).entries) == 8
        found.close()

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_what_is_not_is_refused(self, killed, damage):
        damage(killed.with_name("data.db-wal"))
        (killed.with_name("data.db-shm")).unlink()
        found = SqliteLog(killed)
        with pytest.raises(Damaged, match=r"entry 8 was acknowledged; .* remove .*data.db-end"):
            found.after(NOWHERE)
        with pytest.raises(Damaged):
            found.after(NOWHERE)
        found.close()

    def test_whoever_removes_the_note_goes_on(self, killed):
        cut(killed.with_name("data.db-wal"), 1)
        killed.with_name("data.db-end").unlink()
        found = SqliteLog(killed)
        assert len(log.pull(found, NOWHERE).entries) == 7
        found.close()

    def test_forgetting_forgets_the_note(self, killed):
        cut(killed.with_name("data.db-wal"), 1)
        assert run("store", "reset", f"sqlite:///{killed}").exit_code == 0
        found = SqliteLog(killed)
        assert found.push(START, log.row_after(START, b"a"))
        found.close()

    def test_a_file_that_somebody_removed_is_not_missed(self, killed):
        for each in ("data.db", "data.db-wal", "data.db-shm"):
            killed.with_name(each).unlink()
        found = SqliteLog(killed)
        assert found.after(START) is None
        assert killed.with_name("data.db-end").read_text().split()[1] == "0"
        found.close()

    def test_a_copy_that_was_put_in_its_place_is_not_held_against_it(self, killed, tmp_path):
        other = SqliteLog(tmp_path / "other.db")
        assert other.push(START, log.row_after(START, b"a"))
        other.close()
        for each in ("data.db-wal", "data.db-shm"):
            killed.with_name(each).unlink()
        (tmp_path / "other.db").replace(killed)
        found = SqliteLog(killed)
        assert len(log.pull(found, NOWHERE).entries) == 1
        found.close()

    def test_a_disk_that_may_lose_the_latest_writes_has_none(self, folder):
        one = SqliteLog(folder / "data.db", synchronous="normal")
        assert one.push(START, log.row_after(START, b"a"))
        assert (folder / "data.db-end").read_text().split() == ["0", "0"]
        one.close()


@pytest.mark.slow
class TestTorn:
    """The write-ahead log of a killed server is damaged."""

    def test_all_is_there_or_the_server_says_what_is_not(self, start, folder):
        shop = Shop(start, folder / "data.db")
        shop.open()
        offering = shop.offering()
        for number in range(6):
            assert shop.make(offering, f"mine {number}")[0] == 201
        shop.kill()
        kept = {each.name: each.read_bytes() for each in folder.iterdir()}
        wal = folder / "data.db-wal"
        for damage in (DAMAGES[0], DAMAGES[2], DAMAGES[6]):
            damage.values[0](wal)
            self.refused(shop)
            for name, content in kept.items():
                (folder / name).write_bytes(content)
        shop.open()
        shop.look()
        assert len(shop.names()) == 6

    def test_whoever_goes_on_has_whole_actions(self, start, folder):
        shop = Shop(start, folder / "data.db")
        shop.open()
        offering = shop.offering()
        for number in range(6):
            assert shop.make(offering, f"mine {number}")[0] == 201
        shop.kill()
        flip(folder / "data.db-wal", 2 * FRAME)
        self.refused(shop)
        (folder / "data.db-end").unlink()
        shop.open()
        names = shop.names()
        # The latest are gone, and each of the others is whole.
        assert names == {f"mine {number}" for number in range(len(names))}
        assert len(names) < 6
        shop.server.process.send_signal(signal.SIGTERM)
        assert shop.server.wait() == 0

    def refused(self, shop: Shop) -> None:
        """Start a server, which has to say where what is wrong, and what to do."""
        server = shop.start("--store", f"sqlite:///{shop.store}")
        assert server.wait() == 2
        said = server.err.read_text()
        assert f"sqlite:///{shop.store}: it ends with entry" in said
        assert "bring it back from a backup" in said
        assert f"remove {shop.store}-end" in said
