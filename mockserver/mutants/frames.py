"""U and E: writes that touch more, or less, than their effect says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.json_types import Record
from mockserver.mutants import bodies, sites, states, unseen
from mockserver.mutants.creating import sent_body
from mockserver.mutants.planting import (
    Defect,
    Turn,
    answered,
    at,
    recompiled,
)
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import differences
from mockserver.mutants.writing import PUT, UPDATE, WRITES, changed_by, has_body
from mockserver.operation import format_of
from mockserver.store import Transaction

_FAMILY = Family("effects")
_kind = _FAMILY.kind


def _stamps(api: Api) -> Any:
    return sites.where(sites.changed_fields, _is_stamp)(api)


def _is_stamp(site: Site, api: Api) -> bool:
    resource, name = site.subject
    sent = set(api.operations[site.operation.id].body_fields.values())
    sent |= set(sites.readers(api, site.operation))
    fields = api.spec.resources[resource].fields
    return name not in sent and name in fields and format_of(fields[name].schema) == "date-time"


def reverted(site: Site, api: Api) -> Defect:
    """Return the defect of an operation that does not store one field of a changed record."""
    name, field = site.subject
    resource = api.spec.resources[name]

    def change(transaction: Transaction, turn: Turn) -> None:
        for each in differences(turn.before, turn.store.state):
            if each.resource == resource.name and each.old and each.new:
                old = each.old.get(field)
                transaction.replace(resource.name, each.new, **{field: old})

    return states.after(site.operation.id, change)


@_kind(
    "U09",
    "the instant of the change does not advance",
    key="x-effect",
    spreads=True,
    sites=sites.where(_stamps, lambda site, api: site.operation.verb != "action"),
)
def not_advanced(site: Site, api: Api) -> Defect:
    """Keep the old instant."""
    return reverted(site, api)


def _outside(site: Site, api: Api, *kinds: str) -> list[str]:
    """Return the shown or stored fields that an update must leave alone."""
    resource, changes = sites.target(site, api), changed_by(site.operation)
    return [f.name for f in states.fields_of_kind(resource, *kinds) if f.name not in changes]


def _moved(site: Site, api: Api, names: list[str]) -> Defect:
    """Return the defect of an operation that changes one more field of its record."""
    resource = sites.target(site, api)

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        if record is not None:
            schema = resource.fields[names[0]].schema
            value = states.other_value(schema, record.get(names[0]))
            transaction.replace(resource.name, record, **{names[0]: value})

    return states.after(site.operation.id, change)


def _visible_of(*kinds: str) -> Callable[[Site, Api], str]:
    """Return the excuse of a record that has no other field of some kinds that any answer shows."""

    def excuse(site: Site, api: Api) -> str:
        return "" if _seen(site, api, kinds) else "no answer shows a field of that kind"

    return excuse


def _seen(site: Site, api: Api, kinds: tuple[str, ...]) -> list[str]:
    shown = set().union(
        *(
            api.operations[o.id].names
            for o in api.spec.operations
            if o.resource == site.operation.resource
        )
    )
    return [name for name in _outside(site, api, *kinds) if name in shown]


@_kind(
    "U10",
    "an update changes when the record was made",
    key="x-effect",
    sites=UPDATE,
    excuse=_visible_of("instant", "date"),
    spreads=True,
)
def made_anew(site: Site, api: Api) -> Defect:
    """Change an instant that no update may change."""
    return _moved(site, api, _seen(site, api, ("instant", "date")))


@_kind(
    "U11",
    "an update changes the state of the record",
    key="x-effect",
    sites=UPDATE,
    excuse=_visible_of("boolean", "choice"),
    spreads=True,
)
def state_changed(site: Site, api: Api) -> Defect:
    """Flip what only an action may flip."""
    return _moved(site, api, _seen(site, api, ("boolean", "choice")))


def _some_text(site: Site, api: Api) -> list[str]:
    return [f.name for f in states.fields_of_kind(sites.target(site, api), "text")]


def _textless(site: Site, api: Api) -> str:
    return "" if _some_text(site, api) else "the record has no text to spoil"


@_kind(
    "U12",
    "a refused write changes something",
    key="x-effect",
    spreads=True,
    sites=sites.where(WRITES, has_body),
    excuse=_textless,
)
def partial(site: Site, api: Api) -> Defect:
    """Leave a copy behind when a create is refused, a changed text when an update is."""
    resource, name = sites.target(site, api), _some_text(site, api)[0]

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        if record is None:
            record = next(iter(transaction.all(resource.name)), None)
            if (
                site.operation.verb == "create"
                and record is not None
                and sent_body(turn.request.body)
            ):
                states.twin(transaction, resource, record)
        else:
            value = states.other_value(resource.fields[name].schema, record.get(name))
            transaction.replace(resource.name, record, **{name: value})

    return states.after_refusal(site.operation.id, change)


@_kind("U13", "a PUT to an unknown key makes a record", key="x-action", sites=PUT, spreads=True)
def upsert(site: Site, api: Api) -> Defect:
    """Make what is not there, and ask again."""
    resource = sites.target(site, api)

    def answer(turn: Turn) -> Exchange:
        exchange, key = turn.ask(), turn.key
        known = turn.before.records(resource.name)
        if exchange.response.status != 404 or key is None or key in known or not len(known):
            return exchange
        with turn.store.transaction() as transaction:
            model: Record = transaction.all(resource.name)[0]
            transaction.insert(resource.name, {**model, resource.key: key})
        return turn.ask()

    return at(site.operation.id, answer)


@_kind(
    "U14",
    "an unknown property in a body breaks the server",
    key="schema",
    sites=sites.where(WRITES, has_body),
)
def unknown_breaks(site: Site, api: Api) -> Defect:
    """Break on a property that the body schema does not have."""
    known = set(sites.readers(api, site.operation)) | api.operations[site.operation.id].names

    def answer(turn: Turn) -> Exchange:
        odd = set(sent_body(turn.request.body)) - known
        return answered(turn.ask(), bodies.crash() if odd else None)

    return at(site.operation.id, answer)


def _unique(api: Api) -> Any:
    for site in WRITES(api):
        resource = sites.target(site, api)
        written = set(api.operations[site.operation.id].body_fields.values())
        writes = (
            written if site.operation.verb == "create" else written & changed_by(site.operation)
        )
        for names in resource.unique:
            if writes & set(names):
                yield Site(site.operation, "+".join(names), names)


@_kind(
    "U15",
    "the unique fields of two records may be equal",
    every=True,
    key="x-resource",
    spreads=True,
    sites=_unique,
)
def twins(site: Site, api: Api) -> Defect:
    """Compare with no other record."""
    return recompiled(
        api,
        site.operation.id,
        lambda operation: operation,
        resource=lambda resource: replace(resource, unique=()),
    )


# Effects


@_kind(
    "E01",
    "one field of the effect is not stored",
    every=True,
    key="x-effect",
    spreads=True,
    sites=sites.where(sites.changed_fields, lambda site, api: not _is_stamp(site, api)),
    excuse=unseen.changed,
)
def field_not_stored(site: Site, api: Api) -> Defect:
    """Keep the old value of one field."""
    return reverted(site, api)


@_kind(
    "E02",
    "a record of the effect is not made",
    every=True,
    key="x-effect",
    sites=sites.created,
    spreads=True,
)
def not_made(site: Site, api: Api) -> Defect:
    """Take away again what was made."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if exchange.response.status < 300:
            for each in differences(turn.before, turn.store.state):
                if each.resource == site.subject and each.old is None:
                    states.drop(turn.store, each.resource, each.key)
        return exchange

    return at(site.operation.id, answer)


@_kind(
    "E03",
    "a record of the effect is not removed",
    every=True,
    key="x-effect",
    sites=sites.removed,
    spreads=True,
)
def not_removed(site: Site, api: Api) -> Defect:
    """Put back what was removed."""
    resource = api.spec.resources[site.subject]

    def change(transaction: Transaction, turn: Turn) -> None:
        for each in differences(turn.before, turn.store.state):
            if each.resource == resource.name and each.new is None and each.old is not None:
                states.put(transaction, resource, each.old)

    return states.after(site.operation.id, change)
