"""X: deletions that delete nothing, too little or too much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.json_types import Record
from mockserver.mutants import bodies, sites, states, unseen
from mockserver.mutants.planting import Defect, Turn, answered, at, with_resource
from mockserver.mutants.registry import Family, Site, Sites
from mockserver.mutants.states import differences
from mockserver.operation import Resource

_FAMILY = Family("deletions")
_kind = _FAMILY.kind
_DELETE = sites.operations("destroy")


@_kind("X01", "a deletion deletes nothing", key="x-effect", sites=_DELETE, spreads=True)
def kept(site: Site, api: Api) -> Defect:
    """Forget the deletion."""
    return states.undone(site.operation.id)


def _lost(turn: Turn, resource: Resource) -> list[Record]:
    """Return the records of a resource that the last request removed."""
    found = differences(turn.before, turn.store.state)
    return [e.old for e in found if e.resource == resource.name and e.new is None and e.old]


def _haunted(site: Site, api: Api, *verbs: str) -> Defect:
    """Return the defect of operations that still see what another one deleted."""
    resource = sites.target(site, api)
    haunted = {o.id for o in sites.of_resource(api, resource.name, *verbs)}

    def around(turn: Turn) -> Exchange:
        ghosts: list[Record] = turn.memory.setdefault("ghosts", [])
        if turn.operation in haunted and ghosts:
            return _seeing(turn, resource, ghosts)
        exchange = turn.ask()
        if turn.operation == site.operation.id:
            ghosts.extend(_lost(turn, resource))
        return exchange

    return Defect(around=around)


def _seeing(turn: Turn, resource: Resource, ghosts: list[Record]) -> Exchange:
    """Return the answer to a request as if some records were there."""
    with turn.store.transaction() as transaction:
        for record in ghosts:
            states.put(transaction, resource, record)
    exchange = turn.ask()
    for record in ghosts:
        states.drop(turn.store, resource.name, record[resource.key])
    return exchange


def _is_listed(site: Site, api: Api) -> str:
    lists = sites.of_resource(api, site.operation.resource, "list")
    return "" if lists else "no operation lists the records"


@_kind(
    "X02",
    "a deleted record is still listed",
    key="x-effect",
    sites=_DELETE,
    spreads=True,
    excuse=_is_listed,
)
def still_listed(site: Site, api: Api) -> Defect:
    """List what is gone."""
    return _haunted(site, api, "list")


def _is_updated(site: Site, api: Api) -> str:
    updates = sites.of_resource(api, site.operation.resource, "update", "partial_update")
    return "" if updates else "no operation updates the records"


@_kind(
    "X03",
    "a deleted record can be written",
    key="x-effect",
    sites=_DELETE,
    spreads=True,
    excuse=_is_updated,
)
def still_writable(site: Site, api: Api) -> Defect:
    """Update what is gone."""
    return _haunted(site, api, "update", "partial_update")


@_kind("X04", "a deletion takes a sibling along", key="x-effect", sites=_DELETE, spreads=True)
def siblings(site: Site, api: Api) -> Defect:
    """Delete another record as well, if there is one of the same parent, that one."""
    resource = sites.target(site, api)
    parents = [r.name for r in resource.relations.values() if r.kind == "one"]

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        for gone in _lost(turn, resource)[:1]:
            others = list(turn.store.read().all(resource.name))
            others.sort(key=lambda r: not any(r[name] == gone[name] for name in parents))
            if others:
                states.drop(turn.store, resource.name, others[0][resource.key])
        return exchange

    return at(site.operation.id, answer)


def _flags(site: Site, api: Api) -> list[str]:
    """Return the boolean fields that the actions on a resource change."""
    resource = sites.target(site, api)
    changed: set[str] = set()
    for operation in api.spec.operations:
        if operation.effect is not None:
            changed |= operation.effect.changes.get(resource.name, frozenset())
    return [f.name for f in states.fields_of_kind(resource, "boolean") if f.name in changed]


def _stateless(site: Site, api: Api) -> str:
    return "" if _flags(site, api) else "no boolean of the record can be changed"


@_kind(
    "X05",
    "a record in some state is not deleted",
    key="x-effect",
    sites=_DELETE,
    spreads=True,
    excuse=_stateless,
)
def kept_in_state(site: Site, api: Api) -> Defect:
    """Forget the deletion of a record whose flag is set."""
    resource, name = sites.target(site, api), _flags(site, api)[0]

    def when(turn: Turn) -> bool:
        record = turn.before.records(resource.name).get(turn.key) if turn.key else None
        return bool(record and record.get(name))

    return states.undone(site.operation.id, when)


@_kind("X06", "a second deletion breaks the server", key="x-action", sites=_DELETE)
def second_breaks(site: Site, api: Api) -> Defect:
    """Break on a key that was deleted before."""

    def answer(turn: Turn) -> Exchange:
        gone: set[str] = turn.memory.setdefault("gone", set())
        exchange = turn.ask()
        if turn.request.path in gone:
            return answered(exchange, bodies.crash())
        if exchange.response.status < 300:
            gone.add(turn.request.path)
        return exchange

    return at(site.operation.id, answer)


def _rules(rule: str) -> Sites:
    """Return the deletions to which one kind of rule applies, one place for each rule."""

    def find(api: Api) -> Iterator[Site]:
        for site in _DELETE(api):
            for (other, relation), held in sites.target(site, api).on_delete.items():
                if held == rule:
                    yield Site(site.operation, f"{other}.{relation}", (other, relation))

    return find


def _unruled(site: Site, api: Api) -> Defect:
    """Return the defect of a store that has never heard of one rule."""

    def change(resource: Resource) -> Resource:
        rules = {on: rule for on, rule in resource.on_delete.items() if on != site.subject}
        return replace(resource, on_delete=rules)

    return with_resource(api, site.operation.resource, change)


@_kind(
    "X07",
    "what belongs to a deleted record is left behind",
    every=True,
    key="x-resource",
    sites=_rules("cascade"),
    spreads=True,
    excuse=unseen.orphan,
)
def orphaned(site: Site, api: Api) -> Defect:
    """Leave it."""
    return _unruled(site, api)


@_kind(
    "X08",
    "a record that is in use can be deleted",
    every=True,
    key="x-resource",
    sites=_rules("restrict"),
    spreads=True,
    excuse=unseen.unused,
)
def unrestricted(site: Site, api: Api) -> Defect:
    """Delete it."""
    return _unruled(site, api)


@_kind(
    "X09",
    "what points at a deleted record still does",
    every=True,
    key="x-resource",
    sites=_rules("clear"),
    spreads=True,
    excuse=unseen.pointer,
)
def dangling(site: Site, api: Api) -> Defect:
    """Leave the key."""
    return _unruled(site, api)


@_kind(
    "X10",
    "a record in use is taken along with its users",
    every=True,
    key="x-resource",
    sites=_rules("restrict"),
    spreads=True,
    excuse=unseen.unused,
)
def cascading(site: Site, api: Api) -> Defect:
    """Delete all that forbids the deletion."""

    def change(resource: Resource) -> Resource:
        return replace(resource, on_delete={**resource.on_delete, site.subject: "cascade"})

    return with_resource(api, site.operation.resource, change)
