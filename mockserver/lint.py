"""Hold a document against the rules of OpenAPI's shape and of our extensions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import jsonschema_rs

from mockserver import data, shape
from mockserver.errors import SpecError
from mockserver.loader import Node, where

KNOWN: Final = (
    "x-mock",
    "x-resource",
    "x-from",
    "x-action",
    "x-permission",
    "x-effect",
    "x-filter",
    "x-order",
    "x-normalize",
    "x-faker",
)

_MANUAL: Final = "docs/reference/extensions.md"


def lint(document: Node) -> Iterator[SpecError]:
    """Yield every mistake that shows without compiling."""
    yield from _shape(document)
    is_ours = "x-mock" in document
    for node, key, value in _extensions(document):
        if key in KNOWN:
            yield from _against_schema(key, value, where(node, key))
        elif is_ours:
            text = f"unknown extension {key}; we know {', '.join(KNOWN)}"
            yield SpecError(where(node, key), text)
    yield from _references(document, document)


def _shape(document: Node) -> Iterator[SpecError]:
    version = str(document.get("openapi", ""))
    if not version.startswith("3."):
        found = f"openapi: {version!r}" if version else "no `openapi` key"
        yield SpecError(where(document), f"is not OpenAPI 3 ({found}); 3.1 is what we read")
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        yield SpecError(where(document), "describes no paths; there is nothing to serve")
    yield from shape.check(document)


def _extensions(node: Any) -> Iterator[tuple[Node, str, Any]]:
    """Yield every `x-` key where OpenAPI allows one; not the names of properties."""
    if isinstance(node, list):
        for item in node:
            yield from _extensions(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("properties", "patternProperties", "$defs") and isinstance(value, dict):
                for schema in value.values():
                    yield from _extensions(schema)
            elif key.startswith("x-"):
                yield node if isinstance(node, Node) else Node(node), key, value
            elif key not in ("example", "examples", "default", "enum", "const"):
                yield from _extensions(value)


def _against_schema(key: str, value: Any, place: str) -> Iterator[SpecError]:
    validator = _validator(key)
    if validator is None:
        return
    for found in validator.iter_errors(shape.plain(value)):
        error = _closest(found)
        path = list(error.instance_path)
        name = ".".join([key, *(str(step) for step in path)])
        text = f"{name}: {shape.short(error.message)}; {_MANUAL} says what may stand there"
        yield SpecError(shape.place(value, path, place), text)


def _closest(error: Any) -> Any:
    """Return the complaint of the alternative that came nearest to what was written."""
    branches = getattr(error.kind, "context", None) or ()
    deepest = [max(b, key=lambda e: len(e.instance_path)) for b in branches if b]
    nearest = max(deepest, key=lambda e: len(e.instance_path), default=None)
    if nearest is None or len(nearest.instance_path) <= len(error.instance_path):
        return error
    return _closest(nearest)


@cache
def _validator(key: str) -> Any:
    rules = json.loads((data.root() / "spec" / "extensions.schema.json").read_text("utf-8"))
    if key not in rules.get("$defs", {}):
        return None
    return jsonschema_rs.validator_for({"$defs": rules["$defs"], "$ref": f"#/$defs/{key}"})


def _references(node: Any, document: Mapping[str, Any]) -> Iterator[SpecError]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item, document)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            complaint = _complaint(reference, document)
            if complaint:
                yield SpecError(where(node, "$ref"), f"$ref {reference!r} {complaint}")
        for key, value in node.items():
            if not key.startswith("x-") and key not in ("example", "examples", "default", "enum"):
                yield from _references(value, document)


def _complaint(reference: str, document: Mapping[str, Any]) -> str:
    """Return what is wrong with a reference, or nothing."""
    seen: set[str] = set()
    while True:
        if reference in seen:
            return "leads only back to itself; break the circle"
        seen.add(reference)
        target: Any = document
        for step in reference.partition("#")[2].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or name not in target:
                return f"leads nowhere: there is no {name!r}"
            target = target[name]
        if not isinstance(target, dict) or not isinstance(target.get("$ref"), str):
            return ""
        reference = target["$ref"]
