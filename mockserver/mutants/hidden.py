"""Prove of a place that nobody outside can tell what is right there, because nothing shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from mockserver.api import Api
from mockserver.compiler import resolve
from mockserver.mutants import sites
from mockserver.mutants.registry import Site, Sites
from mockserver.mutants.states import kind_of
from mockserver.operation import Filter, Operation, Resource, Schema, types_of
from mockserver.projection import properties_of

#: A field of a resource, or a function: what a shown value comes from.
Origin: TypeAlias = tuple[str, str]
_DEPTH = 4
#: What a schema may say of a value, so that a wrong one may break it.
_BOUNDS = {"enum", "pattern", "format", "maximum", "maxLength", "minItems", "const"}
#: What a filter compares alike must be alike for an order, and only that.
_PARTING = ("icontains", "iexact", "folded", "gt", "gte", "lt", "lte")


def end(api: Api, resource: Resource, path: str) -> Origin:
    """Return the field or function that a dotted path ends at; a relation stands for the key."""
    at = resource
    *steps, last = path.split(".")
    for step in steps:
        relation = at.relations.get(step)
        if relation is None:
            return at.name, path
        at = api.spec.resources[relation.to]
    if last in at.relations:
        at = api.spec.resources[at.relations[last].to]
        last = at.key
    field = at.fields.get(last)
    return ("computed()", field.computed) if field and field.computed else (at.name, last)


def origins(api: Api, resource: Resource, schema: Schema, depth: int = 0) -> Iterator[Origin]:
    """Yield what the properties of an object come from, those of nested objects included."""
    for name, declared in properties_of(api.spec.document, schema).items():
        node = resolve(api.spec.document, declared)
        origin = origin_of(api, resource, name, node)
        yield origin
        inner, other = _inner(api, node), _nested(api, resource, name, node)
        if inner and other is not None and depth < _DEPTH:
            yield from origins(api, other, inner, depth + 1)


def origin_of(api: Api, resource: Resource, name: str, schema: Schema) -> Origin:
    """Return what one property comes from."""
    said = schema.get("x-from", name)
    if isinstance(said, Mapping):
        word, value = next(iter(said.items()))
        return (f"{word}()", str(value)) if word != "link" else end(api, resource, str(value))
    return end(api, resource, name if said == "server" else str(said))


def _inner(api: Api, schema: Schema) -> Schema:
    items = resolve(api.spec.document, schema.get("items") or {})
    return items if "array" in types_of(schema) else schema


def _nested(api: Api, resource: Resource, name: str, schema: Schema) -> Resource | None:
    said: Any = schema.get("x-from", name)
    if isinstance(said, Mapping):
        return api.spec.resources.get(str(said.get("resource", "")))
    at: Resource | None = resource
    for step in str(said).split("."):
        relation = at.relations.get(step) if at is not None else None
        at = api.spec.resources[relation.to] if relation is not None else None
    return at


def _told(api: Api, operation: Operation) -> set[Origin]:
    resource = api.spec.resources.get(operation.resource)
    if resource is None:
        return set()
    schemas = [sites.row_schema(api, operation)]
    schemas += operation.body.schemas.values() if operation.body else []
    return {
        each
        for schema in schemas
        for each in origins(api, resource, resolve(api.spec.document, schema))
    }


#: The API read last, with what its operations tell: many places of one are asked about in a row.
_LAST: dict[str, tuple[Api, dict[str, set[Origin]]]] = {}


def tellers(api: Api, origin: Origin) -> frozenset[str]:
    """Return the operations that show a field, or what a function returns, or take it."""
    known = _LAST.get("api")
    if known is None or known[0] is not api:
        known = _LAST["api"] = (api, {o.id: _told(api, o) for o in api.spec.operations})
    return frozenset(name for name, told in known[1].items() if origin in told)


def comparable(sites: Sites) -> Sites:
    """Return the places of properties, each with the other answers that show the same."""

    def find(api: Api) -> Iterator[Site]:
        for site in sites(api):
            resource = api.spec.resources.get(site.operation.resource)
            if resource is None:
                yield site
                continue
            origin = origin_of(api, resource, site.about, site.subject)
            yield replace(site, elsewhere=site.elsewhere | tellers(api, origin))

    return find


def by_function(site: Site, api: Api) -> str:
    """Tell of a filter whether only a function knows what it keeps."""
    declared = sites.parameter(site).filter
    assert declared is not None
    kinds = types_of(sites.parameter(site).schema)
    # Of what cannot be read, and of an id that nobody has, something is promised.
    is_bound = declared.invalid == "none" or kind_of(sites.parameter(site).schema) == "uuid"
    if not declared.by or declared.shown or is_bound:
        return ""
    if "boolean" in kinds and declared.only is None and declared.splits is not False:
        return ""
    return f"only {declared.by} knows what it keeps, and it may be every record"


def filter_fields(site: Site, api: Api) -> str:
    """Tell of a filter whether no answer shows any field that it looks into."""
    declared, resource = sites.parameter(site).filter, sites.target(site, api)
    assert declared is not None
    if declared.by:
        return by_function(site, api)
    paths = [*declared.fields, *(p for way in declared.any for p in (*way.fields, *way.words))]
    if any(tellers(api, end(api, resource, path)) for path in paths):
        return ""
    return "no answer shows the field, so that nobody knows a value or its place"


def order_key(site: Site, api: Api) -> str:
    """Tell of a key of an order whether no answer shows what it compares."""
    resource, order = sites.target(site, api), site.operation.ordering
    assert order is not None
    path = order.keys[site.subject][0]
    if tellers(api, end(api, resource, path)):
        return ""
    return "no answer shows what it compares, so that nobody knows which row comes first"


def parted_key(site: Site, api: Api) -> str:
    """Tell of a hidden key whether no filter parts rows by it either."""
    order = site.operation.ordering
    assert order is not None
    path = order.keys[site.subject][0]
    filters = [p.filter for p in site.operation.parameters if p.filter and p.place == "query"]
    return "" if any(_parts(each, path) for each in filters) else order_key(site, api)


def _parts(declared: Filter, path: str) -> bool:
    return declared.fields == (path,) and not declared.by and declared.lookup in _PARTING


def shown_once(site: Site, api: Api) -> str:
    """Tell of a property whether no second answer shows the same."""
    resource = api.spec.resources.get(site.operation.resource)
    if resource is None:
        return ""
    origin = origin_of(api, resource, site.about, site.subject)
    is_made = site.operation.verb == "report" or origin[0].endswith("()")
    is_checked = _bounds(site.subject) or origin in set(_compared(site, api, resource))
    if not is_made or is_checked or len(tellers(api, origin)) > 1:
        return ""
    return "a function makes it for this answer alone, so that nobody else knows what is right"


def _bounds(schema: Schema) -> set[str]:
    """Return the words of a schema that a wrong value may break; any number has a number's form."""
    found = _BOUNDS & set(schema)
    return found if "string" in types_of(schema) else found - {"format"}


def whole_number(site: Site, api: Api) -> str:
    """Tell of a number whether nobody can miss its decimals: whole ones fit as well."""
    resource = api.spec.resources.get(site.operation.resource)
    is_open = "number" in types_of(site.subject) and "multipleOf" not in site.subject
    if resource is None or not is_open:
        return ""
    return shown_here(site, api) and "a whole number fits, and this answer alone shows it"


def host_of_link(site: Site, api: Api) -> str:
    """Tell of a hyperlink whether no second answer says which host it leads to."""
    bound = {"const", "enum", "pattern"} & set(site.subject)
    if bound or not shown_here(site, api):
        return ""
    return "no schema promises a host, and this answer alone shows the link"


def shown_here(site: Site, api: Api) -> str:
    """Tell of a property whether no other answer shows it, no body has it, and no filter asks."""
    resource = api.spec.resources.get(site.operation.resource)
    if resource is None:
        return ""
    origin = origin_of(api, resource, site.about, site.subject)
    if len(tellers(api, origin)) > 1 or origin in set(_compared(site, api, resource)):
        return ""
    return "this answer alone shows it, so that nobody else knows what is right"


def nested_rows(site: Site, api: Api) -> str:
    """Tell of a nested list whether only a function knows the records of a parent."""
    nesting = site.operation.nesting
    parent = api.spec.resources.get(nesting.parent) if nesting is not None else None
    relation = parent.relations.get(nesting.relation) if parent and nesting else None
    if relation is None or relation.kind in ("one", "many", "reverse"):
        return ""
    return "only a function knows the records of a parent"


def _compared(site: Site, api: Api, resource: Resource) -> Iterator[Origin]:
    """Yield what the filters of an operation compare."""
    paths: list[str] = []
    for parameter in site.operation.parameters:
        declared = parameter.filter
        if declared is not None and parameter.place == "query":
            paths += declared.fields
            if declared.shown == site.about:
                yield origin_of(api, resource, site.about, site.subject)
    yield from (end(api, resource, path) for path in paths)
