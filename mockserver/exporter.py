"""Write the spec or the data for other tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from mockserver.compiler import resolve
from mockserver.json_types import JSON
from mockserver.loader import DATA_KEYS
from mockserver.operation import Resource
from mockserver.renderer import plain
from mockserver.store import State

#: Below these keys there are names of properties, which may look like extensions.
_NAMES: Final = ("properties", "patternProperties", "$defs")


def openapi(document: Mapping[str, Any], *, is_plain: bool = False) -> dict[str, Any]:
    """
    Return the document as plain JSON.

    `is_plain` leaves out the extensions, and the components that nothing but
    an extension needs: the schemas of stored records.
    """
    shown: dict[str, Any] = _merged(plain(document), document)
    return _pruned(_without_extensions(shown)) if is_plain else shown


def state(resources: Mapping[str, Resource], held: State) -> dict[str, list[JSON]]:
    """Return every record by resource, ordered by key."""
    found = {}
    for name in sorted(resources):
        records = held.records(name)
        if len(records):
            found[name] = [dict(records[key]) for key in sorted(records)]
    return found


def text(value: JSON, form: str) -> str:
    """Return JSON or YAML text that ends in a newline."""
    if form == "yaml":
        return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


#: Keys of a schema that narrow nothing: the nearer one counts.
_ANNOTATIONS: Final = frozenset({"description", "title", "default", "x-from", "x-normalize"})


class _Dumper(yaml.CSafeDumper):
    """Writes every repeated value out in full: anchors confuse readers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# Quotes what only YAML 1.2 takes for a number; PyYAML itself thinks of 1.1.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^0o[0-7]+$"),
    list("-+.0123456789"),
)


def _merged(node: Any, document: Mapping[str, Any], inside: frozenset[str] = frozenset()) -> Any:
    """
    Return a document in which no reference has neighbours that narrow it.

    OpenAPI 3.1 allows them, and many tools that grew up with 3.0 pass them over.
    `inside` are the references being followed: a schema may contain itself.
    """
    if isinstance(node, list):
        return [_merged(item, document, inside) for item in node]
    if not isinstance(node, dict):
        return node
    shown = {
        key: value if key in DATA_KEYS else _merged(value, document, inside)
        for key, value in node.items()
    }
    reference = str(shown.get("$ref", ""))
    is_schema = reference.startswith("#/components/schemas/")
    if not is_schema or len(shown) == 1 or reference in inside:
        return shown
    rest = {key: value for key, value in shown.items() if key != "$ref"}
    found = plain(resolve(document, {"$ref": reference}))
    target = _merged(found, document, inside | {reference})
    clash = {key for key in rest if key in target and key not in _ANNOTATIONS}
    return shown if clash else {**target, **rest}


def _without_extensions(node: Any, *, is_names: bool = False) -> Any:
    if isinstance(node, list):
        return [_without_extensions(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_extensions(value, is_names=not is_names and key in _NAMES)
        for key, value in node.items()
        if is_names or not key.startswith("x-")
    }


def _pruned(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without components that nothing refers to."""
    used = _references({k: v for k, v in document.items() if k != "components"})
    waiting = list(used)
    while waiting:
        _, _, section, name = waiting.pop().split("/", 3)
        fresh = _references(document["components"][section][name]) - used
        used |= fresh
        waiting.extend(fresh)
    components = {
        section: {
            name: entry
            for name, entry in entries.items()
            if section == "securitySchemes" or f"#/components/{section}/{name}" in used
        }
        for section, entries in document.get("components", {}).items()
    }
    return {
        **document,
        "components": {name: entries for name, entries in components.items() if entries},
    }


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_references(item) for item in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return found.union(*(_references(value) for value in node.values()))
