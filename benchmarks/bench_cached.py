"""What does an answer cost that is kept, and the first one after a write?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

import orjson
import uvloop

from benchmarks import load, processes
from benchmarks.comparison import (
    CREDENTIALS,
    PLANS,
    WARM_UP,
    Comparison,
    Turn,
    check_same,
    compare,
    first_plan,
    summarize,
    take_turn,
)
from benchmarks.load import Message
from benchmarks.processes import Served

#: Requests of one turn, where each follows a write.
_AFTER_WRITES: Final = 300
_LIST: Final = load.message("GET", PLANS, CREDENTIALS)


def page(rounds: int) -> Comparison:
    """Ask for the first page of ten plans, again and again."""
    with processes.mock() as served:
        return compare("list", served, _LIST, rounds=rounds, requests=2000)


def record(rounds: int) -> Comparison:
    """Ask for one plan, again and again."""
    with processes.mock() as served:
        path = urlsplit(first_plan(served)["url"]).path
        request = load.message("GET", path, CREDENTIALS)
        return compare("retrieve", served, request, rounds=rounds, requests=2000)


def fresh(rounds: int) -> Comparison:
    """
    Ask for the first page each time that a plan on it has changed.

    The write does not count: as many writes without a question between them are measured
    beside it and taken off. One connection, so that nobody asks in between.
    """
    with processes.mock() as served, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        one, other = _writes(served)
        runner.run(load.ask(served.port, one))
        answer = runner.run(load.ask(served.port, _LIST))
        with processes.plain(answer) as bare:
            check_same(answer, runner.run(load.ask(bare.port, _LIST)))
            asked, written, plain = [], [], []
            for requests in (WARM_UP, *[_AFTER_WRITES] * rounds):
                both = take_turn(
                    served, one, _LIST, other, _LIST, requests=2 * requests, connections=1
                )
                asked.append(runner.run(both))
                writes = take_turn(served, one, other, requests=requests, connections=1)
                written.append(runner.run(writes))
                gets = take_turn(bare, _LIST, requests=requests, connections=1)
                plain.append(runner.run(gets))
    turns = [_without(both, write) for both, write in zip(asked[1:], written[1:], strict=True)]
    return summarize("list-after-write", turns, plain[1:], _AFTER_WRITES)


def _writes(served: Served) -> tuple[Message, Message]:
    """Make a plan that is on the first page; return requests that change it and change it back."""
    headers = {**CREDENTIALS, "Content-Type": "application/json"}
    plan = {
        "name": "A plan by name before others",
        "unit": "month",
        "offering": first_plan(served)["offering"],
    }
    request = load.message("POST", PLANS, headers, body=orjson.dumps(plan), status=201)
    made = orjson.loads(asyncio.run(load.ask(served.port, request)).body)
    if first_plan(served)["uuid"] != made["uuid"]:
        raise load.BadAnswer("the plan that is to be changed is not the first one")
    bodies = (orjson.dumps({"description": text}) for text in ("This way.", "That way."))
    path = urlsplit(made["url"]).path
    one, other = (load.message("PATCH", path, headers, body=body) for body in bodies)
    return one, other


def _without(both: Turn, write: Turn) -> Turn:
    """Return what a question cost, where a turn is the mean of questions and writes."""
    return Turn(2 * both.cpu - write.cpu, 2 * both.elapsed - write.elapsed)
