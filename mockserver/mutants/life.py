"""A: actions without their effect, with another one, or in the wrong state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.mutants import bodies, sites, states, unseen
from mockserver.mutants.planting import Defect, Turn, answered, at, refused
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import differences
from mockserver.operation import Field, Operation, format_of
from mockserver.store import Transaction

_FAMILY = Family("actions")
_kind = _FAMILY.kind
_ACTIONS = sites.operations("action", when=sites.writing)


@_kind("A01", "an action has no effect", key="x-effect", sites=_ACTIONS, spreads=True, every=True)
def no_effect(site: Site, api: Api) -> Defect:
    """Forget it."""
    return states.undone(site.operation.id)


def _changed(operation: Operation) -> frozenset[str]:
    effect = operation.effect
    return effect.changes.get(operation.resource, frozenset()) if effect else frozenset()


def _flag(operation: Operation, api: Api) -> Field | None:
    """Return the boolean that an action sets, if it sets one."""
    resource = api.spec.resources[operation.resource]
    found = states.fields_of_kind(resource, "boolean")
    return next((field for field in found if field.name in _changed(operation)), None)


_FLAGGING = sites.where(_ACTIONS, lambda site, api: _flag(site.operation, api) is not None)


@_kind("A02", "an action done twice is undone", key="x-effect", sites=_FLAGGING, spreads=True)
def toggles(site: Site, api: Api) -> Defect:
    """Turn the flag back when it is set already, and answer as if that was right."""
    resource, flag = sites.target(site, api), _flag(site.operation, api)
    assert flag is not None

    def answer(turn: Turn) -> Exchange:
        record = turn.before.records(resource.name).get(turn.key) if turn.key else None
        exchange = turn.ask()
        if exchange.response.status < 300:
            turn.memory["fine"] = exchange
        elif record is not None and record.get(flag.name) and refused(exchange.response.status):
            with turn.store.transaction() as transaction:
                transaction.replace(resource.name, record, **{flag.name: False})
            fine: Exchange = turn.memory.get("fine", answered(exchange, bodies.said(200, {})))
            return fine
        return exchange

    return at(site.operation.id, answer)


def _bystander(site: Site, api: Api) -> Field | None:
    """Return a shown text of the record that the action must leave alone."""
    shown = set().union(
        *(
            api.operations[o.id].names
            for o in api.spec.operations
            if o.resource == site.operation.resource
        )
    )
    fields = states.fields_of_kind(sites.target(site, api), "text")
    free = [f for f in fields if f.name not in _changed(site.operation)]
    return next((f for f in free if f.name in shown), next(iter(free), None))


def _no_bystander(site: Site, api: Api) -> str:
    return "" if _bystander(site, api) is not None else "the record has no other text"


@_kind(
    "A03",
    "an action changes another field",
    key="x-effect",
    sites=_ACTIONS,
    spreads=True,
    excuse=_no_bystander,
)
def other_field(site: Site, api: Api) -> Defect:
    """Change a text of the record as well."""
    resource, field = sites.target(site, api), _bystander(site, api)
    assert field is not None

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        if record is not None:
            value = states.other_value(field.schema, record.get(field.name))
            transaction.replace(resource.name, record, **{field.name: value})

    return states.after(site.operation.id, change)


def _stamps(api: Api) -> Iterator[Site]:
    for site in sites.changed_fields(api):
        resource, name = site.subject
        held = api.spec.resources[resource].fields.get(name)
        sent = set(sites.readers(api, site.operation))
        is_stamp = held is not None and format_of(held.schema) == "date-time" and name not in sent
        if site.operation.verb == "action" and is_stamp:
            yield site


@_kind(
    "A04",
    "an action does not advance the instant of the change",
    key="x-effect",
    sites=_stamps,
    spreads=True,
    excuse=unseen.stamp,
)
def not_touched(site: Site, api: Api) -> Defect:
    """Keep the old instant."""
    name, field = site.subject

    def change(transaction: Transaction, turn: Turn) -> None:
        for each in differences(turn.before, turn.store.state):
            if each.resource == name and each.old and each.new:
                transaction.replace(name, each.new, **{field: each.old.get(field)})

    return states.after(site.operation.id, change)


@_kind("A05", "an action refuses what is legal", key="x-action", sites=_ACTIONS)
def refuses(site: Site, api: Api) -> Defect:
    """Refuse with 409 whatever would succeed."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if exchange.response.status >= 300:
            return exchange
        turn.store.restore(turn.before)
        return answered(exchange, bodies.said(409, {"detail": "Not now."}))

    return at(site.operation.id, answer)


def _refuses_states(operation: Operation) -> bool:
    """Tell whether an operation without a body documents a refusal that only a state explains."""
    statuses = set(operation.answers)
    return 409 in statuses or (operation.body is None and 400 in statuses)


_REFUSING = sites.operations("action", "destroy", when=_refuses_states)


@_kind(
    "A06",
    "an action accepts an illegal state",
    key="x-action",
    sites=_REFUSING,
    excuse=unseen.unreachable,
)
def accepts(site: Site, api: Api) -> Defect:
    """Answer a refusal as a success, and do nothing."""
    success = site.operation.success

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        status = exchange.response.status
        if status < 300:
            turn.memory["fine"] = exchange.response
        if status not in (400, 409):
            return exchange
        spare = bodies.said(success.status, {"detail": "Done."})
        return answered(exchange, turn.memory.get("fine", spare))

    return at(site.operation.id, answer)


def _after_action(api: Api) -> Iterator[Site]:
    """Yield the updates of a resource whose flag an action sets; the subject is the flag."""
    for site in _FLAGGING(api):
        flag = _flag(site.operation, api)
        for update in sites.of_resource(api, site.operation.resource, "update", "partial_update"):
            assert flag is not None
            yield Site(update, flag.name, flag.name)


@_kind(
    "A07",
    "a write is lost while a flag is set",
    every=True,
    key="x-effect",
    sites=_after_action,
    spreads=True,
)
def lost_in_state(site: Site, api: Api) -> Defect:
    """Forget the update of a record whose flag is set."""
    resource = sites.target(site, api)

    def when(turn: Turn) -> bool:
        record = turn.before.records(resource.name).get(turn.key) if turn.key else None
        return bool(record and record.get(site.subject))

    return states.undone(site.operation.id, when)


@_kind(
    "A10",
    "an update clears a flag that an action set",
    every=True,
    key="x-effect",
    sites=_after_action,
    spreads=True,
)
def cleared(site: Site, api: Api) -> Defect:
    """Turn the flag back with every update."""
    resource = sites.target(site, api)

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        if record is not None:
            transaction.replace(resource.name, record, **{site.subject: False})

    return states.after(site.operation.id, change)


def _changes_records(site: Site, api: Api) -> bool:
    return bool(site.operation.effect and site.operation.effect.changes)


@_kind(
    "A08",
    "an action changes the wrong record",
    key="x-effect",
    spreads=True,
    sites=sites.where(_ACTIONS, _changes_records),
)
def wrong_record(site: Site, api: Api) -> Defect:
    """Change the next record in place of the right one."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        found = [e for e in differences(turn.before, turn.store.state) if e.old and e.new]
        if exchange.response.status >= 300 or not found:
            return exchange
        turn.store.restore(turn.before)
        with turn.store.transaction() as transaction:
            for each in found:
                _misplace(transaction, api, each)
        return exchange

    return at(site.operation.id, answer)


def _misplace(transaction: Transaction, api: Api, each: Any) -> None:
    """Make the changes of one record to another one of its resource."""
    key = api.spec.resources[each.resource].key
    changed = {name: value for name, value in each.new.items() if each.old.get(name) != value}
    other = next((r for r in transaction.all(each.resource) if r[key] != each.key), None)
    if other is not None:
        transaction.replace(each.resource, other, **changed)
