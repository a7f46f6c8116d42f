"""Does a server last under mixed load: its errors, its slowest answers, its memory?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from statistics import median
from typing import Final

import orjson
import uvloop

from benchmarks import load, processes
from benchmarks.bench_memory import held
from benchmarks.comparison import CREDENTIALS, PLANS, first_plan
from benchmarks.load import Message, Script
from benchmarks.processes import Served

CLIENTS: Final = 64
#: Seconds in all, and how often memory is looked at; the first part fills caches and the journal.
DURATION: Final = 600.0
_EVERY: Final = 5.0
_FIRST: Final = 0.2
#: How many plans of its own a client keeps at a time.
_PLANS: Final = 5
_PROVIDERS: Final = "/api/marketplace-service-providers/"
_READS: Final = (
    PLANS,
    f"{PLANS}?page=2&page_size=25",
    f"{PLANS}?o=-name&field=name&field=uuid",
    f"{PLANS}?archived=false&page_size=50",
    _PROVIDERS,
    f"{_PROVIDERS}?field=name",
)
#: Below a provider: what a page of a front end asks for.
_BELOW: Final = ("", "customers/", "projects/?page_size=20", "offerings/", "stat/", "revenue/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was found: seconds of the answers, bytes in memory early and at the end."""

    benchmark: str = "load"
    clients: int
    seconds: float
    requests: int
    median_seconds: float
    p99_seconds: float
    longest_seconds: float
    memory_early: float
    memory_late: float
    cpu_seconds: float

    def as_json(self) -> str:
        """Return the findings as one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def as_text(self) -> str:
        """Return the findings as a sentence."""
        return (
            f"{self.requests:,} requests of {self.clients} clients in {self.seconds:.0f} s "
            f"without an error; 99 % within {self.p99_seconds / self.median_seconds:.1f} x the "
            f"median of {self.median_seconds * 1e3:.0f} ms, the longest "
            f"{self.longest_seconds * 1e3:.0f} ms; {self.memory_early / 1e6:.0f} MB early on, "
            f"{self.memory_late / 1e6:.0f} MB at the end"
        )


@dataclass(slots=True)
class _Client:
    """Somebody who reads, and makes, changes and deletes plans of his own."""

    number: int
    offering: str
    providers: Sequence[str]
    until: float
    took: list[float] = field(default_factory=list)

    def script(self) -> Script:
        """Send one request after another until it is time; BadAnswer ends it all."""
        chance, mine = Random(self.number), deque[str]()
        while time.perf_counter() < self.until:
            deed = chance.random()
            if deed < 0.1 or not mine:
                made = yield from self._timed(self._create(chance))
                mine.append(orjson.loads(load.body_of(made))["uuid"])
            elif deed < 0.3:
                yield from self._timed(self._write("PATCH", chance.choice(mine), chance))
            elif deed < 0.5:
                path = f"{PLANS}{chance.choice(mine)}/"
                yield from self._timed(load.message("GET", path, CREDENTIALS))
            elif deed < 0.7:
                provider, below = chance.choice(self.providers), chance.choice(_BELOW)
                path = f"{_PROVIDERS}{provider}/{below}"
                yield from self._timed(load.message("GET", path, CREDENTIALS))
            else:
                yield from self._timed(load.message("GET", chance.choice(_READS), CREDENTIALS))
            if len(mine) > _PLANS:
                path = f"{PLANS}{mine.popleft()}/"
                yield from self._timed(load.message("DELETE", path, CREDENTIALS, status=204))

    def _timed(self, request: Message) -> Generator[Message, bytes, bytes]:
        started = time.perf_counter()
        answer = yield request
        self.took.append(time.perf_counter() - started)
        return answer

    def _create(self, chance: Random) -> Message:
        body = {"name": _name(chance), "unit": "month", "offering": self.offering}
        return _sent("POST", PLANS, body, 201)

    def _write(self, method: str, plan: str, chance: Random) -> Message:
        return _sent(method, f"{PLANS}{plan}/", {"description": _name(chance)}, 200)


def measure(_rounds: int, duration: float = DURATION) -> Load:
    """Let many clients do what front ends do, all at once, for ten minutes."""
    with processes.mock() as served, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        offering = first_plan(served)["offering"]
        listed = load.message("GET", f"{_PROVIDERS}?page_size=100&field=uuid", CREDENTIALS)
        answer = runner.run(load.ask(served.port, listed))
        providers = [each["uuid"] for each in orjson.loads(answer.body)]
        before, started = served.cpu(), time.perf_counter()
        until = started + duration
        clients = [_Client(number, offering, providers, until) for number in range(CLIENTS)]
        memory = runner.run(_play(served, clients, duration))
        seconds = time.perf_counter() - started
        cpu = served.cpu() - before
    took = sorted(each for client in clients for each in client.took)
    early = int(len(memory) * _FIRST)
    span = max(1, len(memory) // 10)
    return Load(
        clients=CLIENTS,
        seconds=seconds,
        requests=len(took),
        median_seconds=median(took),
        p99_seconds=took[len(took) * 99 // 100],
        longest_seconds=took[-1],
        memory_early=median(memory[early : early + span]),
        memory_late=median(memory[-span:]),
        cpu_seconds=cpu / len(took),
    )


async def _play(served: Served, clients: Sequence[_Client], duration: float) -> list[int]:
    """Run all clients; return what the process held from time to time."""
    memory: list[int] = []

    async def look() -> None:
        while True:
            await asyncio.sleep(min(_EVERY, duration / 20))
            memory.append(held(served))

    looking = asyncio.create_task(look())
    patience = duration + load.PATIENCE
    try:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(load.converse(served.port, client.script(), patience))
    finally:
        looking.cancel()
    return memory


def _sent(method: str, path: str, body: object, status: int) -> Message:
    headers = {**CREDENTIALS, "Content-Type": "application/json"}
    return load.message(method, path, headers, body=orjson.dumps(body), status=status)


def _name(chance: Random) -> str:
    return f"Load {chance.randrange(10**6)}"
