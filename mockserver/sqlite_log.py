"""Keep a log in an SQLite file: durable, and shared by the processes of one host.

Whatever was acknowledged survives a killed process, and unless `synchronous` is turned
down, a lost power supply. A reader asks SQLite whether others wrote, which costs it a
look at shared memory.

SQLite takes a damaged end of its write-ahead log for one that was never finished, and
goes on without it. So a note beside the file says which entry was acknowledged last.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mockserver.log import START, Away, Damaged, Full, Mark, Row

#: How long a writer waits for another to finish, in seconds.
_PATIENCE: Final = 2.0
#: Says whose file it is: "mock" in ASCII.
_APPLICATION: Final = 0x6D6F636B
_LAYOUT: Final = 1
#: A note is always as long, so that a new one covers the one before it.
_NOTE: Final = 64
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS entry (
  number INTEGER PRIMARY KEY, tag TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS snapshot (
  number INTEGER PRIMARY KEY, tag TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
"""


class SqliteLog:
    """
    A log in a file; made when there is none.

    `synchronous` is what SQLite calls it: `full` waits for the disk at each write,
    `normal` may lose the latest writes when the machine goes down, never when a process
    does.
    """

    def __init__(self, path: Path, *, synchronous: str = "full") -> None:
        self.address = f"sqlite:///{path}"
        self._path, self._synchronous = path, synchronous
        self._connection: sqlite3.Connection | None = None
        self._inode, self._version = 0, -1
        self._end = START
        self._note = path.with_name(f"{path.name}-end")

    def after(self, mark: Mark) -> Sequence[Row] | None:
        """Return the entries after a place; None when its entry is the last one."""
        with self._connected() as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version == self._version and mark == self._end:
                return None
            with _transaction(connection, "DEFERRED"):
                end = _end(connection)
                rows = _entries(connection, mark.number) if end != mark else []
            # What is written from now on makes another version.
            self._version, self._end = version, end
            return None if end == mark else rows

    def everything(self) -> tuple[Row | None, Sequence[Row]]:
        """Return the snapshot, if any, and the entries after it."""
        with self._connected() as connection, _transaction(connection, "DEFERRED"):
            found = connection.execute("SELECT number, tag, body FROM snapshot").fetchone()
            snapshot = None if found is None else _row(found)
            return snapshot, _entries(connection, 0 if snapshot is None else snapshot.mark.number)

    def push(self, before: Mark, row: Row) -> bool:
        """Add an entry after a place; False when that is not the end of the log."""
        with self._connected() as connection:
            with _transaction(connection, "IMMEDIATE"):
                if _end(connection) != before:
                    return False
                values = (row.mark.number, row.mark.tag, row.body)
                connection.execute("INSERT INTO entry VALUES (?, ?, ?)", values)
            self._end = row.mark
            # Otherwise a lost power supply may take the entry, and leave the note.
            if self._synchronous == "full":
                self._write_note(row.mark.number)
        return True

    def compact(self, snapshot: Row) -> None:
        """Keep a snapshot, and forget the entries that the one before it stood for."""
        mark = snapshot.mark
        with self._connected() as connection, _transaction(connection, "IMMEDIATE"):
            known = connection.execute("SELECT number FROM snapshot").fetchone()
            old = 0 if known is None else int(known[0])
            found = connection.execute("SELECT tag FROM entry WHERE number = ?", (mark.number,))
            if mark.number <= old or found.fetchone() != (mark.tag,):
                return
            connection.execute("DELETE FROM entry WHERE number <= ?", (old,))
            connection.execute("DELETE FROM snapshot")
            values = (mark.number, mark.tag, snapshot.body)
            connection.execute("INSERT INTO snapshot VALUES (?, ?, ?)", values)

    def clear(self) -> None:
        """Forget everything."""
        self._write_note(0)
        with self._connected() as connection, _transaction(connection, "IMMEDIATE"):
            connection.execute("DELETE FROM entry")
            connection.execute("DELETE FROM snapshot")
        self._version = -1

    def close(self) -> None:
        """Let go of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    # Inside

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to the file that has the name now; all that fails is Away."""
        try:
            if self._connection is not None and self._path.stat().st_ino != self._inode:
                # Somebody put another file there: what is written to this one is lost.
                self.close()
            yield self._connection or self._connect()
        except FileNotFoundError:
            self.close()
            raise Away("its file is gone") from None
        except OSError as problem:
            raise Away(problem.strerror or str(problem)) from None
        except sqlite3.OperationalError as problem:
            raise (Full if _code(problem) == sqlite3.SQLITE_FULL else Away)(str(problem)) from None
        except sqlite3.DatabaseError as problem:
            self.close()
            is_other = _code(problem) == sqlite3.SQLITE_NOTADB
            raise (Away if is_other else Damaged)(str(problem)) from None

    def _connect(self) -> sqlite3.Connection:
        # Read first: others may acknowledge more at any time, but never less.
        noted = self._read_note()
        # One at a time uses it, but not always from the thread that opened it.
        made = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(made, noted)
            self._inode = self._path.stat().st_ino
        except BaseException:
            made.close()
            raise
        self._connection, self._version, self._end = made, -1, START
        return made

    def _prepare(self, connection: sqlite3.Connection, noted: int) -> None:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and owner != _APPLICATION:
            raise Away("the file belongs to another program")
        if tables and layout != _LAYOUT:
            raise Away("another release made the file")
        number = _end(connection).number if tables else 0
        # Asked twice: somebody may have it forget everything meanwhile.
        if number < min(noted, self._read_note()):
            raise Damaged(
                f"it ends with entry {number}, but entry {noted} was acknowledged; "
                f"to go on with what is left, remove {self._note}"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        if not tables:
            # What is noted was about another file, whose number this one may have.
            self._write_note(0)
            with _transaction(connection, "IMMEDIATE"):
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_LAYOUT}")

    def _read_note(self) -> int:
        """Return the number of the last entry that the file must have; 0 when nobody knows."""
        try:
            inode, number = map(int, self._note.read_bytes().split())
            found = self._path.stat()
        except (OSError, ValueError):
            return 0
        # The note may be about a file that somebody removed or replaced.
        return number if found.st_size and found.st_ino == inode else 0

    def _write_note(self, number: int) -> None:
        """Say that an entry is acknowledged; without a note, less can be noticed later."""
        with suppress(OSError):
            # Not emptied first: whoever reads it meanwhile finds the one before.
            note = os.open(self._note, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.write(note, f"{self._inode} {number}".encode().ljust(_NOTE))
            finally:
                os.close(note)


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Do all of the block or nothing."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # After an error, and where a block returns before its end.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def _code(problem: sqlite3.Error) -> int | None:
    # Errors of the module itself have none.
    return getattr(problem, "sqlite_errorcode", None)


def _end(connection: sqlite3.Connection) -> Mark:
    found = connection.execute(
        "SELECT number, tag FROM entry ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return START if found is None else Mark(found[0], found[1])


def _entries(connection: sqlite3.Connection, number: int) -> list[Row]:
    found = connection.execute(
        "SELECT number, tag, body FROM entry WHERE number > ? ORDER BY number", (number,)
    )
    return [_row(each) for each in found]


def _row(found: tuple[int, str, bytes]) -> Row:
    return Row(Mark(found[0], found[1]), found[2])
