"""Send bodies that the schema refuses: they are refused, and nothing happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contract_tests import acting, claims, edges, inputs, making, portrait, standing
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.making import Own
from contract_tests.probes.registry import probe
from contract_tests.references import references
from contract_tests.relations import join
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import Listing, World
from mockserver.operation import Effect, Operation


def is_refused(
    lab: Lab, prop: str, operation: Operation, reply: Reply, about: str, says: str
) -> bool:
    """Claim that a request is refused with a documented status."""
    statuses = claims.refusals(operation)
    if not statuses:
        lab.unspecified(prop, operation, "no refusal of a body is documented")
        return True
    return lab.expect(
        prop, claims.status_is(reply, statuses), operation=operation, about=about, says=says,
        key="schema",
    )  # fmt: skip


def takes_bodies(subject: Subject, operation: Operation) -> bool:
    """Tell whether a body of JSON is sent to an operation on records that we can make."""
    creates = {o.resource for o in subject.spec.operations if o.verb == "create"}
    is_ours = subject.is_annotated and operation.writes and operation.resource in creates
    is_made_to_stay = standing.is_lasting(operation) and operation.verb != "action"
    return is_ours and not is_made_to_stay and subject.body_schema(operation) is not None


def _may_try(lab: Lab, operation: Operation) -> None:
    """Raise Blocked when a wrong body that is taken would do what cannot be undone."""
    if not acting.may_act(lab, operation):
        raise Blocked("what it does cannot be taken back; --mode destructive tries it")


@dataclass(frozen=True, slots=True)
class Wrong:
    """A body that must be refused: which property, which promise, what is wrong."""

    prop: str
    about: str
    label: str
    body: Any


def wrongs(lab: Lab, operation: Operation, base: Mapping[str, Any]) -> Iterator[Wrong]:
    """Yield bodies that the schema refuses, each wrong in one way only."""
    schema = lab.subject.body_schema(operation) or {}
    for name in sorted(inputs.required(lab, schema)):
        rest = {key: value for key, value in base.items() if key != name}
        yield Wrong("E1", name, "without a required field", rest)
    for name, declared in lab.subject.properties(schema).items():
        if declared.get("readOnly") or inputs.admits_all(declared):
            continue
        found = edges.invalid(declared, lab.subject)
        for label, value in found[: 3 + 2 * lab.depth.values]:
            yield Wrong("E2", name, label, {**base, name: value})
        yield from _inside(lab, name, declared, base)


def _inside(
    lab: Lab, name: str, schema: Mapping[str, Any], base: Mapping[str, Any]
) -> Iterator[Wrong]:
    """Yield wrong items of lists and wrong values of tables."""
    items, rest = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, Mapping):
        inner = lab.subject.resolve(items)
        for label, value in edges.invalid(inner, lab.subject)[:4]:
            yield Wrong("E2", name, f"an item that is {label}", {**base, name: [value]})
    if isinstance(rest, Mapping):
        inner = lab.subject.resolve(rest)
        keys = list(base.get(name) or {}) or ["unknown"]
        for label, value in edges.invalid(inner, lab.subject)[:4]:
            yield Wrong("E2", name, f"an entry that is {label}", {**base, name: {keys[0]: value}})


@probe(
    "E1", "E2", "B19",
    safety="N",
    applies=takes_bodies,
    cost=lambda subject, op, depth: 4 + 8 * len(subject.properties(subject.body_schema(op) or {})),
)  # fmt: skip
def invalid_bodies(lab: Lab, world: World, operation: Operation) -> None:
    """Send wrong bodies, and look whether any of them did something."""
    _may_try(lab, operation)
    if operation.verb == "create":
        _invalid_creates(lab, world, operation)
        return
    shower = portrait.reader(lab, operation.resource)
    if shower is None:
        raise Blocked(f"nothing shows a record of {operation.resource}")
    with making.own(lab, world, operation.resource) as record:
        page = portrait.look(lab, record, shower)
        base = inputs.body(lab, world, operation, Wish(variant=1, record=page.data))
        groups: dict[str, list[Wrong]] = {}
        for wrong in wrongs(lab, operation, base):
            if wrong.prop != "E1" or operation.verb != "partial_update":
                groups.setdefault(wrong.about, []).append(wrong)
        for found in groups.values():
            with lab.case():
                _refuses_all(lab, operation, record, found)


def _refuses_all(lab: Lab, operation: Operation, record: Own, found: list[Wrong]) -> None:
    shower = lab.operation(portrait.readers(lab, operation.resource)[0].id)
    before = portrait.look(lab, record, shower)
    params = making.item_params(operation, record.key, record.params)
    all_refused = True
    for wrong in found:
        reply = lab.call(operation, params, body=wrong.body)
        says = f"{wrong.label} is refused"
        all_refused = (
            is_refused(lab, wrong.prop, operation, reply, wrong.about, says) and all_refused
        )
        if reply.is_good:
            before = portrait.look(lab, record, shower)
    if all_refused:
        after = portrait.look(lab, record, shower)
        claims.stays(lab, "B19", operation, (before, after), Effect())


def _invalid_creates(lab: Lab, world: World, operation: Operation) -> None:
    if making.creator(lab, operation.resource) is not operation:
        raise Blocked("another operation creates the same records")
    # One that is accepted shows which records can be referred to.
    with making.own(lab, world, operation.resource) as record:
        params, accepted = record.params, dict(record.body)
    fresh = inputs.body(lab, world, operation, Wish(variant=1))
    kept = _references(lab, operation)
    base = {
        name: accepted.get(name, value) if name in kept else value for name, value in fresh.items()
    }
    if operation.path_key:
        params = making.parent_params(lab, world, operation)
    for wrong in wrongs(lab, operation, base):
        with lab.case():
            reply = lab.call(operation, params, body=wrong.body)
            says = f"{wrong.label} is refused"
            is_refused(lab, wrong.prop, operation, reply, wrong.about, says)
            if reply.is_good:
                making.unmake(lab, world, making.own_of(lab, reply))
    with lab.case():
        _makes_nothing(lab, world, operation, (params, base))


def _references(lab: Lab, operation: Operation) -> set[str]:
    return set(references(lab.subject, operation))


def _makes_nothing(
    lab: Lab, world: World, operation: Operation, wrong: tuple[Mapping[str, str], Mapping[str, Any]]
) -> None:
    """Send one wrong body with texts of its own, which no list may show afterwards."""
    params, base = wrong
    before = _all(lab, world, operation)
    found = [each for each in wrongs(lab, operation, base) if each.prop == "E2"]
    texts = {n: v for n, v in base.items() if isinstance(v, str) and lab.tag in v}
    for each in found[::-1]:
        marked = [name for name in texts if name != each.about]
        if not marked:
            continue
        reply = lab.call(operation, params, body=each.body)
        if reply.is_good:
            making.unmake(lab, world, making.own_of(lab, reply))
            return
        _adds_nothing(lab, world, operation, before)
        for lister in world.listers(operation.resource):
            known = portrait.readbacks(lab.subject, operation, lister)
            shown = [name for name in marked if name in known]
            listing = world.listing(lister, is_fresh=True)
            if shown and listing.is_whole:
                pointer, value = known[shown[0]].pointer, texts[shown[0]]
                test = {"at": pointer, "lookup": "exact", "value": value, "kind": "text"}
                lab.expect(
                    "B19",
                    {"relation": "empty", "left": listing.at("ids", where=test)},
                    operation=operation, says="a refused create makes nothing", key="x-effect",
                )  # fmt: skip
        return


def _all(lab: Lab, world: World, operation: Operation) -> list[Listing]:
    found = [world.listing(lister, is_fresh=True) for lister in world.listers(operation.resource)]
    return [listing for listing in found if listing.is_whole]


def _adds_nothing(lab: Lab, world: World, operation: Operation, before: list[Listing]) -> None:
    """Claim that lists hold what they held; they are read twice, lest others write meanwhile."""
    once, twice = (_all(lab, world, operation) for _ in range(2))
    for earlier, later, last in zip(before, once, twice, strict=False):
        lab.expect(
            "B19",
            {
                "relation": "same_set",
                "left": join(later.at("ids"), last.at("ids")),
                "right": join(earlier.at("ids"), earlier.at("ids")),
            },
            operation=operation, says="a refused create makes nothing", key="x-effect",
        )  # fmt: skip


@probe(
    "E3",
    safety="N",
    applies=takes_bodies,
    cost=lambda subject, op, depth: 9,
)
def bodies_of_other_shapes(lab: Lab, world: World, operation: Operation) -> None:
    """Send what is no object, what is no JSON, and another media type."""
    _may_try(lab, operation)
    with making.own(lab, world, operation.resource) as record:
        params = making.item_params(operation, record.key, record.params)
        if operation.verb == "create":
            params = dict(record.params)
            if operation.path_key:
                params = making.parent_params(lab, world, operation)
        for label, sent in _shapes(lab.depth, operation):
            with lab.case():
                reply = lab.call(operation, params, **sent)
                is_refused(lab, "E3", operation, reply, "", f"{label} is refused")
                if reply.is_good and reply.step.creates == operation.resource:
                    making.unmake(lab, world, making.own_of(lab, reply))


def _shapes(depth: Depth, operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "a list", {"body": []}
    yield "a text", {"body": "unexpected"}
    yield "half an object", {"raw": b'{"unfinished": '}
    declared = operation.body.schemas if operation.body else {}
    if "text/csv" not in declared:
        yield "another media type", {"raw": b"a,b\n1,2\n", "media": "text/csv"}
    if depth.is_full:
        yield "null", {"body": None}
        yield "a number", {"body": 1}
        yield "no JSON at all", {"raw": b"name=value"}
