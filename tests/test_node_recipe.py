"""The recipe for tests in Node, run by the system's own node."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "examples" / "node"
NODE = shutil.which("node")


def _version() -> int:
    if NODE is None:
        return 0
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


pytestmark = pytest.mark.skipif(_version() < 20, reason="there is no node of release 20 or later")
#: The mock of this very checkout and interpreter.
ENVIRONMENT = {**os.environ, "MOCKSERVER_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}


def test_the_tests_of_the_recipe_pass():
    done = subprocess.run(
        [NODE, "--test", "--test-reporter", "tap"],
        cwd=RECIPE,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 8\n# fail 0\n" in done.stdout


@pytest.fixture
def script() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Run a module that knows `startMock`, and end it with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(text: str) -> subprocess.Popen[str]:
        known = f"import {{ startMock }} from {json.dumps((RECIPE / 'mock.mjs').as_uri())};\n"
        process = subprocess.Popen(
            [NODE, "--input-type=module", "--eval", known + text],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "ending",
    [
        "await mock.stop()",
        "process.exit(3)",
        "throw new Error('oops')",
        "process.kill(process.pid, 'SIGTERM')",
        "process.kill(process.pid, 'SIGKILL')",
        "'nothing more to do'",
    ],
)
def test_the_server_ends_with_who_started_it(script, ending):
    process = script(f"""
        const mock = await startMock({{ scenario: "empty" }});
        console.log(new URL(mock.url).port);
        process.stdin.once("data", async () => {{ process.stdin.destroy(); {ending}; }});
    """)
    port = int(process.stdout.readline())
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        process.stdin.write("end\n")
        process.stdin.flush()
        assert connection.recv(1) == b"", "the server is still there"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=30)
    process.wait(30)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{ scenario: 'nowhere' }", "there is no scenario 'nowhere'"),
        ("{ command: ['no-such-command'] }", "cannot start no-such-command"),
        ("{ patience: 0 }", "takes too long to start"),
    ],
)
def test_a_server_that_does_not_start_is_told(script, options, told):
    process = script(f"try {{ await startMock({options}) }} catch (e) {{ console.log(e.message) }}")
    said, _ = process.communicate(timeout=60)
    assert told in said
    assert process.returncode == 0
