"""What happens is logged, and what is secret is not."""

from __future__ import annotations

import http.client
import json
import socket

import pytest
import structlog

from mockserver import logs
from mockserver.app import Exchange
from mockserver.exchange import Request, Response
from mockserver.hub import Outcome

SECRET = "s3cr3tvalue"
PLANS = "/api/marketplace-plans/"


@pytest.fixture
def written(capsys, monkeypatch):
    """Return what is on stderr so far; nothing stays configured."""
    monkeypatch.setattr(logs, "_log", structlog.get_logger())
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def answered(status: int = 200, session: str = "default", **given) -> Outcome:
    return Outcome(Exchange(Response(status, {}), "list_books", **given), session=session)


def test_a_request_is_one_json_line(written):
    logs.configure("info", "json")
    logs.exchange(Request("GET", "/books/", "a=1"), answered(), 0.01234)
    (line,) = lines(written())
    assert line.pop("ts").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "path": "/books/",
        "status": 200,
        "ms": 12.34,
        "operation_id": "list_books",
    }


def test_a_session_is_named_unless_it_is_everybodys(written):
    logs.configure("info", "json")
    logs.exchange(Request("GET", "/books/"), answered(session="worker-3"), 0.01)
    logs.exchange(Request("GET", "/books/"), answered(), 0.01)
    named, unnamed = lines(written())
    assert named["session"] == "worker-3"
    assert "session" not in unnamed


def test_the_admin_api_is_only_logged_when_asked_for(written):
    logs.configure("info", "json")
    logs.exchange(Request("GET", "/__mock__/requests"), answered(session=""), 0.01)
    assert not lines(written())


def test_then_it_is(written):
    logs.configure("debug", "json")
    logs.exchange(Request("GET", "/__mock__/requests"), answered(session=""), 0.01)
    assert len(lines(written())) == 1


def test_what_is_no_terminal_gets_json(written):
    logs.configure("info", "auto")
    logs.event("reloaded", operations=4)
    (line,) = lines(written())
    assert line["event"] == "reloaded"
    assert line["operations"] == 4


def test_what_ought_to_be_looked_at_is_a_warning(written):
    logs.configure("warning", "json")
    logs.event("reloaded")
    logs.warning("reload refused")
    (line,) = lines(written())
    assert (line["event"], line["level"]) == ("reload refused", "warning")


def test_people_get_words(written):
    logs.configure("info", "human")
    logs.exchange(Request("GET", "/books/"), answered(), 0.01)
    text = written()
    assert "GET" in text
    assert "/books/" in text
    assert not text.startswith("{")


def test_a_defect_is_an_error_with_its_words(written):
    logs.configure("error", "json")
    defect = RuntimeError("broken")
    logs.exchange(Request("GET", "/books/"), answered(500, defect=defect), 0.01)
    logs.exchange(Request("GET", "/books/"), answered(), 0.01)
    (line,) = lines(written())
    assert (line["event"], line["level"], line["status"]) == ("defect", "error", 500)
    assert "RuntimeError: broken" in str(line["exception"])


@pytest.mark.parametrize(
    ("level", "count"), [("debug", 1), ("info", 1), ("warning", 0), ("error", 0)]
)
def test_the_level_decides_what_is_logged(written, level, count):
    logs.configure(level, "json")
    logs.event("reloaded")
    assert len(lines(written())) == count


def test_a_path_cannot_forge_a_line(written):
    logs.configure("info", "json")
    logs.exchange(Request("GET", '/a\n{"event": "forged"}'), answered(404), 0.01)
    assert [line["event"] for line in lines(written())] == ["request"]


def test_half_a_character_is_written_too(written):
    logs.configure("info", "json")
    logs.exchange(Request("GET", "/a\ud800"), answered(404), 0.01)
    (line,) = lines(written())
    assert line["path"] == "/a\ud800"


def test_what_json_has_no_word_for_is_written_as_python_does(written):
    logs.configure("info", "json")
    logs.event("reloaded", paths={1}, much=2**70)
    (line,) = lines(written())
    assert (line["paths"], line["much"]) == ("{1}", 2**70)


def test_details_are_for_those_who_look(written):
    for level in ("info", "debug"):
        logs.configure(level, "json")
        logs.detail("start not kept")
    assert len(lines(written())) == 1


def test_a_silent_log_says_nothing(written):
    logs.configure("error", "json")
    logs.exchange(Request("GET", "/books/"), answered(), 0.01)
    assert written() == ""


def _malformed(running) -> list[bytes]:
    """Send what is no HTTP, with a secret in it."""
    messages = [
        f"GET {PLANS} HTTP/1.1\r\nHost: a\r\nAuthorization: Token {SECRET}\x7f\0\r\n\r\n".encode(),
        f"GET {PLANS}?{SECRET}\x01 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"GET {PLANS} HTTP/1.1\r\nAuthorization {SECRET}\r\n\r\n".encode(),
    ]
    for message in messages:
        with socket.create_connection((running.host, running.port), 10) as connection:
            connection.sendall(message)
            assert SECRET.encode() not in connection.makefile("rb").read()
    return messages


def test_no_credential_is_ever_logged(written, serve, application):
    logs.configure("debug", "json")
    running = serve(application("empty"), logs.exchange)
    connection = http.client.HTTPConnection(running.host, running.port, timeout=10)
    exchanges = [
        ("GET", PLANS, None, {"Authorization": f"Token {SECRET}"}),
        ("GET", PLANS, None, {"Authorization": "Token YOUR_API_TOKEN", "X-Own": SECRET}),
        ("GET", f"{PLANS}?token={SECRET}&name={SECRET}", None, {"Cookie": f"sessionid={SECRET}"}),
        ("GET", f"/nothing/?{SECRET}", None, {"Authorization": SECRET}),
        ("GET", f"/api/marketplace-plans?key={SECRET}", None, {}),
        ("POST", PLANS, json.dumps({"name": SECRET}), {"Authorization": "Token YOUR_API_TOKEN"}),
        ("POST", PLANS, SECRET, {"Content-Type": SECRET, "Authorization": "Token YOUR_API_TOKEN"}),
        ("OPTIONS", PLANS, None, {"Origin": SECRET, "Access-Control-Request-Method": "GET"}),
        (SECRET.upper(), PLANS, None, {"Authorization": "Token YOUR_API_TOKEN"}),
        ("GET", f"http://user:{SECRET}@a.example{PLANS}?x={SECRET}#{SECRET}", None, {}),
    ]
    for method, path, body, headers in exchanges:
        connection.request(method, path, body, headers)
        connection.getresponse().read()
    connection.close()
    exchanges += _malformed(running)
    found = lines(written())
    assert len(found) == len(exchanges)
    text = "\n".join(json.dumps({**line, "method": ""}) for line in found)
    for secret in (SECRET, SECRET.upper(), "YOUR_API_TOKEN"):
        assert secret not in text
    paths = {line["path"] for line in found}
    assert paths == {PLANS, "/nothing/", "/api/marketplace-plans", ""}
    assert {line["operation_id"] for line in found} >= {"marketplace_plans_list", None}
