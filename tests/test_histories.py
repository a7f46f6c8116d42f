"""Servers that share a store, killed under load: clients never see more than one library."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha1
from pathlib import Path

import pytest

from mockserver import data, redis_log
from tests import histories
from tests.histories import (
    Client,
    Copy,
    Crowd,
    Operation,
    Outcome,
    Recorder,
    Review,
    exported,
    look_again,
    misnumbered,
    mistake,
    mistakes,
)
from tests.test_cli import PATIENCE, Process, ask, until
from tests.test_durability import children, has_proc
from tests.test_redis_log import Server, needs_redis

SEED = 20
#: Of the tests that take long: how often servers are killed.
SQLITE_KILLS = 200
REPLICA_KILLS = 50
#: How much clients see between one kill and the next.
LOAD = (50, 300)
LIBRARY = data.root() / "examples" / "library"
COUNT = 3

OK, REFUSED, UNKNOWN = Outcome.OK, Outcome.REFUSED, Outcome.UNKNOWN


def made(start=0.0, end=1.0, title="a", outcome=OK):
    return Operation("create", "1", start, end, outcome, title)


def renamed(start, end, title, outcome=OK, shown=None):
    return Operation("rename", "1", start, end, outcome, title, shown)


def lent(start, end, outcome=OK, shown=None):
    return Operation("lend", "1", start, end, outcome, shown=shown)


def removed(start, end, outcome=OK):
    return Operation("remove", "1", start, end, outcome)


def seen(start, end, title, *, is_lent=False):
    return Operation("read", "1", start, end, shown=Copy(title, is_lent))


def missing(start, end):
    return Operation("read", "1", start, end, REFUSED)


ON_LOAN = Copy("", is_lent=True)


def played(chance: random.Random, count: int) -> list[Operation]:
    """Make up a right history: each operation happens at one moment, or never."""
    moments = sorted(
        (number + chance.uniform(0, 3), number, chance.random()) for number in range(2, count)
    )
    title, history = "a", [made()]
    for moment, number, kind in moments:
        start, end = moment - chance.uniform(0, 2), moment + chance.uniform(0, 2)
        if start < 1 or kind < 0.5:
            history.append(seen(start, end, title) if start > 1 else seen(moment, end, title))
        elif kind < 0.6 and chance.random() < 0.5:
            history.append(renamed(start, end, f"never {number}", UNKNOWN))
        else:
            title = f"b{number}"
            history.append(renamed(start, end, title, UNKNOWN if kind < 0.6 else OK))
    return history


class TestChecker:
    """Histories written by hand; the numbers are when operations began and ended."""

    @pytest.mark.parametrize(
        "history",
        [
            [],
            [made(), seen(2, 3, "a")],
            [missing(0, 1), made(2, 3), seen(4, 5, "a"), removed(6, 7), missing(8, 9)],
            # What overlaps a write may see it or not, in either order of starts.
            [made(), renamed(2, 6, "b"), seen(3, 4, "a"), seen(5, 7, "b")],
            [made(), renamed(2, 6, "b"), seen(3, 4, "b"), seen(5, 7, "b")],
            # Two writes at once end in either order.
            [made(), renamed(2, 5, "b"), renamed(2, 5, "c"), seen(6, 7, "b")],
            [made(), renamed(2, 5, "b"), renamed(2, 5, "c"), seen(6, 7, "c")],
            # Without an answer: never, at once, or late.
            [made(), renamed(2, 3, "b", UNKNOWN), seen(4, 5, "a")],
            [made(), renamed(2, 3, "b", UNKNOWN), seen(4, 5, "b")],
            [made(), renamed(2, 3, "b", UNKNOWN), seen(4, 5, "a"), seen(6, 7, "b")],
            [made(outcome=UNKNOWN), missing(2, 3), seen(4, 5, "a")],
            [made(outcome=UNKNOWN), missing(2, 3)],
            [made(), removed(2, 3, UNKNOWN), seen(4, 5, "a"), missing(6, 7)],
            [made(), removed(2, 3, UNKNOWN), renamed(4, 5, "b", REFUSED), missing(6, 7)],
            [made(), lent(2, 5), lent(2, 5, REFUSED, ON_LOAN), seen(6, 7, "a", is_lent=True)],
            [made(), lent(2, 3, UNKNOWN), lent(4, 5, REFUSED, ON_LOAN)],
            [made(), lent(2, 3, UNKNOWN), lent(4, 5), seen(6, 7, "a", is_lent=True)],
            [made(), renamed(2, 3, "b", shown=Copy("b"))],
        ],
    )
    def test_one_library_could_have_shown_it(self, history):
        assert mistake(history) is None

    @pytest.mark.parametrize(
        "history",
        [
            pytest.param([made(), missing(2, 3)], id="an acknowledged create is missing"),
            pytest.param([made(), renamed(2, 3, "b"), seen(4, 5, "a")], id="a stale read"),
            pytest.param([made(), seen(2, 3, "b"), renamed(4, 5, "b")], id="from the future"),
            pytest.param(
                [made(), seen(2, 3, "b"), renamed(4, 5, "b", UNKNOWN)], id="before it was tried"
            ),
            pytest.param([made(), seen(2, 3, "z")], id="what nobody wrote"),
            pytest.param([made(), removed(2, 3), seen(4, 5, "a")], id="a resurrection"),
            pytest.param(
                [made(), removed(2, 3, UNKNOWN), missing(4, 5), seen(6, 7, "a")],
                id="a resurrection after a removal without an answer",
            ),
            pytest.param([made(), lent(2, 5), lent(3, 6)], id="lent twice"),
            pytest.param(
                [made(), lent(2, 3), seen(4, 5, "a"), lent(6, 7, REFUSED, ON_LOAN)],
                id="a loan that was lost for a while",
            ),
            pytest.param([made(), lent(2, 3, REFUSED, ON_LOAN)], id="refused for no loan"),
            pytest.param(
                [made(), lent(2, 3), renamed(4, 5, "b", shown=Copy("b"))],
                id="a title that undoes a loan",
            ),
            pytest.param(
                [made(), renamed(2, 3, "b", UNKNOWN), seen(4, 5, "b"), seen(6, 7, "a")],
                id="it was there and is gone",
            ),
            pytest.param(
                [made(), renamed(2, 6, "b"), seen(3, 4, "b"), seen(5, 6, "a")],
                id="back and forth in one write",
            ),
            pytest.param(
                [made(), renamed(2, 3, "b"), renamed(4, 5, "c"), seen(6, 7, "b")],
                id="a lost update",
            ),
            pytest.param([made(), made(2, 3, "b")], id="made twice"),
            pytest.param([made(outcome=REFUSED)], id="refused as another that there is not"),
        ],
    )
    def test_no_library_could_have_shown_it(self, history):
        assert "none of these is possible" in mistake(history)

    def test_each_book_is_looked_at_alone(self):
        other = Operation("read", "2", 2, 3, shown=Copy("a"))
        assert mistakes([made(), other, seen(4, 5, "a")])[0].startswith("book 2: after None")

    def test_a_long_history_is_decided(self):
        history = played(random.Random(SEED), 600)
        assert {each.outcome for each in history} >= {OK, UNKNOWN}
        assert mistake(history) is None
        seen_first, *_, last = [each for each in history if each.kind == "read"]
        stale = replace(last, shown=seen_first.shown)
        assert mistake([stale if each is last else each for each in history])

    def test_what_cannot_be_decided_is_not_called_right(self, monkeypatch):
        monkeypatch.setattr(histories, "STEPS", 100)
        crowd = [renamed(2, 9, f"b{number}") for number in range(12)]
        with pytest.raises(histories.Undecided):
            mistake([made(), *crowd, seen(10, 11, "z")])

    def test_numbers(self):
        def numbered(start, end, number):
            return Operation("create", f"{number}", start, end, number=number)

        assert misnumbered([numbered(0, 1, 1), numbered(2, 3, 3), numbered(2, 3, 2)]) == []
        assert misnumbered([numbered(0, 1, 1), numbered(0, 1, 1)]) == ["number 1 was given twice"]
        assert misnumbered([numbered(0, 1, 2), numbered(2, 3, 1)]) != []

    def test_reviews(self):
        sent = [Review("a", OK), Review("b", UNKNOWN), Review("c", UNKNOWN), Review("d", REFUSED)]
        assert histories.miscounted(sent, ["a", "b"]) == []
        assert histories.miscounted(sent, ["b"]) == ["a was acknowledged and is not there"]
        assert histories.miscounted(sent, ["a", "b", "b"]) == ["b is there 2 times"]
        assert histories.miscounted(sent, ["a", "x"]) == ["nobody wrote x"]
        assert histories.miscounted(sent, ["a", "d"]) == ["d was refused and is there"]


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Process]]:
    """Start a server of the library: `start("one", "--store", …)`; a name is a folder."""
    started: list[Process] = []

    def make(name: str, *arguments: object) -> Process:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "port").unlink(missing_ok=True)
        process = Process(
            folder, "serve", "--spec", LIBRARY / "spec" / "openapi.yaml",
            "--fixtures", LIBRARY / "fixtures", "--pack", LIBRARY / "pack.py",
            "--port", 0, "--port-file", "port", "--log-level", "warning", "--log-format", "json",
            *arguments, MOCKSERVER_CACHE=str(tmp_path / "cache"),
        )  # fmt: skip
        started.append(process)
        return process

    yield make
    for process in started:
        pids = children(process.process.pid) if process.process.poll() is None else []
        process.end()
        for pid in pids:
            slay(pid)


def slay(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def port_of(process: Process, folder: Path) -> int:
    return process.port(folder / "port")


def more(recorder: Recorder, count: int) -> None:
    """Wait until clients have asked so many times more."""
    enough = recorder.total() + count
    until(lambda: recorder.total() >= enough)


def more_writes(recorder: Recorder, count: int) -> None:
    """Wait until so many more writes are acknowledged."""
    enough = recorder.acknowledged() + count
    until(lambda: recorder.acknowledged() >= enough)


def judge(recorder: Recorder, state: dict[str, object], first: int = 0) -> None:
    """Hold what clients saw, and what is there at last, against the rules."""
    assert recorder.surprises == []
    # A busy machine may be too slow now and then; it has to say so.
    assert all(each.endswith("; try again.") for each in recorder.problems)
    assert mistakes(recorder.operations[first:]) == []
    assert misnumbered(each for each in recorder.operations if each.kind == "create") == []
    assert misnumbered(recorder.loans) == []
    records = state["records"]
    texts = [each["text"] for each in records["review"].values() if " review " in each["text"]]
    assert histories.miscounted(recorder.reviews, texts) == []
    assert {each["book"] for each in records["loan"].values()} <= {*records["book"]}


@has_proc
class TestWorkers:
    def kill_again_and_again(self, start, folder, kills):
        """Kill workers and whole servers, until there were so many kills."""
        chance, recorder = random.Random(SEED), Recorder()
        killed, lap, first = 0, 0, 0
        while killed < kills:
            server = start("server", "--store", "sqlite:///data.db", "--workers", 2)
            port = port_of(server, folder)
            look_again(recorder, port, first)
            assert mistakes(recorder.operations[first:]) == []
            first, lap = len(recorder.operations), lap + 1
            with Crowd(recorder, [port], SEED, f"lap{lap}."):
                more(recorder, chance.randrange(*LOAD))
                for _ in range(chance.choice((0, 1, 1, 2))):
                    slay(chance.choice(until(lambda s=server: children(s.process.pid))))
                    killed += 1
                    more(recorder, chance.randrange(*LOAD))
                pids = [server.process.pid, *children(server.process.pid)]
                for pid in pids:
                    slay(pid)
                killed += 1
                server.wait()
        last = start("server", "--store", "sqlite:///data.db")
        port = port_of(last, folder)
        look_again(recorder, port)
        judge(recorder, exported(port))
        return recorder

    @pytest.mark.slow
    def test_one_library_is_seen_whoever_is_killed(self, start, tmp_path):
        self.kill_again_and_again(start, tmp_path / "server", 3)

    @pytest.mark.soak
    def test_one_library_is_seen_however_often_somebody_is_killed(
        self, start, tmp_path, record_property
    ):
        recorder = self.kill_again_and_again(start, tmp_path / "server", SQLITE_KILLS)
        record_property("observations", recorder.total())
        record_property("acknowledged", recorder.acknowledged())


@dataclass
class Replicas:
    """Several servers on one Redis; `ports` changes as they are started again."""

    start: Callable[..., Process]
    folder: Path
    redis: Server
    processes: list[Process] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def add(self, port: int | None = None) -> int:
        """Start one more, that reaches Redis at a port of its own; return its port."""
        number = len(self.processes)
        self.processes.append(self._begin(number, port))
        self.ports.append(port_of(self.processes[-1], self.folder / f"replica{number}"))
        return self.ports[-1]

    def kill(self, number: int) -> None:
        slay(self.processes[number].process.pid)
        self.processes[number].wait()

    def revive(self, number: int) -> None:
        self.processes[number] = self._begin(number, None)
        self.ports[number] = port_of(self.processes[number], self.folder / f"replica{number}")

    def agreed(self) -> dict[str, object]:
        """Return what all of them know, which has to be the same."""
        known = [exported(port) for port in self.ports]
        assert all(each == known[0] for each in known)
        return known[0]

    def _begin(self, number: int, port: int | None) -> Process:
        store = f"redis://127.0.0.1:{port or self.redis.port}/0"
        return self.start(f"replica{number}", "--store", store)


@pytest.fixture
def replicas(start, tmp_path) -> Iterator[Replicas]:
    """Replicas to be started, on a Redis that is on the disk before it answers."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    redis = Server(folder, port)
    try:
        redis.start()
        yield Replicas(start, tmp_path, redis)
    finally:
        for each in redis.logs:
            each.close()
        redis.kill()


@needs_redis
class TestReplicas:
    def kill_again_and_again(self, replicas, kills):
        """Kill one replica in each round, and hold all against each other after it."""
        chance, recorder = random.Random(SEED), Recorder()
        for _ in range(COUNT):
            replicas.add()
        for number in range(kills):
            first = len(recorder.operations)
            with Crowd(recorder, replicas.ports, SEED, f"round{number}."):
                more(recorder, chance.randrange(*LOAD))
                victim = chance.randrange(COUNT)
                replicas.kill(victim)
                more(recorder, chance.randrange(*LOAD))
                replicas.revive(victim)
                more(recorder, chance.randrange(*LOAD))
            look_again(recorder, chance.choice(replicas.ports), first)
            judge(recorder, replicas.agreed(), first)
        look_again(recorder, replicas.ports[0])
        judge(recorder, replicas.agreed())
        return recorder

    @pytest.mark.slow
    def test_one_library_is_seen_whoever_is_killed(self, replicas):
        self.kill_again_and_again(replicas, 2)

    @pytest.mark.soak
    def test_one_library_is_seen_however_often_somebody_is_killed(self, replicas, record_property):
        recorder = self.kill_again_and_again(replicas, REPLICA_KILLS)
        record_property("observations", recorder.total())
        record_property("acknowledged", recorder.acknowledged())

    @pytest.mark.slow
    def test_redis_is_killed_and_comes_back(self, replicas):
        chance, recorder = random.Random(SEED), Recorder()
        for _ in range(COUNT):
            replicas.add()
        for number in range(2):
            with Crowd(recorder, replicas.ports, SEED, f"round{number}."):
                more_writes(recorder, chance.randrange(20, 80))
                replicas.redis.kill()
                recorder.problems.clear()
                until(lambda: recorder.problems)
                replicas.redis.start()
                more_writes(recorder, 40)
            assert all("cannot be used now" in each for each in recorder.problems)
            for port in replicas.ports:
                until(lambda p=port: ask(p, "GET", "/books/1")[0] == 200)
            look_again(recorder, replicas.ports[0])
            judge(recorder, replicas.agreed())


class Proxy:
    """
    Stands between a server and Redis, and breaks connections in the middle of a commit.

    The request is passed on whole, and carried out; what Redis answers is thrown away.
    """

    #: How a request to add an entry can be told from others.
    COMMIT = sha1(redis_log._PUSH.encode()).hexdigest().encode()

    def __init__(self, target: int) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        #: How many of the next commits lose their answer, and what happens before that.
        self.cuts, self.cut = 0, 0
        self.meanwhile: Callable[[], object] = lambda: None
        self.is_away = False
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.threads = [self._begin(self._accept)]

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair in self.pairs:
            _part(*pair)
        for each in self.threads:
            each.join(PATIENCE)

    def leave(self) -> None:
        """Take no connections, and end those that there are."""
        self.is_away = True
        for pair in self.pairs:
            _part(*pair)

    def _begin(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_away:
                client.close()
                continue
            try:
                redis = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.pairs.append((client, redis))
            doomed = threading.Event()
            self.threads.append(self._begin(self._forth, client, redis, doomed))
            self.threads.append(self._begin(self._back, client, redis, doomed))

    def _forth(self, client: socket.socket, redis: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(1 << 16):
                if self.cuts and self.COMMIT in piece:
                    self.cuts -= 1
                    doomed.set()
                redis.sendall(piece)
        _part(client, redis)

    def _back(self, client: socket.socket, redis: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := redis.recv(1 << 16):
                if doomed.is_set():
                    self.cut += 1
                    self.meanwhile()
                    break
                client.sendall(piece)
        _part(client, redis)
        for each in (client, redis):
            each.close()


def _part(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(replicas) -> Iterator[Proxy]:
    made = Proxy(replicas.redis.port)
    yield made
    made.close()


@pytest.mark.slow
@needs_redis
class TestCuts:
    """The answer to a commit is lost: a server cannot know whether Redis has it."""

    def review(self, port, text, **more):
        client = Client(Recorder(), [port], "reviewer", "")
        answer = client.ask(
            "POST", f"/books/{histories.REVIEWED}/reviews", {"stars": 3, "text": text}
        )
        client.close()
        return answer

    def texts(self, state):
        return [each["text"] for each in state["records"]["review"].values()]

    def test_what_was_carried_out_is_not_carried_out_again(self, replicas, proxy):
        far = replicas.add(proxy.port)
        self.review(far, "warm")
        proxy.cuts = 1
        assert self.review(far, "once").status == 201
        assert proxy.cut == 1
        assert self.texts(replicas.agreed()).count("once") == 1

    def test_nor_where_others_wrote_in_between(self, replicas, proxy):
        far, near = replicas.add(proxy.port), replicas.add()
        self.review(far, "warm")
        proxy.cuts = 1
        proxy.meanwhile = lambda: self.review(near, "between")
        assert self.review(far, "once").status == 201
        assert proxy.cut == 1
        texts = self.texts(replicas.agreed())
        assert [texts.count(each) for each in ("warm", "between", "once")] == [1, 1, 1]

    def test_a_clear_refusal_while_it_is_away(self, replicas, proxy):
        far, near = replicas.add(proxy.port), replicas.add()
        self.review(far, "before")
        proxy.cuts, proxy.meanwhile = 1, proxy.leave
        refused = self.review(far, "in doubt")
        assert refused.status == 503
        assert refused.body["title"] == "Service Unavailable"
        assert "cannot be used now" in refused.body["detail"]
        assert ask(far, "GET", "/books/1")[0] == 503
        assert self.review(near, "meanwhile").status == 201
        proxy.is_away = False
        until(lambda: ask(far, "GET", "/books/1")[0] == 200)
        assert self.review(far, "after").status == 201
        texts = self.texts(replicas.agreed())
        # It was carried out before the line was cut, and nobody was told that it was not.
        wanted = ("before", "in doubt", "meanwhile", "after")
        assert [texts.count(each) for each in wanted] == [1, 1, 1, 1]

    def test_one_library_is_seen_however_often_a_line_is_cut(self, replicas, proxy):
        chance, recorder = random.Random(SEED), Recorder()
        replicas.add(proxy.port)
        replicas.add()
        with Crowd(recorder, replicas.ports, SEED, "cuts."):
            for number in range(12):
                more(recorder, chance.randrange(10, 40))
                proxy.meanwhile = proxy.leave if number % 4 == 3 else lambda: None
                proxy.cuts = 1
                until(lambda n=number: proxy.cut > n)
                if proxy.is_away:
                    more(recorder, 20)
                    proxy.is_away = False
                    proxy.meanwhile = lambda: None
            more_writes(recorder, 20)
        for port in replicas.ports:
            until(lambda p=port: ask(p, "GET", "/books/1")[0] == 200)
        look_again(recorder, replicas.ports[0])
        judge(recorder, replicas.agreed())
        assert all("cannot be used now" in each for each in recorder.problems)
