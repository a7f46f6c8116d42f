"""Read OpenAPI 3.0 as the 3.1 it would be."""

from __future__ import annotations

from typing import Any

from mockserver.loader import DATA_KEYS, Node


def to_3_1(document: Node) -> Node:
    """
    Return the document with the schema words of 3.1; one that is 3.1 comes back as it is.

    `nullable` becomes the type null, and the flags `exclusiveMinimum` and
    `exclusiveMaximum` become the bounds themselves.
    """
    if not str(document.get("openapi", "")).startswith("3.0"):
        return document
    upgraded: Node = _walk(document)
    upgraded["openapi"] = "3.1.0"
    return upgraded


def _walk(node: Any) -> Any:
    if isinstance(node, list):
        return [_walk(item) for item in node]
    if not isinstance(node, dict):
        return node
    shown = {
        key: value if key in DATA_KEYS or key.startswith("x-") else _walk(value)
        for key, value in node.items()
    }
    found = _bounds(_nullable(shown))
    if isinstance(node, Node):
        return Node(found, where=node.where, lines=node.lines)
    return found


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(schema.get("nullable"), bool):
        return schema
    rest = {key: value for key, value in schema.items() if key != "nullable"}
    if not schema["nullable"]:
        return rest
    if isinstance(rest.get("type"), str):
        enum = {"enum": [*rest["enum"], None]} if None not in rest.get("enum", [None]) else {}
        return {**rest, "type": [rest["type"], "null"], **enum}
    inner = {key: rest.pop(key) for key in ("allOf", "anyOf", "oneOf", "$ref") if key in rest}
    return {**rest, "anyOf": [inner, {"type": "null"}]} if inner else rest


def _bounds(schema: dict[str, Any]) -> dict[str, Any]:
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = schema.get(word)
        if isinstance(flag, bool):
            schema = {key: value for key, value in schema.items() if key != word}
            if flag and bound in schema:
                schema[word] = schema.pop(bound)
    return schema
