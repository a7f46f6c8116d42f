"""Write values at the edge of the schema: they are taken, and come back as they were sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from contract_tests import claims, edges, inputs, making, portrait
from contract_tests.inputs import Wish
from contract_tests.lab import Depth, Lab
from contract_tests.making import Own
from contract_tests.probes.registry import probe
from contract_tests.probes.twins import unique_properties
from contract_tests.probes.updates import effective, is_update, send, shower_of, written
from contract_tests.probes.writes import is_create, is_ours
from contract_tests.references import references
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation, Schema


@probe(
    "B1", "B2", "B20",
    safety="W",
    applies=is_create,
    cost=lambda subject, op, depth: 3 * len(list(_rounds(subject, op, depth))),
)  # fmt: skip
def create_variants(lab: Lab, world: World, operation: Operation) -> None:
    """Create records with every word of every list, and with values at the edge of the schema."""
    is_ours(lab, operation)
    for changes in _rounds(lab.subject, operation, lab.depth):
        _one_variant(lab, world, operation, changes)


def _one_variant(lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any]) -> None:
    shower = portrait.reader(lab, operation.resource)
    try:
        with lab.case(), making.own(lab, world, operation.resource, changes=changes) as record:
            claims.takes(lab, "B20", operation, record.made)
            claims.echoes(lab, "B20", operation, (operation, record.made), changes)
            if shower is not None:
                page = portrait.look(lab, record, shower)
                claims.echoes(lab, "B20", operation, (shower, page), changes)
    except making.Refused as refused:
        good = world.making.get(("good", operation.id))
        if len(changes) == 1 and good:
            # When nothing else is accepted either, the value is not to blame.
            with making.own(lab, world, operation.resource):
                pass
            claims.takes(lab, "B1", operation, refused.reply, about=next(iter(changes)))
        elif good:
            # One of them is to blame: each alone tells which.
            for name, value in changes.items():
                _one_variant(lab, world, operation, {name: value})


def _rounds(subject: Subject, operation: Operation, depth: Depth) -> Iterator[dict[str, Any]]:
    """Yield values for all properties at once, so that every edge of each comes once."""
    values = edge_values(subject, operation)
    longest = max(map(len, values.values()), default=0)
    for index in range(longest if depth.is_full else min(longest, 4)):
        yield {name: found[index % len(found)] for name, found in values.items()}


def edge_values(subject: Subject, operation: Operation) -> dict[str, list[Any]]:
    """Return the values at the edge of each body property that names no record."""
    schema: Schema = subject.body_schema(operation) or {}
    unique = unique_properties(subject, operation)
    taken = {*references(subject, operation), *unique}
    found = {
        name: edges.edges(declared)
        for name, declared in subject.properties(schema).items()
        if name not in taken and not declared.get("readOnly") and not inputs.admits_all(declared)
    }
    return {name: values for name, values in found.items() if values}


@probe(
    "B20",
    safety="W",
    applies=is_update,
    cost=lambda subject, op, depth: 2 + 2 * _longest(subject, op, depth),
)
def update_edges(lab: Lab, world: World, operation: Operation) -> None:
    """Write values at the edge of the schema, and read them back."""
    shower = shower_of(lab, operation)
    names = effective(lab.subject, operation)
    values = {n: v for n, v in edge_values(lab.subject, operation).items() if n in names}
    with making.own(lab, world, operation.resource) as record:
        must = written(lab, world, operation, record, Wish(variant=1, optional=False))
        for found in list(zip_longest(*values.values()))[
            : _longest(lab.subject, operation, lab.depth)
        ]:
            sent = {
                name: (value if value is not None else values[name][0])
                for name, value in zip(values, found, strict=True)
            }
            _edge(lab, operation, record, {**must, **sent}, shower)


def _edge(
    lab: Lab, operation: Operation, record: Own, body: Mapping[str, Any], shower: Operation
) -> None:
    with lab.case():
        reply = send(lab, operation, record, body)
        if reply.is_good:
            claims.takes(lab, "B20", operation, reply)
            after = portrait.look(lab, record, shower)
            claims.echoes(lab, "B20", operation, (operation, reply), body)
            claims.echoes(lab, "B20", operation, (shower, after), body)
            return
    must = inputs.required(lab, lab.subject.body_schema(operation) or {})
    base = {name: value for name, value in body.items() if name in must}
    for name, value in body.items():
        with lab.case():
            alone = send(lab, operation, record, {**base, name: value})
            claims.takes(lab, "B20", operation, alone, about=name)


def _longest(subject: Subject, operation: Operation, depth: Depth) -> int:
    longest = max(map(len, edge_values(subject, operation).values()), default=0)
    return longest if depth.is_full else min(longest, 4)
