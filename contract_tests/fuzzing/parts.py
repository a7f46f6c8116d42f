"""Walk a plain document: its operations, and what refers to what."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from mockserver.compiler import resolve

Json = dict[str, Any]


def pruned(document: Json) -> Json:
    """Return the document without components that nothing refers to."""
    used = closure(document, references({k: v for k, v in document.items() if k != "components"}))
    components = {
        section: {
            name: entry
            for name, entry in entries.items()
            if section == "securitySchemes" or f"#/components/{section}/{name}" in used
        }
        for section, entries in document.get("components", {}).items()
    }
    kept = {section: entries for section, entries in components.items() if entries}
    rest = {key: value for key, value in document.items() if key != "components"}
    return {**rest, "components": kept} if kept else rest


def closure(document: Json, waiting: Collection[str]) -> set[str]:
    """Return references to components, with all that those refer to."""
    used: set[str] = set()
    left = list(waiting)
    while left:
        reference = left.pop()
        whole = "/".join(reference.split("/")[:4])
        if whole not in used and whole.startswith("#/components/"):
            used.add(whole)
            left.extend(references(resolve(document, {"$ref": whole})))
    return used


def references(node: Any) -> set[str]:
    """Return every reference in a node."""
    if isinstance(node, list):
        return set().union(*(references(item) for item in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    if isinstance(node.get("mapping"), dict):
        # Of a discriminator: references without the word.
        found |= {to for to in node["mapping"].values() if str(to).startswith("#/")}
    return found.union(*(references(value) for value in node.values()))


def operations_of(document: Json) -> Iterator[Json]:
    """Yield every operation of a document whose paths hold nothing else."""
    for item in document["paths"].values():
        yield from item.values()
