"""What is remembered of exchanges, and for how long."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import journal
from mockserver.app import Exchange
from mockserver.exchange import Request, Response
from mockserver.journal import Budget, Journal

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = NOW

    def __call__(self):
        return self.now


def put(book, path="/books/", *, sent=b"", got=b"", status=200, **headers):
    request = Request("GET", path, headers=headers, body=sent)
    return book.record(request, Exchange(Response(status, {}, got), "list_books", user="u1"), 0.5)


def numbers(book):
    return [entry.number for entry in book.entries()]


def test_an_entry_is_what_was_asked_and_answered():
    book = Journal("mine", Budget(clock=Clock()))
    request = Request("PUT", "/books/1/", "a=1", {"host": "h"}, b"{}")
    response = Response(204, {"X-A": "b"})

    entry = book.record(request, Exchange(response, "put_book", user=7), 0.25, ("delay",), True)

    assert (entry.number, entry.session, entry.at) == (1, "mine", NOW)
    assert (entry.method, entry.path, entry.query) == ("PUT", "/books/1/", "a=1")
    assert (entry.operation, entry.user, entry.status) == ("put_book", 7, 204)
    assert (entry.seconds, entry.note, entry.wrote) == (0.25, ("delay",), True)
    assert entry.request is request
    assert entry.response is response
    assert not entry.is_cut


def test_the_newest_is_last_and_the_oldest_goes():
    book = Journal("a", Budget(), limit=3)
    for _ in range(5):
        put(book)

    assert numbers(book) == [3, 4, 5]
    assert len(book) == 3


def test_numbers_count_over_all_sessions():
    budget = Budget()
    one, other = Journal("one", budget), Journal("other", budget)
    for book in (one, other, other, one):
        put(book)

    assert numbers(one) == [1, 4]
    assert numbers(other) == [2, 3]


def test_an_entry_is_found_by_its_number_in_its_own_session():
    budget = Budget()
    one, other = Journal("one", budget), Journal("other", budget)
    entry = put(one)

    assert one.get(entry.number) is entry
    assert other.get(entry.number) is None
    assert one.get(99) is None


def test_the_oldest_of_any_session_makes_room():
    size = budget_of(b"x" * 100)
    budget = Budget(3 * size)
    quiet, busy = Journal("quiet", budget), Journal("busy", budget)
    put(quiet, got=b"x" * 100)
    put(busy, got=b"x" * 100)
    put(busy, got=b"x" * 100)
    assert numbers(quiet) == [1]

    put(busy, got=b"x" * 100)

    assert numbers(quiet) == []
    assert numbers(busy) == [2, 3, 4]
    assert budget.used == 3 * size


def budget_of(body):
    budget = Budget()
    put(Journal("a", budget), got=body)
    return budget.used


@pytest.mark.parametrize(
    "given",
    [
        {"sent": b"x" * 5000},
        {"got": b"x" * 5000},
        {"path": "/" + "x" * 5000},
        {"cookie": "x" * 5000},
    ],
)
def test_whatever_is_long_counts(given):
    budget = Budget()
    put(Journal("a", budget), **given)

    assert budget.used >= 5000


def test_what_is_over_the_budget_alone_is_not_kept():
    budget = Budget(2000)
    book = Journal("a", budget)
    entry = put(book, got=b"x" * 3000)

    assert entry.number == 1
    assert book.entries() == ()
    assert budget.used == 0


def test_clearing_gives_the_bytes_back_and_numbers_go_on():
    budget = Budget()
    book = Journal("a", budget)
    put(book)
    put(book)

    book.clear()

    assert (len(book), budget.used, len(budget)) == (0, 0, 0)
    assert put(book).number == 3


def test_clearing_a_new_journal_is_nothing():
    book = Journal("a", Budget())
    book.clear()

    assert book.entries() == ()


def test_a_long_body_is_cut_and_says_so():
    book = Journal("a", Budget())
    body = b"x" * (journal.LONGEST_BODY + 1)

    sent, got, fits = put(book, sent=body), put(book, got=body), put(book, got=body[1:])

    assert (len(sent.request.body), sent.sizes) == (journal.LONGEST_BODY, (len(body), 0))
    assert (sent.is_request_cut, sent.is_response_cut, sent.is_cut) == (True, False, True)
    assert (got.is_request_cut, got.is_response_cut, got.is_cut) == (False, True, True)
    assert not fits.is_cut


def test_a_body_is_cut_in_the_journal_only():
    request = Request("POST", "/books/", body=b"x" * 100_000)
    exchange = Exchange(Response(200, {}, b"y" * 100_000))
    Journal("a", Budget()).record(request, exchange, 0.0)

    assert len(request.body) == len(exchange.response.body) == 100_000


def test_subscribers_are_told_until_they_leave():
    book, told, again = Journal("a", Budget()), [], []
    leave = book.subscribe(told.append)
    book.subscribe(again.append)
    first = put(book)
    leave()
    second = put(book)

    assert told == [first]
    assert again == [first, second]


def test_one_function_may_subscribe_twice():
    book, told = Journal("a", Budget()), []
    leave = book.subscribe(told.append)
    book.subscribe(told.append)
    leave()
    leave()
    entry = put(book)

    assert told == [entry]


def test_a_subscriber_that_raises_harms_nobody():
    book, told = Journal("a", Budget()), []

    def fail(entry):
        raise RuntimeError(entry.number)

    book.subscribe(fail)
    book.subscribe(told.append)
    entry = put(book)

    assert told == [entry]
    assert book.entries() == (entry,)


def test_a_subscriber_may_leave_while_it_is_told():
    book, told = Journal("a", Budget()), []

    def once(entry):
        told.append(entry.number)
        leave()

    leave = book.subscribe(once)
    put(book)
    put(book)

    assert told == [1]


def test_the_time_is_that_of_the_real_clock():
    before = datetime.now(UTC)
    entry = put(Journal("a", Budget()))

    assert before <= entry.at <= before + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("operation", "status", "is_unmatched"),
    [("", 404, True), ("", 405, True), ("get_book", 404, False), ("", 301, False)],
)
def test_unmatched_is_what_found_no_operation(operation, status, is_unmatched):
    book = Journal("a", Budget())
    entry = book.record(Request("GET", "/"), Exchange(Response(status, {}), operation), 0.0)

    assert entry.is_unmatched is is_unmatched


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.one_of(st.integers(0, 2000), st.just(journal.LONGEST_BODY * 2), st.none()),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 5), st.integers(0, 200_000))
def test_no_bound_is_ever_passed(taken, limit, most):
    """The journals are what a plain list would be: the oldest go, and the order stays."""
    budget = Budget(most)
    books = {name: Journal(name, budget, limit) for name in "abc"}
    model, last = [], 0
    for name, size in taken:
        if size is None:
            books[name].clear()
            model = [kept for kept in model if kept[0] != name]
            continue
        entry = put(books[name], got=b"x" * size)
        last += 1
        assert entry.number == last
        model.append((name, last, budget_of(b"x" * size)))
        while sum(kept[2] for kept in model) > most:
            model.pop(0)
        own = [kept for kept in model if kept[0] == name]
        if len(own) > limit:
            model.remove(own[0])

        assert budget.used <= most
        assert len(books[name]) <= limit

    found = defaultdict(list)
    for name, number, _ in model:
        found[name].append(number)
    assert {name: numbers(book) for name, book in books.items()} == {n: found[n] for n in "abc"}
    assert budget.used == sum(kept[2] for kept in model)
    assert len(budget) == len(model)
