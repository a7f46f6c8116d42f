"""Send the mock what Schemathesis invents from its own spec.

`python -m tests.fuzz` makes two passes over a strict server, so that a broken answer
counts as a server error:

roam    ids are drawn, or learnt from answers; everything may be deleted
dwell   every path leads to the sample records, so that few requests end in a 404

`--examples N` says how many requests to invent for each operation and phase.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SAMPLE = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
DWELL = f'[parameters]\n"path.uuid" = "{SAMPLE}"\n"path.service_provider_uuid" = "{SAMPLE}"\n\n'
PASSES = {"roam": [], "dwell": ["--exclude-method", "DELETE"]}


def fuzz(
    name: str, *, examples: int, seed: int = 1, phases: str = "examples,coverage,fuzzing,stateful"
) -> dict[str, Any]:
    """Make one pass and return Schemathesis' own report; `output` is what it printed."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as port:
        place = Path(folder)
        config = (ROOT / "schemathesis.toml").read_text("utf-8")
        (place / "schemathesis.toml").write_text((DWELL if name == "dwell" else "") + config)
        _run("mockserver", "export", "openapi", "--output", str(place / "openapi.json"))
        done = subprocess.run(
            [
                *_module("schemathesis.cli"), "run", "openapi.json",
                "--url", f"http://127.0.0.1:{port}",
                "--header", "Authorization: Token YOUR_API_TOKEN",
                "--seed", str(seed), "--phases", phases, "--max-examples", str(examples),
                "--no-color", "--report", "json", "--report-json-path", "report.json",
                *PASSES[name],
            ],
            cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        report: dict[str, Any] = json.loads((place / "report.json").read_text("utf-8"))
        return {**report, "output": done.stdout + done.stderr}


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    port_file = folder / "port"
    process = subprocess.Popen(
        [*_module("mockserver"), "serve", "--strict", "--port", "0",
         "--port-file", str(port_file), "--log-level", "error"],
        cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the mock server does not start")
            time.sleep(0.05)
        yield int(port_file.read_text())
    finally:
        process.terminate()
        process.wait(10)


def _module(name: str) -> list[str]:
    if name == "schemathesis.cli":
        return [str(Path(sys.executable).parent / "schemathesis")]
    return [sys.executable, "-m", name]


def _run(module: str, *arguments: str) -> None:
    subprocess.run([*_module(module), *arguments], cwd=ROOT, check=True)


def main() -> None:
    """Make both passes and exit 1 when one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    failed = False
    for name in PASSES:
        report = fuzz(name, examples=given.examples, seed=given.seed)
        cases = report["test_cases"]
        print(report["output"] if report["failures"] else "", end="")  # noqa: T201  what a script is for
        print(f"{name}: {cases['generated']} cases, {len(report['failures'])} failures")  # noqa: T201  and this
        failed = failed or bool(report["failures"]) or not report["complete"]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
