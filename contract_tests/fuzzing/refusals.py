"""Which operations may refuse valid input because of what is stored, as the spec tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.compiler import resolve
from mockserver.operation import Filter, Operation, Parameter, Resource, Spec, types_of

_DEPTH = 8


def depends_on_records(spec: Spec, operation: Operation) -> str:
    """
    Return why a schema cannot tell whether input will be accepted; "" when it can.

    A document without annotations gives no reason.
    """
    resource = spec.resources.get(operation.resource)
    if resource is None:
        return ""
    reasons = [_of_parameter(parameter) for parameter in operation.parameters]
    reasons += [_of_list(spec, operation)]
    reasons += [_of_body(spec, operation, resource), _of_state(operation)]
    return next((reason for reason in reasons if reason), "")


def _of_state(operation: Operation) -> str:
    if not operation.writes or 400 not in operation.answers:
        return ""
    if operation.body is None:
        return "there is nothing to refuse but the state of the record"
    if operation.verb == "action":
        return "it acts on what is stored"
    is_about_record = operation.permission is not None and bool(operation.permission.on)
    return "the record it is about decides" if is_about_record else ""


def _of_parameter(parameter: Parameter) -> str:
    filter_ = parameter.filter
    if filter_ is None or parameter.place == "path":
        return ""
    if filter_.choices:
        return f"{parameter.name} takes the keys of stored records"
    if filter_.lookup == "link" and filter_.invalid == "reject":
        return f"{parameter.name} takes the hyperlinks of stored records"
    if _reads_text_itself(filter_, parameter):
        return f"{parameter.name} is text that a function reads"
    return ""


def _of_list(spec: Spec, operation: Operation) -> str:
    """Tell of words that a list knows, where the schema does not name them."""
    rules = spec.conventions
    refused = {
        rules["ordering"]["parameter"]: ("enum", rules["ordering"]["unknown"] == "reject"),
        rules["fieldset"]["parameter"]: ("enum", rules["fieldset"]["unknown"] == "reject"),
        rules["paging"]["size"]: ("maximum", rules["paging"]["oversize"] == "reject"),
    }
    for parameter in operation.parameters:
        word, is_refused = refused.get(parameter.name, ("", False))
        known = {*parameter.schema, *resolve(spec.document, parameter.schema.get("items") or {})}
        if is_refused and parameter.place == "query" and word not in known:
            return f"{parameter.name} takes less than its schema says"
    return ""


def _reads_text_itself(filter_: Filter, parameter: Parameter) -> bool:
    schema = parameter.schema
    is_text = types_of(schema) == ("string",) and not {"format", "enum", "anyOf"} & set(schema)
    return bool(filter_.by) and filter_.invalid == "reject" and is_text


def _of_body(spec: Spec, operation: Operation, resource: Resource) -> str:
    if operation.body is None:
        return ""
    names: set[str] = set()
    for schema in operation.body.schemas.values():
        for name, said in _said(spec, schema):
            if reason := _of_property(name, said, resource):
                return reason
            names.add(name)
    if operation.verb in ("create", "update", "partial_update"):
        for group in resource.unique:
            if names & set(group):
                return f"{' and '.join(group)} may be taken"
    return ""


def _of_property(name: str, said: Any, resource: Resource) -> str:
    if isinstance(said, Mapping):
        is_more = bool({"link", "media"} & set(said))
        return f"{name} is more than text: a hyperlink or a file" if is_more else ""
    if str(said).rpartition(".")[2] in resource.relations or "." in str(said):
        return f"{name} names a stored record"
    return ""


def _said(spec: Spec, schema: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what `x-from` says of every property of a body, however deep."""
    schema = resolve(spec.document, schema)
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        return
    for name, raw in (schema.get("properties") or {}).items():
        inner = resolve(spec.document, raw)
        if isinstance(inner, Mapping):
            items = resolve(spec.document, inner.get("items") or {})
            yield name, inner.get("x-from", items.get("x-from", name))
            yield from _said(spec, inner, depth + 1)
            yield from _said(spec, items, depth + 1)
    for key in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(key, ()):
            yield from _said(spec, part, depth + 1)
