"""H: callers who may do what they must not, or are not told who they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mockserver.actions import Bound
from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.exchange import Request
from mockserver.mutants import bodies, sites
from mockserver.mutants.planting import (
    Defect,
    Turn,
    answered,
    asked_otherwise,
    at,
    edited,
    recompiled,
    with_conventions,
)
from mockserver.mutants.registry import Family, Site, Sites
from mockserver.operation import Operation
from mockserver.store import State

_FAMILY = Family("access")
_kind = _FAMILY.kind
_AUTH = "x-mock.auth"
_LONG = 200


def _guarded(operation: Operation) -> bool:
    return operation.is_secured and not operation.is_public


def _needs_token(site: Site, api: Api) -> bool:
    return bool(api.conventions["auth"]) and _guarded(site.operation)


_GUARDED = sites.where(sites.operations(), _needs_token)
_READS = sites.read_only(_GUARDED)
_WRITES = sites.where(_GUARDED, lambda site, api: site.operation.writes)


def _token(turn: Turn) -> str:
    return turn.request.headers.get("authorization", "").partition(" ")[2]


def _known(state: State, rules: Mapping[str, Any]) -> list[str]:
    return [str(key) for key in sorted(state.records(rules["tokens"]))]


def _signed(turn: Turn, token: str) -> Request:
    keyword = turn.application.api.conventions["auth"]["keyword"]
    headers = {**turn.request.headers, "authorization": f"{keyword} {token}"}
    return replace(turn.request, headers=headers)


def _as_anybody(turn: Turn) -> Exchange:
    """Return the answer to the first caller of all who is not refused."""
    spare = turn.ask()
    for token in _known(turn.before, turn.application.api.conventions["auth"]):
        turn.store.restore(turn.before)
        exchange = turn.ask(_signed(turn, token))
        if exchange.response.status not in (401, 403, 404):
            return exchange
    return spare


def _without_token(site: Site, api: Api) -> Defect:
    return at(
        site.operation.id,
        lambda turn: (
            _as_anybody(turn) if not turn.request.headers.get("authorization") else turn.ask()
        ),
    )


@_kind("H01", "a token is not needed to read", key=_AUTH, sites=_READS)
def open_reading(site: Site, api: Api) -> Defect:
    """Answer who has no token."""
    return _without_token(site, api)


@_kind("H02", "a token is not needed to write", key=_AUTH, sites=_WRITES)
def open_writing(site: Site, api: Api) -> Defect:
    """Obey who has no token."""
    return _without_token(site, api)


def _two(api: Api) -> Iterator[Site]:
    """Yield the first operation that reads and the first that writes."""
    yield from [*list(_READS(api))[:1], *list(_WRITES(api))[:1]]


@_kind("H03", "any token will do", key=_AUTH, sites=_two)
def any_token(site: Site, api: Api) -> Defect:
    """Ask no token whose it is."""

    def answer(turn: Turn) -> Exchange:
        known = _known(turn.before, api.conventions["auth"])
        is_odd = bool(_token(turn)) and _token(turn) not in known
        return _as_anybody(turn) if is_odd else turn.ask()

    return at(site.operation.id, answer)


@_kind("H04", "the letter case of a token does not matter", key=_AUTH, sites=_two)
def caseless(site: Site, api: Api) -> Defect:
    """Find tokens in any spelling."""

    def change(turn: Turn) -> Request | None:
        tokens = _known(turn.before, api.conventions["auth"])
        wanted = _token(turn).casefold()
        found = next((token for token in tokens if token.casefold() == wanted), None)
        return _signed(turn, found) if found is not None else None

    return asked_otherwise(site.operation.id, change)


@_kind("H05", "a long token breaks the server", key=_AUTH, sites=_two)
def long_token(site: Site, api: Api) -> Defect:
    """Break on a long header."""

    def answer(turn: Turn) -> Exchange:
        return answered(turn.ask(), bodies.crash() if len(_token(turn)) > _LONG else None)

    return at(site.operation.id, answer)


_PERMITTED = sites.operations(when=lambda operation: operation.permission is not None)


def _unasked(site: Site, api: Api) -> Defect:
    def edit(bound: Bound) -> Bound:
        return replace(bound, operation=replace(bound.operation, permission=None))

    return edited(api, site.operation.id, edit)


@_kind(
    "H06r",
    "whoever may not can read",
    every=True,
    key="x-permission",
    sites=sites.read_only(_PERMITTED),
)
def readable(site: Site, api: Api) -> Defect:
    """Ask for no permission."""
    return _unasked(site, api)


@_kind(
    "H06w",
    "whoever may not can write",
    every=True,
    key="x-permission",
    spreads=True,
    sites=sites.where(_PERMITTED, lambda site, api: site.operation.writes),
)
def permitted(site: Site, api: Api) -> Defect:
    """Ask for no permission."""
    return _unasked(site, api)


_VEILED = sites.operations(when=lambda operation: bool(operation.visible))


@_kind("H06l", "records of others are seen", every=True, key="x-action", sites=_VEILED)
def visible(site: Site, api: Api) -> Defect:
    """See everything."""
    return recompiled(api, site.operation.id, lambda operation: replace(operation, visible=""))


@_kind(
    "H07",
    "records of others are refused, not unknown",
    key="x-action",
    sites=sites.where(_VEILED, lambda site, api: site.operation.verb != "list"),
)
def leaks_existence(site: Site, api: Api) -> Defect:
    """Answer 403 for what is there but not seen."""
    resource = sites.target(site, api)

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        is_there = turn.key in turn.before.records(resource.name)
        if exchange.response.status != 404 or not is_there:
            return exchange
        return answered(exchange, bodies.said(403, {"detail": "Not yours."}))

    return at(site.operation.id, answer)


@_kind("H08", "whoever may is refused", key="x-permission", sites=_PERMITTED)
def too_strict(site: Site, api: Api) -> Defect:
    """Refuse everybody but the caller who asked first."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if exchange.response.status >= 300:
            return exchange
        if turn.memory.setdefault("first", _token(turn)) == _token(turn):
            return exchange
        turn.store.restore(turn.before)
        return answered(exchange, bodies.said(403, {"detail": "Only one may."}))

    return at(site.operation.id, answer)


def _rules(*names: str) -> Sites:
    def keep(site: Site, api: Api) -> bool:
        rules = api.conventions["auth"] or {}
        return all(rules.get(name) for name in names)

    return sites.first(sites.where(_READS, keep))


def _auth_without(site: Site, api: Api, **changes: Any) -> Defect:
    """Return the defect of one operation before which callers are known by other rules."""
    rules = {**api.conventions["auth"], **changes}
    kept = {name: value for name, value in rules.items() if value is not None}
    return with_conventions(api, auth=kept)


@_kind("H10", "the token of an inactive caller is accepted", key=_AUTH, sites=_rules("active"))
def inactive(site: Site, api: Api) -> Defect:
    """Ask nobody whether he is active."""
    return _auth_without(site, api, active="\0")


@_kind("H11", "a token without its keyword is accepted", key=_AUTH, sites=_two)
def keywordless(site: Site, api: Api) -> Defect:
    """Take the only word for the token."""

    def change(turn: Turn) -> Request | None:
        word = turn.request.headers.get("authorization", "")
        known = _known(turn.before, api.conventions["auth"])
        return _signed(turn, word) if word in known else None

    return asked_otherwise(site.operation.id, change)


@_kind("H12", "anybody may act as somebody else", key=_AUTH, sites=_rules("impersonation"))
def impersonation(site: Site, api: Api) -> Defect:
    """Ask nobody whether he may."""
    said = api.conventions["auth"]["impersonation"]
    key = api.spec.resources[_users(api)].key
    return _auth_without(site, api, impersonation={**said, "allowed": key})


def _users(api: Api) -> str:
    rules = api.conventions["auth"]
    return api.spec.resources[rules["tokens"]].relations[rules["user"]].to


@_kind("H13", "a token never expires", key=_AUTH, sites=_rules("lifetime"))
def immortal(site: Site, api: Api) -> Defect:
    """Count no seconds."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        rules, token = api.conventions["auth"], _token(turn)
        is_known = token in _known(turn.before, rules)
        if (
            exchange.response.status != 401
            or not is_known
            or b"expired" not in (exchange.response.body)
        ):
            return exchange
        return _as_anybody(turn)

    return at(site.operation.id, answer)
