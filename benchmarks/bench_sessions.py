"""What does a session cost, and a request in one of many?"""  # noqa: D400  the question it answers

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Final

import orjson

from benchmarks.comparison import CREDENTIALS, PLANS, WARM_UP
from benchmarks.load import HOST, BadAnswer
from mockserver import assembly
from mockserver.assembly import Sources, World
from mockserver.exchange import Request
from mockserver.hub import Hub, Outcome

SESSIONS: Final = 1000
REQUESTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """
    What was found; medians over the rounds.

    `microseconds` and `bytes` are those of making one of a thousand sessions. The
    ratios compare the processor time of a request with that in the default session: in
    one session of a thousand, and in all of them by turns.
    """

    benchmark: str = "sessions"
    microseconds: float
    bytes: float
    ratio_in_one: float
    ratio_in_turns: float
    request_microseconds: float
    rounds: int

    def as_json(self) -> str:
        """Return the findings as one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def as_text(self) -> str:
        """Return the findings as a sentence."""
        return (
            f"one session of {SESSIONS:,}: {self.microseconds:.0f} µs and {self.bytes:,.0f} bytes "
            f"to make; a request in it takes {self.ratio_in_one:.2f} times what it takes in the "
            f"default one ({self.request_microseconds:.0f} µs), {self.ratio_in_turns:.2f} times "
            "when every request is for another"
        )


def measure(rounds: int) -> Sessions:
    """Make sessions, and ask for one plan in them and beside them."""
    sources = Sources()
    world = assembly.read_world(sources)

    def fresh() -> Hub:
        return assembly.hub(world, sources)

    made = [_seconds_of_making(fresh()) for _ in range(rounds)]
    hub = fresh()
    _make(hub)
    turns = [_turn(hub, world) for _ in range(rounds)]
    return Sessions(
        microseconds=median(made) * 1e6,
        bytes=_bytes_of_making(fresh()),
        ratio_in_one=median(one / default for default, one, _ in turns),
        ratio_in_turns=median(each / default for default, _, each in turns),
        request_microseconds=median(default for default, _, _ in turns) * 1e6,
        rounds=rounds,
    )


def _make(hub: Hub) -> None:
    for number in range(SESSIONS):
        hub.sessions.get(f"s{number}")


def _seconds_of_making(hub: Hub) -> float:
    gc.collect()
    started = time.process_time()
    _make(hub)
    return (time.process_time() - started) / SESSIONS


def _bytes_of_making(hub: Hub) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        _make(hub)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / SESSIONS


def _turn(hub: Hub, world: World) -> tuple[float, float, float]:
    """Return the seconds of a request: in the default session, in one other, in all by turns."""
    key = next(iter(world.scenario.state.records("plan")))

    def request(session: str) -> Request:
        headers = {name.lower(): value for name, value in {"Host": HOST, **CREDENTIALS}.items()}
        if session:
            headers["x-mock-session"] = session
        return Request("GET", f"{PLANS}{key}/", headers=headers)

    in_turns = [request(f"s{number}") for number in range(SESSIONS)]
    one = request(f"s{SESSIONS // 2}")
    return (
        _seconds_of_asking(hub.answer, [request("")] * REQUESTS),
        _seconds_of_asking(hub.answer, [one] * REQUESTS),
        _seconds_of_asking(hub.answer, in_turns),
    )


def _seconds_of_asking(answer: Callable[[Request], Outcome], requests: Sequence[Request]) -> float:
    gc.collect()
    for request in requests[:WARM_UP]:
        status = answer(request).exchange.response.status
        if status != 200:
            raise BadAnswer(f"{request.path} answered {status}")
    started = time.process_time()
    for request in requests:
        answer(request)
    return (time.process_time() - started) / len(requests)
