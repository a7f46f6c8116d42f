"""What of a description the requests of a session exercised."""

from __future__ import annotations

from functools import cache

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import coverage
from mockserver.app import Exchange
from mockserver.counters import Counters
from mockserver.exchange import Request, Response
from mockserver.journal import Budget, Journal
from tests import small
from tests.conftest import SMALL_SPEC

JSON_TYPE = {"content-type": "application/json"}


@cache
def api():
    return small.build(SMALL_SPEC)


@pytest.fixture
def book():
    return Journal("default", Budget())


def put(book, operation, status=200, query="", *, user=None, **sent):
    request = Request("GET", "/books/", query, **{"headers": JSON_TYPE, **sent})
    return book.record(request, Exchange(Response(status, {}), operation, user=user), 0.0)


def shown(book, personas=None):
    return coverage.shown(api(), book.counters, book.entries(), personas)


def row(book, operation, personas=None):
    rows = {row["operation"]: row for row in shown(book, personas)["operations"]}
    return rows[operation]


def test_nothing_asked_is_nothing_exercised(book):
    found = shown(book)

    assert found["summary"] == {
        "operations": {"documented": 4, "exercised": 0, "percent": 0.0},
        "statuses": {"documented": 4, "exercised": 0, "percent": 0.0},
        "parameters": {"documented": 5, "exercised": 0, "percent": 0.0},
        "body": {"documented": 1, "exercised": 0, "percent": 0.0},
    }
    assert found["unmatched"] == {"calls": 0, "statuses": {}}


def test_a_row_puts_what_was_used_beside_what_is_documented(book):
    put(book, "list_books", query="title=a&page=1")
    put(book, "list_books", query="title=b&title=c")

    assert row(book, "list_books") == {
        "operation": "list_books",
        "method": "GET",
        "path": "/books/",
        "calls": 2,
        "statuses": {"200": 2},
        "parameters": {"page": 1, "page_size": 0, "title": 2, "writer": 0, "o": 0},
        "body": {},
        "personas": {"anonymous": 2},
        "undocumented": {"statuses": {}, "parameters": {}, "body": {}},
        "percent": {"statuses": 100.0, "parameters": 40.0, "body": None},
    }


def test_what_is_not_documented_stands_apart(book):
    put(book, "create_book", 418, "colour=red", body=b'{"title": "A", "isbn": 1}')
    found = row(book, "create_book")

    assert found["undocumented"] == {
        "statuses": {"418": 1},
        "parameters": {"colour": 1},
        "body": {"isbn": 1},
    }
    assert (found["statuses"], found["body"]) == ({"201": 0}, {"title": 1})


def test_the_summary_counts_over_all_operations(book):
    put(book, "list_books", query="title=a")
    put(book, "create_book", 201, body=b'{"title": "A"}')
    found = shown(book)["summary"]

    assert found["operations"] == {"documented": 4, "exercised": 2, "percent": 50.0}
    assert found["statuses"] == {"documented": 4, "exercised": 2, "percent": 50.0}
    assert found["parameters"] == {"documented": 5, "exercised": 1, "percent": 20.0}
    assert found["body"] == {"documented": 1, "exercised": 1, "percent": 100.0}


def test_requests_without_an_operation_are_counted_apart(book):
    put(book, "", 404, "a=1")
    put(book, "", 404)
    put(book, "", 405)

    assert shown(book)["unmatched"] == {"calls": 3, "statuses": {"404": 2, "405": 1}}


def test_callers_are_counted_by_name(book):
    for user in ("u1", "u1", 7, None):
        put(book, "list_books", user=user)

    found = row(book, "list_books", {"u1": "staff"})["personas"]

    assert found == {"staff": 2, "7": 1, "anonymous": 1}


@pytest.mark.parametrize(
    ("headers", "body", "members"),
    [
        (JSON_TYPE, b'{"title": {"isbn": 1}}', {"title": 1}),
        (JSON_TYPE, b'[{"title": 1}]', {"title": 0}),
        (JSON_TYPE, b'{"title": oops', {"title": 0}),
        ({"content-type": "application/x-www-form-urlencoded"}, b"title=A", {"title": 1}),
        ({"content-type": "application/x-www-form-urlencoded"}, b"title.a=A", {"title": 1}),
        (
            {"content-type": "multipart/form-data; boundary=B"},
            b'--B\r\nContent-Disposition: form-data; name="title"\r\n\r\nA\r\n--B--\r\n',
            {"title": 1},
        ),
    ],
)
def test_members_are_found_in_any_kind_of_body(book, headers, body, members):
    put(book, "create_book", 201, body=body, headers=headers)

    assert row(book, "create_book")["body"] == members


def test_what_a_server_alone_may_write_is_not_asked_for(default_world):
    made = default_world.api
    rows = coverage.shown(made, Counters())["operations"]
    by_operation = {row["operation"]: row for row in rows}

    assert len(rows) == len(made.spec.operations)
    assert "name" in by_operation["marketplace_plans_create"]["body"]
    assert "uuid" not in by_operation["marketplace_plans_create"]["body"]


def test_members_are_those_of_the_journal_and_the_rest_is_for_good():
    book = Journal("default", Budget(), limit=1)
    put(book, "create_book", 201, "a=1", body=b'{"title": "A"}')
    put(book, "list_books")
    found = row(book, "create_book")

    assert (found["calls"], found["undocumented"]["parameters"]) == (1, {"a": 1})
    assert found["body"] == {"title": 0}


def test_clearing_the_journal_begins_anew(book):
    put(book, "list_books", query="title=a")
    book.clear()

    assert shown(book) == shown(Journal("other", Budget()))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {}),
        ("a", {"a": 1}),
        ("a=1&a=2&b=", {"a": 1, "b": 1}),
        ("%61=1&a=2", {"a": 1}),
        ("a+b=1", {"a b": 1}),
        ("&&=1", {}),
        ("%FF=1", {"\ufffd": 1}),
        ("x" * 100, {"x" * 64: 1}),
    ],
)
def test_names_of_parameters_are_read_as_they_are_meant(query, names):
    counters = Counters()
    counters.see("list_books", 200, query, None)

    assert counters.tallies()["list_books"].parameters == names


def test_made_up_names_do_not_pile_up_and_used_ones_stay():
    counters = Counters()
    for _ in range(2):
        counters.see("list_books", 200, "title=a", None)
    for number in range(2000):
        counters.see("list_books", 400, f"p{number}=1", None)
    names = counters.tallies()["list_books"].parameters

    assert len(names) == 500
    assert names["title"] == 2
    assert "p1999" in names


def test_a_query_of_a_thousand_names_costs_no_more_than_some():
    counters = Counters()
    counters.see("list_books", 400, "&".join(f"p{n}=1" for n in range(10_000)), None)

    assert len(counters.tallies()["list_books"].parameters) == 201


calls = st.lists(
    st.tuples(
        st.sampled_from(["list_books", "create_book", "get_book", ""]),
        st.sampled_from([200, 201, 400, 404]),
        st.sampled_from(["", "title=a", "page=1&o=x", "odd=1&title="]),
    ),
    max_size=20,
)


@given(calls)
def test_what_is_counted_adds_up(made):
    """Every call is in one row, and a percentage is the share of what is not zero."""
    book = Journal("default", Budget())
    for operation, status, query in made:
        put(book, operation, status, query)
    found = shown(book)

    rows = found["operations"]
    assert sum(row["calls"] for row in rows) + found["unmatched"]["calls"] == len(made)
    for row in rows:
        statuses = [*row["statuses"].values(), *row["undocumented"]["statuses"].values()]
        assert sum(statuses) == sum(row["personas"].values()) == row["calls"]
        used = [bool(count) for count in row["parameters"].values()]
        assert row["percent"]["parameters"] == (
            round(100 * sum(used) / len(used), 1) if used else None
        )
    assert orjson.dumps(found)
