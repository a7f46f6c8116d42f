"""Send null to actions where null is a value."""

from __future__ import annotations

from contract_tests import acting, claims, inputs, making
from contract_tests.acting import effect_of, is_action
from contract_tests.lab import Blocked, Lab
from contract_tests.probes.registry import probe
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation


def _nullable(subject: Subject, operation: Operation) -> list[str]:
    declared = subject.properties(subject.body_schema(operation) or {})
    return [name for name, schema in declared.items() if inputs.nullable(schema)]


@probe(
    "C1",
    safety="W",
    applies=lambda subject, op: (
        is_action(subject, op) and effect_of(op).repeat == "same" and bool(_nullable(subject, op))
    ),
    cost=lambda subject, op, depth: 8,
)
def acts_with_null(lab: Lab, world: World, operation: Operation) -> None:
    """Repeat an action with null in place of each value that may be null."""
    if not acting.may_act(lab, operation):
        raise Blocked("what it does cannot be taken back; --mode destructive tries it")
    changes = acting.suited(lab, world, operation)
    with lab.case(), making.own(lab, world, operation.resource, changes=changes) as record:
        acting.prepare(lab, world, operation, record)
        done = acting.perform(lab, world, operation, record)
        params = making.item_params(operation, record.key, record.params)
        for name in _nullable(lab.subject, operation):
            reply = lab.call(operation, params, body={**done.sent, name: None})
            claims.takes(lab, "C1", operation, reply, about=name)
