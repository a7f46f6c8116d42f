"""Answer as the spec documents, without carrying anything out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import orjson

from mockserver import factory
from mockserver.compiler import resolve
from mockserver.drafts import Fake, plain
from mockserver.errors import Malformed, Rejection
from mockserver.exchange import Response
from mockserver.fault import Fault
from mockserver.imagination import Imagination
from mockserver.json_types import JSON
from mockserver.operation import Operation
from mockserver.preferences import Wishes

_PROBLEM: Final = "application/problem+json"
_NO_SAMPLE: Final = object()
_BODILESS: Final = frozenset(
    {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED}
)


@dataclass(frozen=True, slots=True)
class Scene:
    """
    What a sample is made for.

    `now` and `seed` are those of the session. `headers` are those that every answer of the
    path has, `url` is the address asked for, and `providers` are the words of the pack.
    """

    now: datetime
    seed: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    providers: tuple[Any, ...] = ()


def answer(
    document: Mapping[str, Any], operation: Operation, wishes: Wishes, scene: Scene
) -> Response:
    """
    Return a documented answer of an operation; Malformed when there is none like that.

    The body is the example that was named, else the first one, else made from the schema;
    with `dynamic` it is made from the schema, and varies with the seed.
    """
    documented = _documented(document, operation)
    status = wishes.code or operation.success.status
    declared = _of_status(documented, status)
    if declared is None:
        known = ", ".join(sorted(documented))
        text = f"{operation.id} documents no answer of status {status}; it documents {known}."
        raise Malformed(text)
    return _Sample(document, operation, status, wishes, scene).response(declared)


def refusal(
    document: Mapping[str, Any], operation: Operation | None, fault: Fault, scene: Scene
) -> Response | None:
    """Return the answer that is documented for the status of a fault, or None; see Simulated."""
    documented = _documented(document, operation) if operation is not None else {}
    declared = _of_status(documented, fault.status)
    if operation is not None and declared is not None:
        made = _Sample(document, operation, fault.status, Wishes(), scene).response(declared)
        return Response(made.status, {**made.headers, **fault_headers(fault)}, made.body)
    return Response(fault.status, scene.headers) if fault.status in _BODILESS else None


def fault_headers(fault: Fault) -> dict[str, str]:
    """Return what the answer of a fault says beside its body."""
    return {"Retry-After": str(fault.retry_after)} if fault.kind == "rate_limit" else {}


class Simulated(Rejection):
    """A refusal that is nobody's mistake: a dialect words what the spec does not document."""

    def __init__(self, fault: Fault) -> None:
        self.status = fault.status  # type: ignore[misc]  # of this one, not of its class
        self.detail = f"{_phrase(fault.status)}: a simulated fault."
        super().__init__(self.detail)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One answer in the making."""

    document: Mapping[str, Any]
    operation: Operation
    status: int
    wishes: Wishes
    scene: Scene

    def response(self, declared: Mapping[str, Any]) -> Response:
        content = declared.get("content") or {}
        if not content:
            if self.wishes.example:
                raise Malformed(self._no_such_example(()))
            return Response(self.status, {**self.scene.headers, **self._headers(declared, None)})
        media = next(iter(content))
        body = self._body(content[media] or {}, media)
        headers = {**self.scene.headers, **self._headers(declared, body)}
        return Response(self.status, {**headers, "Content-Type": media}, _encoded(body, media))

    def _body(self, entry: Mapping[str, Any], media: str) -> JSON:
        examples = _examples(self.document, entry)
        if self.wishes.example:
            if self.wishes.example not in examples:
                raise Malformed(self._no_such_example(examples))
            return examples[self.wishes.example]
        if not self.wishes.dynamic:
            found = next(iter(examples.values()), entry.get("example", _NO_SAMPLE))
            if found is not _NO_SAMPLE:
                return found
        schema = entry.get("schema")
        if schema is None:
            return {} if _is_json(media) else ""
        body = self._imagination("body").make(schema)
        return self._consistent(body, media) if isinstance(body, dict) else body

    def _consistent(self, body: Mapping[str, JSON], media: str) -> JSON:
        """Return a body that does not contradict the status it is sent with."""
        known: dict[str, JSON] = {}
        if media == _PROBLEM:
            title = _phrase(self.status)
            known = {"type": "about:blank", "title": title, "status": self.status}
        if self.status >= 400 and isinstance(body.get("detail"), str):
            known["detail"] = f"{_phrase(self.status)}."
        return {name: known.get(name, value) for name, value in body.items()}

    def _no_such_example(self, examples: Iterable[str]) -> str:
        known = ", ".join(sorted(examples)) or "none"
        where = f"{self.operation.id} for status {self.status}"
        return f"There is no example {self.wishes.example[:80]!r} of {where}; there is: {known}."

    def _headers(self, declared: Mapping[str, Any], body: JSON) -> dict[str, str]:
        """Return the documented headers that the server does not set of itself."""
        set_anyway = {name.lower() for name in self.scene.headers} | {"content-type"}
        found = {}
        for name, raw in (declared.get("headers") or {}).items():
            if name.lower() not in set_anyway:
                found[name] = _header_text(self._header(name, resolve(self.document, raw), body))
        return found

    def _header(self, name: str, declared: Mapping[str, Any], body: JSON) -> JSON:
        examples = _examples(self.document, declared)
        given = next(iter(examples.values()), declared.get("example", _NO_SAMPLE))
        if given is not _NO_SAMPLE:
            return given
        paging = (self.document.get("x-mock") or {}).get("paging") or {}
        named = {spelled: part for part, spelled in (paging.get("headers") or {}).items()}
        if named.get(name) == "total" and isinstance(body, list):
            return len(body)
        if named.get(name) == "links" and self.scene.url:
            return ", ".join(f'<{self.scene.url}>; rel="{rel}"' for rel in ("first", "last"))
        return self._imagination(f"header/{name}").make(declared.get("schema") or {})

    def _imagination(self, part: str) -> Imagination:
        """Return what makes a part of the answer, with chance of its own."""
        seed = self.scene.seed if self.wishes.dynamic else 0
        fake = _fake(self.scene.providers)
        fake.random.seed(f"{seed}/{self.operation.id}/{self.status}/{part}")
        return Imagination(
            self.document,
            fake,
            _midnight(self.scene.now if self.wishes.dynamic else _STILL),
            is_lively=self.wishes.dynamic,
            resource=self.operation.resource,
        )


#: What is today in an answer that stays the same.
_STILL: Final = datetime(2026, 1, 15, tzinfo=UTC)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(maxsize=8)
def _fake(providers: tuple[Any, ...]) -> Fake:
    # Reading the word lists of a locale takes many milliseconds.
    return factory.faker(providers)


def _documented(document: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """Return what the spec says of each status, which may be `4XX` or `default`."""
    responses = document["paths"][operation.path][operation.method.lower()].get("responses") or {}
    return {str(status): resolve(document, declared) for status, declared in responses.items()}


def _of_status(documented: Mapping[str, Any], status: int) -> Mapping[str, Any] | None:
    for name in (str(status), f"{status // 100}XX", "default"):
        if name in documented:
            found: Mapping[str, Any] = documented[name]
            return found
    return None


def _examples(document: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, JSON]:
    """Return the examples of a media type or a header that have a value, by name."""
    found = {}
    for name, raw in (entry.get("examples") or {}).items():
        example = resolve(document, raw)
        if "value" in example:
            found[str(name)] = plain(example["value"])
    return found


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _is_json(media: str) -> bool:
    bare = media.partition(";")[0].strip().lower()
    return bare == "application/json" or bare.endswith("+json")


def _encoded(body: JSON, media: str) -> bytes:
    if isinstance(body, str) and not _is_json(media):
        return body.encode()
    try:
        return orjson.dumps(body)
    except TypeError:
        # Integers beyond 64 bits are fine JSON, but not for orjson.
        return json.dumps(body, ensure_ascii=False).encode()


def _header_text(value: JSON) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_header_text(item) for item in value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(c for c in text if c.isprintable())
