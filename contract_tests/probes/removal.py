"""Delete records: they are gone everywhere, only they are, and what belongs to them follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from contract_tests import acting, claims, inputs, making, portrait, references, shelves
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.probes.reading import not_found
from contract_tests.probes.refusals import is_refused
from contract_tests.probes.registry import probe
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import Listing, World
from mockserver.operation import Effect, Operation, types_of

_TRIED: Final = 3


def is_destroy(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation deletes records that we can make."""
    creates = {o.resource for o in subject.spec.operations if o.verb == "create"}
    is_ours = subject.is_annotated and operation.resource in creates
    return is_ours and operation.verb == "destroy"


@probe(
    "B16", "B17", "B13",
    safety="W",
    applies=is_destroy,
    cost=lambda subject, op, depth: 20,
)  # fmt: skip
def destroys(lab: Lab, world: World, operation: Operation) -> None:
    """Delete a record, and look for it everywhere."""
    changes = _apart(lab, world, operation, acting.legal(lab, operation.resource))
    with (
        lab.case(),
        making.own(lab, world, operation.resource, changes=changes) as record,
        making.beside(lab, world, operation, changes) as other,
    ):
        shower = portrait.reader(lab, operation.resource)
        page = portrait.look(lab, record, shower) if shower else record.made
        before = portrait.look(lab, other, shower) if shower and other else None
        places = shelves.shelves(lab, world, record)
        listed = [
            shelves.shelf(lab, world, record, place, shelves.seen(page.data)) for place in places
        ]
        bodies = {o.id: body for o, body in _targets(lab, world, record, page)}
        _read_all(lab, record, bodies)
        reply = lab.call(operation, making.item_params(operation, record.key, record.params))
        if not claims.takes(lab, "B16", operation, reply):
            return
        for place, earlier in zip(places, listed, strict=True):
            later = shelves.shelf(lab, world, record, place, shelves.seen(page.data))
            _is_off_the_shelf(lab, operation, (record, other), place[0], (earlier, later))
        if other is not None and before is not None and shower is not None:
            after = portrait.look(lab, other, shower)
            effect = operation.effect or Effect()
            claims.stays(lab, "B13", operation, (before, after), effect, is_other=True)
        for target, body in bodies.items():
            if not _is_gone(lab, operation, record, lab.operation(target), body):
                break


def _apart(
    lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return changes to a create that make records where there are no others, if that can be."""
    create = making.creator(lab, operation.resource)
    if create is None or making.is_exclusive(lab, create):
        return changes
    for name, reference in references.references(lab.subject, create).items():
        used = references.taken(lab, world, create, name)
        free = [value for value in references.known(lab, world, reference) if value not in used]
        for value in free[:_TRIED]:
            chosen = {**changes, name: value}
            try:
                with making.own(lab, world, operation.resource, changes=chosen):
                    return chosen
            except Blocked:
                continue
    return changes


def _targets(lab: Lab, world: World, record: Own, page: Reply) -> Iterator[tuple[Operation, Any]]:
    """Yield what can be asked of a record, reading first, each with a body that would do."""
    found = [
        operation
        for operation in lab.subject.spec.operations
        if operation.path_key
        and world.parent_resource(operation) == record.resource
        and acting.may_act(lab, operation)
    ]
    shower = portrait.reader(lab, record.resource)
    for operation in sorted(found, key=lambda o: (o.writes, o is not shower)):
        schema = lab.subject.body_schema(operation)
        if schema is None:
            yield operation, ABSENT
            continue
        body = inputs.body(lab, world, operation, Wish(variant=1, record=shelves.seen(page.data)))
        if inputs.required(lab, schema) <= set(body):
            yield operation, body


def _read_all(lab: Lab, record: Own, targets: Iterable[str]) -> None:
    """Read everything about a record once, so that a server may remember what it answered."""
    for target in map(lab.operation, targets):
        if not target.writes:
            lab.call(target, making.item_params(target, record.key, record.params))


def _is_gone(lab: Lab, operation: Operation, record: Own, target: Operation, body: Any) -> bool:
    """Claim that an operation does not find a deleted record; False when its page is there."""
    statuses = not_found(target)
    if not statuses:
        return True
    reply = lab.call(target, making.item_params(target, record.key, record.params), body=body)
    # Who still finds it is to blame; when its own page does, the delete did nothing.
    is_page = target is portrait.reader(lab, record.resource)
    holds = lab.expect(
        "B16", claims.status_is(reply, statuses), operation=operation if is_page else target,
        says="a deleted record is not found", key="x-effect",
    )  # fmt: skip
    return holds or not is_page


def _is_off_the_shelf(
    lab: Lab,
    operation: Operation,
    records: tuple[Own, Own | None],
    lister: Operation,
    listings: tuple[Listing, Listing],
) -> None:
    record, other = records
    earlier, later = listings
    if not later.is_whole:
        lab.blocked("B17", operation, f"{lister.id} is too long to be read whole")
        return
    for lost, count, says in (
        (record, 0, "a deleted record leaves its list"),
        (other, 1, "only the deleted record leaves its list"),
    ):
        if lost is None or (lost is other and lost.key not in map(str, earlier.ids)):
            continue
        test = shelves.test_for(lab, lister, lost)
        claim = claims.count_is(later.at("ids", where=test), count)
        lab.expect("B17", claim, operation=operation, says=says, key="x-effect")


def _flags(subject: Subject, operation: Operation) -> list[str]:
    """Return the booleans that whoever creates a record may choose."""
    create = next((o for o in subject.spec.operations
                   if o.verb == "create" and o.resource == operation.resource), None)  # fmt: skip
    view = subject.body_view(create) if create else {}
    found = [name for name, shown in view.items() if "boolean" in types_of(shown.schema)]
    return found[:_TRIED]


@probe(
    "B16",
    safety="W",
    applies=lambda subject, op: is_destroy(subject, op) and bool(_flags(subject, op)),
    cost=lambda subject, op, depth: 8 * len(_flags(subject, op)),
)
def destroys_in_states(lab: Lab, world: World, operation: Operation) -> None:
    """Delete records with a flag set and not set."""
    shower = portrait.reader(lab, operation.resource)
    if shower is None:
        raise Blocked(f"nothing shows a record of {operation.resource}")
    for name in _flags(lab.subject, operation):
        for value in (True, False):
            changes = {**acting.legal(lab, operation.resource), name: value}
            with (
                lab.case(),
                making.own(lab, world, operation.resource, changes=changes) as record,
            ):
                params = making.item_params(operation, record.key, record.params)
                reply = lab.call(operation, params)
                if claims.takes(lab, "B16", operation, reply, about=name):
                    _is_gone(lab, operation, record, shower, ABSENT)


@probe(
    "B25",
    safety="W",
    applies=lambda subject, op: is_destroy(subject, op) and bool(_children(subject, op)),
    cost=lambda subject, op, depth: 6 * len(_children(subject, op)),
)
def cascades(lab: Lab, world: World, operation: Operation) -> None:
    """Delete a record that others belong to."""
    for (resource, field), rule in _children(lab.subject, operation).items():
        changes = acting.legal(lab, operation.resource)
        with (
            lab.case(),
            making.own(lab, world, operation.resource, changes=changes) as parent,
            _child(lab, world, parent, (resource, field)) as child,
        ):
            params = making.item_params(operation, parent.key, parent.params)
            reply = lab.call(operation, params)
            _obeys(lab, world, operation, (parent, child), reply, (field, rule))


def _children(subject: Subject, operation: Operation) -> dict[tuple[str, str], str]:
    """Return the rules of a delete about records that we can make."""
    resource = subject.resource(operation)
    creates = {o.resource: o for o in subject.spec.operations if o.verb == "create"}
    found = {}
    for (name, field), rule in (resource.on_delete if resource else {}).items():
        create = creates.get(name)
        if create is None:
            continue
        fields = {shown.path.partition(".")[0] for shown in subject.body_view(create).values()}
        nesting = create.nesting
        is_below = nesting is not None and nesting.field.partition(".")[0] == field
        if field in fields or is_below:
            found[name, field] = rule
    return found


@contextmanager
def _child(lab: Lab, world: World, parent: Own, where: tuple[str, str]) -> Iterator[Own]:
    """Lend a record that belongs to another one of our own."""
    resource, field = where
    create = making.creator(lab, resource)
    if create is None:
        raise Blocked(f"nothing creates records of {resource}")
    slot = ("parent", parent.resource)
    kept = world.making.get(slot)
    world.making[slot] = parent.key
    changes: dict[str, Any] = {}
    for name, shown in lab.subject.body_view(create).items():
        if shown.path.partition(".")[0] == field:
            changes[name] = _named(lab, parent, shown.source == "link", shown.schema)
    try:
        with making.own(lab, world, resource, changes=changes) as child:
            yield child
    finally:
        world.making[slot] = kept or ""


def _named(lab: Lab, parent: Own, is_link: bool, schema: Mapping[str, Any]) -> Any:
    if is_link:
        for name, shown in lab.subject.view(lab.operation(parent.made.step.operation)).items():
            if shown.source == "link" and shown.path == ".":
                return shelves.seen(parent.made.data).get(name)
    return int(parent.key) if "integer" in str(schema.get("type")) else parent.key


def _obeys(
    lab: Lab,
    world: World,
    operation: Operation,
    records: tuple[Own, Own],
    reply: Reply,
    said: tuple[str, str],
) -> None:
    parent, child = records
    field, rule = said
    about = f"{child.resource}.{field}"
    if rule == "restrict":
        is_refused(lab, "B25", operation, reply, about, "what others need is not deleted")
    else:
        claims.takes(lab, "B25", operation, reply, about=about)
    shower = portrait.reader(lab, child.resource)
    if shower is not None:
        page = portrait.look(lab, child, shower)
        statuses = not_found(shower) if rule == "cascade" else claims.accepted(shower)
        lab.expect(
            "B25", claims.status_is(page, statuses), operation=operation, about=about,
            says="what belongs to a deleted record follows its rule", key="x-resource",
        )  # fmt: skip
        return
    if rule == "restrict":
        page = portrait.look(lab, parent, portrait.readers(lab, parent.resource)[0])
        lab.expect(
            "B25", claims.status_is(page, [200]), operation=operation, about=about,
            says="what others need stays", key="x-resource",
        )  # fmt: skip
        return
    for lister in lab.verbs(child.resource, "list"):
        if lister.path_key and world.parent_resource(lister) == parent.resource:
            page = lab.call(lister, {lister.path_key: parent.key})
            lab.expect(
                "B25", claims.status_is(page, not_found(lister)), operation=operation, about=about,
                says="what belongs to a deleted record goes with it", key="x-resource",
            )  # fmt: skip
