"""V: lists that hold other rows than those of their parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.json_types import JSON, Record
from mockserver.mutants import bodies, hidden, sites
from mockserver.mutants.planting import Defect, Turn, answered, at, edited, recompiled
from mockserver.mutants.registry import Family, Site
from mockserver.operation import Operation

_FAMILY = Family("nesting")
_kind = _FAMILY.kind


def _conditioned(api: Api) -> Iterator[Site]:
    for operation in api.spec.operations:
        for path in operation.conditions:
            yield Site(operation, path, path)


@_kind(
    "V03",
    "a constant condition is dropped",
    every=True,
    key="x-action",
    sites=_conditioned,
)
def unconditional(site: Site, api: Api) -> Defect:
    """Show what does not meet it."""

    def change(operation: Operation) -> Operation:
        rest = {k: v for k, v in operation.conditions.items() if k != site.subject}
        return replace(operation, conditions=rest)

    return recompiled(api, site.operation.id, change)


def _nested(api: Api) -> Iterator[Site]:
    for operation in api.spec.operations:
        if operation.nesting is not None and operation.verb == "list":
            yield Site(operation, operation.nesting.parameter, operation.nesting)


@_kind(
    "V04",
    "a nested list holds the records of all parents",
    key="x-filter",
    sites=_nested,
    excuse=hidden.nested_rows,
)
def unscoped(site: Site, api: Api) -> Defect:
    """Forget the parent."""
    name = site.operation.resource
    return edited(
        api,
        site.operation.id,
        lambda bound: replace(bound, rows=lambda scope: scope.store.all(name)),
    )


@_kind("V05", "a nested list of an unknown parent is empty", key="x-filter", sites=_nested)
def unknown_parent(site: Site, api: Api) -> Defect:
    """Answer an empty list for 404."""
    envelope = api.conventions["paging"]["envelope"]
    empty: JSON = {envelope["items"]: [], envelope["total"]: 0} if envelope else []

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        pages = api.conventions["paging"]["number"]
        if exchange.response.status != 404 or pages in turn.query:
            return exchange
        return answered(exchange, bodies.said(200, empty))

    return at(site.operation.id, answer)


@_kind(
    "V06",
    "a nested list lacks a row",
    key="x-filter",
    sites=_nested,
    excuse=hidden.nested_rows,
)
def row_lost(site: Site, api: Api) -> Defect:
    """Leave out the first record of a parent that has several."""

    def edit(bound: Bound) -> Bound:
        def rows(scope: Scope) -> Sequence[Record]:
            found = list(bound.rows(scope))
            return found[1:] if len(found) > 1 else found

        return replace(bound, rows=rows)

    return edited(api, site.operation.id, edit)


@_kind(
    "V07",
    "a row is shown twice",
    key="x-action",
    sites=sites.where(_nested, lambda site, api: site.operation.is_paged),
)
def row_doubled(site: Site, api: Api) -> Defect:
    """Reach the first record twice."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            found = list(bound.find(scope, rows))
            return [*found[:1], *found]

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)
