"""Tell from what rows show in which order they must come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from contract_tests.meaning import OrderKey, kind_of, order_value, point
from contract_tests.scene import Scene, full_path, pointers
from contract_tests.subject import Shown
from contract_tests.testing_filters import facts_about
from contract_tests.wire import ABSENT
from mockserver.operation import Order, Schema


def words(scene: Scene, order: Order) -> list[tuple[str, str]]:
    """Return the keys of an ordering parameter, each with its descending word or ""."""
    mark = scene.lab.subject.conventions["ordering"]["descending"]
    return [
        (key if key in order.words else "", f"{mark}{key}" if f"{mark}{key}" in order.words else "")
        for key in order.keys
        if key in order.words or f"{mark}{key}" in order.words
    ]


def keys_of(scene: Scene, chosen: Sequence[str]) -> list[OrderKey]:
    """
    Return how rows must be sorted when words are asked for; [] when rows do not show it.

    What follows a key that rows do not show is left out: it only decides among equals.
    """
    order = scene.operation.ordering
    mark = scene.lab.subject.conventions["ordering"]["descending"]
    asked = []
    for word in chosen:
        name = word.removeprefix(mark)
        paths = order.keys.get(name, (name,)) if order else (name,)
        asked += [(path, word.startswith(mark)) for path in paths]
    nulls = order.nulls if order else scene.lab.subject.conventions["ordering"]["nulls"]
    found: list[OrderKey] = []
    for path, is_descending in asked:
        key = _key(scene, path, nulls, is_descending=is_descending)
        if key is None:
            break
        found.append(key)
    return found


def default_keys(scene: Scene) -> list[OrderKey]:
    """Return how rows must be sorted when nothing is asked for; [] when that is not told."""
    order = scene.operation.ordering
    return keys_of(scene, order.default if order and order.default else scene.operation.order)


def _key(scene: Scene, path: str, nulls: str, *, is_descending: bool) -> OrderKey | None:
    path = full_path(scene, path)
    schema = _field(scene, path)
    collation = scene.lab.subject.conventions["ordering"]["collation"]
    how: dict[str, Any] = {
        "kind": kind_of(schema), "desc": is_descending, "nulls": nulls, "collation": collation,
    }  # fmt: skip
    found = next(pointers(scene.view, path), None)
    if found is not None:
        return None if found[1].is_list else {"at": found[0], **how}
    table = facts_about(scene, path)
    if table is None:
        return None
    return {"at": table[0], "table": [[shown, value] for shown, value in table[1]], **how}


def inner_keys(scene: Scene, shown: Shown) -> list[OrderKey]:
    """Return how the records inside a row must be sorted; [] when that is not told."""
    head, _, last = shown.path.rpartition(".")
    owner = scene.lab.subject.reached(scene.resource, head or ".")
    relation = owner.relations.get(last) if owner else None
    if shown.source != "nested" or not shown.is_list or relation is None or head:
        return []
    rules, resource = scene.lab.subject.conventions["ordering"], relation.to
    found: list[OrderKey] = []
    for word in relation.order:
        path = word.removeprefix("-")
        at = next(pointers(shown.inner, path), None)
        if at is None or at[1].is_list:
            break
        is_down = word.startswith("-")
        found.append({
            "at": at[0], "kind": kind_of(_schema_at(scene, resource, path)), "desc": is_down,
            # Nulls are last inside a record, whatever the direction.
            "nulls": "low" if is_down else "high", "collation": rules["collation"],
        })  # fmt: skip
    return found


def _schema_at(scene: Scene, resource: str, path: str) -> Schema:
    head, _, name = path.rpartition(".")
    known = scene.lab.subject.spec.resources[resource]
    owner = scene.lab.subject.reached(known, head or ".")
    field = owner.fields.get(name) if owner else None
    return field.schema if field is not None else {}


def _field(scene: Scene, path: str) -> Schema:
    head, _, name = path.rpartition(".")
    owner = scene.lab.subject.reached(scene.resource, head or ".")
    field = owner.fields.get(name) if owner else None
    return field.schema if field is not None else {}


def tied(scene: Scene, keys: Sequence[OrderKey]) -> list[Any]:
    """Return what several rows have in common under an order."""
    seen = Counter(place_of(row, keys) for row in scene.rows)
    return [place for place, count in seen.items() if count > 1]


def place_of(row: Any, keys: Sequence[OrderKey]) -> str:
    """Return what two rows share that an order leaves equal."""
    found = []
    for key in keys:
        value = point(row, key["at"])
        if "table" in key:
            value = next((held for shown, held in key["table"] if shown == value), ABSENT)
        found.append(repr(order_value(value, key)))
    return "|".join(found)


def is_determined(scene: Scene, keys: Sequence[OrderKey]) -> bool:
    """Tell whether the description says where every row belongs."""
    if scene.lab.subject.conventions["ordering"]["ties"] == "key":
        return True
    return scene.whole.is_whole and bool(keys) and not tied(scene, keys)
