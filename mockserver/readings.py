"""Read what an extension says of one operation or parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockserver.operation import Alternative, Effect, Refusal, Verb

#: What `x-effect.repeat` is when nothing is said.
REPEATED: Final[Mapping[str, Any]] = {
    "update": "same",
    "partial_update": "same",
    "destroy": "refused",
}


def texts(value: Any) -> tuple[str, ...]:
    """Return one text or several as several."""
    return (value,) if isinstance(value, str) else tuple(value)


def alternative(declared: Mapping[str, Any]) -> Alternative:
    """Return one way of `x-filter.any`."""
    unless = declared.get("unless", "")
    return Alternative(
        fields=texts(declared.get("field", ())),
        lookup=declared.get("lookup", "exact"),
        words=texts(declared.get("words", ())),
        unless=unless if isinstance(unless, str) else "",
        unless_key_of="" if isinstance(unless, str) else unless["key_of"],
    )


def effect(declared: Mapping[str, Any] | None, verb: Verb, place: str) -> Effect | None:
    """Return what `x-effect` says of an operation of that verb."""
    if declared is None:
        return None
    return Effect(
        creates=frozenset(declared.get("creates") or ()),
        changes={r: frozenset(f) for r, f in (declared.get("changes") or {}).items()},
        removes=frozenset(declared.get("removes") or ()),
        sets={r: dict(f) for r, f in (declared.get("sets") or {}).items()},
        refuses=tuple(_refusal(each) for each in declared.get("refuses") or ()),
        undo=declared.get("undo", ""),
        lasting=declared.get("lasting", False),
        repeat=declared.get("repeat") or REPEATED.get(verb, ""),
        where=place,
    )


def _refusal(declared: Mapping[str, Any]) -> Refusal:
    when = {
        path: tuple(value) if isinstance(value, list) else (value,)
        for path, value in declared["when"].items()
    }
    return Refusal(when, declared["status"])
