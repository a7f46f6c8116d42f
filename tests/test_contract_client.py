"""The manners of a run: paced, budgeted, marked, and never at what is not ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract_tests import client as clients
from contract_tests import ledger
from contract_tests.client import Client, Manners, NotOurs, Stopped, credentials_of
from contract_tests.ledger import Ledger, Owned
from contract_tests.steps import Step
from contract_tests.transport import CallTransport, Trouble
from contract_tests.wire import Received, Sent, redacted

READ = Step("list", "GET", "/things/")
WRITE = Step("remove", "DELETE", "/things/{id}/", {"id": "7"})


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client would have slept."""
    found: list[float] = []
    monkeypatch.setattr(clients.time, "sleep", found.append)
    return found


def client(
    answer: Callable[[Sent], Received] = lambda sent: Received(200, {}, b"[]"), **more: Any
) -> tuple[Client, list[Sent]]:
    seen: list[Sent] = []

    def send(sent: Sent) -> Received:
        seen.append(sent)
        return answer(sent)

    signed = credentials_of({}, {"auth": {"keyword": "Token"}}, {"main": "secret"})
    made = Client(CallTransport(send, "http://h"), signed, Ledger(), run="ab12cd", **more)
    return made, seen


def test_every_request_says_who_it_is_and_of_which_run() -> None:
    sender, seen = client()
    sender.send(READ)
    sender.send(READ)
    assert "ab12cd" in seen[0].headers["User-Agent"]
    assert [sent.headers["X-Contract-Run"] for sent in seen] == ["ab12cd/1", "ab12cd/2"]


@pytest.mark.parametrize(
    ("persona", "sent"),
    [("main", "Token secret"), ("nobody", None), ("invalid", f"Token {'0' * 40}")],
)
def test_personas_sign_in_as_they_are(persona: str, sent: str | None) -> None:
    sender, seen = client()
    sender.send(replace(READ, persona=persona))
    assert seen[0].headers.get("Authorization") == sent


@pytest.mark.parametrize(
    ("scheme", "header", "value"),
    [
        ({"type": "http", "scheme": "bearer"}, "Authorization", "Bearer t"),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "X-Key", "t"),
    ],
)
def test_a_plain_document_says_where_the_token_goes(
    scheme: dict[str, str], header: str, value: str
) -> None:
    document = {"components": {"securitySchemes": {"s": scheme}}}
    assert credentials_of(document, {}, {"main": "t"})["main"] == {header: value}
    assert redacted({header: value}) == {header: "[redacted]"}


def test_a_write_at_a_record_that_is_not_ours_is_never_sent() -> None:
    sender, seen = client()
    with pytest.raises(NotOurs):
        sender.send(WRITE, resource="thing", key_param="id")
    assert not seen
    sender.ledger.add(Owned("thing", "7", "create", "remove"))
    sender.send(WRITE, resource="thing", key_param="id")
    assert len(seen) == 1


def test_a_run_that_may_only_read_sends_no_other_method() -> None:
    sender, seen = client(manners=Manners(read_only=True))
    sender.send(READ)
    with pytest.raises(NotOurs):
        sender.send(replace(READ, method="POST"))
    assert [sent.method for sent in seen] == ["GET"]


def test_the_budget_of_requests_ends_the_run() -> None:
    sender, seen = client(manners=Manners(max_requests=2))
    sender.send(READ)
    sender.send(READ)
    with pytest.raises(Stopped, match="2 requests"):
        sender.send(READ)
    assert len(seen) == 2


def test_requests_keep_their_distance(waits: list[float]) -> None:
    sender, _ = client(manners=Manners(rate=4))
    for _ in range(3):
        sender.send(READ)
    assert len(waits) == 2
    assert all(0 < seconds <= 0.5 for seconds in waits)


def test_retry_after_is_obeyed(waits: list[float]) -> None:
    answers = iter([Received(429, {"retry-after": "7"}, b""), Received(200, {}, b"[]")])
    sender, seen = client(lambda sent: next(answers))
    assert sender.send(READ).received.status == 200
    assert waits == [7.0]
    assert len(seen) == 2


def test_a_server_that_wants_to_be_left_alone_is(waits: list[float]) -> None:
    sender, _ = client(lambda sent: Received(503, {"retry-after": "86400"}, b""))
    with pytest.raises(Stopped) as stopped:
        sender.send(READ)
    assert stopped.value.is_server
    assert not waits


def test_a_server_that_only_fails_is_left_alone() -> None:
    sender, seen = client(lambda sent: Received(500, {}, b""))
    with pytest.raises(Stopped, match="unwell") as stopped:
        list(map(sender.send, [READ] * 100))
    assert stopped.value.is_server
    assert len(seen) < 50


def test_a_write_is_not_sent_twice_when_the_connection_breaks() -> None:
    def breaks(sent: Sent) -> Received:
        raise Trouble("gone")

    sender, seen = client(breaks)
    with pytest.raises(Trouble):
        sender.send(replace(READ, method="POST"))
    assert len(seen) == 1


def test_a_ledger_holds_on_disk_what_is_left_before_anything_else_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "ledger.jsonl"
    book = Ledger(file, head={"run": "x", "tag": "zqx"})
    book.intend("thing")
    book.add(Owned("thing", "1", "create", "remove", {"id": "1"}))
    book.settle("thing")
    book.intend("thing")
    head, owned, intents = ledger.read(file)
    assert head == {"run": "x", "tag": "zqx"}
    assert [each.key for each in owned] == ["1"]
    assert intents == ["thing"]
    with file.open("a") as text:
        text.write('{"own": {"resource": "th\n')
    assert ledger.read(file)[1] == owned
    book.drop("thing", "1")
    assert ledger.read(file)[1] == []
    book.close()
    assert not file.exists()


def test_no_token_is_in_a_ledger(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    sender, _ = client()
    sender.ledger = Ledger(file)
    sender.ledger.add(Owned("thing", "1", "create", "remove", {"id": "1"}, {"name": "x"}))
    assert "secret" not in file.read_text()
    assert json.loads(file.read_text().splitlines()[1])["own"]["body"] == {"name": "x"}
    sender.ledger.close()


@pytest.mark.parametrize(
    ("base_url", "link", "path"),
    [
        ("http://h", "http://h/things/7/?a=1", "/things/7/"),
        ("http://h/below", "http://h/below/things/7/?a=1", "/things/7/"),
        ("http://h/below", "/below/things/7/?a=1", "/things/7/"),
        ("http://h/below", "http://h/belowground/7/?a=1", "/belowground/7/"),
        ("http://h/below", "http://h/things/7/?a=1", "/things/7/"),
    ],
)
def test_a_link_leads_below_the_base_url(base_url: str, link: str, path: str) -> None:
    assert clients.target_of(Step("list", "GET", "/things/", url=link), base_url) == (
        path,
        (("a", "1"),),
    )
