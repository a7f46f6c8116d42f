"""T: statuses, headers and methods that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.exchange import Response
from mockserver.mutants import bodies, sites
from mockserver.mutants.links import set_total, total_of
from mockserver.mutants.planting import (
    Defect,
    Turn,
    answered,
    answered_otherwise,
    at,
    with_conventions,
    with_rules,
)
from mockserver.mutants.registry import Family, Site

_FAMILY = Family("transport")
_kind = _FAMILY.kind
_READS = sites.operations(when=sites.is_read)


def _heads(site: Site, change: Callable[[Turn, Response], Response | None]) -> Defect:
    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if turn.request.method != "HEAD" or exchange.response.status >= 300:
            return exchange
        return answered(exchange, change(turn, exchange.response))

    return at(site.operation.id, answer)


def _counts(site: Site, api: Api) -> bool:
    return "total" in api.conventions["paging"]["headers"]


@_kind(
    "T01",
    "HEAD counts otherwise than GET",
    key="x-mock.paging",
    sites=sites.where(sites.page_numbers, _counts),
)
def head_count(site: Site, api: Api) -> Defect:
    """Count one row more."""
    return _heads(
        site, lambda turn, response: set_total(response, api, (total_of(response, api) or 0) + 1)
    )


@_kind("T02", "HEAD is not offered", key="schema", sites=_READS)
def no_head(site: Site, api: Api) -> Defect:
    """Refuse HEAD."""
    return _heads(site, lambda turn, response: Response(405, response.headers))


def _on_path(site: Site, change: Callable[[Turn, Exchange], Exchange]) -> Defect:
    """Return the defect of all that is asked of the path of an operation."""

    def around(turn: Turn) -> Exchange:
        exchange = turn.ask()
        found = turn.application.router.match(turn.request.path)
        is_here = found is not None and found[0].path == site.operation.path
        return change(turn, exchange) if is_here else exchange

    return Defect(around=around)


def _one_each_path(api: Api) -> Iterator[Site]:
    seen: set[str] = set()
    for operation in api.spec.operations:
        if operation.path not in seen:
            seen.add(operation.path)
            same = (o.id for o in api.spec.operations if o.path == operation.path)
            yield Site(operation, elsewhere=frozenset(same))


@_kind("T03", "the Allow header is missing", key="schema", sites=_one_each_path)
def no_allow(site: Site, api: Api) -> Defect:
    """Tell nobody which methods there are."""
    return _on_path(
        site,
        lambda turn, exchange: answered(
            exchange, bodies.with_header(exchange.response, "Allow", None)
        ),
    )


@_kind("T04", "a method that is not offered is unknown", key="schema", sites=_one_each_path)
def method_unknown(site: Site, api: Api) -> Defect:
    """Answer 404 for 405."""

    def change(turn: Turn, exchange: Exchange) -> Exchange:
        if exchange.response.status != 405:
            return exchange
        return answered(exchange, replace(exchange.response, status=404))

    return _on_path(site, change)


@_kind("T05", "OPTIONS breaks the server", key="x-mock.dialect", sites=_one_each_path)
def options_break(site: Site, api: Api) -> Defect:
    """Break on OPTIONS."""
    return _on_path(
        site,
        lambda turn, exchange: answered(
            exchange, bodies.crash() if turn.request.method == "OPTIONS" else None
        ),
    )


def _constants(api: Api) -> Iterator[Site]:
    for name in sorted(api.conventions["headers"]):
        for site in sites.first(_READS)(api):
            yield Site(site.operation, name, name, frozenset(o.id for o in api.spec.operations))


@_kind("T06", "a header that all answers carry is missing", key="x-mock.headers", sites=_constants)
def no_constant(site: Site, api: Api) -> Defect:
    """Leave it out."""
    held = api.conventions["headers"]
    return with_conventions(api, headers={n: v for n, v in held.items() if n != site.subject})


def _redirects(site: Site, api: Api) -> bool:
    return bool(api.conventions["trailing_slash"] == "redirect")


@_kind(
    "T07",
    "a missing slash is not mended",
    key="x-mock.trailing_slash",
    sites=sites.first(sites.where(_READS, _redirects)),
)
def no_redirect(site: Site, api: Api) -> Defect:
    """Answer 404 for an address without its slash."""
    return with_conventions(api, trailing_slash="none")


def _is_guarded(site: Site, api: Api) -> bool:
    operation = site.operation
    return bool(api.conventions["auth"]) and operation.is_secured and not operation.is_public


@_kind(
    "T08",
    "401 does not say how to sign in",
    key="x-mock.auth",
    sites=sites.where(_one_each_path, _is_guarded),
)
def no_challenge(site: Site, api: Api) -> Defect:
    """Leave the challenge out."""
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: bodies.with_header(response, "WWW-Authenticate", None),
        of=lambda status: status == 401,
    )


def _located(site: Site, api: Api) -> bool:
    return "location" in {name.lower() for name in site.operation.success.headers}


@_kind(
    "T09",
    "the Location leads elsewhere",
    key="x-resource",
    sites=sites.where(sites.operations("create"), _located),
)
def mislocated(site: Site, api: Api) -> Defect:
    """Lead to the list."""
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: bodies.with_header(
            response, "Location", turn.request.base_url + turn.request.path
        ),
    )


_SWAPPED = {400: 422, 401: 403, 403: 404, 404: 400, 409: 400, 415: 400, 406: 200}


def _refusals(api: Api) -> Iterator[Site]:
    """Yield each refusal that an operation documents; for what all share, the first place only."""
    seen: set[int] = set()
    for operation in api.spec.operations:
        for status in sorted(set(operation.answers) & set(_SWAPPED)):
            if _may_refuse(operation.id, status, api) and (
                status in (400, 403, 404, 409) or status not in seen
            ):
                seen.add(status)
                yield Site(operation, str(status), status)


def _may_refuse(operation_id: str, status: int, api: Api) -> bool:
    operation = api.spec.operation(operation_id)
    return bool(status != 403 or operation.permission is not None)


@_kind("T10", "a refusal has another status", key="x-mock.dialect", sites=_refusals)
def other_status(site: Site, api: Api) -> Defect:
    """Answer the status of another refusal."""
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: replace(response, status=_SWAPPED[site.subject]),
        of=lambda status: bool(status == site.subject),
    )


def _blames(site: Site, api: Api) -> bool:
    return 400 in site.operation.answers and (
        site.operation.body is not None
        or any(p.filter is not None and p.place == "query" for p in site.operation.parameters)
    )


@_kind(
    "T11",
    "a refusal blames another field",
    key="x-mock.dialect",
    sites=sites.where(sites.operations(), _blames),
)
def wrong_blame(site: Site, api: Api) -> Defect:
    """Blame a field that does not exist."""

    def change(turn: Turn, response: Response) -> Response | None:
        found = bodies.parsed(response)
        if not isinstance(found, dict) or response.status != 400:
            return None
        if isinstance(found.get("errors"), dict):
            errors = {f"{name}_x": held for name, held in found["errors"].items()}
            return bodies.with_body(response, {**found, "errors": errors})
        return bodies.with_body(response, {f"{name}_x": held for name, held in found.items()})

    return answered_otherwise(site.operation.id, change, of=lambda status: status == 400)


@_kind(
    "T12",
    "refusals are declared as another media type",
    key="x-mock.dialect",
    sites=sites.operations(),
)
def refusal_media(site: Site, api: Api) -> Defect:
    """Call them pages."""
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: bodies.with_header(response, "Content-Type", "text/html"),
        of=lambda status: 400 <= status < 500,
    )


@_kind(
    "T13",
    "the total is not told",
    key="x-mock.paging",
    sites=sites.where(sites.page_numbers, _counts),
)
def uncounted(site: Site, api: Api) -> Defect:
    """Leave the header out."""
    rules = api.conventions["paging"]["headers"]
    kept = {name: header for name, header in rules.items() if name != "total"}
    return with_rules(api, site.operation.id, "paging", headers=kept)
