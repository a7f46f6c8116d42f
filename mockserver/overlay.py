"""Apply OpenAPI Overlay 1.0 actions to a document."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonpath

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
    document = copy.deepcopy(document)
    for action in overlay.get("actions") or ():
        place = loader.where(action) or name
        unknown = set(action) - {"target", "description", "update", "remove"}
        if "target" not in action or unknown:
            wanted = f"unknown key {min(unknown)!r}" if unknown else "no target"
            problems.append(SpecError(place, f"{wanted}; an action has target, update, remove"))
            continue
        try:
            _perform(document, action)
        except _NothingFound:
            text = f"target {action['target']!r} matches nothing; compare it with the document"
            problems.append(SpecError(place, text))
        except jsonpath.JSONPathError as error:
            text = f"target {action['target']!r} is not a JSONPath: {error}"
            problems.append(SpecError(place, text))
    return document


class _NothingFound(Exception):
    """No node at a target."""


def _perform(document: Node, action: Node) -> None:
    matches = list(jsonpath.finditer(action["target"], document))
    if not matches:
        raise _NothingFound
    if action.get("remove"):
        # Backwards, so that removing a list item does not move the next one.
        for match in reversed(matches):
            if match.parent is not None:
                holder: Any = match.parent.obj
                del holder[match.parts[-1]]
        return
    for match in matches:
        _update(match.obj, action.get("update"))


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
