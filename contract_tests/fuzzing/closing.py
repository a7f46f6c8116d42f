"""Close the schemas of answers: a member nobody described is an error, not a surprise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from mockserver.compiler import resolve
from mockserver.operation import types_of

#: What a schema says about members it does not name: `stated` has words of its own on them,
#: `declared` names some, `free` takes any object, `none` is about other types.
_Shape: TypeAlias = Literal["stated", "declared", "free", "none"]

#: Keys that settle which other members there may be, or that make it a matter of the value.
_STATEMENTS: Final = frozenset(
    {
        "additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames",
        "discriminator", "dependentSchemas", "dependencies", "if", "then", "else",
    }
)  # fmt: skip
_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_ONE_BELOW: Final = ("items", "additionalProperties", "contains", "unevaluatedItems")
_MANY_BELOW: Final = ("properties", "patternProperties")


def closed(schema: Any, document: Mapping[str, Any]) -> Any:
    """
    Return the schema of a value such that objects have no members but the described ones.

    References stay references: what is closed is the place that refers, because the
    target may also be one part of a composition, where nobody knows the other parts.
    """
    if not isinstance(schema, Mapping):
        return schema
    inside = closed_inside(schema, document)
    if _shape(schema, document) != "declared":
        return inside
    is_simple = "$ref" not in schema and not any(key in schema for key in _BRANCHES)
    return {**inside, "additionalProperties" if is_simple else "unevaluatedProperties": False}


def closed_inside(schema: Any, document: Mapping[str, Any]) -> Any:
    """Return the schema with every value below it closed, but not its own."""
    if not isinstance(schema, Mapping):
        return schema
    shown = dict(schema)
    for key in _ONE_BELOW:
        if key in shown:
            shown[key] = closed(shown[key], document)
    for key in _MANY_BELOW:
        if isinstance(shown.get(key), Mapping):
            shown[key] = {name: closed(inner, document) for name, inner in shown[key].items()}
    if isinstance(shown.get("prefixItems"), list):
        shown["prefixItems"] = [closed(inner, document) for inner in shown["prefixItems"]]
    for key in _BRANCHES:
        if isinstance(shown.get(key), list):
            shown[key] = [closed_inside(part, document) for part in shown[key]]
    return shown


def _shape(
    schema: Any, document: Mapping[str, Any], inside: frozenset[str] = frozenset()
) -> _Shape:
    if not isinstance(schema, Mapping):
        return "free" if schema is True else "none"
    types = types_of(schema)
    if types and "object" not in types:
        return "none"
    if _STATEMENTS & set(schema):
        return "stated"
    together = [_own(schema)]
    if reference := schema.get("$ref"):
        if reference in inside:
            return "none"
        inside |= {reference}
        together.append(_shape(resolve(document, {"$ref": reference}), document, inside))
    together += [_shape(part, document, inside) for part in schema.get("allOf", ())]
    choices = [
        [_shape(part, document, inside) for part in schema[key]]
        for key in ("anyOf", "oneOf")
        if key in schema
    ]
    return _together([*together, *(_either(shapes) for shapes in choices)])


def _own(schema: Mapping[str, Any]) -> _Shape:
    if schema.get("properties"):
        return "declared"
    if "object" in types_of(schema):
        return "free"
    says_other = any(key in schema for key in ("$ref", "enum", "const", *_BRANCHES))
    return "none" if says_other else "free"


def _together(shapes: list[_Shape]) -> _Shape:
    """Combine the parts that all hold: what one of them names is named."""
    return next((s for s in ("stated", "declared", "free") if s in shapes), "none")


def _either(shapes: list[_Shape]) -> _Shape:
    """Combine the parts of which one holds: a single free one lets everything in."""
    if "free" in shapes and "declared" in shapes:
        return "stated"
    return _together(shapes)
