"""Kept answers are true, and there are not too many of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import cache
from mockserver.cache import Answers, Kept
from mockserver.clock import Clock
from mockserver.exchange import Request, Response
from tests.library_hub import ask, data, hub

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def kept(body: bytes = b"x", since: datetime = NOON, until: datetime | None = None) -> Kept:
    return Kept(Response(200, {}, body), "books_list", None, since, until)


@given(since=st.integers(-5, 5), until=st.none() | st.integers(-5, 5), now=st.integers(-6, 6))
def test_an_answer_is_found_while_it_is_true(since, until, now):
    answers = Answers()
    answers.keep(
        "k",
        kept(since=NOON + since * MINUTE, until=None if until is None else NOON + until * MINUTE),
    )
    found = answers.find("k", NOON + now * MINUTE)
    assert (found is not None) == (since <= now and (until is None or now < until))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=200))
def test_neither_bound_is_ever_passed(puts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "ANSWERS", 7)
        patch.setattr(cache, "BYTES", 100)
        patch.setattr(cache, "LONGEST", 33)
        answers = Answers()
        for key, size in puts:
            answers.keep(key, kept(b"x" * size))
            assert len(answers) <= 7
            assert answers.size <= 100
            assert (answers.find(key, NOON) is not None) == (size <= 33) or size > 33
        held = [found for key in range(31) if (found := answers.find(key, NOON))]
        assert answers.size == sum(len(found.response.body) for found in held)


def test_what_was_asked_for_last_stays():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "ANSWERS", 2)
        answers = Answers()
        answers.keep("a", kept())
        answers.keep("b", kept())
        assert answers.find("a", NOON)
        answers.keep("c", kept())
        assert answers.find("a", NOON)
        assert answers.find("b", NOON) is None


def acts(made) -> int:
    """Count the requests that are worked out, from now on."""
    made.count = 0
    app = made.application
    inner = app._route

    def counted(request, context):
        made.count += 1
        return inner(request, context)

    app._route = counted
    return 0


def test_the_second_time_is_not_worked_out():
    made = hub()
    acts(made)
    first = ask(made, "GET", "/books?limit=3").exchange.response
    again = ask(made, "GET", "/books?limit=3").exchange.response
    assert made.count == 1
    assert again == first


def test_a_write_anywhere_ends_it():
    made = hub()
    book = data(ask(made, "GET", "/books?limit=1"))["data"][0]["id"]
    assert ask(made, "GET", f"/books/{book}").exchange.response.status == 200
    ask(made, "DELETE", f"/books/{book}", card="curator")
    assert ask(made, "GET", f"/books/{book}").exchange.response.status == 404
    made.sessions.default.undo(1)
    assert ask(made, "GET", f"/books/{book}").exchange.response.status == 200


@pytest.mark.parametrize(
    "other",
    [
        {"headers": {"host": "books.example"}},
        {"headers": {"origin": "https://front.example"}},
        {"headers": {"accept": "text/html"}},
        {"card": "curator"},
        {"card": "nobody"},
    ],
)
def test_another_caller_gets_his_own(other):
    made, fresh = hub(), hub()
    ask(made, "GET", "/books?limit=2")
    told = ask(made, "GET", "/books?limit=2", **other).exchange.response
    assert told == ask(fresh, "GET", "/books?limit=2", **other).exchange.response


def test_base_urls_do_not_share_links():
    made = hub()
    one = ask(made, "GET", "/books?limit=1").exchange.response
    other = ask(made, "GET", "/__mock__/s/a/books?limit=1").exchange.response
    assert one.body != other.body
    assert b"/__mock__/s/a/" in other.body


def test_get_and_head_are_two():
    made, fresh = hub(), hub()
    ask(made, "GET", "/books")
    assert ask(made, "HEAD", "/books").exchange == ask(fresh, "HEAD", "/books").exchange


def test_an_answer_ends_when_its_time_has_come(world_of):
    """A role that expires at noon shows until noon, and not a moment longer."""
    from mockserver import assembly
    from mockserver.assembly import Sources

    world = world_of("default")
    made = assembly.hub(world, Sources(), strict=True)
    session = made.sessions.default
    staff = {"host": "h", "authorization": "Token YOUR_API_TOKEN"}
    path = (
        "/api/marketplace-service-providers/a1b2c3d4e5f67890abcdef1234567890/project_permissions/"
    )

    def seen() -> bytes:
        return made.answer(Request("GET", path, "page_size=300", staff)).exchange.response.body

    start = session.now()
    store = session.application.store
    ends = sorted(
        datetime.fromisoformat(grant["expiration_time"])
        for grant in store.read().all("grant")
        if grant["expiration_time"] and grant["is_active"]
    )
    coming = [end for end in ends if end > start]
    assert coming
    instants = [start, *(t for end in coming for t in (end - timedelta(microseconds=1), end))]
    told = {}
    for instant in sorted(set(instants)):
        session.clock = Clock(instant)
        told[instant] = seen()
    for instant in reversed(told):
        session.clock = Clock(instant)
        assert seen() == told[instant]
        plain = session.application.beside(store, session.clock, session.seed)
        plain.options = replace(plain.options, keeps=False)
        exchange = plain.answer(Request("GET", path, "page_size=300", staff))
        assert exchange.response.body == told[instant]
    assert any(told[a] != told[b] for a, b in pairwise(sorted(told)))


def test_nothing_but_the_named_headers_tells(world_of):
    """Whatever header the application reads while it answers a GET is in the key."""
    from mockserver import assembly

    read = set()

    class Noted(dict):
        def get(self, name, default=None):
            read.add(name)
            return super().get(name, default)

        def __contains__(self, name):
            read.add(name)
            return super().__contains__(name)

        def __getitem__(self, name):
            read.add(name)
            return super().__getitem__(name)

    app = assembly.application(world_of("default"))
    sent = Noted({"host": "h", "authorization": "Token YOUR_API_TOKEN", "origin": "https://a"})
    for operation in app.api.spec.operations:
        if operation.method == "GET":
            path = operation.path.replace("{uuid}", "a1b2c3d4e5f67890abcdef1234567890")
            app.answer(Request("GET", path, "", sent))
    assert read == set(app._telling)
