"""Change what a response says: its status, its headers, the records in its body."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mockserver import renderer
from mockserver.exchange import Response
from mockserver.json_types import JSON
from mockserver.mutants.planting import Defect, Turn, answered_otherwise, refused

_JSON = {"Content-Type": "application/json"}


def parsed(response: Response) -> JSON:
    """Return the body; None when it is no JSON."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def with_body(response: Response, body: JSON) -> Response:
    """Return the response with another body."""
    return replace(response, body=renderer.encode(body))


def with_header(response: Response, name: str, value: str | None) -> Response:
    """Return the response with another value of a header; None removes it."""
    headers = {key: held for key, held in response.headers.items() if key.lower() != name.lower()}
    return replace(response, headers=headers if value is None else {**headers, name: value})


def said(status: int, body: JSON, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response made from nothing."""
    return Response(status, {**_JSON, **(headers or {})}, renderer.encode(body))


def crash(text: str = "Internal Server Error") -> Response:
    """Return what a broken server answers."""
    return said(500, {"detail": text})


def body(operation: str, change: Callable[[JSON, Turn], JSON], *, failed: bool = False) -> Defect:
    """Return the defect of an operation whose JSON bodies differ: of refusals, or of successes."""

    def changed(turn: Turn, response: Response) -> Response | None:
        found = parsed(response)
        return None if found is None else with_body(response, change(copy.deepcopy(found), turn))

    if failed:
        return answered_otherwise(operation, changed, of=refused)
    return answered_otherwise(operation, changed)


def rows_in(found: JSON, turn: Turn) -> list[Any]:
    """Return the records of a body: the list's, the envelope's, or the one it is."""
    if isinstance(found, list):
        return found
    envelope = turn.bound.conventions["paging"]["envelope"] if turn.bound else None
    inside = found.get(envelope["items"]) if envelope and isinstance(found, dict) else None
    return inside if isinstance(inside, list) else [found]


def records(operation: str, change: Callable[[dict[str, Any], Turn], None]) -> Defect:
    """Return the defect of an operation whose shown records differ, each by itself."""

    def changed(found: JSON, turn: Turn) -> JSON:
        for record in rows_in(found, turn):
            if isinstance(record, dict):
                change(record, turn)
        return found

    return body(operation, changed)


def rows(operation: str, change: Callable[[list[Any], Turn], list[Any]]) -> Defect:
    """Return the defect of a list whose pages hold other rows."""

    def changed(found: JSON, turn: Turn) -> JSON:
        held = rows_in(found, turn)
        held[:] = change(list(held), turn)
        return found

    return body(operation, changed)


def headers(operation: str, change: Callable[[dict[str, str], Turn], None]) -> Defect:
    """Return the defect of an operation whose successes have other headers."""

    def changed(turn: Turn, response: Response) -> Response:
        held = dict(response.headers)
        change(held, turn)
        return replace(response, headers=held)

    return answered_otherwise(operation, changed)


def properties(
    operation: str, name: str, change: Callable[[JSON], JSON], *, only: Callable[[JSON], bool]
) -> Defect:
    """Return the defect of an operation that shows other values of one property."""

    def changed(record: dict[str, Any], turn: Turn) -> None:
        if name in record and only(record[name]):
            record[name] = change(record[name])

    return records(operation, changed)
