"""Worlds around the application: which session, wishes and faults, the admin surface."""

from __future__ import annotations

import json

import pytest

from mockserver.clock import Clock
from mockserver.exchange import Request
from mockserver.faults import Fault, Rule
from mockserver.guard import Guard
from mockserver.hub import Settings, around
from tests import library_hub
from tests.library_hub import ask, data, hub, status

BOOK = {
    "isbn": "9780000009999", "title": "New", "author_id": 1, "genre": "novel",
    "branch_url": "http://localhost:4010/branches/1",
}  # fmt: skip


def first_book(made, **where) -> int:
    return data(ask(made, "GET", "/books", **where))["data"][0]["id"]


class TestWhichSession:
    def test_the_header_names_it(self):
        made = hub()
        book = first_book(made)
        assert status(ask(made, "DELETE", f"/books/{book}", session="a", card="curator")) == 204
        assert status(ask(made, "GET", f"/books/{book}", session="a")) == 404
        assert status(ask(made, "GET", f"/books/{book}", session="b")) == 200
        assert status(ask(made, "GET", f"/books/{book}")) == 200

    def test_the_base_url_names_it(self):
        made = hub()
        book = first_book(made)
        ask(made, "DELETE", f"/__mock__/s/a/books/{book}", card="curator")
        assert status(ask(made, "GET", f"/__mock__/s/a/books/{book}")) == 404
        assert status(ask(made, "GET", f"/books/{book}", session="a")) == 404
        assert status(ask(made, "GET", f"/books/{book}")) == 200

    def test_links_stay_inside_the_base_url(self):
        made = hub()
        page = data(ask(made, "GET", "/__mock__/s/a/books?limit=2"))
        base = "http://localhost:4010/__mock__/s/a/"
        assert page["next"].startswith(f"{base}books?")
        row = page["data"][0]
        assert row["url"] == f"{base}books/{row['id']}"
        followed = ask(made, "GET", page["next"].removeprefix("http://localhost:4010"))
        assert data(followed)["page"] == 2

    def test_links_of_a_base_url_are_read_back(self):
        made = hub()
        book = data(ask(made, "GET", "/__mock__/s/a/books?limit=1"))["data"][0]
        body = {**BOOK, "branch_url": book["branch_url"]}
        created = ask(made, "POST", "/__mock__/s/a/books", body, card="curator")
        assert status(created) == 201, created.exchange.response.body
        location = created.exchange.response.headers["Location"]
        assert location.startswith("http://localhost:4010/__mock__/s/a/books/")

    def test_a_bound_token_names_it(self):
        made = hub()
        token = made.bind(made.sessions.get("a"), "curator")
        headers = {"authorization": f"Bearer {token}"}
        book = first_book(made)
        assert status(ask(made, "DELETE", f"/books/{book}", headers=headers)) == 204
        assert status(ask(made, "GET", f"/books/{book}", session="a")) == 404
        assert status(ask(made, "GET", f"/books/{book}")) == 200
        assert status(ask(made, "GET", f"/books/{book}", headers=headers, session="b")) == 401

    @pytest.mark.parametrize("name", [".", "a b", "x" * 65, "ä"])
    def test_a_malformed_name_is_refused(self, name):
        made = hub()
        refused = ask(made, "GET", "/books", session=name)
        assert status(refused) == 400
        assert data(refused)["errors"][0]["pointer"] == "/session"
        assert [world.name for world in made.sessions.all()] == ["default"]

    @pytest.mark.parametrize(
        "path", ["/__mock__/s//books", "/__mock__/s/a%20b/books", "/__mock__/s/..%2f/books"]
    )
    def test_a_malformed_base_url_is_refused(self, path):
        assert status(ask(hub(), "GET", path)) == 400

    @pytest.mark.parametrize("path", ["/__mock__/s", "/__mock__/sessions.x", "/__mock__nothing"])
    def test_what_is_no_base_url(self, path):
        assert status(ask(hub(), "GET", path)) == 404

    def test_a_session_may_be_required(self):
        made = hub(Settings(requires_session=True))
        refused = ask(made, "GET", "/books")
        assert status(refused) == 400
        assert "X-Mock-Session" in data(refused)["detail"]
        assert status(ask(made, "GET", "/books", session="a")) == 200
        assert status(ask(made, "GET", "/__mock__/s/a/books")) == 200

    def test_too_many_sessions_are_told_when_to_come_back(self):
        made = hub(Settings(max_sessions=2))
        assert status(ask(made, "GET", "/books", session="a")) == 200
        refused = ask(made, "GET", "/books", session="b")
        assert status(refused) == 429
        assert 0 < int(refused.exchange.response.headers["Retry-After"]) <= 3600
        assert "--max-sessions" in data(refused)["detail"]

    def test_the_same_requests_get_the_same_bytes_in_each(self):
        made = hub()
        requests = [
            ("GET", "/books?limit=3&sort=-pages", None),
            ("POST", "/books", BOOK),
            ("GET", "/books?limit=20&sort=-published", None),
            ("DELETE", "/books/3", None),
            ("GET", "/statistics", None),
            ("POST", "/books", {"title": 1}),
        ]
        told = {
            name: [
                ask(made, *request, session=name, card="curator").exchange.response
                for request in requests
            ]
            for name in ("a", "b", "")
        }
        assert told["a"] == told["b"] == told[""]
        assert [response.status for response in told["a"]] == [200, 201, 200, 204, 200, 400]


class TestWishes:
    def test_a_documented_answer_changes_nothing(self):
        made = hub()
        wished = ask(made, "POST", "/books", BOOK, card="curator", headers={"prefer": "code=404"})
        assert status(wished) == 404 or status(wished) == 400
        assert made.sessions.default.undoable == 0

    def test_what_is_not_documented_is_refused_with_what_is(self):
        refused = ask(hub(), "GET", "/books", headers={"prefer": "code=418"})
        assert status(refused) == 400
        assert "200" in data(refused)["detail"]

    def test_the_query_wishes_too_and_the_api_does_not_see_it(self):
        made = hub()
        delayed = ask(made, "GET", "/books?limit=2&__delay=250")
        assert status(delayed) == 200
        assert delayed.delivery.delay == 0.25
        assert delayed.exchange.response.headers["Preference-Applied"] == "delay=250"
        plain = ask(made, "GET", "/books?limit=2")
        assert data(plain)["data"] == data(delayed)["data"]
        assert "__delay" not in data(delayed)["next"]

    def test_a_wish_for_an_unknown_path_is_a_404(self):
        assert status(ask(hub(), "GET", "/nothing", headers={"prefer": "code=503"})) == 404


class TestFaults:
    def rule(self, **given) -> Rule:
        return Rule(**{"fault": Fault("status", code=503), **given})

    def test_a_status_keeps_the_request_from_being_done(self):
        made = hub()
        made.sessions.default.faults.put(self.rule(operation="books_delete", times=1))
        book = first_book(made)
        assert status(ask(made, "DELETE", f"/books/{book}", card="curator")) == 503
        assert status(ask(made, "GET", f"/books/{book}")) == 200
        assert status(ask(made, "DELETE", f"/books/{book}", card="curator")) == 204

    def test_one_session_only(self):
        made = hub()
        made.sessions.get("a").faults.put(self.rule())
        assert status(ask(made, "GET", "/books", session="a")) == 503
        assert status(ask(made, "GET", "/books")) == 200

    def test_of_one_persona_only(self):
        made = hub()
        made.sessions.default.faults.put(self.rule(persona="reader"))
        assert status(ask(made, "GET", "/books", card="reader")) == 503
        assert status(ask(made, "GET", "/books", card="curator")) == 200
        assert status(ask(made, "GET", "/books")) == 200

    def test_the_manner_is_handed_on(self):
        made = hub()
        made.sessions.default.faults.put(self.rule(fault=Fault("reset")))
        outcome = ask(made, "GET", "/books")
        assert outcome.delivery.manner == "reset"
        assert status(outcome) == 200

    def test_the_journal_says_so(self):
        made = hub()
        made.sessions.default.faults.put(self.rule(id="down"))
        ask(made, "GET", "/books")
        (entry,) = made.sessions.default.journal.entries()
        assert entry.status == 503
        assert "down" in " ".join(entry.note)


class TestJournal:
    def test_each_exchange_is_there_with_what_it_was(self):
        made = hub()
        ask(made, "GET", "/books?limit=2", card="reader")
        ask(made, "POST", "/books", BOOK, card="curator")
        ask(made, "GET", "/nothing")
        entries = made.sessions.default.journal.entries()
        assert [(e.operation, e.status, e.wrote) for e in entries] == [
            ("books_list", 200, False), ("books_create", 201, True), ("", 404, False),
        ]  # fmt: skip
        assert [e.number for e in entries] == sorted(e.number for e in entries)
        assert entries[2].user is None
        assert entries[0].user is not None

    def test_the_admin_api_is_not_in_it(self):
        made = hub()
        ask(made, "GET", "/__mock__/health")
        ask(made, "GET", "/__mock__/sessions")
        assert made.sessions.default.journal.entries() == ()

    def test_a_body_too_long_is_in_it(self):
        made = hub()
        from mockserver.errors import TooLarge

        request = Request("POST", "/books", "", {"host": "localhost", "x-mock-session": "a"})
        assert status(made.refuse(request, TooLarge("Too long."))) == 413
        assert [e.status for e in made.sessions.get("a").journal.entries()] == [413]


class TestAdminSurface:
    @pytest.mark.parametrize("path", ["/__mock__/health", "/__mock__/ready"])
    def test_who_looks_after_processes_needs_no_token(self, path):
        answered = ask(hub(), "GET", path, peer="10.0.0.7", headers={"host": "10.0.0.8:4010"})
        assert status(answered) == 200

    @pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
    @pytest.mark.parametrize("path", ["/sessions", "/state", "/events", "/requests", "/nothing"])
    def test_others_do(self, method, path):
        answered = ask(hub(), method, f"/__mock__{path}", peer="10.0.0.7")
        assert status(answered) == 401
        assert answered.exchange.response.headers["Content-Type"] == "application/problem+json"
        assert answered.stream is None

    def test_with_it_they_may(self):
        made = hub(Settings(guard=Guard(token="s3cr3t")))
        headers = {"authorization": "Bearer s3cr3t", "host": "mock.example"}
        answered = ask(made, "GET", "/__mock__/sessions", peer="10.0.0.7", headers=headers)
        assert status(answered) == 200

    def test_a_rebound_name_and_a_foreign_page_are_refused(self):
        made = hub()
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            answered = ask(made, "POST", "/__mock__/reset", headers=headers)
            assert status(answered) == 403
        assert "Access-Control-Allow-Origin" not in answered.exchange.response.headers

    def test_the_same_below_a_base_url(self):
        made = hub()
        answered = ask(
            made, "GET", "/__mock__/s/a/__mock__/sessions", headers={"host": "evil.example"}
        )
        assert status(answered) == 403
        inside = ask(made, "GET", "/__mock__/s/a/__mock__/clock")
        assert status(inside) == 200
        assert made.sessions.named("a") is not None

    def test_it_can_be_switched_off(self):
        made = hub(Settings(has_admin=False))
        assert status(ask(made, "GET", "/__mock__/sessions")) == 404
        assert status(ask(made, "GET", "/__mock__/")) == 404
        assert status(ask(made, "GET", "/__mock__/health")) == 200
        assert status(ask(made, "GET", "/__mock__/s/a/books")) == 200

    def test_its_root_is_the_console(self):
        moved = ask(hub(), "GET", "/__mock__").exchange.response
        assert (moved.status, moved.headers["Location"]) == (307, "/__mock__/")

    def test_events_begin_at_once_and_go_on(self):
        made = hub()
        outcome = ask(made, "GET", "/__mock__/events?session=a")
        assert outcome.stream is not None
        pieces: list[bytes] = []
        end = outcome.stream.subscribe(pieces.append)
        ask(made, "GET", "/books")
        before = b"".join(pieces)
        assert b"event: exchange" not in before
        ask(made, "GET", "/books?limit=1", session="a", card="reader")
        told = b"".join(pieces)[len(before) :]
        row = json.loads(next(line[6:] for line in told.split(b"\n") if line.startswith(b"data: ")))
        assert (row["path"], row["status"], row["persona"]) == ("/books", 200, "reader")
        assert b"card-reader" not in told
        end()
        ask(made, "GET", "/books", session="a")
        assert b"".join(pieces) == before + told


class TestReset:
    def test_to_the_first_state(self):
        made = hub()
        world = made.sessions.get("a")
        book = first_book(made)
        ask(made, "DELETE", f"/books/{book}", session="a", card="curator")
        world.clock = Clock.read("2030-01-01T00:00:00Z")
        world.take("x")
        made.reset(world)
        assert status(ask(made, "GET", f"/books/{book}", session="a")) == 200
        assert (world.undoable, world.snapshots, world.now()) == (0, {}, made.clock())

    def test_to_another_scenario_and_back(self):
        made = hub()
        world = made.sessions.get("a")
        made.reset(world, scenario="empty")
        assert data(ask(made, "GET", "/books", session="a"))["total"] == 0
        assert data(ask(made, "GET", "/books"))["total"] > 0
        made.reset(world)
        assert data(ask(made, "GET", "/books", session="a"))["total"] == 0
        made.reset(world, scenario="default")
        assert data(ask(made, "GET", "/books", session="a"))["total"] > 0

    def test_another_seed_is_another_world(self):
        made = hub()
        made.reset(made.sessions.get("a"), seed=99)
        made.reset(made.sessions.get("b"), seed=99)
        of = {name: ask(made, "GET", "/books", session=name).exchange.response for name in "abc"}
        assert of["a"] == of["b"] != of["c"]

    def test_what_is_kept(self):
        made = hub()
        world = made.sessions.get("a")
        ask(made, "GET", "/books", session="a")
        world.faults.put(Rule(fault=Fault("reset")))
        world.take("x")
        made.reset(world, keep=["journal", "faults", "snapshots"])
        assert len(world.journal) == 1
        assert len(world.faults.rules) == 1
        assert list(world.snapshots) == ["x"]

    def test_an_unknown_scenario_changes_nothing(self):
        from mockserver.errors import Invalid

        made = hub()
        before = made.sessions.default.state
        with pytest.raises(Invalid, match="scenario"):
            made.reset(made.sessions.default, scenario="../secrets")
        assert made.sessions.default.state is before


def test_a_hub_without_an_admin_api_says_so():
    made = around(library_hub.hub().application)
    for path in ("/__mock__/sessions", "/__mock__/events", "/__mock__/s/a/__mock__/clock"):
        assert status(ask(made, "GET", path)) == 404
    assert made.body_limit("/__mock__/state") == made.body_limit("/books")


def test_a_long_state_may_be_the_first_thing_that_is_sent():
    made = hub()
    own, api = made.body_limit("/__mock__/state"), made.body_limit("/books")
    assert own > api
    assert made.body_limit("/__mock__/s/a/__mock__/state") == own
    assert made.body_limit("/__mock__/s/a/books") == api
