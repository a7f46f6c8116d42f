"""Write exchanges as an HTTP archive, for browsers and proxies to open."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from mockserver.contents import Content, media_of
from mockserver.journal import Entry
from mockserver.redaction import Redactor, Safe

if TYPE_CHECKING:
    import harfile

_PROTOCOL: Final = "HTTP/1.1"


def har(entries: Iterable[Entry], redactor: Redactor) -> dict[str, Any]:
    """Return HAR 1.2 without credentials."""
    # Hardly anybody asks for one.
    import harfile

    file = io.StringIO()
    creator = harfile.Creator(name="mockserver", version=_version())
    with harfile.open(file, creator=creator) as archive:
        for entry in entries:
            _add(archive, entry, redactor.safe(entry.request, entry.response))
    made: dict[str, Any] = orjson.loads(file.getvalue())
    return made


def _add(archive: harfile.HarFile, entry: Entry, safe: Safe) -> None:
    import harfile

    milliseconds = round(entry.seconds * 1000, 3)
    archive.add_entry(
        startedDateTime=entry.at - timedelta(seconds=entry.seconds),
        time=milliseconds,
        request=_request(entry, safe),
        response=_response(entry, safe),
        timings=harfile.Timings(send=0, wait=milliseconds, receive=0),
        comment=_comment(entry),
    )


def _comment(entry: Entry) -> str:
    said = {
        "number": str(entry.number),
        "session": entry.session,
        "operationId": entry.operation,
        "note": ",".join(entry.note),
    }
    return " ".join(f"{name}={value}" for name, value in said.items() if value)


def _request(entry: Entry, safe: Safe) -> harfile.Request:
    import harfile

    host = safe.request_headers.get("host", "localhost")
    query = f"?{safe.query}" if safe.query else ""
    sent = parse_qsl(safe.query, keep_blank_values=True, errors="replace")
    text, encoding = text_of(safe.request)
    return harfile.Request(
        method=entry.method,
        url=f"{entry.request.scheme}://{host}{entry.request.mount}{safe.path}{query}",
        httpVersion=_PROTOCOL,
        headers=_headers(safe.request_headers),
        queryString=[harfile.Record(name=name, value=value) for name, value in sent],
        # The format has an encoding for answers only.
        postData=harfile.PostData(
            mimeType=media_of(safe.request_headers), text=text, comment=encoding
        )
        if text
        else None,
        bodySize=entry.sizes[0],
    )


def _response(entry: Entry, safe: Safe) -> harfile.Response:
    import harfile

    # The body of an answer to HEAD is kept, but it was never sent.
    size = 0 if entry.method == "HEAD" else entry.sizes[1]
    text, encoding = text_of(safe.response) if size else ("", None)
    return harfile.Response(
        status=entry.status,
        statusText=_phrase(entry.status),
        httpVersion=_PROTOCOL,
        headers=_headers(safe.response_headers),
        content=harfile.Content(
            size=size,
            mimeType=media_of(safe.response_headers),
            text=text,
            encoding=encoding,
            comment="Only the start was kept." if entry.is_response_cut else None,
        ),
        redirectURL=next(
            (v for name, v in safe.response_headers.items() if name.lower() == "location"), ""
        ),
        bodySize=size,
    )


def text_of(content: Content) -> tuple[str, str | None]:
    """Return a body as a text, and "base64" where that is how it is written."""
    if content.encoding == "json":
        return orjson.dumps(content.value).decode(), None
    if content.encoding == "form":
        return urlencode(content.value, doseq=True), None
    return content.value or "", "base64" if content.encoding == "base64" else None


def _headers(headers: Mapping[str, str]) -> list[harfile.Record]:
    import harfile

    return [harfile.Record(name=name, value=value) for name, value in headers.items()]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _version() -> str:
    try:
        return version("waldur-mockserver")
    except PackageNotFoundError:
        return "unknown"
