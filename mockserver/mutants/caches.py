"""K: answers that come from the past, or from another record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.mutants import bodies, sites, states
from mockserver.mutants.planting import Defect, Turn, answered_otherwise, at
from mockserver.mutants.registry import Family, Site
from mockserver.operation import Operation
from mockserver.store import Transaction

_FAMILY = Family("caches")
_kind = _FAMILY.kind
_DETAILS = sites.operations("retrieve")


def _writers(operation: Operation, api: Api, *verbs: str) -> frozenset[str]:
    """Return the operations that write what an operation shows."""
    found = set()
    for other in api.spec.operations:
        effect = other.effect
        if effect is not None and (not verbs or other.verb in verbs):
            touched = effect.creates | set(effect.changes) | effect.removes
            if operation.resource in touched:
                found.add(other.id)
    return frozenset(found)


def _asked(turn: Turn) -> tuple[str, ...]:
    request = turn.request
    return (request.method, request.path, request.query, request.headers.get("authorization", ""))


def _cached(operation: str, is_stale: Callable[[Turn, int], bool]) -> Callable[[Turn], Exchange]:
    """Return what answers from memory when `is_stale`, told how often the same was asked."""

    def answer(turn: Turn) -> Exchange:
        held: dict[tuple[str, ...], tuple[int, Exchange]] = turn.memory.setdefault(operation, {})
        count, first = held.get(_asked(turn), (0, None))
        exchange = first if first is not None and is_stale(turn, count) else turn.ask()
        if exchange.response.status < 300:
            held[_asked(turn)] = (count + 1, first or exchange)
        return exchange

    return answer


def _written_lists(api: Api) -> Iterator[Site]:
    for site in sites.operations("list")(api):
        writers = _writers(site.operation, api)
        if writers:
            yield Site(site.operation, elsewhere=writers)


@_kind("K01", "a list does not change with its records", key="x-effect", sites=_written_lists)
def stale_list(site: Site, api: Api) -> Defect:
    """Answer the same address for ever as it was answered first."""
    return at(site.operation.id, _cached(site.operation.id, lambda turn, count: True))


def _written_details(api: Api) -> Iterator[Site]:
    for site in _DETAILS(api):
        writers = _writers(site.operation, api)
        if writers:
            yield Site(site.operation, elsewhere=writers)


@_kind("K02", "a detail is out of date when read again", key="x-effect", sites=_written_details)
def stale_detail(site: Site, api: Api) -> Defect:
    """Answer the third reading with the first one."""
    return at(site.operation.id, _cached(site.operation.id, lambda turn, count: count >= 2))


def _neighbours(api: Api) -> Iterator[Site]:
    """Yield the details; where an answer has no key, it is held against what writers say."""
    for site in _DETAILS(api):
        is_told = sites.target(site, api).key in api.operations[site.operation.id].names
        yield site if is_told else Site(site.operation, elsewhere=_writers(site.operation, api))


@_kind("K03", "another record is shown", key="x-action", sites=_neighbours)
def neighbour(site: Site, api: Api) -> Defect:
    """Show another record when there is one."""
    resource = sites.target(site, api)

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        known = turn.before.records(resource.name)
        if exchange.response.status >= 300 or len(known) < 2 or turn.key is None:
            return exchange
        segment = turn.path[turn.bound.path_key] if turn.bound is not None else ""
        for other in sorted(known):
            if other != turn.key:
                return _instead(turn, segment, str(other), exchange)
        return exchange

    return at(site.operation.id, answer)


def _instead(turn: Turn, segment: str, other: str, spare: Exchange) -> Exchange:
    """Return the answer about another record, if it can be had."""
    path = turn.request.path.replace(f"/{segment}", f"/{other}")
    exchange = turn.ask(replace(turn.request, path=path))
    return exchange if exchange.response.status < 300 else spare


def _spoils(site: Site, api: Api) -> str:
    return "" if _shown_text(site, api) else "it shows no text of its own record"


def _shown_text(site: Site, api: Api) -> str:
    shown = api.operations[site.operation.id].names
    texts = states.fields_of_kind(sites.target(site, api), "text")
    return next((field.name for field in texts if field.name in shown), "")


@_kind("K04", "reading changes the record", key="x-effect", sites=_DETAILS, excuse=_spoils)
def side_effect(site: Site, api: Api) -> Defect:
    """Make a text longer whenever it is read."""
    resource, name = sites.target(site, api), _shown_text(site, api)

    def change(transaction: Transaction, turn: Turn) -> None:
        record = transaction.get(resource.name, turn.key)
        if record is not None:
            value = states.other_value(resource.fields[name].schema, record.get(name))
            transaction.replace(resource.name, record, **{name: value})

    return states.after(site.operation.id, change)


def _deleted_details(api: Api) -> Iterator[Site]:
    for site in _DETAILS(api):
        deleters = _writers(site.operation, api, "destroy")
        if deleters:
            yield Site(site.operation, elsewhere=deleters)


@_kind("K05", "a deleted record can still be read", key="x-effect", sites=_deleted_details)
def stale_after_delete(site: Site, api: Api) -> Defect:
    """Answer from memory when the record is gone."""
    resource = sites.target(site, api)

    def is_gone(turn: Turn, count: int) -> bool:
        return turn.key not in turn.before.records(resource.name)

    return at(site.operation.id, _cached(site.operation.id, is_gone))


def _tagged(operation: Operation) -> bool:
    return any(name.lower() == "etag" for name in operation.success.headers)


@_kind("K06", "the ETag never changes", key="schema", sites=sites.operations(when=_tagged))
def constant_tag(site: Site, api: Api) -> Defect:
    """Tag every answer alike."""
    return answered_otherwise(
        site.operation.id, lambda turn, response: bodies.with_header(response, "ETag", '"1"')
    )
