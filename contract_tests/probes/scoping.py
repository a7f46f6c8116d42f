"""Nested lists: the records of one parent, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contract_tests.lab import Depth, Lab
from contract_tests.meaning import Test, kind_of
from contract_tests.probes.registry import probe
from contract_tests.relations import Expr
from contract_tests.scene import Scene, full_path, is_list, link_to, opened, pointers
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation, Resource


def _is_nested(subject: Subject, operation: Operation) -> bool:
    return is_list(subject, operation) and operation.nesting is not None


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    return depth.parents


@probe("B22", safety="R", applies=_is_nested, cost=_cost)
def scoping(lab: Lab, world: World, operation: Operation) -> None:
    """Hold the rows of several parents against what they show of their parent."""
    told = 0
    places = [
        Scene(lab, world, operation, params, world.listing(operation, params))
        for params in world.parents(operation)[: lab.depth.parents]
    ]
    if places and not any(scene.rows for scene in places):
        places = opened(places[0]) or places
    for scene in places:
        with lab.case():
            if scene.has_key and _is_one_page(scene):
                claim: dict[str, Any] = {"relation": "distinct", "left": scene.ids(scene.whole)}
                _expect(scene, claim, "no row comes twice")
            for test in _tests(scene):
                told += 1
                claim = {"relation": "each", "left": scene.whole.at("rows"), "test": test}
                _expect(scene, claim, "every row is of the parent that was asked for")
                _complete(scene, test)
    if not places or not any(scene.rows for scene in places):
        lab.blocked("B22", operation, "no parent with rows is known")
    elif not told:
        lab.unspecified("B22", operation, "rows do not show their parent")


def _is_one_page(scene: Scene) -> bool:
    """Tell whether nothing that was written meanwhile can have moved a row to a second page."""
    return scene.whole.is_whole and len(scene.whole.pages) == 1


def _expect(scene: Scene, claim: Any, says: str) -> None:
    about = scene.operation.path_key
    scene.lab.expect(
        "B22", claim, operation=scene.operation, about=about, says=says, key="x-filter"
    )


def _tests(scene: Scene) -> Iterator[Test]:
    """Yield what every row must show, where the relation to the parent is one of its paths."""
    path = _path(scene)
    key = scene.params[scene.operation.path_key]
    if not path:
        return
    for at, shown in pointers(scene.view, full_path(scene, path)):
        if not shown.is_list:
            yield {"at": at, "lookup": "exact", "value": key, "kind": kind_of(shown.schema)}
    target = _owner(scene, path)
    for name, shown in scene.view.items():
        if shown.source == "link" and target is not None and shown.path == path:
            link = link_to(scene, target, key)
            if link in scene.world.links.get(target.name, ()):
                yield {"at": f"/{name}", "lookup": "exact", "value": link, "kind": "text"}


def _owner(scene: Scene, path: str) -> Resource | None:
    return scene.lab.subject.reached(scene.resource, path)


def _path(scene: Scene) -> str:
    """Return the way from a row to the parent's key; "" when only a function knows it."""
    nesting = scene.operation.nesting
    if nesting is None or nesting.field:
        return nesting.field if nesting else ""
    parent = scene.lab.subject.spec.resources[nesting.parent]
    relation = parent.relations.get(nesting.relation)
    if relation is None or relation.kind != "reverse":
        return ""
    return relation.by


def _complete(scene: Scene, test: Test) -> None:
    """Claim that no row of the parent is missing that the list of all parents shows."""
    for other in scene.lab.verbs(scene.operation.resource, "list"):
        is_same = other.conditions == scene.operation.conditions
        if other.nesting or other.path_key or not is_same or other.visible:
            continue
        base = Scene(scene.lab, scene.world, other, {}, scene.world.listing(other))
        at = test["at"] if isinstance(test["at"], str) else ""
        name = at[1:]
        is_alike = name in base.view and base.view[name].path == scene.view[name].path
        if is_alike and scene.whole.is_whole and base.has_key and scene.has_key:
            right: Expr = base.ids(base.whole, where=test)
            claim = {"relation": "superset", "left": scene.ids(scene.whole), "right": right}
            _expect(scene, claim, "no row of the parent is missing")
