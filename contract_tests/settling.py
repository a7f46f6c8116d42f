"""Tell a defect from somebody else's writing: a list that changes by itself proves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from contract_tests.lab import Blocked, Suspicion
from contract_tests.relations import text_of
from contract_tests.world import Listing, Params, World
from mockserver.operation import Operation

#: Stands for what we made ourselves.
_OURS: Final = object()
#: What a list shows, in any order, and how many rows it says it has.
Picture = tuple[tuple[str, ...], int | None]


class Disturbed(Exception):
    """Another client has written to what is being compared: ask again, from the start."""


def pictures(
    world: World, suspicion: Suspicion, *, reads: int, is_anew: bool = False
) -> dict[str, Picture]:
    """
    Return what the lists of a suspicion look like; raise Disturbed when they do not hold still.

    Each is read so many times and, unless it `is_anew`, held against what the probe went by.
    """
    found: dict[str, Picture] = {}
    with world.lab.unjudged(), world.lab.case("settle"):
        for operation, params in _lists(world, suspicion):
            name = f"{operation.id} {dict(params)}"
            known = None if is_anew else world.cached(operation, params)
            try:
                seen = [world.listing(operation, params, is_fresh=True) for _ in range(reads)]
            except Blocked:
                continue
            if known is not None:
                seen.append(known)
            if len({_picture(each, world.lab.tag) for each in seen}) > 1:
                raise Disturbed(f"others write to {operation.id} at the same time")
            found[name] = _picture(seen[0], world.lab.tag)
    return found


def _lists(world: World, suspicion: Suspicion) -> Iterator[tuple[Operation, Params]]:
    seen = set()
    for number in suspicion.steps:
        reply = world.lab.replies.get(number)
        if reply is None:
            # Long ago, and released since.
            continue
        step = reply.step
        operation = world.lab.operation(step.operation)
        key = (operation.id, tuple(sorted(step.params.items())))
        if step.method == "GET" and operation.verb == "list" and key not in seen:
            seen.add(key)
            yield operation, step.params


def _picture(listing: Listing, tag: str) -> Picture:
    """Return what others wrote: what has our tag changes by our own doing."""
    kept = [_of_others(row, tag) for row in listing.rows]
    others = tuple(sorted(text_of(row) for row in kept if row is not _OURS))
    total = None if listing.total is None else listing.total - len(kept) + len(others)
    return others, total


def _of_others(value: Any, tag: str) -> Any:
    """Return a value without the objects that have our tag, which may be inside of others'."""
    if isinstance(value, Mapping):
        if any(isinstance(inner, str) and tag in inner for inner in value.values()):
            return _OURS
        return {name: _of_others(inner, tag) for name, inner in value.items()}
    if isinstance(value, list):
        kept = (_of_others(inner, tag) for inner in value)
        return [inner for inner in kept if inner is not _OURS]
    return _OURS if isinstance(value, str) and tag in value else value
