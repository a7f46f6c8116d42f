"""Guess, from the shape of a plain OpenAPI document, what its operations are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from mockserver.compiler import DEFAULTS, METHODS, resolve
from mockserver.loader import Node, where
from mockserver.operation import Answer, Body, Operation, Parameter, Spec, Verb, types_of

_BY_METHOD: Final[Mapping[str, Verb]] = {
    "put": "update", "patch": "partial_update", "delete": "destroy",
}  # fmt: skip


def is_annotated(document: Mapping[str, Any]) -> bool:
    """Tell whether any operation says what it does."""
    items = (document.get("paths") or {}).values()
    return any(
        "x-action" in operation
        for item in items
        if isinstance(item, Mapping)
        for method, operation in item.items()
        if method in METHODS and isinstance(operation, Mapping)
    )


def infer(document: Node) -> tuple[Spec, tuple[str, ...]]:
    """Return a spec without resources, and sentences about what was guessed or left out."""
    operations: list[Operation] = []
    notes = [
        "no x-mock: pages, filters, ordering and fieldsets mean nothing that could be tested",
        "no x-resource: records cannot be created, followed and deleted knowingly",
    ]
    for path, raw in (document.get("paths") or {}).items():
        item = resolve(document, raw)
        methods = [
            m for m in METHODS if isinstance(item, Mapping) and isinstance(item.get(m), Mapping)
        ]
        operations += [_operation(document, path, method, item) for method in methods]
    conventions = {
        **DEFAULTS,
        "paging": {**DEFAULTS["paging"], "number": None, "size": None},
        "ordering": {**DEFAULTS["ordering"], "parameter": None},
    }
    return Spec(document, conventions, {}, tuple(operations)), tuple(notes)


def _operation(
    document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]
) -> Operation:
    node = item[method]
    raw = [resolve(document, p) for p in [*item.get("parameters", ()), *node.get("parameters", ())]]
    parameters = {(p["name"], p["in"]): _parameter(document, p) for p in raw if "name" in p}
    answers = _answers(document, node)
    security = node.get("security", document.get("security")) or []
    declared = resolve(document, node.get("requestBody"))
    body = None
    if declared:
        schemas = {m: e.get("schema") or {} for m, e in (declared.get("content") or {}).items()}
        body = Body(schemas, bool(declared.get("required")))
    return Operation(
        id=node.get("operationId") or _name(method, path),
        method=method.upper(),
        path=path,
        tags=tuple(node.get("tags") or ()),
        summary=node.get("summary", ""),
        verb=_verb(document, path, method, answers),
        resource="",
        conditions={},
        visible="",
        order=(),
        is_paged=False,
        parameters=tuple(parameters.values()),
        nesting=None,
        ordering=None,
        has_fieldset=False,
        permission=None,
        effect=None,
        body=body,
        answers=answers,
        is_public=not security or {} in security,
        is_secured=bool(security),
        where=where(node),
    )


def _name(method: str, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", path)
    return "_".join([method, *words]).lower()


def _verb(
    document: Mapping[str, Any], path: str, method: str, answers: Mapping[int, Answer]
) -> Verb:
    is_item = path.rstrip("/").endswith("}")
    if method in ("get", "head"):
        good = min((s for s in answers if 200 <= s < 300), default=None)
        schema = resolve(document, (answers[good].schema or {}) if good is not None else {})
        if "array" in types_of(schema):
            return "list"
        return "retrieve" if is_item else "report"
    if is_item and method in _BY_METHOD:
        return _BY_METHOD[method]
    if method == "post" and not is_item and "{" not in path:
        return "create"
    return "action"


def _parameter(document: Mapping[str, Any], node: Mapping[str, Any]) -> Parameter:
    schema = resolve(document, node.get("schema") or {})
    return Parameter(
        name=node["name"],
        place=node["in"],
        schema=schema,
        is_required=bool(node.get("required")),
        where=where(node),
    )


def _answers(document: Mapping[str, Any], node: Mapping[str, Any]) -> dict[int, Answer]:
    answers: dict[int, Answer] = {}
    for status, declared in (node.get("responses") or {}).items():
        response = resolve(document, declared)
        for number in _numbers(str(status)):
            content = response.get("content") or {}
            media = next(iter(content), "application/json")
            schema = (content[media] or {}).get("schema") if content else None
            headers = frozenset(response.get("headers") or {})
            answers.setdefault(number, Answer(number, schema, headers, media))
    return answers or {200: Answer(200, None, frozenset())}


def _numbers(status: str) -> range | list[int]:
    if status.isdigit():
        return [int(status)]
    if re.fullmatch(r"[1-5]XX", status.upper()):
        start = int(status[0]) * 100
        return range(start, start + 100)
    return []
