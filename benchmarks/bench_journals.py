"""What does it cost to keep writes?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

import orjson
import uvloop

from benchmarks import load, processes
from benchmarks.bench_startup import environment
from benchmarks.comparison import CREDENTIALS, PLANS, WARM_UP, Turn, first_plan, take_turn
from benchmarks.load import HOST, Message
from benchmarks.processes import Served

#: What the others are compared with: nothing is kept.
_MEMORY: Final = "memory"
#: Requests of a turn: writes are few, since all servers hold what was written.
_REQUESTS: Final = {"create": 200, "retrieve": 1000}
#: What is acknowledged is on the disk, as SQLite does it by itself.
_REDIS: Final = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """
    What one request costs at a store; medians over the rounds.

    `cpu` and `elapsed` are seconds; the ratios compare them with those of a server that
    keeps nothing, in the turn beside it, and the range is the middle half of the rounds.
    """

    request: str
    store: str
    cpu: float
    cpu_ratio: float
    cpu_ratio_range: tuple[float, float]
    elapsed: float
    elapsed_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Journals:
    """What was found for each request and store, and a note for each that was left out."""

    benchmark: str = "journals"
    costs: Sequence[Cost]
    notes: Sequence[str]
    rounds: int

    def as_json(self) -> str:
        """Return the findings as one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def as_text(self) -> str:
        """Return the findings as a sentence for each request and store."""
        return "\n".join([*map(_sentence, self.costs), *self.notes])


def measure(rounds: int) -> Journals:
    """Create plans and ask for one, at servers that differ in what keeps the data, in turns."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        stores, notes = _stores(folder, stack)
        servers = {name: stack.enter_context(_mock(store)) for name, store in stores.items()}
        costs = [
            cost
            for name, ask in (("create", _create), ("retrieve", _retrieve))
            for cost in _compared(
                runner, name, {store: (each, ask(each)) for store, each in servers.items()}, rounds
            )
        ]
    return Journals(costs=costs, notes=notes, rounds=rounds)


def _stores(folder: Path, stack: ExitStack) -> tuple[dict[str, str], list[str]]:
    """Return the addresses of stores by their names, and notes on those that are not there."""
    found = {
        _MEMORY: "memory",
        "sqlite": f"sqlite:///{folder}/full.db",
        "sqlite, synchronous=normal": f"sqlite:///{folder}/normal.db?synchronous=normal",
    }
    redis = shutil.which("valkey-server") or shutil.which("redis-server")
    if redis is None:
        return found, ["redis: left out, since neither Valkey nor Redis is installed"]
    for name, options in (("redis, on the disk", _REDIS), ("redis, in memory", ("--save", ""))):
        found[name] = stack.enter_context(_redis(redis, folder / name, options))
    return found, []


@contextmanager
def _redis(program: str, folder: Path, options: Sequence[str]) -> Iterator[str]:
    """Run a Redis of its own, and yield its address."""
    folder.mkdir()
    port = processes.free_port()
    command = [program, "--port", str(port), "--bind", HOST, "--dir", str(folder), *options]
    with processes.listening(command, port, folder / "log"):
        yield f"redis://{HOST}:{port}/0"


@contextmanager
def _mock(store: str) -> Iterator[Served]:
    with environment({"MOCKSERVER_STORE": store}), processes.mock() as served:
        yield served


def _create(served: Served) -> Message:
    """Return the request for a new plan; every answer is another record."""
    plan = {
        "name": "Measured",
        "description": "Made to see what <em>keeping</em> costs.",
        "unit_price": "12.5",
        "unit": "month",
        "offering": first_plan(served)["offering"],
    }
    headers = {**CREDENTIALS, "Content-Type": "application/json"}
    return load.message("POST", PLANS, headers, body=orjson.dumps(plan), status=201)


def _retrieve(served: Served) -> Message:
    """Return the question for a plan, whose answer is kept after the first time."""
    return load.message("GET", urlsplit(first_plan(served)["url"]).path, CREDENTIALS)


def _compared(
    runner: asyncio.Runner, name: str, asked: dict[str, tuple[Served, Message]], rounds: int
) -> Iterator[Cost]:
    """Send each server its request, in turns, and yield what that costs."""
    for served, message in asked.values():
        runner.run(take_turn(served, message, requests=WARM_UP))
    turns: dict[str, list[Turn]] = {store: [] for store in asked}
    for _ in range(rounds):
        for store, (served, message) in asked.items():
            took = runner.run(take_turn(served, message, requests=_REQUESTS[name]))
            turns[store].append(took)
    for store, taken in turns.items():
        yield _cost(name, store, taken, turns[_MEMORY])


def _cost(request: str, store: str, turns: Sequence[Turn], memory: Sequence[Turn]) -> Cost:
    pairs = list(zip(turns, memory, strict=True))
    ratios = sorted(one.cpu / other.cpu for one, other in pairs)
    quarter = len(ratios) // 4
    return Cost(
        request=request,
        store=store,
        cpu=median(turn.cpu for turn in turns),
        cpu_ratio=median(ratios),
        cpu_ratio_range=(ratios[quarter], ratios[-1 - quarter]),
        elapsed=median(turn.elapsed for turn in turns),
        elapsed_ratio=median(one.elapsed / other.elapsed for one, other in pairs),
    )


def _sentence(cost: Cost) -> str:
    low, high = cost.cpu_ratio_range
    return (
        f"{cost.request}, {cost.store}: {cost.cpu * 1000:.3f} ms of processor time, "
        f"{cost.cpu_ratio:.1f} times memory ({low:.1f} to {high:.1f}); "
        f"{cost.elapsed * 1000:.3f} ms elapsed, {cost.elapsed_ratio:.1f} times"
    )
