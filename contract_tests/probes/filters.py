"""Filters: each keeps exactly what it says, alone and with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice

from contract_tests import filter_oddities as oddities
from contract_tests import filter_values as values
from contract_tests.filter_claims import SAYS, Asked, answers, ask, expect, keeps_all, question
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.probes.registry import probe
from contract_tests.relations import const, join, meet
from contract_tests.scene import Scene, is_list, scenes
from contract_tests.subject import Subject
from contract_tests.teaching import is_single
from contract_tests.testing_filters import RANGES, TEXTUAL, test_of
from contract_tests.world import World
from mockserver.operation import Filter, Operation, Parameter


def _has_filters(subject: Subject, operation: Operation) -> bool:
    return is_list(subject, operation) and any(
        p.filter is not None and p.place == "query" for p in operation.parameters
    )


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    count = sum(p.filter is not None and p.place == "query" for p in operation.parameters)
    return 4 + count * (5 if depth.is_full else 2)


@probe("D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10", "D11", "D12", "D18",
       safety="R", applies=_has_filters, cost=_cost)  # fmt: skip
def filters(lab: Lab, world: World, operation: Operation) -> None:
    """Ask each filter for values of the data, of others, of nobody and of no kind."""
    places = scenes(lab, world, operation, may_be_empty=True)
    if not places[0].rows:
        for parameter in places[0].filters:
            with lab.case():
                _invalid(places[0], parameter)
        raise Blocked("the list is empty")
    kept = []
    for parameter in places[0].filters:
        with lab.case():
            try:
                kept += _one(places, parameter)
            except Blocked as reason:
                lab.blocked("D2", operation, f"{parameter.name}: {reason}")
    for parameter in _opening(places[0]):
        with lab.case():
            plain = replace(places[0], base=(), whole=world.listing(operation, places[0].params))
            _nobody(plain, parameter)
            _invalid(plain, parameter)
    with lab.case():
        _together(places[0], [each for each in kept if each.scene is places[0]])
    with lab.case():
        _empty(places[0])


def _opening(scene: Scene) -> list[Parameter]:
    """Return the filters without which there would be no rows."""
    return [p for p in scene.operation.parameters if p.name in dict(scene.base)]


def _one(places: Sequence[Scene], parameter: Parameter) -> list[Asked]:
    scene, texts = _best(places, parameter)
    lab, declared = scene.lab, parameter.filter
    assert declared is not None
    asked: list[Asked] = []
    if values.kind(parameter) == "boolean":
        asked = _boolean(scene, parameter)
    elif texts:
        asked = [ask(scene, parameter, texts[:1], "D2")]
        _more(scene, parameter, texts)
    else:
        asked = _hidden(scene, parameter)
    if lab.depth.is_full or not texts:
        _nobody(scene, parameter)
    if lab.depth.is_full or _is_first_of_kind(scene, parameter):
        _invalid(scene, parameter)
    return asked


def _is_first_of_kind(scene: Scene, parameter: Parameter) -> bool:
    kind = values.kind(parameter)
    return kind != "text" and parameter is next(p for p in scene.filters if values.kind(p) == kind)


def _best(places: Sequence[Scene], parameter: Parameter) -> tuple[Scene, list[str]]:
    """Return the first list whose rows tell a right filter from a wrong one, and its values."""
    for scene in places:
        texts = values.main_values(scene, parameter)
        found = test_of(scene, parameter, texts[:1]) if texts else None
        if found is not None and all(values.counts(scene, found)):
            return scene, texts
    return places[0], values.main_values(places[0], parameter)


def _more(scene: Scene, parameter: Parameter, texts: list[str]) -> None:
    """Ask for bounds, other letters, wildcards, foreign values and several at once."""
    depth, found = scene.lab.depth, values.lookup(parameter)
    if found in RANGES:
        edges = values.edges(scene, parameter)
        for text in edges if depth.is_full else edges[:1]:
            ask(scene, parameter, [text], "D4")
    if values.kind(parameter) == "number" and values.admits_zero(parameter):
        ask(scene, parameter, ["0"], "D5")
    if parameter.filter and parameter.filter.values != "one" and len(texts) > 1:
        ask(scene, parameter, texts[:2], "D7")
    if not values.is_text(parameter) or not depth.is_full:
        return
    for text in _other_case(texts, is_folded=found in ("icontains", "iexact", "folded")):
        ask(scene, parameter, [text], "D9")
    if found in TEXTUAL | {"exact", "in"} and (pattern := values.wild(scene, parameter)):
        ask(scene, parameter, [pattern], "D9")
    if depth.values > 2:
        ask(scene, parameter, [f" {texts[0]} "], "D9")
    for text in values.foreign(scene, parameter, depth.values):
        ask(scene, parameter, [text], "D10")


def _other_case(texts: Sequence[str], *, is_folded: bool) -> list[str]:
    """Return a value that tells a filter which minds letter case from one that does not."""
    if not is_folded:
        return [other for text in texts[:1] if (other := values.swapped(text))]
    # Folded values are asked for in the other case anyway, if the first one has any.
    cased = [text for text in texts if values.swapped(text)][:1]
    return [] if cased == list(texts[:1]) else cased


def _boolean(scene: Scene, parameter: Parameter) -> list[Asked]:
    declared = parameter.filter
    assert declared is not None
    yes = ask(scene, parameter, ["true"], "D2")
    no = ask(scene, parameter, ["false"], "D5")
    whole, both = scene.ids(scene.whole), (scene.ids(yes.found), scene.ids(no.found))
    if not all(each.is_whole for each in (scene.whole, yes.found, no.found)):
        return [yes, no]
    if declared.only is not None:
        idle = no if declared.only is True else yes
        claim = {"relation": "same_set", "left": scene.ids(idle.found), "right": whole}
        expect(scene, "D5", claim, parameter, "only one of true and false filters")
        return [yes, no]
    if declared.by and declared.splits is False:
        return [yes, no]
    if declared.splits == "apart" or (not declared.by and _is_single(scene, declared)):
        claim = {"relation": "disjoint", "left": both[0], "right": both[1]}
        expect(scene, "D3", claim, parameter, "no row is both true and false")
    is_all = declared.by and declared.splits is True
    if is_all or declared.lookup in ("isnull", "exists"):
        claim = {"relation": "same_set", "left": join(*both), "right": whole}
        expect(scene, "D3", claim, parameter, SAYS["D3"])
    return [yes, no]


def _is_single(scene: Scene, declared: Filter) -> bool:
    """Tell whether a row has one value at most where a filter looks."""
    is_one = len(declared.fields) == 1 and not declared.any
    return is_one and is_single(scene.lab.subject, scene.resource, declared.fields[0])


def _hidden(scene: Scene, parameter: Parameter) -> list[Asked]:
    """Ask about what rows do not show: what one answer has says what another must have."""
    found: list[Asked] = []
    is_several = parameter.filter is not None and parameter.filter.values != "one"
    for text in oddities.guesses(scene, parameter)[
        : scene.lab.depth.values + scene.lab.depth.is_full + is_several
    ]:
        found.append(ask(scene, parameter, [text], "D2"))
        telling = [each for each in found if each.is_telling]
        # Only two values that keep different rows say what both together keep.
        if telling and (not is_several or _keep_different(telling[0], telling[-1])):
            break
    last = found[-1] if found and found[-1].is_telling else None
    name = values.lookup(parameter)
    if last and name in ("icontains", "folded"):
        other = ask(scene, parameter, [last.texts[0].swapcase()], "D9")
        claim = {"relation": "same_set", "left": scene.ids(other.found),
                 "right": scene.ids(last.found)}  # fmt: skip
        expect(scene, "D9", claim, parameter, SAYS["D9"])
    if name in RANGES and len(found) > 1:
        _nested(found[-2], found[-1])
    if len(found) > 1 and is_several:
        _union(next((each for each in found if each.is_telling), found[-2]), found[-1])
    if values.kind(parameter) == "uuid":
        for each in found:
            _within(each)
    return found


def _within(asked: Asked) -> None:
    """Claim that a record's key keeps no row that its name drops."""
    scene = asked.scene
    for other, text in islice(oddities.wider(scene, asked.parameter, asked.texts[0]), 1):
        wide = scene.read(question(other, [text]))
        if asked.found.is_whole and wide.is_whole:
            claim = {"relation": "subset", "left": scene.ids(asked.found),
                     "right": scene.ids(wide)}  # fmt: skip
            says = f"what is of a record is also of one with its {other.name}"
            expect(scene, "D1", claim, asked.parameter, says)


def _nested(one: Asked, other: Asked) -> None:
    """Claim that of two bounds the stricter one keeps no more."""
    is_lower = values.lookup(one.parameter) in ("gt", "gte")
    is_swapped = (one.texts[0] < other.texts[0]) is is_lower
    strict, loose = (other, one) if is_swapped else (one, other)
    scene = one.scene
    if strict.found.is_whole and loose.found.is_whole:
        claim = {"relation": "subset", "left": scene.ids(strict.found),
                 "right": scene.ids(loose.found)}  # fmt: skip
        expect(scene, "D4", claim, one.parameter, "a stricter bound keeps no more")


def _union(left: Asked, right: Asked) -> None:
    scene, parameter = left.scene, left.parameter
    both = ask(scene, parameter, [*left.texts, *right.texts], "D7")
    parts = [scene.ids(left.found), scene.ids(right.found)]
    for part in parts:
        claim = {"relation": "superset", "left": scene.ids(both.found), "right": part}
        expect(scene, "D7", claim, parameter, SAYS["D7"])
    claim = {"relation": "subset", "left": scene.ids(both.found), "right": join(*parts)}
    expect(scene, "D7", claim, parameter, SAYS["D7"])


def _nobody(scene: Scene, parameter: Parameter) -> None:
    text, declared = oddities.nobody(scene, parameter), parameter.filter
    if not text or declared is None or declared.choices:
        return
    reply = scene.ask([(parameter.name, text)])
    answers(scene, reply, parameter, "D8", const(scene.operation.success.status))
    if declared.stranger == "all":
        keeps_all(scene, reply, parameter, "D8")
        return
    says = "a value that nothing has keeps nothing"
    claim = {"relation": "empty", "left": reply.at("rows")}
    expect(scene, "D8", claim, parameter, says)


def _invalid(scene: Scene, parameter: Parameter) -> None:
    declared = parameter.filter
    assert declared is not None
    text = oddities.unreadable(parameter)
    if declared.choices:
        text = oddities.nobody(scene, parameter) or text
    if not text or (declared.invalid != "reject" and "\0" in text):
        return
    reply = scene.ask([(parameter.name, text)])
    if declared.invalid == "reject":
        status = 400 if 400 in scene.operation.answers else 422
        answers(scene, reply, parameter, "D11", const(status))
        return
    answers(scene, reply, parameter, "D11", const(scene.operation.success.status))
    if declared.invalid == "ignore":
        keeps_all(scene, reply, parameter, "D11")
    else:
        claim = {"relation": "empty", "left": reply.at("rows")}
        expect(scene, "D11", claim, parameter, "a value that cannot be read keeps nothing")


def _together(scene: Scene, asked: Sequence[Asked]) -> None:
    """Ask for two filters at once: both must hold."""
    telling = [each for each in asked if each.is_telling]
    pairs = [pair for pair in combinations(telling, 2) if _differ(*pair)]
    for left, right in pairs[: 3 if scene.lab.depth.is_full else 1]:
        both = scene.read([*left.query, *right.query])
        expected = meet(scene.ids(left.found), scene.ids(right.found))
        claim = {"relation": "same_set", "left": scene.ids(both), "right": expected}
        says = "two filters keep what each of them keeps"
        scene.lab.expect("D6", claim, operation=scene.operation, says=says, key="x-filter")


def _differ(left: Asked, right: Asked) -> bool:
    """Tell whether two filters keep different rows, so that both or any of them matters."""
    return left.parameter is not right.parameter and _keep_different(left, right)


def _keep_different(left: Asked, right: Asked) -> bool:
    kept = [
        set(map(str, each.found.ids if each.scene.has_key else each.found.rows))
        for each in (left, right)
    ]
    return kept[0] != kept[1]


def _empty(scene: Scene) -> None:
    """Leave every filter empty: none filters. Only when that fails, find out which."""
    texts = [p for p in scene.filters if values.is_text(p)]
    together = scene.ask([(p.name, "") for p in texts])
    total = scene.world.total(together)
    guilty = [] if together.is_good and total == scene.whole.total else texts
    if texts and not guilty:
        keeps_all(scene, together, texts[0], "D11")
    for parameter in guilty:
        reply = scene.ask([(parameter.name, "")])
        answers(scene, reply, parameter, "D11", const(scene.operation.success.status))
        keeps_all(scene, reply, parameter, "D11")
