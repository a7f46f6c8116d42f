"""Fieldsets: exactly what was asked for, unchanged, and nothing else about the list changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.probes.registry import probe
from contract_tests.relations import Expr, const
from contract_tests.scene import Scene, is_list, scenes
from contract_tests.sorting import default_keys, is_determined
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation

_KEY = "x-mock.fieldset"
_GROUP = 3


def _has_fieldset(subject: Subject, operation: Operation) -> bool:
    is_read = is_list(subject, operation) or operation.verb == "retrieve"
    return operation.has_fieldset and is_read and operation.resource in subject.spec.resources


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    count = len(subject.view(operation))
    return 5 + (count if depth.values > 2 else count // _GROUP if depth.is_full else 2)


def asking(lab: Lab, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the query that asks for some properties."""
    rules = lab.subject.conventions["fieldset"]
    if rules["style"] == "comma":
        return [(rules["parameter"], ",".join(names))]
    return [(rules["parameter"], name) for name in names]


def _groups(lab: Lab, names: Sequence[str]) -> list[list[str]]:
    """Return which properties to ask for together, so that each is asked for."""
    size = 1 if lab.depth.values > 2 else _GROUP if lab.depth.is_full else -(-len(names) // 2)
    count = max(1, -(-len(names) // size))
    # Every so many, so that neighbours, which may be mistaken for each other, are apart.
    return [list(names[start::count]) for start in range(count)]


def _expect(lab: Lab, operation: Operation, prop: str, claim: Any, says: str) -> None:
    about = lab.subject.conventions["fieldset"]["parameter"]
    lab.expect(prop, claim, operation=operation, about=about, says=says, key=_KEY)


def _is(left: Expr, right: Expr) -> dict[str, Any]:
    return {"relation": "equal", "left": left, "right": right}


@probe("D22", "D23", safety="R", applies=_has_fieldset, cost=_cost)
def fieldsets(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for some properties, for one twice, and for one that there is not."""
    if operation.verb == "list":
        _of_list(scenes(lab, world, operation)[0])
    else:
        _of_record(lab, world, operation)


def _of_list(scene: Scene) -> None:
    lab, operation = scene.lab, scene.operation
    base = scene.whole.pages[0]
    size = dict(base.step.query).get(lab.subject.conventions["paging"]["size"] or "")
    paged = [(lab.subject.conventions["paging"]["size"], size)] if size else []
    names = _shown_names(scene.rows, scene.view)
    is_fixed = is_determined(scene, default_keys(scene))

    def ask(chosen: Sequence[str]) -> Reply:
        return scene.ask([*paged, *asking(lab, chosen)])

    def cut(reply: Reply, chosen: Sequence[str]) -> None:
        relation = "equal" if is_fixed else "same_set"
        if not is_fixed and not scene.whole.is_whole:
            lab.unspecified("D22", operation, "the order does not tell rows apart")
            return
        right = base.at("rows", only=list(chosen))
        claim = {"relation": relation, "left": reply.at("rows"), "right": right}
        _expect(lab, operation, "D22", claim, "rows have the asked properties, unchanged")

    _stories(lab, operation, names, ask, cut)
    with lab.case():
        _neutral(scene, base, ask, is_fixed=is_fixed)


def _shown_names(rows: Sequence[Any], view: Any) -> list[str]:
    present = {name for row in rows for name in row}
    return [name for name in view if name in present]


def _of_record(lab: Lab, world: World, operation: Operation) -> None:
    params = next(iter(world.parents(operation)), None)
    whole = lab.call(operation, params) if params is not None else None
    if whole is None or not whole.is_good:
        raise Blocked("no record is known that could be asked for")
    names = _shown_names([whole.data], lab.subject.view(operation))

    def ask(chosen: Sequence[str]) -> Reply:
        return lab.call(operation, params, query=asking(lab, chosen))

    def cut(reply: Reply, chosen: Sequence[str]) -> None:
        claim = _is(reply.body(), whole.body(only=list(chosen)))
        _expect(lab, operation, "D22", claim, "the record has the asked properties, unchanged")

    _stories(lab, operation, names, ask, cut)


def _stories(lab: Lab, operation: Operation, names: Sequence[str], ask: Any, cut: Any) -> None:
    good = const(operation.success.status)
    for chosen in _groups(lab, names):
        with lab.case():
            reply = ask(chosen)
            _expect(lab, operation, "D22", _is(reply.status, good), "a fieldset is accepted")
            cut(reply, chosen)
    one, other = names[0], names[-1]
    with lab.case():
        twice = ask([one, other, one])
        _expect(lab, operation, "D22", _is(twice.status, good), "a name may come twice")
        cut(twice, [one, other])
    with lab.case():
        reply = ask([other, "no_such_property"])
        if lab.subject.conventions["fieldset"]["unknown"] == "reject":
            status = 400 if 400 in operation.answers else 422
            claim = _is(reply.status, const(status))
            _expect(lab, operation, "D22", claim, "an unknown name is refused")
        else:
            claim = _is(reply.status, good)
            _expect(lab, operation, "D22", claim, "an unknown name is ignored")
            cut(reply, [other])


def _neutral(scene: Scene, base: Reply, ask: Any, *, is_fixed: bool) -> None:
    """Compare the rows, their order and their number with those of the list as it is."""
    key = scene.lab.subject.shown_key(scene.operation)
    name = key if scene.has_key else next(iter(scene.view))
    keys = default_keys(scene)
    reply = ask(list(dict.fromkeys([name, *(each["at"].split("/")[1] for each in keys)])))
    if keys:
        claim: dict[str, Any] = {"relation": "sorted", "left": reply.at("rows"), "by": keys}
        _expect(scene.lab, scene.operation, "D23", claim, "a fieldset does not change the order")
    left, right = reply.at("column", name=f"/{name}"), base.at("column", name=f"/{name}")
    relation = "equal" if is_fixed else "same_set"
    if is_fixed or scene.whole.is_whole:
        claim = {"relation": relation, "left": left, "right": right}
        says = "a fieldset changes neither rows nor their order"
        _expect(scene.lab, scene.operation, "D23", claim, says)
    total, whole = scene.total(reply), scene.total(base)
    if total is not None and whole is not None:
        says = "a fieldset does not change the total"
        _expect(scene.lab, scene.operation, "D23", _is(total, whole), says)
