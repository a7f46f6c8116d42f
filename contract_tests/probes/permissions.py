"""Who lacks a permission is refused, wherever it is asked for, and cannot act as who has it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from contract_tests import making, standing
from contract_tests.lab import Blocked, Lab
from contract_tests.probes.registry import probe
from contract_tests.refusing import is_not_there, meet, stays
from contract_tests.relations import const
from contract_tests.standing import Place
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation

#: Personas that are no callers with rights of their own.
_ODD: Final = frozenset({"main", "nobody", "invalid", "inactive"})
_TRIED: Final = 40


def _needs_permission(subject: Subject, operation: Operation) -> bool:
    return operation.permission is not None and not operation.is_public


@probe("F2", safety="W", applies=_needs_permission, cost=lambda subject, operation, depth: 5)
def permitted(lab: Lab, world: World, operation: Operation) -> None:
    """Let a caller without the permission try."""
    meet(lab, "stranger")
    if operation.permission is not None and not operation.permission.on:
        _asked_first(lab, world, operation)
    if not operation.writes:
        for params in world.parents(operation)[: lab.depth.values + 1]:
            with lab.case():
                # Where nothing is hidden from anybody, 404 would be a lie.
                is_found = not operation.visible and lab.call(operation, params).is_good
                _is_refused(lab, operation, Place(params), is_found=is_found)
        return
    if standing.is_lasting(operation) and lab.mode != "destructive":
        raise Blocked("nothing takes back what it would do: only tried in mode destructive")
    near, _ = standing.surroundings(lab, world, operation.resource, "stranger")
    is_tried = False
    for changes in [*near[: 2 + lab.depth.values], {}]:
        with suppress(Blocked), standing.place(lab, world, operation, changes) as place:
            if place.own is None and not place.is_accepted:
                continue
            is_tried = True
            if not _tried(lab, world, operation, place):
                return
    if not is_tried:
        raise Blocked(f"no {operation.resource} of our own to try it on")


def _tried(lab: Lab, world: World, operation: Operation, place: Place) -> bool:
    """Let a stranger try; tell whether another record may show more."""
    before = standing.look(lab, place.own) if place.own else None
    seen = standing.look(lab, place.own, "stranger") if place.own else None
    with lab.case():
        reply = _is_refused(lab, operation, place)
        if not reply.is_good:
            stays(lab, "F2", operation, place, before)
            if operation.verb == "create":
                is_not_there(lab, world, "F2", operation, place)
    # A record that strangers do not even see says nothing of the permission.
    return not reply.is_good and (reply.code == 404 if seen is None else not seen.is_good)


def _is_refused(lab: Lab, operation: Operation, place: Place, *, is_found: bool = False) -> Reply:
    reply = lab.call(operation, place.params, body=place.body, persona="stranger")
    may_mind_body = operation.verb == "create"
    others = [*([400] if may_mind_body else []), *([] if is_found else [404])]
    allowed = standing.documented(operation, 403, *others)
    claim = {"relation": "among", "left": reply.status, "right": const(allowed)}
    says = "a caller without the permission is refused"
    lab.expect("F2", claim, operation=operation, says=says, key="x-permission")
    return reply


def _asked_first(lab: Lab, world: World, operation: Operation) -> None:
    """Claim that a permission that needs no record is asked for before any is looked up."""
    with lab.case():
        reply = lab.call(
            operation,
            standing.invented(lab, operation),
            body=standing.body_for(lab, world, operation),
            persona="stranger",
        )
        claim = {"relation": "equal", "left": reply.status, "right": const(403)}
        says = "a permission that needs no record comes before the look-up"
        lab.expect("F2", claim, operation=operation, says=says, key="x-permission")


def _equals(subject: Subject, operation: Operation) -> list[Operation]:
    """Return the other operations that ask the same permission for the same record."""

    def ground(other: Operation) -> tuple[object, ...]:
        parent = other.nesting.parent if other.nesting else other.resource
        said = (other.permission, other.visible, dict(other.conditions), other.writes)
        return (parent, *said, bool(other.path_key))

    if operation.verb == "create":
        return []
    same = [o for o in subject.spec.operations if ground(o) == ground(operation)]
    return [o for o in same if o.id != operation.id and o.verb not in ("create", "destroy")]


def _reads_alike(subject: Subject, operation: Operation) -> bool:
    is_asked = _needs_permission(subject, operation) and not operation.writes
    return is_asked and bool(operation.path_key) and bool(_equals(subject, operation))


def _helpers(lab: Lab) -> list[str]:
    """Return personas who may do some things and not others, as far as we know."""
    known = lab.client.credentials
    found = [n for n in lab.personas if n not in _ODD and known[n] != known.get("main")]
    if not found:
        raise Blocked("no persona but `main` is given")
    return found if lab.depth.is_full else found[:2]


@probe("F2", safety="R", applies=_reads_alike, cost=lambda subject, operation, depth: 4)
def alike(lab: Lab, world: World, operation: Operation) -> None:
    """Compare whom operations that ask the same permission refuse."""
    other = _equals(lab.subject, operation)[0]
    for persona in _helpers(lab):
        for params in world.parents(operation)[:1]:
            with lab.case():
                mine = lab.call(operation, params, persona=persona)
                key = params[operation.path_key]
                theirs = lab.call(other, {other.path_key: key}, persona=persona)
                claim = {"relation": "equal", "left": mine.status, "right": theirs.status}
                says = f"who may not {other.id} may not do this either, and the other way round"
                lab.expect("F2", claim, operation=operation, says=says, key="x-permission")


def _writes_alike(subject: Subject, operation: Operation) -> bool:
    is_asked = _needs_permission(subject, operation) and operation.writes
    refusals = operation.effect.refuses if operation.effect else ()
    is_clear = all(refusal.status != 403 for refusal in refusals)
    return is_asked and is_clear and bool(_equals(subject, operation))


@probe("F2", safety="W", applies=_writes_alike, cost=lambda subject, operation, depth: 12)
def alike_writing(lab: Lab, world: World, operation: Operation) -> None:
    """Compare whom changes that ask the same permission refuse."""
    tried = 0
    for persona in _helpers(lab):
        near, _ = standing.surroundings(lab, world, operation.resource, persona)
        changes = near[0] if near else {}
        with suppress(Blocked), standing.place(lab, world, operation, changes) as place:
            tried += _is_alike(lab, world, operation, place, persona)
    if not tried:
        raise Blocked(f"no {operation.resource} of our own that others see")


def _is_alike(lab: Lab, world: World, operation: Operation, place: Place, persona: str) -> bool:
    """Compare what a persona is told with what similar operations told; False when not shown."""
    seen = standing.look(lab, place.own, persona) if place.own else None
    if place.own is None or seen is None or not seen.is_good:
        return False
    with lab.case():
        told = []
        for other in _equals(lab.subject, operation)[:2]:
            params = making.item_params(other, place.own.key, place.own.params)
            body = standing.body_for(lab, world, other, _record(place))
            told.append(lab.call(other, params, body=body, persona=persona).code == 403)
        if len(set(told)) > 1:
            # Which of the others is wrong shows when it is compared itself.
            return True
        mine = lab.call(operation, place.params, body=place.body, persona=persona)
        relation = "among" if told[0] else "not_among"
        claim = {"relation": relation, "left": mine.status, "right": const([403])}
        says = "a permission is asked for alike wherever it is named"
        lab.expect("F2", claim, operation=operation, says=says, key="x-permission")
    return True


def _record(place: Place) -> dict[str, Any] | None:
    shown = place.own.made.data if place.own else None
    return shown if isinstance(shown, dict) else None


# Acting as somebody else


def _can_stand_in(subject: Subject, operation: Operation) -> bool:
    rules = subject.conventions.get("auth") or {}
    plain = operation.method == "GET" and not operation.path_key
    return "impersonation" in rules and plain and operation.is_secured and not operation.is_public


@probe("F2", safety="R", applies=_can_stand_in, cost=lambda subject, operation, depth: 3)
def standing_in(lab: Lab, world: World, operation: Operation) -> None:
    """Let a stranger act as somebody else."""
    meet(lab, "stranger")
    rules = lab.subject.conventions["auth"]
    header, answer = rules["impersonation"]["header"], rules["impersonation"]["answer"]
    with lab.case():
        said = _name_of_main(lab, world, operation)
        tried = lab.call(operation, headers={header: said}, persona="stranger")
        claim = {"relation": "absent", "left": tried.header(answer)}
        says = "who may not does not act as somebody else"
        lab.expect("F2", claim, operation=operation, says=says, key="x-mock.auth")


def _name_of_main(lab: Lab, world: World, operation: Operation) -> str:
    """Return the key of the user behind `main`, told when he acts as somebody else."""
    rules = lab.subject.conventions["auth"]
    users = lab.subject.spec.resources[rules["tokens"]].relations[rules["user"]].to
    header, answer = rules["impersonation"]["header"], rules["impersonation"]["answer"]
    if "main" in world.making:
        return str(world.making["main"])
    for key in _seen(lab, world, users)[:_TRIED]:
        # Whom nobody can act as is refused, in words that are not this operation's.
        with lab.unjudged():
            reply = lab.call(operation, headers={header: key})
        if said := reply.received.headers.get(answer.lower(), ""):
            world.making["main"] = said
            return said
    raise Blocked("no user is known whom `main` could act as")


def _seen(lab: Lab, world: World, resource: str) -> list[str]:
    """Return keys of records that lists show, the nested ones as well."""
    found = dict.fromkeys(world.keys(resource))
    for operation in lab.verbs(resource, "list"):
        for params in world.parents(operation):
            listed = world.listing(operation, params).ids
            found.update({str(key): None for key in listed if key not in (None, ABSENT)})
    return list(found)
