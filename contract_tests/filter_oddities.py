"""Choose values of nobody, of no kind, and of what rows do not show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from contract_tests.filter_values import kind, lookup
from contract_tests.scene import Scene, full_path, learn, link_to
from contract_tests.teaching import is_single
from contract_tests.testing_filters import PARTIAL, RANGES, value_schema
from mockserver.operation import Parameter, Resource

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_TRIES: Final = 14


def nobody(scene: Scene, parameter: Parameter) -> str:
    """Return a value that no record has; "" when there can be none, or none is known."""
    declared, found = parameter.filter, kind(parameter)
    if declared is None or declared.lookup in ("isnull", "exists"):
        return ""
    if declared.lookup == "link":
        return _nobodys_link(scene, parameter)
    if found == "uuid":
        return f"{scene.lab.random.getrandbits(128):032x}"
    if declared.by and not declared.shown:
        return ""
    return scene.lab.unique() if found == "text" else _out_of_reach(parameter, declared.lookup)


def _out_of_reach(parameter: Parameter, name: str) -> str:
    """Return a bound or a value that all records are on the other side of."""
    is_upper = name in ("lt", "lte")
    if kind(parameter) == "number":
        is_bounded = {"minimum", "maximum"} & set(value_schema(parameter))
        far = "-987654321" if is_upper else "987654321"
        return "" if is_bounded else far
    day = "2999-12-31" if name in ("gt", "gte") else "1000-01-01"
    return {"date": day, "instant": f"{day}T00:00:00Z"}.get(kind(parameter), "")


def _nobodys_link(scene: Scene, parameter: Parameter) -> str:
    declared = parameter.filter
    for path in declared.fields if declared else ():
        target = scene.lab.subject.reached(scene.resource, path)
        if target is not None and target.path:
            key = (
                "987654321"
                if target.has_integer_key
                else f"{scene.lab.random.getrandbits(128):032x}"
            )
            return link_to(scene, target, key)
    return ""


def unreadable(parameter: Parameter) -> str:
    """Return a value that a filter cannot read; "" when it can read anything."""
    nonsense = {
        "uuid": "no-such-id", "date": "2024-13-45", "instant": "yesterday", "number": "many",
        "boolean": "perhaps", "choice": "no-such-word",
    }  # fmt: skip
    declared = parameter.filter
    if declared is not None and declared.lookup == "link":
        return "\0"
    if kind(parameter) == "choice" and "enum" not in value_schema(parameter):
        return ""
    return nonsense.get(kind(parameter), "a\0b")


def compares(scene: Scene, parameter: Parameter, path: str) -> bool:
    """
    Tell whether two rows of which a filter keeps one must differ at a path, for any order.

    A filter that minds letter case may part what an order does not.
    """
    declared = parameter.filter
    if declared is None or declared.fields != (path,) or declared.by or declared.where:
        return False
    is_folded = lookup(parameter) in ("icontains", "iexact", "folded")
    return is_single(scene.lab.subject, scene.resource, path) and (
        is_folded or lookup(parameter) in RANGES or kind(parameter) in ("boolean", "number")
    )


def guesses(scene: Scene, parameter: Parameter) -> list[str]:
    """Return values that may keep some rows of what rows do not show."""
    found, name = kind(parameter), lookup(parameter)
    if found == "uuid":
        return _keys(scene, parameter)
    if found == "boolean":
        return ["true", "false"]
    if name in RANGES and found in ("date", "instant"):
        return _days(scene, found) or _halved(scene, parameter)
    if name in RANGES and found == "number":
        schema = value_schema(parameter)
        low, high = int(schema.get("minimum", 0)), int(schema.get("maximum", 100))
        return [str((low + high) // 2), str(high), str(low)]
    if name in PARTIAL and found == "text":
        return ["a", "e", "o"]
    return []


def _halved(scene: Scene, parameter: Parameter) -> list[str]:
    """Return a day that parts rows which show none, found by halving two centuries."""
    low, high = date(1950, 1, 1), date(2150, 1, 1)
    if not scene.lab.depth.is_full:
        return []
    is_lower = lookup(parameter) in ("gt", "gte")
    while (high - low).days > 1:
        day = low + (high - low) // 2
        text = f"{day}" if kind(parameter) == "date" else f"{day}T00:00:00Z"
        found = scene.read([(parameter.name, text)])
        if not found.is_whole or 0 < len(found.rows) < len(scene.rows):
            return [text] if found.is_whole else []
        if bool(found.rows) is is_lower:
            low = day
        else:
            high = day
    return []


def _keys(scene: Scene, parameter: Parameter) -> list[str]:
    """Return keys of existing records of what a filter compares."""
    found: list[str] = []
    for owner, _ in _owners(scene, parameter):
        learn(scene, [(owner.name, owner.key)])
        found += [key for resource, key in scene.world.facts if resource == owner.name]
    return found[:_TRIES]


def _owners(scene: Scene, parameter: Parameter) -> Iterator[tuple[Resource, str]]:
    """Yield the resources whose keys a filter compares, each with the way to it."""
    declared = parameter.filter
    for path in declared.fields if declared else ():
        head, _, name = full_path(scene, path).rpartition(".")
        owner = scene.lab.subject.reached(scene.resource, head or ".")
        if owner is not None and owner.key == name:
            yield owner, head


def wider(scene: Scene, parameter: Parameter, key: str) -> Iterator[tuple[Parameter, str]]:
    """Yield other filters that must keep all that this one keeps for a key, and their values."""
    for owner, way in _owners(scene, parameter):
        for other in scene.filters:
            declared = other.filter
            if declared is None or declared.by or declared.any or other is parameter:
                continue
            for path in declared.fields:
                before, _, name = path.rpartition(".")
                value = scene.world.fact(owner.name, key, name)
                is_like = before == way and name != owner.key and kind(other) == "text"
                if is_like and isinstance(value, str) and value.isprintable() and "," not in value:
                    yield other, value


def _days(scene: Scene, found: str) -> list[str]:
    """Return days that rows show anywhere, the middle one first."""
    shown = sorted({
        value[:10]
        for row in scene.rows
        for value in row.values()
        if isinstance(value, str) and _DAY.match(value)
    })  # fmt: skip
    places = (len(shown) // 2, len(shown) // 4, 3 * len(shown) // 4)
    days = list(dict.fromkeys(shown[place] for place in places if place < len(shown)))
    return [day if found == "date" else f"{day}T00:00:00Z" for day in days]
