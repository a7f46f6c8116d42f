"""What a run says when the server, not the implementation, is the trouble."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contract_tests import inprocess, runner
from contract_tests.config import Config
from contract_tests.result import Exit
from tests.contract_harness import STAFF

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def listening(answer: Answer, certificate: Path | None = None) -> Iterator[str]:
    """Run a server that answers everything in one way; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None: ...

    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def saying(status: int, body: str, media: str = "application/json", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        handler.rfile.read(length)
        handler.send_response(status)
        content = body.encode()
        for name, value in {"Content-Type": media, **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    return answer


def run(url: str, **more: object) -> tuple[Exit, str]:
    config = Config(url=url, tokens={"main": "t"}, layers=("probes",), against_mock=False, **more)
    result = runner.run(config)
    return result.exit, result.message


def test_a_host_that_does_not_listen_is_no_finding() -> None:
    exit_, message = run("http://127.0.0.1:9")
    assert exit_ is Exit.UNTESTABLE
    assert "cannot be reached" in message
    assert "is the server running?" in message


def test_an_unknown_name_is_no_finding() -> None:
    exit_, message = run("http://no-such-host.invalid:4010")
    assert exit_ is Exit.UNTESTABLE
    assert "check --url" in message or "cannot be reached" in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (saying(500, '{"detail": "x"}'), "unwell"),
        (saying(302, "", Location="/login"), "login page"),
        (saying(200, "<html>Welcome</html>", "text/html"), "text/html"),
        (saying(401, '{"detail": "x"}'), "--token-env"),
        (saying(404, "{}"), "prefix"),
    ],
    ids=["500 on everything", "login redirect", "html", "401", "404"],
)
def test_a_server_that_is_not_the_api_is_no_finding(answer: Answer, said: str) -> None:
    with listening(answer) as url:
        exit_, message = run(url)
    assert exit_ is Exit.UNTESTABLE
    assert said in message


def test_a_server_that_is_busy_for_long_is_left_alone() -> None:
    with listening(saying(429, "{}", Retry_After="3600")) as url:
        exit_, message = run(url)
    assert exit_ is Exit.STOPPED
    assert "429" in message
    assert "3600" in message


def test_a_certificate_nobody_trusts_is_no_finding(tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=127.0.0.1", "-keyout", str(pem), "-out", str(tmp_path / "crt.pem")],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    pem.write_text(pem.read_text() + (tmp_path / "crt.pem").read_text())
    with listening(saying(200, "[]"), pem) as url:
        exit_, message = run(url)
    assert exit_ is Exit.UNTESTABLE
    assert "--ca" in message


def test_a_server_that_dies_in_the_middle_leaves_a_partial_report(
    serve: Callable[..., Any], application: Callable[..., Any], default_world: Any, tmp_path: Path
) -> None:
    started = serve(application())
    seen = []

    def dies(exchange: object) -> None:
        seen.append(exchange)
        if len(seen) == 200:
            started.stop()

    result = runner.run(
        Config(
            url=f"http://{started.host}:{started.port}",
            tokens=inprocess.tokens(default_world.scenario),
            layers=("probes",),
            against_mock=False,
            ledger=tmp_path / "ledger",
        ),
        on_exchange=dies,
    )
    assert result.exit is Exit.STOPPED
    assert "in the middle" in result.message
    assert any(verdict.outcome == "held" for verdict in result.verdicts)


def counts(app: Any) -> dict[str, int]:
    state = app.store.state
    return {name: len(state.records(name)) for name in app.api.spec.resources}


@pytest.mark.parametrize("after", [30, 700, 1100])
@pytest.mark.parametrize("way", ["interrupt", "budget"])
def test_a_run_that_is_cut_short_leaves_the_server_as_it_was(
    application: Callable[..., Any], default_world: Any, after: int, way: str
) -> None:
    app = application()
    before = counts(app)
    number = 0

    def interrupts(exchange: object) -> None:
        nonlocal number
        number += 1
        if way == "interrupt" and number == after:
            raise KeyboardInterrupt

    result = runner.run(
        Config(
            url=inprocess.BASE_URL,
            tokens=inprocess.tokens(default_world.scenario),
            layers=("probes", "interactions"),
            against_mock=False,
            transport=inprocess.transport(app),
            tags=("marketplace_plans",),
            max_requests=after if way == "budget" else 0,
        ),
        on_exchange=interrupts,
    )
    assert result.exit is (Exit.INTERRUPTED if way == "interrupt" else Exit.INCOMPLETE)
    assert result.requests >= after
    assert not result.leftovers
    assert counts(app) == before


def test_a_killed_run_is_cleaned_up_after(
    serve: Callable[..., Any], application: Callable[..., Any], tmp_path: Path
) -> None:
    app = application()
    started = serve(app)
    before = counts(app)
    file = tmp_path / "ledger.jsonl"
    url = f"http://{started.host}:{started.port}"
    words = ["--url", url, "--token-env", "MAIN"]
    environment = {**os.environ, "MAIN": STAFF}
    process = subprocess.Popen(
        [sys.executable, "-m", "contract_tests", "run", *words, "--ledger", str(file),
         "--layer", "probes", "-p", "B", "-p", "C", "-q"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while counts(app) == before and process.poll() is None:
        pass
    process.kill()
    process.wait()
    assert file.exists()
    done = subprocess.run(
        [sys.executable, "-m", "contract_tests", "cleanup", *words, "--ledger", str(file)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts(app) == before
    assert not file.exists()


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://"])
def test_a_bad_url_is_refused_with_a_remedy(url: str) -> None:
    done = cli("run", "--url", url)
    assert done.returncode == Exit.USAGE
    assert "http://127.0.0.1:4010" in done.stderr


def test_a_far_host_needs_a_yes() -> None:
    done = cli("run", "--url", "https://api.example.com")
    assert done.returncode == Exit.USAGE
    assert "--yes" in done.stderr


def test_an_empty_variable_is_refused() -> None:
    done = cli("run", "--url", "http://127.0.0.1:9", "--token-env", "SURELY_NOT_SET")
    assert done.returncode == Exit.USAGE
    assert "SURELY_NOT_SET" in done.stderr


def test_no_trouble_ends_in_a_traceback(tmp_path: Path) -> None:
    done = cli("run", "--url", "http://127.0.0.1:9", "--report", "json,junit", "--report-dir",
               str(tmp_path / "out"))  # fmt: skip
    assert done.returncode == Exit.UNTESTABLE
    assert "Traceback" not in done.stderr + done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "cannot be reached" in json.dumps(report)


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "contract_tests", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
