"""Whatever arrives on the socket is answered: never with a 5xx, never not at all."""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass

import pytest

from mockserver import hub

PLANS = "/api/marketplace-plans/"
PROVIDERS = "/api/marketplace-service-providers/"
STAFF = {"Authorization": "Token YOUR_API_TOKEN"}
ORIGIN = {"Origin": "https://app.example"}
PATIENCE = 10.0
#: The head of a part of a form.
PART = b'--x\r\nContent-Disposition: form-data; name="name"'


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@pytest.fixture
def ask(running):
    """Send one request as http.client makes it."""

    def send(method, path, body=None, headers=None, *, chunked=False):
        connection = http.client.HTTPConnection(running.host, running.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return send


@pytest.fixture
def raw(running):
    """Send bytes as they are, and return the answers that came until the end."""

    def send(*parts: bytes, answers: int = 1, close: bool = False) -> list[Answer]:
        with socket.create_connection((running.host, running.port), PATIENCE) as connection:
            for part in parts:
                connection.sendall(part)
            if close:
                connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                return [found for found in (_read(stream) for _ in range(answers)) if found]

    return send


def _read(stream) -> Answer | None:
    line = stream.readline()
    if not line:
        return None
    assert line.startswith(b"HTTP/"), line
    status = int(line.split()[1])
    headers = http.client.parse_headers(stream)
    length = int(headers.get("Content-Length", 0))
    body = b"" if status in (100, 204) else stream.read(length)
    return Answer(status, headers, body)


def message(method: str, target: str, *headers: str, body: bytes = b"", host: str = "a") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def is_ours(answer: Answer) -> bool:
    """Tell whether a refusal has the form of the API's errors."""
    return answer.headers.get_content_type() == "application/json" and isinstance(answer.json, dict)


class TestPlainRequests:
    def test_a_list(self, ask):
        answer = ask("GET", PROVIDERS, headers=STAFF)
        assert (answer.status, answer.json) == (200, [])
        assert answer.headers["X-Result-Count"] == "0"
        assert answer.headers["Content-Length"] == "2"

    def test_health(self, ask):
        assert ask("GET", "/__mock__/health").json == {"status": "ok"}

    def test_head_has_the_headers_of_get_and_no_body(self, ask):
        got, headed = (ask(method, PROVIDERS, headers=STAFF) for method in ("GET", "HEAD"))
        assert (headed.status, headed.body) == (got.status, b"")
        for name in ("Content-Length", "Content-Type", "X-Result-Count", "Allow", "Vary"):
            assert headed.headers[name] == got.headers[name]

    def test_head_of_nothing(self, ask):
        headed = ask("HEAD", f"{PLANS}{'0' * 32}/", headers=STAFF)
        assert (headed.status, headed.body) == (404, b"")
        assert int(headed.headers["Content-Length"]) > 0

    def test_a_path_without_its_slash_is_redirected(self, ask):
        answer = ask("GET", "/api/marketplace-plans?page=2&o=name", headers=STAFF)
        assert answer.status == 301
        assert answer.headers["Location"] == "/api/marketplace-plans/?page=2&o=name"

    def test_a_redirect_cannot_be_made_to_break_its_header(self, ask):
        answer = ask("GET", "/api/marketplace-plans?a=%0d%0aX-Evil:%201", headers=STAFF)
        assert answer.status == 301
        assert "X-Evil" not in answer.headers

    def test_an_unknown_path_is_404(self, ask):
        assert ask("GET", "/nothing/").status == 404

    @pytest.mark.parametrize(
        "path",
        ["/", "//", "/api//", "/%00/", "/%ff%fe/", "/../../etc/passwd", "/api/%2e%2e/", "/;/"],
    )
    def test_odd_paths_are_404(self, ask, path):
        assert ask("GET", path, headers=STAFF).status == 404

    @pytest.mark.parametrize(
        "key", ["%00", "%ff", "%F0%9F%A6%9C", "x" * 5000, "..", "%2F", "a%2Fb"]
    )
    def test_odd_keys_are_404(self, ask, key):
        answer = ask("GET", f"{PLANS}{key}/", headers=STAFF)
        assert answer.status == 404

    def test_no_token_is_401(self, ask):
        answer = ask("GET", PLANS)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Token"
        assert is_ours(answer)


class TestMethods:
    @pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "DELETE", "PUT", "PATCH", "LINK"])
    def test_what_a_path_does_not_know_is_405(self, ask, method):
        answer = ask(method, PLANS, headers=STAFF)
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
        assert is_ours(answer)

    @pytest.mark.parametrize("method", ["INVENTED", "get", "G3T", "M-SEARCH", "CONNECT"])
    def test_invented_methods_are_refused(self, raw, method):
        (answer,) = raw(message(method, PLANS, "Authorization: Token YOUR_API_TOKEN"))
        assert answer.status in (400, 404, 405)

    def test_options_describes_a_path(self, ask):
        answer = ask("OPTIONS", PLANS, headers=STAFF)
        assert answer.status == 200
        assert set(answer.json) >= {"name", "description", "renders", "parses"}

    def test_options_for_the_whole_server_is_answered(self, raw):
        (answer,) = raw(message("OPTIONS", "*"))
        assert answer.status < 500


class TestCors:
    def test_a_preflight_is_answered_without_a_token(self, ask):
        asked = {
            **ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, x-own",
        }
        answer = ask("OPTIONS", f"{PLANS}{'0' * 32}/", headers=asked)
        assert answer.status == 200
        assert answer.body == b""
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        allowed = answer.headers["Access-Control-Allow-Headers"].lower()
        assert "authorization" in allowed
        assert "x-own" in allowed

    def test_what_a_page_may_read_is_exposed(self, ask):
        answer = ask("GET", PROVIDERS, headers={**STAFF, **ORIGIN})
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert "Link" in exposed
        assert "X-Result-Count" in exposed

    @pytest.mark.parametrize("path", [PLANS, "/nothing/", f"{PLANS}?page=nine"])
    def test_refusals_may_be_read_too(self, ask, path):
        answer = ask("GET", path, headers=ORIGIN)
        assert answer.status >= 400
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")

    def test_odd_names_of_headers_do_not_break_the_answer(self, ask):
        asked = {**ORIGIN, "Access-Control-Request-Method": "GET"}
        asked["Access-Control-Request-Headers"] = ",, <b>, x-é, x y"
        assert ask("OPTIONS", PLANS, headers=asked).status == 200


class TestSizes:
    def test_a_body_that_says_it_is_too_large_is_refused_unread(self, raw):
        started = time.monotonic()
        head = message(
            "POST", PLANS, "Authorization: Token YOUR_API_TOKEN", "Content-Length: 99999999999"
        )
        (answer,) = raw(head + b"{")
        assert answer.status == 413
        assert is_ours(answer)
        assert time.monotonic() - started < 5

    def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(self, raw):
        head = message(
            "POST",
            PLANS,
            "Authorization: Token YOUR_API_TOKEN",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
        )
        chunk = b"80000\r\n" + b" " * 0x80000 + b"\r\n"
        # Six chunks are too large already; the end of the body never comes.
        (answer,) = raw(head, *[chunk] * 6)
        assert answer.status == 413
        assert is_ours(answer)

    def test_the_limit_itself_is_not_too_large(self, ask, running):
        limit = running.server.application.api.conventions["body_limit"]
        body = b'{"name": "' + b"x" * (limit - 12) + b'"}'
        headers = {**STAFF, "Content-Type": "application/json"}
        assert ask("POST", PLANS, body, headers).status == 400
        assert ask("POST", PLANS, body + b" ", headers).status == 413

    def test_ten_thousand_parameters_are_refused(self, ask):
        query = "&".join(f"name={number}" for number in range(10_000))
        answer = ask("GET", f"{PLANS}?{query}", headers=STAFF)
        assert 400 <= answer.status < 500
        assert is_ours(answer)

    def test_ten_thousand_form_fields_are_refused(self, ask):
        form = "&".join(f"name={number}" for number in range(10_000))
        headers = {**STAFF, "Content-Type": "application/x-www-form-urlencoded"}
        answer = ask("POST", PLANS, form, headers)
        assert answer.status == 400
        assert is_ours(answer)

    def test_a_long_value_is_answered(self, ask):
        assert ask("GET", f"{PLANS}?name={'x' * 60_000}", headers=STAFF).status < 500

    @pytest.mark.parametrize("size", [10_000, 100_000, 1_000_000])
    def test_a_huge_header_is_answered(self, raw, size):
        (answer,) = raw(
            message("GET", PROVIDERS, "Authorization: Token YOUR_API_TOKEN", f"X-Big: {'x' * size}")
        )
        assert answer.status in (200, 400, 431)

    def test_a_thousand_headers_are_answered(self, raw):
        headers = [f"X-{number}: y" for number in range(1000)]
        (answer,) = raw(message("GET", PROVIDERS, *headers))
        assert answer.status in (200, 400, 431)

    def test_a_huge_target_is_answered(self, raw):
        (answer,) = raw(message("GET", "/" + "x" * 1_000_000))
        assert 400 <= answer.status < 500

    @pytest.mark.parametrize("depth", [100, 1000, 100_000])
    def test_deep_json_is_refused(self, ask, depth):
        headers = {**STAFF, "Content-Type": "application/json"}
        for opening, closing in (("[", "]"), ('{"name":', "}")):
            middle = "1" if opening != "[" else ""
            answer = ask("POST", PLANS, opening * depth + middle + closing * depth, headers)
            assert answer.status == 400
            assert is_ours(answer)


JSON_BODIES = [
    b"",
    b"{",
    b"nonsense",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"\x00",
    b"\xff\xfe",
    b'{"name": "\xff"}',
    b'{"name": "a\x00b"}',
    rb'{"name": "a\u0000b"}',
    rb'{"name": "\ud800"}',
    rb'{"name": "\udfff\ud800", "description": "\ud83d\udc26"}',
    rb'{"\ud800": 1}',
    rb'{"offering": "\ud800"}',
    rb'{"unit": "\ud800"}',
    b'{"name": NaN}',
    b'{"max_amount": Infinity}',
    b'{"max_amount": 1e999}',
    b'{"max_amount": ' + b"9" * 5000 + b"}",
    b'{"name": 1, "name": 2}',
    b'\xef\xbb\xbf{"name": "bom"}',
    '{"name": "utf-16"}'.encode("utf-16"),
    b'{"name": {"a": [1, {"b": null}]}, "offering": [], "max_amount": {}}',
    b'{"offering": "http://[::1"}',
    b'{"offering": "' + b"/" * 10_000 + b'"}',
]


class TestBodies:
    @pytest.mark.parametrize("body", JSON_BODIES, ids=lambda body: repr(body[:40]))
    @pytest.mark.parametrize("path", [PLANS, PROVIDERS, f"{PROVIDERS}{'0' * 32}/add_user/"])
    def test_odd_json_is_refused_in_the_words_of_the_api(self, ask, path, body):
        answer = ask("POST", path, body, {**STAFF, "Content-Type": "application/json"})
        assert 400 <= answer.status < 500, answer.body
        assert is_ours(answer)

    @pytest.mark.parametrize(
        "media_type",
        [
            "",
            ";",
            "/",
            "text/plain",
            "application/json;charset=latin-1",
            "a" * 9000,
            "é",
            "*/*",
            "application/json, text/plain",
            "multipart/form-data",
            'x/y; a="',
        ],
    )
    @pytest.mark.parametrize("body", [b"", b"{}"])
    def test_odd_content_types_are_refused(self, ask, media_type, body):
        answer = ask("POST", PLANS, body, {**STAFF, "Content-Type": media_type.encode("latin-1")})
        assert answer.status in (400, 415), answer.body
        assert is_ours(answer)

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"--x\r\n"),
            ("multipart/form-data; boundary=x", b""),
            ("multipart/form-data; boundary=x", b"nonsense"),
            ("multipart/form-data; boundary=x", b"--x\r\n"),
            ("multipart/form-data; boundary=x", b"--x\r\n\r\nbody\r\n--x--"),
            (
                "multipart/form-data; boundary=x",
                b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--",
            ),
            (
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nno end',
            ),
            (
                "multipart/form-data; boundary=x",
                PART + b"\r\nBroken\r\n\r\na\r\n--x--\r\n",
            ),
            (
                "multipart/form-data; boundary=x",
                PART + b'; filename="f"\r\n\r\na\r\n--x--\r\n',
            ),
            ("multipart/form-data; boundary=" + "x" * 5000, b"--x"),
            ('multipart/form-data; boundary=""', b"--\r\n"),
            ("multipart/form-data; boundary=x; charset=nonsense", b"--x--\r\n"),
            (
                "multipart/form-data; boundary=x",
                PART + b"\r\nContent-Type: text/plain; charset=nonsense\r\n\r\na\r\n--x--\r\n",
            ),
            (
                "multipart/form-data; boundary=x",
                b"".join(
                    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
                    for _ in range(5000)
                )
                + b"--x--\r\n",
            ),
            ("application/x-www-form-urlencoded", b"\xff=%ff&%00=%00&=&&=="),
            ("application/x-www-form-urlencoded", b"name=%ed%a0%80&offering=%00"),
        ],
        ids=lambda value: repr(value[:48]),
    )
    def test_broken_forms_are_refused(self, ask, content_type, body):
        answer = ask("POST", PLANS, body, {**STAFF, "Content-Type": content_type})
        assert answer.status in (400, 415), answer.body
        assert is_ours(answer)

    def test_a_body_with_get_is_not_read(self, ask):
        headers = {**STAFF, "Content-Type": "application/json"}
        assert ask("GET", PROVIDERS, b"{nonsense", headers).status == 200

    def test_a_body_nobody_asked_for_is_not_read(self, ask):
        headers = {**STAFF, "Content-Type": "application/json"}
        answer = ask("DELETE", f"{PLANS}{'0' * 32}/", b"{nonsense", headers)
        assert answer.status == 404

    def test_a_chunked_body_is_read(self, ask):
        headers = {**STAFF, "Content-Type": "application/json"}
        answer = ask("POST", PLANS, iter([b'{"na', b'me": "x"}']), headers, chunked=True)
        assert answer.status == 400
        assert "offering" in answer.json
        assert "name" not in answer.json


QUERIES = [
    "?page=%00",
    "?page=-1",
    "?page=0",
    "?page=99999999999999999999",
    "?page=1e3",
    "?page=%ff",
    "?page=",
    "?page_size=%00",
    "?page_size=-1",
    "?page_size=9" + "9" * 5000,
    "?o=%00",
    "?o=name,,-name",
    "?o=,",
    "?field=%00",
    "?field=",
    "?field=name&field=name",
    "?name=%00",
    "?name=%ed%a0%80",
    "?name=%",
    "?offering_uuid=%00",
    "?offering_uuid=zz",
    "?offering_uuid=",
    "?=",
    "?&&&",
    "?a",
    "??",
    "?%00=%00",
    "?format=xml",
    "?format=",
    "?name[]=a",
    "?name=a;page=2",
    "?name=\u200b".encode().decode("latin-1"),
]


class TestQueries:
    @pytest.mark.parametrize("query", QUERIES, ids=lambda query: repr(query[:40]))
    @pytest.mark.parametrize("path", [PLANS, PROVIDERS])
    def test_odd_queries_are_answered(self, raw, path, query):
        token = "Authorization: Token YOUR_API_TOKEN"
        (answer,) = raw(message("GET", path + query, token))
        assert answer.status < 500, answer.body
        assert answer.status == 200 or is_ours(answer) or not path.startswith("/api")


class TestRawMessages:
    TOKEN = "Authorization: Token YOUR_API_TOKEN"

    def test_an_absolute_target(self, raw):
        (answer,) = raw(message("GET", f"http://other.example{PROVIDERS}?page=1", self.TOKEN))
        assert (answer.status, answer.json) == (200, [])

    @pytest.mark.parametrize("host", ["a b", "a/b", "<script>", "a,b", "a@b", "é", "a\tb", "%00"])
    def test_a_bad_host_is_refused(self, raw, host):
        (answer,) = raw(message("GET", PROVIDERS, self.TOKEN, host=host))
        assert answer.status == 400

    @pytest.mark.parametrize("host", ["a", "localhost:8080", "[::1]:80", "", "a_b.example"])
    def test_a_good_host_is_not(self, raw, host):
        (answer,) = raw(message("GET", PROVIDERS, self.TOKEN, host=host))
        assert answer.status == 200

    def test_no_host_is_answered(self, raw):
        (answer,) = raw(f"GET {PROVIDERS} HTTP/1.0\r\n{self.TOKEN}\r\n\r\n".encode())
        assert answer.status == 200

    def test_one_header_twice_is_answered(self, raw):
        (answer,) = raw(
            message("GET", PROVIDERS, self.TOKEN, self.TOKEN, "Accept: a/b", "Accept: */*")
        )
        assert answer.status < 500

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "Token",
            "Token a b",
            "Token \xff",
            "token YOUR_API_TOKEN",
            "Bearer x",
            "Token " + "x" * 9000,
            "Token \x00",
            "Basic é:ü",
        ],
    )
    def test_odd_credentials_are_answered(self, raw, token):
        (answer,) = raw(message("GET", PLANS, f"Authorization: {token}"))
        assert answer.status in (200, 400, 401)

    @pytest.mark.parametrize(
        "accept", ["text/html", "a", "*", "application/json;q=0", ",", "é/é", "*/*;q=x"]
    )
    def test_odd_accepts_are_answered(self, raw, accept):
        (answer,) = raw(message("GET", PROVIDERS, self.TOKEN, f"Accept: {accept}"))
        assert answer.status in (200, 406)

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x00\x01\x02\r\n\r\n",
            b"GET  /  HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
            b"GET / HTTP/1.1\r\n: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
        ids=repr,
    )
    def test_what_is_no_http_is_refused_or_dropped(self, raw, line):
        for answer in raw(line, close=True):
            assert 400 <= answer.status < 500

    @pytest.mark.parametrize(
        "body",
        [b"5\r\n{", b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}0\r\n\r\n", b"-1\r\n", b"ffffffffffff\r\n{"],
    )
    def test_a_chunked_body_that_breaks_off_is_refused_or_dropped(self, raw, body):
        head = message(
            "POST",
            PLANS,
            self.TOKEN,
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
        )
        for answer in raw(head + body, close=True):
            assert 400 <= answer.status < 500

    def test_a_body_shorter_than_it_says_is_dropped(self, raw):
        head = message(
            "POST", PLANS, self.TOKEN, "Content-Type: application/json", "Content-Length: 50"
        )
        for answer in raw(head + b"{}", close=True):
            assert 400 <= answer.status < 500

    def test_a_client_that_asks_first_is_told_to_go_on(self, raw):
        head = message(
            "POST",
            PLANS,
            self.TOKEN,
            "Content-Type: application/json",
            "Content-Length: 2",
            "Expect: 100-continue",
        )
        first, second = raw(head, b"{}", answers=2)
        assert (first.status, second.status) == (100, 400)

    def test_an_unknown_expectation_is_refused(self, raw):
        (answer,) = raw(message("GET", PROVIDERS, self.TOKEN, "Expect: miracles"))
        assert answer.status in (200, 417)

    def test_requests_in_a_pipeline_are_answered_in_order(self, raw):
        body = b"{}"
        sent = [
            message("GET", PROVIDERS, self.TOKEN),
            message(
                "POST",
                PLANS,
                self.TOKEN,
                "Content-Type: application/json",
                "Content-Length: 2",
                body=body,
            ),
            message("HEAD", "/nothing/"),
        ]
        answers = raw(b"".join(sent[:2]), answers=2)
        assert [answer.status for answer in answers] == [200, 400]

    def test_a_connection_is_kept(self, running):
        connection = http.client.HTTPConnection(running.host, running.port, timeout=PATIENCE)
        connection.connect()
        opened = connection.sock
        for path in (PROVIDERS, "/nothing/", f"{PLANS}?o=nonsense", PROVIDERS):
            connection.request("GET", path, headers=STAFF)
            connection.getresponse().read()
            assert connection.sock is opened
        connection.close()

    def test_an_upgrade_is_not_taken(self, raw):
        (answer,) = raw(
            message("GET", PROVIDERS, self.TOKEN, "Connection: Upgrade", "Upgrade: websocket")
        )
        assert answer.status < 500

    def test_a_client_that_leaves_at_once_harms_nobody(self, running, ask):
        for part in (b"", b"GET", message("GET", PLANS, self.TOKEN)):
            with socket.create_connection((running.host, running.port), PATIENCE) as connection:
                connection.sendall(part)
        assert ask("GET", PROVIDERS, headers=STAFF).status == 200


def test_a_client_that_never_ends_its_body_does_not_hold_up_the_end(serve, application):
    started = time.monotonic()
    running = serve(application("empty"))
    head = message("POST", PLANS, TestRawMessages.TOKEN, "Content-Length: 99999999")
    with socket.create_connection((running.host, running.port), PATIENCE) as connection:
        connection.sendall(head + b"{")
        with connection.makefile("rb") as stream:
            assert _read(stream).status == 413
        running.stop()
    assert time.monotonic() - started < 8


def test_a_hub_may_be_replaced_while_it_serves(running, ask, application):
    before = ask("GET", PLANS, headers=STAFF)
    running.server.hub = hub.around(application("default"))
    after = ask("GET", PLANS, headers=STAFF)
    assert before.headers["X-Result-Count"] == "0"
    assert int(after.headers["X-Result-Count"]) > 0


def test_links_name_the_host_that_was_asked(serve, application):
    made = serve(application("default"))
    connection = http.client.HTTPConnection(made.host, made.port, timeout=PATIENCE)
    connection.request(
        "GET", f"{PLANS}?page_size=1", headers={**STAFF, "Host": "plans.example:8000"}
    )
    answer = connection.getresponse()
    (plan,) = json.loads(answer.read())
    connection.close()
    assert plan["url"].startswith("http://plans.example:8000/api/")
    assert "<http://plans.example:8000/api/marketplace-plans/?page=2" in answer.headers["Link"]
