"""V: values that mean something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.json_types import JSON, OMIT, Record
from mockserver.mutants import bodies, hidden, sites
from mockserver.mutants.planting import Defect, edited
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import kind_of
from mockserver.operation import Resource, Schema, is_nullable, types_of

_FAMILY = Family("meaning")
_kind = _FAMILY.kind


def _source(site: Site, api: Api) -> JSON:
    """Return where a shown value comes from, the record's own declaration included."""
    said = site.subject.get("x-from")
    field = sites.target(site, api).fields.get(site.about)
    if said is None and field is not None and field.computed:
        return {"computed": field.computed}
    return said


def _is_computed(site: Site, api: Api) -> bool:
    source = _source(site, api)
    return isinstance(source, Mapping) and "computed" in source


_GETS = hidden.comparable(sites.read_only(sites.shown))


def off(value: JSON, schema: Schema) -> JSON:
    """Return a value near another one, of the same shape: by one, by a letter, or empty."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return value[1:]
    if isinstance(value, dict):
        return {name: off(held, {}) for name, held in value.items()}
    return _other_word(value, schema) if isinstance(value, str) else value


def _other_word(value: str, schema: Schema) -> JSON:
    if "enum" in schema:
        return next((word for word in schema["enum"] if word not in (value, None)), value)
    try:
        return str(Decimal(value) + 1)
    except InvalidOperation:
        return value[:-1] + ("a" if value[-1:] != "a" else "b")


def _is_given(value: JSON) -> bool:
    return value not in (None, "", [], {})


@_kind(
    "V01",
    "a computed value is slightly wrong",
    every=True,
    key="x-from",
    sites=sites.where(_GETS, _is_computed),
    excuse=hidden.shown_once,
)
def computed_off(site: Site, api: Api) -> Defect:
    """Show it off by one, by a letter or by an item."""
    return bodies.properties(
        site.operation.id, site.about, lambda value: off(value, site.subject), only=_is_given
    )


def _is_path(site: Site, api: Api) -> bool:
    source = site.subject.get("x-from")
    is_dotted = isinstance(source, str) and source not in ("server", site.about)
    return is_dotted or (isinstance(source, Mapping) and "link" in source)


def _constant(site: Site, api: Api) -> str:
    if kind_of(site.subject) == "boolean" or is_nullable(site.subject):
        return ""
    return "" if site.subject.get("const") is None else "it has one value only"


@_kind(
    "V02",
    "a value comes from another record",
    key="x-from",
    sites=sites.where(_GETS, _is_path),
    excuse=_constant,
)
def misled(site: Site, api: Api) -> Defect:
    """Show of every record what another record shows."""
    name, key = site.about, sites.target(site, api).key

    def edit(bound: Bound) -> Bound:
        def shows(record: Record, scope: Scope, names: frozenset[str] | None) -> JSON:
            shown = dict(bound.shows(record, scope, names))
            if name in shown:
                shown[name] = _elsewhere(bound, record, scope, name, shown[name], key)
            return shown

        return replace(bound, shows=shows)

    return edited(api, site.operation.id, edit)


def _elsewhere(
    bound: Bound, record: Record, scope: Scope, name: str, value: JSON, key: str
) -> JSON:
    """Return what the next record shows of a property that differs."""
    others = scope.store.all(bound.resource.name)
    place = next((i for i, other in enumerate(others) if other[key] == record[key]), 0)
    for other in (*others[place + 1 :], *others[:place]):
        found = bound.shows(other, scope, frozenset({name})).get(name, OMIT)
        if found is not OMIT and found != value:
            return found
    return value


_DECIMALS = sites.where(_GETS, lambda site, api: kind_of(site.subject) == "decimal")


@_kind("V08", "a decimal has another number of places", key="schema", sites=_DECIMALS)
def misplaced(site: Site, api: Api) -> Defect:
    """Show one place less."""
    return bodies.properties(
        site.operation.id,
        site.about,
        lambda value: value[:-1] if "." in value else f"{value}.0",
        only=lambda value: isinstance(value, str),
    )


def _is_link(site: Site, api: Api) -> bool:
    source = site.subject.get("x-from")
    return isinstance(source, Mapping) and ("link" in source or "media" in source)


@_kind(
    "V09",
    "a hyperlink leads to another host",
    key="x-from",
    sites=sites.one_each(sites.where(_GETS, _is_link)),
    excuse=hidden.host_of_link,
)
def other_host(site: Site, api: Api) -> Defect:
    """Link to another host."""
    return bodies.properties(
        site.operation.id,
        site.about,
        lambda value: "http://backend.invalid/" + value.split("/", 3)[-1],
        only=lambda value: isinstance(value, str),
    )


def _is_list(site: Site, api: Api) -> bool:
    return "array" in types_of(site.subject)


@_kind(
    "V10",
    "a list inside a record is in the opposite order",
    key="x-resource",
    sites=sites.where(_GETS, lambda site, api: _is_list(site, api) and _is_ordered(site, api)),
)
def turned(site: Site, api: Api) -> Defect:
    """Turn it round."""
    return bodies.properties(site.operation.id, site.about, lambda value: value[::-1], only=bool)


def _is_ordered(site: Site, api: Api) -> bool:
    """Tell whether the relation that a property shows has an order of its own."""
    source = site.subject.get("x-from", site.about)
    if not isinstance(source, str):
        return False
    here: Resource | None = sites.target(site, api)
    order: tuple[str, ...] = ()
    for step in source.split("."):
        relation = here.relations.get(step) if here is not None else None
        if relation is None:
            break
        order, here = relation.order, api.spec.resources[relation.to]
    return bool(order)


@_kind(
    "V11",
    "of several related values only the first is shown",
    key="x-from",
    sites=sites.where(_GETS, _is_list),
)
def first_only(site: Site, api: Api) -> Defect:
    """Show one item."""
    return bodies.properties(
        site.operation.id,
        site.about,
        lambda value: value[:1],
        only=lambda value: isinstance(value, list) and len(value) > 1,
    )


def _server_chosen(api: Api) -> Iterator[Site]:
    """Yield the instants that the server gives a new record."""
    for site in sites.operations("create")(api):
        bound = api.operations[site.operation.id]
        for name in bound.chosen:
            field = bound.resource.fields[name]
            if kind_of(field.schema) in ("instant", "date") and name in bound.names:
                yield Site(site.operation, name, field)


@_kind(
    "V12",
    "the server chooses an instant that is not the present",
    key="x-from",
    sites=_server_chosen,
    spreads=True,
)
def other_present(site: Site, api: Api) -> Defect:
    """Choose the day of the machine's birth."""
    value = "1970-01-01T00:00:00Z" if kind_of(site.subject.schema) == "instant" else "1970-01-01"

    def edit(bound: Bound) -> Bound:
        return replace(bound, chosen={**bound.chosen, site.about: lambda scope: value})

    return edited(api, site.operation.id, edit)


def _reports(api: Api) -> Iterator[Site]:
    """Yield the figures of reports and of actions that answer something."""
    for site in sites.shown(api):
        if site.operation.verb == "report":
            yield site


@_kind(
    "V13",
    "a figure of a report is slightly wrong",
    every=True,
    key="x-action",
    sites=_reports,
    excuse=hidden.shown_once,
)
def report_off(site: Site, api: Api) -> Defect:
    """Show it off by one."""
    return bodies.properties(
        site.operation.id,
        site.about,
        lambda value: off(value, site.subject),
        only=lambda value: value not in (None, "", []),
    )


def _is_nullable(site: Site, api: Api) -> bool:
    return is_nullable(site.subject) and site.about in sites.required_names(api, site.operation)


@_kind(
    "V14",
    "a value is always null",
    key="x-from",
    sites=sites.where(_GETS, _is_nullable),
    excuse=hidden.shown_here,
)
def always_null(site: Site, api: Api) -> Defect:
    """Show null."""
    return bodies.properties(
        site.operation.id, site.about, lambda value: None, only=lambda value: value is not None
    )


def _is_flag(site: Site, api: Api) -> bool:
    return kind_of(site.subject) == "boolean" and not _is_computed(site, api)


@_kind(
    "V15",
    "a flag is shown inverted",
    key="x-from",
    sites=sites.where(_GETS, _is_flag),
    excuse=hidden.shown_here,
)
def flag_inverted(site: Site, api: Api) -> Defect:
    """Show true for false."""
    return bodies.properties(
        site.operation.id,
        site.about,
        lambda value: not value,
        only=lambda value: isinstance(value, bool),
    )
