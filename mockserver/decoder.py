"""Turn the bytes of a request body into JSON or a form, or reject them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from email.message import Message
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import multipart
import orjson

from mockserver.actions import Bound, Scope
from mockserver.bodies import BodyReader
from mockserver.errors import Malformed, UnsupportedMedia
from mockserver.exchange import MAX_PARAMETERS, Request
from mockserver.json_types import JSON
from mockserver.uploads import Form, Upload

_LONG_INTEGER: Final = re.compile(rb"[0-9]{19}")
JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
MULTIPART_TYPE: Final = "multipart/form-data"


def read_body(bound: Bound, request: Request, scope: Scope) -> dict[str, JSON]:
    """Return the validated body of a request; an empty one counts as `{}`."""
    readers: Mapping[str, BodyReader] = bound.readers
    if not request.body:
        reader = readers.get(JSON_TYPE) or next(iter(readers.values()))
        return reader.read({}, scope)
    header = request.headers.get("content-type", "")
    media_type, parameters = _content_type(header)
    found = readers.get(media_type)
    if found is None:
        raise UnsupportedMedia(header)
    if media_type == FORM_TYPE:
        return found.read(_form(request.body), scope)
    if media_type == MULTIPART_TYPE:
        return found.read(_multipart(request.body, parameters.get("boundary", "")), scope)
    return found.read(_json(request.body), scope)


@lru_cache(maxsize=256)
def _content_type(header: str) -> tuple[str, Mapping[str, str]]:
    message = Message()
    message["content-type"] = header
    parameters = message.get_params(failobj=[]) or []
    return header.partition(";")[0].strip().lower(), dict(parameters[1:])


def _json(content: bytes) -> JSON:
    if _LONG_INTEGER.search(content):
        # orjson reads integers beyond 64 bits as floats; their digits matter to us.
        return _json_slowly(content)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return _json_slowly(content)


def _json_slowly(content: bytes) -> JSON:
    """Parse what orjson refuses, for the sake of the standard parser's messages."""
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Malformed(f"JSON parse error - {error}") from None
    except RecursionError:
        raise Malformed("JSON parse error - nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"JSON parse error - {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def _form(content: bytes) -> Form:
    try:
        pairs = parse_qsl(
            content.decode(errors="replace"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise Malformed(f"Too many form fields: {MAX_PARAMETERS} at most.") from None
    fields: dict[str, list[Any]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


def _multipart(content: bytes, boundary: str) -> Form:
    if not boundary:
        raise Malformed("Multipart form parse error - Invalid boundary in multipart: None")
    fields: dict[str, list[Any]] = {}
    try:
        parser = multipart.MultipartParser(
            io.BytesIO(content), boundary, content_length=len(content), strict=False
        )
        for part in parser.parts():
            fields.setdefault(part.name, []).append(_part(part))
    except (multipart.MultipartError, ValueError) as error:
        raise Malformed(f"Multipart form parse error - {error}") from None
    return Form(fields)


def _part(part: Any) -> Any:
    if part.filename is None:
        return part.raw.decode(errors="replace")
    return Upload(part.filename, part.content_type or "application/octet-stream", part.raw)
