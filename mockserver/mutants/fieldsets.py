"""D: sparse fieldsets that show other properties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.exchange import Request, Response
from mockserver.json_types import JSON, Record
from mockserver.mutants import bodies, sites
from mockserver.mutants.links import set_total, total_of
from mockserver.mutants.planting import (
    Defect,
    Turn,
    answered,
    answered_otherwise,
    asked_otherwise,
    at,
    edited,
    with_rules,
)
from mockserver.mutants.registry import Family, Site

_FAMILY = Family("fieldsets")
_kind = _FAMILY.kind
_KEY = "x-mock.fieldset"
_LISTS = sites.where(sites.fieldsets, lambda site, api: site.operation.verb == "list")


@_kind("D01", "the fieldset is ignored", key=_KEY, sites=sites.fieldsets)
def ignored(site: Site, api: Api) -> Defect:
    """Show everything."""
    return with_rules(api, site.operation.id, "fieldset", parameter="\0")


@_kind("D02", "a fieldset changes the order", key=_KEY, sites=_LISTS)
def reordered(site: Site, api: Api) -> Defect:
    """Turn the list round when a fieldset is asked for."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            found = bound.find(scope, rows)
            return found[::-1] if site.about in scope.call.query else found

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


@_kind("D03", "a fieldset breaks in combination", key=_KEY, sites=sites.fieldsets)
def fragile(site: Site, api: Api) -> Defect:
    """Break when a fieldset comes with any other parameter."""

    def answer(turn: Turn) -> Exchange:
        is_odd = site.about in turn.query and len(turn.query) > 1
        return answered(turn.ask(), bodies.crash() if is_odd else None)

    return at(site.operation.id, answer)


def _names(turn: Turn, site: Site, api: Api) -> list[str]:
    sent = turn.query.get(site.about, [])
    if api.conventions["fieldset"]["style"] == "comma":
        return [name.strip() for text in sent[-1:] for name in text.split(",")]
    return sent


@_kind("D04", "a name given twice breaks the server", key=_KEY, sites=sites.fieldsets)
def twice(site: Site, api: Api) -> Defect:
    """Break when a name is repeated."""

    def answer(turn: Turn) -> Exchange:
        names = _names(turn, site, api)
        return answered(turn.ask(), bodies.crash() if len(set(names)) < len(names) else None)

    return at(site.operation.id, answer)


def _key_shown(site: Site, api: Api) -> str:
    shown = api.operations[site.operation.id].names
    return "" if sites.target(site, api).key in shown else "the key is not shown at all"


@_kind("D05", "the key is shown unasked", key=_KEY, sites=sites.fieldsets, excuse=_key_shown)
def with_key(site: Site, api: Api) -> Defect:
    """Add the key to every fieldset."""
    key = sites.target(site, api).key

    def edit(bound: Bound) -> Bound:
        def shows(record: Record, scope: Scope, names: frozenset[str] | None) -> JSON:
            return bound.shows(record, scope, None if names is None else names | {key})

        return replace(bound, shows=shows)

    return edited(api, site.operation.id, edit)


@_kind("D06", "a fieldset changes the total", key=_KEY, sites=_LISTS)
def recounted(site: Site, api: Api) -> Defect:
    """Count one row less when a fieldset is asked for."""

    def change(turn: Turn, response: Response) -> Response | None:
        total = total_of(response, api)
        if site.about not in turn.query or not total:
            return None
        return set_total(response, api, total - 1)

    return answered_otherwise(site.operation.id, change)


@_kind("D07", "of several names only the first one counts", key=_KEY, sites=sites.fieldsets)
def first_only(site: Site, api: Api) -> Defect:
    """Show one property."""

    def change(turn: Turn) -> Request | None:
        names = _names(turn, site, api)
        return turn.asking({**turn.query, site.about: names[:1]}) if len(names) > 1 else None

    return asked_otherwise(site.operation.id, change)


@_kind("D08", "an unknown name is answered otherwise", key=_KEY, sites=sites.fieldsets)
def unknown(site: Site, api: Api) -> Defect:
    """Swap refusing and ignoring."""
    swapped = "ignore" if api.conventions["fieldset"]["unknown"] == "reject" else "reject"
    return with_rules(api, site.operation.id, "fieldset", unknown=swapped)
