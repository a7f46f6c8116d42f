"""Bring records into every state that is one action away, and try every write in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contract_tests import acting, claims, making, portrait, relations
from contract_tests.acting import Done, View, effect_of
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.meaning import point
from contract_tests.probes.actions import judge, stay
from contract_tests.probes.reading import not_found
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import effective, written
from contract_tests.references import known, references, taken
from contract_tests.steps import Reply
from contract_tests.subject import Subject, key_in
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Effect, Operation, Refusal

_WRITES = ("update", "partial_update", "destroy", "action")


def is_write(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation writes to a record that we can make and read."""
    verbs = {o.verb for o in subject.spec.operations if o.resource == operation.resource}
    is_ours = subject.is_annotated and {"create", "retrieve"} <= verbs
    return is_ours and operation.verb in _WRITES and bool(operation.path_key and operation.effect)


@probe(
    "C3",
    safety="W",
    applies=lambda subject, op: is_write(subject, op) and bool(op.effect and op.effect.refuses),
    cost=lambda subject, op, depth: 8,
)
def refuses(lab: Lab, world: World, operation: Operation) -> None:
    """Try an operation in each state in which it says it refuses."""
    if not acting.may_act(lab, operation):
        raise Blocked("what it does cannot be taken back")
    for refusal in effect_of(operation).refuses:
        said = ", ".join(refusal.when)
        try:
            with lab.case():
                _refuses(lab, world, operation, refusal)
        except Blocked as reason:
            lab.blocked("C3", operation, f"no own record gets into the state {said}: {reason}")


def _refuses(lab: Lab, world: World, operation: Operation, refusal: Refusal) -> None:
    names = acting.settable(lab, operation.resource)
    base = acting.suited(lab, world, operation)
    chosen = {names[path]: values[0] for path, values in refusal.when.items() if path in names}
    referred = _referred(lab, world, operation.resource, refusal)
    chosen.update(referred)
    with making.own(lab, world, operation.resource, changes={**base, **chosen}) as record:
        if not referred and not set(refusal.when) <= set(names):
            _bring(lab, world, operation, record, refusal)
        before = acting.look(lab, world, record, effect_of(operation))
        if not referred and in_state(lab, before, refusal) is not True:
            raise Blocked("nothing brings it there")
        reply = _send(lab, world, operation, record, before)
        lab.expect(
            "C3", claims.status_is(reply, [refusal.status]), operation=operation,
            says="it refuses the states that it says it refuses", key="x-effect",
        )  # fmt: skip
        if not reply.is_good:
            after = acting.look(lab, world, record, effect_of(operation))
            stay(lab, "B19", operation, (before, after), Effect())


def _referred(lab: Lab, world: World, resource: str, refusal: Refusal) -> dict[str, Any]:
    """Return references to a record that is known to be as a refusal says; {} when none is."""
    create = making.creator(lab, resource)
    if create is None or len(refusal.when) != 1:
        return {}
    path, values = next(iter(refusal.when.items()))
    view = lab.subject.body_view(create)
    for name, reference in references(lab.subject, create).items():
        head = path.partition(".")[0]
        if name not in view or view[name].path.partition(".")[0] != head or head == path:
            continue
        known_resource = lab.subject.spec.resources[reference.resource]
        taken_values = (
            taken(lab, world, create, name) if making.is_exclusive(lab, create) else set()
        )
        for value in known(lab, world, reference):
            key = key_in(known_resource, value) if reference.is_link else str(value)
            fact = world.fact(reference.resource, key, path.partition(".")[2])
            if value not in taken_values and any(relations.same(fact, each) for each in values):
                return {name: value}
    return {}


def _bring(lab: Lab, world: World, operation: Operation, record: Own, refusal: Refusal) -> None:
    """Call the action that leads to a state: one that sets it, or the operation itself."""
    wanted = set(refusal.when)
    for other in acting.actions(lab, operation.resource):
        constants = effect_of(other).sets.get(operation.resource, {})
        if any(constants.get(path) in refusal.when[path] for path in wanted & set(constants)):
            acting.perform(lab, world, other, record)
            return
    if operation.verb == "action" and effect_of(operation).repeat == "refused":
        acting.perform(lab, world, operation, record)


def in_state(lab: Lab, view: View, refusal: Refusal) -> bool | None:
    """Tell whether a record shows the state of a refusal; None when it does not show it."""
    found = [_reaches(lab, view, path, values) for path, values in refusal.when.items()]
    return False if False in found else None if None in found else True


def _reaches(lab: Lab, view: View, path: str, values: tuple[Any, ...]) -> bool | None:
    for name, page in view.pages.items():
        for shown in lab.subject.view(lab.operation(name)).values():
            is_named = shown.source == "computed" and shown.name == path
            if (shown.path == path and not shown.inner) or is_named:
                value = point(page.data, f"/{shown.name}")
                if value is not ABSENT:
                    return any(relations.same(value, each) for each in values)
    return None


def _send(lab: Lab, world: World, operation: Operation, record: Own, view: View) -> Reply:
    """Send a write that is valid but for the state of the record."""
    params = making.item_params(operation, record.key, record.params)
    wish = Wish(variant=3, record=view.record)
    if operation.verb in ("update", "partial_update"):
        return lab.call(operation, params, body=written(lab, world, operation, record, wish))
    body = ABSENT
    if operation.verb == "action":
        ways = world.making.get(("way", operation.id)) or [0]
        tried = list(acting.candidates(lab, world, operation, record, wish))
        body = tried[min(ways[0], len(tried) - 1)] if tried else ABSENT
        if tried == [] and operation.body is not None:
            raise Blocked(f"nothing is known that {operation.id} could be sent")
    return lab.call(operation, params, body=body)


# Every state by every write


def _cells(lab: Lab, operation: Operation) -> Iterator[Operation]:
    """Yield the actions after which an operation is tried, those that set something first."""
    found = [o for o in acting.actions(lab, operation.resource) if acting.may_act(lab, o)]
    found.sort(key=lambda o: (not effect_of(o).sets, o is not operation))
    yield from found[: max(1, lab.depth.pairs // 10)]


@probe(
    "C5",
    safety="W",
    layer="interactions",
    applies=is_write,
    cost=lambda subject, op, depth: 9 * sum(
        o.resource == op.resource and o.verb == "action" for o in subject.spec.operations
    ),
)  # fmt: skip
def life_cycle(lab: Lab, world: World, operation: Operation) -> None:
    """Try an operation in every state that one action leads to."""
    if not acting.may_act(lab, operation):
        raise Blocked("what it does cannot be taken back")
    is_tried = False
    for first in _cells(lab, operation):
        try:
            with lab.case():
                _cell(lab, world, first, operation)
                is_tried = True
        except Blocked as reason:
            lab.blocked("C5", operation, f"after {first.id}: {reason}")
    if not is_tried:
        raise Blocked("no action leads to another state")


def _cell(lab: Lab, world: World, first: Operation, operation: Operation) -> None:
    changes = {**acting.suited(lab, world, first), **acting.suited(lab, world, operation)}
    with making.own(lab, world, operation.resource, changes=changes) as record:
        acting.prepare(lab, world, first, record)
        acting.perform(lab, world, first, record, variant=2)
        before = acting.look(lab, world, record, effect_of(operation))
        states = [in_state(lab, before, each) for each in effect_of(operation).refuses]
        if _needs_partner(lab, world, first, operation, record):
            acting.prepare(lab, world, operation, record)
            before = acting.look(lab, world, record, effect_of(operation))
        reply = _send(lab, world, operation, record, before)
        if True in states:
            _is_refused_here(lab, world, operation, record, (before, reply), states.index(True))
        elif first is not operation and _speaks(lab.subject):
            _does(lab, world, operation, record, (before, reply))


def _needs_partner(
    lab: Lab, world: World, first: Operation, operation: Operation, record: Own
) -> bool:
    """Tell whether what an operation changes has yet to be made."""
    made = acting.partner(lab, operation)
    if made is None or made is first:
        return False
    is_made = ("given", made.id, record.key) in world.making
    return not is_made or effect_of(made).undo == first.id


def _speaks(subject: Subject) -> bool:
    """Tell whether a description names the states that are refused, so that others are not."""
    return any(o.effect and o.effect.refuses for o in subject.spec.operations)


def _is_refused_here(
    lab: Lab,
    world: World,
    operation: Operation,
    record: Own,
    seen: tuple[View, Reply],
    index: int,
) -> None:
    before, reply = seen
    refusal = effect_of(operation).refuses[index]
    lab.expect(
        "C5", claims.status_is(reply, [refusal.status]), operation=operation,
        says="it refuses this state", key="x-effect",
    )  # fmt: skip
    if not reply.is_good:
        after = acting.look(lab, world, record, effect_of(operation))
        stay(lab, "C5", operation, (before, after), Effect())


def _does(
    lab: Lab, world: World, operation: Operation, record: Own, seen: tuple[View, Reply]
) -> None:
    before, reply = seen
    if not claims.takes(lab, "C5", operation, reply):
        return
    if operation.verb == "destroy":
        shower = portrait.readers(lab, operation.resource)[0]
        page = portrait.look(lab, record, shower)
        lab.expect(
            "C5", claims.status_is(page, not_found(shower)), operation=operation,
            says="a deleted record is not found", key="x-effect",
        )  # fmt: skip
        return
    after = acting.look(lab, world, record, effect_of(operation))
    body = reply.exchange.sent.body
    sent = _kept(lab.subject, operation, json.loads(body) if body else {})
    judge(lab, "C5", Done(operation, reply, sent), before, after)


def _kept(subject: Subject, operation: Operation, body: Mapping[str, Any]) -> dict[str, Any]:
    names = effective(subject, operation) if operation.verb != "action" else set(body)
    return {name: value for name, value in body.items() if name in names}
