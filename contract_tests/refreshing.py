"""Fit a script to what is free now: what only one record can refer to is chosen anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract_tests import making
from contract_tests.lab import Blocked, Lab
from contract_tests.script import Script
from contract_tests.world import World
from mockserver.operation import Operation


def refreshed(lab: Lab, world: World, script: Script) -> Script:
    """
    Return a script whose creates refer to records that nothing refers to yet.

    A server that does not delete what it should, or makes it twice, would else refuse
    every further try. What a server cannot be asked about stays as it is written.
    """
    new: dict[str, Any] = {}
    with lab.unjudged(), lab.case("confirm"):
        for step in script["steps"]:
            operation = lab.operation(step["operation"])
            if step.get("creates") == operation.resource and isinstance(step.get("body"), Mapping):
                _choose(lab, world, operation, step["body"], new)
    return {**script, **_replaced({k: script[k] for k in ("steps", "claim")}, new)}


def _choose(
    lab: Lab, world: World, operation: Operation, body: Mapping[str, Any], new: dict[str, Any]
) -> None:
    for name in making.exclusive(lab, operation):
        said = body.get(name)
        if not isinstance(said, str) or said in new:
            continue
        try:
            free = making.free(lab, world, operation, name)
        except Blocked:
            continue
        left = [value for value in free if value not in new.values()]
        if left:
            new[said] = left[0]


def _replaced(value: Any, new: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return new.get(value, value)
    if isinstance(value, Mapping):
        return {name: _replaced(inner, new) for name, inner in value.items()}
    return [_replaced(inner, new) for inner in value] if isinstance(value, list) else value
