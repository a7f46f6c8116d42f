"""Describe query parameters as widely as the annotations say that they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from contract_tests.fuzzing.parts import Json
from mockserver.compiler import resolve
from mockserver.operation import Operation, Parameter, Spec, types_of

_BOUNDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_ANYTHING: Final[Json] = {"type": "string"}
_NOTHING: Final[Json] = {"type": "string", "maxLength": 0}


def as_read(parameter: Json, spec: Spec, operation: Operation, document: Mapping[str, Any]) -> Json:
    """
    Return a parameter whose schema refuses nothing that the service is to accept.

    A filter may ignore what it cannot read, and an empty value never filters; by its
    schema alone a tool would call both wrong input, and expect a refusal.
    """
    said = _parameter(operation, parameter)
    if said is None or said.place != "query" or "schema" not in parameter:
        return parameter
    extra = _extra(said, spec, operation)
    if extra is None:
        return parameter
    schema = resolve(document, parameter["schema"])
    return {**parameter, "schema": _with(schema, extra, lambda node: resolve(document, node))}


def reads_more(operation: Operation) -> bool:
    """
    Tell whether a filter of an operation may read values that its schema does not name.

    A number beyond its bounds can be read and matches nothing, or is refused; "on" and
    "2" are true, or no booleans. All of it is right.
    """
    return any(
        parameter.filter is not None and parameter.place == "query" and _is_vague(parameter)
        for parameter in operation.parameters
    )


def _is_vague(parameter: Parameter) -> bool:
    inner = parameter.schema.get("items") or {}
    types = {*types_of(parameter.schema), *types_of(inner)}
    return bool(_BOUNDS & {*parameter.schema, *inner}) or (
        "boolean" in types and "string" not in types
    )


def _parameter(operation: Operation, parameter: Json) -> Parameter | None:
    key = (parameter.get("name"), parameter.get("in"))
    return next((each for each in operation.parameters if (each.name, each.place) == key), None)


def _extra(said: Parameter, spec: Spec, operation: Operation) -> Json | None:
    """Return what a value may be besides what its schema says; None when nothing."""
    rules = spec.conventions
    if said.filter is not None:
        is_read_anyhow = said.filter.invalid != "reject" or said.filter.lookup == "link"
        return _ANYTHING if is_read_anyhow or said.filter.only is not None else _NOTHING
    if operation.ordering is not None and said.name == operation.ordering.parameter:
        return _ANYTHING if rules["ordering"]["unknown"] == "ignore" else None
    if operation.has_fieldset and said.name == rules["fieldset"]["parameter"]:
        return _ANYTHING if rules["fieldset"]["unknown"] == "ignore" else None
    if operation.is_paged and said.name == rules["paging"]["size"]:
        return _ANYTHING if rules["paging"]["bad_size"] == "default" else None
    return None


def _with(schema: Any, extra: Json, follow: Callable[[Any], Any]) -> Any:
    """Return a schema that also takes `extra`; of a list, in its items."""
    if not isinstance(schema, Mapping) or _takes_text(schema):
        return schema
    if types_of(schema) == ("array",):
        return {**schema, "items": _with(follow(schema.get("items", {})), extra, follow)}
    kept = {key: value for key, value in schema.items() if key in ("description", "title")}
    return {**kept, "anyOf": [dict(schema), extra]}


def _takes_text(schema: Mapping[str, Any]) -> bool:
    """Tell whether any ordinary text satisfies a schema already."""
    if "enum" in schema or "const" in schema or "format" in schema or schema.get("minLength"):
        return False
    if "string" not in types_of(schema):
        return not schema
    parts = schema.get("anyOf") or schema.get("oneOf") or [{}]
    return any(not ({"format", "pattern", "enum", "const"} & set(part)) for part in parts)
