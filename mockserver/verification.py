"""Show what was asked and answered, and hold it against the description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mockserver import archive, nearness
from mockserver.actions import Bound
from mockserver.api import Api
from mockserver.contents import Content
from mockserver.errors import Malformed, ResponseDefect
from mockserver.journal import Entry
from mockserver.json_types import JSON, Key
from mockserver.matching import Matcher
from mockserver.operation import Operation
from mockserver.redaction import Redactor
from mockserver.renderer import Judge
from mockserver.values import write_instant

__all__ = ["Lens", "Matcher", "har", "near_misses", "shown", "violations"]

#: With these an API says that a request breaks its description.
_REJECTED: Final = frozenset({400, 415, 422})
_MOST: Final = 20
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Lens:
    """
    What is needed to look at exchanges: made when somebody looks, and kept for the next.

    `personas` are the names of callers by the key of their record.
    """

    api: Api
    judge: Judge = field(repr=False)
    redactor: Redactor = field(repr=False)
    personas: Mapping[Key, str] = field(default_factory=dict)

    @classmethod
    def on(
        cls, api: Api, personas: Mapping[Key, str] | None = None, judge: Judge | None = None
    ) -> Lens:
        """Return the lens for an API; with the judge of an application, schemas compile once."""
        document = api.spec.document
        return cls(api, judge or Judge(document), Redactor.of(document), personas or {})

    def with_personas(self, personas: Mapping[Key, str]) -> Lens:
        """Return the lens for another session of the same API."""
        return replace(self, personas=personas)


def shown(lens: Lens, entry: Entry, *, detail: bool = False) -> dict[str, JSON]:
    """Return an exchange as JSON; `detail` adds headers and bodies."""
    path, query = lens.redactor.line(entry.request)
    row: dict[str, JSON] = {
        "number": entry.number,
        "session": entry.session,
        "at": write_instant(entry.at),
        "method": entry.method,
        "path": path,
        "query": query,
        "operation": entry.operation or None,
        "persona": None if entry.user is None else lens.personas.get(entry.user),
        "user": entry.user,
        "status": entry.status,
        "milliseconds": round(entry.seconds * 1000, 3),
        "notes": list(entry.note),
        "wrote": entry.wrote,
        "violations": violations(lens, entry),
    }
    if not detail:
        return row
    safe = lens.redactor.safe(entry.request, entry.response)
    is_sent = entry.method != "HEAD"
    return {
        **row,
        "path": safe.path,
        "query": safe.query,
        "request": {
            "headers": dict(safe.request_headers),
            **_body(safe.request, entry.sizes[0], entry.is_request_cut),
        },
        "response": {
            "headers": dict(safe.response_headers),
            **_body(
                safe.response if is_sent else Content(),
                entry.sizes[1] if is_sent else 0,
                is_sent and entry.is_response_cut,
            ),
        },
    }


def violations(lens: Lens, entry: Entry) -> list[str]:
    """Return what is wrong with a request or its answer by the description, in sentences."""
    found = list(_complaints(lens, entry))
    is_rejected = bool(entry.operation) and entry.status in _REJECTED
    if not found and not is_rejected:
        return found
    safe = lens.redactor.safe(entry.request, entry.response)
    reasons = _reasons(safe.response) if is_rejected else ()
    return [
        *(_clipped(lens.redactor.text(safe, text)) for text in found),
        *(_clipped(f"rejected: {reason}") for reason in reasons),
    ]


def near_misses(api: Api, entry: Entry) -> list[dict[str, str]]:
    """Return the operations that an unmatched request may have meant, the nearest first."""
    if not entry.is_unmatched:
        return []
    # A sentence tells the path, and somebody may have put his token there.
    path, _ = Redactor().line(entry.request)
    found = nearness.near_misses(api.spec.operations, entry.method, path)
    return [
        {"operation": m.operation, "method": m.method, "path": m.path, "difference": m.difference}
        for m in found
    ]


def har(lens: Lens, entries: Iterable[Entry]) -> dict[str, Any]:
    """Return an HTTP archive (HAR 1.2) without credentials."""
    return archive.har(entries, lens.redactor)


def _body(content: Content, size: int, is_cut: bool) -> dict[str, JSON]:
    return {
        "body": content.value,
        "encoding": content.encoding or None,
        "size": size,
        "is_cut": is_cut,
    }


def _complaints(lens: Lens, entry: Entry) -> Iterator[str]:
    bound = lens.api.operations.get(entry.operation)
    if bound is None:
        if entry.is_unmatched:
            yield f"no operation answers {entry.method} {entry.path}"
        elif entry.operation:
            yield f"operation {entry.operation} is no longer described"
        return
    yield from _undocumented(bound.operation, entry)
    yield from _defects(lens, bound, entry)


def _undocumented(operation: Operation, entry: Entry) -> Iterator[str]:
    known = {p.name for p in operation.parameters if p.place == "query"}
    unknown = [name for name in _parameters(entry) if name not in known]
    for name in unknown[:_MOST]:
        yield f"query parameter {name} is not documented for {operation.id}"
    if len(unknown) > _MOST:
        yield f"{len(unknown) - _MOST} more query parameters are not documented"


def _defects(lens: Lens, bound: Bound, entry: Entry) -> Iterator[str]:
    operation, response = bound.operation, entry.response
    if entry.is_response_cut and response.status in operation.answers:
        return
    name = bound.conventions["fieldset"]["parameter"]
    has_fieldset = operation.has_fieldset and name in _parameters(entry)
    try:
        lens.judge.check(operation, response, has_fieldset=has_fieldset)
    except ResponseDefect as defect:
        yield str(defect)
    except ValueError:
        if "json" in operation.answers[response.status].media_type:
            yield f"{operation.id}: the answer says that it is JSON, and is not"


def _parameters(entry: Entry) -> Mapping[str, list[str]]:
    try:
        return entry.request.parameters()
    except Malformed:
        # The answer says so.
        return {}


def _reasons(answer: Content) -> Iterator[str]:
    """Yield what an answer complains of, in either dialect."""
    body = answer.value
    if isinstance(body, Mapping) and isinstance(body.get("errors"), list):
        for error in body["errors"]:
            if isinstance(error, Mapping):
                yield f"{error.get('pointer', '')}: {error.get('detail', '')}"
    elif isinstance(body, Mapping) and isinstance(body.get("detail"), str):
        yield body["detail"]
    else:
        yield from _flat(body, "")


def _flat(value: JSON, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _flat(item, place)
    elif value is not None:
        yield f"{place}: {value}" if place else str(value)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
