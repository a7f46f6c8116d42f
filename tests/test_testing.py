"""The mock in other people's tests: one server, many worlds, and a look into each."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests

from mockserver.errors import BrokenSpec, SpecError
from mockserver.testing import MockServer, MockSession, World

LIBRARY = Path(__file__).resolve().parent.parent / "examples" / "library"
NOON = "2026-01-31T12:00:00Z"
TEA = {"isbn": "9780000009999", "title": "Tea at Noon", "author_id": 1, "genre": "novel"}


def library(**options: object) -> MockServer:
    spec, pack = LIBRARY / "spec" / "openapi.yaml", f"{LIBRARY / 'pack.py'}:pack"
    return MockServer(**{"spec": spec, "pack": pack, "clock": NOON, "strict": True, **options})


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with library() as started:
        yield started


@pytest.fixture
def mock(server: MockServer) -> MockServer:
    server.reset()
    return server


@pytest.fixture
def world(mock: MockServer) -> Iterator[MockSession]:
    with mock.session() as session:
        yield session


def get(world: World, path: str, persona: str | None = None) -> requests.Response:
    return requests.get(f"{world.url}{path}", headers=world.auth(persona), timeout=30)


def add(world: World, persona: str | None = None, **fields: object) -> requests.Response:
    address, book = f"{world.url}/books", {**TEA, "branch_url": f"{world.url}/branches/1", **fields}
    return requests.post(address, json=book, headers=world.auth(persona), timeout=30)


def titles(world: World) -> set[str]:
    return {book["title"] for book in world.records("book")}


# Worlds


def test_a_session_is_apart_from_the_default_world_and_from_others(mock, world):
    with mock.session() as other:
        assert add(world).status_code == 201
        assert "Tea at Noon" in titles(world)
        assert titles(mock) == titles(other) == titles(world) - {"Tea at Noon"}


def test_each_way_into_a_session_leads_into_it(mock, world):
    session = {"Authorization": f"Bearer {world.bind('reader')}"}
    ways = [
        (world.url, mock.auth("reader")),
        (world.url, world.auth("reader")),
        (mock.url, world.auth("reader")),
        (mock.url, {**mock.auth("reader"), **world.headers}),
        (mock.url, session),
    ]
    for url, headers in ways:
        assert requests.get(f"{url}/books", headers=headers, timeout=30).status_code == 200

    world.verify(operation="books_list", persona="reader", times=len(ways))
    assert mock.requests() == []


def test_links_in_answers_stay_in_the_session(world):
    made = add(world)
    assert made.headers["Location"].startswith(f"{world.url}/books/")
    assert requests.get(made.headers["Location"], headers=world.auth(), timeout=9).ok


def test_a_session_has_a_name_that_nobody_has_or_the_one_given(mock):
    with mock.session() as one, mock.session() as other, mock.session("mine") as mine:
        assert len({one.name, other.name, mine.name}) == 3
        assert mine.url == f"{mock.url}/__mock__/s/mine"
        with pytest.raises(ValueError, match="'mine' already; drop it, or take another name"):
            mock.session("mine")
        with pytest.raises(ValueError, match="it needs 1 to 64 letters"):
            mock.session("not a name")


def test_a_session_that_was_dropped_says_so(mock):
    with mock.session() as gone:
        assert gone.records("book")
    with pytest.raises(LookupError, match=r"was dropped; make another with session\(\)"):
        gone.records("book")
    gone.drop()


def test_scenario_seed_and_clock_are_chosen_for_a_session(mock):
    with mock.session(scenario="empty", seed=9, clock="2030-01-01T00:00:00Z") as other:
        assert other.records("book") == []
        assert "seed: 9" in other.export()
        assert other.clock.now() == datetime(2030, 1, 1, tzinfo=UTC)
        assert mock.records("book")
    with pytest.raises(ValueError, match="no scenario 'nowhere'; there are: default, empty"):
        mock.session(scenario="nowhere")
    with pytest.raises(ValueError, match="is no clock"):
        mock.session(clock="teatime")


# People


def test_personas_have_headers(mock, world):
    assert list(mock.tokens) == list(world.tokens) == ["curator", "librarian", "reader", "lapsed"]
    assert mock.keyword == "Bearer"
    assert mock.auth() == mock.auth("curator") == {"Authorization": "Bearer card-curator"}
    assert mock.auth("") == {}
    assert world.auth("") == {"X-Mock-Session": world.name}
    with pytest.raises(LookupError, match="no persona 'nemo' in this scenario; there are curator,"):
        mock.auth("nemo")
    with pytest.raises(ValueError, match="persona: There is no persona 'nemo'"):
        mock.bind("nemo")


def test_who_needs_no_token_gets_none(folder):
    with MockServer(spec=folder.spec) as books:
        assert books.tokens == books.auth() == {}
        assert get(books, "/books/").status_code == 200


# States


def test_what_was_done_is_taken_back(world):
    before = world.records("book")
    add(world)
    add(world, isbn="9780000008888")
    assert world.undo() == 1
    assert world.undo(5) == 1
    assert world.records("book") == before


def test_snapshots_are_returned_to(world):
    world.snapshot("before")
    world.delete("book", "tide")
    assert "Tide Tables" not in titles(world)
    world.restore("before")
    assert "Tide Tables" in titles(world)
    with pytest.raises(LookupError, match="no snapshot 'after'; there are: before"):
        world.restore("after")


def test_a_reset_forgets_everything(world):
    add(world)
    world.faults.add("reset")
    world.clock.advance("1d")
    world.reset()
    assert "Tea at Noon" not in titles(world)
    assert (world.requests(), world.undo()) == ([], 0)
    assert world.clock.now() == datetime.fromisoformat(NOON)
    assert get(world, "/books").ok
    world.reset(scenario="empty")
    assert world.records("book") == []
    world.reset(seed=8)
    assert world.records("book") == []
    assert "seed: 8" in world.export()
    with pytest.raises(ValueError, match="there are: default, empty"):
        world.reset("nowhere")


def test_a_state_goes_out_as_text_and_comes_in_again(mock, world):
    add(world)
    with mock.session(scenario="empty") as other:
        other.load(world.export())
        assert other.records("book") == world.records("book")
        assert other.undo() == 1
        assert other.records("book") == []
        with pytest.raises(ValueError, match=r":1: .*recordings"):
            other.load("recordings: {}")
        assert other.records("book") == []


# Records


def test_records_are_written_past_the_rules_for_callers(world):
    made = world.put("author", name="Ada Stone", country="EE", born=1901)
    assert get(world, f"/authors/{made['id']}").json()["name"] == "Ada Stone"
    changed = world.patch("author", made["id"], born=1902)
    assert (changed["born"], changed["name"]) == (1902, "Ada Stone")
    again = world.put("author", made["id"], name="Ada Rock", country="EE", born=1902)
    assert again["id"] == made["id"]
    world.delete("author", made["id"])
    assert get(world, f"/authors/{made['id']}").status_code == 404
    assert world.undo(4) == 4


def test_what_would_break_a_rule_changes_nothing(world):
    before = world.export()
    with pytest.raises(ValueError, match=r"^/pages: .*correct the value"):
        world.patch("book", "tide", pages="many")
    with pytest.raises(LookupError, match="no book 'nothing'; name one by its key or label"):
        world.delete("book", "nothing")
    with pytest.raises(LookupError, match="no resource 'volume'; there are author, book"):
        world.put("volume", title="x")
    with pytest.raises(LookupError, match="no resource 'volume'; there are author, book"):
        world.records("volume")
    assert world.export() == before


def test_what_a_test_does_to_what_it_reads_stays_there(world):
    world.records("book")[0]["keywords"].append("scribbled")
    world.put("author", name="Ada Stone", country="EE", born=1901).clear()
    assert "scribbled" not in world.export()
    assert "Ada Stone" in world.export()


# Time


def test_time_is_set_and_passes(world):
    assert world.clock.now() == datetime.fromisoformat(NOON)
    world.clock.advance("P1D")
    world.clock.advance(90)
    world.clock.advance(timedelta(hours=1))
    assert world.clock.now() == datetime(2026, 2, 1, 13, 1, 30, tzinfo=UTC)
    world.clock.set(datetime(2027, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert world.clock.now() == datetime(2027, 1, 1, tzinfo=UTC)
    world.clock.set("2028-01-01T00:00:00Z")
    assert world.clock.now().year == 2028
    with pytest.raises(ValueError, match="has no time zone; give it one"):
        world.clock.set(datetime(2027, 1, 1))  # noqa: DTZ001  the mistake
    with pytest.raises(ValueError, match="is no clock"):
        world.clock.set("teatime")
    with pytest.raises(ValueError, match="is no duration"):
        world.clock.advance("a while")
    assert world.clock.now().year == 2028


def test_what_is_due_happens_when_time_has_passed():
    with MockServer(clock=NOON) as mock:
        component = mock.records("plan_component")[0]
        mock.patch("plan_component", component["uuid"], future_price="77.0000000000")
        mock.clock.advance("P1M")
        found = {each["uuid"]: each for each in mock.records("plan_component")}
        assert found[component["uuid"]]["price"] == "77.0000000000"
        assert found[component["uuid"]]["future_price"] is None


# Faults


def test_faults_befall_the_requests_they_are_for(mock, world):
    world.faults.add(status=503, operation="books_list", times=1)
    assert get(world, "/authors").status_code == 200
    assert get(mock, "/books").status_code == 200
    assert [get(world, "/books").status_code for _ in range(2)] == [503, 200]

    rule = world.faults.add({"kind": "status", "code": 429}, persona="reader")
    assert get(world, "/books", "reader").status_code == 429
    world.faults.remove(rule)
    assert get(world, "/books", "reader").status_code == 200

    world.faults.add("reset", id="cut", path="/books*")
    with pytest.raises(requests.ConnectionError):
        get(world, "/books")
    world.faults.clear()
    assert get(world, "/books").status_code == 200


def test_faults_that_cannot_be_are_refused(world):
    with pytest.raises(ValueError, match="either a fault or a status"):
        world.faults.add()
    with pytest.raises(ValueError, match="either a fault or a status"):
        world.faults.add("reset", status=500)
    with pytest.raises(ValueError, match=r"fault/kind: Give one of latency, status"):
        world.faults.add("flood")
    with pytest.raises(ValueError, match=r"operation: .*books_lst"):
        world.faults.add("reset", operation="books_lst")
    with pytest.raises(LookupError, match="no fault has the id 'cut'"):
        world.faults.remove("cut")
    assert get(world, "/books").status_code == 200


# Requests


def test_what_was_asked_is_found_again(world):
    add(world)
    add(world, "reader", isbn="9780000008888", title="Refused")
    get(world, "/books?genre=novel", "")
    (made,) = world.requests(operation="books_create", status=201)
    assert json.loads(made.request.body).items() > TEA.items()
    assert (made.method, made.path, made.wrote) == ("POST", "/books", True)
    assert [each.status for each in world.requests(method="POST")] == [201, 403]
    assert len(world.requests(status=["2xx", 404])) == 2
    assert len(world.requests(status=(403, 404))) == 1
    assert len(world.requests(persona=None, query={"genre": "novel"})) == 1
    assert (
        len(world.requests(body={"title": "Refused"}, headers={"content-type": "application/json"}))
        == 1
    )
    assert len(world.requests()) == 3
    with pytest.raises(ValueError, match=r"status: .*a status as 404"):
        world.requests(status=1000)
    with pytest.raises(ValueError, match=r"verb: This is not known\. Known"):
        world.requests(verb="list")


def test_a_failed_verification_tells_what_came_instead(world):
    world.verify(times=0)
    with pytest.raises(AssertionError) as nothing:
        world.verify(operation="books_create")
    assert str(nothing.value) == (
        "expected 1 request with operation='books_create', found 0; this is what came:\n  nothing"
    )

    get(world, "/books?genre=novel", "reader")
    get(world, "/boks", "")
    world.verify(operation="books_list")
    with pytest.raises(AssertionError) as missing:
        world.verify(operation="books_create", times=2)
    assert str(missing.value).splitlines() == [
        "expected 2 requests with operation='books_create', found 0; this is what came:",
        "  GET /books?genre=novel 200 (books_list, reader)",
        "  GET /boks 404 (no operation, nobody; did you mean books_list?)",
    ]
    with pytest.raises(AssertionError, match="expected 0 requests with anything, found 2;"):
        world.verify(times=0)


def test_a_failed_verification_is_no_longer_than_anybody_reads_and_tells_no_secrets(world):
    for _ in range(24):
        get(world, "/books?access_token=hush", "reader")
    with pytest.raises(AssertionError) as failed:
        world.verify(times=1)
    lines = str(failed.value).splitlines()
    assert lines[1] == "  (4 earlier ones)"
    assert len(lines) == 22
    assert "hush" not in str(failed.value)


# Serving


def test_it_serves_while_the_block_lasts_on_the_port_it_is_given():
    with library() as mock:
        url, port = mock.url, int(mock.url.rpartition(":")[2])
        assert get(mock, "/books").ok
        session = mock.session()
        with pytest.raises(RuntimeError, match="runs already"):
            mock.start()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=9)
    with pytest.raises(RuntimeError, match="does not run; use it inside of"):
        mock.records("book")
    with pytest.raises(RuntimeError, match="has stopped; use it while it runs"):
        session.records("book")
    mock.stop()
    with library(port=port) as again:
        assert again.url == url


def test_it_serves_the_shipped_api_when_nothing_is_named():
    with MockServer(scenario="empty", seed=3) as mock:
        found = get(mock, "/api/marketplace-plans/")
        assert (found.status_code, found.json()) == (200, [])
        assert next(iter(mock.tokens)) == "staff"
        assert "seed: 3" in mock.export()


def test_files_with_mistakes_are_not_served(folder):
    threads = threading.active_count()
    with pytest.raises(SpecError, match="is no clock"):
        library(clock="teatime").start()
    folder.edit("verb: list", "verb: lst")
    with pytest.raises(BrokenSpec, match="lst"), MockServer(spec=folder.spec):
        pass
    assert threading.active_count() == threads


def test_overlays_and_fixtures_are_named(folder):
    overlay = folder.write("o.yaml", "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"
                           "  - {target: $.info, update: {title: Other books}}\n")  # fmt: skip
    folder.write("more/scenarios/one.yaml", "records: {book: {only: {title: Only}}}")
    options = {"overlays": [overlay], "fixtures": "more", "scenario": "one"}
    with MockServer(spec=str(folder.spec), **options) as mock:
        assert [book["title"] for book in mock.records("book")] == ["Only"]
        about = requests.get(f"{mock.url}/__mock__/openapi.json", timeout=30).json()
        assert about["info"]["title"] == "Other books"
        mock.put("book", "second", title="Second")
        assert len(mock.records("book")) == 2


def test_it_is_used_from_coroutines():
    async def main() -> None:
        async with library() as mock, mock.session() as world:
            found = await asyncio.to_thread(get, world, "/books")
            assert found.ok
            world.verify(operation="books_list")
        with pytest.raises(RuntimeError, match="has stopped"):
            world.requests()

    asyncio.run(main())


def test_many_threads_work_on_one_server(mock):
    wrong: list[object] = []

    def work(number: int) -> None:
        try:
            with mock.session() as world:
                for turn in range(10):
                    world.put("author", name=f"Author {number}-{turn}", country="EE", born=1900)
                    assert get(world, "/authors").ok
                own = [a for a in world.records("author") if a["name"].startswith("Author ")]
                assert [a["name"] for a in own] == [f"Author {number}-{n}" for n in range(10)]
                world.verify(operation="authors_list", times=10)
        except BaseException as problem:  # noqa: BLE001  told below, in the test's own thread
            wrong.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert mock.requests() == []


def test_a_defect_of_the_mock_is_told_in_the_log(folder, caplog):
    folder.write("pack.py", "from mockserver.pack import Pack\n\n"
                 "def list_books(scope):\n    raise ZeroDivisionError('oops')\n\n"
                 "pack = Pack('broken', operations={'list_books': list_books})\n")  # fmt: skip
    folder.edit(
        "x-action: {verb: list, resource: book}", "x-action: {verb: report, resource: book}"
    )
    with (
        MockServer(spec=folder.spec, pack="pack.py:pack") as mock,
        caplog.at_level(logging.ERROR, "mockserver"),
    ):
        assert get(mock, "/books/").status_code == 500
    (told,) = caplog.records
    assert told.getMessage() == "GET /books/ failed"
    assert told.exc_info[0] is ZeroDivisionError
