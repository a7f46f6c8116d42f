"""Worlds that several servers share by a log: what is agreed, what is not, and what goes wrong."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import assembly, changes, log, replica, sharing
from mockserver.assembly import Sources
from mockserver.errors import StoreError, Unavailable
from mockserver.hub import Settings
from mockserver.log import START, Damaged, Mark, MemoryLog, Row
from tests import library_hub
from tests.library_hub import ask, data, status
from tests.shared_hubs import FlakyLog, genesis, join, worlds

CARD = {"card": "curator"}
STATE = """
description: Another town.
seed: 3
records:
  author:
    ida: {name: Ida}
  branch:
    one: {name: One}
"""


def first_book(hub, session="default"):
    return min(hub.sessions.get(session).state.records("book"))


def delete(hub, book, **more):
    return status(ask(hub, "DELETE", f"/books/{book}", **CARD, **more))


def patch(hub, book, title, **more):
    return status(ask(hub, "PATCH", f"/books/{book}", {"title": title}, **CARD, **more))


@pytest.fixture
def shared():
    return MemoryLog()


class TestTheRow:
    def entries(self, shared, *bodies):
        mark = START
        for body in bodies:
            row = log.row_after(mark, body)
            assert shared.push(mark, row)
            mark = row.mark
        return mark

    def test_nothing_new_is_nothing(self, shared):
        assert log.pull(shared, START) is None
        assert log.pull(shared, self.entries(shared, b"a")) is None

    def test_what_came_after_a_place(self, shared):
        middle = self.entries(shared, b"a", b"b")
        row = log.row_after(middle, b"c")
        shared.push(middle, row)
        assert log.pull(shared, middle) == log.News((b"c",), row.mark)

    def test_only_one_comes_after_a_place(self, shared):
        end = self.entries(shared, b"a")
        assert shared.push(end, log.row_after(end, b"b"))
        assert not shared.push(end, log.row_after(end, b"c"))

    def test_who_is_elsewhere_begins_anew(self, shared):
        end = self.entries(shared, b"a", b"b")
        for place in (Mark(1, "other"), Mark(2, "other"), Mark(7, "later"), Mark(-1, "")):
            assert log.pull(shared, place) == log.News((b"a", b"b"), end, afresh=True)

    def test_an_empty_log_makes_readers_forget(self, shared):
        end = self.entries(shared, b"a")
        shared.clear()
        assert log.pull(shared, end) == log.News((), START, afresh=True)

    def test_a_snapshot_stands_for_what_it_replaces(self, shared):
        middle = self.entries(shared, b"a", b"b")
        row = log.row_after(middle, b"c")
        shared.push(middle, row)
        shared.compact(log.snapshot_at(middle, b"all"))
        assert log.pull(shared, Mark(-1, "")) == log.News((b"c",), row.mark, True, b"all")

    def test_readers_near_the_end_do_not_need_the_snapshot(self, shared):
        first = self.entries(shared, b"a")
        end = first
        for body in (b"b", b"c", b"d"):
            row = log.row_after(end, body)
            shared.push(end, row)
            end = row.mark
        shared.compact(log.snapshot_at(end, b"all"))
        assert log.pull(shared, first) == log.News((b"b", b"c", b"d"), end)
        shared.compact(log.snapshot_at(first, b"older"))
        assert log.pull(shared, Mark(-1, "")).snapshot == b"all"

    def test_other_words_do_not_fit(self, shared):
        self.entries(shared, b"a", b"b", b"c")
        shared._rows[1] = Row(shared._rows[1].mark, b"B")
        with pytest.raises(Damaged, match="entry 2 of memory"):
            log.pull(shared, START)

    def test_another_snapshot_does_not_fit(self, shared):
        end = self.entries(shared, b"a")
        kept = log.snapshot_at(end, b"all")
        shared.compact(Row(kept.mark, kept.body[:-1] + b"L"))
        with pytest.raises(Damaged, match="snapshot"):
            log.pull(shared, Mark(-1, ""))


class TestWords:
    @pytest.mark.parametrize(
        "value",
        [10**40, -0.0, 0.1 + 0.2, "\ud800", "é\u2028", True, 1, 1.0, None, [], {"b": 1, "a": {}}],
    )
    def test_every_value_comes_back_as_it_was(self, value):
        found = changes.unpack(changes.pack({"v": value}))["v"]
        assert repr(found) == repr(value)

    def test_what_is_no_number(self):
        assert math.isnan(changes.unpack(changes.pack({"v": math.nan}))["v"])

    def test_long_ones_are_packed(self):
        said = {"v": ["word"] * 10_000}
        assert len(changes.pack(said)) < 1000
        assert changes.unpack(changes.pack(said)) == said


class TestTogether:
    def test_a_write_is_there_for_others_at_once(self, shared):
        one, other = join(shared), join(shared)
        book = first_book(one)
        assert delete(one, book) == 204
        assert status(ask(other, "GET", f"/books/{book}")) == 404
        assert worlds(one) == worlds(other)

    def test_reading_writes_nothing(self, shared):
        one = join(shared)
        ask(one, "GET", "/books")
        ask(one, "GET", "/__mock__/sessions")
        ask(one, "DELETE", "/books/999", **CARD)
        assert len(shared._rows) == 1

    def test_only_what_changed_is_written(self, shared):
        one = join(shared)
        patch(one, first_book(one), "New")
        (written,) = changes.unpack(shared._rows[-1].body)["sessions"]["default"]["steps"][1:]
        assert [(kind, key) for kind, key, _ in written["changes"]] == [("book", first_book(one))]

    def test_who_comes_later_has_the_same(self, shared):
        one = join(shared)
        for number in range(5):
            patch(one, first_book(one), f"Title {number}", session=f"s{number}")
        late = join(shared)
        assert worlds(late) == worlds(one)

    def test_who_comes_later_reads_the_snapshot(self, shared):
        one = join(shared)
        for number in range(5):
            patch(one, 1, f"Title {number}")
        one._agreement.compact()
        patch(one, 1, "After it")
        # Nobody looks at these any more, as long as they can be told apart.
        shared._rows[2] = Row(shared._rows[2].mark, b"")
        assert worlds(join(shared)) == worlds(one)

    def test_kept_answers_are_not_stale(self, shared):
        one, other = join(shared), join(shared)
        book = first_book(one)
        for title in ("One", "Two", "Three"):
            patch(one, book, title)
            assert data(ask(other, "GET", f"/books/{book}"))["title"] == title

    def test_a_token_leads_into_its_session_everywhere(self, shared):
        one, other = join(shared), join(shared)
        made = ask(one, "POST", "/__mock__/sessions", {"name": "mine"})
        assert status(made) == 201
        body = {"persona": "curator"}
        token = data(ask(one, "POST", "/__mock__/sessions/mine/tokens", body))["token"]
        book = first_book(other, "mine")
        headers = {"authorization": f"Bearer {token}"}
        assert status(ask(other, "DELETE", f"/books/{book}", headers=headers)) == 204
        assert status(ask(one, "GET", f"/books/{book}")) == 200
        assert status(ask(one, "GET", f"/books/{book}", session="mine")) == 404
        assert status(ask(one, "DELETE", "/__mock__/sessions/mine")) == 204
        assert status(ask(other, "GET", "/__mock__/sessions/mine")) == 404
        assert other.sessions.tokens == {}

    def test_an_imported_state_needs_no_file(self, shared):
        one, other = join(shared), join(shared)
        headers = {"content-type": "application/yaml"}
        sent = ask(one, "PUT", "/__mock__/state", STATE.encode(), headers=headers)
        assert status(sent) == 200, sent.exchange.response.body
        assert data(ask(other, "GET", "/authors"))["total"] == 1
        assert worlds(other) == worlds(one)
        ask(other, "POST", "/__mock__/undo", {"writes": 1})
        assert data(ask(one, "GET", "/authors"))["total"] > 1
        assert worlds(other) == worlds(one)

    def test_faults_and_journals_are_ones_own(self, shared):
        one, other = join(shared), join(shared)
        rule = {"id": "f", "fault": {"kind": "status", "status": 500}, "match": {"path": "/books"}}
        ask(one, "PUT", "/__mock__/faults/f", rule)
        assert data(ask(other, "GET", "/__mock__/faults"))["total"] == 0
        ask(one, "GET", "/books")
        assert data(ask(other, "GET", "/__mock__/requests"))["total"] == 0

    def test_preflights_need_no_log(self, shared):
        flaky = FlakyLog(shared)
        one = join(flaky)
        flaky.is_away = True
        headers = {"origin": "http://a.example", "access-control-request-method": "PUT"}
        assert status(ask(one, "OPTIONS", "/books", headers=headers)) == 200
        assert status(ask(one, "GET", "/__mock__/health")) == 200
        assert status(ask(one, "GET", "/__mock__/ready")) == 503

    def test_a_session_in_use_elsewhere_does_not_expire(self, shared, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        short = Settings(lifetime=100.0)
        one, other = join(shared, short), join(shared, short)
        patch(one, first_book(one), "Mine", session="busy")
        patch(one, first_book(one), "Mine", session="idle")
        for _ in range(20):
            now[0] += 30.0
            assert status(ask(one, "GET", "/books", session="busy")) == 200
            ask(other, "GET", "/books")
        found = data(ask(other, "GET", "/__mock__/sessions"))["items"]
        assert [each["name"] for each in found] == ["busy", "default"]
        ask(one, "GET", "/books")
        assert worlds(one) == worlds(other)


class TestTime:
    PLAN = "/api/marketplace-plans/a1b2c3d4e5f67890abcdef1234567890/"

    def join(self, shared, sources=Sources(clock="2026-03-15T12:00:00Z")):  # noqa: B008  a value
        world, first = sharing.read_world(shared, sources)
        made = assembly.hub(world, sources)
        sharing.share(made, shared, first, lambda text: None)
        return made

    def ask(self, hub, method, target, body=None):
        headers = {"authorization": "Token YOUR_API_TOKEN"}
        return ask(hub, method, target, body, headers=headers)

    def test_what_comes_due_happens_once(self, shared):
        """Whoever is asked first carries it out, and the others take it over."""
        flaky = FlakyLog(shared)
        one, other = self.join(shared), self.join(flaky)
        component = min(one.sessions.default.state.records("plan_component"))
        address = f"/__mock__/records/plan_component/{component}"
        assert status(ask(one, "PATCH", address, {"future_price": "77.0000000000"})) == 200
        before = one.sessions.default.state
        written = len(shared._rows)
        moved = ask(one, "POST", "/__mock__/clock/advance", {"by": "P2M"})
        assert status(moved) == 200
        assert one.sessions.default.state.version > before.version
        assert len(shared._rows) == written + 1
        for hub in (other, one, self.join(shared)):
            assert status(self.ask(hub, "GET", self.PLAN)) == 200
            assert worlds(hub) == worlds(one)
        assert len(shared._rows) == written + 1


class TestTogetherButWrong:
    def test_who_is_second_does_it_again_on_what_the_first_did(self, shared):
        flaky = FlakyLog(shared)
        one, other = join(flaky), join(shared)
        book = first_book(one)
        flaky.before = lambda: delete(other, book)
        assert patch(one, book, "Too late") == 404
        assert worlds(one) == worlds(other)

    def test_one_request_is_one_exchange_in_the_journal(self, shared):
        flaky = FlakyLog(shared)
        one, other = join(flaky), join(shared)
        flaky.before = lambda: patch(other, first_book(other), "First")
        assert patch(one, first_book(one), "Second") == 200
        assert len(one.sessions.default.journal.entries()) == 1

    def test_a_session_that_others_made_first_has_its_journal(self, shared):
        flaky = FlakyLog(shared)
        one, other = join(flaky), join(shared)
        flaky.before = lambda: patch(other, 1, "First", session="new")
        assert patch(one, 2, "Second", session="new") == 200
        assert len(one.sessions.get("new").journal.entries()) == 1
        ask(other, "GET", "/books")
        assert worlds(one) == worlds(other)

    def test_who_is_never_first_gives_up(self, shared, monkeypatch):
        monkeypatch.setattr(replica, "ATTEMPTS", 3)
        flaky = FlakyLog(shared)
        one, other = join(flaky), join(shared)

        def again():
            patch(other, first_book(other), f"Title {len(shared._rows)}")
            flaky.before = again

        flaky.before = again
        outcome = ask(one, "POST", "/books/1/loan", {"days": 3}, **CARD)
        assert status(outcome) == 503
        assert outcome.exchange.response.headers["Retry-After"] == "1"
        flaky.before = None
        ask(one, "GET", "/books")
        assert worlds(one) == worlds(other)

    @pytest.mark.parametrize("fault", ["lost", "unanswered"])
    def test_a_write_that_was_not_acknowledged_is_there_or_not(self, shared, fault, monkeypatch):
        monkeypatch.setattr(replica, "PAUSE", 0.0)
        flaky = FlakyLog(shared)
        one, other = join(flaky), join(shared)
        before = worlds(one)
        book, flaky.fault = first_book(one), fault
        outcome = ask(one, "DELETE", f"/books/{book}", **CARD)
        assert status(outcome) == 503
        assert worlds(one) == before
        expected = 404 if fault == "unanswered" else 200
        assert status(ask(one, "GET", f"/books/{book}")) == expected
        assert status(ask(other, "GET", f"/books/{book}")) == expected
        assert worlds(one) == worlds(other)

    def test_nobody_waits_for_a_log_that_is_away(self, shared, monkeypatch):
        now, told = [1000.0], []
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        flaky = FlakyLog(shared)
        one = join(flaky, told=told)
        flaky.is_away = True
        outcome = ask(one, "GET", "/books", headers={"origin": "http://a.example"})
        assert status(outcome) == 503
        response = outcome.exchange.response
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "nobody answers" in json.loads(response.body)["detail"]
        admin = ask(one, "GET", "/__mock__/sessions")
        assert status(admin) == 503
        assert admin.exchange.response.headers["Retry-After"] == "1"
        flaky.is_away = False
        assert status(ask(one, "GET", "/books")) == 503
        now[0] += replica.PAUSE
        assert status(ask(one, "GET", "/books")) == 200
        assert told == ["flaky cannot be used: nobody answers", "flaky can be used again"]

    def test_what_raises_leaves_nothing_behind(self, shared):
        one, other = join(shared), join(shared)
        before = worlds(one)

        def work():
            delete_in = one.sessions.default
            delete_in.undo(0)
            one.reset(delete_in, scenario="empty")
            one.sessions.make("more", one.start(), one.clock)
            raise RuntimeError("in the middle")

        with pytest.raises(RuntimeError):
            one._agreement.carry_out(work)
        assert worlds(one) == before == worlds(other)

    def test_a_log_that_is_emptied_begins_anew(self, shared):
        told = []
        one, other = join(shared, told=told), join(shared)
        book = first_book(one)
        delete(one, book)
        ask(other, "GET", "/books", session="more")
        shared.clear()
        assert status(ask(one, "GET", f"/books/{book}")) == 200
        assert len(told) == 1
        assert delete(other, book) == 204
        assert status(ask(one, "GET", f"/books/{book}")) == 404
        assert worlds(one) == worlds(other)

    def test_words_that_nobody_wrote_are_refused(self, shared):
        one = join(shared)
        end = shared._rows[-1].mark
        shared.push(end, log.row_after(end, b'{"sessions": {"lost": {"past": [0, 0]}}}'))
        outcome = ask(one, "GET", "/books")
        assert status(outcome) == 503
        assert "no server wrote" in data(outcome)["detail"]

    def test_worlds_of_another_start_are_refused(self, shared):
        join(shared)
        shared.clear()
        other = sharing.read_world(shared, sharing.replace(library_hub.SOURCES, seed=99))[1]
        assert other.seed == 99
        with pytest.raises(StoreError, match=r"memory: it began with the seed 99, .*store reset"):
            join(shared)

    def test_carrying_out_says_why_it_cannot(self, shared):
        flaky = FlakyLog(shared)
        one = join(flaky)
        flaky.is_away = True
        with pytest.raises(Unavailable, match="nobody answers"):
            one._agreement.refresh()


class TestBeginning:
    def test_the_first_decides_and_the_others_follow(self, shared):
        sources = sharing.replace(library_hub.SOURCES, seed=5, scenario="empty")
        _, first = sharing.read_world(shared, sources, is_named=True)
        plain = sharing.replace(library_hub.SOURCES, clock=None)
        world, second = sharing.read_world(shared, plain)
        assert second == first
        assert (world.scenario.name, world.scenario.seed) == ("empty", 5)
        assert world.clock() == first.at

    @pytest.mark.parametrize(
        ("asked", "named"),
        [({"seed": 6}, False), ({"scenario": "empty"}, True), ({"clock": "real"}, False)],
    )
    def test_who_asks_for_something_else_is_told(self, shared, asked, named):
        sharing.read_world(shared, library_hub.SOURCES)
        other = sharing.replace(library_hub.SOURCES, **asked)
        with pytest.raises(StoreError, match=f"leave out --{next(iter(asked))}"):
            sharing.read_world(shared, other, is_named=named)

    def test_another_description_is_refused(self, shared, folder):
        sharing.read_world(shared, folder.sources())
        folder.edit("title: Books", "title: Papers")
        with pytest.raises(StoreError, match="another description"):
            sharing.read_world(shared, folder.sources())

    def test_other_fixtures_are_refused(self, shared, folder):
        sharing.read_world(shared, folder.sources())
        folder.edit("Comet", "Comets", "fixtures/scenarios/default.yaml")
        with pytest.raises(StoreError, match="other fixtures"):
            sharing.read_world(shared, folder.sources())

    def test_two_that_begin_at_once_agree(self, shared):
        flaky = FlakyLog(shared)
        flaky.before = lambda: sharing.read_world(shared, library_hub.SOURCES)
        real = sharing.replace(library_hub.SOURCES, clock=None, seed=None)
        _, found = sharing.read_world(flaky, real)
        assert found == genesis()


# Whatever happens in whatever order

_WHO = st.integers(0, 2)
_SESSIONS = st.sampled_from(["default", "a", "b"])
_NUMBER = st.integers(0, 5)
_DEEDS = st.sampled_from(
    ["delete", "patch", "create", "review", "lend", "undo", "undo3", "reset", "seed", "empty",
     "edit", "remove", "import", "drop", "make", "advance", "back", "get", "last"]
)  # fmt: skip
_FAULTS = st.sampled_from(["", "", "", "", "lost", "unanswered", "conflict", "compact", "late"])
_STORY = st.lists(st.tuples(_WHO, _DEEDS, _SESSIONS, _NUMBER, _FAULTS), max_size=30)


def do(hub, deed, session, number):
    """Send one request of a kind, which depends on nothing but the worlds."""
    about = f"?session={session}"
    book = {
        "isbn": f"979123456789{number}", "title": f"B{number}", "author_id": 1,
        "branch_url": "/branches/1", "genre": "novel", "pages": 1 + number,
        "published": "2020-02-29", "keywords": ["sea"],
    }  # fmt: skip
    requests = {
        "delete": ("DELETE", f"/books/{number + 1}", None),
        "last": ("DELETE", f"/books/{number}", None),
        "patch": ("PATCH", f"/books/{number + 1}", {"title": f"T{number}"}),
        "create": ("POST", "/books", book),
        "review": ("POST", f"/books/{number + 1}/reviews", {"stars": 1 + number % 5}),
        "lend": ("POST", f"/books/{number + 1}/loan", {"days": number + 1}),
        "get": ("GET", "/books", None),
        "undo": ("POST", f"/__mock__/undo{about}", {"writes": 1}),
        "undo3": ("POST", f"/__mock__/undo{about}", {"writes": 3}),
        "reset": ("POST", f"/__mock__/reset{about}", {"keep": ["snapshots"]}),
        "seed": ("POST", f"/__mock__/reset{about}", {"seed": number, "keep": ["snapshots"]}),
        "empty": ("POST", f"/__mock__/reset{about}", {"scenario": "empty"}),
        "edit": ("PATCH", f"/__mock__/records/book/{number + 1}{about}", {"title": f"E{number}"}),
        "remove": ("DELETE", f"/__mock__/records/author/{number + 1}{about}", None),
        "import": ("PUT", f"/__mock__/state{about}", STATE.encode()),
        "drop": ("DELETE", f"/__mock__/sessions/{session}", None),
        "make": ("POST", "/__mock__/sessions", {"name": session, "seed": number}),
        "advance": ("POST", f"/__mock__/clock/advance{about}", {"by": f"P{number}D"}),
        "back": ("POST", f"/__mock__/clock/advance{about}", {"by": f"-P{number}D"}),
    }
    method, target, body = requests[deed]
    headers = {"content-type": "application/yaml"} if deed == "import" else {}
    card = {} if target.startswith("/__mock__") else {**CARD, "session": session}
    return ask(hub, method, target, body, headers=headers, **card)


class Servers:
    """Three servers that share a log, and one that keeps to itself and does the same."""

    def __init__(self) -> None:
        self.shared = MemoryLog()
        self.lines = [FlakyLog(self.shared) for _ in range(3)]
        self.hubs = [join(line) for line in self.lines]
        self.single = library_hub.hub()

    def perform(self, who, deed, session, number, fault):
        """Send a request to one of them, and if it was carried out, to the single one."""
        if deed == "last":
            # What each of them believes is not asked: one may not have heard of it yet.
            world = self.single.sessions.present.get(session)
            number = max(world.state.records("book"), default=1) if world is not None else 1
        line = self.lines[who]
        self.prepare(who, session, number, fault)
        before = line.added
        answered = status(do(self.hubs[who], deed, session, number))
        line.before, line.fault = None, ""
        if answered == 503:
            assert fault in ("lost", "unanswered")
            # Time passes.
            self.hubs[who]._agreement._pause = 1e-9
        if answered != 503:
            assert status(do(self.single, deed, session, number)) == answered
        elif line.added > before:
            # Its answer is not known; that its session is there may be all that it did.
            do(self.single, deed, session, number)

    def prepare(self, who, session, number, fault):
        line = self.lines[who]
        if fault == "conflict":
            about = session if number % 2 else "c"
            other = ((who + 1) % 3, "patch", about, (number + 1) % 6, "")
            line.before = lambda: self.perform(*other)
        elif fault == "compact":
            self.hubs[who]._agreement.compact()
        elif fault == "late":
            self.hubs[who] = join(line)
        else:
            line.fault = fault


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_STORY)
def test_servers_that_share_a_log_are_one_server(story):
    """Whatever is acknowledged happened, in one order for all, as on one server."""
    servers = Servers()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mockserver.session.UNDOABLE", 4)
        for step in story:
            servers.perform(*step)
    for hub in (*servers.hubs, servers.single):
        ask(hub, "GET", "/books")
    expected = worlds(servers.single)
    for hub in (*servers.hubs, join(servers.shared)):
        found = worlds(hub)
        assert found.keys() == expected.keys()
        for name, each in expected.items():
            assert found[name] == each, name
