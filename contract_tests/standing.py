"""Where an operation can be tried without harm: what exists, what is ours, what nobody has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from contract_tests import cleanup, inputs, making, references
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.relations import Claim
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import Params, World
from mockserver.operation import Operation, format_of, types_of

_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """
    Path parameters and a body for one operation.

    `own` is the record of ours that it would change; None when there is none. Of a
    create, `is_accepted` tells that the body was accepted of somebody who may.
    """

    params: Params = field(default_factory=dict)
    body: Any = ABSENT
    own: Own | None = None
    is_accepted: bool = False


def reader(lab: Lab, resource: str) -> Operation | None:
    """Return the operation that shows one record to whoever may see it."""
    may = [o for o in lab.verbs(resource, "retrieve") if o.permission is None]
    return next(iter(may), None)


def look(lab: Lab, own: Own, persona: str = "main") -> Reply | None:
    """Read a record of ours; None when nothing shows it."""
    operation = reader(lab, own.resource)
    if operation is None:
        return None
    return lab.call(operation, making.item_params(operation, own.key, own.params), persona=persona)


def unchanged(lab: Lab, before: Reply, after: Reply) -> Claim:
    """Write that a record is as it was, as far as it holds values of its own."""
    view = lab.subject.view(lab.operation(before.step.operation))
    derived = [name for name, shown in view.items() if shown.source == "computed"]
    return {
        "relation": "equal",
        "left": after.body(without=derived),
        "right": before.body(without=derived),
    }


def invented(lab: Lab, operation: Operation) -> dict[str, str]:
    """Return path parameters that name records nobody has."""
    found = {}
    for parameter in operation.parameters:
        if parameter.place == "path":
            key = _key(lab, parameter.schema)
            lab.client.invented.add(key)
            found[parameter.name] = key
    return found


def _key(lab: Lab, schema: Mapping[str, Any]) -> str:
    if "integer" in types_of(schema):
        return str(2_000_000_000 + lab.random.randrange(100_000_000))
    number = lab.random.getrandbits(128)
    return f"{number:032x}" if format_of(schema) == "uuid" else f"{lab.tag}{number:x}"


def is_lasting(operation: Operation) -> bool:
    """Tell whether nothing takes back what an operation does."""
    return operation.effect is not None and operation.effect.lasting


@contextmanager
def place(
    lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any] = _NOTHING
) -> Iterator[Place]:
    """
    Lend a place for an operation: writes get a record of our own, or a key nobody has.

    `changes` says what the record of our own shall be like; Blocked when it cannot be so.
    """
    if not operation.writes:
        known = world.parents(operation)
        yield Place(known[0] if known else invented(lab, operation))
    elif operation.verb == "create":
        # What somebody creates here against the rules may stand in the way of the next one.
        with lab.held():
            mark = len(list(lab.client.ledger.newest_first()))
            try:
                yield _new(lab, world, operation, changes)
            finally:
                cleanup.clean(lab, down_to=mark)
    elif is_lasting(operation) and lab.mode != "destructive":
        yield Place(invented(lab, operation), body_for(lab, world, operation))
    else:
        with _own(lab, world, operation, changes) as found:
            yield found


def _new(lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any]) -> Place:
    """Return a body that a create accepts, proved by a record that is gone again."""
    try:
        made = making.make(lab, world, operation.resource, changes=changes)
        record = making.own_of(lab, made)
    except Blocked:
        if changes:
            raise
        return Place(invented(lab, operation), body_for(lab, world, operation))
    making.unmake(lab, world, record)
    params = made.step.params if made.step.operation == operation.id else invented(lab, operation)
    return Place(params, dict(record.body), is_accepted=True)


@contextmanager
def _own(
    lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any]
) -> Iterator[Place]:
    # Suspicions wait until the record is gone: another one may not be possible beside it.
    with lab.held():
        try:
            made = making.make(lab, world, operation.resource, changes=changes)
            record = making.own_of(lab, made)
        except Blocked:
            if changes:
                raise
            yield Place(invented(lab, operation), body_for(lab, world, operation))
            return
        try:
            params = making.item_params(operation, record.key, record.params)
            shown = record.made.data if isinstance(record.made.data, Mapping) else None
            yield Place(params, body_for(lab, world, operation, shown), record)
        finally:
            making.unmake(lab, world, record)


def body_for(
    lab: Lab, world: World, operation: Operation, record: Mapping[str, Any] | None = None
) -> Any:
    """Return a valid body; ABSENT for an operation that takes none."""
    if operation.body is None:
        return ABSENT
    return inputs.body(lab, world, operation, inputs.Wish(variant=1, record=record))


def surroundings(
    lab: Lab, world: World, resource: str, persona: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """
    Return what records may refer to, as changes to a body: what a persona sees, and the rest.

    Told by the records that exist, as a persona's list and the whole list show them.
    """
    remembered = ("surroundings", resource, persona)
    if remembered not in world.making:
        world.making[remembered] = _surroundings(lab, world, resource, persona)
    found: tuple[list[dict[str, Any]], list[dict[str, Any]]] = world.making[remembered]
    return found


def _surroundings(
    lab: Lab, world: World, resource: str, persona: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    create = making.creator(lab, resource)
    near: list[dict[str, Any]] = []
    far: list[dict[str, Any]] = []
    if create is None:
        return near, far
    for lister in world.listers(resource):
        for name in references.references(lab.subject, create):
            shown = references.shown_as(lab.subject, create, lister, name)
            if shown:
                theirs = _shown(world.listing(lister, persona=persona).rows, shown)
                every = _shown(world.listing(lister).rows, shown)
                near += [{name: value} for value in theirs]
                far += [{name: value} for value in every if value not in theirs]
    return near, far


def _shown(rows: list[Any], name: str) -> list[Any]:
    values = [row.get(name) for row in rows if isinstance(row, Mapping)]
    return list(dict.fromkeys(value for value in values if isinstance(value, (str, int))))


def documented(operation: Operation, *statuses: int) -> list[int]:
    """Return those of some statuses that are described; all of them when none is."""
    return [status for status in statuses if status in operation.answers] or list(statuses)


def has_rules(subject: Subject) -> bool:
    """Tell whether the description says how callers sign in."""
    return bool(subject.conventions.get("auth"))
