"""Keep a log in a stream of Redis or Valkey: shared by several hosts.

Each look and each write is one script, which runs as a whole: what it finds is what
holds at that moment, so that a read sees all that was acknowledged before it began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import OutOfMemoryError, RedisError
from redis.retry import Retry

from mockserver.log import Away, Damaged, Full, Mark, Row

#: A server in the same network answers in less, in seconds; a slower one counts as away.
_PATIENCE: Final = 1.0
#: How an answer begins that refuses what cannot be written to the disk.
_NO_ROOM: Final = "MISCONF"

#: KEYS: stream, end, snapshot. The end is a hash of `number` and `tag`.
_AFTER: Final = """
local number, tag = unpack(redis.call('HMGET', KEYS[2], 'number', 'tag'))
number, tag = number or '0', tag or ''
if number == ARGV[1] and tag == ARGV[2] then return false end
local from = tonumber(ARGV[1])
if from < 0 or from >= tonumber(number) then return {} end
return redis.call('XRANGE', KEYS[1], '(' .. ARGV[1] .. '-0', '+')
"""
_EVERYTHING: Final = """
local number, tag, body = unpack(redis.call('HMGET', KEYS[3], 'number', 'tag', 'body'))
local rows = redis.call('XRANGE', KEYS[1], '(' .. (number or '0') .. '-0', '+')
return {number, tag, body, rows}
"""
#: An entry that is there already was added by the first try of the same push, even where
#: others have added theirs after it: whoever repeats the work would do it twice. Where
#: its place is taken and forgotten, nobody can tell.
_PUSH: Final = """
local number, tag = unpack(redis.call('HMGET', KEYS[2], 'number', 'tag'))
number, tag = number or '0', tag or ''
local found = redis.call('XRANGE', KEYS[1], ARGV[3] .. '-0', ARGV[3] .. '-0')
if #found == 1 and found[1][2][2] == ARGV[4] then return 1 end
if #found == 0 and tonumber(ARGV[3]) <= tonumber(number) then return -1 end
if number ~= ARGV[1] or tag ~= ARGV[2] then return 0 end
redis.call('XADD', KEYS[1], ARGV[3] .. '-0', 'tag', ARGV[4], 'body', ARGV[5])
redis.call('HSET', KEYS[2], 'number', ARGV[3], 'tag', ARGV[4])
return 1
"""
_COMPACT: Final = """
local old = tonumber(redis.call('HGET', KEYS[3], 'number') or '0')
if tonumber(ARGV[1]) <= old then return 0 end
local found = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')
if #found == 0 or found[1][2][2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[3], 'number', ARGV[1], 'tag', ARGV[2], 'body', ARGV[3])
redis.call('XTRIM', KEYS[1], 'MINID', (old + 1) .. '-0')
return 1
"""


class RedisLog:
    """A log on a server of Redis or Valkey, under a name of its own."""

    def __init__(self, url: str, address: str, name: str, *, patience: float = _PATIENCE) -> None:
        self.address = address
        # A connection that broke while nobody used it is made again, once.
        self._client: Any = Redis.from_url(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
        )
        # In a cluster, what is in braces keeps the keys together.
        self._keys = [f"mockserver:{{{name}}}:{part}" for part in ("entries", "end", "snapshot")]
        scripts = (_AFTER, _EVERYTHING, _PUSH, _COMPACT)
        register = self._client.register_script
        self._after, self._everything, self._push, self._compact = map(register, scripts)

    def after(self, mark: Mark) -> Sequence[Row] | None:
        """Return the entries after a place; None when its entry is the last one."""
        with _reached():
            found = self._after(self._keys, [mark.number, mark.tag])
        return None if found is None else [_row(each) for each in found]

    def everything(self) -> tuple[Row | None, Sequence[Row]]:
        """Return the snapshot, if any, and the entries after it."""
        with _reached():
            number, tag, body, rows = self._everything(self._keys, [])
        snapshot = None if number is None else Row(Mark(int(number), tag.decode()), body)
        return snapshot, [_row(each) for each in rows]

    def push(self, before: Mark, row: Row) -> bool:
        """Add an entry after a place; False when that is not the end of the log."""
        values: list[str | int | bytes] = [
            before.number,
            before.tag,
            row.mark.number,
            row.mark.tag,
            row.body,
        ]
        with _reached():
            done = int(self._push(self._keys, values))
        if done < 0:
            raise Away("so much was written meanwhile that nobody can tell whether this was, too")
        return bool(done)

    def compact(self, snapshot: Row) -> None:
        """Keep a snapshot, and forget the entries that the one before it stood for."""
        with _reached():
            self._compact(self._keys, [snapshot.mark.number, snapshot.mark.tag, snapshot.body])

    def clear(self) -> None:
        """Forget everything."""
        with _reached():
            self._client.delete(*self._keys)

    def close(self) -> None:
        """Let go of it."""
        self._client.close()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except RedisError as problem:
        is_full = isinstance(problem, OutOfMemoryError) or str(problem).startswith(_NO_ROOM)
        raise (Full if is_full else Away)(str(problem)) from None


def _row(found: tuple[bytes, Sequence[bytes]]) -> Row:
    number, values = found
    fields = dict(zip(values[::2], values[1::2], strict=True))
    try:
        mark = Mark(int(number.partition(b"-")[0]), fields[b"tag"].decode())
        return Row(mark, fields[b"body"])
    except (KeyError, ValueError):
        raise Damaged("an entry is none that this program wrote") from None
