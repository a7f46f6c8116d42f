"""What is asked again in the same bytes is answered as it was read, and in its turn."""

from __future__ import annotations

import http.client
import json
import socket
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import repeats, server
from mockserver.faults import Rule
from mockserver.repeats import Repeats

PLANS = "/api/marketplace-plans/"
TOKEN = "Authorization: Token YOUR_API_TOKEN"
PATIENCE = 10.0


def message(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: a", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


MESSAGES = (
    message("GET", "/a"),
    message("GET", "/b"),
    message("HEAD", "/a"),
    message("POST", "/a", "Content-Length: 0"),
    message("POST", "/a", "content-length:5", body=b"12\r\n3"),
    message("POST", "/a", "Content-Length: 4", body=b"\r\n\r\n"),
    message("POST", "/a", "Content-Length: 2", "Content-Length: 2", body=b"{}"),
    message("POST", "/a", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    message("GET", "/a", "Connection: Upgrade", "Upgrade: h2c"),
    message("POST", "/a", "Expect: 100-continue", "Content-Length: 2", body=b"{}"),
)


class Reader:
    """What reads messages for the first time: it knows where they end, and answers in order."""

    def __init__(self, sent: list[bytes]) -> None:
        self.ends: list[tuple[int, bytes]] = []
        end = 0
        for each in sent:
            end += len(each)
            self.ends.append((end, each))
        self.read = self.answered = 0

    @property
    def is_idle(self) -> bool:
        """Whether it stands between two messages, and has answered all before."""
        ends = [end for end, _ in self.ends[: self.answered]]
        return self.read == (ends[-1] if ends else 0)

    @property
    def waiting(self) -> list[bytes]:
        return [each for end, each in self.ends[self.answered :] if end <= self.read]


@given(
    sent=st.lists(st.sampled_from(MESSAGES) | st.sampled_from(MESSAGES[:3]), max_size=12),
    data=st.data(),
)
def test_only_what_was_read_before_is_known_again_and_only_in_its_turn(sent, data):
    """However the bytes are cut, and whenever what they mean is answered."""
    reader, known = Reader(sent), Repeats()
    stream = b"".join(sent)
    ends = {end for end, _ in reader.ends}
    cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=3))
    joined = data.draw(st.sets(st.sampled_from(sorted(ends)), max_size=3)) if ends else set()
    for start, stop in pairwise(sorted({0, len(stream)} | (ends - joined) | cuts)):
        piece = stream[start:stop]
        found = known.find(piece)
        if found is not None:
            assert reader.is_idle
            assert found == piece == sent[reader.answered]
            reader.read, reader.answered = stop, reader.answered + 1
            continue
        known.passed(piece)
        reader.read = stop
        waiting = reader.waiting
        for each in waiting[: data.draw(st.integers(0, len(waiting)))]:
            known.answered(each)
            reader.answered += 1


def test_what_is_answered_in_turn_is_known_at_once():
    known = Repeats()
    for each in (MESSAGES[0], MESSAGES[4], MESSAGES[1], MESSAGES[5]):
        assert known.find(each) is None
        known.passed(each)
        known.answered(each.decode())
    assert known.find(MESSAGES[0]) == MESSAGES[0].decode()
    assert known.find(MESSAGES[1]) == MESSAGES[1].decode()
    assert known.find(MESSAGES[4]) is None


def test_a_body_may_come_in_pieces():
    known = Repeats()
    known.passed(MESSAGES[0])
    known.answered("a")
    for piece in (MESSAGES[4][:-3], MESSAGES[4][-3:-1]):
        known.passed(piece)
        assert known.find(MESSAGES[0]) is None
    known.passed(MESSAGES[4][-1:])
    assert known.find(MESSAGES[0]) is None
    known.answered("post")
    assert known.find(MESSAGES[0]) == "a"


@pytest.mark.parametrize("odd", [*MESSAGES[6:], MESSAGES[0][:-1], MESSAGES[0] * 2])
def test_after_what_is_unclear_nothing_is_known(odd):
    known = Repeats()
    known.passed(MESSAGES[0])
    known.answered("a")
    known.passed(odd)
    for _ in range(3):
        known.answered("odd")
        assert known.find(MESSAGES[0]) is None


def test_more_answers_than_requests_are_unclear():
    known = Repeats()
    known.passed(MESSAGES[0])
    for _ in range(2):
        known.answered("a")
    assert known.find(MESSAGES[0]) is None


def test_little_is_remembered(monkeypatch):
    monkeypatch.setattr(repeats, "KNOWN", 3)
    known = Repeats()
    sent = [message("GET", f"/{n}") for n in range(4)]
    sent.append(message("GET", "/", "X: " + "x" * repeats.LONGEST))
    for each in sent:
        known.passed(each)
        known.answered(each)
    assert [known.find(each) is not None for each in sent] == [False, False, False, True, False]


# On a socket


class Line:
    """One connection to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), PATIENCE)
        self._stream = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        status = int(self._stream.readline().split()[1])
        headers = dict(http.client.parse_headers(self._stream))
        headers.pop("Date")
        length = 0 if method == "HEAD" or status == 204 else int(headers.get("Content-Length", 0))
        return status, headers, self._stream.read(length)

    def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        self.send(data)
        return self.answer(data.split()[0].decode())

    def is_closed(self) -> bool:
        """Wait until the other side has hung up."""
        return self._stream.read() == b""

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def lines(running):
    """Open connections to one server."""
    opened: list[Line] = []

    def line() -> Line:
        opened.append(Line(running.host, running.port))
        return opened[-1]

    yield line
    for each in opened:
        each.close()


@pytest.fixture
def parsed(monkeypatch):
    """Return what aiohttp has parsed: method and target."""
    found = []
    make = server._from_aiohttp

    def noting(message, body):
        found.append((message.method, message.raw_path))
        return make(message, body)

    monkeypatch.setattr(server, "_from_aiohttp", noting)
    return found


GET, HEAD = message("GET", PLANS, TOKEN), message("HEAD", PLANS, TOKEN)
LOST = message("GET", f"{PLANS}{'0' * 32}/", TOKEN)


def journal(running):
    return [(entry.method, entry.path, entry.status)
            for entry in running.server.hub.sessions.default.journal.entries()]  # fmt: skip


def test_repeated_requests_are_answered_like_the_first(lines, running, parsed):
    asked = (GET, HEAD, LOST, message("OPTIONS", PLANS, TOKEN), message("GET", PLANS))
    first = [lines().ask(each) for each in asked]
    line = lines()
    for _ in range(3):
        assert [line.ask(each) for each in asked] == first
    assert len(parsed) == 2 * len(asked)
    assert len(journal(running)) == 4 * len(asked)
    assert journal(running)[:5] == journal(running)[-5:]


def test_a_repeated_request_sees_what_was_written_in_between(lines, running):
    line, other = lines(), lines()
    assert [line.ask(GET)[1]["X-Result-Count"] for _ in range(2)] == ["0", "0"]
    body = json.dumps({"key": "author", "name": "Ann"}).encode()
    posted = message(
        "POST", PLANS, TOKEN, "Content-Type: application/json",
        f"Content-Length: {len(body)}", body=body,
    )  # fmt: skip
    refused = other.ask(posted)
    assert refused[0] == 400
    assert line.ask(posted) == line.ask(posted) == refused
    assert line.ask(GET)[0] == 200


def test_faults_befall_repeated_requests(lines, running):
    line = lines()
    assert [line.ask(GET)[0] for _ in range(2)] == [200, 200]
    faults = running.server.hub.sessions.default.faults
    faults.put(Rule.read({"fault": {"kind": "status", "code": 503}, "times": 1}))
    assert [line.ask(GET)[0] for _ in range(3)] == [503, 200, 200]


def test_a_repeated_request_waits_for_its_turn(lines, running):
    """An answer that is late is not overtaken."""
    line = lines()
    line.ask(GET)
    late = message("GET", PLANS, TOKEN, "Prefer: delay=100, code=404")
    line.send(late)
    line.send(GET)
    assert [line.answer()[0] for _ in range(2)] == [404, 200]
    assert line.ask(GET)[0] == 200


def test_sessions_keep_their_requests(lines, running):
    line = lines()
    named = message("GET", PLANS, TOKEN, "X-Mock-Session: one")
    mounted = message("GET", f"/__mock__/s/two{PLANS}", TOKEN)
    bad = message("GET", PLANS, TOKEN, "X-Mock-Session: /")
    for _ in range(3):
        assert [line.ask(each)[0] for each in (named, mounted, GET, bad)] == [200, 200, 200, 400]
    # It is made again when somebody asks for it.
    running.server.hub.sessions.drop("one")
    assert line.ask(named)[0] == 200
    assert "one" in running.server.hub.sessions.present


def test_a_connection_that_is_to_close_is_closed(lines):
    line = lines()
    closing = message("GET", PLANS, TOKEN, "Connection: close")
    line.ask(GET)
    assert line.ask(closing)[0] == 200
    assert line.is_closed()


JSON = "Content-Type: application/json"
MIXED = (
    GET,
    HEAD,
    LOST,
    message("GET", f"{PLANS}?o=nonsense", TOKEN),
    message("GET", "/nowhere"),
    message("POST", PLANS, TOKEN, JSON, "Content-Length: 2", body=b"{}"),
    message("POST", PLANS, TOKEN, JSON, "Content-Length: 4", body=b"\r\n\r\n"),
    message("POST", PLANS, JSON, "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_in_between_answers_are_those_of_a_connection_of_its_own(lines, seed):
    dice = Random(seed)
    fresh = [lines().ask(each) for each in MIXED]
    # Two lines never see anything unclear, and go on knowing what they have read.
    for pool in (range(5), range(7), range(len(MIXED)), range(len(MIXED))):
        line = lines()
        for _ in range(40):
            chosen = [dice.choice(pool) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
            whole = b"".join(MIXED[number] for number in chosen)
            cut = dice.choice((0, 0, 0, dice.randrange(len(whole))))
            if len(pool) < len(MIXED):
                for number in chosen:
                    line.send(MIXED[number])
            else:
                line.send(whole[:cut])
                line.send(whole[cut:])
            for number in chosen:
                assert line.answer(MIXED[number].split()[0].decode()) == fresh[number]


def test_answers_come_whole_to_slow_readers(serve, application):
    """Nobody reads before everything is asked."""
    made = serve(application("default"))
    line = Line(made.host, made.port)
    try:
        asked = message("GET", f"{PLANS}?page_size=100", TOKEN)
        expected = line.ask(asked)
        # More than the buffers of two sockets hold.
        assert len(expected[2]) * 400 > 8_000_000
        for _ in range(400):
            line.send(asked)
        assert all(line.answer() == expected for _ in range(400))
    finally:
        line.close()
