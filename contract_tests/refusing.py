"""What must hold after a refusal: nothing is changed, nothing is there that was not."""

from __future__ import annotations

from contract_tests import standing
from contract_tests.lab import Blocked, Lab
from contract_tests.standing import Place
from contract_tests.steps import Reply
from contract_tests.world import World
from mockserver.operation import Operation


def stays(lab: Lab, prop: str, operation: Operation, place: Place, before: Reply | None) -> None:
    """Claim that a record of ours is as it was before it was tried to be changed."""
    if place.own is None or before is None or not before.is_good:
        return
    after = standing.look(lab, place.own)
    if after is not None:
        claim = standing.unchanged(lab, before, after)
        says = "what is refused changes nothing"
        lab.expect(prop, claim, operation=operation, says=says, key="x-effect")


def is_not_there(lab: Lab, world: World, prop: str, operation: Operation, place: Place) -> None:
    """Claim that no row has the text that a refused create was sent with."""
    lister = next(iter(world.listers(operation.resource)), None)
    if lister is None or not isinstance(place.body, dict):
        return
    marks = [(n, v) for n, v in place.body.items() if isinstance(v, str) and lab.tag in v]
    shown = lab.subject.view(lister)
    for name, text in marks[:1]:
        if name not in shown or shown[name].source != "field":
            continue
        with lab.case():
            whole = world.listing(lister, is_fresh=True)
            test = {"at": f"/{name}", "lookup": "exact", "value": text, "kind": "text"}
            claim = {"relation": "none", "left": whole.at("rows"), "test": test}
            says = "what is refused creates nothing"
            lab.expect(prop, claim, operation=operation, says=says, key="x-effect")


def meet(lab: Lab, persona: str) -> None:
    """Make sure that a persona can sign in at all."""
    if persona not in lab.personas:
        raise Blocked(f"no persona `{persona}` is given")
    known = lab.subject.spec.operations
    asked = next((o for o in known if o.method == "GET" and not o.path_key and o.is_secured), None)
    if asked is not None:
        with lab.unjudged(), lab.case():
            if lab.call(asked, persona=persona).code == 401:
                raise Blocked(f"the token of {persona} is refused")
