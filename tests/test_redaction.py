"""Nothing that is shown of an exchange lets anybody in."""

from __future__ import annotations

import base64
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import contents, redaction
from mockserver.exchange import Request, Response
from mockserver.redaction import HIDDEN, Redactor

SECRET = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a8"
JSON_TYPE = {"content-type": "application/json"}
FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}


def safe(request=None, response=None, redactor=None):
    """Return all that is shown, as one value."""
    return (redactor or Redactor()).safe(
        request or Request("GET", "/x/"), response or Response(200, {})
    )


def posted(value, headers=JSON_TYPE):
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return Request("POST", "/x/", headers=headers, body=body)


def whole(found):
    """Return everything that is shown, as text."""
    shown = [getattr(found, name) for name in ("path", "query", "request_headers")]
    shown += [found.request.value, found.response_headers, found.response.value]
    return json.dumps(shown)


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Proxy-Authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "X-Auth-Token",
        "x-shared-secret",
        "x-csrftoken",
        "api-key",
        "x-signing-key",
    ],
)
def test_headers_with_credentials_are_hidden(name):
    found = safe(Request("GET", "/x/", headers={name: SECRET}), Response(200, {name: SECRET}))

    assert SECRET not in whole(found)


@pytest.mark.parametrize(
    "name", ["x-mock-session", "idempotency-key", "accept", "x-impersonated-user-uuid", "prefer"]
)
def test_other_headers_stay(name):
    found = safe(Request("GET", "/x/", headers={name: SECRET}))

    assert found.request_headers == {name: SECRET}


def test_callers_can_be_told_apart_by_four_digits():
    one, again, other = (
        safe(Request("GET", "/", headers={"authorization": f"Token {text}"})).request_headers
        for text in (SECRET, SECRET, SECRET + "1")
    )

    assert one == again != other
    assert one == {"authorization": f"Token {redaction.fingerprint(SECRET)}"}
    assert len(redaction.fingerprint(SECRET)) == 5


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Bearer " + SECRET, "Bearer " + redaction.fingerprint(SECRET)),
        (SECRET, redaction.fingerprint(SECRET)),
        ("Basic " + SECRET, f"Basic {HIDDEN}"),
        (f"Digest username={SECRET}, nonce=1", f"Digest {HIDDEN}"),
        (f"{SECRET} {SECRET}", HIDDEN),
        ("Token", "Token"),
        ("", ""),
    ],
)
def test_what_is_shown_of_an_authorization(sent, shown):
    found = safe(Request("GET", "/", headers={"authorization": sent}))

    assert found.request_headers == {"authorization": shown}


def test_the_keyword_of_an_api_is_no_secret():
    redactor = Redactor.of({"x-mock": {"auth": {"keyword": "Card"}}})
    headers = {"authorization": f"Card {SECRET}"}
    found = safe(Request("GET", "/", headers=headers), redactor=redactor)

    assert found.request_headers["authorization"].startswith("Card …")


@pytest.mark.parametrize(
    "query",
    [
        f"token={SECRET}",
        f"a=1&api_key={SECRET}&b=2",
        f"%74oken={SECRET}",
        f"access-token={SECRET}",
        f"next=%2Flogin%3Ftoken%3D{SECRET}",
        f"next=/login?token={SECRET}",
        f"PASSWORD={SECRET}",
    ],
)
def test_parameters_with_credentials_are_hidden(query):
    request = Request("GET", "/x/", query)

    assert SECRET not in whole(safe(request))
    assert SECRET not in "".join(Redactor().line(request))


@pytest.mark.parametrize("query", ["", "page=2&o=-title", "a=%20b+c&&=x&token=", "key=1"])
def test_other_queries_stay_as_they_were(query):
    assert safe(Request("GET", "/x/", query)).query == query
    assert Redactor().line(Request("GET", "/x/", query)) == ("/x/", query)


@pytest.mark.parametrize(
    "value",
    [
        {"password": SECRET},
        {"a": [{"api_secret_code": SECRET}]},
        {"secretOptions": {"nested": [SECRET]}},
        {"tokens": [SECRET, SECRET]},
        {"vault_token": SECRET},
        {"pin_password": int(SECRET[:1]), "passphrase": SECRET},
        {"next": f"http://h/?api_key={SECRET}&page=2"},
        {"url": f"https://me:{SECRET}@h/"},
        {"payload": orjson.dumps({"password": SECRET}).decode()},
    ],
)
def test_members_with_credentials_are_hidden(value):
    found = safe(posted(value), Response(200, JSON_TYPE, orjson.dumps(value)))

    assert SECRET not in whole(found)
    assert found.request.encoding == found.response.encoding == "json"


def test_what_is_not_there_may_be_seen():
    value = {"token": None, "has_password": True, "secret": "", "secret_options": {}, "name": "A"}

    assert safe(posted(value)).request.value == value


@pytest.mark.parametrize(
    "body",
    [
        f'{{"password": "{SECRET}", "name": "cut off he',
        f'{{"password": "{SECRET}',
        f'{{"secret_options": {{"a": "{SECRET}", "b": [1',
        f'{{"api secret": "{SECRET}", ',
        f"password={SECRET}",
        f"Authorization: Token {SECRET}\r\nHost: x",
        f"see http://h/?token={SECRET} for more",
        f"{{'password': '{SECRET}'",
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_what_cannot_be_parsed_hides_its_credentials_too(body, kind):
    headers = {"content-type": kind} if kind else {}
    found = safe(posted(body.encode(), headers))

    assert SECRET not in whole(found)
    assert HIDDEN in whole(found)


def test_text_without_credentials_stays():
    text = "name=A, page: 2; { a: [1, 2] }"

    assert safe(posted(text.encode(), {"content-type": "text/plain"})).request.value == text


def test_forms_hide_their_credentials():
    found = safe(posted(f"name=A&password={SECRET}".encode(), FORM_TYPE))

    assert found.request == contents.Content({"name": "A", "password": HIDDEN}, "form")


def multipart_of(*, end="--B--\r\n"):
    parts = f'--B\r\nContent-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n'
    picture = '--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
    head = f"{parts}{picture}Content-Type: image/png\r\n\r\n".encode()
    return head + b"\x89\xff\x00\r\n" + end.encode()


def test_uploads_hide_their_credentials():
    headers = {"content-type": "multipart/form-data; boundary=B"}
    found = safe(posted(multipart_of(), headers)).request

    assert found.value["password"] == HIDDEN
    assert found.value["image"] == {"filename": "a.png", "content_type": "image/png", "size": 3}


@pytest.mark.parametrize("boundary", ["; boundary=B", "; boundary=other", ""])
def test_a_form_that_is_cut_shows_no_credential(boundary):
    headers = {"content-type": "multipart/form-data" + boundary}

    assert SECRET not in whole(safe(posted(multipart_of(end=""), headers)))


def test_a_credential_is_hidden_wherever_it_is_repeated():
    request = Request(
        "POST",
        f"/tokens/{SECRET}/",
        f"q={SECRET}",
        {"authorization": f"Token {SECRET}", **JSON_TYPE},
        orjson.dumps({"note": f"mine is {SECRET}", SECRET: 1}),
    )
    echoed = orjson.dumps({"detail": f"unknown token {SECRET}"})
    found = safe(request, Response(401, {**JSON_TYPE, "Location": f"/t/{SECRET}"}, echoed))

    assert SECRET not in whole(found)
    assert found.response.value == {"detail": f"unknown token {HIDDEN}"}
    assert SECRET not in "".join(Redactor().line(request))


def test_a_password_in_basic_credentials_is_hidden_elsewhere():
    credentials = base64.b64encode(f"me:{SECRET}".encode()).decode()
    request = Request("GET", f"/{SECRET}", headers={"authorization": f"Basic {credentials}"})

    assert SECRET not in whole(safe(request))


def test_cookies_that_are_words_hide_nothing_else():
    request = Request("GET", "/dark/", headers={"cookie": f"theme=dark; id={SECRET}"})
    found = safe(request, Response(200, {}, SECRET.encode()))

    assert found.path == "/dark/"
    assert SECRET not in whole(found)


def test_sentences_about_an_exchange_are_clean_too():
    redactor = Redactor()
    found = safe(posted({"password": "abc", "token": 'a"b' * 5}))

    assert "abc" not in redactor.text(found, 'at /password: "abc" is too short')
    assert 'a\\"b' not in redactor.text(found, json.dumps('a"b' * 5))
    assert redactor.text(found, "at /name: 1 is no text") == "at /name: 1 is no text"


def test_a_document_says_what_else_is_secret():
    redactor = Redactor.of(
        {
            "components": {
                "schemas": {
                    "Pin": {"type": "string", "format": "password"},
                    "User": {
                        "properties": {
                            "pin": {"$ref": "#/components/schemas/Pin"},
                            "answer": {"writeOnly": True},
                            "name": {"type": "string"},
                        }
                    },
                },
                "securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "caller"}},
            },
            "paths": {
                "/x/": {
                    "parameters": [
                        {"name": "code", "in": "query", "schema": {"format": "password"}},
                        {"name": "page", "in": "query", "schema": {"type": "integer"}},
                    ]
                }
            },
        }
    )
    request = Request(
        "POST",
        "/x/",
        "caller=one&code=two&page=three",
        JSON_TYPE,
        b'{"pin": "four", "Answer": "five", "name": "six"}',
    )
    found = safe(request, redactor=redactor)

    assert found.query == f"caller={HIDDEN}&code={HIDDEN}&page=three"
    assert found.request.value == {"pin": HIDDEN, "Answer": HIDDEN, "name": "six"}


def test_what_is_nested_without_end_is_cut():
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    deeper = b"[" * 60_000

    assert "too deeply" in whole(safe(posted(deep)))
    assert safe(posted(deeper)).request.encoding == "text"


def test_a_body_that_is_cut_in_a_character_is_text_still():
    body = "é".encode() * 10
    found = contents.decode("", body[:-1])

    assert found == contents.Content("é" * 9, "text")


def test_what_is_no_text_is_base64():
    found = contents.decode("image/png", b"\x89PNG\xff\x00\x01\x02\x03\x04")

    assert found.encoding == "base64"
    assert base64.b64decode(found.value) == b"\x89PNG\xff\x00\x01\x02\x03\x04"


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=latin-1"])
def test_what_says_that_it_is_text_is_no_base64(kind):
    body = f'{{"password": "é{SECRET}"}}'.encode("latin-1")

    assert SECRET not in whole(safe(posted(body, {"content-type": kind})))
    assert contents.decode(kind, body).encoding == "json"


def test_thousands_of_credentials_take_no_longer():
    tokens = [f"{number:06x}" for number in range(2000)]
    found = safe(posted({"tokens": tokens}), Response(200, {}, b" ".join(map(str.encode, tokens))))

    assert found.request.value == {"tokens": [HIDDEN] * 2000}
    assert set(found.response.value.split()) == {HIDDEN}


names = st.sampled_from(["password", "token", "api_key", "clientSecret"])
plain_names = st.sampled_from(["name", "items", "note"])
values = st.recursive(
    st.just(SECRET) | st.integers(0, 9) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | plain_names, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values, names, st.integers(0, 400), st.sampled_from(["application/json", "text/plain", ""]))
def test_no_body_shows_a_credential_however_it_is_cut(value, name, length, kind):
    """A secret under a secret name is gone; the rest of the body may be anything."""
    body = orjson.dumps({name: SECRET, "rest": value})
    cut = body[: len(body) - length] if length < len(body) else body
    headers = {"content-type": kind} if kind else {}

    assert SECRET not in whole(safe(posted(cut, headers)))


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_anything_can_be_shown(body, query, header):
    """Whatever arrived, what is shown of it can be sent as JSON."""
    request = Request("POST", "/x/", query, {"x-a": header, "authorization": header}, body)
    found = safe(request, Response(200, {"Content-Type": header}, body))

    shown = [found.path, found.query, dict(found.request_headers), found.request.value]
    assert orjson.dumps([*shown, dict(found.response_headers), found.response.value])


@pytest.mark.parametrize("text", ["a" * 60_000, "a=" * 30_000, "?a=" * 20_000, '{"a":' * 12_000])
def test_no_text_takes_long(text):
    found = safe(posted(text.encode(), {"content-type": "text/plain"}))

    assert found.request.value == text
