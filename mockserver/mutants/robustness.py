"""R: a server that breaks on odd input."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.exchange import Response
from mockserver.mutants import bodies, sites, states
from mockserver.mutants.planting import Defect, Turn, answered, answered_otherwise, at, refused
from mockserver.mutants.registry import Family, Site
from mockserver.operation import Operation

_FAMILY = Family("robustness")
_kind = _FAMILY.kind
_HUGE = re.compile(rb"(?<![\w.])-?[0-9]{19,}(?![\w.])")
_DEPTH = 50
#: How a server hangs; tests do not want to wait.
pause: Callable[[float], None] = time.sleep
_TRACE = 'Traceback (most recent call last):\n  File "views.py", line 17, in handle'


def _reads_body(operation: Operation) -> bool:
    return operation.body is not None


_BODIES = sites.operations(when=_reads_body)
_ANY = sites.operations("list", "create", "update", "partial_update", "action")


def _breaks(site: Site, is_odd: Callable[[Turn], bool]) -> Defect:
    return at(
        site.operation.id,
        lambda turn: answered(turn.ask(), bodies.crash() if is_odd(turn) else None),
    )


def _sent(turn: Turn) -> str:
    text = turn.request.body.decode("utf-8", "replace")
    return text + unquote(turn.request.query, errors="replace")


@_kind("R01", "a NUL character breaks the server", key="schema", sites=_BODIES)
def nul(site: Site, api: Api) -> Defect:
    """Break on NUL in a body."""
    return _breaks(site, lambda turn: "\0" in _sent(turn) or "\\u0000" in _sent(turn))


def _is_astral(text: str) -> bool:
    return any(ord(c) > 0xFFFF for c in text) or bool(re.search(r"\\ud[89ab]", text, re.IGNORECASE))


@_kind("R02", "a character beyond the BMP breaks the server", key="schema", sites=_ANY)
def astral(site: Site, api: Api) -> Defect:
    """Break on an emoji."""
    return _breaks(site, lambda turn: _is_astral(_sent(turn)))


@_kind("R03", "a number beyond 64 bits breaks the server", key="schema", sites=_ANY)
def huge(site: Site, api: Api) -> Defect:
    """Break on a huge number."""
    return _breaks(site, lambda turn: bool(_HUGE.search(_sent(turn).encode())))


_LISTS = sites.operations(
    "list", when=lambda operation: any(p.place == "query" for p in operation.parameters)
)


@_kind("R04", "a parameter sent twice breaks the server", key="x-filter", sites=_LISTS)
def repeated(site: Site, api: Api) -> Defect:
    """Break on a repeated parameter that takes one value."""
    several = {
        p.name
        for p in site.operation.parameters
        if "array" in str(p.schema.get("type", "")) or (p.filter and p.filter.values != "one")
    }
    return _breaks(
        site,
        lambda turn: any(len(v) > 1 for name, v in turn.query.items() if name not in several),
    )


@_kind("R05", "deep JSON breaks the server", key="schema", sites=_BODIES)
def deep(site: Site, api: Api) -> Defect:
    """Break on many brackets."""
    return _breaks(
        site,
        lambda turn: max(turn.request.body.count(b"["), turn.request.body.count(b"{")) > _DEPTH,
    )


@_kind("R06", "a refusal shows a stack trace", key="x-mock.dialect", sites=sites.operations())
def trace(site: Site, api: Api) -> Defect:
    """Tell where in the code it happened."""

    def change(turn: Turn, response: Response) -> Response | None:
        found = bodies.parsed(response)
        if not isinstance(found, dict):
            return bodies.with_body(response, [_TRACE])
        return bodies.with_body(response, {**found, "detail": _TRACE})

    return answered_otherwise(site.operation.id, change, of=refused)


def _flags(site: Site, api: Api) -> list[str]:
    return [field.name for field in states.fields_of_kind(sites.target(site, api), "boolean")]


def _stateless(site: Site, api: Api) -> str:
    return "" if _flags(site, api) else "the record has no boolean"


@_kind(
    "R07",
    "a record in some state breaks the server",
    key="x-action",
    sites=sites.operations("retrieve"),
    excuse=_stateless,
)
def state_breaks(site: Site, api: Api) -> Defect:
    """Break on a record whose first boolean is true."""
    resource, name = sites.target(site, api), _flags(site, api)[0]

    def is_odd(turn: Turn) -> bool:
        record = turn.before.records(resource.name).get(turn.key) if turn.key else None
        return bool(record and record.get(name))

    return _breaks(site, is_odd)


@_kind("R08", "the server hangs", key="x-action", sites=sites.first(sites.operations("retrieve")))
def hangs(site: Site, api: Api) -> Defect:
    """Wait for six seconds."""

    def answer(turn: Turn) -> Exchange:
        pause(6.0)
        return turn.ask()

    return at(site.operation.id, answer)


def _is_broken(turn: Turn) -> bool:
    kind = turn.request.headers.get("content-type", "").partition(";")[0]
    return (
        kind == "application/json"
        and bool(turn.request.body)
        and (bodies.parsed(Response(200, {}, turn.request.body)) is None)
    )


@_kind("R09", "broken JSON breaks the server", key="schema", sites=_BODIES)
def broken_json(site: Site, api: Api) -> Defect:
    """Break on what is no JSON."""
    return _breaks(site, _is_broken)


@_kind("R10", "a body of another media type is accepted", key="schema", sites=_BODIES)
def any_media(site: Site, api: Api) -> Defect:
    """Read everything as JSON."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if exchange.response.status != 415:
            return exchange
        headers = {**turn.request.headers, "content-type": "application/json"}
        return turn.ask(replace(turn.request, headers=headers))

    return at(site.operation.id, answer)
