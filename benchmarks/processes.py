"""Run the servers that are compared, each in a process of its own, and read their clocks."""

from __future__ import annotations

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
from benchmarks.load import Answer

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
        return time.clock_gettime((~self.pid << 3) | _SCHEDULED)


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
