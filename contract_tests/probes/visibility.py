"""What a caller sees: the same in every list and on every page."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from contract_tests import standing
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.probes.registry import probe
from contract_tests.refusing import meet
from contract_tests.relations import const
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation

#: Personas that are no callers with rights of their own.
_ODD: Final = frozenset({"main", "nobody", "invalid", "inactive"})


def _twin(subject: Subject, operation: Operation) -> Operation | None:
    """Return the retrieve (or list) that shows the same records to the same callers."""
    wanted = {"list": "retrieve", "retrieve": "list"}.get(operation.verb)
    for other in subject.spec.operations:
        same = (other.resource, other.visible, other.conditions, other.is_public)
        mine = (operation.resource, operation.visible, operation.conditions, operation.is_public)
        pair = (operation, other) if operation.verb == "list" else (other, operation)
        is_asked = other.permission is not None or operation.permission is not None
        if other.verb == wanted and same == mine and not pair[0].path_key and not is_asked:
            return other
    return None


def _has_twin(subject: Subject, operation: Operation) -> bool:
    return bool(operation.resource) and _twin(subject, operation) is not None


def _others(lab: Lab, operation: Operation) -> list[str]:
    """Return who else can ask, the stranger first."""
    found = ["stranger"] if "stranger" in lab.personas else []
    if operation.is_public:
        found.append("nobody")
    known = lab.client.credentials
    more = [
        name
        for name in lab.personas
        if name not in _ODD and name not in found and known[name] != known.get("main")
    ]
    return [*found, *more[: lab.depth.values]] if lab.depth.is_full else found


def _shown_rows(depth: Depth) -> int:
    return 12 * depth.values


@probe(
    "F3",
    safety="R",
    applies=_has_twin,
    cost=lambda subject, operation, depth: 2 + _shown_rows(depth),
)
def seen(lab: Lab, world: World, operation: Operation) -> None:
    """Retrieve what a caller sees in a list, and what he does not."""
    others = _others(lab, operation)
    if not others:
        raise Blocked("no persona but `main` is given")
    for persona in others:
        with lab.case():
            if operation.verb == "list":
                _listed_is_found(lab, world, operation, persona)
            else:
                _unlisted_is_unknown(lab, world, operation, persona)


def _listed_is_found(lab: Lab, world: World, lister: Operation, persona: str) -> None:
    retrieve = _twin(lab.subject, lister)
    assert retrieve is not None
    theirs, whole = world.listing(lister, persona=persona), world.listing(lister)
    if whole.is_whole:
        claim = {"relation": "subset", "left": theirs.at("ids"), "right": whole.at("ids")}
        says = "nobody sees records that the one who may do everything does not"
        lab.expect("F3", claim, operation=lister, says=says, key="x-action")
    keys = [key for key in theirs.ids if key not in (None, ABSENT)]
    for key in _spread(keys, _shown_rows(lab.depth)):
        with lab.case():
            reply = lab.call(retrieve, {retrieve.path_key: key}, persona=persona)
            good = const(retrieve.success.status)
            claim = {"relation": "equal", "left": reply.status, "right": good}
            says = "what a caller finds in the list he can retrieve"
            if not lab.expect("F3", claim, operation=lister, says=says, key="x-action"):
                return


def _unlisted_is_unknown(lab: Lab, world: World, retrieve: Operation, persona: str) -> None:
    lister = _twin(lab.subject, retrieve)
    assert lister is not None
    theirs, whole = world.listing(lister, persona=persona), world.listing(lister)
    if not theirs.is_whole:
        lab.blocked("F3", retrieve, f"the list of {persona} is too long to be read whole")
        return
    listed = set(map(str, theirs.ids))
    hidden = [key for key in whole.ids if key not in (None, ABSENT) and str(key) not in listed]
    if not hidden:
        lab.blocked("F3", retrieve, f"{persona} sees every record there is")
    for key in _spread(hidden, _shown_rows(lab.depth)):
        with lab.case():
            reply = lab.call(retrieve, {retrieve.path_key: key}, persona=persona)
            claim = {"relation": "equal", "left": reply.status, "right": const(404)}
            says = "what a caller does not see in the list is unknown to him"
            if not lab.expect("F3", claim, operation=retrieve, says=says, key="x-action"):
                return


def _spread(values: list[Any], count: int) -> list[Any]:
    """Return some values from all over a list."""
    step = max(1, -(-len(values) // count))
    return values[::step]


def _is_veiled(subject: Subject, operation: Operation) -> bool:
    shows = [o for o in subject.spec.operations if o.verb == "retrieve" and o.permission is None]
    return (
        bool(operation.visible)
        and operation.writes
        and operation.verb != "create"
        and any((o.resource, o.visible) == (operation.resource, operation.visible) for o in shows)
    )


@probe("F3", safety="W", applies=_is_veiled, cost=lambda subject, operation, depth: 6)
def veiled(lab: Lab, world: World, operation: Operation) -> None:
    """Let a caller change what he does not see."""
    meet(lab, "stranger")
    _, far = standing.surroundings(lab, world, operation.resource, "stranger")
    for changes in [*far[: 2 + lab.depth.values], {}]:
        with suppress(Blocked), standing.place(lab, world, operation, changes) as place, lab.case():
            found = standing.look(lab, place.own, "stranger") if place.own else None
            if found is None or found.code != 404:
                continue
            tried = lab.call(operation, place.params, body=place.body, persona="stranger")
            claim = {"relation": "equal", "left": tried.status, "right": found.status}
            says = "what a caller cannot see is unknown to every operation"
            lab.expect("F3", claim, operation=operation, says=says, key="x-action")
            return
    raise Blocked(f"no {operation.resource} of our own that the stranger does not see")
