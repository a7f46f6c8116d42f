"""Read the bytes of a body as what they are, for somebody to look at."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import multipart
import orjson

from mockserver.json_types import JSON

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Content:
    """
    A body that can be read: `encoding` says as what.

    "json" is a JSON value, "form" a table of fields, "text" and "base64" are texts,
    and "" is no body, with None for a value.
    """

    value: JSON = None
    encoding: str = ""


def media_of(headers: Mapping[str, str]) -> str:
    """Return the content type with its parameters; "" when there is none."""
    found = (value for name, value in headers.items() if name.lower() == "content-type")
    return next(found, "")


def decode(media: str, body: bytes) -> Content:
    """Return a body as what it is, also when only its start is there; never raises."""
    if not body:
        return Content()
    kind = media.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(media, body)
    text = _text(kind, body)
    if text is None:
        return Content(base64.b64encode(body).decode("ascii"), "base64")
    if kind == _FORM:
        return Content(_table(parse_qsl(text, keep_blank_values=True, errors="replace")), "form")
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        return _json(text)
    return Content(text, "text")


def _text(kind: str, body: bytes) -> str | None:
    """Return a body as a text; None when it is no text, and does not say that it is."""
    if kind == _FORM or kind.startswith("text/") or "json" in kind or "xml" in kind:
        return body.decode(errors="replace")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        # The last character of a body that was cut may be cut, too.
        return body[: error.start].decode() if error.start > len(body) - 4 else None


def _json(text: str) -> Content:
    try:
        return Content(orjson.loads(text), "json")
    except orjson.JSONDecodeError:
        return Content(text, "text")


def _multipart(media: str, body: bytes) -> Content:
    boundary = multipart.parse_options_header(media)[1].get("boundary", "")
    try:
        parser = multipart.MultipartParser(
            io.BytesIO(body), boundary, content_length=len(body), strict=False
        )
        return Content(_table([(part.name, _part(part)) for part in parser.parts()]), "form")
    except (multipart.MultipartError, ValueError):
        # It may hold anything at any place, a password too.
        return Content(f"[{len(body)} bytes of a form that cannot be read]", "text")


def _part(part: Any) -> JSON:
    if part.filename is None:
        return part.raw.decode(errors="replace")
    size = len(part.raw)
    return {"filename": part.filename, "content_type": part.content_type, "size": size}


def _table(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """Return the fields of a form; what is sent several times is a list."""
    found: dict[str, list[JSON]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: sent[0] if len(sent) == 1 else sent for name, sent in found.items()}
