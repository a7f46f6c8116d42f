"""Say with OpenAPI links what can be done with a record that was just made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contract_tests.fuzzing.parts import Json, operations_of
from mockserver.compiler import resolve
from mockserver.operation import Operation, Resource, Schema, Spec


def add_links(document: Json, spec: Spec) -> None:
    """Lead from every create operation to those on the new record, in place."""
    present = {node["operationId"]: node for node in operations_of(document)}
    chosen = [operation for operation in spec.operations if operation.id in present]
    for operation in chosen:
        resource = spec.resources.get(operation.resource)
        responses = present[operation.id].get("responses", {})
        status = str(operation.success.status)
        if operation.verb != "create" or resource is None or status not in responses:
            continue
        key = _shown_key(spec, operation, resource)
        response = resolve(document, responses[status])
        declared = response.get("links", {})
        known = {link.get("operationId") for link in declared.values()}
        links = {
            other.id: _link(other, key)
            for other in chosen
            if key and other.id not in known and _is_about_one(spec, other, resource)
        }
        rest = {name: value for name, value in response.items() if name != "links"}
        both = {**declared, **links}
        responses[status] = {**rest, "links": both} if both else rest


def drop_links(document: Json) -> None:
    """Leave out links to operations that are not in the document, in place."""
    present = {node["operationId"] for node in operations_of(document)}
    for operation in operations_of(document):
        responses = operation.get("responses", {})
        for status, raw in responses.items():
            response = resolve(document, raw)
            if "links" not in response:
                continue
            links = {name: resolve(document, link) for name, link in response["links"].items()}
            kept = {name: link for name, link in links.items() if _leads(link, present, document)}
            rest = {name: value for name, value in response.items() if name != "links"}
            responses[status] = {**rest, "links": kept} if kept else rest


def _leads(link: Json, present: set[str], document: Json) -> bool:
    if "operationId" in link:
        return link["operationId"] in present
    return bool(resolve(document, {"$ref": link.get("operationRef", "")}).get("responses"))


def _link(operation: Operation, key: str) -> Json:
    pointer = key.replace("~", "~0").replace("/", "~1")
    return {
        "operationId": operation.id,
        "parameters": {f"path.{operation.path_key}": f"$response.body#/{pointer}"},
    }


def _shown_key(spec: Spec, operation: Operation, resource: Resource) -> str:
    """Return the property of the answer that shows the record's key, or ""."""
    for name, schema in _properties(spec, operation.success.schema or {}):
        said = schema.get("x-from", name)
        if said == resource.key or (said == "server" and name == resource.key):
            return name
    return ""


def _properties(spec: Spec, schema: Schema, depth: int = 0) -> Iterator[tuple[str, Any]]:
    schema = resolve(spec.document, schema)
    for name, inner in (schema.get("properties") or {}).items():
        yield name, resolve(spec.document, inner)
    for part in [*schema.get("allOf", ()), *schema.get("anyOf", ())] if depth < 8 else ():
        yield from _properties(spec, part, depth + 1)


def _is_about_one(spec: Spec, operation: Operation, resource: Resource) -> bool:
    """Tell whether the only path parameter of an operation is a key of the resource."""
    if sum(parameter.place == "path" for parameter in operation.parameters) != 1:
        return False
    nesting = operation.nesting
    if nesting is None:
        return operation.resource == resource.name
    if nesting.parent:
        return nesting.parent == resource.name
    name, _, field = nesting.field.rpartition(".")
    relation = spec.resources[operation.resource].relations.get(name)
    return relation is not None and relation.to == resource.name and field == resource.key
