"""Every exchange of a run as an HTTP archive, for browsers and proxies to open."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import harfile

from contract_tests.reports.text import shareable
from contract_tests.result import Result
from contract_tests.wire import Exchange, Received, Sent, redacted

_PROTOCOL: Final = "HTTP/1.1"


def write(exchanges: Iterable[Exchange], result: Result, path: Path) -> None:
    """
    Write an archive, one exchange at a time.

    Exchanges know how long they took but not when they began; they are dated as if
    they had followed one another from the start of the run.
    """
    creator = harfile.Creator(name="contract-tests", version=result.version)
    comment = f"run {result.run}, seed {result.seed}"
    root = _root(result.url)
    began = result.started
    with (
        path.open("w", encoding="utf-8", newline="\n") as file,
        harfile.open(file, creator=creator, comment=comment) as archive,
    ):
        for exchange in exchanges:
            _add(archive, exchange, began, root)
            began += timedelta(seconds=exchange.received.seconds)


def _add(archive: harfile.HarFile, exchange: Exchange, began: datetime, root: str) -> None:
    milliseconds = round(exchange.received.seconds * 1000, 3)
    archive.add_entry(
        startedDateTime=began,
        time=milliseconds,
        request=_request(exchange.sent, root),
        response=_response(exchange.received),
        timings=harfile.Timings(send=0, wait=milliseconds, receive=0),
        comment=_comment(exchange),
    )


def _comment(exchange: Exchange) -> str:
    parts = {
        "operationId": exchange.operation,
        "property": exchange.purpose,
        "persona": exchange.persona,
        "number": str(exchange.number),
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def _request(sent: Sent, root: str) -> harfile.Request:
    return harfile.Request(
        method=sent.method,
        url=root + _target(sent),
        httpVersion=_PROTOCOL,
        headers=_headers(sent.headers),
        queryString=[harfile.Record(name=name, value=value) for name, value in sent.query],
        postData=_post_data(sent) if sent.body else None,
        bodySize=len(sent.body),
    )


def _response(received: Received) -> harfile.Response:
    text, encoding = _text(received.body)
    content = harfile.Content(
        size=len(received.body),
        mimeType=received.headers.get("content-type", ""),
        text=text,
        encoding=encoding,
    )
    return harfile.Response(
        status=received.status,
        statusText=_phrase(received.status),
        httpVersion=_PROTOCOL,
        headers=_headers(received.headers),
        content=content,
        redirectURL=received.headers.get("location", ""),
        bodySize=len(received.body),
    )


def _post_data(sent: Sent) -> harfile.PostData:
    text, encoding = _text(sent.body)
    types = [value for name, value in sent.headers.items() if name.lower() == "content-type"]
    # The format has an encoding for answers only.
    return harfile.PostData(mimeType=types[0] if types else "", text=text, comment=encoding)


def _headers(headers: Mapping[str, str]) -> list[harfile.Record]:
    return [harfile.Record(name=name, value=value) for name, value in redacted(headers).items()]


def _text(body: bytes) -> tuple[str, str | None]:
    try:
        return body.decode("utf-8"), None
    except UnicodeDecodeError:
        return b64encode(body).decode("ascii"), "base64"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _root(url: str) -> str:
    """Return the address that the path of a request is appended to."""
    try:
        parts = urlsplit(shareable(url))
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}" if parts.netloc else ""


def _target(sent: Sent) -> str:
    # Unlike the request line itself, an archive can say what could never be sent.
    query = urlencode(sent.query, errors="surrogatepass")
    return f"{sent.path}?{query}" if query else sent.path
