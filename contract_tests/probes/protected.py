"""Send what clients may not write: it is ignored or refused, but never kept."""

from __future__ import annotations

from typing import Any

from contract_tests import claims, inputs, making, portrait
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.probes.refusals import takes_bodies
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import effective, written
from contract_tests.relations import const
from contract_tests.steps import Reply
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation


@probe(
    "E4", "B14",
    safety="W",
    applies=lambda subject, op: takes_bodies(subject, op) and op.verb != "action",
    cost=lambda subject, op, depth: 8,
)  # fmt: skip
def protected_members(lab: Lab, world: World, operation: Operation) -> None:
    """Send members that clients may not write: ignored or refused, but never kept."""
    if operation.verb == "create":
        _protected_create(lab, world, operation)
        return
    shower = portrait.reader(lab, operation.resource)
    if shower is None:
        raise Blocked(f"nothing shows a record of {operation.resource}")
    with making.own(lab, world, operation.resource) as record:
        for name, value in foreign(lab, world, operation, shower).items():
            with lab.case():
                before = portrait.look(lab, record, shower)
                must = written(lab, world, operation, record, Wish(variant=1, optional=False))
                params = making.item_params(operation, record.key, record.params)
                reply = lab.call(operation, params, body={**must, name: value})
                after = portrait.look(lab, record, shower)
                is_ours = name.startswith(lab.tag)
                _is_answered(lab, operation, reply, "" if is_ours else name)
                if is_ours:
                    _is_unknown(lab, operation, after, name)
                    continue
                view = lab.subject.view(shower)
                pointer = f"/{name}" if name in view else _pointer(lab, operation, shower, name)
                _is_kept(lab, operation, (before, after), name, pointer)


def foreign(lab: Lab, world: World, operation: Operation, shower: Operation) -> dict[str, Any]:
    """Return values for what is shown and not to be written, and one that means nothing."""
    found: dict[str, Any] = {f"{lab.tag}extra": "unexpected"}
    named = lab.subject.body_view(operation)
    for name, shown in lab.subject.view(shower).items():
        if name in named or shown.source in ("computed", "nested", "media") or shown.is_list:
            continue
        value = inputs.other_value(lab, world, shown)
        if value is not ABSENT:
            found[name] = value
    found.update(_dropped(lab, world, operation, shower))
    return found


def _dropped(lab: Lab, world: World, operation: Operation, shower: Operation) -> dict[str, Any]:
    """Return values for what the body may have, and the effect does not write."""
    if operation.verb not in ("update", "partial_update"):
        return {}
    names = effective(lab.subject, operation)
    known = portrait.readbacks(lab.subject, operation, shower)
    body = inputs.valid(lab, world, operation, variant=1)
    return {n: v for n, v in body.items() if n in known and n not in names}


def _protected_create(lab: Lab, world: World, operation: Operation) -> None:
    shower = portrait.reader(lab, operation.resource) or operation
    for name, value in foreign(lab, world, operation, shower).items():
        try:
            with (
                lab.case(),
                making.own(lab, world, operation.resource, changes={name: value}) as record,
            ):
                page = record.made if shower is operation else portrait.look(lab, record, shower)
                if name.startswith(lab.tag):
                    _is_unknown(lab, operation, page, name)
                    continue
                lab.expect(
                    "B14",
                    {"relation": "unequal", "left": page.body(f"/{name}"), "right": const(value)},
                    operation=operation, about=name, key="x-from",
                    says="what the server chooses cannot be sent",
                )  # fmt: skip
        except making.Refused as refused:
            _is_answered(lab, operation, refused.reply, "" if name.startswith(lab.tag) else name)


def _pointer(lab: Lab, operation: Operation, shower: Operation, name: str) -> str:
    return portrait.readbacks(lab.subject, operation, shower)[name].pointer


def _is_kept(
    lab: Lab, operation: Operation, pair: tuple[Reply, Reply], name: str, pointer: str
) -> None:
    before, after = pair
    lab.expect(
        "B14", claims.same(after, before, pointer), operation=operation, about=name,
        says="what clients may not write stays as it is", key="x-from",
    )  # fmt: skip


def _is_answered(lab: Lab, operation: Operation, reply: Reply, about: str) -> None:
    statuses = [*claims.accepted(operation), *claims.refusals(operation)]
    lab.expect(
        "B14" if about else "E4", claims.status_is(reply, statuses), operation=operation,
        about=about, says="it is ignored or refused", key="schema",
    )  # fmt: skip


def _is_unknown(lab: Lab, operation: Operation, reply: Reply, name: str) -> None:
    lab.expect(
        "E4", {"relation": "absent", "left": reply.body(f"/{name}")}, operation=operation,
        says="a member that is not described is not kept", key="schema",
    )  # fmt: skip
