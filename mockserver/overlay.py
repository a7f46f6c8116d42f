"""Apply OpenAPI Overlay 1.0 actions to a document."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mockserver import loader
from mockserver.errors import AuthorError, BrokenSpec, SpecError
from mockserver.loader import Node


def apply(document: Node, overlays: Iterable[Path]) -> Node:
    """Return the document with every overlay applied in order; raise BrokenSpec."""
    problems: list[AuthorError] = []
    for path in overlays:
        try:
            overlay = loader.read_file(path)
        except SpecError as error:
            problems.append(error)
            continue
        document = _apply_one(document, overlay, loader.display_name(path), problems)
    if problems:
        raise BrokenSpec(problems)
    return document


def _apply_one(document: Node, overlay: Any, name: str, problems: list[AuthorError]) -> Node:
    if not isinstance(overlay, dict) or not str(overlay.get("overlay", "")).startswith("1."):
        problems.append(SpecError(name, "is not an overlay: it needs `overlay: 1.0.0`"))
        return document
    actions = overlay.get("actions")
    if not isinstance(actions, list) or not actions:
        place = loader.where(overlay, "actions") or name
        problems.append(SpecError(place, "does nothing: list changes under `actions`"))
        return document
    document = copy.deepcopy(document)
    for action in actions:
        complaint = _complaint(action) or _perform(document, action)
        if complaint:
            place = loader.where(action) or loader.where(overlay, "actions") or name
            problems.append(SpecError(place, complaint))
    return document


def _complaint(action: Any) -> str:
    """Return what is wrong with the form of an action, or nothing."""
    parts = "an action has target, update, remove"
    if not isinstance(action, dict):
        return f"{action!r} is no action; {parts}"
    unknown = set(action) - {"target", "description", "update", "remove"}
    if unknown:
        return f"unknown key {min(unknown)!r}; {parts}"
    if not isinstance(action.get("target"), str):
        return f"no target, which is a JSONPath; {parts}"
    if not action.get("remove") and not isinstance(action.get("update"), (dict, list)):
        return f"neither an update, which is a mapping or a list, nor remove: true; {parts}"
    return ""


def _perform(document: Node, action: Mapping[str, Any]) -> str:
    """Change the document; return what is wrong with the target, or nothing."""
    # It takes longer to import than to read most specs, and most have no overlay.
    import jsonpath

    target = action["target"]
    try:
        matches = list(jsonpath.finditer(target, document))
    except jsonpath.JSONPathError as error:
        return f"target {target!r} is not a JSONPath: {str(error).splitlines()[0]}"
    if not matches:
        return f"target {target!r} matches nothing; compare it with the document"
    if action.get("remove"):
        if any(match.parent is None for match in matches):
            return f"target {target!r} is the whole document, which cannot be removed"
        # Backwards, so that removing a list item does not move the next one.
        for match in reversed(matches):
            holder: Any = match.parent.obj if match.parent else None
            del holder[match.parts[-1]]
        return ""
    if not all(isinstance(match.obj, (dict, list)) for match in matches):
        return f"target {target!r} is neither object nor list; update what it stands in"
    for match in matches:
        _update(match.obj, action["update"])
    return ""


def _update(target: Any, change: Any) -> None:
    if isinstance(target, list):
        target.append(copy.deepcopy(change))
    elif isinstance(target, dict) and isinstance(change, dict):
        for key, value in change.items():
            if isinstance(target.get(key), (dict, list)) and isinstance(value, (dict, list)):
                if isinstance(target[key], list) and isinstance(value, list):
                    target[key].extend(copy.deepcopy(value))
                else:
                    _update(target[key], value)
            else:
                target[key] = copy.deepcopy(value)
