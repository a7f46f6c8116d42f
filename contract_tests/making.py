"""Make records of our own to work on, and take them away again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from contract_tests import inputs, references
from contract_tests.lab import Blocked, Lab
from contract_tests.steps import Reply
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation

_ATTEMPTS: Final = 8
_NOTHING: Final[Mapping[str, Any]] = {}


class Refused(Blocked):
    """A server did not take any body that the description calls valid; `reply` is the last."""

    def __init__(self, reason: str, reply: Reply) -> None:
        super().__init__(reason)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Own:
    """A record of our own: `made` is the answer to its create, `params` lead to it."""

    resource: str
    key: str
    made: Reply
    params: Mapping[str, str]

    @property
    def body(self) -> Mapping[str, Any]:
        """What was sent to create it."""
        found: Mapping[str, Any] = self.made.step.body
        return found


def creator(lab: Lab, resource: str) -> Operation | None:
    """Return the operation that creates records of a resource; None when there is none."""
    may = [o for o in lab.verbs(resource, "create") if not (o.effect and o.effect.lasting)]
    return next(iter(sorted(may, key=lambda o: bool(o.path_key))), None)


def is_makeable(lab: Lab, resource: str) -> bool:
    """Tell whether the description lets us create records of a resource."""
    return bool(resource) and lab.may_write and creator(lab, resource) is not None


def item_params(
    operation: Operation, key: Any, base: Mapping[str, str] = _NOTHING
) -> dict[str, str]:
    """Return path parameters that name a record; `base` has those of its parents."""
    names = [p.name for p in operation.parameters if p.place == "path"]
    found = {name: base[name] for name in names[:-1] if name in base}
    return {**found, operation.path_key: str(key)} if names else {}


def key_of(reply: Reply) -> Any:
    """Return the key of the record that an answer shows or leads to; ABSENT when neither."""
    key = reply.record_key()
    location = reply.received.headers.get("location", "").rstrip("/").rpartition("/")[2]
    return location if key is ABSENT and location else key


def make(
    lab: Lab,
    world: World,
    resource: str,
    *,
    variant: int = 0,
    changes: Mapping[str, Any] = _NOTHING,
) -> Reply:
    """
    Create a record and return the answer; raise Blocked, or Refused when nothing is accepted.

    Existing records are referred to as the body wants it, one after the other until the
    server accepts one; what worked is remembered.
    """
    operation = creator(lab, resource)
    if operation is None or not lab.may_write:
        raise Blocked(f"nothing creates records of {resource or 'an unknown kind'}")
    params = parent_params(lab, world, operation)
    reply = None
    for chosen in _choices(lab, world, operation, changes):
        wish = inputs.Wish(variant)
        body = {**inputs.body(lab, world, operation, wish), **chosen, **changes}
        body = {name: value for name, value in body.items() if value is not ABSENT}
        reply = lab.call(operation, params, body=body)
        if reply.is_good:
            _remember(lab, world, operation, reply, chosen)
            return reply
        good = _memory(world, operation, "good")
        if chosen in good and not is_exclusive(lab, operation):
            break
        good[:] = [each for each in good if each != chosen]
        _memory(world, operation, "bad").append(chosen)
    if reply is None:
        raise Blocked(f"{operation.id}: nothing is known that its body could refer to")
    said = " ".join(reply.received.body[:160].decode("utf-8", "replace").split())
    raise Refused(f"{operation.id} answers {reply.code} to valid bodies: {said}", reply)


def _memory(world: World, operation: Operation, kind: str) -> list[Any]:
    found: list[Any] = world.making.setdefault((kind, operation.id), [])
    return found


def _remember(
    lab: Lab, world: World, operation: Operation, reply: Reply, chosen: Mapping[str, Any]
) -> None:
    good = _memory(world, operation, "good")
    if chosen not in good:
        good.append(chosen)
    key = key_of(reply)
    if is_exclusive(lab, operation):
        world.making.setdefault(("busy", operation.id), {})[str(key)] = chosen


def is_exclusive(lab: Lab, operation: Operation) -> bool:
    """Tell whether a record can be referred to by one record of the resource only."""
    return bool(exclusive(lab, operation))


def exclusive(lab: Lab, operation: Operation) -> list[str]:
    """Return the properties of a body whose value only one record can have."""
    resource = lab.subject.resource(operation)
    alone = {names[0] for names in resource.unique if len(names) == 1} if resource else set()
    view = lab.subject.body_view(operation)
    return [
        name
        for name in references.references(lab.subject, operation)
        if name in view and view[name].path.partition(".")[0] in alone
    ]


def free(lab: Lab, world: World, operation: Operation, name: str) -> list[Any]:
    """Return values of such a property that no record has now, those that worked before first."""
    for lister in world.listers(operation.resource):
        world.listing(lister, is_fresh=True)
    reference = references.references(lab.subject, operation)[name]
    used = references.taken(lab, world, operation, name)
    good = [each[name] for each in _memory(world, operation, "good") if name in each]
    bad = [each.get(name) for each in _memory(world, operation, "bad")]
    others = [value for value in references.known(lab, world, reference) if value not in bad]
    return [value for value in dict.fromkeys([*good, *others]) if value not in used]


def _choices(
    lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield values for the references of a body: first those that worked, at most some others."""
    busy = [*world.making.get(("busy", operation.id), {}).values()]
    good = [each for each in _memory(world, operation, "good") if each not in busy]
    if good:
        yield good[0]
        # Somebody else may have taken what only one record can refer to.
        if not is_exclusive(lab, operation):
            return
    found = {
        name: _candidates(lab, world, operation, name, reference)
        for name, reference in references.references(lab.subject, operation).items()
        if name not in changes
    }
    schema = lab.subject.body_schema(operation) or {}
    must = inputs.required(lab, schema) - set(changes)
    if any(not found[name] for name in found if name in must):
        return
    tried = [*_memory(world, operation, "bad"), *busy]
    longest = max((len(values) for values in found.values()), default=1) or 1
    fresh = 0
    for index in range(longest):
        chosen = {n: values[index % len(values)] for n, values in found.items() if values}
        if chosen and chosen in tried:
            continue
        yield chosen
        fresh += 1
        if fresh == _ATTEMPTS:
            return


def _candidates(
    lab: Lab, world: World, operation: Operation, name: str, reference: references.Reference
) -> list[Any]:
    found = references.known(lab, world, reference)
    if reference.is_certain and is_makeable(lab, reference.resource) and not reference.is_link:
        # What is referred to is changed by it, in a way: rather one of our own.
        owned = [
            o.key for o in lab.client.ledger.newest_first() if o.resource == reference.resource
        ]
        ours = [int(key) if reference.is_integer else key for key in owned]
        found = ours + [each for each in found if each not in ours]
    if name in exclusive(lab, operation):
        used = references.taken(lab, world, operation, name)
        found = [each for each in found if each not in used]
    return found


def parent_params(lab: Lab, world: World, operation: Operation) -> dict[str, str]:
    """Return the path of a nested create: below a parent of our own."""
    if not operation.path_key:
        return {}
    resource = world.parent_resource(operation)
    key = world.making.get(("parent", resource), "")
    if not lab.client.ledger.holds(resource, key):
        key = str(key_of(make(lab, world, resource)))
        world.making["parent", resource] = key
    return {operation.path_key: key}


def own_of(lab: Lab, reply: Reply) -> Own:
    """Return the record that a create answered; raise Blocked when its key is not told."""
    key = key_of(reply)
    if key in (ABSENT, None, ""):
        raise Blocked(f"{reply.step.operation} does not tell the key of the new record")
    return Own(reply.step.creates, str(key), reply, reply.step.params)


@contextmanager
def own(
    lab: Lab,
    world: World,
    resource: str,
    *,
    variant: int = 0,
    changes: Mapping[str, Any] = _NOTHING,
) -> Iterator[Own]:
    """
    Lend a new record, and take it away afterwards.

    Suspicions wait until it is gone: another one may not be possible beside it.
    """
    with lab.held():
        record = own_of(lab, make(lab, world, resource, variant=variant, changes=changes))
        try:
            yield record
        finally:
            unmake(lab, world, record)


@contextmanager
def beside(
    lab: Lab, world: World, operation: Operation, changes: Mapping[str, Any] = _NOTHING
) -> Iterator[Own | None]:
    """Lend one more record to look at while an operation works on another; None if impossible."""
    try:
        other = own_of(lab, make(lab, world, operation.resource, variant=2, changes=changes))
    except Blocked as reason:
        lab.blocked("B13", operation, str(reason))
        yield None
        return
    try:
        yield other
    finally:
        unmake(lab, world, other)


def unmake(lab: Lab, world: World, record: Own) -> Reply | None:
    """Delete a record of our own; None when it is gone or nothing deletes it."""
    destroy = next(iter(lab.verbs(record.resource, "destroy")), None)
    if destroy is None or not lab.client.ledger.holds(record.resource, record.key):
        forget(lab, world, record)
        return None
    reply = lab.call(destroy, item_params(destroy, record.key, record.params))
    if reply.is_good:
        forget(lab, world, record)
    return reply


def forget(lab: Lab, world: World, record: Own) -> None:
    """Let go of a record that is no longer there, and of what went with it."""
    if lab.client.ledger.holds(record.resource, record.key):
        return
    for owned in list(lab.client.ledger.newest_first()):
        if record.key in owned.params.values():
            lab.client.ledger.drop(owned.resource, owned.key)
    made = creator(lab, record.resource)
    if made is not None:
        world.making.get(("busy", made.id), {}).pop(record.key, None)
    world.forget()
