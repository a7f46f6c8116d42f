"""Find the records from which a path leads to some values, without looking at the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from mockserver.json_types import JSON, Key
from mockserver.operation import Resource, types_of
from mockserver.store import Transaction

#: Returns the keys of the records that lead to any of the values.
Back: TypeAlias = Callable[[Transaction, Iterable[JSON]], set[Key]]
#: Values of these types are equal when they compare so, and can be looked up.
_PLAIN: Final = frozenset({"string", "integer", "boolean", "null"})
_FORMATS: Final = frozenset({"", "uuid"})


def compile_(resources: Mapping[str, Resource], resource: Resource, text: str) -> Back | None:
    """
    Return the way back along a path, None where there is no quick one.

    It needs relations that records hold themselves, and at the end a key, a plain
    value of another resource, or nothing: then the values are keys.
    """
    here, steps = resource, text.split(".")
    hops: list[tuple[str, str]] = []
    while steps and steps[0] in here.relations:
        relation = here.relations[steps.pop(0)]
        if not relation.is_stored:
            return None
        hops.append((here.name, relation.name))
        here = resources[relation.to]
    if steps and steps != [here.key]:
        field = here.fields.get(steps[0]) if len(steps) == 1 and hops else None
        is_plain = field is not None and field.is_stored and _is_plain(field.schema)
        if not is_plain:
            return None
        return lambda store, values: _back(store, hops, _with_value(store, here, steps[0], values))
    return lambda store, values: _back(store, hops, set(values))


def _is_plain(schema: Mapping[str, Any]) -> bool:
    types = types_of(schema)
    return bool(types) and _PLAIN.issuperset(types) and schema.get("format", "") in _FORMATS


def _with_value(
    store: Transaction, resource: Resource, name: str, values: Iterable[JSON]
) -> set[Key]:
    def group() -> dict[JSON, list[Key]]:
        found: dict[JSON, list[Key]] = {}
        for record in store.all(resource.name):
            found.setdefault(record.get(name), []).append(record[resource.key])
        return found

    by_value = store.keep(("keys by value", resource.name, name), group)
    return {key for value in values for key in by_value.get(value, ())}


def _back(store: Transaction, hops: list[tuple[str, str]], keys: set[Key]) -> set[Key]:
    """Follow relations from the last to the first, against their direction."""
    for resource, relation in reversed(hops[1:]):
        keys = {one for key in keys for one in store.holding(resource, relation, key)}
    if not hops:
        return keys
    # A view looks at each changed record of its own anyhow, and needs no note of them.
    with store.unnoted():
        resource, relation = hops[0]
        return {one for key in keys for one in store.holding(resource, relation, key)}
