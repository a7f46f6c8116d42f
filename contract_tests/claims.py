"""Claims about writes that many probes make: what is shown, what stays, what has no effect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from contract_tests import portrait, relations
from contract_tests.lab import Lab
from contract_tests.relations import Claim, Expr, const
from contract_tests.steps import Reply
from contract_tests.wire import ABSENT
from mockserver.operation import Effect, Operation

#: More differences than this have one cause.
_FEW: Final = 3


def accepted(operation: Operation) -> list[int]:
    """Return the documented statuses of success."""
    return sorted(status for status in operation.answers if 200 <= status < 300)


def refusals(operation: Operation) -> list[int]:
    """Return the documented statuses that blame a body."""
    return sorted(set(operation.answers) & {400, 409, 413, 415, 422})


def status_is(reply: Reply, statuses: Collection[int]) -> Claim:
    """Claim that an answer has one of some statuses."""
    return {"relation": "among", "left": reply.status, "right": const(sorted(statuses))}


def count_is(listed: Expr, number: int) -> Claim:
    """Claim how many there are in a list."""
    return {"relation": "equal", "left": {"length": listed}, "right": const(number)}


def equals(left: Expr, right: Expr) -> Claim:
    """Claim that two values are the same."""
    return {"relation": "equal", "left": left, "right": right}


def differs(left: Expr, right: Expr) -> Claim:
    """Claim that two values are not the same."""
    return {"relation": "unequal", "left": left, "right": right}


def takes(lab: Lab, prop: str, operation: Operation, reply: Reply, about: str = "") -> bool:
    """Claim that a valid request is accepted."""
    return lab.expect(
        prop,
        status_is(reply, accepted(operation)),
        operation=operation,
        about=about,
        says="a valid request is accepted",
        key="x-action",
    )


def echoes(
    lab: Lab,
    prop: str,
    writer: Operation,
    shown: tuple[Operation, Reply],
    sent: Mapping[str, Any],
    says: str = "what was sent is shown",
) -> bool:
    """Claim that an answer shows every value that was sent; `shown` is whose answer, and it."""
    shower, reply = shown
    known = portrait.readbacks(lab.subject, writer, shower)
    all_hold = True
    for name, value in sent.items():
        claim = portrait.shows(reply, known[name], value) if name in known else None
        if claim is not None:
            holds = lab.expect(
                prop,
                claim,
                operation=writer,
                about=name,
                says=says,
                key=_key_of(writer, known[name]),
            )
            all_hold = all_hold and holds
    return all_hold


def _key_of(writer: Operation, known: portrait.Readback) -> str:
    return "x-normalize" if known.written.get("x-normalize") else "x-effect"


def stays(
    lab: Lab,
    prop: str,
    operation: Operation,
    pair: tuple[Reply, Reply],
    effect: Effect,
    *,
    is_other: bool = False,
) -> bool:
    """Claim that nothing but the effect is different between two answers of one operation."""
    before, after = pair
    shower = lab.operation(before.step.operation)
    found = [
        (name, claim)
        for name, pointer in portrait.staying(lab.subject, shower, effect, is_other=is_other)
        if _is_shown(before, pointer) or _is_shown(after, pointer)
        for claim in [same(after, before, pointer)]
    ]
    differing = [(name, claim) for name, claim in found if _differs(lab, claim)]
    says = "another record stays as it is" if is_other else "everything else stays as it is"
    if 0 < len(differing) <= _FEW:
        found = differing
    elif differing:
        found = [("", same(after, before, "", sorted({name for name, _ in found})))]
    holds = [
        lab.expect(prop, claim, operation=operation, about=name, says=says, key="x-effect")
        for name, claim in found
    ]
    return all(holds)


def same(after: Reply, before: Reply, pointer: str = "", only: Collection[str] = ()) -> Claim:
    """Claim that two answers show the same."""
    more = {"only": list(only)} if only else {}
    return {
        "relation": "equal",
        "left": after.body(pointer, **more),
        "right": before.body(pointer, **more),
    }


def _is_shown(reply: Reply, pointer: str) -> bool:
    return relations.evaluate(reply.body(pointer), {reply.step.number: reply}) is not ABSENT


def _differs(lab: Lab, claim: Claim) -> bool:
    try:
        return relations.check(claim, lab.replies) is not None
    except (LookupError, TypeError, ValueError):
        return True
