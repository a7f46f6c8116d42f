"""Send steps with manners: paced, budgeted, marked, and never at what is not ours."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from contract_tests.ledger import Ledger
from contract_tests.steps import Step
from contract_tests.transport import Transport, Trouble
from contract_tests.wire import ABSENT, Exchange, Received, Sent

_PATIENCE: Final = 60.0
_ATTEMPTS: Final = 4
_CRASHES: Final = 25
_FAILURES: Final = 3


class Stopped(Exception):
    """The run must end: budget spent, or the server needs to be left alone."""

    def __init__(self, reason: str, *, is_server: bool = False) -> None:
        super().__init__(reason)
        self.is_server = is_server


class NotOurs(AssertionError):
    """A step would change a record that this run does not own."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How to behave: requests a second, requests in all, seconds in all; 0 is no limit."""

    rate: float = 0.0
    max_requests: int = 0
    max_seconds: float = 0.0
    read_only: bool = False


@dataclass(slots=True)
class Client:
    """
    One run's way to the server.

    `credentials`: persona -> the headers that sign it in. `on_exchange` sees every
    exchange; `invented` holds the keys the suite made up, which nobody owns.
    """

    transport: Transport
    credentials: Mapping[str, Mapping[str, str]]
    ledger: Ledger
    run: str
    manners: Manners = Manners()
    agent: str = "contract-tests"
    on_exchange: Callable[[Exchange], None] = lambda exchange: None
    invented: set[str] = field(default_factory=set)
    sent: int = 0
    purpose: str = ""
    allowed_extra: int = 0
    _started: float = field(default_factory=time.monotonic)
    _next: float = 0.0
    _failures: int = 0
    _crashes: deque[bool] = field(default_factory=lambda: deque(maxlen=_CRASHES))

    def send(
        self,
        step: Step,
        *,
        resource: str = "",
        key_param: str = "",
        record: Callable[[Exchange], None] = lambda exchange: None,
    ) -> Exchange:
        """
        Return what a step led to; raise Trouble, Stopped or NotOurs.

        `resource` and `key_param` say which record the step would change. `record` is
        told first: whatever stops the run then, what was created is known.
        """
        self.permit(step, resource, key_param)
        self._budget()
        sent = self.request_of(step)
        received = self._patiently(sent)
        self.sent += 1
        exchange = Exchange(self.sent, step.operation, step.persona, sent, received, self.purpose)
        record(exchange)
        self.on_exchange(exchange)
        self._watch(received)
        return exchange

    def permit(self, step: Step, resource: str, key_param: str) -> None:
        """Raise NotOurs when a step would change what this run does not own."""
        if not step.writes:
            return
        if self.manners.read_only:
            raise NotOurs(f"{step.method} {step.template} in a run that may only read")
        if not key_param:
            return
        key = step.params.get(key_param, "")
        if key not in self.invented and not self.ledger.holds(resource, key):
            raise NotOurs(f"{step.method} {step.template} at {resource} {key}, which is not ours")

    def _budget(self) -> None:
        limit = self.manners.max_requests
        if limit and self.sent >= limit + self.allowed_extra:
            raise Stopped(f"the budget of {limit} requests is spent")
        seconds = self.manners.max_seconds
        if seconds and not self.allowed_extra and time.monotonic() - self._started > seconds:
            raise Stopped(f"the budget of {seconds:g} seconds is spent")

    def request_of(self, step: Step) -> Sent:
        """Return the request that a step is."""
        headers = {
            "Accept": "application/json",
            "User-Agent": f"{self.agent} (run {self.run})",
            "X-Contract-Run": f"{self.run}/{self.sent + 1}",
            **signed(self.credentials, step.persona),
        }
        body = b""
        if step.raw is not None:
            body = step.raw
            headers["Content-Type"] = step.media or "application/json"
        elif step.body is not ABSENT:
            body = json.dumps(step.body).encode()
            headers["Content-Type"] = step.media or "application/json"
        for name, value in step.headers.items():
            headers = {k: v for k, v in headers.items() if k.lower() != name.lower()}
            if value:
                headers[name] = value
        path, query = target_of(step, self.transport.base_url)
        return Sent(step.method, path, query, headers, body)

    def _patiently(self, sent: Sent) -> Received:
        for attempt in range(_ATTEMPTS):
            self._pace()
            try:
                received = self.transport.send(sent)
            except Trouble:
                # A kept-alive connection may be closed under us once; a dead server stays dead.
                self._failures += 1
                if sent.method not in ("GET", "HEAD") or self._failures >= _FAILURES:
                    raise
                continue
            self._failures = 0
            wait = _retry_after(received)
            if wait is None:
                return received
            if wait > _PATIENCE or attempt == _ATTEMPTS - 1:
                raise Stopped(
                    f"the server answers {received.status} and asks to wait {wait:g} s; "
                    "lower --rate",
                    is_server=True,
                )
            time.sleep(wait)
        raise Trouble(f"{self.transport.base_url} stopped answering")

    def _pace(self) -> None:
        if not self.manners.rate:
            return
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.manners.rate

    def _watch(self, received: Received) -> None:
        self._crashes.append(received.status >= 500)
        if len(self._crashes) == _CRASHES and all(self._crashes):
            raise Stopped(
                f"the last {_CRASHES} answers were all {received.status}: the server is unwell",
                is_server=True,
            )


def target_of(step: Step, base_url: str = "") -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the encoded path, below the base URL, and the query of a step."""
    if step.url:
        parts = urlsplit(step.url)
        # A server below a path shows whole links, with that path.
        inside = parts.path.removeprefix(urlsplit(base_url).path)
        return inside if inside.startswith("/") else parts.path, _pairs(parts.query)
    path = step.template
    for name, value in step.params.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path, step.query


def _pairs(query: str) -> tuple[tuple[str, str], ...]:
    # Bytes that are no text survive, so that a server gets them as they were written.
    return tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))


def _retry_after(received: Received) -> float | None:
    """Return the seconds a server asks to wait before the same again; None when it does not."""
    if received.status not in (429, 503):
        return None
    said = received.headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    return 1.0 if received.status == 429 else None


def signed(credentials: Mapping[str, Mapping[str, str]], persona: str) -> Mapping[str, str]:
    """
    Return the headers that sign a persona in.

    `main:bare` is `main` without the word before its token, `main:renamed` has another
    word there, `main:recased` a token in the other letter case: nobody should know it.
    """
    name, _, way = persona.partition(":")
    headers = credentials.get(name, {})
    return {key: _spoilt(value, way) for key, value in headers.items()} if way else headers


def _spoilt(header: str, way: str) -> str:
    word, _, token = header.rpartition(" ")
    recased = f"{word} {token.swapcase()}"
    return {"bare": token, "renamed": f"Other {token}", "recased": recased}[way]


def credentials_of(
    document: Mapping[str, Any], conventions: Mapping[str, Any], tokens: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """
    Return the headers that sign each persona in; `nobody` has none, `invalid` a wrong token.

    A token with a space in it is the whole value of the header already.
    """
    name, keyword = _scheme(document, conventions)

    def signed(token: str) -> dict[str, str]:
        return {name: token if " " in token or not keyword else f"{keyword} {token}"}

    return {
        "nobody": {},
        "invalid": signed("0" * 40),
        **{persona: signed(token) for persona, token in tokens.items()},
    }


def _scheme(document: Mapping[str, Any], conventions: Mapping[str, Any]) -> tuple[str, str]:
    """Return the header that carries a token, and the word before it."""
    if conventions.get("auth"):
        return "Authorization", str(conventions["auth"].get("keyword", "Bearer"))
    schemes = ((document.get("components") or {}).get("securitySchemes") or {}).values()
    for scheme in schemes:
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            return str(scheme.get("name", "Authorization")), ""
        if scheme.get("type") == "http":
            return "Authorization", str(scheme.get("scheme", "Bearer")).capitalize()
    return "Authorization", "Bearer"
