"""Carry requests to a server and answers back; tell one kind of trouble from another."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from contract_tests.wire import Received, Sent

#: An answer longer than this is cut: no description of a record needs more.
LARGEST: Final = 64 * 1024 * 1024


class Trouble(Exception):
    """The network, not the implementation, failed; the message names a remedy."""


class Transport(Protocol):
    """A way to one server."""

    base_url: str

    def send(self, sent: Sent) -> Received:
        """Return the answer to one request; raise Trouble when there is none."""
        ...


class HttpTransport:
    """A way over a socket, on kept-alive connections."""

    def __init__(self, base_url: str, *, timeout: float = 30.0, ca: str | None = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base_url!r} is no URL; write it like http://127.0.0.1:4010")
        self.base_url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._timeout = timeout
        context = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        self._pool = urllib3.PoolManager(
            maxsize=4, retries=False, timeout=urllib3.Timeout(timeout), ssl_context=context
        )

    def send(self, sent: Sent) -> Received:
        """Return the answer; redirects are answers too."""
        started = time.perf_counter()
        try:
            response = self._pool.request(
                sent.method,
                f"{self.base_url}{sent.target}",
                headers=dict(sent.headers),
                body=sent.body or None,
                redirect=False,
                preload_content=True,
            )
        except (HTTPError, OSError, ValueError) as error:
            raise Trouble(self._explain(error)) from error
        headers: dict[str, str] = {}
        for name, value in response.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        body = response.data[:LARGEST]
        return Received(response.status, headers, body, time.perf_counter() - started)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _explain(self, error: Exception) -> str:
        reason: object = error.reason if isinstance(error, MaxRetryError) else error
        text = str(reason).rpartition(": ")[2] or type(reason).__name__
        if isinstance(reason, (SSLError, ssl.SSLError)) or "SSL" in type(reason).__name__:
            return (
                f"no trusted TLS connection to {self.base_url}: {text}; "
                "name the certificate authority with --ca FILE"
            )
        if isinstance(reason, urllib3.exceptions.NameResolutionError):
            return f"the name in {self.base_url} is unknown; check --url"
        is_refused = isinstance(reason, urllib3.exceptions.NewConnectionError)
        if isinstance(reason, urllib3.exceptions.TimeoutError) and not is_refused:
            return f"{self.base_url} did not answer within {self._timeout:g} s; see --timeout"
        return f"{self.base_url} cannot be reached: {text}; is the server running?"


class CallTransport:
    """A way into the same process: a function from request to answer."""

    def __init__(self, answer: Callable[[Sent], Received], base_url: str) -> None:
        self.base_url = base_url
        self._answer = answer

    def send(self, sent: Sent) -> Received:
        """Return the answer."""
        started = time.perf_counter()
        received = self._answer(sent)
        return replace(received, seconds=time.perf_counter() - started)
