"""O: lists in another order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.json_types import Record
from mockserver.mutants import hearing, hidden, sites
from mockserver.mutants.planting import Defect, edited
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import kind_of
from mockserver.paths import UNREACHED, Path, Paths

_FAMILY = Family("ordering")
_kind = _FAMILY.kind
Arrange = Callable[[Scope, list[Record]], Sequence[Record]]


def arranged(site: Site, api: Api, arrange: Arrange) -> Defect:
    """Return the defect of a list whose found records are arranged once more."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            return arrange(scope, list(bound.find(scope, rows)))

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


def _words(scope: Scope, api: Api, name: str) -> list[str]:
    sent = scope.call.query.get(name, ())
    rules = api.conventions["ordering"]
    return [word for word in (sent[-1] if sent else "").split(rules["separator"]) if word]


def leads(scope: Scope, api: Api, site: Site) -> str:
    """Return the first word of the order asked for, when it is the key of the place."""
    name, _, key = site.about.partition(":")
    words = _words(scope, api, name)
    mark = api.conventions["ordering"]["descending"]
    return words[0] if words and words[0].removeprefix(mark) == key else ""


@_kind(
    "O01",
    "the key is ignored",
    every=True,
    key="x-order",
    sites=sites.order_keys,
    excuse=hidden.parted_key,
)
def ignored(site: Site, api: Api) -> Defect:
    """Sort as if nothing was asked."""
    name = site.about.partition(":")[0]

    def change(query: hearing.Query) -> hearing.Query:
        mark = api.conventions["ordering"]["descending"]
        words = (query.get(name) or [""])[-1].split(api.conventions["ordering"]["separator"])
        rest = [word for word in words if word.removeprefix(mark) != site.subject]
        joined = api.conventions["ordering"]["separator"].join(rest)
        return {**hearing.without(query, name), **({name: [joined]} if joined else {})}

    return hearing.heard_otherwise(site, api, change)


def _has_descending(site: Site, api: Api) -> bool:
    order, mark = site.operation.ordering, api.conventions["ordering"]["descending"]
    return order is not None and f"{mark}{site.subject}" in order.words


@_kind(
    "O02",
    "the descending mark is ignored",
    key="x-order",
    sites=sites.where(sites.order_keys, _has_descending),
    excuse=hidden.parted_key,
)
def mark_ignored(site: Site, api: Api) -> Defect:
    """Sort upwards, whatever is asked."""
    name = site.about.partition(":")[0]
    mark = api.conventions["ordering"]["descending"]
    marked = f"{mark}{site.subject}"

    def change(query: hearing.Query) -> hearing.Query:
        split = api.conventions["ordering"]["separator"]
        sent = [
            split.join(site.subject if word == marked else word for word in text.split(split))
            for text in query.get(name, ())
        ]
        return {**query, name: sent} if sent else query

    return hearing.heard_otherwise(site, api, change)


def ways(site: Site, api: Api) -> list[Path]:
    """Return the paths that the order key of a place compares."""
    order, resource = site.operation.ordering, sites.target(site, api)
    assert order is not None
    paths = Paths(api.spec.resources, api.pack.functions)
    return [paths.compile(resource, text, order.parameter) for text in order.keys[site.subject]]


def key_kind(site: Site, api: Api) -> str:
    """Return what the values of an order key are, in one word."""
    field = ways(site, api)[0].field
    return kind_of(field.schema) if field is not None else ""


def _is_number(site: Site, api: Api) -> bool:
    return key_kind(site, api) in ("integer", "number", "decimal")


@_kind(
    "O03",
    "numbers are sorted as text",
    key="x-order",
    sites=sites.where(sites.order_keys, _is_number),
    excuse=hidden.order_key,
)
def as_text(site: Site, api: Api) -> Defect:
    """Sort digits."""
    way = ways(site, api)[0]

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        word = leads(scope, api, site)
        if not word:
            return found
        return sorted(
            found, key=lambda record: str(way.first(record, scope)), reverse=word != site.subject
        )

    return arranged(site, api, arrange)


def _order_unpromised(site: Site, api: Api) -> str:
    resource, operation = sites.target(site, api), site.operation
    if operation.order or resource.order:
        return ""
    return "no default order is promised"


@_kind(
    "O04",
    "the list is shuffled when no order is asked for",
    key="x-action",
    sites=sites.operations("list"),
    excuse=_order_unpromised,
)
def shuffled(site: Site, api: Api) -> Defect:
    """Rotate the list a little further each time."""
    turns = [0]
    order = site.operation.ordering

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        if order is not None and scope.call.query.get(order.parameter):
            return found
        turns[0] += 1
        place = turns[0] % len(found) if found else 0
        return [*found[place:], *found[:place]]

    return arranged(site, api, arrange)


def _ties_unpromised(site: Site, api: Api) -> str:
    if api.conventions["ordering"]["ties"] == "unspecified":
        return "x-mock.ordering.ties is unspecified: equal rows may come in any order"
    return _is_unique(site, api)


def _is_unique(site: Site, api: Api) -> str:
    resource = sites.target(site, api)
    order = site.operation.ordering
    assert order is not None
    texts = order.keys[site.subject]
    if texts == (resource.key,) or tuple(texts) in resource.unique:
        return "the key is unique, so that no rows are equal"
    return ""


@_kind(
    "O05",
    "equal rows change places from page to page",
    key="x-mock.ordering",
    sites=sites.order_keys,
    excuse=_ties_unpromised,
)
def ties_shuffled(site: Site, api: Api) -> Defect:
    """Turn equal rows round on every page but the first."""
    found_ways = ways(site, api)
    number = api.conventions["paging"]["number"]

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        if not leads(scope, api, site) or scope.call.query.get(number, ["1"])[-1] in ("", "1"):
            return found
        runs: list[list[Record]] = []
        last: Any = UNREACHED
        for record in found:
            rank = [way.first(record, scope) for way in found_ways]
            if not runs or rank != last:
                runs.append([])
            runs[-1].append(record)
            last = rank
        return [record for run in runs for record in reversed(run)]

    return arranged(site, api, arrange)


@_kind(
    "O06",
    "page 2 is in the opposite order",
    key="x-order",
    sites=sites.where(sites.orders, lambda site, api: site.operation.is_paged),
)
def reversed_later(site: Site, api: Api) -> Defect:
    """Turn the order round on every page but the first."""
    number = api.conventions["paging"]["number"]

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        is_first = scope.call.query.get(number, ["1"])[-1].strip() in ("", "1")
        asked = _words(scope, api, site.about)
        return found if is_first or not asked else found[::-1]

    return arranged(site, api, arrange)


@_kind(
    "O07",
    "the default order is another one",
    key="x-action",
    sites=sites.operations("list"),
    excuse=_order_unpromised,
)
def other_default(site: Site, api: Api) -> Defect:
    """Turn the default order round."""
    order = site.operation.ordering

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        is_asked = order is not None and any(scope.call.query.get(order.parameter, ()))
        return found if is_asked else found[::-1]

    return arranged(site, api, arrange)


def _unknown_ignored(site: Site, api: Api) -> str:
    if api.conventions["ordering"]["unknown"] != "reject":
        return "unknown keys are ignored anyway"
    return ""


@_kind(
    "O08",
    "an unknown key is accepted",
    key="x-mock.ordering",
    sites=sites.orders,
    excuse=_unknown_ignored,
)
def unknown_accepted(site: Site, api: Api) -> Defect:
    """Ignore the words that no key has."""
    order = site.subject

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            query, split = scope.call.query, api.conventions["ordering"]["separator"]
            sent = [
                split.join(word for word in text.split(split) if word in order.words)
                for text in query.get(site.about, ())
            ]
            if not sent:
                return bound.find(scope, rows)
            return bound.find(hearing.with_query(scope, {**query, site.about: sent}), rows)

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


def _one_key(site: Site, api: Api) -> str:
    is_one = site.subject.is_single or len(site.subject.keys) == 1
    return "it takes one key only" if is_one else ""


@_kind(
    "O09",
    "of several keys only the first one counts",
    key="x-order",
    sites=sites.orders,
    excuse=_one_key,
)
def first_key_only(site: Site, api: Api) -> Defect:
    """Hear one key."""
    split = api.conventions["ordering"]["separator"]

    def change(query: hearing.Query) -> hearing.Query:
        sent = [text.split(split)[0] for text in query.get(site.about, ())]
        return {**query, site.about: sent} if sent else query

    return hearing.heard_otherwise(site, api, change)
