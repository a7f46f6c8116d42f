"""Count which statuses, parameters and callers the requests of a session exercise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from mockserver.json_types import Key

#: Fuzzers invent names; so many are told apart, and so much of each.
_NAMES: Final = 500
_NAME_LENGTH: Final = 64
_PARAMETERS: Final = 200


@dataclass(slots=True)
class Tally:
    """How often each status, query parameter and caller was seen at one operation."""

    statuses: dict[int, int] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    users: dict[Key | None, int] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many requests there were."""
        return sum(self.statuses.values())


class Counters:
    """Tallies by operation; "" has the requests that found none."""

    __slots__ = ("_tallies",)

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}

    def see(self, operation: str, status: int, query: str, user: Key | None) -> None:
        """Count one exchange."""
        tally = self._tallies.get(operation)
        if tally is None:
            tally = self._tallies[operation] = Tally()
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        tally.users[user] = tally.users.get(user, 0) + 1
        if query:
            for name in _names(query):
                _count(tally.parameters, name)

    def tallies(self) -> Mapping[str, Tally]:
        """Return what was counted."""
        return self._tallies

    def clear(self) -> None:
        """Forget everything."""
        self._tallies = {}


def _names(query: str) -> set[str]:
    found = {part.partition("=")[0] for part in query.split("&", _PARAMETERS)}
    found.discard("")
    if "%" in query or "+" in query:
        found = {unquote_plus(name, errors="replace") for name in found}
    return found


def _count(counts: dict[str, int], name: str) -> None:
    name = name[:_NAME_LENGTH]
    if name not in counts and len(counts) >= _NAMES:
        # What was sent once, long ago, was hardly meant.
        del counts[min(counts, key=lambda each: counts[each])]
    counts[name] = counts.get(name, 0) + 1
