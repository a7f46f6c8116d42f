"""Schemathesis as a stage: silent about a correct service, brief about a broken one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from schemathesis.baseline import failure_identity

from contract_tests.fuzzing import plugin
from contract_tests.fuzzing.stage import FuzzOutcome, FuzzRequest, run
from contract_tests.result import Finding
from mockserver import assembly
from mockserver.app import Application
from mockserver.assembly import Sources

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "examples" / "library"
STAFF = {"Authorization": "Token 5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000001"}
CURATOR = {"Authorization": "Bearer card-curator"}
SECRET = "open-sesame-9731"


def against(running: Any, api: Any, **given: Any) -> FuzzOutcome:
    url = f"http://{running.host}:{running.port}"
    spec = api.spec
    return run(FuzzRequest(url=url, document=spec.document, spec=spec, **given))


def assert_silent(outcome: FuzzOutcome, least: int) -> None:
    assert outcome.error == ""
    assert outcome.failures == ()
    assert outcome.complete
    assert outcome.requests > least


def library(serve: Callable[..., Any]) -> tuple[Any, Any]:
    sources = Sources(spec=LIBRARY / "spec/openapi.yaml", pack=f"{LIBRARY / 'pack.py'}:pack")
    world = assembly.read_world(sources)
    return serve(assembly.application(world, strict=True)), world.api


def test_the_library_gives_no_cause(serve: Callable[..., Any]) -> None:
    running, api = library(serve)
    chosen = tuple(o.id for o in api.spec.operations)[::3]
    outcome = against(
        running, api, headers=CURATOR, profile="quick", private=True, operations=chosen
    )
    assert outcome.operations == len(chosen)
    assert_silent(outcome, 10)


def test_the_shipped_api_gives_no_cause(
    serve: Callable[..., Any], application: Callable[..., Application], shipped_api: Any
) -> None:
    """A part of it; the whole takes longer than an everyday test may."""
    running = serve(application("default", strict=True))
    chosen = tuple(o.id for o in shipped_api.spec.operations)[::10]
    outcome = against(
        running, shipped_api, headers=STAFF, profile="quick", private=True, operations=chosen
    )
    assert outcome.operations == len(chosen)
    assert_silent(outcome, 10)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["read-only", "destructive"])
def test_all_phases_against_the_shipped_api(
    mode: Any, serve: Callable[..., Any], application: Callable[..., Application], shipped_api: Any
) -> None:
    running = serve(application("default", strict=True))
    assert_silent(against(running, shipped_api, headers=STAFF, profile="ci", mode=mode), 1000)


@pytest.mark.slow
def test_all_phases_against_the_library(serve: Callable[..., Any]) -> None:
    running, api = library(serve)
    assert_silent(against(running, api, headers=CURATOR, profile="ci", private=True), 500)


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "operationId": "list",
                "responses": {
                    "200": {
                        "description": "All.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["id"],
                                        "properties": {"id": {"type": "integer"}},
                                    },
                                }
                            }
                        },
                    }
                },
            },
            "post": {
                "operationId": "make",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "responses": {"201": {"description": "Made."}, "400": {"description": "No."}},
            },
        },
        "/things/{id}": {
            "get": {
                "operationId": "get",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
                ],
                "responses": {"200": {"description": "One."}, "404": {"description": "None."}},
            }
        },
    },
}


@dataclass
class Broken:
    """A service that keeps none of its promises, and what it was asked."""

    url: str = ""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def methods(self) -> set[str]:
        return {method for method, _, _ in self.seen}


def handler(broken: Broken) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self) -> None:
            broken.seen.append((self.command, self.path, dict(self.headers.items())))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_one = self.path.startswith("/things/")
            status = 500 if is_one else 201 if self.command == "POST" else 200
            body = json.dumps([{"id": f"t{len(broken.seen)}"}]).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # http.server's names

    return Handler


@contextmanager
def broken_service() -> Iterator[Broken]:
    made = Broken()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def broken() -> Iterator[Broken]:
    with broken_service() as made:
        yield made


def ask(broken: Broken, **given: Any) -> FuzzOutcome:
    headers = {"Authorization": f"Token {SECRET}"}
    return run(FuzzRequest(url=broken.url, document=DOCUMENT, headers=headers, **given))


@dataclass
class Quick:
    """One run against the broken service, and all that it left."""

    broken: Broken
    request: FuzzRequest
    outcome: FuzzOutcome
    commands: list[list[str]]
    folder: Path


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    """A run against the broken service, made once."""
    commands: list[list[str]] = []
    start = subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return start(command, **options)

    folder = tmp_path_factory.mktemp("fuzz")
    with broken_service() as broken, pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", popen)
        request = FuzzRequest(
            url=broken.url,
            document=DOCUMENT,
            headers={"Authorization": f"Token {SECRET}", "X-Other": f"{SECRET}!"},
            run="run-7",
            profile="quick",
            private=True,
            folder=folder,
        )
        return Quick(broken, request, run(request), commands, folder)


def test_one_cause_is_one_failure(quick: Quick) -> None:
    outcome, broken = quick.outcome, quick.broken
    assert outcome.complete
    assert outcome.error == ""
    found = {(failure.code, failure.operation_id): failure for failure in outcome.failures}
    assert {("ST101", "get"), ("ST108", "list"), ("ST201", "make")} <= set(found)
    crash, shape = found["ST101", "get"], found["ST108", "list"]
    assert (crash.status, crash.severity) == (500, "critical")
    assert [each.code for each in outcome.failures if each.operation_id == "get"] == ["ST101"]
    assert [each.code for each in outcome.failures if each.operation_id == "list"] == ["ST108"]
    assert crash.count > 1
    assert "not of type" in shape.shape
    assert not re.search(r"t\d", shape.shape)
    assert shape.requests[-1].target == "/things"
    (command,) = shape.curl
    assert command.startswith("curl -sS -X GET ")
    assert command.endswith(f" -H 'X-Other: [redacted]' {broken.url}/things")
    assert ' -H "Authorization: $TOKEN" ' in command
    assert outcome.requests <= len(broken.seen)


def test_the_token_is_sent_and_written_nowhere(quick: Quick) -> None:
    sent = quick.broken.seen[-1][2]
    assert sent["Authorization"] == f"Token {SECRET}"
    assert sent["X-Contract-Run"] == "run-7"
    assert sent["User-Agent"].startswith("contract-tests")
    assert len(quick.commands) == 1
    assert SECRET not in repr(quick.commands)
    assert SECRET not in repr(quick.outcome)
    assert SECRET not in repr(quick.request)
    paths = [path for path in quick.folder.rglob("*") if path.is_file()]
    names = {path.name for path in paths}
    assert {"report.json", "events.ndjson", "junit.xml", "schemathesis.toml"} <= names
    assert [path for path in paths if SECRET.encode() in path.read_bytes()] == []


def test_a_shared_server_is_only_read(broken: Broken) -> None:
    outcome = ask(broken, profile="quick", mode="own", private=False, operations=("list", "make"))
    assert outcome.operations == 1
    assert broken.methods == {"GET"}


@pytest.mark.slow
def test_read_only_means_get_in_every_phase(broken: Broken) -> None:
    outcome = ask(broken, profile="ci", mode="read-only", private=True)
    assert outcome.complete
    assert broken.methods == {"GET"}


def test_the_tool_failing_is_no_finding() -> None:
    request = FuzzRequest(
        url="http://127.0.0.1:9",
        document={**DOCUMENT, "openapi": "9.9.9"},
        headers={"Authorization": "9.9.9"},
        profile="quick",
        private=True,
    )
    outcome = run(request)
    assert outcome.failures == ()
    assert not outcome.complete
    assert "not supported" in outcome.error
    assert "9.9.9" not in outcome.error


def test_nobody_listening_is_no_finding() -> None:
    outcome = run(
        FuzzRequest(
            url="http://127.0.0.1:9", document=DOCUMENT, profile="quick", operations=("list",)
        )
    )
    assert (outcome.failures, outcome.requests) == ((), 0)
    assert not outcome.complete
    assert "Network Error" in outcome.error


def test_nothing_to_send_is_said() -> None:
    outcome = run(FuzzRequest(url="http://127.0.0.1:9", document=DOCUMENT, operations=("make",)))
    assert "no operation" in outcome.note
    assert outcome.requests == 0


@pytest.mark.slow
def test_a_budget_ends_the_run(broken: Broken) -> None:
    outcome = ask(broken, profile="thorough", operations=("get",), requests=1)
    assert not outcome.complete
    assert "requests" in outcome.note
    assert outcome.error == ""
    assert outcome.failures


def test_an_interruption_ends_the_process(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[Any]] = []
    start = subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        started.append(start(command, **options))
        return started[-1]

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr("contract_tests.fuzzing.stage.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(broken, profile="thorough", private=True)
    (process,) = started
    assert process.poll() is not None


FINDING = Finding(
    id="D1-name", property="filter-exact", operation="list", about="name", place="things.yaml:7",
    claim="A filter keeps what matches.", expected="1", actual="2", script={},
    curl=("curl things",), first_request=3, confirmed="3/3",
)  # fmt: skip

HOOKS = """
from contract_tests.fuzzing import plugin
from contract_tests.result import Finding

def suite(*, base_url, spec, token_env, profile):
    assert (spec, token_env, profile) == ("things.yaml", "THINGS_TOKEN", "quick"), profile
    assert base_url.startswith("http://127.0.0.1:")
    for about in {abouts!r}:
        yield Finding(
            id=f"D1-{{about}}", property="filter-exact", operation="list", about=about,
            place="things.yaml:7", claim="A filter keeps what matches.", expected="1",
            actual="2", script={{}}, curl=("curl things",), first_request=3, confirmed="3/3",
        )

plugin.use(suite)
"""
CONFIG = """
hooks = "things_hooks"
[phases]
enabled = false
[phases.fuzzing]
enabled = true
[checks.ContractTests]
base_url = "{url}"
spec = "things.yaml"
token_env = "THINGS_TOKEN"
profile = "quick"
"""


def st(place: Path, url: str, abouts: list[str], *extra: str) -> subprocess.CompletedProcess[str]:
    """Run Schemathesis as somebody would who has it already."""
    public = {"get": {"operationId": "ok", "responses": {"default": {"description": "Any."}}}}
    document = {**DOCUMENT, "paths": {"/any": public}}
    (place / "openapi.json").write_text(json.dumps(document))
    (place / "things_hooks.py").write_text(HOOKS.format(abouts=abouts))
    (place / "schemathesis.toml").write_text(CONFIG.format(url=url))
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "run", "openapi.json"]
    return subprocess.run(
        [*command, "--url", url, "--max-examples", "1", *extra],
        cwd=place, env={**os.environ, "PYTHONPATH": f"{place}{os.pathsep}{ROOT}"},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_findings_appear_in_a_schemathesis_run(broken: Broken, tmp_path: Path) -> None:
    reports = ("--report", "junit,json", "--report-junit-path", "j.xml", "--report-json-path", "j")
    done = st(tmp_path, broken.url, ["name", "kind"], *reports)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "filter-exact: list.name" in done.stdout
    assert "A filter keeps what matches." in done.stdout
    junit = (tmp_path / "j.xml").read_text()
    assert "Run checks" in junit
    assert "filter-exact: list.kind" in junit
    titles = [each["title"] for each in json.loads((tmp_path / "j").read_text())["failures"]]
    assert sorted(titles) == ["filter-exact: list.kind", "filter-exact: list.name"]


def test_a_finding_keeps_its_identity() -> None:
    def identity(**changed: Any) -> tuple[str, ...]:
        return failure_identity(plugin.PromiseBroken(replace(FINDING, **changed)), "ContractTests")

    assert identity() == identity(id="D1-other", claim="Other words.", actual="7", place="x:1")
    assert len({identity(), identity(about="kind"), identity(operation="get")}) == 3
    assert identity() != identity(property="filter-icontains")


def test_no_finding_is_no_failure(broken: Broken, tmp_path: Path) -> None:
    done = st(tmp_path, broken.url, [])
    assert done.returncode == 0, done.stdout + done.stderr
