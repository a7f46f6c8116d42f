"""Who may: without a token, with a wrong one, and what is public."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contract_tests import standing
from contract_tests.lab import Blocked, Lab
from contract_tests.probes.registry import probe
from contract_tests.refusing import is_not_there, stays
from contract_tests.relations import const
from contract_tests.standing import Place
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation

_LONG: Final = 300
#: Personas whose tokens were good once; who has such tokens can lend them to a run.
_REFUSED: Final = ("inactive", "expired")
_SPOILT: Final = ("main:bare", "main:renamed", "main:recased")


def _is_locked(subject: Subject, operation: Operation) -> bool:
    return operation.is_secured and not operation.is_public


def _callers(lab: Lab, operation: Operation) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield personas, and headers to send, that sign nobody in."""
    yield "nobody", {}
    yield "invalid", {}
    for persona in _REFUSED:
        if persona in lab.personas:
            yield persona, {}
    if not lab.depth.is_full and operation.path_key:
        return
    headers = lab.client.credentials.get("main", {})
    for persona in _SPOILT:
        token = headers.get("Authorization", "").rpartition(" ")[2]
        if token and not (persona == "main:recased" and token.swapcase() == token):
            yield persona, {}
    keyword = (lab.subject.conventions.get("auth") or {}).get("keyword", "Bearer")
    yield "nobody", {"Authorization": f"{keyword} {'a' * _LONG}"}
    yield "nobody", {"Authorization": keyword}
    yield "nobody", {"Authorization": " "}


@probe("F1", safety="A", applies=_is_locked, cost=lambda subject, operation, depth: 9)
def locked(lab: Lab, world: World, operation: Operation) -> None:
    """Ask without a valid token, in every way there is."""
    with standing.place(lab, world, operation) as place:
        before = standing.look(lab, place.own) if place.own else None
        for persona, headers in _callers(lab, operation):
            if not _is_turned_away(lab, operation, place, persona, headers):
                # What the record is now like proves nothing about the other callers.
                return
        stays(lab, "F1", operation, place, before)
        if operation.verb == "create":
            is_not_there(lab, world, "F1", operation, place)


def _is_turned_away(
    lab: Lab, operation: Operation, place: Place, persona: str, headers: dict[str, str]
) -> bool:
    with lab.case():
        reply = lab.call(operation, place.params, body=place.body, persona=persona, headers=headers)
        # Only a description that says how callers sign in says that it is 401 and not 403.
        is_said = standing.has_rules(lab.subject) or 403 not in operation.answers
        allowed = [401] if is_said else [401, 403]
        says = "without a valid token the answer is 401"
        claim = {"relation": "among", "left": reply.status, "right": const(allowed)}
        holds = lab.expect("F1", claim, operation=operation, says=says, key="security")
        if reply.code == 401:
            challenge = {"relation": "present", "left": reply.header("WWW-Authenticate")}
            says = "401 says how to sign in"
            lab.expect("F1", challenge, operation=operation, says=says, key="x-mock.auth")
        return holds


# What is public


def _is_open(subject: Subject, operation: Operation) -> bool:
    return operation.is_public and operation.method == "GET"


@probe("F4", safety="R", applies=_is_open, cost=lambda subject, operation, depth: 2)
def public(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for what is public with and without a token."""
    known = world.parents(operation)
    if not known:
        raise Blocked("no record is known to ask for")
    for params in known[: lab.depth.values]:
        with lab.case():
            signed = lab.call(operation, params)
            alone = lab.call(operation, params, persona="nobody")
            claim = {"relation": "equal", "left": alone.status, "right": signed.status}
            says = "what is public needs no token"
            lab.expect("F4", claim, operation=operation, says=says, key="security")
