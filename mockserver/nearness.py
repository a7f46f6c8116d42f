"""Say which paths a request that found none may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from mockserver.operation import Operation

_MOST: Final = 3
#: Words less alike than this were not mistaken for each other.
_ALIKE: Final = 0.6
#: One segment may be wrong, and a slash.
_FARTHEST: Final = 1.2
_SLASH: Final = 0.2
_METHOD: Final = 0.5
#: What is so much farther than the nearest was not meant.
_APART: Final = 0.7
#: A path of more segments, or of longer ones, is nobody's slip of the pen.
_MANY: Final = 30
_LONG: Final = 100


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An operation that was almost asked for, and what differs, in a sentence."""

    operation: str
    method: str
    path: str
    difference: str


@dataclass(frozen=True, slots=True)
class _Way:
    """How a path becomes a template: at what cost, and keeping how many literal characters."""

    cost: float = 0.0
    kept: float = 0.0
    texts: tuple[str, ...] = ()

    def and_then(self, cost: float, kept: float, text: str) -> _Way:
        texts = (*self.texts, text) if text else self.texts
        return _Way(self.cost + cost, self.kept + kept, texts)


def near_misses(operations: Iterable[Operation], method: str, path: str) -> list[NearMiss]:
    """Return the operations most like a request, the nearest first; none when none is like it."""
    sent = [unquote(segment, errors="replace") for segment in path.split("/")[1:]]
    if len(sent) > _MANY:
        return []
    wanted = "GET" if method == "HEAD" else method
    found = []
    for operation in operations:
        way = _way(sent, operation.path.split("/")[1:])
        if operation.method != wanted:
            way = way.and_then(_METHOD, 0, f"in the method, {operation.method} there")
        if way.texts and _is_near(way, operation.path):
            text = f"{path} differs from {operation.path} {', '.join(way.texts)}"
            miss = NearMiss(operation.id, operation.method, operation.path, text)
            found.append((way.cost, miss))
    found.sort(key=lambda each: (each[0], each[1].path, each[1].method))
    return [miss for cost, miss in found[:_MOST] if cost < found[0][0] + _APART]


def _is_near(way: _Way, template: str) -> bool:
    literals = [part for part in template.split("/") if not part.startswith("{")]
    return way.cost <= _FARTHEST + _METHOD and 2 * way.kept >= sum(map(len, literals))


def _way(sent: Sequence[str], template: Sequence[str]) -> _Way:
    """Return the cheapest way from a path to a template, segment by segment."""
    row = [_Way()]
    for j, wanted in enumerate(template, 1):
        row.append(_lacking(row[-1], j, wanted))
    for i, given in enumerate(sent, 1):
        previous, row = row, [_surplus(row[0], i, given)]
        for j, wanted in enumerate(template, 1):
            ways = (
                _changed(previous[j - 1], i, given, wanted),
                _surplus(previous[j], i, given),
                _lacking(row[-1], j, wanted),
            )
            row.append(min(ways, key=lambda way: (way.cost, -way.kept)))
    return row[-1]


def _changed(way: _Way, number: int, given: str, wanted: str) -> _Way:
    if bool(given) != bool(wanted):
        return way.and_then(1 + _SLASH, 0, f"in segment {number}")
    if wanted.startswith("{") or given == wanted:
        return way.and_then(0, 0 if wanted.startswith("{") else len(wanted), "")
    likeness = _likeness(given, wanted)
    if likeness < _ALIKE:
        return way.and_then(1, 0, f"in segment {number}")
    return way.and_then(1 - likeness, likeness * len(wanted), f"in segment {number}")


def _surplus(way: _Way, number: int, given: str) -> _Way:
    if not given:
        return way.and_then(_SLASH, 0, "by a slash too many")
    return way.and_then(1, 0, f"by segment {number} too many")


def _lacking(way: _Way, number: int, wanted: str) -> _Way:
    if not wanted:
        return way.and_then(_SLASH, 0, "by a missing slash")
    return way.and_then(1, 0, f"by missing segment {number}, {wanted}")


@lru_cache(maxsize=1024)
def _likeness(given: str, wanted: str) -> float:
    """Return more than 0 and less than 1 for words that differ."""
    if len(given) > _LONG:
        return 0.0
    # Letter case makes a difference, but not much of one.
    ratio = SequenceMatcher(None, given.lower(), wanted.lower()).ratio()
    return min(ratio, 0.99)
