"""Describe a path to those who ask with OPTIONS, as Django REST framework does."""

from __future__ import annotations

from typing import Any, Final

from mockserver import renderer
from mockserver.operation import Schema, types_of
from mockserver.router import Route

_LIMITS: Final = {
    "description": "help_text",
    "maxLength": "max_length",
    "minLength": "min_length",
}
#: Of numbers only: a schema that admits numbers as text bounds those as well.
_BOUNDS: Final = {"minimum": "min_value", "maximum": "max_value"}
_SUFFIX: Final = {"list": " List", "create": " List", "retrieve": " Instance"}


def describe(route: Route) -> bytes:
    """Return the JSON answer to OPTIONS on a route."""
    bounds = list(route.bounds.items())
    first = bounds[0][1]
    actions = {
        method: {p.name: _field(p) for p in next(iter(bound.readers.values())).properties}
        for method, bound in bounds
        if method in ("POST", "PUT") and bound.readers
    }
    answer: dict[str, Any] = {
        "name": first.resource.label + _SUFFIX.get(first.operation.verb, ""),
        "description": first.operation.summary,
        "renders": ["application/json"],
        "parses": [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ],
    }
    return renderer.encode({**answer, "actions": actions} if actions else answer)


def _field(prop: Any) -> dict[str, Any]:
    schema, kind = prop.schema, _kind(prop.schema)
    known = {**_LIMITS, **(_BOUNDS if kind in ("integer", "decimal") else {})}
    limits = {name: schema[key] for key, name in known.items() if key in schema}
    if "enum" in schema:
        limits["choices"] = [{"value": word, "display_name": word} for word in schema["enum"]]
    return {
        "type": kind,
        "required": prop.is_required,
        "read_only": False,
        "label": prop.name.replace("_", " ").capitalize(),
        **limits,
    }


def _kind(schema: Schema) -> str:
    """Return what rest_framework.metadata.SimpleMetadata calls a field of this schema."""
    types = types_of(schema)
    if "enum" in schema:
        return "choice"
    if isinstance(schema.get("x-from"), dict):
        return "file upload" if "media" in schema["x-from"] else "field"
    if "x-normalize" in schema and "decimal" in str(schema["x-normalize"]):
        return "decimal"
    if schema.get("format") in ("date-time", "date"):
        return "datetime" if schema["format"] == "date-time" else "date"
    names = {"boolean": "boolean", "integer": "integer", "array": "list", "object": "nested object"}
    return next((names[kind] for kind in types if kind in names), "string")
