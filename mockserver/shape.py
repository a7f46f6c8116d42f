"""Hold the OpenAPI part of a document against the shape the compiler relies on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import jsonschema_rs

from mockserver.errors import SpecError
from mockserver.loader import Node, where

_Rule: TypeAlias = "dict[str, Any]"


def _map(rule: _Rule) -> _Rule:
    return {"type": "object", "additionalProperties": rule}


def _list(rule: _Rule) -> _Rule:
    return {"type": "array", "items": rule}


def _ref(name: str) -> _Rule:
    return {"$ref": f"#/$defs/{name}"}


def _or_reference(rule: _Rule) -> _Rule:
    """Return a rule for what may be a reference: its target is checked where it stands."""
    return {"type": "object", "if": {"required": ["$ref"]}, "then": _REFERENCE, "else": rule}


_TEXT: Final[_Rule] = {"type": "string"}
_FLAG: Final[_Rule] = {"type": "boolean"}
_COUNT: Final[_Rule] = {"type": "integer", "minimum": 0}
_NUMBER: Final[_Rule] = {"type": "number"}
_REFERENCE: Final[_Rule] = {"properties": {"$ref": _TEXT}}
_SCHEMA: Final[_Rule] = {
    "type": "object",
    "properties": {
        "$ref": _TEXT,
        "type": {"type": ["string", "array"], "items": _TEXT},
        "format": _TEXT,
        "properties": _map(_ref("schema")),
        "patternProperties": _map(_ref("schema")),
        "items": _ref("schema"),
        "additionalProperties": {
            "type": ["object", "boolean"],
            "if": {"type": "object"},
            "then": _ref("schema"),
        },
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), _list(_ref("schema"))),
        "required": _list(_TEXT),
        "enum": {"type": "array"},
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
        **dict.fromkeys(("minimum", "maximum", "multipleOf"), _NUMBER),
        "pattern": {"type": "string", "format": "regex"},
        **dict.fromkeys(("readOnly", "writeOnly", "uniqueItems"), _FLAG),
    },
}
_PARAMETER: Final[_Rule] = {
    "required": ["name", "in"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "in": {"enum": ["path", "query", "header", "cookie"]},
        "required": _FLAG,
        "schema": _ref("schema"),
        "style": _TEXT,
        "explode": _FLAG,
    },
}
_CONTENT: Final[_Rule] = {**_map(_ref("media")), "minProperties": 1}
_BODY: Final[_Rule] = {
    "required": ["content"],
    "properties": {"content": _CONTENT, "required": _FLAG},
}
_RESPONSE: Final[_Rule] = {"properties": {"content": _CONTENT, "headers": _map({"type": "object"})}}
_SECURITY: Final[_Rule] = _list(_map(_list(_TEXT)))
_OPERATION: Final[_Rule] = {
    "type": "object",
    "properties": {
        "operationId": _TEXT,
        "summary": _TEXT,
        "tags": _list(_TEXT),
        "parameters": _list(_ref("parameter")),
        "requestBody": _ref("body"),
        "responses": _map(_ref("response")),
        "security": _SECURITY,
    },
}
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DOCUMENT: Final[_Rule] = {
    "type": "object",
    "required": ["info"],
    "properties": {
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "properties": {"title": _TEXT, "version": _TEXT},
        },
        "paths": {
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "type": "object",
                "properties": {
                    **dict.fromkeys(_METHODS, _ref("operation")),
                    "parameters": _list(_ref("parameter")),
                },
            },
        },
        "components": {
            "type": "object",
            "properties": {
                "schemas": _map(_ref("schema")),
                "parameters": _map(_ref("parameter")),
                "responses": _map(_ref("response")),
                "requestBodies": _map(_ref("body")),
                "securitySchemes": _map({"type": "object"}),
            },
        },
        "security": _SECURITY,
    },
    "$defs": {
        "schema": _SCHEMA,
        "parameter": _or_reference(_PARAMETER),
        "response": _or_reference(_RESPONSE),
        "body": _or_reference(_BODY),
        "media": {"type": "object", "properties": {"schema": _ref("schema")}},
        "operation": _OPERATION,
    },
}
_VALIDATOR: Final = jsonschema_rs.Draft202012Validator(_DOCUMENT, validate_formats=True)


def check(document: Node) -> Iterator[SpecError]:
    """Yield every place where a document is not built as OpenAPI says."""
    for error in _VALIDATOR.iter_errors(plain(document)):
        path = list(error.instance_path)
        name = ".".join(str(step) for step in path) or "the document"
        text = f"{name} is not as OpenAPI 3.1 wants it: {short(error.message)}"
        yield SpecError(place(document, path, where(document)), text)


def place(value: Any, path: Sequence[str | int], known: str) -> str:
    """Return the most exact place known of what a path of steps leads to."""
    for step in path:
        if isinstance(value, Mapping):
            known = where(value, str(step)) or known
            value = value.get(str(step))
        else:
            value = value[int(step)] if isinstance(value, list) else None
        known = where(value) or known
    return known


def short(message: str) -> str:
    """Cut what quotes half a document."""
    return message if len(message) < 160 else f"{message[:70]} … {message[-80:]}"


def plain(value: Any) -> Any:
    """Return a document as plain dicts and lists, which Rust code insists on."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value
