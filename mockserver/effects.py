"""Hold what an action changed against what its x-effect allows."""

from __future__ import annotations

from collections.abc import Mapping

from mockserver.actions import Bound
from mockserver.errors import ResponseDefect
from mockserver.json_types import JSON, Record
from mockserver.store import Transaction


def check_effect(bound: Bound, transaction: Transaction) -> None:
    """Raise ResponseDefect when an action changed more than its x-effect says."""
    effect = bound.operation.effect
    before = transaction.state
    for resource, key, record in transaction.changes:
        old = before.records(resource).get(key)
        if effect is None:
            raise ResponseDefect(f"{bound.operation.id} changed {resource} without an x-effect")
        if record is None:
            allowed, what = resource in effect.removes, "removed"
        elif old is None:
            allowed, what = resource in effect.creates, "created"
        else:
            changed = {n for n in {*old, *record} if old.get(n) != record.get(n)}
            excess = changed - effect.changes.get(resource, frozenset())
            allowed, what = not excess, f"changed {', '.join(sorted(excess))} of"
        if not allowed:
            raise ResponseDefect(f"{bound.operation.id} {what} {resource}, beyond its x-effect")
        if record is not None:
            _check_constants(bound, resource, record, effect.sets.get(resource, {}))


def _check_constants(
    bound: Bound, resource: str, record: Record, constants: Mapping[str, JSON]
) -> None:
    wrong = sorted(name for name, value in constants.items() if record.get(name) != value)
    if wrong:
        text = f"left {', '.join(wrong)} of {resource} other than its x-effect sets"
        raise ResponseDefect(f"{bound.operation.id} {text}")
