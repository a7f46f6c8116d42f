"""Requests at the same time do as they would one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

from contract_tests import claims, inputs, making, portrait, references
from contract_tests.concurrency import overlaps, together
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import effective
from contract_tests.steps import Reply, Step
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation

_AT_ONCE: Final = 4
_ROUNDS: Final = 3


def _applies(verb: str) -> Any:
    def applies(subject: Subject, operation: Operation) -> bool:
        return operation.verb == verb and operation.resource in subject.spec.resources

    return applies


def _ready(lab: Lab) -> None:
    """Make sure that requests can overlap, and may."""
    if lab.mode != "destructive":
        raise Blocked("only tried in mode destructive")
    if not overlaps(lab.client.transport):
        raise Blocked("inside one process nothing happens at the same time")


def _step(
    operation: Operation, params: Mapping[str, str], group: int, *, body: Any, creates: str = ""
) -> Step:
    return Step(
        operation.id, operation.method, operation.path, params=params, body=body, creates=creates,
        together=group,
    )  # fmt: skip


@probe("H1", safety="W", applies=_applies("create"), cost=lambda subject, op, depth: 12)
def creates_at_once(lab: Lab, world: World, operation: Operation) -> None:
    """Create several records at once: each is there, with what was sent for it."""
    _ready(lab)
    shower = portrait.reader(lab, operation.resource)
    if making.creator(lab, operation.resource) != operation or shower is None:
        raise Blocked("another operation creates the records that can be read")
    with making.own(lab, world, operation.resource) as model, lab.case():
        if making.is_exclusive(lab, operation):
            raise Blocked("what a record refers to can be referred to once only")
        bodies = [_like(lab, world, operation, model.body) for _ in range(_AT_ONCE)]
        resource, params = operation.resource, model.params
        steps = [
            _step(operation, params, lab.client.sent + 1, body=body, creates=resource)
            for body in bodies
        ]
        made = together(lab, steps)
        for reply in made:
            claims.takes(lab, "H1", operation, reply)
        good = [reply for reply in made if reply.is_good]
        _are_distinct(lab, operation, good)
        for reply in good:
            record = making.own_of(lab, reply)
            shown = portrait.look(lab, record, shower)
            says = "what is created at the same time is kept apart"
            claims.echoes(lab, "H1", operation, (shower, shown), record.body, says)
            making.unmake(lab, world, record)


def _like(
    lab: Lab, world: World, operation: Operation, accepted: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a new body with the references of one that was accepted."""
    body = inputs.body(lab, world, operation, Wish())
    kept = references.references(lab.subject, operation)
    return {
        name: accepted[name] if name in kept else body[name] for name in body if name in accepted
    }


def _are_distinct(lab: Lab, operation: Operation, made: list[Reply]) -> None:
    for one, other in combinations(made, 2):
        left, right = (reply.body(f"/{reply.key}") for reply in (one, other))
        claim = {"relation": "unequal", "left": left, "right": right}
        says = "each create makes a record of its own"
        lab.expect("H1", claim, operation=operation, says=says, key="x-action")


@probe("H1", safety="W", applies=_applies("destroy"), cost=lambda subject, op, depth: 4)
def deletes_at_once(lab: Lab, world: World, operation: Operation) -> None:
    """Delete a record twice at once: one finds it, the other does not."""
    _ready(lab)
    for _ in range(_ROUNDS):
        with making.own(lab, world, operation.resource) as record, lab.case():
            params = making.item_params(operation, record.key, record.params)
            step = _step(operation, params, lab.client.sent + 1, body=ABSENT)
            one, other = together(lab, [step, step])
            says = "of two deletes at once, one finds the record"
            for reply in (one, other):
                allowed = [*claims.accepted(operation), 404, 409, 410]
                claim = claims.status_is(reply, allowed)
                lab.expect("H1", claim, operation=operation, says=says, key="x-action")
            claim = {"relation": "unequal", "left": one.status, "right": other.status}
            lab.expect("H1", claim, operation=operation, says=says, key="x-action")


@probe("H1", safety="W", applies=_applies("partial_update"), cost=lambda subject, op, depth: 9)
def patches_at_once(lab: Lab, world: World, operation: Operation) -> None:
    """Change two properties of a record at once: both changes are kept."""
    _ready(lab)
    shower = portrait.reader(lab, operation.resource)
    known = portrait.readbacks(lab.subject, operation, shower) if shower else {}
    names = sorted(set(known) & effective(lab.subject, operation))
    with making.own(lab, world, operation.resource) as record:
        params = making.item_params(operation, record.key, record.params)
        for variant in range(1, _ROUNDS + 1):
            body = inputs.body(lab, world, operation, Wish(variant=variant))
            pair = [{name: body[name]} for name in names if name in body][:2]
            if len(pair) < 2 or shower is None:
                raise Blocked("there are no two properties that can be changed and read")
            with lab.case():
                group = lab.client.sent + 1
                told = together(lab, [_step(operation, params, group, body=each) for each in pair])
                for reply in told:
                    claims.takes(lab, "H1", operation, reply)
                shown = portrait.look(lab, record, shower)
                for each in pair:
                    says = "changes at the same time are both kept"
                    claims.echoes(lab, "H1", operation, (shower, shown), each, says)
