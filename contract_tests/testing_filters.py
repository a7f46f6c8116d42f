"""Tell from what rows show which of them a filter must keep, and which it must not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from contract_tests.meaning import Kind, Test, kind_of, passes
from contract_tests.scene import Scene, anchors, full_path, pointers, shown_at
from contract_tests.subject import key_in
from contract_tests.wire import ABSENT
from mockserver.operation import Alternative, Filter, Parameter, Resource, Schema, types_of

TEXTUAL: Final = frozenset({"contains", "icontains", "iexact", "folded", "startswith"})
PARTIAL: Final = frozenset({"contains", "icontains", "folded"})
RANGES: Final = frozenset({"gt", "gte", "lt", "lte"})
_UUID: Final = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Expected:
    """
    Rows that pass `keeps` must be kept; those that pass `drops` must not.

    A row that passes neither does not show enough; `drops` None: nothing can be excluded.
    `is_joined` tells that other lists had to say what the rows do not.
    """

    keeps: Test
    drops: Test | None
    is_joined: bool = False


def value_schema(parameter: Parameter) -> Schema:
    """Return the schema of one value of a parameter."""
    if "array" in types_of(parameter.schema):
        return parameter.schema.get("items") or {}
    return parameter.schema


def test_of(scene: Scene, parameter: Parameter, values: Sequence[str]) -> Expected | None:
    """Return what a filter does to the rows; None when they do not show what it compares."""
    declared = parameter.filter
    if declared is None:
        return None
    kind = kind_of(value_schema(parameter))
    if declared.shown:
        schema = scene.view[declared.shown].schema if declared.shown in scene.view else {}
        compared = _common(kind, kind_of(schema))
        return _direct([f"/{declared.shown}"], declared.lookup, _asked(values), compared)
    if declared.any:
        return _either([_alternative(scene, each, values) for each in declared.any])
    return None if declared.by else _by_fields(scene, declared, values, kind)


def _by_fields(
    scene: Scene, declared: Filter, values: Sequence[str], kind: Kind
) -> Expected | None:
    asked = _asked(values)
    if declared.lookup in ("isnull", "exists"):
        return _existence(scene, declared, asked[0])
    if declared.lookup == "link":
        return _either([_linked(scene, path, values) for path in declared.fields])
    return _either([_leaf(scene, path, declared.lookup, asked, kind) for path in declared.fields])


def _asked(values: Sequence[str]) -> list[str]:
    return [value.strip() for value in values]


def _direct(at: list[str], lookup: str, values: list[str], kind: Kind) -> Expected:
    test = {"at": at, "lookup": lookup, "value": values, "kind": kind}
    return Expected(test, {"not": test})


def _either(found: Sequence[Expected | None]) -> Expected | None:
    known = [each for each in found if each is not None]
    if not known:
        return None
    drops = [each.drops for each in known if each.drops is not None]
    is_all = len(drops) == len(found)
    return Expected(
        {"any": [each.keeps for each in known]} if len(found) > 1 else known[0].keeps,
        ({"all": drops} if len(drops) > 1 else drops[0]) if is_all else None,
        any(each.is_joined for each in known),
    )


def _common(asked: Kind, shown: Kind) -> Kind:
    """Return how a value of one kind is compared with a field of another."""
    return asked if asked in ("date", "instant") else shown


def _leaf(scene: Scene, path: str, lookup: str, values: list[str], kind: Kind) -> Expected | None:
    path = full_path(scene, path)
    found = list(pointers(scene.view, path))
    if found:
        at, shown = found[0]
        return _direct([at], lookup, values, _common(kind, kind_of(shown.schema)))
    test = {"at": "/value", "lookup": lookup, "value": values, "kind": kind}
    return _joined(scene, path, test)


def _linked(scene: Scene, path: str, values: Sequence[str]) -> Expected | None:
    """Return the test of a hyperlink: rows show the like, or the key that it names."""
    target = scene.lab.subject.reached(scene.resource, path)
    if target is None:
        return None
    for name, each in scene.view.items():
        if each.source == "link" and each.path == path and not each.is_list:
            return _direct([f"/{name}"], "exact", list(values), "text")
    keys = [key_in(target, value) for value in values]
    return _leaf(scene, f"{path}.{target.key}", "exact", keys, kind_of(_key_schema(target)))


def _key_schema(resource: Resource) -> Schema:
    return resource.fields[resource.key].schema


def _existence(scene: Scene, declared: Filter, value: str) -> Expected | None:
    if declared.where or len(declared.fields) != 1:
        return None
    path = declared.fields[0]
    at = [f"/{n}" for n, s in scene.view.items() if s.path == path and s.source != "computed"]
    at += [pointer for pointer, _ in pointers(scene.view, full_path(scene, path))]
    if not at:
        return None
    is_asked = value.lower() in ("true", "1")
    is_null = is_asked if declared.lookup == "isnull" else not is_asked
    test = {"at": at[0], "lookup": "isnull", "value": is_null}
    return Expected(test, {"not": test})


def _alternative(scene: Scene, each: Alternative, values: Sequence[str]) -> Expected | None:
    nothing = Expected({"any": []}, {"all": []})
    texts = [value.strip() for value in values if not _is_elsewhere(scene, each, value)]
    if None in [_told(scene, each, value) for value in values]:
        return None
    if not texts:
        return nothing
    if each.words:
        return _worded(scene, each, texts[0]) if len(texts) == 1 else None
    found = []
    for path in each.fields:
        schema = _schema_of(scene, path)
        readable = [t for t in texts if each.lookup in TEXTUAL or _can_be(t, schema)]
        kind = kind_of(schema)
        found.append(_leaf(scene, path, each.lookup, readable, kind) if readable else nothing)
    return _either(found)


def _worded(scene: Scene, each: Alternative, text: str) -> Expected | None:
    parts = text.split()
    if len(parts) < len(each.words):
        return Expected({"any": []}, {"all": []})
    last = len(each.words) - 1
    asked = [*parts[:last], " ".join(parts[last:])]
    found = [
        _leaf(scene, path, each.lookup, [part], "text")
        for path, part in zip(each.words, asked, strict=True)
    ]
    known = [one for one in found if one is not None and one.drops is not None]
    if len(known) < len(found):
        return None
    return Expected(
        {"all": [one.keeps for one in known]},
        {"any": [one.drops for one in known]},
        any(one.is_joined for one in known),
    )


def _is_elsewhere(scene: Scene, each: Alternative, value: str) -> bool:
    return _told(scene, each, value) is False


def _told(scene: Scene, each: Alternative, value: str) -> bool | None:
    """Tell whether an alternative applies to a value; None when that cannot be known."""
    if each.unless:
        return not _can_be(value, {"type": "string", "format": each.unless})
    if each.unless_key_of:
        other = scene.lab.subject.spec.resources[each.unless_key_of]
        if not _can_be(value, _key_schema(other)):
            return True
        return False if (other.name, value) in scene.world.facts else None
    return True


def _can_be(value: str, schema: Schema) -> bool:
    kind = kind_of(schema)
    if kind == "uuid":
        return _UUID.fullmatch(value.strip()) is not None
    if kind == "number":
        return re.fullmatch(r"[+-]?\d+", value.strip()) is not None
    return kind == "text"


def _schema_of(scene: Scene, path: str) -> Schema:
    """Return the schema of the field at the end of a path."""
    head, _, name = full_path(scene, path).rpartition(".")
    owner = scene.lab.subject.reached(scene.resource, head or ".")
    field = owner.fields.get(name) if owner else None
    return field.schema if field is not None else {}


# What other lists say


def _joined(scene: Scene, path: str, test: Test) -> Expected | None:
    table = facts_about(scene, path)
    if table is None:
        return None
    at, known = table
    kept = [shown for shown, value in known if passes({"value": value}, test) is True]
    lost = [shown for shown, value in known if passes({"value": value}, test) is False]
    keeps = {"at": at, "lookup": "exact", "value": kept, "kind": "text"}
    drops = {"at": at, "lookup": "exact", "value": lost, "kind": "text"}
    empty = {"at": at, "lookup": "isnull", "value": True}
    return Expected(keeps, {"any": [drops, empty]}, is_joined=True)


def facts_about(scene: Scene, path: str) -> tuple[str, list[tuple[Any, Any]]] | None:
    """
    Return a pointer into rows, and what goes with what it shows at the end of a path.

    None when no list that was read says anything of it.
    """
    for at, resource, rest, way in anchors(scene, path):
        shown = dict.fromkeys(
            value
            for row in scene.rows
            if isinstance(value := shown_at(row, at), (str, int)) and value != ""
        )
        known = []
        for value in shown:
            key = key_in(resource, str(value)) if way == "link" else str(value)
            found = key if rest == resource.key else scene.world.fact(resource.name, key, rest)
            if found is not ABSENT and key:
                known.append((value, found))
        if known:
            return at, known
    return None
