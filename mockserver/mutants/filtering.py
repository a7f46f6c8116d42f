"""F: filters that keep other records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.json_types import JSON, Record
from mockserver.mutants import hearing, hidden, sites
from mockserver.mutants.planting import Defect, edited
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import fields_of_kind

_FAMILY = Family("filters")
_kind = _FAMILY.kind
_RANGES = ("gt", "gte", "lt", "lte")
_TEXTUAL = ("iexact", "contains", "icontains", "startswith")


@_kind(
    "F01",
    "the filter is ignored",
    every=True,
    key="x-filter",
    sites=sites.filters,
    excuse=hidden.by_function,
)
def ignored(site: Site, api: Api) -> Defect:
    """Keep what all other filters keep."""
    return hearing.heard_otherwise(site, api, lambda query: hearing.without(query, site.about))


@_kind(
    "F02",
    "the filter keeps what it should not",
    key="x-filter",
    sites=sites.filters,
    excuse=hidden.by_function,
)
def inverted(site: Site, api: Api) -> Defect:
    """Keep the others."""
    key = sites.target(site, api).key

    def choose(scope: Scope, right: Sequence[Record], rest: Sequence[Record]) -> Sequence[Record]:
        kept = {record[key] for record in right}
        return [record for record in rest if record[key] not in kept]

    return hearing.kept_otherwise(site, api, choose)


def _no_boundary(site: Site, api: Api) -> str:
    if hearing.value_kind(site) not in ("text", "integer", "number", "date", "instant", "decimal"):
        return "its values have no order, so there is no boundary"
    return hidden.filter_fields(site, api)


@_kind(
    "F03",
    "the boundary belongs to the other side",
    key="x-filter",
    sites=sites.where(sites.filters, hearing.lookup_in(*_RANGES)),
    excuse=_no_boundary,
)
def boundary(site: Site, api: Api) -> Defect:
    """Compare with > for ≥ and the other way round."""
    swapped = {"gt": "gte", "gte": "gt", "lt": "lte", "lte": "lt"}
    return hearing.refiltered(site, api, lookup=swapped[hearing.filter_of(site).lookup])


def _case_excuse(site: Site, api: Api) -> str:
    schemas = [hearing.inner(site), *hearing.field_schemas(site, api)]
    patterns = [str(schema.get("pattern", "")).replace("\\d", "") for schema in schemas]
    is_digital = any(text and not re.search("[A-Za-z]", text) for text in patterns)
    if is_digital:
        return "its values have no letters"
    # Whatever the letters are, both cases of one that is contained must keep the same.
    is_relative = hearing.filter_of(site).lookup == "icontains"
    return "" if is_relative else hidden.filter_fields(site, api)


@_kind(
    "F04",
    "the case rule of the filter is another one",
    key="x-filter",
    sites=sites.where(
        sites.where(sites.filters, hearing.is_text_field),
        hearing.lookup_in("exact", "iexact", "contains", "icontains"),
    ),
    excuse=_case_excuse,
)
def case(site: Site, api: Api) -> Defect:
    """Tell apart what is alike, and the other way round."""
    swapped = {
        "exact": "iexact",
        "iexact": "exact",
        "contains": "icontains",
        "icontains": "contains",
    }
    return hearing.refiltered(site, api, lookup=swapped[hearing.filter_of(site).lookup])


def _two_filters(site: Site, api: Api) -> bool:
    filters = [p for p in site.operation.parameters if p.filter and p.place == "query"]
    return len(filters) > 1


@_kind(
    "F05",
    "one of several filters suffices",
    key="x-filter",
    sites=sites.where(sites.operations("list"), _two_filters),
)
def ored(site: Site, api: Api) -> Defect:
    """Keep what passes any filter."""
    names = [p.name for p in site.operation.parameters if p.filter and p.place == "query"]
    key = sites.target(site, api).key

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            used = [name for name in names if hearing.is_used(scope, name)]
            right = bound.find(scope, rows)
            if len(used) < 2:
                return right
            query = scope.call.query
            plain = {name: held for name, held in query.items() if name not in used}
            kept: set[Any] = set()
            for name in used:
                one = hearing.with_query(scope, {**plain, name: query[name]})
                kept |= {record[key] for record in bound.find(one, rows)}
            found = bound.find(hearing.with_query(scope, plain), rows)
            return [record for record in found if record[key] in kept]

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


def _takes_several(site: Site, api: Api) -> bool:
    return hearing.filter_of(site).values != "one"


@_kind(
    "F06",
    "of several values only the last one counts",
    key="x-filter",
    sites=sites.where(sites.filters, _takes_several),
)
def last_only(site: Site, api: Api) -> Defect:
    """Hear one value."""

    def change(query: hearing.Query) -> hearing.Query:
        sent = query.get(site.about, ())
        if not sent:
            return query
        last = (
            sent[-1].rpartition(",")[2] if hearing.filter_of(site).values == "comma" else sent[-1]
        )
        return {**query, site.about: [last]}

    return hearing.heard_otherwise(site, api, change)


def _is_falsifiable(site: Site, api: Api) -> bool:
    return hearing.value_kind(site) in ("boolean", "integer", "number")


def _falsy_excuse(site: Site, api: Api) -> str:
    only = hearing.filter_of(site).only
    if only is not None and only:
        return f"only {only} filters, so that false says nothing"
    if (
        hearing.value_kind(site) in ("integer", "number")
        and hearing.inner(site).get("minimum", 0) > 0
    ):
        return "the values are positive"
    return ""


@_kind(
    "F07",
    "false and 0 count as no value",
    key="x-filter",
    sites=sites.where(
        sites.filters,
        _is_falsifiable,
    ),
    excuse=_falsy_excuse,
)
def falsy(site: Site, api: Api) -> Defect:
    """Filter by what is true in Python only."""

    def change(query: hearing.Query) -> hearing.Query:
        texts = [text.lower() for text in query.get(site.about, ())]
        return hearing.without(query, site.about) if {"false", "0"} & set(texts) else query

    return hearing.heard_otherwise(site, api, change)


@_kind(
    "F08",
    "wildcard characters match anything",
    key="x-filter",
    sites=sites.where(
        sites.where(sites.filters, hearing.is_text_field), hearing.lookup_in("exact", *_TEXTUAL)
    ),
)
def wildcards(site: Site, api: Api) -> Defect:
    """Let % and _ stand for anything."""
    is_part = hearing.filter_of(site).lookup in ("contains", "icontains")

    def test(value: JSON, wanted: str) -> bool:
        parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in wanted)
        pattern = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
        shown = "" if value is None else str(value)
        return value is not None and bool((pattern.search if is_part else pattern.fullmatch)(shown))

    return hearing.passing(site, api, test)


def _other_text(site: Site, api: Api) -> str:
    used = set(hearing.filter_of(site).fields)
    names = [field.name for field in fields_of_kind(sites.target(site, api), "text")]
    return next((name for name in names if name not in used), "")


def _lonely(site: Site, api: Api) -> str:
    if not _other_text(site, api):
        return "the record has no other text to look into"
    return hidden.filter_fields(site, api)


@_kind(
    "F09",
    "the filter also looks into another field",
    key="x-filter",
    sites=sites.where(
        sites.where(sites.filters, hearing.is_text_field), hearing.lookup_in("exact", *_TEXTUAL)
    ),
    excuse=_lonely,
)
def widened(site: Site, api: Api) -> Defect:
    """Look into one more field."""
    return hearing.refiltered(
        site, api, fields=(*hearing.filter_of(site).fields, _other_text(site, api))
    )


def _anything_goes(site: Site, api: Api) -> str:
    if hearing.filter_of(site).invalid != "reject":
        return "an invalid value is not refused in the first place"
    if hearing.filter_of(site).choices:
        return ""
    return "any text is a value" if hearing.value_kind(site) in ("text", "uri", "") else ""


@_kind(
    "F10",
    "an invalid value is accepted",
    key="x-filter",
    sites=sites.filters,
    excuse=_anything_goes,
)
def invalid_accepted(site: Site, api: Api) -> Defect:
    """Ignore what cannot be read."""
    return hearing.refiltered(site, api, invalid="ignore")
