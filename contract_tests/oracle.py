"""Hold every answer against the description: status, media type, headers, body."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from contract_tests.fuzzing.closing import closed
from contract_tests.relations import show
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT, Received
from mockserver.compiler import resolve
from mockserver.operation import Answer, Operation, types_of

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE
)
_LEAKS: Final = re.compile(
    r"Traceback \(most recent call last\)|\bat [\w$.<>]+\([\w]+\.java:\d+\)"
    r"|File \"/[^\"]+\", line \d+|\bgoroutine \d+ \[|\.(?:php|rb|cs):\d+\b.*\bin\b"
)
_EMPTY: Final = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class Flaw:
    """One way an answer breaks the description; `shape` has no values in it."""

    rule: str
    about: str
    expected: str
    actual: str
    shape: str


class Oracle:
    """Judge answers; each schema is compiled once, on first use. `slow` is in seconds."""

    def __init__(self, subject: Subject, *, slow: float = 5.0) -> None:
        self._subject = subject
        self.slow = slow
        self._validators: dict[tuple[str, int, bool], Any] = {}
        self._headers: dict[tuple[str, int], Mapping[str, Any]] = {}

    def judge(
        self,
        operation: Operation,
        received: Received,
        *,
        method: str = "",
        is_cut: bool = False,
    ) -> list[Flaw]:
        """Return what is wrong with an answer; `is_cut` when a fieldset was asked for."""
        is_head = method == "HEAD"
        flaws = [*_leaks(received), *self._lateness(received)]
        answer = operation.answers.get(received.status)
        if answer is None and received.status >= 500:
            told = " ".join(received.body[:120].decode("utf-8", "replace").split())
            return [Flaw("A1", "", "an answer", f"{received.status} {told}", "5xx"), *flaws]
        if answer is None and _is_default(self._subject, operation):
            return flaws
        if answer is None:
            known = ", ".join(map(str, sorted(operation.answers)))
            shape = f"status {received.status}"
            return [Flaw("A2", "", f"one of {known}", str(received.status), shape), *flaws]
        flaws += [*self._media(answer, received, is_head=is_head)]
        flaws += self._header_flaws(operation, received)
        if not is_head and not flaws and answer.schema is not None:
            flaws += self._body(operation, answer, received, is_cut=is_cut)
        return flaws

    def _lateness(self, received: Received) -> Iterator[Flaw]:
        if self.slow and received.seconds > self.slow:
            yield Flaw("A9", "", f"{self.slow:g} s at most", f"{received.seconds:.1f} s", "late")

    def _media(self, answer: Answer, received: Received, *, is_head: bool) -> Iterator[Flaw]:
        if answer.schema is None:
            # Plain documents often leave out what they do not care to describe.
            is_said = self._subject.is_annotated and 200 <= received.status < 300
            if received.body and (is_said or received.status in _EMPTY):
                rule = "A7" if received.status in _EMPTY else "A5"
                told = show(received.body.decode("utf-8", "replace"))
                yield Flaw(rule, "", "no body", told, "body")
            return
        if not received.body and not is_head:
            yield Flaw("A3", "", answer.media_type, "an empty answer", "empty")
        elif received.media_type != answer.media_type and (received.media_type or not is_head):
            actual = received.media_type or "no content type"
            yield Flaw("A3", "", answer.media_type, actual, "media type")

    def _header_flaws(self, operation: Operation, received: Received) -> Iterator[Flaw]:
        for name, (is_required, validator, kind) in self._declared(
            operation, received.status
        ).items():
            value = received.headers.get(name.lower())
            if value is None:
                if is_required:
                    yield Flaw("A6", name, f"header {name}", "no such header", "missing")
                continue
            if validator is not None and not validator.is_valid(_typed(value, kind)):
                yield Flaw("A6", name, f"{name} as described", show(value), "type")

    def _declared(self, operation: Operation, status: int) -> Mapping[str, Any]:
        key = (operation.id, status)
        if key not in self._headers:
            node = _response_node(self._subject, operation, status)
            found = {}
            for name, declared in (node.get("headers") or {}).items():
                header = self._subject.resolve(declared)
                schema = self._subject.resolve(header.get("schema") or {})
                found[name] = (
                    bool(header.get("required")),
                    self._compile(schema),
                    types_of(schema),
                )
            self._headers[key] = found
        return self._headers[key]

    def _body(
        self, operation: Operation, answer: Answer, received: Received, *, is_cut: bool
    ) -> Iterator[Flaw]:
        data = received.json()
        if data is ABSENT:
            yield Flaw("A4", "", "JSON", show(received.body.decode("utf-8", "replace")), "no JSON")
            return
        closed = self._body_rules(operation, answer, is_cut=is_cut)
        seen = set()
        for error in closed.iter_errors(data):
            path = [str(step) for step in error.instance_path]
            pointer = "".join(f"/{step}" for step in path)
            about = next((step for step in path if not step.isdigit()), "")
            keyword = str(list(error.schema_path)[-1]) if list(error.schema_path) else ""
            rule = "A5" if keyword in ("unevaluatedProperties", "additionalProperties") else "A4"
            shape = f"{keyword} at {'/'.join('*' if s.isdigit() else s for s in path)}"
            if keyword in ("required", "unevaluatedProperties", "additionalProperties"):
                about = _quoted(error.message) or about
                shape = f"{keyword} {about}"
            if shape in seen:
                continue
            seen.add(shape)
            text = error.message if len(error.message) < 240 else f"{error.message[:239]}…"
            yield Flaw(rule, about, f"{pointer or 'the body'} as described", text, shape)

    def _body_rules(self, operation: Operation, answer: Answer, *, is_cut: bool) -> Any:
        key = (operation.id, answer.status, is_cut)
        if key not in self._validators:
            schema: Any = answer.schema
            # Only successes have a cut alternative; a refusal may really be one of several things.
            if not is_cut and 200 <= answer.status < 300:
                items = self._subject.conventions["paging"].get("envelope") or {}
                schema = complete(self._subject, schema, str(items.get("items", "")))
            self._validators[key] = self._compile(closed(schema, self._subject.document))
        found: Any = self._validators[key]
        return found

    def _compile(self, schema: Any) -> Any:
        components = self._subject.document.get("components", {})
        try:
            return jsonschema_rs.Draft202012Validator(
                plain(
                    {"components": {"schemas": components.get("schemas", {})}, "allOf": [schema]}
                ),
                validate_formats=True,
                formats={"uuid": is_uuid, "decimal": _is_text},
            )
        except (ValueError, TypeError):
            return jsonschema_rs.Draft202012Validator({})


def complete(subject: Subject, schema: Any, enveloped: str = "") -> Any:
    """Return the schema of an answer that no fieldset has cut (docs/adr/0004)."""
    schema = subject.resolve(schema)
    if "anyOf" in schema and "type" not in schema:
        return schema["anyOf"][0]
    items = schema.get("items")
    if isinstance(items, Mapping) and "anyOf" in items and "type" not in items:
        return {**schema, "items": items["anyOf"][0]}
    members = schema.get("properties") or {}
    if enveloped and enveloped in members:
        return {
            **schema,
            "properties": {**members, enveloped: complete(subject, members[enveloped])},
        }
    return schema


def plain(value: Any) -> Any:
    """Return a document as plain dicts and lists, without what only we understand."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items() if not str(k).startswith("x-")}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def is_uuid(value: Any) -> bool:
    """Tell whether a text is a uuid, with dashes or without."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _typed(value: str, types: tuple[str, ...]) -> Any:
    if "integer" in types or "number" in types:
        try:
            return int(value) if "integer" in types else float(value)
        except ValueError:
            return value
    if "boolean" in types:
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _quoted(message: str) -> str:
    found = re.search(r"[\"']([^\"']{1,80})[\"']", message)
    return found[1] if found else ""


def _leaks(received: Received) -> list[Flaw]:
    if received.status < 400:
        # A record may have a traceback as its data; a refusal or a crash has none to show.
        return []
    text = received.body[:200_000].decode("utf-8", "replace")
    if found := _LEAKS.search(text):
        return [Flaw("A8", "", "nothing of the inside", show(found[0]), "internals")]
    return []


def _is_default(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation describes every other status with `default`."""
    item = resolve(subject.document, subject.document["paths"][operation.path])
    return "default" in (item[operation.method.lower()].get("responses") or {})


def _response_node(subject: Subject, operation: Operation, status: int) -> Mapping[str, Any]:
    item = resolve(subject.document, subject.document["paths"][operation.path])
    node = item[operation.method.lower()].get("responses") or {}
    declared = node.get(str(status), node.get(status, node.get(f"{status // 100}XX")))
    found: Mapping[str, Any] = subject.resolve(declared) if declared else {}
    return found
