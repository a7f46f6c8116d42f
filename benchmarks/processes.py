"""Run the servers that are compared, each in a process of its own, and read their clocks."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import bare
from benchmarks.load import HOST, Answer

#: How long a server may take to listen, in seconds.
PATIENCE: Final = 60.0
#: The Linux bits of clock_getcpuclockid(3): all threads of a process, as scheduled.
_SCHEDULED: Final = 2


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is listening."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Return the processor time the process has used, user and system, in seconds."""
        return _cpu(self.pid)

    def cpu_of_all(self) -> float:
        """Return the same of the process and of all processes that it started, those too."""
        return sum(map(_cpu, _family(self.pid)))


@contextmanager
def mock(scenario: str = "default") -> Iterator[Served]:
    """Serve the shipped API; only errors are logged, so that no terminal is measured."""
    with TemporaryDirectory() as folder:
        port_file = Path(folder, "port")
        command = ["mockserver", "serve", "--port", "0", "--port-file", str(port_file)]
        command += ["--scenario", scenario, "--log-level", "error"]
        with _process(command, port_file) as served:
            yield served


@contextmanager
def plain(answer: Answer) -> Iterator[Served]:
    """Serve one answer, with aiohttp and nothing else."""
    with TemporaryDirectory() as folder:
        answer_file, port_file = Path(folder, "answer"), Path(folder, "port")
        bare.write_answer(answer_file, answer)
        with _process(["benchmarks.bare", str(answer_file), str(port_file)], port_file) as served:
            yield served


@contextmanager
def listening(command: Sequence[str], port: int, log: Path) -> Iterator[Served]:
    """Run a server that was told its port; raise RuntimeError when it does not listen there."""
    with log.open("wb") as said:
        running = subprocess.Popen(  # noqa: S603  what benchmarks compare with
            command, stdout=said, stderr=said, cwd=log.parent
        )
    try:
        _wait_for(running, port, log)
        yield Served(port, running.pid)
    finally:
        running.kill()
        running.wait()


def free_port() -> int:
    """Return a port that nobody uses now, for servers that cannot choose one."""
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def _wait_for(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while running.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    said = log.read_text("utf-8", errors="replace").strip().splitlines() or ["it says nothing"]
    problems = [line for line in said if "error" in line.lower()]
    raise RuntimeError(f"it does not start ({(problems or said)[-1].strip()})")


def _cpu(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text("ascii").split():
            yield from _family(int(child))


@contextmanager
def _process(command: Sequence[str], port_file: Path) -> Iterator[Served]:
    running = subprocess.Popen(  # noqa: S603  our own modules
        [sys.executable, "-m", *command], stdout=subprocess.DEVNULL
    )
    try:
        yield Served(_port(running, port_file), running.pid)
    finally:
        running.kill()
        running.wait()


def _port(running: subprocess.Popen[bytes], port_file: Path) -> int:
    until = time.monotonic() + PATIENCE
    while not port_file.exists():
        if running.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{running.args!r} does not listen")
        time.sleep(0.002)
    return int(port_file.read_text(encoding="ascii"))
