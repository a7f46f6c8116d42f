"""Who may use the admin surface, and from which pages."""

from __future__ import annotations

import pytest

from mockserver.errors import Forbidden, Unauthenticated
from mockserver.exchange import Request
from mockserver.guard import Guard, is_local

OWN = "http://localhost:4010"


def asked(method: str = "GET", *, peer: str = "127.0.0.1", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "/requests", "", {"host": "localhost:4010", **named}, peer=peer)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4010", "127.0.0.1:4010", "[::1]:4010", "mock.localhost:4010"]
)
def test_this_machine_needs_no_token(peer, host):
    Guard().check(asked(peer=peer, host=host))


@pytest.mark.parametrize("peer", ["10.0.0.7", "172.17.0.1", "fe80::1%eth0", "::ffff:10.0.0.7"])
def test_other_machines_do(peer):
    with pytest.raises(Unauthenticated, match="--admin-token"):
        Guard(token="s").check(asked(peer=peer))
    Guard(token="s").check(asked(peer=peer, host="mock.example", authorization="Bearer s"))
    Guard(token="s").check(asked(peer=peer, host="mock.example", x_mock_admin_token="s"))


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip"])
def test_a_proxy_on_this_machine_is_not_its_client(header):
    with pytest.raises(Unauthenticated):
        Guard().check(asked(**{header: "10.0.0.7"}))


@pytest.mark.parametrize("token", ["", "other", "s "])
def test_a_wrong_token_is_refused_even_from_here(token):
    with pytest.raises(Unauthenticated, match="wrong"):
        Guard(token=token).check(asked(authorization="Bearer s"))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4010", "", "localhost.evil.example", "["]
)
def test_a_name_that_somebody_made_point_here_is_refused(host):
    with pytest.raises(Forbidden, match="--admin-host"):
        Guard().check(asked(host=host))


def test_a_name_may_be_allowed():
    Guard(hosts=frozenset({"mock.internal"})).check(asked(host="mock.internal:4010"))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_of_another_origin_is_refused(origin, method):
    with pytest.raises(Forbidden, match="--admin-origin"):
        Guard(token="s").check(asked(method, origin=origin, authorization="Bearer s"))


def test_a_page_that_may_is_told_so():
    guard = Guard(origins=frozenset({"http://localhost:3000"}))
    request = asked(
        "OPTIONS", origin="http://localhost:3000", access_control_request_headers="X-A\r\nb"
    )
    guard.check(request)
    headers = guard.cors(request)
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert headers["Access-Control-Allow-Headers"] == "X-Ab"
    assert headers["Vary"] == "Origin"
    assert guard.cors(asked(origin="http://localhost:3001")) == {}
    assert guard.cors(asked()) == {}


def test_the_own_pages_are_let_in():
    Guard().check(asked("POST", origin=OWN, sec_fetch_site="same-origin"))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_image_of_another_page_is_refused(site):
    with pytest.raises(Forbidden):
        Guard().check(asked(sec_fetch_site=site, sec_fetch_mode="no-cors"))
    with pytest.raises(Forbidden):
        Guard().check(asked("POST", sec_fetch_site=site, sec_fetch_mode="navigate"))


def test_a_link_of_another_page_may_be_followed():
    Guard().check(asked(sec_fetch_site="cross-site", sec_fetch_mode="navigate"))


@pytest.mark.parametrize(
    "name", ["localhost.example", "mock", "0.0.0.0", "256.1.1.1", "127.0.0.1.nip.io"]
)
def test_what_is_not_local(name):
    assert not is_local(name)
