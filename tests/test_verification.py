"""What was asked, shown and held against the description."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import journal, matching, nearness, redaction, verification
from mockserver.app import Application, Exchange
from mockserver.errors import Invalid
from mockserver.exchange import Request, Response
from mockserver.journal import Budget, Journal
from mockserver.store import Store
from mockserver.verification import Lens, Matcher, har, near_misses, shown, violations
from tests import small
from tests.conftest import SMALL_SPEC

NOW = datetime(2026, 3, 15, 12, 30, 5, tzinfo=UTC)
TOKEN = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a8"
JSON_TYPE = {"content-type": "application/json"}
KEY = "c" * 32
PERSONAS = {"u1": "staff"}


@cache
def api():
    return small.build(SMALL_SPEC)


@pytest.fixture
def lens():
    return Lens.on(api(), PERSONAS)


@pytest.fixture
def book():
    return Journal("default", Budget(clock=lambda: NOW))


@pytest.fixture
def ask(book):
    """Ask the small API, and return the entry: `ask("GET", "/books/?page=1")`."""
    made = api()
    application = Application(made, Store(made.spec.resources), lambda: NOW)

    def send(method, target, body=None, **headers):
        path, _, query = target.partition("?")
        sent = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        given = {"host": "shelf.example", **({} if body is None else JSON_TYPE), **headers}
        request = Request(method, path, query, given, sent)
        return book.record(request, application.answer(request), 0.0125)

    return send


def entry_of(book, response, operation="list_books", request=None, user="u1"):
    request = request or Request("GET", "/books/", headers={"host": "shelf.example"})
    return book.record(request, Exchange(response, operation, user=user), 0.0)


def answer(value, status=200, media="application/json"):
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(status, {"Content-Type": media}, body)


# Showing


def test_a_row_says_what_happened(lens, ask):
    row = shown(lens, ask("POST", "/books/?page=1", {"title": "Comet"})._replace(user="u1"))

    assert row == {
        "number": 1,
        "session": "default",
        "at": "2026-03-15T12:30:05Z",
        "method": "POST",
        "path": "/books/",
        "query": "page=1",
        "operation": "create_book",
        "persona": "staff",
        "user": "u1",
        "status": 201,
        "milliseconds": 12.5,
        "notes": [],
        "wrote": False,
        "violations": ["query parameter page is not documented for create_book"],
    }


def test_who_is_no_persona_has_a_key_and_no_name(lens, book):
    row = shown(lens, entry_of(book, answer([]), user="u2"))

    assert (row["persona"], row["user"]) == (None, "u2")


def test_detail_adds_what_was_sent(lens, ask):
    found = shown(lens, ask("POST", "/books/", {"title": "Comet"}), detail=True)

    assert found["request"] == {
        "headers": {"host": "shelf.example", **JSON_TYPE},
        "body": {"title": "Comet"},
        "encoding": "json",
        "size": 17,
        "is_cut": False,
    }
    assert found["response"]["body"]["title"] == "Comet"
    assert found["response"]["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "media", "shown_as", "encoding"),
    [
        (b"", "", None, None),
        (b"[1]", "application/json", [1], "json"),
        (b"{oops", "application/json", "{oops", "text"),
        (b"<p>hi", "text/html", "<p>hi", "text"),
        (b"\xff\x00\xfe\x00\x00\x00", "image/png", "/wD+AAAA", "base64"),
        (b"a=1&a=2&b=", "application/x-www-form-urlencoded", {"a": ["1", "2"], "b": ""}, "form"),
    ],
)
def test_a_body_is_shown_as_what_it_is(lens, book, body, media, shown_as, encoding):
    request = Request("POST", "/books/", headers={"content-type": media}, body=body)
    found = shown(lens, entry_of(book, answer([]), "", request), detail=True)["request"]

    assert (found["body"], found["encoding"], found["size"]) == (shown_as, encoding, len(body))


def test_the_answer_to_head_has_no_body(lens, ask):
    found = shown(lens, ask("HEAD", "/books/"), detail=True)

    assert found["response"]["body"] is None
    assert found["response"]["size"] == 0
    assert found["violations"] == []


def test_a_cut_body_says_so(lens, book):
    long = b"x" * (journal.LONGEST_BODY + 1)
    found = shown(lens, entry_of(book, answer(long, media="text/plain"), ""), detail=True)

    assert found["response"]["is_cut"] is True
    assert found["response"]["size"] == len(long)
    assert len(found["response"]["body"]) == journal.LONGEST_BODY


def test_no_credential_is_shown(lens, ask):
    given = {"authorization": f"Bearer {TOKEN}"}
    entry = ask("POST", f"/books/?api_key={TOKEN}", {"title": TOKEN, "token": TOKEN}, **given)

    for text in (shown(lens, entry), shown(lens, entry, detail=True), har(lens, [entry])):
        assert TOKEN not in json.dumps(text)


# Violations


def test_what_is_as_described_violates_nothing(lens, ask):
    made = ask("POST", "/books/", {"title": "Comet"})
    key = orjson.loads(made.response.body)["id"]
    entries = [made, ask("GET", "/books/?title=com&page=1"), ask("GET", f"/books/{key}/")]

    assert [violations(lens, entry) for entry in entries] == [[], [], []]


def test_a_missing_operation_is_one(lens, ask):
    assert violations(lens, ask("GET", "/shelves/")) == ["no operation answers GET /shelves/"]
    assert violations(lens, ask("PUT", "/books/")) == ["no operation answers PUT /books/"]


def test_an_operation_that_is_gone_is_one(lens, book):
    entry = entry_of(book, answer([]), "burn_books")

    assert violations(lens, entry) == ["operation burn_books is no longer described"]


def test_options_and_redirects_are_none(lens, ask):
    assert violations(lens, ask("OPTIONS", "/books/")) == []
    assert violations(lens, ask("GET", "/books")) == []


def test_an_undocumented_status_is_one(lens, book):
    (text,) = violations(lens, entry_of(book, answer({}, 418)))

    assert text == "list_books: status 418 is not among 200"


def test_an_answer_that_breaks_its_schema_is_one(lens, book):
    (text,) = violations(lens, entry_of(book, answer([{"title": 1}])))

    assert text.startswith("list_books: at /0/title: ")


def test_an_answer_that_is_no_json_is_one(lens, book):
    (text,) = violations(lens, entry_of(book, answer(b"[{")))

    assert text == "list_books: the answer says that it is JSON, and is not"


def test_the_start_of_an_answer_is_not_judged(lens, book):
    body = b"[" + b" " * journal.LONGEST_BODY + b"]"
    cut, other = entry_of(book, answer(body)), entry_of(book, answer(body, 418))

    assert violations(lens, cut) == []
    assert len(violations(lens, other)) == 1


def test_what_an_api_complains_of_is_told(lens, ask):
    found = violations(lens, ask("POST", "/books/", {"title": "x" * 21}))

    assert "rejected: title: Ensure this field has no more than 20 characters." in found


@pytest.mark.parametrize(
    ("body", "media", "told"),
    [
        ({"a": {"b": ["No."]}, "c": ["Why?", "How?"]}, "json", ["a.b: No.", "c: Why?", "c: How?"]),
        (["Never."], "json", ["Never."]),
        ({"detail": "Bad."}, "json", ["Bad."]),
        (
            {"detail": "Bad.", "errors": [{"pointer": "/a", "detail": "No."}, 3]},
            "problem+json",
            ["/a: No."],
        ),
        (b"oops", "json", ["oops"]),
        (b"", "json", []),
    ],
)
def test_complaints_are_read_in_any_dialect(lens, book, body, media, told):
    entry = entry_of(book, answer(body, 400, f"application/{media}"))
    found = [text for text in violations(lens, entry) if text.startswith("rejected: ")]

    assert found == [f"rejected: {text}" for text in told]


def test_a_violation_quotes_no_credential(lens, book):
    headers = {"authorization": f"Bearer {TOKEN}"}
    request = Request("GET", "/books/", f"{TOKEN}=1", headers)
    found = violations(lens, entry_of(book, answer([{"id": TOKEN + "!"}]), request=request))

    assert len(found) == 2
    assert TOKEN not in "".join(found)


def test_many_violations_are_a_few_sentences(lens, ask):
    query = "&".join(f"p{number}=1" for number in range(100))
    found = violations(lens, ask("GET", f"/books/?{query}"))

    assert len(found) == 21
    assert found[-1] == "80 more query parameters are not documented"


def test_a_long_sentence_is_cut(lens, book):
    (text,) = violations(lens, entry_of(book, answer([{"id": ["x" * 5000]}])))

    assert len(text) == 500
    assert text.endswith("…")


def test_too_many_parameters_are_told_by_the_answer(lens, ask):
    found = violations(lens, ask("GET", "/books/?" + "a&" * 1001))

    assert "rejected: Too many query parameters: 1000 at most." in found


def test_a_fieldset_may_leave_members_out(default_world):
    made = default_world.api
    lens, book = Lens.on(made), Journal("a", Budget())
    operation = made.spec.operation("marketplace_service_providers_list")
    assert operation.has_fieldset
    without, asked = (
        entry_of(book, answer([{}]), operation.id, Request("GET", operation.path, query))
        for query in ("", "field=name")
    )

    assert "is a required property" in violations(lens, without)[0]
    assert violations(lens, asked) == []


def test_a_lens_for_other_callers_shares_the_rest(lens):
    other = lens.with_personas({"u2": "guest"})

    assert other.judge is lens.judge
    assert other.redactor is lens.redactor
    assert other.personas == {"u2": "guest"}


# Matching


@pytest.fixture
def entry(book):
    body = orjson.dumps({"title": "Comet", "tags": ["a", {"b": 1}], "is_new": True, "n": None})
    headers = {**JSON_TYPE, "x-request-id": "7"}
    request = Request("POST", "/books/%C3%A9t%C3%A9/", "page=1&page=2&flag", headers, body)
    return entry_of(book, answer({}, 404), "create_book", request)


MATCHING = [
    {},
    {"method": "POST"},
    {"method": "post"},
    {"path": "/books/*"},
    {"path": "*/été/"},
    {"path": "/books/%C3%A9t%C3%A9/"},
    {"path": "/b????/*/"},
    {"operation": "create_book"},
    {"persona": "staff"},
    {"status": 404},
    {"status": "404"},
    {"status": "4xx"},
    {"status": "4XX"},
    {"status": [200, "4xx"]},
    {"query": {"page": "2"}},
    {"query": {"page": 1}},
    {"query": {"flag": None}},
    {"query": {"page": ["7", "1"], "flag": ""}},
    {"headers": {"X-Request-Id": "7"}},
    {"body": {"title": "Comet"}},
    {"body": {"tags": [{"b": 1}]}},
    {"body": {"tags": [{}, "a"]}},
    {"body": {"is_new": True, "n": None}},
    {"body": {}},
    {"session": "default"},
]
OTHER = [
    {"method": "GET"},
    {"path": "/books/"},
    {"path": "books"},
    {"operation": "list_books"},
    {"persona": "guest"},
    {"persona": None},
    {"status": 400},
    {"status": "2xx"},
    {"query": {"page": "3"}},
    {"query": {"o": None}},
    {"headers": {"X-Request-Id": "8"}},
    {"headers": {"X-Other": ""}},
    {"body": {"title": "comet"}},
    {"body": {"other": None}},
    {"body": {"tags": ["c"]}},
    {"body": {"tags": "a"}},
    {"body": {"is_new": 1}},
    {"body": []},
    {"body": None},
    {"session": "mine"},
    {"method": "POST", "status": 200},
]


@pytest.mark.parametrize("given", MATCHING, ids=json.dumps)
def test_an_exchange_is_found(entry, given):
    matcher = Matcher.read(given)

    assert matcher.find([entry], PERSONAS) == [entry]
    assert matcher.count([entry, entry], PERSONAS) == 2


@pytest.mark.parametrize("given", OTHER, ids=json.dumps)
def test_another_exchange_is_not(entry, given):
    matcher = Matcher.read(given)

    assert matcher.find([entry], PERSONAS) == []
    assert matcher.count([entry], PERSONAS) == 0


def test_nobody_is_a_caller_without_a_key(book):
    nobody, somebody = (entry_of(book, answer([]), user=user) for user in (None, "u9"))

    assert Matcher.read({"persona": None}).find([nobody, somebody]) == [nobody]


def test_a_form_matches_by_its_fields(book):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", "/books/", headers=headers, body=b"title=Comet&x=1&x=2")
    entry = entry_of(book, answer([]), request=request)

    assert Matcher.read({"body": {"title": "Comet", "x": ["2"]}}).count([entry]) == 1


def test_no_body_contains_nothing(book):
    assert Matcher.read({"body": {}}).count([entry_of(book, answer([]))]) == 0


@pytest.mark.parametrize(
    ("given", "blamed"),
    [
        ({"colour": 1}, ["colour"]),
        ({1: 1}, ["1"]),
        ({"method": 1, "path": "", "session": None}, ["method", "path", "session"]),
        ({"path": "x" * 1001}, ["path"]),
        ({"operation": []}, ["operation"]),
        ({"persona": 1}, ["persona"]),
        ({"status": "abc"}, ["status"]),
        ({"status": 99}, ["status"]),
        ({"status": "6xx"}, ["status"]),
        ({"status": True}, ["status"]),
        ({"status": 404.0}, ["status"]),
        ({"status": []}, ["status"]),
        ({"status": None}, ["status"]),
        ({"query": "a=1"}, ["query"]),
        ({"query": {"a": {}}}, ["query"]),
        ({"query": {"a": []}}, ["query"]),
        ({"headers": {"a": 1}}, ["headers"]),
        ({"headers": []}, ["headers"]),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(given, blamed):
    with pytest.raises(Invalid) as refused:
        Matcher.read(given)

    assert sorted(refused.value.issues) == blamed


@pytest.mark.parametrize("given", [None, [], "GET", 3])
def test_a_description_is_an_object(given):
    with pytest.raises(Invalid, match="must be an object"):
        Matcher.read(given)


def test_what_is_not_known_says_what_is():
    with pytest.raises(Invalid, match="Known are: method, path, operation"):
        Matcher.read({"verb": "GET"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_a_value_contains_itself(value):
    assert matching.contains(value, value)


@given(json_values, st.data())
def test_a_value_contains_what_is_left_of_it(value, data):
    """Leaving out members and items leaves something that is contained."""

    def less(part):
        if isinstance(part, dict):
            kept = [name for name in part if data.draw(st.booleans())]
            return {name: less(part[name]) for name in kept}
        if isinstance(part, list):
            return [less(item) for item in part if data.draw(st.booleans())]
        return part

    assert matching.contains(value, less(value))


@given(json_values, json_values)
def test_a_value_with_more_is_not_contained(value, other):
    assert not matching.contains({"x": value}, {"x": value, "w": other})
    assert not matching.contains([], [other])


# Near misses


@pytest.mark.parametrize(
    ("method", "path", "nearest", "difference"),
    [
        ("GET", "/book/", "list_books", "/book/ differs from /books/ in segment 1"),
        ("GET", "/Books/", "list_books", "/Books/ differs from /books/ in segment 1"),
        (
            "GET",
            f"/books/{KEY}",
            "get_book",
            f"/books/{KEY} differs from /books/{{id}}/ by a missing slash",
        ),
        (
            "PATCH",
            f"/books/{KEY}/",
            "delete_book",
            f"/books/{KEY}/ differs from /books/{{id}}/ in the method, DELETE there",
        ),
        (
            "GET",
            "/api/books/",
            "list_books",
            "/api/books/ differs from /books/ by segment 1 too many",
        ),
        (
            "GET",
            "//books/",
            "list_books",
            "//books/ differs from /books/ by a slash too many",
        ),
        (
            "DELETE",
            f"/book/{KEY}/",
            "delete_book",
            f"/book/{KEY}/ differs from /books/{{id}}/ in segment 1",
        ),
        ("HEAD", "/book/", "list_books", "/book/ differs from /books/ in segment 1"),
    ],
)
def test_the_nearest_operation_is_first(ask, method, path, nearest, difference):
    found = nearness.near_misses(api().spec.operations, method, path)

    assert found[0].operation == nearest
    assert found[0].difference == difference


def test_a_missing_segment_is_named(default_world):
    found = nearness.near_misses(default_world.api.spec.operations, "GET", "/marketplace-plans/")

    assert found[0].operation == "marketplace_plans_list"
    assert found[0].difference.endswith("by missing segment 1, api")


def test_a_slip_of_the_pen_is_found(default_world):
    found = nearness.near_misses(default_world.api.spec.operations, "GET", "/api/marketplace-plan/")

    assert found[0].difference == (
        "/api/marketplace-plan/ differs from /api/marketplace-plans/ in segment 2"
    )


@pytest.mark.parametrize(
    "path", ["/", "/favicon.ico", "/a/b/c/d/", "", "/" * 5000, "/" + "books" * 2000 + "/"]
)
def test_what_is_like_nothing_has_no_near_miss(path):
    assert nearness.near_misses(api().spec.operations, "GET", path) == []


def test_every_path_of_an_api_is_found_with_one_letter_changed(default_world):
    """Whatever the template, a wrong letter in its longest word leads back to it."""
    operations = default_world.api.spec.operations
    for operation in operations:
        path = re.sub(r"\{\w+\}", KEY, operation.path)
        word = max(re.findall(r"[a-z][a-z_-]+", re.sub(r"\{\w+\}", "", operation.path)), key=len)
        wrong = path.replace(word, word[:-1] + "~", 1)
        found = nearness.near_misses(operations, operation.method, wrong)

        assert found[0].operation == operation.id


@given(st.text("/ab{}%c.é\ud800", max_size=60), st.sampled_from(["GET", "PUT", "PURGE"]))
def test_no_path_is_too_odd(path, method):
    for miss in nearness.near_misses(api().spec.operations, method, "/" + path):
        assert miss.path in miss.difference


def test_near_misses_are_for_requests_without_an_operation(ask):
    assert near_misses(api(), ask("GET", "/book/"))[0] == {
        "operation": "list_books",
        "method": "GET",
        "path": "/books/",
        "difference": "/book/ differs from /books/ in segment 1",
    }
    assert [miss["method"] for miss in near_misses(api(), ask("PUT", "/books/"))] == ["GET", "POST"]
    assert near_misses(api(), ask("GET", f"/books/{KEY}/")) == []


def test_near_misses_repeat_no_credential(ask):
    entry = ask("GET", f"/book/{TOKEN}/", authorization=f"Bearer {TOKEN}")
    found = near_misses(api(), entry)

    assert found
    assert TOKEN not in json.dumps(found)


# Archives

#: What HAR 1.2 asks for, as far as we write it.
NAMED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "value"],
        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
    },
}
MESSAGE = ["httpVersion", "cookies", "headers", "headersSize", "bodySize"]
HAR = {
    "type": "object",
    "required": ["log"],
    "properties": {
        "log": {
            "type": "object",
            "required": ["version", "creator", "entries"],
            "properties": {
                "version": {"const": "1.2"},
                "creator": {"type": "object", "required": ["name", "version"]},
                "entries": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": [
                            *("startedDateTime", "time", "request", "response"),
                            *("cache", "timings"),
                        ],
                        "properties": {
                            "startedDateTime": {"type": "string", "format": "date-time"},
                            "time": {"type": "number", "minimum": 0},
                            "cache": {"type": "object"},
                            "timings": {"type": "object", "required": ["send", "wait", "receive"]},
                            "request": {
                                "type": "object",
                                "required": [*MESSAGE, "method", "url", "queryString"],
                                "properties": {
                                    "url": {"type": "string", "pattern": "^https?://"},
                                    "headers": NAMED,
                                    "queryString": NAMED,
                                    "bodySize": {"type": "integer"},
                                    "postData": {"required": ["mimeType", "text"]},
                                },
                            },
                            "response": {
                                "type": "object",
                                "required": [
                                    *MESSAGE,
                                    *("status", "statusText", "content", "redirectURL"),
                                ],
                                "properties": {
                                    "status": {"type": "integer"},
                                    "headers": NAMED,
                                    "content": {
                                        "type": "object",
                                        "required": ["size", "mimeType"],
                                        "properties": {"text": {"type": "string"}},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


def test_an_archive_has_the_form_of_one(lens, ask, book):
    ask("POST", "/books/?page=1&x=a%20b", {"title": "Comet"})
    ask("HEAD", "/books/")
    ask("GET", "/books")
    ask("PUT", "/books/", b"\xff\x00\xfe\x00\x00\x00")
    entry_of(book, Response(299, {}))
    found = har(lens, book.entries())

    jsonschema.Draft202012Validator(HAR).validate(found)
    assert len(found["log"]["entries"]) == 5
    assert orjson.dumps(found)


def test_an_archive_tells_what_was_sent(lens, ask):
    entry = ask("POST", "/books/?x=a%20b", {"title": "Comet"})
    (found,) = har(lens, [entry])["log"]["entries"]

    assert found["startedDateTime"] == "2026-03-15T12:30:04.987500+00:00"
    assert found["time"] == 12.5
    assert found["request"]["url"] == "http://shelf.example/books/?x=a%20b"
    assert found["request"]["queryString"] == [{"name": "x", "value": "a b"}]
    assert found["request"]["postData"] == {
        "mimeType": "application/json",
        "text": '{"title":"Comet"}',
    }
    assert found["response"]["statusText"] == "Created"
    assert orjson.loads(found["response"]["content"]["text"])["title"] == "Comet"
    assert found["comment"] == "number=1 session=default operationId=create_book"


def test_an_archive_keeps_the_base_url_of_a_session(lens, ask):
    entry = ask("GET", "/books/")
    inside = entry._replace(request=replace(entry.request, mount="/__mock__/s/mine"))
    (found,) = har(lens, [inside])["log"]["entries"]

    assert found["request"]["url"] == "http://shelf.example/__mock__/s/mine/books/"


def test_an_archive_of_nothing_is_one(lens):
    found = har(lens, [])

    jsonschema.Draft202012Validator(HAR).validate(found)
    assert found["log"]["entries"] == []


def test_bytes_in_an_archive_are_base64(lens, book):
    picture = answer(b"\x89PNG\xff\x00\x01\x02\x03\x04", media="image/png")
    (found,) = har(lens, [entry_of(book, picture)])["log"]["entries"]

    assert found["response"]["content"]["encoding"] == "base64"


def test_a_form_in_an_archive_is_a_form(lens, book):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", "/books/", headers=headers, body=b"a=1&a=2&password=abc")
    (found,) = har(lens, [entry_of(book, answer([]), request=request)])["log"]["entries"]

    assert found["request"]["postData"]["text"] == "a=1&a=2&password=%5Bredacted%5D"


def test_the_parts_are_reached_in_one_place():
    assert verification.Matcher is matching.Matcher
    assert isinstance(Lens.on(api()).redactor, redaction.Redactor)
