"""What does a request cost here, and what in the mock servers of others?"""  # noqa: D400  the question it answers

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

import click
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import load, processes
from benchmarks.comparison import CONNECTIONS, CREDENTIALS, PLANS, Turn
from benchmarks.load import Message
from benchmarks.processes import Served

#: Seconds of a turn, about, and of the warming up: compilers of Node take their time.
TURN: Final = 0.4
WARM_UP: Final = 5.0
_BATCH: Final = 100
_OURS: Final = "this one"


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A server by others: its npm package, and how to start and ask it.

    In `command`, `{bin}`, `{here}`, `{port}`, `{spec}` and `{db}` are filled in; the paths
    have `{plan}` for the key of a plan.
    """

    name: str
    package: str
    command: Sequence[str]
    page: str = f"{PLANS}?page_size=10"
    record: str = f"{PLANS}{{plan}}/"


#: As quiet as each of them can be; Mockoon logs every request all the same.
PEERS: Final = (
    Peer(
        "Prism", "@stoplight/prism-cli",
        ["{bin}/prism", "mock", "-h", load.HOST, "-p", "{port}", "-v", "silent", "{spec}"],
    ),
    Peer("Scalar", "@scalar/mock-server", ["{here}/scalar.mjs", "{spec}", "{port}"]),
    Peer(
        "Mockoon", "@mockoon/cli",
        ["{bin}/mockoon-cli", "start", "--data", "{spec}", "--port", "{port}",
         "--hostname", load.HOST, "--disable-log-to-file", "--disable-admin-api"],
    ),
    Peer(
        "json-server", "json-server",
        ["{bin}/json-server", "--quiet", "--host", load.HOST, "--port", "{port}",
         "--id", "uuid", "{db}"],
        page="/plans?_limit=10", record="/plans/{plan}",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that answers both requests."""

    name: str
    version: str
    served: Served
    requests: Mapping[str, Message]
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    What one request costs at one server; medians over the rounds.

    `cpu_ratio` is its processor time over ours in the turn beside it, its range the
    middle half of the rounds. Seconds are those of one request, `size` is in bytes.
    """

    benchmark: str
    server: str
    version: str
    size: int
    cpu_seconds: float
    cpu_ratio: float
    cpu_ratio_range: tuple[float, float]
    requests_per_second: float
    rounds: int

    def as_json(self) -> str:
        """Return the figure as one line of JSON."""
        return json.dumps(asdict(self))


@click.command()
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1, 100),
              help="Turns of each server; the medians count.")  # fmt: skip
@click.option("--packages", default="build/npm/peers", show_default=True,
              type=click.Path(path_type=Path), help="Where npm has put the others.")  # fmt: skip
def main(rounds: int, packages: Path) -> None:
    """Send the same requests to this server and to those of others, in turns."""
    console = Console(stderr=True)
    with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        key = _export(folder)
        found = [_contestant(_OURS, "", stack.enter_context(processes.mock()), key, runner)]
        for peer in PEERS:
            try:
                served = stack.enter_context(_started(peer, packages.resolve(), folder, runner))
                version = _version(packages, peer.package)
                found.append(_contestant(peer.name, version, served, key, runner, peer))
            except (OSError, RuntimeError, load.BadAnswer) as problem:
                console.print(f"{peer.name} is left out: {problem}", markup=False, soft_wrap=True)
        figures = compare(found, rounds, runner)
    for figure in figures:
        click.echo(figure.as_json())
    console.print(_table(figures))


def compare(found: Sequence[Contestant], rounds: int, runner: asyncio.Runner) -> list[Figure]:
    """Send all kinds of requests to all of them, in turns; ours is the first."""
    kinds = list(found[0].requests)
    counts = [{kind: runner.run(_warm_up(each, kind)) for kind in kinds} for each in found]
    turns: dict[str, list[list[Turn]]] = {kind: [[] for _ in found] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            for each, count, taken in zip(found, counts, turns[kind], strict=True):
                taken.append(runner.run(_turn(each, kind, count[kind])))
    return [
        _figure(kind, each, taken, turns[kind][0])
        for kind in kinds
        for each, taken in zip(found, turns[kind], strict=True)
    ]


def _figure(kind: str, one: Contestant, turns: Sequence[Turn], ours: Sequence[Turn]) -> Figure:
    ratios = sorted(turn.cpu / our.cpu for turn, our in zip(turns, ours, strict=True))
    quarter = len(ratios) // 4
    return Figure(
        benchmark=kind,
        server=one.name,
        version=one.version,
        size=one.sizes[kind],
        cpu_seconds=median(turn.cpu for turn in turns),
        cpu_ratio=median(ratios),
        cpu_ratio_range=(ratios[quarter], ratios[-1 - quarter]),
        requests_per_second=1 / median(turn.elapsed for turn in turns),
        rounds=len(turns),
    )


async def _warm_up(one: Contestant, kind: str) -> int:
    """Ask until a server is warm; return how many requests make a turn."""
    left, took = WARM_UP, 0.0
    while left > 0:
        took = await load.send(
            one.served.port, one.requests[kind], count=_BATCH, connections=CONNECTIONS
        )
        left -= took
    return max(_BATCH, round(TURN * _BATCH / took))


async def _turn(one: Contestant, kind: str, count: int) -> Turn:
    before = one.served.cpu_of_all()
    elapsed = await load.send(
        one.served.port, one.requests[kind], count=count, connections=CONNECTIONS
    )
    return Turn((one.served.cpu_of_all() - before) / count, elapsed / count)


def _contestant(
    name: str,
    version: str,
    served: Served,
    key: str,
    runner: asyncio.Runner,
    paths: Peer = Peer("", "", ()),
) -> Contestant:
    """Return a server that has answered both requests; raise BadAnswer."""
    requests = {
        kind: load.message("GET", path.format(plan=key), CREDENTIALS)
        for kind, path in (("list", paths.page), ("retrieve", paths.record))
    }
    sizes = {
        kind: len(runner.run(load.ask(served.port, request)).body)
        for kind, request in requests.items()
    }
    return Contestant(name, version, served, requests, sizes)


@contextmanager
def _started(peer: Peer, packages: Path, folder: Path, runner: asyncio.Runner) -> Iterator[Served]:
    """Run the server of others; raise RuntimeError when it is not installed or does not start."""
    modules = packages / "node_modules"
    if not (modules / peer.package).is_dir():
        raise RuntimeError(f"{peer.package} is not installed; `make bench-peers` installs it")
    port = processes.free_port()
    known: dict[str, Any] = {
        "bin": modules / ".bin",
        "here": packages,
        "port": port,
        "spec": folder / "openapi.json",
        "db": folder / "db.json",
    }
    own = modules / "node" / "bin" / "node"
    node = str(own) if own.exists() else "node"
    command = [node, *(part.format(**known) for part in peer.command)]
    with processes.listening(command, port, folder / f"{peer.name}.log") as served:
        yield served


def _version(packages: Path, package: str) -> str:
    said = packages / "node_modules" / package / "package.json"
    return str(json.loads(said.read_text("utf-8"))["version"])


def _export(folder: Path) -> str:
    """Write the description and the plans for others, and return the key of a plan."""
    spec, state = folder / "openapi.json", folder / "state.json"
    for arguments in (["openapi", "--plain"], ["state", "--format", "json"]):
        path = spec if "openapi" in arguments else state
        command = [sys.executable, "-m", "mockserver", "export", *arguments, "--output", str(path)]
        subprocess.run(command, check=True)  # noqa: S603  our own module
    # With dashes: others check the format, and we read both.
    plans = [
        {**plan, "uuid": str(UUID(plan["uuid"]))}
        for plan in json.loads(state.read_text("utf-8"))["plan"]
    ]
    (folder / "db.json").write_text(json.dumps({"plans": plans}), encoding="utf-8")
    return str(plans[0]["uuid"])


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("request", "server", title="one request, this server = 1", box=box.SIMPLE_HEAD)
    for heading in ("bytes", "cpu ms", "ratio", "middle half", "per s"):
        table.add_column(heading, justify="right")
    for each in figures:
        low, high = each.cpu_ratio_range
        table.add_row(
            each.benchmark,
            f"{each.server} {each.version}".rstrip(),
            f"{each.size:,}",
            f"{each.cpu_seconds * 1000:.3f}",
            f"{each.cpu_ratio:.1f}",
            f"{low:.1f}..{high:.1f}",
            f"{each.requests_per_second:,.0f}",
        )
    return table


if __name__ == "__main__":
    main()
