"""The admin API, by plain calls: what each operation does, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import admin
from mockserver.admin import document, edits
from mockserver.exchange import Request
from mockserver.hub import Settings
from tests.admin_client import HOST, Client

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "admin-api.md"
#: For tests that leave no trace.
RUNNING = Client()
#: For properties, each on a world of its own.
EDITED, LOADED = Client(), Client()
OPERATIONS = document.spec().operations


@pytest.fixture
def client() -> Client:
    return Client()


def book(**fields: Any) -> dict[str, Any]:
    """Return what makes a book."""
    return {"author": 1, "branch": 1, "title": "A Book", **fields}


# The server


def test_a_start_does_not_wait_for_the_admin_api(client: Client) -> None:
    client.api("GET", "/books")
    client.api("GET", "/__mock__/health")
    assert client.hub._admin is None
    client("GET", "/version")
    assert client.hub._admin is not None


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_is_told_by_the_admin_api_as_by_the_hub(client: Client, path: str) -> None:
    inner = client.hub.admin.answer(Request("GET", path, headers={"host": HOST})).response
    assert client("GET", path).body == json.loads(inner.body)


def test_the_version_names_what_is_served(client: Client) -> None:
    body = client("GET", "/version").body
    assert body["api"] == {"title": "Town Library", "version": "1.0.0"}
    assert body["operations"] == len(client.hub.application.api.operations)


def test_metrics_count_sessions_records_and_requests(client: Client) -> None:
    client.api("GET", "/books")
    client.api("GET", "/books", x_mock_session="other")
    client("POST", "/faults?session=other", {"fault": {"kind": "reset"}})
    answer = client("GET", "/metrics", accept="text/plain")
    lines = answer.content.decode().splitlines()
    assert "mockserver_sessions 2.0" in lines
    assert 'mockserver_records{session="default"} 99.0' in lines
    assert 'mockserver_fault_rules{session="other"} 1.0' in lines
    assert 'mockserver_requests_total{operation="books_list",status="200"} 2.0' in lines
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_metrics_without_their_library_say_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    answer = client("GET", "/metrics")
    assert answer.status == 501
    assert "pip install 'waldur-mockserver[metrics]'" in answer.body["detail"]


def test_both_documents_are_shown(client: Client) -> None:
    assert "/books" in client("GET", "/openapi.json").body["paths"]
    assert "/undo" in client("GET", "/admin.json").body["paths"]


# Sessions


def test_a_session_is_made_when_it_is_first_named(client: Client) -> None:
    assert client("GET", "/sessions").names == ["default"]
    assert client("GET", "/clock?session=mine").status == 200
    assert client("GET", "/clock", x_mock_session="yours").status == 200
    assert client("GET", "/sessions").names == ["default", "mine", "yours"]


def test_the_parameter_wins_over_the_header(client: Client) -> None:
    client("GET", "/clock?session=mine", x_mock_session="yours")
    assert client("GET", "/sessions").names == ["default", "mine"]


def test_below_a_session_the_admin_api_is_about_that_session(client: Client) -> None:
    path = "/__mock__/s/mine/__mock__/snapshots"
    made = client.api("POST", path, {"name": "one"})
    assert made.status == 201
    assert client("GET", "/snapshots?session=mine").names == ["one"]
    assert client("GET", "/snapshots").names == []


@pytest.mark.parametrize(
    "operation",
    [o for o in OPERATIONS if any(p.name == "session" for p in o.parameters)],
    ids=lambda operation: operation.id,
)
def test_a_malformed_session_name_is_refused_wherever_it_is_said(operation: Any) -> None:
    path = re.sub("{[^}]+}", "1", operation.path)
    bodies: dict[str, Any] = {
        "clock_set": {"clock": "real"},
        "clock_advance": {"by": "1d"},
        "snapshots_create": {"name": "one"},
        "faults_create": {"fault": {"kind": "reset"}},
        "faults_replace": {"fault": {"kind": "reset"}},
    }
    body = bodies.get(operation.id, {} if operation.body else None)
    before = RUNNING("GET", "/sessions").body
    for name in (".hidden", "a b", "a/b", "x" * 65, "\u00e4"):
        answer = RUNNING(operation.method, f"{path}?session={quote(name)}", body)
        assert answer.status == 400
        assert list(answer.errors) == ["/session"]
    assert RUNNING("GET", "/sessions").body == before


def test_more_sessions_than_there_may_be_are_429() -> None:
    client = Client(Settings(max_sessions=2))
    assert client("POST", "/sessions", {"name": "one"}).status == 201
    answer = client("POST", "/sessions", {"name": "two"})
    assert answer.status == 429
    assert "--max-sessions" in answer.body["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert client("GET", "/clock?session=three").status == 429


def test_a_session_has_its_own_scenario_seed_and_clock(client: Client) -> None:
    sent = {"name": "mine", "scenario": "empty", "seed": 5, "clock": "2030-01-01T00:00:00Z"}
    made = client("POST", "/sessions", sent)
    assert made.status == 201
    assert made.headers["Location"] == f"http://{HOST}/__mock__/sessions/mine"
    assert sent.items() <= made.body.items()
    assert made.body["now"] == "2030-01-01T00:00:00Z"
    assert made.body["base_url"] == f"http://{HOST}/__mock__/s/mine"
    assert client("GET", "/sessions/mine").body == made.body
    assert client.api("GET", "/__mock__/s/mine/books").body["total"] == 0


def test_a_session_without_a_name_gets_one(client: Client) -> None:
    one, two = client("POST", "/sessions", {}).body, client("POST", "/sessions").body
    assert one["name"] != two["name"]
    assert one["scenario"] == "default"


def test_a_name_that_is_taken_is_a_conflict(client: Client) -> None:
    client("POST", "/sessions", {"name": "mine"})
    assert client("POST", "/sessions", {"name": "mine"}).status == 409


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a b"}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": 1}, "/name"),
        ({"scenario": "nowhere"}, "/scenario"),
        ({"seed": -1}, "/seed"),
        ({"seed": "1"}, "/seed"),
        ({"clock": "noon"}, "/clock"),
        ({"clock": "9999-01-01T00:00:00Z"}, "/clock"),
    ],
)
def test_a_bad_session_is_not_made(client: Client, body: Any, pointer: str) -> None:
    answer = client("POST", "/sessions", body)
    assert answer.status == 400
    assert list(answer.errors) == [pointer]
    assert client("GET", "/sessions").names == ["default"]


def test_a_forgotten_session_is_gone(client: Client) -> None:
    client("POST", "/sessions", {"name": "mine"})
    assert client("DELETE", "/sessions/mine").status == 204
    assert client("DELETE", "/sessions/mine").status == 404
    assert client("GET", "/sessions/mine").status == 404
    assert client("GET", "/sessions").names == ["default"]


def test_the_default_session_starts_anew_when_it_is_forgotten(client: Client) -> None:
    client("POST", "/records/book", book())
    client("DELETE", "/sessions/default")
    assert client("GET", "/sessions/default").body["records"] == 99


def test_a_token_leads_into_its_session_by_itself(client: Client) -> None:
    client("POST", "/sessions", {"name": "mine"})
    made = client("POST", "/sessions/mine/tokens", {"persona": "librarian"})
    assert made.status == 201
    seen = client.api("GET", "/statistics", caller=made.body["token"])
    assert seen.status == 200
    assert client("GET", "/requests?session=mine").body["total"] == 1
    again = client("POST", "/sessions/mine/tokens", {"persona": "librarian"})
    assert again.body["token"] != made.body["token"]


@pytest.mark.parametrize("body", [{"persona": "nobody"}, {"persona": ""}, {}, {"persona": None}])
def test_a_token_of_nobody_is_refused(client: Client, body: Any) -> None:
    answer = client("POST", "/sessions/default/tokens", body)
    assert answer.status == 400
    assert list(answer.errors) == ["/persona"]


def test_a_token_of_an_unknown_session_is_404_and_makes_none(client: Client) -> None:
    assert client("POST", "/sessions/mine/tokens", {"persona": "reader"}).status == 404
    assert client("GET", "/sessions").names == ["default"]


def test_personas_are_shown_with_their_tokens(client: Client) -> None:
    answer = client("GET", "/personas?search=BORROWS")
    assert answer.body["items"] == [
        {
            "name": "reader",
            "token": "card-reader",
            "description": "Borrows and reviews.",
            "user": "Rune Page",
        }
    ]


def test_a_malformed_header_is_refused_also_where_the_parameter_decides(client: Client) -> None:
    for query in ("", "?session=mine"):
        answer = client("GET", f"/clock{query}", x_mock_session="a b")
        assert list(answer.errors) == ["/X-Mock-Session"]
    assert client("GET", "/sessions").names == ["default"]


# Lists


def test_lists_have_filters_orders_and_pages(client: Client) -> None:
    for name in ("b", "a", "c"):
        client("POST", "/snapshots", {"name": name})
    assert client("GET", "/snapshots?order=-name&page_size=2").names == ["c", "b"]
    second = client("GET", "/snapshots?order=-name&page_size=2&page=2").body
    assert second["previous"].startswith(f"http://{HOST}/__mock__/snapshots?")
    assert client("GET", "/snapshots?search=B").names == ["b"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("order=size", "/order"), ("page_size=0", "/page_size"), ("page_size=9999", "/page_size")],
)
def test_lists_refuse_what_they_do_not_know(client: Client, query: str, pointer: str) -> None:
    assert list(client("GET", f"/sessions?{query}").errors) == [pointer]


def test_a_long_list_can_be_sorted(client: Client) -> None:
    for _ in range(300):
        client.api("GET", "/books/1")
    body = client("GET", "/requests?page_size=1000&order=number").body
    assert [row["number"] for row in body["items"]] == list(range(1, 301))


# Scenarios, reset, snapshots, undo


def test_scenarios_say_which_one_a_session_started_from(client: Client) -> None:
    client("POST", "/reset?session=mine", {"scenario": "empty"})
    items = client("GET", "/scenarios?session=mine").body["items"]
    assert [(item["name"], item["is_current"]) for item in items] == [
        ("default", False),
        ("empty", True),
    ]
    assert all(item["description"] for item in items)


def test_reset_takes_everything_back_but_what_is_kept(client: Client) -> None:
    client("POST", "/records/book", book())
    client.api("GET", "/books")
    client("POST", "/snapshots", {"name": "one"})
    client("POST", "/faults", {"fault": {"kind": "reset"}, "path": "/nowhere"})
    client("PUT", "/clock", {"clock": "2031-01-01T00:00:00Z"})
    keep = ["journal", "faults", "clock", "snapshots"]
    kept = client("POST", "/reset", {"keep": keep}).body
    assert kept["records"] == 99
    assert kept["now"] == "2031-01-01T00:00:00Z"
    assert (kept["requests"], kept["snapshots"], kept["faults"]) == (1, 1, 1)
    gone = client("POST", "/reset").body
    assert gone["now"] == "2026-03-01T12:00:00Z"
    assert (gone["requests"], gone["snapshots"], gone["faults"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scenario": "nowhere"}, "/scenario"),
        ({"scenario": 1}, "/scenario"),
        ({"seed": 1.5}, "/seed"),
        ({"clock": "later"}, "/clock"),
        ({"keep": ["everything"]}, "/keep/0"),
        ({"keep": "journal"}, "/keep"),
        ([], ""),
    ],
)
def test_a_bad_reset_changes_nothing(client: Client, body: Any, pointer: str) -> None:
    client("POST", "/records/book", book())
    before = client("GET", "/sessions/default").body
    answer = client("POST", "/reset", body)
    assert answer.status == 400
    assert list(answer.errors) == [pointer]
    assert client("GET", "/sessions/default").body == before


def test_a_scenario_that_cannot_be_read_is_told(client: Client) -> None:
    from mockserver.errors import BrokenSpec, FixtureError

    def broken(*_: Any) -> Any:
        raise BrokenSpec([FixtureError("empty.yaml:3", "no such field; remove it")])

    client.hub._load = broken
    before = client.hub.sessions.default.state
    for path in ("/reset", "/sessions"):
        answer = client("POST", path, {"scenario": "empty"})
        assert "empty.yaml:3" in answer.errors["/scenario"]
    assert client.hub.sessions.default.state is before


def test_a_snapshot_brings_everything_back_and_that_can_be_undone(client: Client) -> None:
    taken = client("POST", "/snapshots", {"name": "before"}).body
    assert taken["records"] == 99
    client("DELETE", "/records/review/1")
    assert client("POST", "/snapshots/before/restore").body == taken
    assert client("GET", "/sessions/default").body["records"] == 99
    client("POST", "/undo")
    assert client("GET", "/sessions/default").body["records"] == 98


def test_a_snapshot_is_replaced_only_on_purpose(client: Client) -> None:
    client("POST", "/snapshots", {"name": "one"})
    client("DELETE", "/records/review/1")
    refused = client("POST", "/snapshots", {"name": "one"})
    assert refused.status == 409
    assert "PUT /snapshots/one" in refused.body["detail"]
    assert client("GET", "/snapshots/one").body["records"] == 99
    assert client("PUT", "/snapshots/one").body["records"] == 98
    assert client("PUT", "/snapshots/two").status == 200
    assert client("GET", "/snapshots").names == ["one", "two"]


def test_a_snapshot_that_is_not_there_is_404(client: Client) -> None:
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/restore")]:
        assert client(method, f"/snapshots/none{path}").status == 404


@pytest.mark.parametrize("name", ["", ".x", "a b", "a/b", 5, None, "x" * 65])
def test_a_snapshot_needs_a_name(client: Client, name: Any) -> None:
    assert list(client("POST", "/snapshots", {"name": name}).errors) == ["/name"]


def test_a_malformed_name_in_the_address_is_refused(client: Client) -> None:
    assert list(client("PUT", "/snapshots/a%20b").errors) == ["/name"]


def test_undo_takes_back_so_many_writes_and_no_more(client: Client) -> None:
    for number in (1, 2, 3):
        client("DELETE", f"/records/review/{number}")
    assert client("POST", "/undo", {"writes": 2}).body == {"undone": 2, "undoable": 1}
    assert client("GET", "/sessions/default").body["records"] == 98
    assert client("POST", "/undo", {"writes": 9}).body == {"undone": 1, "undoable": 0}
    assert client("GET", "/sessions/default").body["records"] == 99


@pytest.mark.parametrize("writes", [0, -1, 1001, "2", 1.5, None, True])
def test_undo_needs_a_number(client: Client, writes: Any) -> None:
    assert list(client("POST", "/undo", {"writes": writes}).errors) == ["/writes"]


# The state as a text


def test_the_state_can_be_read_and_written_back(client: Client) -> None:
    text = client("GET", "/state", accept="application/yaml")
    assert text.headers["Content-Type"] == "application/yaml"
    told = client("GET", "/state?format=json").body
    before = client("GET", "/records/book").body
    client("POST", "/reset", {"scenario": "empty"})
    assert client("PUT", "/state", text.content, content_type="application/yaml").status == 200
    assert client("GET", "/records/book").body == before
    client("POST", "/reset", {"scenario": "empty"})
    assert client("PUT", "/state", told).body["records"] == 99
    assert client("GET", "/records/book").body == before
    assert client("GET", "/personas?page_size=1").body["total"] == 4


def test_writing_the_state_can_be_undone(client: Client) -> None:
    client("PUT", "/state", b"records: {}\n", content_type="application/yaml")
    assert client("GET", "/sessions/default").body["records"] == 0
    assert client("GET", "/personas").body["total"] == 0
    client("POST", "/undo")
    assert client("GET", "/sessions/default").body["records"] == 99
    assert client("GET", "/personas").body["total"] == 4
    assert client("POST", "/reset").body["scenario"] == "default"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/yaml"),
        ("*/*", "application/yaml"),
        ("application/json", "application/json"),
        ("application/yaml, application/json", "application/yaml"),
    ],
)
def test_the_state_is_yaml_unless_json_is_wanted(client: Client, accept: str, media: str) -> None:
    assert client("GET", "/state", accept=accept).headers["Content-Type"] == media


def test_the_state_is_written_in_no_other_language(client: Client) -> None:
    assert list(client("GET", "/state?format=xml").errors) == ["/format"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "empty"),
        (b"\xff", "UTF-8"),
        (b"records:\n  book:\n    one: {titel: x}\n", "line 3"),
        (b"records: [\n", "line"),
        (b"- 1\n", "mapping"),
        (b"shelves: {}\n", "shelves"),
        (b"include: [other]\n", "include"),
        (b"a: &a [*a]\n", ""),
        (b"[" * 5000, ""),
        (b'{"records": {"book": 5}}', ""),
    ],
)
def test_a_bad_state_changes_nothing(client: Client, text: bytes, told: str) -> None:
    before = client.hub.sessions.default.state
    answer = client("PUT", "/state", text, content_type="application/yaml")
    assert answer.status == 400
    assert told in " ".join(answer.errors.values())
    assert client.hub.sessions.default.state is before
    assert client("POST", "/undo").body["undone"] == 0


def test_a_state_must_be_a_text(client: Client) -> None:
    assert client("PUT", "/state", b"{}", content_type="image/png").status == 415


# Records


def test_resources_tell_their_fields_and_how_many_records_there_are(client: Client) -> None:
    items = {item["name"]: item for item in client("GET", "/resources").body["items"]}
    assert items["book"]["count"] == 46
    fields = {field["name"]: field for field in items["book"]["fields"]}
    assert fields["author"]["to"] == "author"
    assert fields["genre"]["enum"] == ["novel", "poetry", "drama", "essay"]
    assert not fields["rating"]["is_stored"]


def test_records_are_listed_by_key_and_found_by_text(client: Client) -> None:
    rows = client("GET", "/records/book?page_size=1000").body["items"]
    assert [row["key"] for row in rows] == [str(number) for number in range(1, 47)]
    found = client("GET", "/records/book?search=tide").body["items"]
    assert [row["label"] for row in found] == ["Tide Tables"]
    assert found[0]["resource"] == "book"
    assert found[0]["url"] == f"http://{HOST}/books/1"
    assert client("GET", "/records/book/1").body == found[0]


def test_the_address_of_a_record_is_inside_of_its_session(client: Client) -> None:
    url = client("GET", "/records/book/1?session=mine").body["url"]
    assert url == f"http://{HOST}/__mock__/s/mine/books/1"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_resource_is_404_and_tells_those_there_are(client: Client, method: str) -> None:
    answer = client(method, "/records/novels", {} if method == "POST" else None)
    assert answer.status == 404
    assert "author, book, branch" in answer.body["detail"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("key", ["999", "x", "-1", "9" * 30, "%00"])
def test_an_unknown_key_is_404(client: Client, method: str, key: str) -> None:
    assert client(method, f"/records/book/{key}", {} if method == "PATCH" else None).status == 404


def test_a_record_is_made_with_what_is_left_out_made_up(client: Client) -> None:
    made = client("POST", "/records/book", book())
    assert made.status == 201
    assert made.body["key"] == "47"
    assert made.body["fields"]["genre"] in ("novel", "poetry", "drama", "essay")
    assert client.api("GET", "/books/47").body["title"] == "A Book"
    client("POST", "/undo")
    assert client.api("GET", "/books/47").status == 404


def test_a_record_is_made_with_those_inside_of_it(client: Client) -> None:
    inside = {"reviews": [{"stars": 5}, {"stars": 3}]}
    made = client("POST", "/records/book", book(**inside))
    assert client.api("GET", f"/books/{made.body['key']}").body["rating"] == 4


def test_a_key_that_is_taken_is_a_conflict_for_a_new_record(client: Client) -> None:
    before = client.hub.sessions.default.state
    answer = client("POST", "/records/book", book(id=1))
    assert answer.status == 409
    assert "PUT /records/book/1" in answer.body["detail"]
    assert client.hub.sessions.default.state is before


def test_put_makes_a_record_or_replaces_all_of_it(client: Client) -> None:
    made = client("PUT", "/records/book/900", book(pages=7)).body
    assert (made["key"], made["fields"]["pages"]) == ("900", 7)
    replaced = client("PUT", "/records/book/900", book(title="Another", pages=8)).body
    assert (replaced["fields"]["title"], replaced["fields"]["pages"]) == ("Another", 8)


def test_patch_changes_the_named_fields_and_no_others(client: Client) -> None:
    before = client("GET", "/records/book/1").body["fields"]
    after = client("PATCH", "/records/book/1", {"pages": 3}).body["fields"]
    assert after == {**before, "pages": 3}


def test_delete_follows_the_rules_of_the_resource(client: Client) -> None:
    assert client("DELETE", "/records/author/1").status == 409
    assert client("DELETE", "/records/book/1").status == 204
    assert client("GET", "/records/book/1").status == 404


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"titel": "x"}, "/titel"),
        ({"pages": "many"}, "/pages"),
        ({"author": 999}, "/author"),
        ({"isbn": "1"}, "/isbn"),
        ({"reviews": [{"stars": 9}]}, "/reviews/0/stars"),
        ({"title": "\ud800"}, ""),
        ({"pages": 10**30}, "/pages"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/1"), ("PATCH", "/1")])
def test_a_bad_record_names_the_field_and_changes_nothing(
    client: Client, fields: Any, pointer: str, method: str, path: str
) -> None:
    before = client.hub.sessions.default.state
    sent = {**book(), **fields} if method != "PATCH" else fields
    answer = client(method, f"/records/book{path}", json.dumps(sent).encode())
    assert answer.status == 400
    assert list(answer.errors) == [pointer]
    assert client.hub.sessions.default.state is before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"[]", 400),
        (b"null", 400),
        (b'"x"', 400),
        (b"{", 400),
        (b'{"a": NaN}', 400),
        (b'{"keywords": ' + b"[" * 80 + b"]" * 80 + b"}", 400),
        (b'{"keywords": ' + b"[" * 990 + b"]" * 990 + b"}", 400),
        (b'{"a":' * 100_000, 400),
    ],
)
def test_a_body_that_is_no_object_is_refused(client: Client, body: bytes, status: int) -> None:
    assert client("PATCH", "/records/book/1", body).status == status


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(["id", "title", "author", "branch", "pages", "reviews", "loans", "keywords"])
    | st.text(max_size=5),
    JSONS,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(fields=FIELDS, verb=st.sampled_from(["POST /records/book", "PUT /records/book/1",
    "PATCH /records/book/1", "PUT /records/card/x", "POST /records/member"]))  # fmt: skip
def test_nothing_that_is_written_to_a_record_is_our_mistake(
    fields: dict[str, Any], verb: str
) -> None:
    method, _, path = verb.partition(" ")
    session = EDITED.hub.sessions.default
    before = session.state
    answer = EDITED(method, path, json.dumps(fields).encode())
    assert answer.status in (200, 201, 400, 409)
    assert answer.status < 400 or session.state is before
    EDITED("GET", "/state")


@settings(max_examples=150, deadline=None)
@given(text=st.text() | JSONS.map(json.dumps), form=st.sampled_from(["json", "yaml"]))
def test_no_text_for_a_state_is_our_mistake(text: str, form: str) -> None:
    sent = text.encode("utf-8", "replace")
    answer = LOADED("PUT", "/state", sent, content_type=f"application/{form}")
    assert answer.status in (200, 400)


# Time


def test_the_clock_is_set_and_moved(client: Client) -> None:
    body = client("PUT", "/clock", {"clock": "2026-01-31T12:00:00Z"}).body
    assert body == {"mode": "fixed", "now": "2026-01-31T12:00:00Z", "offset_seconds": 0}
    assert client("POST", "/clock/advance", {"by": "P1M"}).body["now"] == "2026-02-28T12:00:00Z"
    assert client("GET", "/clock").body["now"] == "2026-02-28T12:00:00Z"
    assert client("PUT", "/clock", {"clock": "real"}).body["mode"] == "real"
    assert client("PUT", "/clock", {"clock": "+3d"}).body["offset_seconds"] == 3 * 86_400
    assert client("GET", "/clock?session=other").body["now"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "+", "from", "P1D", 5, None, "x" * 65])
def test_a_bad_clock_is_refused(client: Client, text: Any) -> None:
    before = client("GET", "/clock").body
    answer = client("PUT", "/clock", {"clock": text})
    assert list(answer.errors) == ["/clock"]
    assert client("GET", "/clock").body == before


@pytest.mark.parametrize("by", ["", "soon", "P", "P9999Y", "9" * 60 + "d", 5, None, []])
def test_a_bad_duration_is_refused(client: Client, by: Any) -> None:
    before = client("GET", "/clock").body
    assert list(client("POST", "/clock/advance", {"by": by}).errors) == ["/by"]
    assert client("GET", "/clock").body == before


# Faults


def test_a_fault_rule_is_added_shown_replaced_and_removed(client: Client) -> None:
    sent = {"id": "slow", "path": "/books*", "fault": {"kind": "latency", "milliseconds": 5}}
    made = client("POST", "/faults", sent)
    assert made.status == 201
    assert sent.items() <= made.body.items()
    assert (made.body["matched"], made.body["fired"]) == (0, 0)
    client.api("GET", "/books")
    shown = client("GET", "/faults/slow").body
    assert (shown["matched"], shown["fired"]) == (1, 1)
    assert client("GET", "/faults").body["items"] == [shown]
    changed = {**shown, "probability": 0.5}
    del changed["matched"], changed["fired"]
    assert client("PUT", "/faults/slow", changed).body["probability"] == 0.5
    assert client("DELETE", "/faults/slow").status == 204
    assert client("GET", "/faults/slow").status == 404


def test_fault_rules_keep_their_order_and_may_be_cleared(client: Client) -> None:
    for name in ("z", "a", "m"):
        client("PUT", f"/faults/{name}", {"fault": {"kind": "empty"}, "path": "/nowhere"})
    items = client("GET", "/faults").body["items"]
    assert [item["id"] for item in items] == ["z", "a", "m"]
    assert client("DELETE", "/faults").status == 204
    assert client("GET", "/faults").body["total"] == 0


def test_fault_rules_are_found_by_operation_and_persona(client: Client) -> None:
    client("POST", "/faults", {"operation": "books_list", "fault": {"kind": "reset"}})
    client("POST", "/faults", {"persona": "reader", "fault": {"kind": "reset"}})
    assert client("GET", "/faults?operation=books_list").body["total"] == 1
    assert client("GET", "/faults?persona=reader").body["total"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/fault"),
        ({"fault": "reset"}, "/fault"),
        ({"fault": {}}, "/fault/kind"),
        ({"fault": {"kind": "fire"}}, "/fault/kind"),
        ({"fault": {"kind": "status", "code": 99}}, "/fault/code"),
        ({"fault": {"kind": "empty", "rate": 1}}, "/fault/rate"),
        ({"fault": {"kind": "reset"}, "operation": "nothing"}, "/operation"),
        ({"fault": {"kind": "reset"}, "persona": "nobody"}, "/persona"),
        ({"fault": {"kind": "reset"}, "probability": 0}, "/probability"),
        ({"fault": {"kind": "reset"}, "times": 0}, "/times"),
        ({"fault": {"kind": "reset"}, "path": "books"}, "/path"),
        ({"fault": {"kind": "reset"}, "colour": "red"}, "/colour"),
        ({"fault": {"kind": "reset"}, "id": "a b"}, "/id"),
    ],
)
def test_a_bad_fault_rule_is_refused(client: Client, body: Any, pointer: str) -> None:
    assert list(client("POST", "/faults", body).errors) == [pointer]
    assert client("GET", "/faults").body["total"] == 0


def test_the_address_of_a_fault_rule_and_its_id_must_agree(client: Client) -> None:
    body = {"id": "b", "fault": {"kind": "reset"}}
    assert list(client("PUT", "/faults/a", body).errors) == ["/id"]


# Requests


@pytest.fixture
def asked(client: Client) -> Client:
    """Return a client whose default session was asked a few things."""
    client.api("GET", "/books?sort=title", caller="card-reader")
    client.api("GET", "/authors?colour=red")
    client.api("GET", "/bokks")
    client.api("POST", "/books/1/loan", {"days": 3}, caller="card-reader")
    return client


def test_requests_are_listed_the_newest_first(asked: Client) -> None:
    rows = asked("GET", "/requests").body["items"]
    assert [row["number"] for row in rows] == [4, 3, 2, 1]
    assert rows[0]["persona"] == "reader"
    assert rows[0]["wrote"] == (rows[0]["status"] == 201)
    assert any("colour" in text for text in rows[2]["violations"])


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("method=POST", [4]),
        ("status=404", [3]),
        ("operation=authors_list", [2]),
        ("persona=reader", [4, 1]),
        ("path=BOK", [3]),
        ("since=2", [4, 3]),
        ("since=4", []),
    ],
)
def test_requests_are_filtered(asked: Client, query: str, numbers: list[int]) -> None:
    rows = asked("GET", f"/requests?{query}").body["items"]
    assert [row["number"] for row in rows] == numbers


@pytest.mark.parametrize("query", ["status=x", "since=x", "method=DROP"])
def test_a_bad_filter_is_refused(asked: Client, query: str) -> None:
    assert list(asked("GET", f"/requests?{query}").errors) == ["/" + query.partition("=")[0]]


def test_a_request_is_shown_with_bodies_and_without_secrets(asked: Client) -> None:
    answer = asked("GET", "/requests/4")
    assert answer.body["request"]["body"] == {"days": 3}
    assert b"card-reader" not in answer.content
    assert asked("GET", "/requests/99").status == 404
    assert asked("GET", "/requests/x").status == 404
    assert asked("GET", f"/requests/{'9' * 40}").status == 404
    assert asked("GET", "/requests/4?session=other").status == 404


def test_requests_are_found_and_counted(asked: Client) -> None:
    found = asked("POST", "/requests/find", {"path": "/books*", "persona": "reader"}).body
    assert [item["number"] for item in found["items"]] == [1, 4]
    assert asked("POST", "/requests/count", {"status": "4xx"}).body["count"] >= 1
    assert asked("POST", "/requests/count", {"body": {"days": 3}}).body["count"] == 1
    assert asked("POST", "/requests/count").body["count"] == 4


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"status": "9xx"}, "/status"),
        ({"status": {}}, "/status"),
        ({"method": ""}, "/method"),
        ({"method": 1}, "/method"),
        ({"query": []}, "/query"),
        ({"headers": {"a": 1}}, "/headers"),
        ({"colour": "red"}, "/colour"),
    ],
)
@pytest.mark.parametrize("path", ["/requests/find", "/requests/count"])
def test_a_bad_matcher_is_refused(asked: Client, path: str, body: Any, pointer: str) -> None:
    assert list(asked("POST", path, body).errors) == [pointer]


def test_what_met_no_operation_is_shown_with_what_comes_near(asked: Client) -> None:
    body = asked("GET", "/requests/unmatched").body
    assert [item["number"] for item in body["items"]] == [3]
    assert body["items"][0]["near_misses"][0]["path"] == "/books"


def test_the_journal_is_saved_as_an_archive(asked: Client) -> None:
    entries = asked("GET", "/requests.har").body["log"]["entries"]
    assert len(entries) == 4


def test_the_journal_is_emptied(asked: Client) -> None:
    assert asked("DELETE", "/requests").status == 204
    assert asked("GET", "/requests").body["total"] == 0
    asked.api("GET", "/books")
    assert asked("GET", "/requests").body["items"][0]["number"] == 5


def test_coverage_tells_what_was_used(asked: Client) -> None:
    body = asked("GET", "/coverage").body
    rows = {row["operation"]: row for row in body["operations"]}
    assert rows["books_list"]["parameters"]["sort"] == 1
    assert rows["authors_list"]["undocumented"]["parameters"] == {"colour": 1}
    assert body["unmatched"]["calls"] == 1


def events(client: Client, **headers: str) -> tuple[list[bytes], Any]:
    """Follow the journal; return the pieces, and what ends it."""
    told = {"host": HOST, "accept": "text/event-stream", **headers}
    outcome = client.hub.answer(Request("GET", "/__mock__/events", "", told))
    assert outcome.stream is not None
    pieces: list[bytes] = []
    return pieces, outcome.stream.subscribe(pieces.append)


def test_the_journal_can_be_followed(client: Client) -> None:
    pieces, end = events(client)
    client.api("GET", "/books")
    client.api("GET", "/books", x_mock_session="other")
    end()
    client.api("GET", "/books")
    assert len(pieces) == 2
    name, kind, data = pieces[1].decode().split("\n")[:3]
    assert (name, kind) == ("id: 1", "event: exchange")
    row = client("GET", "/requests?order=number").body["items"][0]
    assert json.loads(data.removeprefix("data: ")) == row


def test_who_comes_back_is_told_what_was_missed(asked: Client) -> None:
    pieces, end = events(asked, **{"last-event-id": "2"})
    end()
    assert re.findall(rb"^id: (\d+)$", b"".join(pieces), re.MULTILINE) == [b"3", b"4"]


@pytest.mark.parametrize("last", ["x", "", "-1", "²", "9" * 50])
def test_a_strange_last_event_is_as_none(asked: Client, last: str) -> None:
    pieces, end = events(asked, **{"last-event-id": last})
    end()
    assert b"id: " not in b"".join(pieces)


def test_events_of_a_malformed_session_are_refused(client: Client) -> None:
    request = Request("GET", "/__mock__/events", "session=a%20b", {"host": HOST})
    outcome = client.hub.answer(request)
    assert outcome.stream is None
    assert outcome.exchange.response.status == 400


# All of it


def test_what_is_not_there_is_a_problem(client: Client) -> None:
    assert client("GET", "/nowhere").body["status"] == 404
    assert client("PATCH", "/sessions").status == 405
    assert client("GET", "/sessions", accept="text/html").status == 406
    assert client("POST", "/snapshots", b"x", content_type="text/plain").status == 415


def test_head_is_get(client: Client) -> None:
    assert client("HEAD", "/sessions").headers == client("GET", "/sessions").headers


def test_two_hubs_have_their_own_admin_api() -> None:
    one, two = Client(), Client()
    one("POST", "/snapshots", {"name": "mine"})
    assert two("GET", "/snapshots").names == []


def test_a_hub_without_factories_can_be_edited_too(client: Client) -> None:
    plain = admin.application(client.hub)
    body = json.dumps({"name": "New", "branch": 1}).encode()
    headers = {"host": HOST, "content-type": "application/json"}
    request = Request("POST", "/records/member", "", headers, body)
    assert plain.answer(request).response.status == 201


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("", {"non_field_errors": "x."}),
        ("scenario:12", {"non_field_errors": "line 12: x."}),
        ("/a~1b/0", {"a/b": {"0": {"non_field_errors": "x."}}}),
    ],
)
def test_complaints_about_an_edit_stand_where_they_belong(pointer: str, expected: Any) -> None:
    def plain(found: Any) -> Any:
        if isinstance(found, dict):
            return {name: plain(inner) for name, inner in found.items()}
        return found[0].params["text"]

    assert plain(edits.issues([(pointer, "x")])) == expected


def test_every_operation_is_in_the_manual() -> None:
    told = set(re.findall(r"^\| `([A-Z]+) (/[^`]*)`", PAGE.read_text("utf-8"), re.MULTILINE))
    assert told == {(operation.method, operation.path) for operation in OPERATIONS}
