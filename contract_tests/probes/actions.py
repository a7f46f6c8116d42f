"""Perform actions: they change what they declare, repeat as declared, and leave all else alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contract_tests import acting, claims, making, portrait, relations
from contract_tests.acting import Done, View, effect_of, is_action
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.probes.registry import probe
from contract_tests.relations import Claim, const, join
from contract_tests.steps import Reply
from contract_tests.subject import Shown
from contract_tests.world import Listing, World
from mockserver.operation import Effect, Operation


@probe(
    "C1", "C2", "C7", "B13",
    safety="W",
    applies=is_action,
    cost=lambda subject, op, depth: 20,
)  # fmt: skip
def acts(lab: Lab, world: World, operation: Operation) -> None:
    """Perform an action twice on a record, and look at that and at another one."""
    if not acting.may_act(lab, operation):
        raise Blocked("what it does cannot be taken back; --mode destructive tries it")
    effect, legal = effect_of(operation), acting.suited(lab, world, operation)
    with (
        lab.case(),
        making.own(lab, world, operation.resource, changes=legal) as record,
        making.beside(lab, world, operation, legal) as other,
    ):
        untouched = acting.look(lab, world, other, effect) if other else None
        at_first = acting.look(lab, world, record, effect)
        prepared = acting.prepare(lab, world, operation, record)
        before = acting.look(lab, world, record, effect)
        done = _performed(lab, world, operation, record)
        after = acting.look(lab, world, record, effect)
        judge(lab, "C1", done, before, after)
        if prepared is not None or effect.repeat == "again" or not _is_set(lab, operation, before):
            _changed(lab, done, before, after)
        _created(lab, done, before, after)
        if prepared is not None and effect_of(prepared.operation).undo == operation.id:
            _taken_back(lab, operation, (at_first, before, after))
        _repeated(lab, world, done, record, after)
        if other is not None and untouched is not None:
            last = acting.look(lab, world, other, effect)
            stay(lab, "B13", operation, (untouched, last), effect, is_other=True)


def _performed(lab: Lab, world: World, operation: Operation, record: Own) -> Done:
    try:
        return acting.perform(lab, world, operation, record)
    except making.Refused as refused:
        # A body that refers to other records, or to parts of this one, may be unfit in fact.
        if operation.body is None:
            claims.takes(lab, "C1", operation, refused.reply)
        raise


def judge(lab: Lab, prop: str, done: Done, before: View, after: View) -> None:
    """Claim that an operation did what it declares, and nothing else."""
    operation = done.operation
    claims.takes(lab, prop, operation, done.reply)
    for name, page in after.pages.items():
        shower = lab.operation(name)
        says = "what was sent is kept"
        claims.echoes(lab, prop, operation, (shower, page), done.sent, says)
        _set(lab, prop, operation, shower, page)
        _answered(lab, prop, done, shower, page)
        _sent_inside(lab, prop, done, shower, page)
    _sent_below(lab, prop, done, after)
    effect = portrait.narrowed(lab.subject, operation, done.sent)
    stay(lab, prop, operation, (before, after), effect)


def stay(
    lab: Lab, prop: str, operation: Operation, pair: tuple[View, View], effect: Effect,
    *, is_other: bool = False,
) -> None:  # fmt: skip
    """Claim that nothing but the effect is different between two views of a record."""
    before, after = pair
    for name in before.pages.keys() & after.pages.keys():
        pages = (before.pages[name], after.pages[name])
        claims.stays(lab, prop, operation, pages, effect, is_other=is_other)
    if not is_other:
        return
    for name in before.lists.keys() & after.lists.keys():
        lab.expect(
            prop, _same_rows(after.lists[name], before.lists[name]), operation=operation,
            says="lists below another record stay as they are", key="x-effect",
        )  # fmt: skip


def _same_rows(after: Listing, before: Listing) -> Claim:
    return {"relation": "same_set", "left": after.at("ids"), "right": before.at("ids")}


def _set(lab: Lab, prop: str, operation: Operation, shower: Operation, page: Reply) -> None:
    """Claim that declared constants are there afterwards."""
    constants = effect_of(operation).sets.get(operation.resource, {})
    for name, shown in lab.subject.view(shower).items():
        if shown.source == "field" and shown.path in constants:
            lab.expect(
                prop,
                claims.equals(page.body(f"/{name}"), const(constants[shown.path])),
                operation=operation, about=name, says="it leaves what it declares", key="x-effect",
            )  # fmt: skip


def _is_set(lab: Lab, operation: Operation, before: View) -> bool:
    """Tell whether declared constants are there already, or none are declared."""
    constants = effect_of(operation).sets.get(operation.resource, {})
    shown = [
        (constants[each.path], page.data[name])
        for page_name, page in before.pages.items()
        for name, each in lab.subject.view(lab.operation(page_name)).items()
        if each.path in constants and name in page.data
    ]
    return all(relations.same(wanted, value) for wanted, value in shown)


def _answered(lab: Lab, prop: str, done: Done, shower: Operation, page: Reply) -> None:
    """Claim that what the answer shows of the record is what can be read."""
    for name, other in _shared(lab, done.operation, shower):
        lab.expect(
            prop,
            claims.equals(page.body(f"/{other}"), done.reply.body(f"/{name}")),
            operation=done.operation, about=name, says="what it answers is kept", key="x-from",
        )  # fmt: skip


def _shared(lab: Lab, operation: Operation, shower: Operation) -> Iterator[tuple[str, str]]:
    resource = lab.subject.resource(operation)
    view = lab.subject.view(shower)
    for name, shown in lab.subject.view(operation).items():
        is_field = resource is not None and shown.path in resource.fields
        if shown.source in ("field", "server") and is_field and not shown.inner:
            same = [
                o.name for o in view.values() if (o.path, o.source) == (shown.path, shown.source)
            ]
            yield from ((name, other) for other in same[:1])


def _sent_inside(lab: Lab, prop: str, done: Done, shower: Operation, page: Reply) -> None:
    """Claim that nested records show the members of the objects that were sent."""
    effect = effect_of(done.operation)
    for name, pointer, value in portrait.parts(lab.subject, shower, effect, done.sent):
        lab.expect(
            prop,
            {"relation": "superset", "left": page.body(pointer), "right": const([value])},
            operation=done.operation, about=name, says="what was sent is kept", key="x-effect",
        )  # fmt: skip


def _sent_below(lab: Lab, prop: str, done: Done, after: View) -> None:
    """Claim that rows below the record show what was sent, where they show such a thing."""
    effect = effect_of(done.operation)
    for name, listing in after.lists.items():
        lister = lab.operation(name)
        fields = effect.changes.get(lister.resource, frozenset())
        is_new = lister.resource in effect.creates
        for shown in lab.subject.view(lister).values():
            sent = done.sent.get(shown.path)
            is_written = shown.path in fields or (is_new and shown.source == "field")
            if is_written and isinstance(sent, str) and listing.rows:
                _some_row(lab, prop, done.operation, (listing, shown), sent)


def _some_row(
    lab: Lab, prop: str, operation: Operation, where: tuple[Listing, Shown], sent: str
) -> None:
    listing, shown = where
    form = shown.schema.get("format", "")
    kind = {"date-time": "instant", "uuid": "uuid"}.get(form, "text")
    test = {"at": f"/{shown.name}", "lookup": "exact", "value": sent, "kind": kind}
    lab.expect(
        prop,
        {"relation": "unequal", "left": listing.at("ids", where=test), "right": const([])},
        operation=operation, about=shown.name, says="what was sent is shown below the record",
        key="x-effect",
    )  # fmt: skip


def _changed(lab: Lab, done: Done, before: View, after: View) -> None:
    """Claim that an action which has something to do changes what it may change."""
    effect = effect_of(done.operation)
    fields = effect.changes.get(done.operation.resource, frozenset())
    for name, page in after.pages.items():
        view = lab.subject.view(lab.operation(name))
        for shown in view.values():
            if shown.path in fields and shown.source in ("field", "nested", "link", "server"):
                pointer = f"/{shown.name}"
                lab.expect(
                    "C1",
                    claims.differs(page.body(pointer), before.pages[name].body(pointer)),
                    operation=done.operation, about=shown.name, key="x-effect",
                    says="the action changes what it is there for",
                )  # fmt: skip


def _taken_back(lab: Lab, operation: Operation, views: tuple[View, View, View]) -> None:
    """Claim that lists are as they were before what this takes back was made."""
    at_first, before, after = views
    for name, listing in after.lists.items():
        if _ids(before.lists[name]) != _ids(at_first.lists[name]):
            lab.expect(
                "C1", _same_rows(listing, at_first.lists[name]), operation=operation,
                says="it takes back what was made", key="x-effect",
            )  # fmt: skip


def _created(lab: Lab, done: Done, before: View, after: View) -> None:
    """
    Claim that an action which creates makes one record, in some list below the record.

    Only where the description has a way to take it back, and so speaks of one: an
    action that makes something for each of others may find none of them.
    """
    effect = effect_of(done.operation)
    if not effect.undo:
        return
    names = [n for n in after.lists if lab.operation(n).resource in effect.creates]
    grown = [n for n in names if sorted(map(str, after.lists[n].ids)) != _ids(before.lists[n])]
    if not names or not all(after.lists[n].is_whole for n in names):
        return
    if not grown:
        left, right = (join(*(view.lists[n].at("ids") for n in names)) for view in (after, before))
        claim: Claim = {"relation": "unequal", "left": left, "right": right}
        _expect_created(lab, done.operation, claim)
    for name in grown:
        left, right = after.lists[name].at("ids"), before.lists[name].at("ids")
        _expect_created(lab, done.operation, {"relation": "superset", "left": left, "right": right})
        count = {"plus": [{"length": right}, 1]}
        claim = {"relation": "equal", "left": {"length": left}, "right": count}
        _expect_created(lab, done.operation, claim)


def _ids(listing: Listing) -> list[str]:
    return sorted(map(str, listing.ids))


def _expect_created(lab: Lab, operation: Operation, claim: Claim) -> None:
    says = "an action that creates makes exactly one record"
    lab.expect("C7", claim, operation=operation, says=says, key="x-effect")


def _repeated(lab: Lab, world: World, done: Done, record: Own, after: View) -> None:
    """Make the same call again, and claim that it does what is declared."""
    operation, effect = done.operation, effect_of(done.operation)
    if not effect.repeat:
        lab.unspecified("C2", operation, "what the same call does again is not declared")
        return
    params = making.item_params(operation, record.key, record.params)
    again = lab.call(operation, params, body=done.body)
    statuses: Any = [done.reply.code]
    if effect.repeat == "refused":
        statuses = [status for status in operation.answers if 400 <= status < 500]
    lab.expect(
        "C2", claims.status_is(again, statuses), operation=operation, key="x-effect",
        says=f"the same again: {effect.repeat}",
    )  # fmt: skip
    last = acting.look(lab, world, record, effect)
    if effect.repeat == "again":
        _changed(lab, Done(operation, again, done.body), after, last)
        return
    chosen = Effect()
    if effect.repeat == "same":
        chosen = _chosen_by_server(lab, effect)
    stay(lab, "C2", operation, (after, last), chosen)
    for name in after.lists.keys() & last.lists.keys():
        lab.expect(
            "C2", _same_rows(last.lists[name], after.lists[name]), operation=operation,
            says="the same again adds and takes nothing", key="x-effect",
        )  # fmt: skip


def _chosen_by_server(lab: Lab, effect: Effect) -> Effect:
    changes = {}
    for name, fields in effect.changes.items():
        known = lab.subject.spec.resources[name].fields
        changes[name] = frozenset(f for f in fields if f in known and known[f].server is not None)
    return Effect(changes=changes)
