"""A log in a file: what is kept, what others see, and what happens when the file is not well."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from mockserver import log
from mockserver.log import START, Away, Damaged, Mark
from mockserver.sqlite_log import SqliteLog
from tests.library_hub import ask, data, status
from tests.shared_hubs import join, worlds

CARD = {"card": "curator"}


def title(hub, text):
    outcome = ask(hub, "PATCH", "/books/1", {"title": text}, **CARD)
    return status(outcome)


def read(hub):
    return data(ask(hub, "GET", "/books/1"))["title"]


def push(where, mark, body):
    row = log.row_after(mark, body)
    assert where.push(mark, row)
    return row.mark


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.db"


@pytest.fixture
def open_log(path):
    opened = []

    def make(**settings):
        made = SqliteLog(path, **settings)
        opened.append(made)
        return made

    yield make
    for each in opened:
        each.close()


class TestRows:
    def test_an_empty_file_is_an_empty_log(self, open_log):
        one = open_log()
        assert log.pull(one, START) is None
        assert one.everything() == (None, [])

    def test_others_see_what_was_written(self, open_log):
        one, other = open_log(), open_log()
        assert other.after(START) is None
        end = push(one, START, b"a")
        assert log.pull(other, START) == log.News((b"a",), end)
        assert log.pull(other, end) is None
        last = push(other, end, b"b")
        assert log.pull(one, end) == log.News((b"b",), last)

    def test_who_is_second_is_told(self, open_log):
        one, other = open_log(), open_log()
        end = push(one, START, b"a")
        assert not other.push(START, log.row_after(START, b"b"))
        assert log.pull(other, START) == log.News((b"a",), end)

    def test_another_opening_finds_it_all(self, open_log):
        first = open_log()
        end = push(first, push(first, START, b"a"), b"b")
        first.close()
        assert log.pull(open_log(), Mark(-1, "")) == log.News((b"a", b"b"), end, afresh=True)

    def test_snapshots(self, open_log):
        one, other = open_log(), open_log()
        a = push(one, START, b"a")
        b = push(one, a, b"b")
        one.compact(log.snapshot_at(b, b"all"))
        c = push(one, b, b"c")
        assert log.pull(other, a) == log.News((b"b", b"c"), c)
        other.compact(log.snapshot_at(a, b"older"))
        other.compact(log.snapshot_at(Mark(3, "elsewhere"), b"other"))
        other.compact(log.snapshot_at(c, b"more"))
        assert log.pull(one, a) == log.News((), c, True, b"more")

    def test_clearing_is_seen_by_all(self, open_log):
        one, other = open_log(), open_log()
        end = push(one, START, b"a")
        other.clear()
        for each in (one, other):
            assert log.pull(each, end) == log.News((), START, afresh=True)

    @pytest.mark.parametrize(("said", "number"), [("full", 2), ("normal", 1)])
    def test_it_waits_for_the_disk_as_told(self, open_log, said, number):
        one = open_log(synchronous=said)
        one.after(START)
        assert one._connection.execute("PRAGMA synchronous").fetchone() == (number,)
        assert one._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


class TestTrouble:
    def test_what_is_no_database(self, open_log, path):
        path.write_bytes(b"something else altogether, and long enough" * 100)
        with pytest.raises(Away, match="not a database"):
            open_log().after(START)

    def test_the_database_of_others(self, open_log, path):
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE theirs (a)")
        with pytest.raises(Away, match="another program"):
            open_log().after(START)

    def test_a_later_layout(self, open_log, path):
        open_log().after(START)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA user_version = 99")
        with pytest.raises(Away, match="another release"):
            open_log().after(START)

    def test_no_folder(self, tmp_path):
        with pytest.raises(Away, match="unable to open"):
            SqliteLog(tmp_path / "nowhere" / "data.db").after(START)

    def test_a_changed_entry_is_found(self, open_log, path):
        one = open_log()
        push(one, push(one, START, b"a"), b"b")
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE entry SET body = ? WHERE number = 1", (b"A",))
        with pytest.raises(Damaged, match="entry 1"):
            log.pull(open_log(), START)

    def test_damaged_pages_are_found(self, open_log, path):
        one = open_log()
        mark = START
        for _ in range(50):
            mark = push(one, mark, b"x" * 3000)
        one.close()
        content = bytearray(path.read_bytes())
        content[20_000:60_000] = b"\x00" * 40_000
        path.write_bytes(content)
        with pytest.raises(Damaged):
            log.pull(open_log(), Mark(-1, ""))

    def test_a_torn_tail_was_never_acknowledged(self, open_log, path, tmp_path):
        """Whatever is cut off the write-ahead log, what is left is the beginning of all."""
        one = open_log()
        mark, bodies = START, [f"entry {number}".encode() * 50 for number in range(8)]
        for body in bodies:
            mark = push(one, mark, body)
        content = path.with_name("data.db-wal").read_bytes()
        found = set()
        for cut in range(0, len(content), 1111):
            copy = tmp_path / f"{cut}.db"
            copy.write_bytes(path.read_bytes())
            copy.with_name(f"{cut}.db-wal").write_bytes(content[: len(content) - cut])
            torn = SqliteLog(copy)
            news = log.pull(torn, Mark(-1, ""))
            torn.close()
            assert list(news.entries) == bodies[: len(news.entries)]
            found.add(len(news.entries))
        assert {0, 8} < found

    def test_a_writer_that_does_not_end_is_not_waited_for(self, open_log, path, monkeypatch):
        monkeypatch.setattr("mockserver.sqlite_log._PATIENCE", 0.05)
        one = open_log()
        end = push(one, START, b"a")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Away, match="locked"):
                one.push(end, log.row_after(end, b"b"))
            assert log.pull(one, end) is None
        push(one, end, b"b")

    def test_a_file_that_is_gone_loses_nothing_silently(self, open_log, path):
        one = open_log()
        end = push(one, START, b"a")
        for each in path.parent.iterdir():
            each.unlink()
        with pytest.raises(Away, match="gone"):
            one.push(end, log.row_after(end, b"b"))
        assert log.pull(one, end) == log.News((), START, afresh=True)

    def test_a_file_that_was_put_in_its_place_is_read(self, open_log, path, tmp_path):
        one = open_log()
        end = push(one, START, b"a")
        other = SqliteLog(tmp_path / "other.db")
        its = push(other, START, b"b")
        other.close()
        (tmp_path / "other.db").replace(path)
        for each in path.parent.glob("data.db-*"):
            each.unlink()
        assert log.pull(one, end) == log.News((b"b",), its, afresh=True)


class TestHubs:
    def test_servers_share_a_file(self, open_log):
        one, other = join(open_log()), join(open_log())
        for number in range(10):
            writer, reader = (one, other) if number % 2 else (other, one)
            assert title(writer, f"Title {number}") == 200
            assert read(reader) == f"Title {number}"
        assert worlds(one) == worlds(other)

    def test_another_start_goes_on(self, open_log):
        one = join(open_log())
        title(one, "Kept")
        ask(one, "DELETE", "/books/2", **CARD)
        before = worlds(one)
        one.close()
        again = join(open_log())
        assert worlds(again) == before
        ask(again, "POST", "/__mock__/undo", {"writes": 1})
        assert status(ask(again, "GET", "/books/2")) == 200

    def test_a_full_disk_takes_nothing_and_loses_nothing(self, open_log):
        line = open_log()
        one, other = join(line), join(open_log())
        assert title(one, "Before") == 200
        (pages,) = line._connection.execute("PRAGMA page_count").fetchone()
        line._connection.execute(f"PRAGMA max_page_count = {pages}")
        answers = [title(one, f"{number}" * 100) for number in range(9)]
        assert answers[-1] == 503
        kept = [f"{number}" * 100 for number, each in enumerate(answers) if each == 200]
        assert read(one) == read(other) == [*["Before"], *kept][-1]
        assert worlds(one) == worlds(other)
        line._connection.execute("PRAGMA max_page_count = 100000")
        assert title(one, "After") == 200
        assert read(other) == "After"

    def test_snapshots_keep_the_file_short(self, open_log, monkeypatch):
        monkeypatch.setattr("mockserver.replica.ENTRIES", 10)
        line = open_log()
        one, other = join(line), join(open_log())
        for number in range(35):
            assert title(one, f"Title {number}") == 200
        (count,) = line._connection.execute("SELECT count(*) FROM entry").fetchone()
        assert count <= 20
        # It saw nothing of this yet.
        assert read(other) == "Title 34"
        assert worlds(join(open_log())) == worlds(one) == worlds(other)
        assert one.sessions.default.undoable == 35
