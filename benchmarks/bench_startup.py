"""How long does a new process take from its start to its first answer?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import load, processes
from benchmarks.comparison import CREDENTIALS, PLANS, Comparison, Turn, summarize
from benchmarks.load import Message
from benchmarks.processes import Served
from mockserver import data, shelf

_LIBRARY: Final = data.root() / "examples" / "library"
#: Options of `serve`, as the variables that it reads.
_OTHER_SPEC: Final = {
    "MOCKSERVER_SPEC": str(_LIBRARY / "spec" / "openapi.yaml"),
    "MOCKSERVER_PACK": str(_LIBRARY / "pack.py"),
}


def cold(rounds: int) -> Comparison:
    """Start again and again, each time as if for the first time."""
    return _compare("startup, cold", load.message("GET", PLANS, CREDENTIALS), rounds)


def warm(rounds: int) -> Comparison:
    """Start again and again, with what an earlier start kept."""
    with TemporaryDirectory() as kept:
        request = load.message("GET", PLANS, CREDENTIALS)
        return _compare("startup, warm", request, rounds, kept)


def library(rounds: int) -> Comparison:
    """Start with a smaller spec, with what an earlier start kept."""
    with TemporaryDirectory() as kept, environment(_OTHER_SPEC):
        return _compare("startup, library", load.message("GET", "/books", {}), rounds, kept)


def _compare(name: str, request: Message, rounds: int, kept: str = "") -> Comparison:
    # The first start leaves the modules compiled, as they are where pip has put them.
    said = {shelf.VARIABLE: kept or "off", "PYTHONDONTWRITEBYTECODE": ""}
    with environment(said), processes.mock() as served:
        answer = asyncio.run(load.ask(served.port, request))
    turns, bare = [], []
    for _ in range(rounds):
        # A cold start keeps what it read, and so its folder must be new.
        with TemporaryDirectory() as new, environment({shelf.VARIABLE: kept or new}):
            turns.append(_turn(processes.mock(), request))
        bare.append(_turn(processes.plain(answer), request))
    return summarize(name, turns, bare, 1)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Let the processes that are started meanwhile have these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _turn(starting: AbstractContextManager[Served], request: Message) -> Turn:
    started = time.perf_counter()
    with starting as served:
        asyncio.run(load.ask(served.port, request))
        return Turn(served.cpu(), time.perf_counter() - started)
