"""Let the search of a list hear another query, or keep other records than it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.json_types import JSON, Record
from mockserver.mutants import sites
from mockserver.mutants.planting import Defect, edited, recompiled
from mockserver.mutants.registry import Site
from mockserver.mutants.states import kind_of
from mockserver.operation import Filter, Operation, Schema, types_of
from mockserver.paths import Paths

Query = Mapping[str, Sequence[str]]


def with_query(scope: Scope, query: Query) -> Scope:
    """Return the scope of a call with another query."""
    return replace(scope, call=replace(scope.call, query=query))


def without(query: Query, name: str) -> dict[str, Sequence[str]]:
    """Return a query that does not have a parameter."""
    return {key: held for key, held in query.items() if key != name}


def heard_otherwise(site: Site, api: Api, change: Callable[[Query], Query]) -> Defect:
    """Return the defect of a list whose search hears another query, once the true one is fine."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            bound.find(scope, rows)
            return bound.find(with_query(scope, change(scope.call.query)), rows)

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


Choose = Callable[[Scope, Sequence[Record], Sequence[Record]], Sequence[Record]]


def kept_otherwise(site: Site, api: Api, choose: Choose) -> Defect:
    """
    Return the defect of a list that keeps other records when one filter is used.

    `choose` is told what is rightly kept, and what all other filters keep.
    """

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            right = bound.find(scope, rows)
            if not is_used(scope, site.about):
                return right
            rest = bound.find(with_query(scope, without(scope.call.query, site.about)), rows)
            return choose(scope, right, rest)

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


def is_used(scope: Scope, name: str) -> bool:
    """Tell whether a call filters by a parameter."""
    return any(text.strip() for text in scope.call.query.get(name, ()))


def refiltered(site: Site, api: Api, **changes: Any) -> Defect:
    """Return the defect of a list compiled with another filter."""

    def change(operation: Operation) -> Operation:
        parameters = tuple(
            replace(p, filter=replace(p.filter, **changes))
            if p.filter is not None and p.name == site.about
            else p
            for p in operation.parameters
        )
        return replace(operation, parameters=parameters)

    return recompiled(api, site.operation.id, change)


Test = Callable[[JSON, str], bool]


def passing(site: Site, api: Api, test: Test) -> Defect:
    """Return the defect of a filter whose test of a stored value is another one."""
    resource, parameter = sites.target(site, api), sites.parameter(site)
    paths = Paths(api.spec.resources, api.pack.functions)
    fields = filter_of(site).fields
    ways = [paths.compile(resource, text, parameter.where) for text in fields]

    def choose(scope: Scope, right: Sequence[Record], rest: Sequence[Record]) -> Sequence[Record]:
        wanted = scope.call.query[site.about][-1].strip()
        return [
            record
            for record in rest
            if any(test(value, wanted) for way in ways for value in way.reach(record, scope))
        ]

    return kept_otherwise(site, api, choose)


def filter_of(site: Site) -> Filter:
    """Return the filter at a place."""
    found = sites.parameter(site).filter
    assert found is not None
    return found


def inner(site: Site) -> Any:
    """Return the schema of one value of a filter."""
    parameter = sites.parameter(site)
    is_list = "array" in types_of(parameter.schema)
    return (parameter.schema.get("items") or {}) if is_list else parameter.schema


def lookup_in(*names: str) -> Callable[[Site, Api], bool]:
    """Return the test whether a filter uses one of some lookups on fields."""
    return lambda site, api: not filter_of(site).by and filter_of(site).lookup in names


def value_kind(site: Site) -> str:
    """Return what a filter's values are, in one word."""
    return kind_of(inner(site))


def is_text(site: Site, api: Api) -> bool:
    """Tell whether a filter reads any text."""
    return value_kind(site) == "text" and filter_of(site).lookup != "link"


def is_text_field(site: Site, api: Api) -> bool:
    """Tell whether a filter compares one text with fields."""
    return is_text(site, api) and not filter_of(site).by and filter_of(site).values == "one"


def field_schemas(site: Site, api: Api) -> list[Schema]:
    """Return the schemas of the fields that a filter looks into."""
    resource, paths = sites.target(site, api), Paths(api.spec.resources, api.pack.functions)
    ways = [paths.compile(resource, text, "") for text in filter_of(site).fields]
    return [way.field.schema for way in ways if way.field is not None]
