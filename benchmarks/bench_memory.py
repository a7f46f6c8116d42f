"""How much memory does a process hold after its start, and after many requests?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

import orjson

from benchmarks import load, processes
from benchmarks.bench_startup import environment
from benchmarks.comparison import CONNECTIONS, CREDENTIALS, PLANS
from benchmarks.processes import Served
from mockserver import shelf

#: Asked in turns: lists and pages of lists, whole records, reports, and what is not there.
_PATHS: Final = (
    *(f"{PLANS}?page={page}" for page in range(1, 5)),
    f"{PLANS}?o=name&page_size=50",
    *(f"/api/marketplace-service-providers/?page={page}" for page in range(1, 3)),
    "/api/marketplace-service-providers/?field=name",
)
REQUESTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was found, in bytes that the process holds in memory; medians over the rounds."""

    benchmark: str = "memory"
    started: float
    after_requests: float
    bare: float
    requests: int
    rounds: int

    def as_json(self) -> str:
        """Return the findings as one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def as_text(self) -> str:
        """Return the findings as a sentence."""
        return (
            f"{self.started / 1e6:.0f} MB after the start, {self.after_requests / 1e6:.0f} MB "
            f"after {self.requests:,} requests; bare aiohttp holds {self.bare / 1e6:.0f} MB"
        )


def measure(rounds: int) -> Memory:
    """Start a process, ask it many things, and end it, again and again; each reads all anew."""
    with environment({shelf.VARIABLE: "off"}):
        found = [_round() for _ in range(rounds)]
    started, after, bare = (median(column) for column in zip(*found, strict=True))
    return Memory(
        started=started, after_requests=after, bare=bare, requests=REQUESTS, rounds=rounds
    )


def _round() -> tuple[int, int, int]:
    first = load.message("GET", PLANS, CREDENTIALS)
    with processes.mock() as served:
        answer = asyncio.run(load.ask(served.port, first))
        started = held(served)
        for path in _PATHS:
            request = load.message("GET", path, CREDENTIALS)
            share = REQUESTS // len(_PATHS)
            asyncio.run(load.send(served.port, request, count=share, connections=CONNECTIONS))
        after = held(served)
    with processes.plain(answer) as bare:
        asyncio.run(load.ask(bare.port, first))
        return started, after, held(bare)


def held(served: Served) -> int:
    """Return the bytes of a process that are in memory now."""
    for line in Path(f"/proc/{served.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not say what a process holds")
