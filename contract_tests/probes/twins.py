"""Make the same twice: another record, or a refusal where something must be unique."""

from __future__ import annotations

from collections.abc import Mapping

from contract_tests import claims, making, portrait, shelves
from contract_tests.inputs import Wish
from contract_tests.lab import Lab
from contract_tests.making import Own
from contract_tests.probes.refusals import is_refused
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import effective, is_update, send, shower_of, written
from contract_tests.probes.writes import is_create, is_ours
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Effect, Operation


@probe(
    "B5", "B21",
    safety="W",
    applies=is_create,
    cost=lambda subject, op, depth: 6,
)  # fmt: skip
def create_twice(lab: Lab, world: World, operation: Operation) -> None:
    """Send the same create again: another record, or a refusal where something is unique."""
    is_ours(lab, operation)
    repeat = operation.effect.repeat if operation.effect else ""
    unique = unique_properties(lab.subject, operation)
    with lab.case(), making.own(lab, world, operation.resource) as record:
        again = lab.call(operation, record.params, body=dict(record.body))
        if repeat == "refused" or (unique and _is_whole(unique, record)):
            _is_refused_twin(lab, world, operation, record, again)
        elif repeat == "again" or not unique:
            lab.expect(
                "B5",
                {
                    "relation": "unequal",
                    "left": again.body(f"/{again.key}"),
                    "right": record.made.body(f"/{record.made.key}"),
                },
                operation=operation,
                says="the same create again makes another record",
                key="x-effect",
            )
        if again.is_good:
            making.unmake(lab, world, making.own_of(lab, again))


def _is_whole(unique: Mapping[str, tuple[str, ...]], record: Own) -> bool:
    """Tell whether the body names every field of some rule of uniqueness."""
    return any(
        len([name for name, other in unique.items() if other == fields and name in record.body])
        >= len(fields)
        for fields in unique.values()
    )


def _is_refused_twin(
    lab: Lab, world: World, operation: Operation, record: Own, again: Reply
) -> None:
    names = sorted(unique_properties(lab.subject, operation))
    about = names[0] if len(names) == 1 else ""
    statuses = claims.refusals(operation)
    lab.expect(
        "B21", claims.status_is(again, statuses), operation=operation, about=about,
        says="what must be unique is refused the second time", key="x-resource",
    )  # fmt: skip
    for place in shelves.shelves(lab, world, record):
        listing = shelves.shelf(lab, world, record, place, shelves.seen(record.made.data))
        test = shelves.test_for(lab, place[0], record)
        if listing.is_whole:
            lab.expect(
                "B21",
                claims.count_is(listing.at("ids", where=test), 1),
                operation=operation, about=about, key="x-resource",
                says="a refused twin is not kept",
            )  # fmt: skip


def unique_properties(subject: Subject, operation: Operation) -> dict[str, tuple[str, ...]]:
    """Return the body properties whose value takes part in a rule of uniqueness."""
    resource = subject.resource(operation)
    found = {}
    for fields in resource.unique if resource else ():
        for name, shown in subject.body_view(operation).items():
            if shown.path.partition(".")[0] in fields:
                found[name] = fields
    return found


@probe(
    "B21",
    safety="W",
    applies=lambda subject, op: is_update(subject, op) and bool(unique_changes(subject, op)),
    cost=lambda subject, op, depth: 8,
)
def update_to_twin(lab: Lab, world: World, operation: Operation) -> None:
    """Give a record what another one has and what must be unique."""
    shower = shower_of(lab, operation)
    names = unique_changes(lab.subject, operation)
    resource = operation.resource
    with (
        lab.case(),
        making.own(lab, world, resource) as first,
        making.own(lab, world, resource, variant=1) as second,
    ):
        before = portrait.look(lab, second, shower)
        must = written(lab, world, operation, second, Wish(variant=1, optional=False))
        twin = {name: first.body[name] for name in names if name in first.body}
        if len(twin) == len(names):
            reply = send(lab, operation, second, {**must, **twin})
            about = names[0] if len(names) == 1 else ""
            is_refused(lab, "B21", operation, reply, about, "what must be unique is refused")
            after = portrait.look(lab, second, shower)
            claims.stays(lab, "B19", operation, (before, after), Effect())


def unique_changes(subject: Subject, operation: Operation) -> list[str]:
    """Return the properties of a rule of uniqueness that an operation can write all of."""
    names = unique_properties(subject, operation)
    writes = effective(subject, operation)
    for fields in dict.fromkeys(names.values()):
        found = sorted(name for name, other in names.items() if other == fields)
        if len(found) == len(fields) and set(found) <= writes:
            return found
    return []
