"""Run Schemathesis in a process of its own on a derived document, and end it cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

from contract_tests.fuzzing import settings
from contract_tests.fuzzing.derive import derive, operation_ids
from contract_tests.fuzzing.report import Events, FuzzFailure
from contract_tests.fuzzing.settings import SIZES, Settings
from mockserver.operation import Spec

_USER_AGENT: Final = "contract-tests (Schemathesis)"
#: How long Schemathesis may take to write its reports after it was told to stop, in seconds.
_GRACE: Final = 5.0
_POLL: Final = 0.1
_SHORT: Final = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzRequest:
    """
    What to run, and against what.

    `headers` go on every request, and their values into no file or command line.
    On a server that is not `private` only GET is sent, except in mode "destructive".
    `profile` is a key of SIZES; `rate` is requests per second; `seconds` and `requests`
    are budgets, checked after each scenario; `verify` is False or a file of
    certificates, as `--ca` names it;
    `folder` keeps configuration and reports, which are thrown away otherwise.
    """

    url: str
    document: Mapping[str, Any] = field(repr=False)
    spec: Spec | None = field(default=None, repr=False)
    operations: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    run: str = ""
    profile: str = "ci"
    mode: Literal["read-only", "own", "destructive"] = "own"
    private: bool = False
    seed: int = 1
    rate: float | None = None
    timeout: float = 10.0
    verify: bool | str = True
    seconds: float | None = None
    requests: int | None = None
    folder: Path | None = None

    @property
    def read_only(self) -> bool:
        """Whether nothing but GET may be sent."""
        return self.mode == "read-only" or (self.mode == "own" and not self.private)


@dataclass(frozen=True, slots=True)
class FuzzOutcome:
    """
    What came of it.

    `complete` is False when a budget ended the run or the tool failed; `error` is then
    the tool's own trouble (never a finding). `note` says in words what cut it short.
    """

    failures: tuple[FuzzFailure, ...] = ()
    requests: int = 0
    seconds: float = 0.0
    complete: bool = True
    error: str = ""
    note: str = ""
    operations: int = 0


def run(request: FuzzRequest) -> FuzzOutcome:
    """Run Schemathesis; KeyboardInterrupt ends it, too, before it goes on its way."""
    names = operation_ids(request.document, request.spec)
    wanted = request.operations or tuple(names.values())
    derived = derive(request.document, request.spec, operations=wanted, read_only=request.read_only)
    held = {
        (method.upper(), path): node["operationId"]
        for path, item in derived["paths"].items()
        for method, node in item.items()
    }
    if not held:
        return FuzzOutcome(note="no operation is left that may be sent")
    with tempfile.TemporaryDirectory(prefix="contract-tests-") as scratch:
        place = request.folder or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        _prepare(request, derived, held, place, is_whole=len(held) == len(names))
        return _Process(request, place, held).run()


def _prepare(
    request: FuzzRequest,
    derived: Mapping[str, Any],
    held: Mapping[tuple[str, str], str],
    place: Path,
    *,
    is_whole: bool,
) -> None:
    (place / "openapi.json").write_text(json.dumps(derived), encoding="utf-8")
    config = settings.write(
        Settings(
            profile=request.profile,
            headers=tuple(_headers(request)),
            secrets=tuple(request.headers),
            seed=request.seed,
            rate=request.rate,
            timeout=request.timeout,
            verify=request.verify,
            is_whole=is_whole and not request.read_only,
        ),
        request.spec,
        tuple(held.values()),
    )
    (place / "schemathesis.toml").write_text(config, encoding="utf-8")
    for name in ("events.ndjson", "report.json", "junit.xml"):
        (place / name).unlink(missing_ok=True)


def _headers(request: FuzzRequest) -> dict[str, str]:
    own = {"User-Agent": _USER_AGENT, "X-Contract-Run": request.run or "schemathesis"}
    given = {name.lower() for name in request.headers}
    return {**{n: v for n, v in own.items() if n.lower() not in given}, **request.headers}


class _Process:
    """One run of the command line tool."""

    def __init__(
        self, request: FuzzRequest, place: Path, names: Mapping[tuple[str, str], str]
    ) -> None:
        self._request = request
        self._place = place
        self._events = Events(names)
        self._operations = len(names)
        self._note = ""
        self._started = time.monotonic()

    def run(self) -> FuzzOutcome:
        with (self._place / "output.txt").open("w+", encoding="utf-8") as output:
            process = subprocess.Popen(  # noqa: S603  # our own interpreter, arguments as a list
                self._command(),
                cwd=self._place,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                self._follow(process)
            finally:
                _end(process)
            output.seek(0)
            return self._outcome(process.returncode, output.read())

    def _command(self) -> list[str]:
        request = self._request
        return [
            sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
            "--no-color", "run", "openapi.json", "--url", request.url,
            "--phases", ",".join(SIZES[request.profile].phases), "--seed", str(request.seed),
            "--report", "json,ndjson,junit", "--report-json-path", "report.json",
            "--report-ndjson-path", "events.ndjson", "--report-junit-path", "junit.xml",
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        # A user's own hooks and settings of Schemathesis are not meant for this run.
        kept = {n: v for n, v in os.environ.items() if not n.startswith("SCHEMATHESIS_")}
        kept |= {"PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
        return kept | settings.environment(_headers(self._request))

    def _follow(self, process: subprocess.Popen[Any]) -> None:
        """Read the events until the process ends or a budget is spent."""
        path = self._place / "events.ndjson"
        while not path.exists() and process.poll() is None and not self._is_spent():
            time.sleep(_POLL)
        if not path.exists():
            return
        with path.open(encoding="utf-8") as events:
            rest = ""
            while process.poll() is None:
                rest = self._read(events, rest)
                if self._is_spent():
                    _end(process)
                    break
                time.sleep(_POLL)
            self._read(events, rest)

    def _read(self, events: IO[str], rest: str) -> str:
        """Take in complete lines; return the start of the one being written."""
        *lines, rest = (rest + events.read()).split("\n")
        for line in lines:
            self._events.read(line)
        return rest

    def _is_spent(self) -> bool:
        request = self._request
        passed = time.monotonic() - self._started
        if request.seconds is not None and passed >= request.seconds:
            self._note = f"stopped after {request.seconds:g} s"
        elif request.requests is not None and self._events.requests >= request.requests:
            self._note = f"stopped after {self._events.requests} requests"
        return bool(self._note)

    def _outcome(self, code: int, output: str) -> FuzzOutcome:
        report = _load(self._place / "report.json")
        is_done = report.get("stop_reason") == "completed" and code in (0, 1)
        error = "" if is_done or self._note else self._error(code, output, report)
        if is_done and report.get("errors"):
            error = self._error(code, output, report)
        return FuzzOutcome(
            failures=self._events.failures,
            requests=self._events.requests,
            seconds=time.monotonic() - self._started,
            complete=is_done and not self._note and not error,
            error=error,
            note=self._note,
            operations=self._operations,
        )

    def _error(self, code: int, output: str, report: Mapping[str, Any]) -> str:
        """Return what the tool complains of, free of secrets."""
        titles = [str(entry.get("title", "")) for entry in report.get("errors") or ()]
        said = self._events.errors or [output.strip()[-_SHORT:]]
        text = "; ".join(dict.fromkeys([*titles, *said]))
        for value in self._request.headers.values():
            text = text.replace(value, "[redacted]") if value else text
        return f"Schemathesis ended with {code}: {text[:_SHORT] or 'it says nothing'}"


def _end(process: subprocess.Popen[Any]) -> None:
    """Ask a process and its children to end; insist when they do not."""
    if process.poll() is not None:
        return
    try:
        process.send_signal(signal.SIGINT)
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Also when somebody is tired of waiting for the end.
        if process.poll() is None:
            process.kill()
            process.wait()


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
