"""Worlds of their own: isolation, undo, snapshots, time, and how many there may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.clock import Clock, Duration
from mockserver.errors import Invalid, NotFound, TooMany
from mockserver.exchange import Request
from mockserver.session import DEFAULT, UNDOABLE, Session, Sessions, check_name
from tests.library_hub import hub

CURATOR = {"host": "localhost", "authorization": "Bearer card-curator"}


def books(world: Session) -> set[int]:
    return set(world.state.records("book"))


def delete(world: Session, book: int) -> int:
    return world.answer(Request("DELETE", f"/books/{book}", "", CURATOR)).response.status


@pytest.fixture
def sessions() -> Sessions:
    return hub().sessions


def test_nobody_sees_what_another_writes(sessions):
    one, other = sessions.get("one"), sessions.get("other")
    book = min(books(one))
    assert delete(one, book) == 204
    assert book not in books(one)
    assert book in books(other)
    assert book in books(sessions.default)


def test_a_session_starts_where_the_others_did(sessions):
    delete(sessions.default, min(books(sessions.default)))
    fresh = sessions.get("fresh")
    assert fresh.state.tables == hub().sessions.default.state.tables


def test_no_write_leaves_no_trace(sessions):
    world = sessions.get("one")
    world.answer(Request("GET", "/books", "", CURATOR))
    assert delete(world, 999_999) == 404
    assert world.undoable == 0


@given(deleted=st.lists(st.integers(0, 20), unique=True, max_size=8), back=st.integers(0, 10))
def test_undo_takes_the_last_writes_back(deleted, back):
    world = hub().sessions.get("one")
    keys = sorted(books(world))
    states = [world.state.tables]
    for index in deleted:
        assert delete(world, keys[index]) == 204
        states.append(world.state.tables)
    done = world.undo(back)
    assert done == min(back, len(deleted))
    assert world.state.tables == states[len(deleted) - done]
    assert world.undoable == len(deleted) - done


def test_so_many_writes_can_be_undone_and_no_more(sessions):
    world = sessions.get("one")
    (book,) = (record for record in [world.state.records("book")[min(books(world))]])
    for number in range(UNDOABLE + 5):
        with world.application.store.transaction() as transaction:
            transaction.replace("book", book, pages=number)
        world.edit(replace(world.state, version=world.state.version))
    assert world.undo(UNDOABLE + 5) == UNDOABLE


def test_a_snapshot_comes_back_and_that_can_be_undone(sessions):
    world = sessions.get("one")
    first, second = sorted(books(world))[:2]
    world.take("full")
    delete(world, first)
    world.take("without-one")
    delete(world, second)
    world.restore("full")
    assert {first, second} <= books(world)
    world.undo(1)
    assert not {first, second} & books(world)
    world.restore("without-one")
    assert second in books(world)
    assert first not in books(world)


def test_a_snapshot_that_is_not_there_says_which_are(sessions):
    world = sessions.get("one")
    with pytest.raises(NotFound, match="there are: none"):
        world.restore("x")
    world.take("full")
    with pytest.raises(NotFound, match="there are: full"):
        world.restore("x")


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "a/b", "a b", "ä", "a%20b", "x" * 65, "a\n", "\x00"]
)
def test_what_is_no_name(sessions, name):
    with pytest.raises(Invalid, match="session"):
        sessions.make(name, sessions.default.present(), Clock())
    with pytest.raises(Invalid):
        check_name(name)


@given(st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z"))
def test_what_is_a_name(name):
    assert check_name(name) == name


def test_time_passes_in_one_world_only(sessions):
    one, other = sessions.get("one"), sessions.get("other")
    before = other.now()
    one.advance(Duration(rest=timedelta(days=3)))
    assert one.now() - before == timedelta(days=3)
    assert other.now() == before
    assert sessions.get("later").now() == before


def test_what_an_operation_writes_has_the_time_of_its_world(sessions):
    world = sessions.get("one")
    world.clock = Clock.read("2027-05-05T05:05:05Z")
    seen = world.application.clock()
    assert seen.isoformat() == "2027-05-05T05:05:05+00:00"


class TestRoom:
    def crowded(self, monkeypatch, *, lifetime=60.0):
        now = [1000.0]
        monkeypatch.setattr("mockserver.session.time.monotonic", lambda: now[0])
        made = hub()
        sessions = Sessions(
            made.application,
            made.sessions.default.present,
            Clock(),
            limit=3,
            lifetime=lifetime,
        )
        return sessions, now

    def test_no_more_than_the_limit(self, monkeypatch):
        sessions, now = self.crowded(monkeypatch)
        sessions.get("a")
        now[0] += 10
        sessions.get("b")
        with pytest.raises(TooMany, match="--max-sessions") as refused:
            sessions.get("c")
        assert refused.value.seconds == 50
        assert sessions.get("a").name == "a"

    def test_who_lies_idle_makes_room(self, monkeypatch):
        sessions, now = self.crowded(monkeypatch)
        sessions.get("a")
        sessions.get("b")
        now[0] += 40
        sessions.get("b")
        now[0] += 30
        sessions.get("c")
        assert [world.name for world in sessions.all()] == ["b", "c", DEFAULT]

    def test_the_default_never_goes(self, monkeypatch):
        sessions, now = self.crowded(monkeypatch)
        default = sessions.default
        now[0] += 1e6
        assert list(sessions.all()) == [default]

    def test_a_dropped_session_starts_anew(self, monkeypatch):
        sessions, _ = self.crowded(monkeypatch)
        world = sessions.get("a")
        sessions.tokens["t"] = "a"
        delete(world, min(books(world)))
        assert sessions.drop("a")
        assert not sessions.drop("a")
        assert sessions.tokens == {}
        assert sessions.get("a").state.tables == sessions.default.state.tables

    def test_the_default_dropped_starts_anew(self, monkeypatch):
        sessions, _ = self.crowded(monkeypatch)
        before = books(sessions.default)
        delete(sessions.default, min(before))
        sessions.drop(DEFAULT)
        assert sessions.default is sessions.get(DEFAULT)
