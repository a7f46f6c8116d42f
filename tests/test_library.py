"""The engine under another dialect: the library of examples/, end to end without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from mockserver import api, compiler, loader, pack, renderer, scenario
from mockserver.app import Application, Options
from mockserver.errors import TooLarge
from mockserver.exchange import Request
from mockserver.store import Store

ROOT = Path(__file__).resolve().parent.parent / "examples" / "library"
NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
HOST = "http://library.example"
CARDS = ("curator", "librarian", "reader", "lapsed")


@cache
def library() -> api.Api:
    """Return the library's spec and pack, bound once."""
    spec = compiler.compile_spec(loader.load(ROOT / "spec" / "openapi.yaml"))
    return api.bind(spec, pack.load(f"{ROOT / 'pack.py'}:pack"))


@cache
def world(name: str) -> scenario.Scenario:
    """Return a scenario of the library, made once."""
    return scenario.load(ROOT / "fixtures", name, library().spec, now=NOW)


@dataclass(frozen=True)
class Answer:
    """A response, its body parsed."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def pointers(self) -> list[str]:
        """What a problem's errors point to."""
        return [error["pointer"] for error in self.body["errors"]]


class Client:
    """Sends requests to the application, and holds every answer against the spec."""

    def __init__(self, name: str = "default") -> None:
        self.store = Store(library().spec.resources, world(name).state)
        self.app = Application(library(), self.store, lambda: NOW, Options(strict=True))

    def send(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        card: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        path, _, query = target.removeprefix(HOST).partition("?")
        sent = {"host": "library.example"}
        if card:
            sent["authorization"] = f"Bearer card-{card}"
        if body is not None:
            sent["content-type"] = "application/json"
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        request = Request(
            method, path, query, {**sent, **(headers or {})}, content if body is not None else b""
        )
        exchange = self.app.answer(request)
        assert exchange.defect is None, exchange.defect
        response = exchange.response
        if exchange.operation:
            operation = library().spec.operation(exchange.operation)
            self.app.judge.check(operation, response, has_fieldset="fields=" in query)
        if response.status >= 400:
            assert response.headers["Content-Type"] == "application/problem+json"
        return Answer(
            response.status,
            response.headers,
            orjson.loads(response.body) if response.body else None,
        )

    def get(self, target: str, card: str = "", **query: Any) -> Answer:
        return self.send("GET", target + ("?" + urlencode(query) if query else ""), card=card)

    def pages(self, target: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Follow `next` from the first page to the last."""
        link = target + ("?" + urlencode(query) if query else "")
        while link:
            found = self.send("GET", link)
            assert found.status == 200, found.body
            yield found.body
            link = found.body["next"]

    def all(self, target: str, **query: Any) -> list[dict[str, Any]]:
        """Return the rows of all pages."""
        return [row for page in self.pages(target, **query) for row in page["data"]]

    def book(self, title: str) -> dict[str, Any]:
        """Return the book of that title."""
        (found,) = [book for book in self.all("/books", search=title) if book["title"] == title]
        return found


@pytest.fixture
def client() -> Client:
    """A fresh library with its books."""
    return Client()


@pytest.fixture
def new_book(client: Client) -> dict[str, Any]:
    """Return a body that makes a book."""
    tide = client.book("Tide Tables")
    return {
        "isbn": "9791234567896",
        "title": "  Low Water ",
        "author_id": tide["author_id"],
        "branch_url": tide["branch_url"],
        "genre": "novel",
        "pages": 210,
        "published": "2020-02-29",
        "keywords": ["Sea", "sea", "mud"],
    }


# Start-up


def test_the_spec_binds_with_its_pack() -> None:
    assert len(library().operations) == 15
    assert library().spec.conventions["dialect"] == "problem"


@pytest.mark.parametrize("name", ["default", "empty"])
def test_each_scenario_gives_every_card_away(name: str) -> None:
    assert tuple(persona.name for persona in world(name).personas) == CARDS


def test_an_empty_library_lists_nothing() -> None:
    found = Client("empty").get("/books")
    assert found.body == {
        "data": [], "total": 0, "page": 1, "limit": 5, "pages": 1, "next": None, "previous": None,
    }  # fmt: skip


# Create, read, replace, correct, delete


def test_a_book_lives_and_dies(client: Client, new_book: dict[str, Any]) -> None:
    made = client.send("POST", "/books", new_book, card="librarian")
    assert made.status == 201
    assert made.body["title"] == "Low Water"
    assert made.body["keywords"] == ["sea", "mud"]
    assert made.body["added"] == "2026-03-15T12:30:00Z"
    assert made.body["author"] == {"name": "Mari Liiv", "country": "EE"}
    assert (made.body["rating"], made.body["is_available"]) == (None, True)

    address = made.headers["Location"]
    assert address == made.body["url"] == f"{HOST}/books/{made.body['id']}"
    assert client.get(address).body == made.body

    put = client.send("PUT", address, {**new_book, "genre": "drama"}, card="librarian")
    assert (put.status, put.body) == (200, {**made.body, "genre": "drama"})
    patch = client.send("PATCH", address, {"pages": None}, card="librarian")
    assert (patch.status, patch.body) == (200, {**put.body, "pages": None})
    assert client.get(address).body == patch.body

    gone = client.send("DELETE", address, card="librarian")
    assert (gone.status, gone.body) == (204, None)
    assert client.get(address).status == 404


def test_keys_count_up_and_are_never_used_again(client: Client, new_book: dict[str, Any]) -> None:
    last = max(book["id"] for book in client.all("/books"))
    first = client.send("POST", "/books", new_book, card="curator").body["id"]
    client.send("DELETE", f"/books/{first}", card="curator")
    second = client.send("POST", "/books", new_book, card="curator").body["id"]
    assert (first, second) == (last + 1, last + 2)


def test_a_correction_leaves_the_author_alone(client: Client) -> None:
    book = client.book("Tide Tables")
    found = client.send(
        "PATCH", book["url"], {"author_id": 99, "title": "High Tide"}, card="librarian"
    )
    assert found.body == {**book, "title": "High Tide"}


def test_a_deleted_book_takes_reviews_and_loans_along(client: Client) -> None:
    book = client.book("Tide Tables")
    assert client.send("DELETE", book["url"], card="librarian").status == 204
    store = client.store.read()
    assert not store.related("review", "book", book["id"])
    assert not store.related("loan", "book", book["id"])
    assert client.get(f"{book['url']}/reviews").status == 404


def test_head_is_get_without_a_body_on_the_wire(client: Client) -> None:
    assert client.send("HEAD", "/books").body == client.get("/books").body


# What is wrong with a body


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pages", "210"),
        ("pages", True),
        ("pages", 1.5),
        ("pages", 0),
        ("pages", 10_000),
        ("title", 5),
        ("title", "   "),
        ("title", None),
        ("title", "x" * 121),
        ("isbn", "978-0000000019"),
        ("genre", "Novel"),
        ("published", "2021-02-29"),
        ("published", 2021),
        ("is_reference", "yes"),
        ("is_reference", 1),
        ("keywords", "sea"),
        ("author_id", "1"),
        ("author_id", 9999),
        ("branch_url", 1),
        ("branch_url", f"{HOST}/branches/99"),
        ("branch_url", f"{HOST}/authors/1"),
    ],
)
def test_a_bad_field_is_pointed_at(
    client: Client, new_book: dict[str, Any], name: str, value: Any
) -> None:
    before = client.store.state
    found = client.send("POST", "/books", {**new_book, name: value}, card="curator")
    assert (found.status, found.pointers) == (400, [f"/{name}"])
    assert client.store.state is before


def test_a_bad_member_of_a_list_is_pointed_at(client: Client, new_book: dict[str, Any]) -> None:
    body = {**new_book, "keywords": ["sea", 7, ""]}
    found = client.send("POST", "/books", body, card="curator")
    assert found.pointers == ["/keywords/1", "/keywords/2"]


def test_all_complaints_come_at_once(client: Client) -> None:
    found = client.send("POST", "/books", {"pages": "many"}, card="curator")
    missing = {"/isbn", "/title", "/author_id", "/branch_url", "/genre"}
    assert set(found.pointers) == {*missing, "/pages"}
    assert found.body | {"errors": [], "detail": ""} == {
        "type": "about:blank", "title": "Bad Request", "status": 400, "errors": [], "detail": "",
    }  # fmt: skip


def test_an_isbn_is_unique(client: Client, new_book: dict[str, Any]) -> None:
    tide, bridge = client.book("Tide Tables"), client.book("The Bridge Keepers")
    twin = {**new_book, "isbn": tide["isbn"]}
    assert client.send("POST", "/books", twin, card="curator").pointers == ["/isbn"]
    for method, body in (("PUT", twin), ("PATCH", {"isbn": tide["isbn"]})):
        assert client.send(method, bridge["url"], body, card="curator").pointers == ["/isbn"]
        assert client.send(method, tide["url"], body, card="curator").status == 200


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"title": NaN}', b'{"title": 1,}'])
def test_a_body_that_is_no_json_is_malformed(client: Client, body: bytes) -> None:
    found = client.send("POST", "/books", body, card="curator")
    assert found.status == 400
    assert "errors" not in found.body


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_that_is_no_object_is_blamed_as_a_whole(client: Client, body: Any) -> None:
    found = client.send("POST", "/books", orjson.dumps(body), card="curator")
    assert (found.status, found.pointers) == (400, [""])


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read(client: Client, media_type: str) -> None:
    headers = {"content-type": media_type}
    found = client.send("POST", "/books", b"title=x", card="curator", headers=headers)
    assert (found.status, found.body["title"]) == (415, "Unsupported Media Type")


def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    assert library().conventions["body_limit"] == 4096
    response = client.app.refuse(Request("POST", "/books"), TooLarge()).response
    assert (response.status, response.headers["Content-Type"]) == (413, "application/problem+json")
    assert orjson.loads(response.body)["title"] == "Content Too Large"
    assert response.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


# Who may


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer nobody", "Bearer card-lapsed", "Bearer two words", "Token card-curator"],
)
def test_without_a_good_card_nothing_is_written(client: Client, header: str) -> None:
    headers = {"authorization": header} if header else {}
    found = client.send("DELETE", "/books/1", headers=headers)
    assert (found.status, found.body["status"]) == (401, 401)
    assert found.headers["WWW-Authenticate"] == "Bearer"


def test_the_keyword_has_no_letter_case(client: Client) -> None:
    headers = {"authorization": "bEARER card-curator"}
    assert client.send("GET", "/statistics", headers=headers).status == 200


def test_public_lists_need_no_card_but_refuse_a_bad_one(client: Client) -> None:
    assert client.get("/books").status == 200
    assert client.get("/books", card="nobody").status == 401


@pytest.mark.parametrize(
    ("card", "branch", "status"),
    [
        ("curator", "harbour", 204),
        ("curator", "hill", 204),
        ("librarian", "harbour", 204),
        ("librarian", "hill", 403),
        ("reader", "harbour", 403),
    ],
)
def test_a_librarian_rules_the_own_branch(
    client: Client, card: str, branch: str, status: int
) -> None:
    book = client.book({"harbour": "Tide Tables", "hill": "The Bridge Keepers"}[branch])
    assert client.send("DELETE", book["url"], card=card).status == status


def test_a_new_book_is_asked_about_its_own_branch(client: Client, new_book: dict[str, Any]) -> None:
    hill = client.book("The Bridge Keepers")["branch_url"]
    body = {**new_book, "branch_url": hill}
    assert client.send("POST", "/books", body, card="librarian").status == 403
    assert client.send("POST", "/books", body, card="curator").status == 201


def test_a_question_without_a_record_comes_before_the_lookup(client: Client) -> None:
    assert client.send("DELETE", "/authors/999", card="reader").status == 403
    assert client.send("DELETE", "/authors/999", card="curator").status == 404


# Addresses and methods


@pytest.mark.parametrize(
    "target", ["/", "/nothing", "/books/", "/books/1/", "/books/999", "/books/one", "/books/-1"]
)
def test_what_is_not_there_is_a_problem(client: Client, target: str) -> None:
    found = client.get(target)
    assert (found.status, found.body["title"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("DELETE", "/books", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/books/1", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("GET", "/books/1/loan", "POST, OPTIONS"),
        ("BREW", "/statistics", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_hears_the_right_ones(
    client: Client, method: str, target: str, allow: str
) -> None:
    found = client.send(method, target, card="curator")
    assert (found.status, found.headers["Allow"]) == (405, allow)
    assert client.send("OPTIONS", target, card="curator").headers["Allow"] == allow


def test_options_says_no_more_than_the_methods(client: Client) -> None:
    found = client.send("OPTIONS", "/books", card="reader")
    assert (found.status, found.body) == (204, None)


def test_html_is_not_to_be_had(client: Client) -> None:
    found = client.send("GET", "/books", headers={"accept": "text/html"})
    assert found.status == 406


def test_constant_headers_are_on_every_answer(client: Client) -> None:
    for target in ("/books", "/books/999"):
        assert client.get(target).headers["Cache-Control"] == "no-store"


# Pages


def test_pages_laid_end_to_end_are_the_list(client: Client) -> None:
    pages = list(client.pages("/books", limit=7))
    assert [page["page"] for page in pages] == list(range(1, 8))
    assert [len(page["data"]) for page in pages] == [7] * 6 + [4]
    assert {(page["total"], page["pages"], page["limit"]) for page in pages} == {(46, 7, 7)}
    assert [row for page in pages for row in page["data"]] == client.all("/books", limit=20)


def test_pages_name_their_neighbours_and_keep_the_query(client: Client) -> None:
    found = client.get("/books", limit=2, p=2, sort="-title").body
    assert found["next"] == f"{HOST}/books?limit=2&p=3&sort=-title"
    assert found["previous"] == f"{HOST}/books?limit=2&sort=-title"
    assert client.get("/books", limit=20, p=3).body["next"] is None


def test_a_page_past_the_end_is_empty(client: Client) -> None:
    found = client.get("/books", p=900)
    assert found.status == 200
    assert (found.body["data"], found.body["total"], found.body["page"]) == ([], 46, 900)


@pytest.mark.parametrize("limit", ["0", "-1", "21", "many", "1.5"])
def test_a_bad_page_size_is_refused(client: Client, limit: str) -> None:
    found = client.get("/books", limit=limit)
    assert (found.status, found.pointers) == (400, ["/limit"])


@pytest.mark.parametrize("page", ["0", "-1", "last", "x"])
def test_a_page_that_is_no_number_is_not_found(client: Client, page: str) -> None:
    assert client.get("/books", p=page).status == 404


# Order


def ranked(*names: str) -> Callable[[dict[str, Any]], Any]:
    """Return how rows rank by code point, with nulls first."""

    def rank(row: dict[str, Any]) -> Any:
        found = [row["author"]["name"] if name == "author" else row[name] for name in names]
        return [(value is not None, value if value is not None else 0) for value in found]

    return rank


@pytest.mark.parametrize(
    "names", [("title",), ("published",), ("pages",), ("rating",), ("author", "title")]
)
def test_rows_are_sorted_up_and_down(client: Client, names: tuple[str, ...]) -> None:
    by_key = sorted(client.all("/books", limit=20), key=lambda row: row["id"])
    up = client.all("/books", limit=20, sort=",".join(names))
    assert up == sorted(by_key, key=ranked(*names))
    down = client.all("/books", limit=20, sort=",".join(f"-{name}" for name in names))
    assert down == sorted(by_key, key=ranked(*names), reverse=True)


def test_small_letters_sort_after_capitals(client: Client) -> None:
    titles = [book["title"] for book in client.all("/books", limit=20)]
    assert titles[-1] == "anchor, lost"
    assert titles == sorted(titles)


def test_a_single_valued_order_takes_a_derived_field(client: Client) -> None:
    counts = [row["books_count"] for row in client.all("/authors", sort="-books")]
    assert counts == sorted(counts, reverse=True)
    assert client.get("/authors", sort="name,born").status == 400


@pytest.mark.parametrize("sort", ["isbn", "title,colour", "--title", "Title"])
def test_an_unknown_order_is_refused(client: Client, sort: str) -> None:
    found = client.get("/books", sort=sort)
    assert (found.status, found.pointers) == (400, ["/sort"])


# Fields


def test_fields_cut_rows_and_records(client: Client) -> None:
    rows = client.all("/books", fields="id, title", limit=20)
    assert {frozenset(row) for row in rows} == {frozenset({"id", "title"})}
    assert client.get("/books/1", fields="author").body.keys() == {"author"}
    assert client.get("/books/1", fields="").body == client.get("/books/1").body


@pytest.mark.parametrize("target", ["/books", "/books/1"])
def test_an_unknown_field_is_refused(client: Client, target: str) -> None:
    found = client.get(target, fields="title,colour")
    assert (found.status, found.pointers) == (400, ["/fields"])
    assert "colour" in found.body["errors"][0]["detail"]


# Filters

FILTERS: list[tuple[str, str, Callable[[dict[str, Any]], bool]]] = [
    ("search", "HILL", lambda b: "hill" in (b["title"] + "\n" + b["author"]["name"]).casefold()),
    ("search", "silva", lambda b: b["author"]["name"] == "Inês Silva"),
    ("isbn", "9780000000040", lambda b: b["title"] == "The Bridge Keepers"),
    ("genre", "poetry", lambda b: b["genre"] == "poetry"),
    ("genre", "poetry,drama", lambda b: b["genre"] in ("poetry", "drama")),
    ("published_from", "1971-10-20", lambda b: (b["published"] or "") >= "1971-10-20"),
    ("published_to", "1971-10-20", lambda b: "" < (b["published"] or "") <= "1971-10-20"),
    ("pages_over", "150", lambda b: (b["pages"] or 0) > 150),
    ("undated", "true", lambda b: b["published"] is None),
    ("undated", "false", lambda b: b["published"] is not None),
    ("available", "true", lambda b: b["is_available"]),
    ("available", "false", lambda b: not b["is_available"]),
    ("author_country", "pt", lambda b: b["author"]["country"] == "PT"),
    ("author_id", "3", lambda b: b["author_id"] == 3),
    ("branch", f"{HOST}/branches/2", lambda b: b["branch_url"] == f"{HOST}/branches/2"),
    ("keyword", "sea", lambda b: "sea" in b["keywords"]),
]


@pytest.mark.parametrize(("name", "value", "keeps"), FILTERS, ids=lambda v: str(v)[:24])
def test_a_filter_keeps_exactly_what_it_should(
    client: Client, name: str, value: str, keeps: Callable[[dict[str, Any]], bool]
) -> None:
    rows = client.all("/books", limit=20)
    wanted = [row for row in rows if keeps(row)]
    assert 0 < len(wanted) < len(rows)
    assert client.all("/books", limit=20, **{name: value}) == wanted


def test_a_filter_reaches_back_over_a_relation(client: Client) -> None:
    store = client.store.read()
    wanted = {
        book["id"]
        for book in store.all("book")
        if any(review["stars"] >= 5 for review in store.related("review", "book", book["id"]))
    }
    assert {row["id"] for row in client.all("/books", stars=5)} == wanted


def test_filters_add_up_and_empty_ones_do_nothing(client: Client) -> None:
    found = client.all("/books", search="hill", genre="essay", undated="", isbn="")
    assert [row["title"] for row in found] == ["Letters to the Hill"]
    assert client.get("/books", colour="red").body["total"] == 46


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("genre", "poetry,prose"),
        ("published_from", "yesterday"),
        ("pages_over", "many"),
        ("undated", "perhaps"),
        ("available", "perhaps"),
        ("author_id", "mine"),
        ("author_id", "999"),
        ("stars", "five"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client: Client, name: str, value: str) -> None:
    found = client.send("GET", f"/books?{name}={quote(value)}")
    assert (found.status, found.pointers) == (400, [f"/{name}"])


# Nested lists


def test_the_books_of_an_author(client: Client) -> None:
    author = client.book("Tide Tables")["author_id"]
    rows = client.all(f"/authors/{author}/books")
    assert [row["title"] for row in rows] == ["Tide Tables", "anchor, lost"]
    assert rows == client.all("/books", author_id=author)
    novels = client.all(f"/authors/{author}/books", genre="novel")
    assert [row["title"] for row in novels] == ["anchor, lost"]


def test_reviews_are_published_ones_and_the_latest_first(client: Client) -> None:
    rows = client.all(f"{client.book('Tide Tables')['url']}/reviews")
    assert {row["stars"] for row in rows} == {5, 2}
    assert rows == sorted(rows, key=lambda row: row["written"], reverse=True)


def test_a_review_joins_the_book_in_the_address(client: Client) -> None:
    book = client.book("Winter Light")
    body = {"stars": 3, "text": " <b>Dim</b><script>x()</script> ", "book_id": 1}
    made = client.send("POST", f"{book['url']}/reviews", body, card="reader")
    assert (made.status, made.body["book_id"]) == (201, book["id"])
    assert made.body["text"] == "<b>Dim</b>"
    assert client.all(f"{book['url']}/reviews") == [made.body]
    assert client.get(book["url"]).body["rating"] == 3


def test_a_missing_parent_is_not_found(client: Client) -> None:
    for target in ("/authors/999/books", "/authors/x/books", "/books/999/reviews"):
        assert client.get(target).status == 404
    assert client.send("POST", "/books/999/reviews", {"stars": 3}, card="reader").status == 404


# Actions, reports and conflicts


def test_a_book_is_lent_once(client: Client) -> None:
    book = client.book("Tide Tables")
    loan = client.send("POST", f"{book['url']}/loan", card="reader")
    assert loan.status == 201
    assert (loan.body["since"], loan.body["until"]) == ("2026-03-15", "2026-04-05")
    assert client.get(book["url"]).body == {**book, "is_available": False}
    before = client.store.state
    again = client.send("POST", f"{book['url']}/loan", {"days": 3}, card="curator")
    assert (again.status, again.body["title"]) == (409, "Conflict")
    assert client.store.state is before


def test_a_reference_book_stays(client: Client) -> None:
    url = client.book("Atlas of Small Places")["url"]
    assert client.send("POST", f"{url}/loan", card="reader").status == 409


@pytest.mark.parametrize("days", ["3", 0, 61, None])
def test_the_body_of_an_action_is_checked(client: Client, days: Any) -> None:
    found = client.send("POST", "/books/1/loan", {"days": days}, card="reader")
    assert (found.status, found.pointers) == (400, ["/days"])


def test_an_author_with_books_stays(client: Client) -> None:
    before = client.store.state
    address = f"/authors/{client.book('Tide Tables')['author_id']}"
    found = client.send("DELETE", address, card="curator")
    assert (found.status, found.body["status"]) == (409, 409)
    assert client.store.state is before
    (bookless,) = [a for a in client.all("/authors") if a["name"] == "Anna de Vries"]
    assert client.send("DELETE", bookless["url"], card="curator").status == 204


def test_the_report_counts(client: Client) -> None:
    assert client.get("/statistics", card="reader").status == 403
    found = client.get("/statistics", card="librarian").body
    assert (found["books"], found["authors"], found["on_loan"]) == (46, 12, 1)
    assert sum(found["by_genre"].values()) == 46


def test_hyperlinks_lead_somewhere(client: Client) -> None:
    book = client.book("Tide Tables")
    branch = client.get(book["branch_url"]).body
    assert branch["name"] == "Harbour"
    assert branch["books_count"] == len(client.all("/books", branch=book["branch_url"]))
    assert client.get(f"/authors/{book['author_id']}").body["books_count"] == 2


# What is ours


def test_our_own_mistake_is_a_problem_too(client: Client) -> None:
    def clock() -> datetime:
        raise RuntimeError("the clock has stopped")

    exchange = Application(library(), client.store, clock).answer(Request("GET", "/books"))
    assert isinstance(exchange.defect, RuntimeError)
    assert exchange.response.headers["Content-Type"] == "application/problem+json"
    assert orjson.loads(exchange.response.body)["title"] == "Internal Server Error"


def test_rows_in_an_envelope_must_be_complete_unless_fields_are_asked_for() -> None:
    rows = {"type": "array", "items": {"anyOf": [{"$ref": "#/whole"}, {"$ref": "#/part"}]}}
    schema = {"type": "object", "properties": {"data": rows, "total": {"type": "integer"}}}
    found = renderer.complete(schema, "data")["properties"]
    assert found["data"]["items"] == {"$ref": "#/whole"}
    assert found["total"] == {"type": "integer"}
