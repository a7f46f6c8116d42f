"""Find the places of an API where defects fit: its operations, parameters, properties, effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver.api import Api
from mockserver.compiler import resolve
from mockserver.mutants.registry import Site, Sites
from mockserver.mutants.states import kind_of
from mockserver.operation import Operation, Parameter, Resource, Schema, types_of
from mockserver.projection import properties_of
from mockserver.renderer import complete

JSON_TYPE = "application/json"


def operations(*verbs: str, when: Callable[[Operation], bool] = lambda operation: True) -> Sites:
    """Return the places that are operations of some verbs; none named, all of them."""

    def find(api: Api) -> Iterator[Site]:
        for operation in api.spec.operations:
            if (not verbs or operation.verb in verbs) and when(operation):
                yield Site(operation)

    return find


def first(sites: Sites) -> Sites:
    """Return the first place only: for what all operations have in common."""

    def find(api: Api) -> Iterator[Site]:
        yield from list(sites(api))[:1]

    return find


def one_each(sites: Sites) -> Sites:
    """Return the first place of every operation."""

    def find(api: Api) -> Iterator[Site]:
        seen: set[str] = set()
        for site in sites(api):
            if site.operation.id not in seen:
                seen.add(site.operation.id)
                yield site

    return find


def where(sites: Sites, keep: Callable[[Site, Api], bool]) -> Sites:
    """Return some of the places."""

    def find(api: Api) -> Iterator[Site]:
        return (site for site in sites(api) if keep(site, api))

    return find


def is_read(operation: Operation) -> bool:
    """Tell whether an operation only reads."""
    return not operation.writes


def paged(api: Api) -> Iterator[Site]:
    """Yield the lists that come in pages."""
    name = api.conventions["paging"]["size"]
    yield from (Site(o, name) for o in api.spec.operations if o.is_paged and o.verb == "list")


def page_numbers(api: Api) -> Iterator[Site]:
    """Yield the page number of the lists that come in pages."""
    name = api.conventions["paging"]["number"]
    yield from (Site(site.operation, name) for site in paged(api))


def filters(api: Api) -> Iterator[Site]:
    """Yield the query parameters that filter a list."""
    for operation in api.spec.operations:
        for parameter in operation.parameters:
            is_query = parameter.place == "query" and operation.verb == "list"
            if is_query and parameter.filter is not None:
                yield Site(operation, parameter.name, parameter)


def orders(api: Api) -> Iterator[Site]:
    """Yield the ordering parameters of lists."""
    for operation in api.spec.operations:
        if operation.ordering is not None and operation.verb == "list":
            yield Site(operation, operation.ordering.parameter, operation.ordering)


def order_keys(api: Api) -> Iterator[Site]:
    """Yield each key of each ordering parameter; the subject is the key."""
    for site in orders(api):
        for key in sorted(site.subject.keys):
            yield Site(site.operation, f"{site.about}:{key}", key)


def fieldsets(api: Api) -> Iterator[Site]:
    """Yield the operations that show the properties a query names."""
    name = api.conventions["fieldset"]["parameter"]
    reads = (o for o in api.spec.operations if o.has_fieldset and not o.writes)
    yield from (Site(o, name) for o in reads if o.verb in ("list", "retrieve"))


# Bodies of requests


def readers(api: Api, operation: Operation) -> Mapping[str, Any]:
    """Return how each property of a JSON body is read, by name."""
    held = api.operations[operation.id].readers
    reader = held.get(JSON_TYPE) or next(iter(held.values()), None)
    return {prop.name: prop for prop in reader.properties} if reader is not None else {}


def sent(api: Api) -> Iterator[Site]:
    """Yield the properties of request bodies; the subject is how one is read."""
    for operation in api.spec.operations:
        for name, prop in readers(api, operation).items():
            yield Site(operation, name, prop)


def written(api: Api) -> Iterator[Site]:
    """Yield the body properties whose values are stored under a name of their own."""
    for site in sent(api):
        operation, bound = site.operation, api.operations[site.operation.id]
        stored = bound.body_fields.get(site.about)
        effect = operation.effect
        changes = effect.changes.get(operation.resource, frozenset()) if effect else frozenset()
        if stored is not None and (operation.verb == "create" or stored in changes):
            yield site


def stored_name(site: Site, api: Api) -> str:
    """Return the field that a body property is stored in, or ""."""
    return api.operations[site.operation.id].body_fields.get(site.about, "")


def stored_schema(site: Site, api: Api) -> Schema:
    """Return the schema of the field that a body property is stored in."""
    resource = api.spec.resources[site.operation.resource]
    field = resource.fields.get(stored_name(site, api))
    return field.schema if field is not None else {}


def is_text(site: Site, api: Api) -> bool:
    """Tell whether a body property is stored as text of its own."""
    resource = api.spec.resources[site.operation.resource]
    is_own = stored_name(site, api) not in {*resource.relations, resource.key}
    plain = not isinstance(site.subject.schema.get("x-from"), Mapping)
    is_free = "pattern" not in stored_schema(site, api)
    return is_own and plain and is_free and kind_of(stored_schema(site, api)) == "text"


# Answers


def row_schema(api: Api, operation: Operation) -> Schema:
    """Return the schema of one shown record, whole; {} when the answer shows none."""
    document, schema = api.spec.document, operation.success.schema
    if schema is None:
        return {}
    envelope = api.conventions["paging"]["envelope"]
    whole = resolve(
        document, complete(resolve(document, schema), (envelope or {}).get("items", ""))
    )
    if operation.verb == "list" and envelope and "array" not in types_of(whole):
        whole = resolve(document, properties_of(document, whole).get(envelope["items"], {}))
    if "array" in types_of(whole):
        whole = resolve(document, complete({"items": whole.get("items") or {}})["items"])
    return whole if isinstance(whole, Mapping) else {}


def shown(api: Api) -> Iterator[Site]:
    """Yield the properties of answers; the subject is the schema of one."""
    document = api.spec.document
    for operation in api.spec.operations:
        for name, declared in properties_of(document, row_schema(api, operation)).items():
            yield Site(operation, name, resolve(document, declared))


def required_names(api: Api, operation: Operation) -> frozenset[str]:
    """Return the properties that a shown record always has."""
    return frozenset(_required(api, row_schema(api, operation)))


def _required(api: Api, schema: Schema) -> set[str]:
    found = set(schema.get("required") or ())
    for part in schema.get("allOf") or ():
        found |= _required(api, resolve(api.spec.document, part))
    return found


def read_only(sites: Sites) -> Sites:
    """Return the places of operations that only read."""
    return where(sites, lambda site, api: not site.operation.writes)


def of_resource(api: Api, name: str, *verbs: str) -> list[Operation]:
    """Return the operations of some verbs on a resource, nested lists left out."""
    return [
        o
        for o in api.spec.operations
        if o.resource == name and o.verb in verbs and o.nesting is None
    ]


# Effects


def changed_fields(api: Api) -> Iterator[Site]:
    """Yield `resource.field` for all that operations may change."""
    for operation in api.spec.operations:
        effect = operation.effect
        for resource, names in sorted(effect.changes.items()) if effect else ():
            for name in sorted(names):
                yield Site(operation, f"{resource}.{name}", (resource, name))


def created(api: Api) -> Iterator[Site]:
    """Yield the resources of which operations make records."""
    for operation in api.spec.operations:
        for resource in sorted(operation.effect.creates) if operation.effect else ():
            yield Site(operation, resource, resource)


def removed(api: Api) -> Iterator[Site]:
    """Yield the resources of which operations take records away."""
    for operation in api.spec.operations:
        for resource in sorted(operation.effect.removes) if operation.effect else ():
            yield Site(operation, resource, resource)


def writing(operation: Operation) -> bool:
    """Tell whether an operation may change the store, by its x-effect."""
    return operation.effect is not None


def target(site: Site, api: Api) -> Resource:
    """Return the resource that an operation works on."""
    return api.spec.resources[site.operation.resource]


def parameter(site: Site) -> Parameter:
    """Return the parameter that is the subject of a place."""
    found: Parameter = site.subject
    return found
