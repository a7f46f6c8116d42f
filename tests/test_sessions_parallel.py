"""Many worlds on one server: nobody sees another's, and equal worlds answer alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import requests

from mockserver.testing import MockServer, MockSession

CLIENTS = 64
#: Of the 50 writes in a session, 40 make a book and 10 remove one again.
MADE, REMOVED_EACH = 40, 4


# Apart


@dataclass
class Connection:
    """One connection that stays open, and what may be asked over it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: Any = None
    ) -> tuple[int, dict[str, str], Any]:
        content = b"" if body is None else json.dumps(body).encode()
        fields = {"Host": "mock", "Content-Length": str(len(content)), **headers}
        if content:
            fields["Content-Type"] = "application/json"
        head = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items()), "\r\n"]
        self.writer.write("\r\n".join(head).encode() + content)
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        found = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        answer = await self.reader.readexactly(int(found.get("content-length", 0)))
        return int(first.split()[1]), found, json.loads(answer) if answer else None


async def write_one(connection: Connection, session: MockSession, number: int) -> None:
    """Make a book, look at it and its neighbours, and remove it again if its turn is come."""
    in_path = (f"/__mock__/s/{session.name}", {})
    in_header = ("", session.headers)
    (mount, headers), (other, others) = (in_path, in_header) if number % 2 else (in_header, in_path)
    title = f"{session.name}/{number}"
    status, told, made = await connection.ask("POST", f"{mount}/books/", headers, {"title": title})
    assert (status, made["title"]) == (201, title)
    assert told["location"] == f"http://mock{mount}/books/{made['id']}/"
    # Every session has the same ids: an answer of another would have this one's address.
    own = f"{other}/books/{made['id']}/"
    if number % REMOVED_EACH == 0:
        assert await asked(connection, own, others) == made
        for book in await asked(connection, f"{mount}/books/?title=/&o=-title", headers):
            assert book["title"].startswith(f"{session.name}/")
        status, _, _ = await connection.ask("DELETE", own, others)
        assert status == 204


async def asked(connection: Connection, path: str, headers: Mapping[str, str]) -> Any:
    status, _, body = await connection.ask("GET", path, headers)
    assert status == 200
    return body


async def write_all(mock: MockServer, sessions: list[MockSession]) -> None:
    """Have many clients write to all sessions, in an order that mixes them."""
    jobs = [(session, number) for session in sessions for number in range(MADE)]
    Random(len(jobs)).shuffle(jobs)
    left = iter(jobs)
    host, _, port = mock.url.removeprefix("http://").partition(":")

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for session, number in left:
            await write_one(Connection(reader, writer), session, number)
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(client())


@pytest.mark.parametrize(
    "count", [50, pytest.param(1000, marks=pytest.mark.soak)], ids=lambda n: f"{n} sessions"
)
def test_nobody_sees_the_records_of_another(folder, count):
    with MockServer(spec=folder.spec) as mock:
        before = mock.records("book")
        sessions = [mock.session(f"s{number}") for number in range(count)]
        asyncio.run(write_all(mock, sessions))
        for session in sessions:
            kept = [n for n in range(MADE) if n % REMOVED_EACH]
            expected = [*(f"{session.name}/{n}" for n in kept), *(b["title"] for b in before)]
            assert sorted(b["title"] for b in session.records("book")) == sorted(expected)
            assert session.undo(MADE * 2) == MADE + MADE // REMOVED_EACH
            assert session.records("book") == before
        assert mock.records("book") == before
        assert mock.requests() == []


# Alike

PLANS = "/api/marketplace-plans/"
OFFERINGS = "/api/marketplace-provider-offerings/"
PROVIDERS = "/api/marketplace-service-providers/"


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="2026-01-31T12:00:00Z", strict=True) as server:
        yield server


@dataclass
class Client:
    """Asks one session in one way, and keeps the answers, with its base URL taken out."""

    url: str
    headers: Mapping[str, str]
    answers: list[tuple[int, dict[str, str], bytes]]

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        url = target if target.startswith("http") else f"{self.url}{target}"
        found = requests.request(method, url, json=body, headers=self.headers, timeout=30)
        told = {n: v.replace(self.url, "URL") for n, v in found.headers.items() if n != "Date"}
        content = found.content.replace(self.url.encode(), b"URL")
        # Of the same length only by chance.
        told.pop("Content-Length", None)
        self.answers.append((found.status_code, told, content))
        return found.json() if "json" in found.headers.get("Content-Type", "") else None


def story(client: Client) -> None:
    """Read, write, be refused, page, and follow links."""
    plan = client.ask("GET", f"{PLANS}?page_size=2")[1]
    client.ask("GET", plan["url"])
    provider = client.ask("GET", PROVIDERS)[0]
    client.ask("PATCH", provider["url"], {"description": "Changed"})
    made = client.ask("POST", PLANS, {"name": "New", "offering": plan["offering"], "unit": "month"})
    client.ask("POST", PLANS, {"name": "", "offering": "nonsense"})
    client.ask("GET", made["url"])
    client.ask("POST", f"{made['url']}archive/")
    client.ask("DELETE", plan["url"])
    client.ask("GET", f"{PLANS}?page=3&page_size=5&o=-name")
    client.ask("GET", "/api/nothing-here/")


@pytest.mark.parametrize("seed", [None, 5])
def test_equal_worlds_give_the_same_bytes_whichever_way_leads_in(mock, seed):
    told = {}
    for way in ("header", "base URL", "token"):
        with mock.session(seed=seed) as session:
            # A token is a record, too: the worlds are equal when each has one more.
            bound = {"Authorization": f"{session.keyword} {session.bind()}"}
            client = {
                "header": Client(mock.url, session.auth(), []),
                "base URL": Client(session.url, mock.auth(), []),
                "token": Client(mock.url, bound, []),
            }[way]
            story(client)
            session.verify(times=len(client.answers))
            told[way] = client.answers
    assert [status for status, _, _ in told["header"]].count(201) == 1
    assert told["header"] == told["base URL"] == told["token"]
    assert mock.requests() == []


def test_another_seed_gives_other_bytes(mock):
    found = []
    for seed in (5, 6):
        with mock.session(seed=seed) as session:
            client = Client(session.url, session.auth(), [])
            story(client)
            found.append(client.answers)
    assert found[0] != found[1]
