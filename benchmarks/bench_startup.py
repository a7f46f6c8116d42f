"""How long does a new process take from its start to its first answer?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager

from benchmarks import load, processes
from benchmarks.comparison import CREDENTIALS, PLANS, Comparison, Turn, summarize
from benchmarks.load import Message
from benchmarks.processes import Served


def measure(rounds: int) -> Comparison:
    """Start a process, ask for the plans once and end it, again and again."""
    request = load.message("GET", PLANS, CREDENTIALS)
    with processes.mock() as served:
        answer = asyncio.run(load.ask(served.port, request))
    turns, bare = [], []
    for _ in range(rounds):
        turns.append(_turn(processes.mock(), request))
        bare.append(_turn(processes.plain(answer), request))
    return summarize("startup", turns, bare, 1)


def _turn(starting: AbstractContextManager[Served], request: Message) -> Turn:
    started = time.perf_counter()
    with starting as served:
        asyncio.run(load.ask(served.port, request))
        return Turn(served.cpu(), time.perf_counter() - started)
