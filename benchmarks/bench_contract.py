"""How long does the contract suite take?"""  # noqa: D400  the question it answers

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from benchmarks import processes
from benchmarks.load import HOST, BadAnswer
from benchmarks.processes import Served

PROFILES: Final = ("quick", "ci")
#: Where the command finds the token that documentation prints, and that of a stranger.
_TOKENS: Final = {
    "MAIN": "YOUR_API_TOKEN",
    "STRANGER": "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000007",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What a run takes, in seconds, from the start of the command to its end; medians."""

    profile: str
    elapsed: float
    cpu: float
    server_cpu: float
    requests: int
    comparisons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What was found for each profile."""

    benchmark: str = "contract"
    suites: Sequence[Suite]
    rounds: int

    def as_json(self) -> str:
        """Return the findings as one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def as_text(self) -> str:
        """Return the findings as a sentence for each profile."""
        return "\n".join(
            f"{suite.profile}: {suite.elapsed:.1f} s elapsed, {suite.cpu:.1f} s of processor time, "
            f"{suite.server_cpu:.1f} s of the mock beside it; {suite.requests:,} requests, "
            f"{suite.comparisons:,} comparisons"
            for suite in self.suites
        )


def measure(rounds: int) -> Contract:
    """Test the mock with the command that people run, again and again."""
    with processes.mock() as served:
        turns = [[_run(served, profile) for profile in PROFILES] for _ in range(rounds)]
    return Contract(suites=[_middle(taken) for taken in zip(*turns, strict=True)], rounds=rounds)


def _run(served: Served, profile: str) -> Suite:
    with TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "contract_tests", "run", "--url", f"http://{HOST}:{served.port}",
            "--token-env", "MAIN", "--persona", "stranger=STRANGER", "--profile", profile,
            "--report", "json", "--report-dir", folder, "--quiet",
        ]  # fmt: skip
        before, cpu, clock = served.cpu(), _cpu_of_children(), time.perf_counter()
        done = subprocess.run(  # noqa: S603  our own module
            command, env={**os.environ, **_TOKENS}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        elapsed = time.perf_counter() - clock
        if done.returncode:
            raise BadAnswer(f"the suite ends with {done.returncode} instead of 0")
        report = json.loads(Path(folder, "report.json").read_text("utf-8"))
    return Suite(
        profile=profile,
        elapsed=elapsed,
        cpu=_cpu_of_children() - cpu,
        server_cpu=served.cpu() - before,
        requests=report["requests"],
        comparisons=sum(verdict["checked"] for verdict in report["verdicts"]),
    )


def _cpu_of_children() -> float:
    """Return the processor time of all processes that were waited for, theirs too."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _middle(taken: Sequence[Suite]) -> Suite:
    return Suite(
        profile=taken[0].profile,
        elapsed=median(each.elapsed for each in taken),
        cpu=median(each.cpu for each in taken),
        server_cpu=median(each.server_cpu for each in taken),
        requests=round(median(each.requests for each in taken)),
        comparisons=round(median(each.comparisons for each in taken)),
    )
