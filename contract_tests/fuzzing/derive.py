"""Cut a description down to the plain document that Schemathesis is to read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from contract_tests.fuzzing.closing import closed, closed_inside
from contract_tests.fuzzing.linking import add_links, drop_links
from contract_tests.fuzzing.loosening import as_read
from contract_tests.fuzzing.parts import Json, closure, operations_of, pruned, references
from contract_tests.inference import infer
from mockserver.compiler import METHODS, resolve
from mockserver.loader import DATA_KEYS, Node
from mockserver.operation import Spec

#: Below these keys there are names that somebody chose; one may look like an extension.
_NAMES: Final = frozenset(
    {
        "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "headers",
        "responses", "schemas", "requestBodies", "securitySchemes", "links", "callbacks",
        "pathItems", "content", "encoding", "variables", "mapping", "scopes",
    }
)  # fmt: skip
_SCHEMAS: Final = "#/components/schemas/"


def derive(
    document: Mapping[str, Any],
    spec: Spec | None,
    *,
    operations: Collection[str],
    read_only: bool,
) -> Json:
    """
    Return the document about some operations, without extensions.

    Where `spec` knows resources, answers are closed, filters take what they are said to
    ignore, and links lead from each create operation to those on the created record.
    A document without annotations keeps to its own words. `operations` are ids;
    `read_only` leaves only GET.
    """
    names = operation_ids(document, spec)
    shown = _plain({k: v for k, v in document.items() if k not in ("servers", "webhooks")})
    shown["paths"] = _chosen(shown, names, frozenset(operations), read_only=read_only)
    drop_links(shown)
    if spec is not None and spec.resources:
        _loosen_parameters(shown, spec)
        _close_answers(shown)
        add_links(shown, spec)
    return pruned(shown)


def operation_ids(document: Mapping[str, Any], spec: Spec | None) -> dict[tuple[str, str], str]:
    """Return the id of every operation by its method (upper case) and path."""
    known = spec or infer(Node(document))[0]
    return {(operation.method, operation.path): operation.id for operation in known.operations}


def _plain(node: Any, *, is_names: bool = False) -> Any:
    """Return plain dicts and lists without extensions; data stays as it is."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: _data(value)
        if not is_names and key in DATA_KEYS
        else _plain(value, is_names=_holds_names(key, value) and not is_names)
        for key, value in node.items()
        if is_names or not str(key).startswith("x-")
    }


def _holds_names(key: str, value: Any) -> bool:
    # Parameters are a list on an operation and have names elsewhere.
    return key in _NAMES or (key == "parameters" and isinstance(value, Mapping))


def _data(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _data(value) for key, value in node.items()}
    return [_data(item) for item in node] if isinstance(node, list) else node


def _chosen(
    document: Json,
    names: Mapping[tuple[str, str], str],
    wanted: frozenset[str],
    *,
    read_only: bool,
) -> Json:
    paths: Json = {}
    for path, raw in (document.get("paths") or {}).items():
        item = resolve(document, raw)
        kept = {
            method: _operation(document, item, method, names[method.upper(), path])
            for method in METHODS
            if method in item
            and names.get((method.upper(), path)) in wanted
            and (method == "get" or not read_only)
        }
        if kept:
            paths[path] = kept
    return paths


def _operation(document: Json, item: Json, method: str, name: str) -> Json:
    """Return an operation on its own: named, with the parameters of its path."""
    node = {k: v for k, v in item[method].items() if k not in ("callbacks", "servers")}
    own = [resolve(document, parameter) for parameter in node.get("parameters", ())]
    taken = {(parameter.get("name"), parameter.get("in")) for parameter in own}
    above = [resolve(document, parameter) for parameter in item.get("parameters", ())]
    near = [p for p in above if (p.get("name"), p.get("in")) not in taken]
    parameters = [_sendable(document, parameter) for parameter in [*near, *own]]
    return {**node, "operationId": name, **({"parameters": parameters} if parameters else {})}


def _loosen_parameters(document: Json, spec: Spec) -> None:
    for operation in operations_of(document):
        said = spec.operation(operation["operationId"])
        if "parameters" in operation:
            operation["parameters"] = [
                as_read(parameter, spec, said, document) for parameter in operation["parameters"]
            ]


def _sendable(document: Json, parameter: Json) -> Json:
    """
    Return a parameter whose schema refuses only what can be sent.

    An empty list in a query is the same as no parameter at all. Where that is fine,
    "at least one" would have a tool demand that the server refuse an ordinary request.
    """
    schema = resolve(document, parameter.get("schema"))
    is_optional = parameter.get("in") == "query" and not parameter.get("required")
    if not is_optional or not isinstance(schema, Mapping) or schema.get("minItems") != 1:
        return parameter
    return {**parameter, "schema": {k: v for k, v in schema.items() if k != "minItems"}}


def _close_answers(document: Json) -> None:
    """
    Close what answers are made of, in place; bodies of requests stay as they are.

    A schema that both use is kept twice when its two versions differ.
    """
    schemas = document.get("components", {}).get("schemas", {})
    asked = _reach(document, [node for node in operations_of(document) if _asks(node)], _asks)
    answered = _reach(document, list(operations_of(document)), _answers)
    versions = {name: closed_inside(schemas[name], document) for name in answered}
    changed = {name for name, schema in versions.items() if schema != schemas[name]}
    split = {
        name: _fresh(f"{name}Input", schemas)
        for name in sorted(asked & answered)
        if _below(document, name) & changed
    }
    originals = {name: schemas[name] for name in asked}
    for operation in operations_of(document):
        _close_responses(operation.get("responses", {}), document)
        for part in ("parameters", "requestBody"):
            if part in operation:
                operation[part] = _renamed(resolve(document, operation[part]), split)
    _close_responses(document.get("components", {}).get("responses", {}), document)
    for name, schema in originals.items():
        schemas[split.get(name, name)] = _renamed(schema, split)
    schemas.update(versions)


def _asks(operation: Json) -> list[Any]:
    return [operation[part] for part in ("parameters", "requestBody") if part in operation]


def _answers(operation: Json) -> list[Any]:
    return [operation.get("responses", {})]


def _close_responses(responses: Json, document: Json) -> None:
    for response in responses.values():
        for kind, entry in response.get("content", {}).items():
            if "json" in kind and "schema" in entry:
                entry["schema"] = closed(entry["schema"], document)


def _reach(document: Json, operations: list[Json], part: Callable[[Json], list[Any]]) -> set[str]:
    """Return the names of the schemas that a part of some operations needs."""
    waiting = [reference for node in operations for reference in references(part(node))]
    return {r[len(_SCHEMAS) :] for r in closure(document, waiting) if r.startswith(_SCHEMAS)}


def _below(document: Json, name: str) -> set[str]:
    found = closure(document, [_SCHEMAS + name])
    return {reference[len(_SCHEMAS) :] for reference in found if reference.startswith(_SCHEMAS)}


def _fresh(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "Input"
    return name


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_renamed(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    shown = {key: _renamed(value, names) for key, value in node.items()}
    target = str(shown.get("$ref", ""))
    if target.startswith(_SCHEMAS) and target[len(_SCHEMAS) :] in names:
        shown["$ref"] = _SCHEMAS + names[target[len(_SCHEMAS) :]]
    return shown
