"""No false alarm, whatever keeps the data and however many processes answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from contract_tests import reports
from contract_tests.result import Exit, Result
from mockserver.app import Application, Exchange
from mockserver.exchange import Request, Response
from tests.contract_harness import STAFF, STRANGER
from tests.contract_stage import play, shipped
from tests.scale import REPLICAS, gateway, needs_nginx, needs_redis, serving, started, stored


@dataclass(frozen=True)
class Target:
    """Where the suite goes, and where to ask the processes behind it what they have answered."""

    url: str
    answering: Sequence[str]


def one(folder: Path, stack: ExitStack, *options: str) -> Target:
    (server,) = stack.enter_context(serving(folder, *options))
    return Target(server.url, [server.url])


def sqlite(folder: Path, stack: ExitStack) -> Target:
    return one(folder, stack, "--store", f"sqlite:///{folder}/data.db")


def workers(folder: Path, stack: ExitStack) -> Target:
    made = one(folder, stack, "--store", f"sqlite:///{folder}/data.db", "--workers", "2")
    # The system gives each connection to one of them; twenty hardly all go to the same.
    return Target(made.url, [made.url] * 20)


def workers_by_turns(folder: Path, stack: ExitStack) -> Target:
    made = workers(folder, stack)
    door = gateway(folder, [made.url] * len(REPLICAS), is_sticky=False)
    return Target(stack.enter_context(door), made.answering)


def redis(folder: Path, stack: ExitStack) -> Target:
    return one(folder, stack, "--store", stack.enter_context(stored(folder)).address)


def replicas(folder: Path, stack: ExitStack) -> Target:
    scale = stack.enter_context(started(folder))
    return Target(scale.gateway, scale.replicas)


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """Run one of the above."""
    with ExitStack() as stack:
        yield request.param(tmp_path, stack)


SEVERAL = [
    pytest.param(workers_by_turns, 2, id="two workers by turns", marks=needs_nginx),
    pytest.param(replicas, 3, id="three replicas", marks=[needs_redis, needs_nginx]),
]
ALONE = [
    pytest.param(sqlite, 1, id="sqlite"),
    # The suite keeps its few connections, and may have all of them with one worker.
    pytest.param(workers, 1, id="two workers"),
    pytest.param(redis, 1, id="redis", marks=needs_redis),
]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "least"), SEVERAL, indirect=["target"])
def test_nothing_is_found_at_a_look(target: Target, least: int, tmp_path: Path) -> None:
    chosen = ("--profile", "quick", "--layer", "probes", "--tag", "marketplace_plans")
    result = report_of(target, tmp_path, *chosen)
    claim_fine(result, comparisons=10_000)
    assert who_answered(target) >= least


@pytest.mark.soak
@pytest.mark.parametrize(("target", "least"), [*ALONE, *SEVERAL], indirect=["target"])
def test_nothing_is_found_at_all(target: Target, least: int, tmp_path: Path) -> None:
    result = report_of(target, tmp_path, "--profile", "ci")
    claim_fine(result, comparisons=60_000)
    ran = {stage.name for stage in result.stages if stage.requests}
    assert ran == {"preflight", "probes", "interactions", "schemathesis", "machines"}
    assert who_answered(target) >= least


class Gateway:
    """What stands before an application and refuses addresses that it finds too long."""

    def __init__(self, app: Application, limit: int) -> None:
        self.app, self.limit = app, limit

    def answer(self, request: Request) -> Exchange:
        exchange = self.app.answer(request)
        if len(f"{request.path}?{request.query}") <= self.limit:
            return exchange
        return replace(exchange, response=Response(414, {"Content-Type": "text/html"}, b"Long"))


@pytest.mark.parametrize(("limit", "suspected"), [(8000, set()), (200, {"A2"})])
def test_a_gateway_may_refuse_addresses_that_are_very_long(limit: int, suspected: set[str]) -> None:
    stage = shipped()
    lists = ["marketplace_plans_list", "marketplace_service_providers_list"]
    played = play(stage, Gateway(stage.correct(), limit), ["oddities"], lists)
    assert {prop for prop, _, _ in played.brief} == suspected


def report_of(target: Target, folder: Path, *options: str) -> Result:
    """Run the command that people run, and return its report."""
    done = subprocess.run(
        [sys.executable, "-m", "contract_tests", "run", "--url", target.url,
         "--token-env", "MAIN", "--persona", "stranger=STRANGER", "--mode", "destructive",
         "--seed", "1", "--report", "json", "--report-dir", str(folder / "report"),
         "--ledger", str(folder / "ledger.jsonl"), "--quiet", *options],
        env={**os.environ, "MAIN": STAFF, "STRANGER": STRANGER},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.FINE, done.stdout + done.stderr
    return reports.read(folder / "report" / "report.json")


def claim_fine(result: Result, *, comparisons: int) -> None:
    """Claim that a run has asked everything, has looked at the answers, and minds none."""
    assert result.exit is Exit.FINE
    assert result.findings == ()
    assert result.unconfirmed == 0
    assert result.leftovers == ()
    checked = {verdict.operation for verdict in result.verdicts if verdict.checked}
    assert checked == set(result.operations)
    assert sum(verdict.checked for verdict in result.verdicts) > comparisons
    # That several clients write at once is what several servers have to stand.
    assert any(verdict.property == "H1" and verdict.checked for verdict in result.verdicts)
    assert sum(stage.requests for stage in result.stages) == result.requests > 1000


def who_answered(target: Target) -> int:
    """Return how many processes have answered the suite; each has counted its own requests."""
    return sum(map(any, {calls(address) for address in target.answering}))


def calls(address: str) -> tuple[int, ...]:
    """Return how many requests for each operation a process has answered."""
    told = requests.get(f"{address}/__mock__/coverage", timeout=30).json()
    return tuple(operation["calls"] for operation in told["operations"])
