"""F: filters that trip over places, times, nulls and odd values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from mockserver import values
from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.errors import NotFound
from mockserver.json_types import Record
from mockserver.mutants import bodies, hearing, hidden, sites
from mockserver.mutants.planting import Defect, Turn, answered, at, edited, recompiled
from mockserver.mutants.registry import Family, Site
from mockserver.operation import Operation, Resource, types_of
from mockserver.paths import Paths

_FAMILY = Family("filters")
_kind = _FAMILY.kind
_RANGES = ("gt", "gte", "lt", "lte")


def _is_paged(site: Site, api: Api) -> bool:
    return site.operation.is_paged


@_kind(
    "F11",
    "the filter is ignored from page 2 on",
    key="x-filter",
    sites=sites.where(sites.one_each(sites.filters), _is_paged),
)
def ignored_later(site: Site, api: Api) -> Defect:
    """Filter the first page only."""
    number = api.conventions["paging"]["number"]

    def change(query: hearing.Query) -> hearing.Query:
        is_first = query.get(number, ["1"])[-1].strip() in ("", "1")
        return query if is_first else hearing.without(query, site.about)

    return hearing.heard_otherwise(site, api, change)


def _is_ordered(site: Site, api: Api) -> bool:
    return site.operation.ordering is not None


@_kind(
    "F18",
    "the filter is ignored when an order is asked for",
    key="x-filter",
    sites=sites.where(sites.one_each(sites.filters), _is_ordered),
)
def ignored_in_order(site: Site, api: Api) -> Defect:
    """Filter or sort, but not both."""
    order = site.operation.ordering
    assert order is not None
    name = order.parameter
    return hearing.heard_otherwise(
        site, api, lambda query: hearing.without(query, site.about) if query.get(name) else query
    )


@_kind(
    "F12",
    "only the beginning of a text is looked at",
    key="x-filter",
    sites=sites.where(
        sites.where(sites.filters, hearing.is_text_field),
        hearing.lookup_in("contains", "icontains"),
    ),
    excuse=hidden.filter_fields,
)
def prefix(site: Site, api: Api) -> Defect:
    """Look at the beginning."""
    return hearing.passing(
        site,
        api,
        lambda value, wanted: str(value).casefold().startswith(wanted.casefold()),
    )


def _text_order(site: Site, api: Api) -> str:
    if hearing.value_kind(site) in ("date", "instant"):
        return "dates are in the order of their text"
    return ""


@_kind(
    "F13",
    "numbers are compared as text",
    key="x-filter",
    sites=sites.where(sites.filters, hearing.lookup_in(*_RANGES)),
    excuse=_text_order,
)
def as_text(site: Site, api: Api) -> Defect:
    """Compare digits."""
    tests: dict[str, hearing.Test] = {
        "gt": lambda value, wanted: str(value) > wanted,
        "gte": lambda value, wanted: str(value) >= wanted,
        "lt": lambda value, wanted: str(value) < wanted,
        "lte": lambda value, wanted: str(value) <= wanted,
    }
    test = tests[hearing.filter_of(site).lookup]
    return hearing.passing(
        site, api, lambda value, wanted: value is not None and test(value, wanted)
    )


def _reaches_null(site: Site, api: Api) -> str:
    resource = sites.target(site, api)
    return (
        ""
        if any(may_miss(path, resource, api) for path in hearing.filter_of(site).fields)
        else ("the field is never null")
    )


def may_miss(path: str, resource: Resource, api: Api) -> bool:
    """Tell whether a record may have no value at the end of a path."""
    for step in path.split("."):
        relation = resource.relations.get(step)
        if relation is None:
            field = resource.fields[step]
            return "null" in types_of(field.schema)
        held = resource.fields.get(step)
        if relation.kind != "one" or held is None or "null" in types_of(held.schema):
            return True
        resource = api.spec.resources[relation.to]
    return False


def _by_field(site: Site, api: Api) -> bool:
    return bool(hearing.filter_of(site).fields) and hearing.filter_of(site).lookup not in (
        "isnull",
        "link",
    )


@_kind(
    "F14",
    "records without a value are kept",
    key="x-filter",
    sites=sites.where(sites.filters, _by_field),
    excuse=_reaches_null,
)
def nulls_kept(site: Site, api: Api) -> Defect:
    """Keep what has no value."""
    resource, key = sites.target(site, api), sites.target(site, api).key
    paths = Paths(api.spec.resources, api.pack.functions)
    ways = [paths.compile(resource, path, "") for path in hearing.filter_of(site).fields]

    def choose(scope: Scope, right: Sequence[Record], rest: Sequence[Record]) -> Sequence[Record]:
        kept = {record[key] for record in right}
        return [
            record
            for record in rest
            if record[key] in kept
            or all(value is None for way in ways for value in way.reach(record, scope))
        ]

    return hearing.kept_otherwise(site, api, choose)


@_kind(
    "F15",
    "a NUL character breaks the server",
    key="x-filter",
    sites=sites.one_each(sites.where(sites.filters, hearing.is_text)),
)
def nul(site: Site, api: Api) -> Defect:
    """Break on NUL."""

    def answer(turn: Turn) -> Exchange:
        is_odd = any("\0" in text for text in turn.query.get(site.about, ()))
        return answered(turn.ask(), bodies.crash() if is_odd else None)

    return at(site.operation.id, answer)


def _is_dated(site: Site, api: Api) -> bool:
    return hearing.value_kind(site) in ("date", "instant") and not hearing.filter_of(site).by


@_kind(
    "F16",
    "instants are read in another time zone",
    key="x-filter",
    sites=sites.where(
        sites.filters,
        lambda site, api: (
            hearing.value_kind(site) in ("date", "instant") and not hearing.filter_of(site).by
        ),
    ),
    excuse=hidden.filter_fields,
)
def shifted(site: Site, api: Api) -> Defect:
    """Read a day as the next one, an instant as two hours later."""

    def change(query: hearing.Query) -> hearing.Query:
        sent = [_later(text) for text in query.get(site.about, ())]
        return {**query, site.about: sent} if sent else query

    return hearing.heard_otherwise(site, api, change)


def _later(text: str) -> str:
    day = values.read_date(text)
    if day is not None:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    instant = values.read_instant(text)
    return values.write_instant(instant + timedelta(hours=2)) if instant is not None else text


@_kind("F17", "the parameter has another name", key="x-filter", sites=sites.one_each(sites.filters))
def renamed(site: Site, api: Api) -> Defect:
    """Know the filter by another name."""

    def change(operation: Operation) -> Operation:
        parameters = tuple(
            replace(p, name=f"{p.name}_filter") if p.name == site.about else p
            for p in operation.parameters
        )
        return replace(operation, parameters=parameters)

    return recompiled(api, site.operation.id, change)


def _is_link(site: Site, api: Api) -> bool:
    return hearing.filter_of(site).lookup == "link"


@_kind(
    "F19",
    "a link to nowhere is taken for no filter",
    key="x-filter",
    sites=sites.where(sites.filters, _is_link),
)
def lost_link(site: Site, api: Api) -> Defect:
    """Ignore a link that leads nowhere."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            try:
                found = bound.find(scope, rows)
            except NotFound:
                found = []
            if found:
                return found
            return bound.find(
                hearing.with_query(scope, hearing.without(scope.call.query, site.about)), rows
            )

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


def _has_choices(site: Site, api: Api) -> bool:
    return bool(hearing.filter_of(site).choices)


@_kind(
    "F20",
    "the key of no record is accepted",
    key="x-filter",
    sites=sites.where(sites.filters, _has_choices),
)
def unknown_choice(site: Site, api: Api) -> Defect:
    """Ask no record whether it exists."""
    return hearing.refiltered(site, api, choices="")


@_kind(
    "F21",
    "an empty value filters",
    key="x-filter",
    sites=sites.one_each(sites.where(sites.filters, hearing.is_text)),
)
def empty_filters(site: Site, api: Api) -> Defect:
    """Find nothing for an empty value."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            found = bound.find(scope, rows)
            is_empty = site.about in scope.call.query and not hearing.is_used(scope, site.about)
            return [] if is_empty else found

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)
