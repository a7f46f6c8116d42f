"""Compare the mock server with bare aiohttp, turn by turn in one run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Final

import orjson
import uvloop

from benchmarks import load, processes
from benchmarks.load import Answer, Message
from benchmarks.processes import Served

#: The persona that may do everything; its token is the one documentation prints.
CREDENTIALS: Final = {"Authorization": "Token YOUR_API_TOKEN", "Accept": "application/json"}
PLANS: Final = "/api/marketplace-plans/"
CONNECTIONS: Final = 8
#: Requests that nobody measures: caches fill, memory is allocated.
WARM_UP: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    What a benchmark found; medians over its rounds.

    `cpu_ratio` is processor time of the mock over that of the bare server, its
    range the middle half of the rounds. Seconds are those of one request.
    """

    benchmark: str
    cpu_ratio: float
    cpu_ratio_range: tuple[float, float]
    cpu_seconds: float
    bare_cpu_seconds: float
    elapsed_seconds: float
    bare_elapsed_seconds: float
    rounds: int
    requests: int

    @property
    def per_second(self) -> float:
        """How many requests the mock answers in a second."""
        return 1 / self.elapsed_seconds

    def as_json(self) -> str:
        """Return the comparison as one line of JSON."""
        return orjson.dumps({**asdict(self), "requests_per_second": self.per_second}).decode()


@dataclass(frozen=True, slots=True)
class Turn:
    """What one request of a turn cost, in seconds: of the processor and of the clock."""

    cpu: float
    elapsed: float


def summarize(
    benchmark: str, turns: Sequence[Turn], bare: Sequence[Turn], requests: int
) -> Comparison:
    """Return the medians; each turn is compared with the bare one beside it."""
    ratios = sorted(one.cpu / other.cpu for one, other in zip(turns, bare, strict=True))
    quarter = len(ratios) // 4
    return Comparison(
        benchmark=benchmark,
        cpu_ratio=median(ratios),
        cpu_ratio_range=(ratios[quarter], ratios[-1 - quarter]),
        cpu_seconds=median(turn.cpu for turn in turns),
        bare_cpu_seconds=median(turn.cpu for turn in bare),
        elapsed_seconds=median(turn.elapsed for turn in turns),
        bare_elapsed_seconds=median(turn.elapsed for turn in bare),
        rounds=len(ratios),
        requests=requests,
    )


def compare(
    benchmark: str, served: Served, request: Message, *, rounds: int, requests: int
) -> Comparison:
    """Send a request to a mock and to a bare server that gives the same answer, in turns."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answer = runner.run(load.ask(served.port, request))
        with processes.plain(answer) as bare:
            check_same(answer, runner.run(load.ask(bare.port, request)))
            for each in (served, bare):
                runner.run(take_turn(each, request, requests=WARM_UP))
            pairs = [
                [runner.run(take_turn(each, request, requests=requests)) for each in (served, bare)]
                for _ in range(rounds)
            ]
    turns, bare_turns = zip(*pairs, strict=True)
    return summarize(benchmark, turns, bare_turns, requests)


async def take_turn(
    served: Served, *messages: Message, requests: int, connections: int = CONNECTIONS
) -> Turn:
    """Send so many requests, the given ones in turn, and return what one of them cost."""
    before = served.cpu()
    elapsed = await load.send(served.port, *messages, count=requests, connections=connections)
    return Turn((served.cpu() - before) / requests, elapsed / requests)


def check_same(answer: Answer, bare: Answer) -> None:
    """Raise BadAnswer when the bare server answers something else than the mock."""
    # Dates may differ, everything else would make the comparison unfair.
    ours, theirs = dict(answer.headers), dict(bare.headers)
    ours.pop("Date", None)
    theirs.pop("Date", None)
    if (answer.status, ours, answer.body) != (bare.status, theirs, bare.body):
        raise load.BadAnswer(f"the bare server answers {theirs}, the mock {ours}")


def first_plan(served: Served) -> dict[str, str]:
    """Return the first plan of the list, as the mock shows it."""
    request = load.message("GET", f"{PLANS}?page_size=1", CREDENTIALS)
    found: dict[str, str] = orjson.loads(asyncio.run(load.ask(served.port, request)).body)[0]
    return found
