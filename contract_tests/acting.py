"""Perform actions on records of our own: with what body, in what state, seen through what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contract_tests import inputs, making, portrait
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.references import known as known_values
from contract_tests.references import references
from contract_tests.shelves import seen
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import Listing, World
from mockserver.operation import Effect, Operation

_OTHERS = 7


@dataclass(frozen=True, slots=True)
class View:
    """All that is shown of a record at one time: by its pages, and by the lists below it."""

    pages: Mapping[str, Reply]
    lists: Mapping[str, Listing] = field(default_factory=dict)

    @property
    def record(self) -> Mapping[str, Any]:
        """What the pages show, put together."""
        return {
            k: v for page in reversed(list(self.pages.values())) for k, v in seen(page.data).items()
        }


@dataclass(frozen=True, slots=True)
class Done:
    """A call of an operation, with the body that the server took."""

    operation: Operation
    reply: Reply
    body: Any = ABSENT

    @property
    def sent(self) -> Mapping[str, Any]:
        """The members of the body."""
        return self.body if isinstance(self.body, Mapping) else {}


def effect_of(operation: Operation) -> Effect:
    """Return what an operation does; nothing, when nothing is said."""
    return operation.effect or Effect()


def may_act(lab: Lab, operation: Operation) -> bool:
    """Tell whether what an operation does can be taken back, or nobody minds."""
    return not effect_of(operation).lasting or lab.mode == "destructive"


def actions(lab: Lab, resource: str) -> list[Operation]:
    """Return the actions on one record of a resource that may be tried."""
    found = lab.verbs(resource, "action")
    return [o for o in found if o.path_key and o.writes and o.effect and may_act(lab, o)]


def is_action(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation acts on records that we can make."""
    creates = {o.resource for o in subject.spec.operations if o.verb == "create"}
    is_act = operation.verb == "action" and operation.writes and bool(operation.path_key)
    return subject.is_annotated and is_act and operation.resource in creates


def look(lab: Lab, world: World, record: Own, effect: Effect) -> View:
    """Return what is shown of a record now, and of all below it that an effect speaks of."""
    pages = {}
    for operation in portrait.readers(lab, record.resource):
        reply = portrait.look(lab, record, operation)
        if reply.is_good:
            pages[operation.id] = reply
    if not pages:
        raise Blocked(f"nothing shows the new {record.resource}")
    return View(pages, dict(_below(lab, world, record, effect)))


def _below(lab: Lab, world: World, record: Own, effect: Effect) -> Iterator[tuple[str, Listing]]:
    touched = effect.creates | effect.removes | set(effect.changes)
    for operation in lab.subject.spec.operations:
        is_list = operation.verb == "list" and operation.nesting is not None
        is_telling = is_list and operation.resource in touched - {record.resource}
        if is_telling and world.parent_resource(operation) == record.resource:
            params = {operation.path_key: record.key}
            yield operation.id, world.listing(operation, params, is_fresh=True)


def perform(lab: Lab, world: World, operation: Operation, record: Own, *, variant: int = 1) -> Done:
    """
    Call an operation on a record with the first valid body that the server takes.

    Raises Refused when it takes none, and Blocked when nothing can be sent.
    """
    shown = _shown(lab, record)
    params = making.item_params(operation, record.key, record.params)
    tried = list(candidates(lab, world, operation, record, Wish(variant, record=shown)))
    ways = world.making.setdefault(("way", operation.id), [])
    if ways and ways[0] < len(tried):
        tried = [tried[ways[0]]]
    reply = None
    for index, body in enumerate(tried):
        reply = lab.call(operation, params, body=body)
        if reply.is_good:
            if not ways:
                ways.append(index)
            done = Done(operation, reply, body)
            world.making["given", operation.id, record.key] = done.sent
            return done
    if reply is None:
        raise Blocked(f"nothing is known that {operation.id} could be sent")
    said = " ".join(reply.received.body[:160].decode("utf-8", "replace").split())
    raise making.Refused(f"{operation.id} answers {reply.code} to valid bodies: {said}", reply)


def _shown(lab: Lab, record: Own) -> Mapping[str, Any]:
    shower = portrait.reader(lab, record.resource)
    page = portrait.look(lab, record, shower) if shower else record.made
    return seen(page.data)


def candidates(
    lab: Lab, world: World, operation: Operation, record: Own, wish: Wish
) -> Iterator[Any]:
    """Yield valid bodies, the richest first: tables in whole and by entry, other references."""
    schema = lab.subject.body_schema(operation)
    if schema is None:
        yield ABSENT
        return
    made = partner(lab, operation)
    given = world.making.get(("given", made.id, record.key), {}) if made else {}
    full = inputs.body(lab, world, operation, wish)
    if given:
        yield {**full, **_shared(lab, operation, given)}
        return
    if inputs.required(lab, schema) <= set(full):
        yield full
    for name, value in full.items():
        if isinstance(value, Mapping) and len(value) > 1:
            for key in value:
                yield {**full, name: {key: value[key]}}
    if references(lab.subject, operation):
        for index in range(1, _OTHERS):
            other = inputs.body(lab, world, operation, _with(wish, wish.variant + index))
            if inputs.required(lab, schema) <= set(other):
                yield other


def _with(wish: Wish, variant: int) -> Wish:
    return Wish(variant, wish.optional, wish.avoid, wish.record)


def _shared(lab: Lab, operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two calls must have in common to be about the same thing."""
    named = references(lab.subject, operation)
    return {name: value for name, value in given.items() if name in named}


def suited(lab: Lab, world: World, operation: Operation) -> dict[str, Any]:
    """
    Return changes to a create that make a record which an operation can work on.

    Tries records that refer to others, until the operation takes a body for one.
    """
    base = legal(lab, operation.resource)
    known = world.making.get(("suited", operation.id))
    if known is not None:
        return {**base, **known}
    world.making["suited", operation.id] = {}
    for chosen in _settings(lab, world, operation):
        try:
            with (
                lab.case(),
                making.own(lab, world, operation.resource, changes={**base, **chosen}) as record,
            ):
                prepare(lab, world, operation, record)
                perform(lab, world, operation, record)
        except making.Refused:
            continue
        except Blocked:
            break
        world.making["suited", operation.id] = chosen
        return {**base, **chosen}
    return base


def _settings(lab: Lab, world: World, operation: Operation) -> Iterator[dict[str, Any]]:
    yield {}
    create = making.creator(lab, operation.resource)
    if create is None or making.is_exclusive(lab, create):
        return
    for name, reference in references(lab.subject, create).items():
        for value in known_values(lab, world, reference)[:_OTHERS]:
            yield {name: value}


# States


def settable(lab: Lab, resource: str) -> dict[str, str]:
    """Return the fields that a create can choose, each with its body property."""
    create = making.creator(lab, resource)
    view = lab.subject.body_view(create) if create else {}
    return {shown.path: name for name, shown in view.items() if shown.source == "field"}


def legal(lab: Lab, resource: str) -> dict[str, Any]:
    """Return changes to a create that keep a record out of the states in which anything refuses."""
    names = settable(lab, resource)
    avoided: dict[str, list[Any]] = {}
    for operation in lab.subject.spec.operations:
        if operation.resource != resource or operation.effect is None:
            continue
        for refusal in operation.effect.refuses:
            for path, refused in refusal.when.items():
                avoided.setdefault(path, []).extend(refused)
        for path, constant in operation.effect.sets.get(resource, {}).items():
            avoided.setdefault(path, []).append(constant)
    found: dict[str, Any] = {}
    for path, values in avoided.items():
        if path in names:
            # What is left out has its default, unless that is one of them.
            found[names[path]] = _other_boolean(values)
    return found


def _other_boolean(values: list[Any]) -> Any:
    left = [each for each in (False, True) if each not in values]
    return left[0] if len(left) == 1 else ABSENT


def partner(lab: Lab, operation: Operation) -> Operation | None:
    """Return the action that makes what this one changes or takes away; None when there is none."""
    effect = effect_of(operation)
    touched = set(effect.changes) | effect.removes
    for other in actions(lab, operation.resource):
        made = effect_of(other).creates - {operation.resource}
        is_own = other is operation or made <= effect.creates
        if made & touched and not is_own:
            return other
    return None


def filler(lab: Lab, operation: Operation) -> Operation | None:
    """Return an action that gives by its body a value to what this one changes without any."""
    effect = effect_of(operation)
    if operation.body is not None:
        return None
    for other in actions(lab, operation.resource):
        changes = effect_of(other).changes
        is_alike = changes == effect.changes and other.body is not None
        if is_alike and _fills(lab.subject, other):
            return other
    return None


def _fills(subject: Subject, operation: Operation) -> bool:
    fields = effect_of(operation).changes.get(operation.resource, frozenset())
    view = subject.body_view(operation)
    return any(shown.path.partition(".")[0] in fields for shown in view.values())


def prepare(lab: Lab, world: World, operation: Operation, record: Own) -> Done | None:
    """Bring a record into a state in which an action has something to do; None when it is."""
    first = partner(lab, operation) or filler(lab, operation)
    if first is None:
        return None
    return perform(lab, world, first, record, variant=2)
