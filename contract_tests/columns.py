"""Collect the values that rows hold where a filter looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from contract_tests.meaning import point
from contract_tests.scene import Scene, full_path, link_to, pointers
from contract_tests.testing_filters import facts_about
from contract_tests.wire import ABSENT
from mockserver.operation import Filter, Parameter

_MANY: Final = 120


def held(scene: Scene, parameter: Parameter) -> list[str]:
    """Return the texts that rows hold where a filter looks, each once, in their order."""
    declared = parameter.filter
    if declared is None:
        return []
    if declared.shown:
        return _texts(_column(scene, f"/{declared.shown}"))
    if declared.lookup == "link":
        return _links(scene, declared)
    fields = [*declared.fields, *(path for way in declared.any for path in way.fields)]
    return _texts(value for path in fields for value in _values(scene, path))


def _values(scene: Scene, path: str) -> list[Any]:
    path = full_path(scene, path)
    for at, _ in pointers(scene.view, path):
        return _column(scene, at)
    table = facts_about(scene, path)
    return [value for _, value in table[1]] if table else []


def _column(scene: Scene, at: str) -> list[Any]:
    found: list[Any] = []
    for row in scene.rows[:_MANY]:
        value = point(row, at)
        found += value if isinstance(value, list) else [value]
    return found


def _links(scene: Scene, declared: Filter) -> list[str]:
    found: list[str] = []
    for path in declared.fields:
        target = scene.lab.subject.reached(scene.resource, path)
        if target is None:
            continue
        shown = [f"/{n}" for n, s in scene.view.items() if s.source == "link" and s.path == path]
        if shown:
            found += _texts(_column(scene, shown[0]))
        elif target.path:
            keys = _texts(_values(scene, f"{path}.{target.key}"))
            found += [link_to(scene, target, key) for key in keys]
    return found


def _texts(values: Any) -> list[str]:
    found: dict[str, None] = {}
    for value in _flat(values):
        if value is None or value is ABSENT or isinstance(value, (Mapping, float)):
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text.strip() == text and text and text.isprintable() and len(text) <= _MANY:
            found[text] = None
    return list(found)


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value
