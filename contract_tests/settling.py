"""Tell a defect from somebody else's writing: a list that changes by itself proves nothing."""

from __future__ import annotations

from collections.abc import Iterator

from contract_tests.lab import Blocked, Suspicion
from contract_tests.relations import text_of
from contract_tests.world import Listing, Params, World
from mockserver.operation import Operation

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
    """Return what others wrote: rows that have our tag change by our own doing."""
    texts = [text_of(row) for row in listing.rows]
    others = tuple(sorted(text for text in texts if tag not in text))
    total = None if listing.total is None else listing.total - len(texts) + len(others)
    return others, total
