"""C, U and E: writes that leave something else behind than they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.actions import Bound
from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.exchange import Request
from mockserver.json_types import JSON
from mockserver.mutants import bodies, sites, states
from mockserver.mutants.creating import sent_body
from mockserver.mutants.planting import (
    Defect,
    Turn,
    answered,
    asked_otherwise,
    at,
    edited,
)
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import differences
from mockserver.operation import Effect, Operation, is_nullable
from mockserver.renderer import encode
from mockserver.store import Transaction

_FAMILY = Family("writes")
_kind = _FAMILY.kind
_CREATE = sites.operations("create")
UPDATE = sites.operations("update", "partial_update")
_PATCH = sites.operations("partial_update")
PUT = sites.operations("update")
WRITES = sites.operations("create", "update", "partial_update")


def has_body(site: Site, api: Api) -> bool:
    """Tell whether an operation reads a body."""
    return bool(sites.readers(api, site.operation))


# Creating


@_kind("C07", "a record is created twice", key="x-effect", sites=_CREATE, spreads=True)
def doubled(site: Site, api: Api) -> Defect:
    """Store a copy of the new record."""

    def change(transaction: Transaction, turn: Turn) -> None:
        resource = sites.target(site, api)
        for each in differences(turn.before, turn.store.state):
            if each.resource == resource.name and each.old is None and each.new is not None:
                states.twin(transaction, resource, each.new)

    return states.after(site.operation.id, change)


@_kind(
    "C08",
    "creating the same again answers the old record",
    key="x-effect",
    sites=_CREATE,
    spreads=True,
)
def reused(site: Site, api: Api) -> Defect:
    """Remember what was made of each body."""

    def answer(turn: Turn) -> Exchange:
        held: Exchange | None = turn.memory.get(turn.request.body)
        if held is not None:
            return held
        exchange = turn.ask()
        if exchange.response.status < 300:
            turn.memory[turn.request.body] = exchange
        return exchange

    return at(site.operation.id, answer)


def _text_sent(site: Site, api: Api) -> bool:
    return sites.is_text(site, api)


_TEXT_SENT = sites.one_each(sites.where(sites.written, _text_sent))
_TEXT_MADE = sites.where(_TEXT_SENT, lambda site, api: site.operation.verb == "create")


@_kind(
    "C09", "a value that another record has breaks the server", key="x-resource", sites=_TEXT_MADE
)
def duplicate_breaks(site: Site, api: Api) -> Defect:
    """Break when another record has the same text."""
    resource, field = sites.target(site, api), sites.stored_name(site, api)

    def answer(turn: Turn) -> Exchange:
        value = sent_body(turn.request.body).get(site.about)
        held = turn.before.records(resource.name).values()
        is_twin = bool(value) and any(record.get(field) == value for record in held)
        return answered(turn.ask(), bodies.crash() if is_twin else None)

    return at(site.operation.id, answer)


def _more_fields(site: Site, api: Api, name: str) -> Callable[[Bound], Bound]:
    """Return what lets an operation write a field that it must not."""

    def edit(bound: Bound) -> Bound:
        readers = {}
        for media, reader in bound.readers.items():
            model = reader.properties[0]
            prop = replace(
                model,
                name=name,
                read=lambda value, scope: value,
                is_required=False,
                is_nullable=True,
                is_list=False,
                is_boolean=False,
                is_object=False,
            )
            others = tuple(p for p in reader.properties if p.name != name)
            readers[media] = replace(reader, properties=(*others, prop))
        effect = bound.operation.effect or Effect()
        changes = effect.changes.get(bound.resource.name, frozenset()) | {name}
        wider = replace(effect, changes={**effect.changes, bound.resource.name: changes})
        return replace(
            bound,
            operation=replace(bound.operation, effect=wider),
            readers=readers,
            body_fields={**bound.body_fields, name: name},
        )

    return edit


@_kind(
    "C10",
    "the client may choose the key",
    key="x-from",
    sites=sites.where(_CREATE, has_body),
    spreads=True,
)
def chosen_key(site: Site, api: Api) -> Defect:
    """Store the key that was sent."""
    key = sites.target(site, api).key
    return edited(api, site.operation.id, _more_fields(site, api, key))


# Updating


@_kind("U01", "a write is answered but not stored", key="x-effect", sites=WRITES, spreads=True)
def not_stored(site: Site, api: Api) -> Defect:
    """Forget what was written."""
    return states.undone(site.operation.id)


def changed_by(operation: Operation) -> frozenset[str]:
    """Return the fields of its own record that an operation may change."""
    effect = operation.effect
    return effect.changes.get(operation.resource, frozenset()) if effect else frozenset()


def _several(site: Site, api: Api) -> str:
    return "" if len(changed_by(site.operation)) > 1 else "it changes one field only"


@_kind(
    "U02",
    "what a PATCH leaves out is reset",
    key="x-effect",
    sites=_PATCH,
    spreads=True,
    excuse=_several,
)
def resets(site: Site, api: Api) -> Defect:
    """Empty the fields that were not sent."""
    resource = sites.target(site, api)
    fields = {name: resource.fields[name] for name in sorted(changed_by(site.operation))}

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        names = api.operations[site.operation.id].body_fields
        sent = {names.get(name, name) for name in sent_body(turn.request.body)}
        if record is not None:
            lost = {n: _empty(f.schema, record.get(n)) for n, f in fields.items() if n not in sent}
            transaction.replace(resource.name, record, **lost)

    return states.after(site.operation.id, change)


def _empty(schema: Any, value: JSON) -> JSON:
    if "default" in schema:
        return schema["default"]
    if is_nullable(schema):
        return None
    return "" if states.kind_of(schema) == "text" else value


def _takes_null(site: Site, api: Api) -> bool:
    return site.operation.verb == "partial_update" and bool(site.subject.is_nullable)


@_kind(
    "U03",
    "null in a PATCH is ignored",
    key="schema",
    spreads=True,
    sites=sites.where(sites.written, _takes_null),
)
def null_ignored(site: Site, api: Api) -> Defect:
    """Drop null before it is read."""

    def change(turn: Turn) -> Request | None:
        sent = sent_body(turn.request.body)
        if sent.get(site.about, "") is not None:
            return None
        rest = {name: value for name, value in sent.items() if name != site.about}
        return replace(turn.request, body=encode(rest))

    return asked_otherwise(site.operation.id, change)


def _requires(site: Site, api: Api) -> str:
    required = [p for p in sites.readers(api, site.operation).values() if p.is_required]
    return "" if required else "nothing is required of it: it is a PATCH already"


@_kind("U04", "a PUT is taken for a PATCH", key="schema", sites=PUT, excuse=_requires)
def put_as_patch(site: Site, api: Api) -> Defect:
    """Require nothing."""

    def edit(bound: Bound) -> Bound:
        readers = {
            media: replace(
                reader, properties=tuple(replace(p, is_required=False) for p in reader.properties)
            )
            for media, reader in bound.readers.items()
        }
        return replace(bound, readers=readers)

    return edited(api, site.operation.id, edit)


_PUT_TEXT = sites.where(_TEXT_SENT, lambda site, api: site.operation.verb == "update")


@_kind("U05", "the same PUT again changes something", key="x-effect", sites=_PUT_TEXT, spreads=True)
def not_idempotent(site: Site, api: Api) -> Defect:
    """Make the text longer when it is written again."""
    resource, field = sites.target(site, api), sites.stored_name(site, api)

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        asked = (turn.request.path, turn.request.body)
        if record is not None and turn.memory.setdefault("last", None) == asked:
            transaction.replace(resource.name, record, **{field: f"{record.get(field)}+"})
        turn.memory["last"] = asked

    return states.after(site.operation.id, change)


@_kind("U06", "every third write is lost", key="x-effect", sites=UPDATE, spreads=True)
def third_lost(site: Site, api: Api) -> Defect:
    """Forget the third, the sixth and so on."""

    def when(turn: Turn) -> bool:
        turn.memory["writes"] = turn.memory.get("writes", 0) + 1
        return bool(turn.memory["writes"] % 3 == 0)

    return states.undone(site.operation.id, when)


@_kind("U07", "a write leaks to another record", key="x-effect", sites=UPDATE, spreads=True)
def leaking(site: Site, api: Api) -> Defect:
    """Write the same into a second record."""
    resource = sites.target(site, api)

    def change(transaction: Transaction, turn: Turn) -> None:
        for each in differences(turn.before, turn.store.state):
            if each.resource == resource.name and each.old and each.new:
                others = (r for r in transaction.all(resource.name) if r[resource.key] != each.key)
                other = next(others, None)
                changed = {n: v for n, v in each.new.items() if each.old.get(n) != v}
                if other is not None:
                    transaction.replace(resource.name, other, **changed)

    return states.after(site.operation.id, change)


def _protected(api: Api) -> Any:
    """Yield the stored fields that an update must not touch, though an answer shows them."""
    for site in UPDATE(api):
        resource, changes = sites.target(site, api), changed_by(site.operation)
        if not has_body(site, api):
            continue
        for name, field in resource.fields.items():
            is_free = field.is_stored and name not in changes and name not in resource.relations
            if is_free and name != resource.key and name in api.operations[site.operation.id].names:
                yield Site(site.operation, name, field)


@_kind(
    "U08",
    "a field that is only read can be written",
    key="x-effect",
    sites=_protected,
    spreads=True,
)
def writable(site: Site, api: Api) -> Defect:
    """Store what was sent."""
    return edited(api, site.operation.id, _more_fields(site, api, site.about))
