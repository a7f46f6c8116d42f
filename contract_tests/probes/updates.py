"""Change records: what is sent is kept, what is not sent stays, and nobody else is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract_tests import claims, inputs, making, portrait, references, shelves
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.probes.registry import probe
from contract_tests.probes.writes import defaults
from contract_tests.relations import const, list_of
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Effect, Operation

_PUT, _PATCH = "update", "partial_update"


def is_update(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation changes a record that we can make and read."""
    verbs = {o.verb for o in subject.spec.operations if o.resource == operation.resource}
    is_ours = subject.is_annotated and {"create", "retrieve"} <= verbs
    return is_ours and operation.verb in (_PUT, _PATCH) and operation.effect is not None


def is_patch(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation changes parts of a record of our own."""
    return is_update(subject, operation) and operation.verb == _PATCH


def is_put(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation replaces a record of our own."""
    return is_update(subject, operation) and operation.verb == _PUT


def shower_of(lab: Lab, operation: Operation) -> Operation:
    """Return the operation that shows the records which another changes; raise Blocked."""
    found = portrait.reader(lab, operation.resource)
    if found is None:
        raise Blocked(f"nothing shows a record of {operation.resource}")
    return found


def send(lab: Lab, operation: Operation, record: Own, body: Any) -> Reply:
    """Send a body to an operation on a record of our own."""
    return lab.call(operation, making.item_params(operation, record.key, record.params), body=body)


def written(
    lab: Lab, world: World, operation: Operation, record: Own, wish: Wish
) -> dict[str, Any]:
    """Return a valid body for a record, with only those properties that the operation writes."""
    body = inputs.body(lab, world, operation, wish)
    names = effective(lab.subject, operation)
    must = inputs.required(lab, lab.subject.body_schema(operation) or {})
    kept = {name: value for name, value in body.items() if name in names or name in must}
    for name, reference in references.references(lab.subject, operation).items():
        # What a record refers to was accepted once; it will be again.
        if name in kept and name in record.body and reference.is_certain:
            kept[name] = record.body[name]
    return kept


def effective(subject: Subject, operation: Operation) -> set[str]:
    """Return the body properties that are written, and not checked and dropped."""
    changes = operation.effect.changes if operation.effect else {}
    fields = changes.get(operation.resource, frozenset())
    view = subject.body_view(operation)
    return {name for name, shown in view.items() if shown.path.partition(".")[0] in fields}


@probe(
    "B10", "B13",
    safety="W",
    applies=is_patch,
    cost=lambda subject, op, depth: 3 + 4 * depth.values * len(effective(subject, op)) // 2,
)  # fmt: skip
def patch_each(lab: Lab, world: World, operation: Operation) -> None:
    """Change each field alone, to two different values."""
    shower = shower_of(lab, operation)
    with making.own(lab, world, operation.resource) as record:
        before = portrait.look(lab, record, shower)
        values = [
            written(lab, world, operation, record, Wish(variant=1 + index, record=before.data))
            for index in range(min(2, lab.depth.values))
        ]
        for name in sorted(set().union(*values)):
            _patch_one(
                lab, operation, record, name, [body[name] for body in values if name in body]
            )


def _patch_one(lab: Lab, operation: Operation, record: Own, name: str, values: list[Any]) -> None:
    shower = shower_of(lab, operation)
    with lab.case():
        before = portrait.look(lab, record, shower)
        for value in values:
            sent = {name: value}
            reply = send(lab, operation, record, sent)
            if not claims.takes(lab, "B10", operation, reply, about=name):
                return
            after = portrait.look(lab, record, shower)
            claims.echoes(lab, "B10", operation, (operation, reply), sent)
            claims.echoes(lab, "B10", operation, (shower, after), sent, "what was sent is kept")
            effect = portrait.narrowed(lab.subject, operation, sent)
            claims.stays(lab, "B10", operation, (before, after), effect)
            before = after


@probe(
    "B11",
    safety="W",
    applies=is_patch,
    cost=lambda subject, op, depth: 8,
)
def patch_nothing(lab: Lab, world: World, operation: Operation) -> None:
    """Send an empty change, and nulls where null is a value."""
    shower = shower_of(lab, operation)
    schema = lab.subject.body_schema(operation) or {}
    names = effective(lab.subject, operation)
    known = portrait.readbacks(lab.subject, operation, shower)
    with making.own(lab, world, operation.resource) as record:
        with lab.case():
            before = portrait.look(lab, record, shower)
            reply = send(lab, operation, record, {})
            claims.takes(lab, "B11", operation, reply)
            after = portrait.look(lab, record, shower)
            claims.stays(lab, "B11", operation, (before, after), Effect())
        for name, declared in lab.subject.properties(schema).items():
            if name in names and name in known and inputs.nullable(declared):
                with lab.case():
                    _patch_null(lab, operation, record, name)


def _patch_null(lab: Lab, operation: Operation, record: Own, name: str) -> None:
    shower = shower_of(lab, operation)
    before = portrait.look(lab, record, shower)
    reply = send(lab, operation, record, {name: None})
    if claims.takes(lab, "B11", operation, reply, about=name):
        after = portrait.look(lab, record, shower)
        says = "null is a value, not the same as leaving it out"
        claims.echoes(lab, "B11", operation, (shower, after), {name: None}, says)
        effect = portrait.narrowed(lab.subject, operation, [name])
        claims.stays(lab, "B11", operation, (before, after), effect)


@probe(
    "B12", "B13", "B15",
    safety="W",
    applies=is_update,
    cost=lambda subject, op, depth: 18,
)  # fmt: skip
def patch_in_a_row(lab: Lab, world: World, operation: Operation) -> None:
    """Change a record again and again, and look at it and at another one after each change."""
    shower = shower_of(lab, operation)
    with (
        lab.case(),
        making.own(lab, world, operation.resource) as record,
        making.beside(lab, world, operation) as other,
    ):
        untouched = portrait.look(lab, other, shower) if other else None
        _in_a_row(lab, world, operation, record)
        if other is not None and untouched is not None:
            after = portrait.look(lab, other, shower)
            effect = operation.effect or Effect()
            claims.stays(lab, "B13", operation, (untouched, after), effect, is_other=True)


def _in_a_row(lab: Lab, world: World, operation: Operation, record: Own) -> None:
    """Change a record several times; whichever change is lost, one claim about all fails."""
    shower = shower_of(lab, operation)
    known = portrait.readbacks(lab.subject, operation, shower)
    told: dict[str, list[tuple[Reply, Reply, Any]]] = {}
    for index in range(6 if lab.depth.is_full else 4):
        body = written(lab, world, operation, record, Wish(variant=1 + index))
        reply = send(lab, operation, record, body)
        if not claims.takes(lab, "B12", operation, reply):
            return
        if not index:
            shelves.is_alone(lab, world, operation, record, body)
        after = portrait.look(lab, record, shower)
        for name in body.keys() & known.keys():
            claim = portrait.shows(after, known[name], body[name])
            if claim is not None and claim["relation"] == "equal":
                told.setdefault(name, []).append((reply, after, claim["right"]["const"]))
    for name, changes in sorted(told.items())[:2]:
        lab.expect(
            "B12",
            {
                "relation": "equal",
                "left": list_of(*(after.body(known[name].pointer) for _, after, _ in changes)),
                "right": const([value for _, _, value in changes]),
                "after": [reply.status for reply, _, _ in changes],
            },
            operation=operation, says="each of several changes is kept", key="x-effect",
        )  # fmt: skip


@probe(
    "B7", "B8", "B9", "B13",
    safety="W",
    applies=is_put,
    cost=lambda subject, op, depth: 14,
)  # fmt: skip
def puts(lab: Lab, world: World, operation: Operation) -> None:
    """Replace a record by another one, by the same again, and by the least there can be."""
    shower = shower_of(lab, operation)
    with (
        lab.case(),
        making.own(lab, world, operation.resource) as record,
        making.beside(lab, world, operation) as other,
    ):
        untouched = portrait.look(lab, other, shower) if other else None
        before = portrait.look(lab, record, shower)
        for variant in (1, 2):
            body = written(lab, world, operation, record, Wish(variant))
            reply = send(lab, operation, record, body)
            if not claims.takes(lab, "B7", operation, reply):
                break
            after = portrait.look(lab, record, shower)
            claims.echoes(lab, "B7", operation, (operation, reply), body)
            claims.echoes(lab, "B7", operation, (shower, after), body, "what was sent is kept")
            effect = portrait.narrowed(lab.subject, operation, body)
            claims.stays(lab, "B7", operation, (before, after), effect)
            shelves.is_alone(lab, world, operation, record, body)
            _again(lab, operation, record, body, after)
            before = after
        if other is not None and untouched is not None:
            last = portrait.look(lab, other, shower)
            effect = operation.effect or Effect()
            claims.stays(lab, "B13", operation, (untouched, last), effect, is_other=True)


def _again(
    lab: Lab, operation: Operation, record: Own, body: Mapping[str, Any], after: Reply
) -> None:
    reply = send(lab, operation, record, body)
    if claims.takes(lab, "B9", operation, reply):
        shower = lab.operation(after.step.operation)
        last = portrait.look(lab, record, shower)
        claims.stays(lab, "B9", operation, (after, last), _untimed(lab, operation))


def _untimed(lab: Lab, operation: Operation) -> Effect:
    """Return what a repeated write may still change: what the server chooses each time."""
    effect = operation.effect or Effect()
    changes = {}
    for name, fields in effect.changes.items():
        known = lab.subject.spec.resources[name].fields
        changes[name] = frozenset(f for f in fields if f in known and known[f].server is not None)
    return Effect(changes=changes)


@probe(
    "B8",
    safety="W",
    applies=is_put,
    cost=lambda subject, op, depth: 5,
)
def put_required(lab: Lab, world: World, operation: Operation) -> None:
    """Replace a record by nothing but what is required."""
    shower = shower_of(lab, operation)
    schema = lab.subject.body_schema(operation) or {}
    declared = lab.subject.properties(schema)
    said = {n: v for n, v in defaults(lab.subject, operation).items() if "default" in declared[n]}
    with lab.case(), making.own(lab, world, operation.resource) as record:
        before = portrait.look(lab, record, shower)
        body = written(lab, world, operation, record, Wish(variant=1, optional=False))
        reply = send(lab, operation, record, body)
        if not claims.takes(lab, "B8", operation, reply):
            return
        after = portrait.look(lab, record, shower)
        reset = {name: value for name, value in said.items() if name not in body}
        says = "a PUT resets what it leaves out to its default"
        claims.echoes(lab, "B8", operation, (shower, after), reset, says)
        # Without a default there is nothing to reset a field to: only what is sent is written.
        effect = portrait.narrowed(lab.subject, operation, {*body, *reset})
        claims.stays(lab, "B8", operation, (before, after), effect)
