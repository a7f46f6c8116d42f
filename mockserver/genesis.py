"""Say where the worlds of a log come from: whoever starts from the same has the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from mockserver import changes, log
from mockserver.clock import Clock
from mockserver.errors import MockServerError
from mockserver.log import Log, Mark
from mockserver.scenario import Scenario

#: What entries look like; another number is another language.
_FORMAT: Final = 1


class Stranger(MockServerError):
    """A log holds the worlds of a server that was started otherwise."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """
    What the worlds of a log began with.

    `at` is when the first server started, and `said` what it was told of time; `spec`
    and `world` are digests of the description and of the first state.
    """

    scenario: str
    seed: int
    at: datetime
    clock: Clock
    said: str
    spec: str
    world: str

    def written(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "format": _FORMAT,
            "scenario": self.scenario,
            "seed": self.seed,
            "at": self.at.isoformat(),
            "clock": changes.write_clock(self.clock),
            "said": self.said,
            "spec": self.spec,
            "world": self.world,
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Genesis:
        """Return what was written; raise Stranger when another release wrote it."""
        if told.get("format") != _FORMAT:
            raise Stranger("another release wrote it")
        at, clock = datetime.fromisoformat(told["at"]), changes.read_clock(told["clock"])
        return cls(
            told["scenario"], told["seed"], at, clock, told["said"], told["spec"], told["world"]
        )

    def check(self, other: Genesis) -> None:
        """Raise Stranger when another one is not the same, and say in what."""
        for name, text in _PARTS.items():
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                raise Stranger(text.format(its=its, mine=mine))


_PARTS: Final = {
    "scenario": "it began with the scenario {its!r}, and this server with {mine!r}",
    "seed": "it began with the seed {its}, and this server with {mine}",
    "at": "it began at {its}, and this server at {mine}",
    "clock": "it began with another clock than this server",
    "spec": (
        "it was made with another description of the API "
        "(digest {its:.12}, that of this server {mine:.12})"
    ),
    "world": (
        "it was made with other fixtures, or by another release "
        "(digest of the first records {its:.12}, here {mine:.12})"
    ),
}


def found(where: Log) -> Genesis | None:
    """Return what the worlds of a log began with; None when it is empty. Raises Away, Stranger."""
    news = log.pull(where, log.NOWHERE)
    if news is None or not (news.snapshot or news.entries):
        return None
    return Genesis.read(changes.unpack(news.snapshot or news.entries[0])["genesis"])


def begin(where: Log, first: Genesis, by: str) -> Mark | None:
    """Write the first entry, and return the place after it; None when others were first."""
    body = changes.pack({"sessions": {}, "genesis": first.written(), "by": by})
    row = log.row_after(log.START, body)
    return row.mark if where.push(log.START, row) else None


def spec_digest(document: Any) -> str:
    """Return a text that another description hardly has."""
    return _digest(document)


def world_digest(scenario: Scenario) -> str:
    """Return a text that a scenario with other records or people hardly has."""
    tables = scenario.state.tables
    records = {
        name: [tables[name].serial, *(each for _, each in sorted(tables[name].records.items()))]
        for name in sorted(tables)
    }
    people = [[each.name, each.token, each.user] for each in scenario.personas]
    return _digest([scenario.seed, scenario.state.version, people, records])


def _digest(document: Any) -> str:
    return sha256(json.dumps(document, sort_keys=True, default=dict).encode()).hexdigest()
