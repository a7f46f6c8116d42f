"""Who is calling, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from mockserver import assembly
from mockserver.app import Application
from mockserver.assembly import World
from mockserver.exchange import Request, Response

STAFF = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000001"
STRANGER = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000007"
PLANS = "/api/marketplace-plans/"


@pytest.fixture
def mock(application: Callable[..., Application]) -> Application:
    return application("default", strict=True)


def ask(mock: Application, token: str, path: str = PLANS, **headers: str) -> Response:
    given = {"authorization": f"Token {token}", "host": "x", **headers}
    return mock.answer(Request("GET", path, headers=given)).response


def user_of(mock: Application, token: str) -> str:
    found = mock.store.read().get("token", token)
    assert found is not None
    return str(found["user"])


def acting(key: str) -> dict[str, Any]:
    return {"x-impersonated-user-uuid": key}


def test_staff_may_look_through_the_eyes_of_another(mock: Application) -> None:
    other = user_of(mock, STRANGER)
    seen = ask(mock, STAFF, **acting(other))

    assert orjson.loads(seen.body) == orjson.loads(ask(mock, STRANGER).body) == []
    assert seen.headers["X-Impersonator-Uuid"] == user_of(mock, STAFF)


@pytest.mark.parametrize("key", ["0" * 32, "nobody", ""])
def test_a_header_that_names_nobody_is_no_header(mock: Application, key: str) -> None:
    seen = ask(mock, STAFF, **acting(key))

    assert seen.body == ask(mock, STAFF).body
    assert "X-Impersonator-Uuid" not in seen.headers


def test_others_may_not_and_are_not_told_so(mock: Application) -> None:
    seen = ask(mock, STRANGER, **acting(user_of(mock, STAFF)))

    assert orjson.loads(seen.body) == []
    assert "X-Impersonator-Uuid" not in seen.headers


def test_who_is_not_signed_in_cannot_be_taken_over(mock: Application) -> None:
    signed_in = {token["user"] for token in mock.store.read().all("token")}
    users = mock.store.read().all("user")
    absent = next(user["uuid"] for user in users if user["uuid"] not in signed_in)
    refused = ask(mock, STAFF, **acting(absent))

    assert refused.status == 403
    assert orjson.loads(refused.body) == {
        "detail": "Unable to impersonate user which does not have an active session."
    }


OVERDUE = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000009"


def test_a_token_that_lay_idle_too_long_is_refused(mock: Application) -> None:
    refused = ask(mock, OVERDUE)

    assert refused.status == 401
    assert orjson.loads(refused.body) == {"detail": "Token has expired."}
    assert refused.headers["WWW-Authenticate"] == "Token"


def test_each_use_of_a_token_renews_it(default_world: World) -> None:
    # Given out two days before the midnight at which the world begins.
    now = [datetime(2026, 3, 13, 0, 50, tzinfo=UTC)]
    mock = assembly.application(replace(default_world, clock=lambda: now[0]), strict=True)

    statuses = []
    for minutes in (0, 59, 59, 61):
        now[0] += timedelta(minutes=minutes)
        statuses.append(ask(mock, OVERDUE).status)

    assert statuses == [200, 200, 200, 401]


def test_the_token_of_somebody_who_left_is_refused(mock: Application) -> None:
    refused = ask(mock, "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000008")

    assert orjson.loads(refused.body) == {"detail": "User inactive or deleted."}
