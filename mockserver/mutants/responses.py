"""S: answers that are not of the documented shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mockserver.api import Api
from mockserver.exchange import Response
from mockserver.json_types import JSON
from mockserver.mutants import bodies, hidden, sites
from mockserver.mutants.planting import Defect, Turn, answered_otherwise
from mockserver.mutants.registry import Family, Site, Sites
from mockserver.mutants.states import kind_of
from mockserver.operation import is_nullable

_FAMILY = Family("responses")
_kind = _FAMILY.kind
_NEVER = 227  # a success that no API documents for what it does


def _is_required(site: Site, api: Api) -> bool:
    return site.about in sites.required_names(api, site.operation)


_REQUIRED = sites.where(sites.shown, _is_required)
_SOLID = sites.where(
    _REQUIRED, lambda site, api: not is_nullable(site.subject) and kind_of(site.subject) != ""
)


@_kind("S01", "a required property is missing", key="schema", sites=sites.one_each(_REQUIRED))
def missing(site: Site, api: Api) -> Defect:
    """Leave one property out."""
    return bodies.records(site.operation.id, lambda record, turn: _forget(record, site.about))


def _forget(record: dict[str, Any], name: str) -> None:
    record.pop(name, None)


def _scalar(site: Site, api: Api) -> bool:
    return kind_of(site.subject) not in ("array", "object")


@_kind(
    "S02",
    "a value has the wrong JSON type",
    key="schema",
    sites=sites.one_each(sites.where(_SOLID, _scalar)),
)
def wrong_type(site: Site, api: Api) -> Defect:
    """Show numbers as text and text as a number."""

    def change(value: JSON) -> JSON:
        return 4711 if isinstance(value, str) else str(value)

    return bodies.properties(site.operation.id, site.about, change, only=_is_there)


def _is_there(value: JSON) -> bool:
    return value is not None


@_kind("S03", "a value is null where none is allowed", key="schema", sites=sites.one_each(_SOLID))
def null(site: Site, api: Api) -> Defect:
    """Show null."""
    return bodies.properties(site.operation.id, site.about, lambda value: None, only=_is_there)


_CHOICES = sites.where(sites.shown, lambda site, api: "enum" in site.subject)


@_kind("S04", "a word outside the enumeration is shown", key="schema", sites=_CHOICES)
def outsider(site: Site, api: Api) -> Defect:
    """Show a word that nobody declared."""
    return bodies.properties(
        site.operation.id, site.about, lambda value: "undeclared", only=_is_there
    )


@_kind("S05", "an undeclared property is shown", key="schema", sites=sites.one_each(sites.shown))
def leak(site: Site, api: Api) -> Defect:
    """Show what nobody declared."""
    return bodies.records(
        site.operation.id, lambda record, turn: record.update(undeclared="s3cret")
    )


def _of_kind(*kinds: str) -> Sites:
    return sites.one_each(
        sites.where(sites.shown, lambda site, api: kind_of(site.subject) in kinds)
    )


@_kind(
    "S06",
    "an instant or a date is spelled otherwise",
    key="schema",
    sites=_of_kind("instant", "date"),
)
def misspelled(site: Site, api: Api) -> Defect:
    """Spell dates with slashes."""
    return bodies.properties(
        site.operation.id,
        site.about,
        lambda value: value.replace("-", "/").replace("T", " "),
        only=lambda value: isinstance(value, str),
    )


@_kind("S07", "an id is the empty string", key="schema", sites=_of_kind("uuid", "uri"))
def blank_id(site: Site, api: Api) -> Defect:
    """Show an empty id."""
    return bodies.properties(site.operation.id, site.about, lambda value: "", only=_is_there)


_WITH_BODY = sites.operations(when=lambda operation: operation.success.schema is not None)


@_kind("S08", "the body is declared as something else", key="schema", sites=_WITH_BODY)
def wrong_media(site: Site, api: Api) -> Defect:
    """Call JSON a page."""
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: bodies.with_header(response, "Content-Type", "text/html"),
    )


@_kind("S09", "the body is wrapped in another one", key="schema", sites=_WITH_BODY)
def wrapped(site: Site, api: Api) -> Defect:
    """Put an array into an object, and an object into an array."""
    return bodies.body(
        site.operation.id,
        lambda found, turn: {"results": found} if isinstance(found, list) else [found],
    )


@_kind("S10", "a success has another status", key="schema", sites=sites.operations())
def wrong_status(site: Site, api: Api) -> Defect:
    """Answer 201 instead of 200, and 200 instead of all others."""

    def change(turn: Turn, response: Response) -> Response:
        return replace(response, status=201 if response.status == 200 else 200)

    return answered_otherwise(site.operation.id, change)


@_kind(
    "S11",
    "an undocumented status is answered",
    key="schema",
    sites=sites.first(sites.operations("list")),
)
def undocumented(site: Site, api: Api) -> Defect:
    """Answer a status that the operation does not document, to odd queries only."""

    def change(turn: Turn, response: Response) -> Response | None:
        return replace(response, status=_NEVER) if turn.request.query else None

    return answered_otherwise(site.operation.id, change)


def _is_bodiless(site: Site, api: Api) -> bool:
    return site.operation.success.schema is None


@_kind(
    "S12",
    "an answer without content has a body",
    key="schema",
    sites=sites.where(sites.operations(), _is_bodiless),
)
def unexpected_body(site: Site, api: Api) -> Defect:
    """Send a body where none is documented."""

    def change(turn: Turn, response: Response) -> Response:
        made = bodies.said(response.status, {"detail": "done"})
        return replace(made, headers={**response.headers, **made.headers})

    return answered_otherwise(site.operation.id, change)


def _documented_headers(api: Api) -> Any:
    for operation in api.spec.operations:
        for name in sorted(operation.success.headers):
            yield Site(operation, name, name)


@_kind("S13", "a documented header is missing", key="schema", sites=_documented_headers)
def headless(site: Site, api: Api) -> Defect:
    """Leave a header out."""
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: bodies.with_header(response, site.subject, None),
    )


def _has_twin(site: Site, api: Api) -> bool:
    """Tell whether a list shows a text that the detail of the same record shows as well."""
    if site.operation.verb != "list" or kind_of(site.subject) != "text":
        return False
    details = sites.of_resource(api, site.operation.resource, "retrieve")
    return any(site.about in sites.required_names(api, detail) for detail in details)


@_kind(
    "S14",
    "a list shows another value than the detail",
    key="x-from",
    sites=sites.one_each(sites.where(sites.shown, _has_twin)),
)
def differing(site: Site, api: Api) -> Defect:
    """Shorten a text in the list only."""
    return bodies.properties(site.operation.id, site.about, lambda value: f"{value} …", only=bool)


@_kind(
    "S15", "refusals have a body of another shape", key="x-mock.dialect", sites=sites.operations()
)
def wrong_envelope(site: Site, api: Api) -> Defect:
    """Word every refusal as a text."""
    return bodies.body(
        site.operation.id, lambda found, turn: {"error": {"text": "refused"}}, failed=True
    )


def _may_be_null(site: Site, api: Api) -> bool:
    return is_nullable(site.subject) and _is_required(site, api)


@_kind(
    "S16",
    "a property is missing when it is null",
    key="schema",
    sites=sites.one_each(sites.where(sites.shown, _may_be_null)),
)
def missing_null(site: Site, api: Api) -> Defect:
    """Leave out every property whose value is null."""

    def change(record: dict[str, Any], turn: Turn) -> None:
        for name in [name for name, value in record.items() if value is None]:
            del record[name]

    return bodies.records(site.operation.id, change)


@_kind(
    "S17",
    "numbers lose their decimals in lists",
    key="x-from",
    sites=sites.where(
        _of_kind("number", "decimal"), lambda site, api: site.operation.verb == "list"
    ),
    excuse=hidden.whole_number,
)
def rounded(site: Site, api: Api) -> Defect:
    """Show whole numbers only."""

    def change(value: JSON) -> JSON:
        return str(int(float(value))) if isinstance(value, str) else int(value)

    return bodies.properties(site.operation.id, site.about, change, only=_is_there)
