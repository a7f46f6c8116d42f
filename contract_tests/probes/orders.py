"""Orders: rows come as asked, in both directions, on every page; or as is the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

from contract_tests.filter_claims import question
from contract_tests.filter_oddities import compares, guesses
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.meaning import folded_value, is_clear
from contract_tests.probes.registry import probe
from contract_tests.relations import const, join
from contract_tests.scene import Scene, is_list, scenes
from contract_tests.sorting import (
    default_keys,
    inner_keys,
    is_determined,
    keys_of,
    place_of,
    tied,
    words,
)
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import Listing, World
from mockserver.operation import Operation, Order

_FEW = 3


def _is_ordered(subject: Subject, operation: Operation) -> bool:
    return is_list(subject, operation) and operation.ordering is not None


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    count = len(operation.ordering.keys) if operation.ordering else 0
    return 2 * count + (14 if depth.is_full else 5)


@probe("D13", "D14", "D15", "D27", safety="R", applies=_is_ordered, cost=_cost)
def orders(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for each key upwards and downwards, for several, page by page, and for none there is."""
    scene = scenes(lab, world, operation, may_be_empty=True)[0]
    order = operation.ordering
    assert order is not None
    with lab.case():
        _unknown(scene, order)
    if not scene.rows:
        raise Blocked("the list is empty")
    walked = 0
    # What rows show comes first: only that can be looked at from page to page.
    for up, down in sorted(words(scene, order), key=lambda each: not keys_of(scene, each[:1])):
        with lab.case():
            asked = [word for word in (up, down) if word]
            # Downwards tells more: most lists are sorted upwards by themselves.
            asked = asked if lab.depth.is_full else asked[-1:]
            answers = [_ordered(scene, [word]) for word in asked]
            if len(answers) > 1:
                _turned(scene, asked, answers)
            if _may_walk(scene) and (walked < _walks(lab) or _are_tied(scene, up or down)):
                walked += 1
                _paged(scene, down or up, answers[-1])
    with lab.case():
        _several(scene, order)


@probe("D16", safety="R", applies=is_list, cost=lambda subject, operation, depth: 3)
def default_order(lab: Lab, world: World, operation: Operation) -> None:
    """Look at the order of a list that nobody ordered."""
    for scene in scenes(lab, world, operation)[: 2 if lab.depth.is_full else 1]:
        keys = default_keys(scene)
        if not keys:
            reason = "no order is promised" if not operation.order else "rows do not show it"
            lab.unspecified("D16", operation, reason)
            return
        if len(scene.rows) < 2:
            lab.blocked("D16", operation, "fewer than two rows")
            continue
        claim = {"relation": "sorted", "left": scene.whole.at("rows"), "by": keys}
        says = "without an order, the default holds"
        lab.expect("D16", claim, operation=operation, says=says, key="x-action")


@probe("D16", safety="R", applies=is_list, cost=lambda subject, operation, depth: 0)
def inner_order(lab: Lab, world: World, operation: Operation) -> None:
    """Look at the order of the lists inside rows, where their relation has one."""
    scene = scenes(lab, world, operation)[0]
    page = scene.whole.pages[0]
    before = f"/{page.items}" if page.items else ""
    ordered = [(s, keys) for s in scene.view.values() if (keys := inner_keys(scene, s))]
    for shown, keys in ordered:
        held = [(_length(row, shown.name), place) for place, row in enumerate(page.rows)]
        for size, place in sorted(held, reverse=True)[:_FEW]:
            if size > 1:
                left = page.body(f"{before}/{place}/{shown.name}")
                claim = {"relation": "sorted", "left": left, "by": keys}
                lab.expect("D16", claim, operation=operation, about=shown.name,
                           says="records inside a row are in their own order",
                           key="x-resource")  # fmt: skip


def _length(row: Any, name: str) -> int:
    found = row.get(name) if isinstance(row, Mapping) else None
    return len(found) if isinstance(found, list) else 0


def _expect(scene: Scene, prop: str, claim: Any, says: str, key: str = "x-order") -> None:
    order = scene.operation.ordering
    assert order is not None
    scene.lab.expect(
        prop, claim, operation=scene.operation, about=order.parameter, says=says, key=key
    )


def _asked(scene: Scene, chosen: Sequence[str]) -> list[tuple[str, str]]:
    order = scene.operation.ordering
    assert order is not None
    separator = scene.lab.subject.conventions["ordering"]["separator"]
    return [(order.parameter, separator.join(chosen))]


def _ordered(scene: Scene, chosen: Sequence[str]) -> Listing:
    query = _asked(scene, chosen)
    try:
        found = scene.read(query)
    except Blocked:
        reply = scene.ask(query)
        status = scene.operation.success.status
        accepted = {"relation": "equal", "left": reply.status, "right": const(status)}
        _expect(scene, "D13", accepted, "a listed key is accepted")
        raise
    keys = keys_of(scene, chosen)
    if keys:
        claim: dict[str, Any] = {"relation": "sorted", "left": found.at("rows"), "by": keys}
        _expect(scene, "D13", claim, f"rows are in the order {','.join(chosen)}")
    else:
        scene.lab.unspecified("D13", scene.operation, "rows do not show some of the keys")
    if scene.whole.is_whole and found.is_whole:
        claim = {"relation": "same_set", "left": scene.ids(found), "right": scene.ids(scene.whole)}
        _expect(scene, "D14", claim, "an order neither adds nor drops rows")
    return found


def _turned(scene: Scene, asked: Sequence[str], answers: Sequence[Listing]) -> None:
    """Claim that up and down differ, of a key that rows do not show, or not clearly."""
    is_whole = all(each.is_whole for each in (scene.whole, *answers))
    if not is_whole or not _varies(scene, asked[0]):
        return
    up, down = (scene.ids(each) for each in answers)
    claim = {"relation": "unequal", "left": up, "right": down}
    _expect(scene, "D13", claim, f"{asked[0]} and {asked[1]} are two orders")


def _varies(scene: Scene, word: str) -> bool:
    """Tell whether rows differ in a key: by what they show, or by a filter that parts them."""
    keys = keys_of(scene, [word])
    if keys:
        held = {folded_value(row, keys[0]) for row in scene.rows} - {ABSENT}
        return len(held) > 1 and not all(is_clear(row, keys[0]) for row in scene.rows)
    order = scene.operation.ordering
    path = (order.keys.get(word) or (word,))[0] if order else word
    for parameter in scene.filters:
        if compares(scene, parameter, path):
            for text in guesses(scene, parameter):
                with suppress(Blocked):
                    found = scene.read(question(parameter, [text]))
                    if found.is_whole and 0 < len(found.rows) < len(scene.rows):
                        return True
    return False


def _walks(lab: Lab) -> int:
    return lab.depth.values if lab.depth.is_full else 1


def _may_walk(scene: Scene) -> bool:
    return scene.operation.is_paged and len(scene.rows) > 2


def _are_tied(scene: Scene, word: str) -> bool:
    """Tell whether some rows are equal under a key, and yet have their declared places."""
    is_promised = scene.lab.subject.conventions["ordering"]["ties"] == "key"
    return is_promised and scene.lab.depth.is_full and bool(tied(scene, keys_of(scene, [word])))


def _paged(scene: Scene, word: str, whole: Listing) -> None:
    """Read an ordered list in three pages: they are it, as long as its order is determined."""
    if scene.lab.subject.conventions["paging"]["size"] is None:
        return
    names = scene.lab.subject.conventions["paging"]
    size = max(1, min(len(whole.pages[0].rows), names["max"]) // 3)
    query = [*_asked(scene, [word]), (names["size"], size)]
    count = -(-len(whole.pages[0].rows) // size)
    pages = [scene.ask([*query, (names["number"], n)] if n > 1 else query)
             for n in range(1, count + 1)]  # fmt: skip
    if not all(page.is_good for page in pages):
        return
    keys = keys_of(scene, [word])
    if keys:
        rows = join(*(page.at("rows") for page in pages))
        claim: dict[str, Any] = {"relation": "sorted", "left": rows, "by": keys}
        _expect(scene, "D13", claim, f"rows are in the order {word} from page to page")
    is_even = count * size == len(whole.pages[0].rows) or len(whole.pages) == 1
    if is_determined(scene, keys) and is_even:
        ids = join(*(scene.ids(page) for page in pages))
        claim = {"relation": "equal", "left": ids, "right": scene.ids(whole.pages[0])}
        _expect(scene, "D15", claim, "pages of one order follow each other", "x-mock.ordering")


def _several(scene: Scene, order: Order) -> None:
    """Ask for two keys at once: the second decides where the first leaves rows equal."""
    if order.is_single:
        return
    shown = [(up, down) for up, down in words(scene, order) if up and keys_of(scene, [up])]
    for (first, _), (up, down) in product(shown, shown):
        if up == first or not down or not _decides(scene, first, down):
            continue
        # One of the two may be how equal rows come anyway.
        for second in (down, up):
            _ordered(scene, [first, second])
        return


def _decides(scene: Scene, first: str, second: str) -> bool:
    """Tell whether a second key parts rows that the first one leaves equal."""
    keys = keys_of(scene, [first])
    equal = set(tied(scene, keys))
    rows = [row for row in scene.rows if place_of(row, keys) in equal]
    then = keys_of(scene, [second])
    found = {(place_of(row, keys), place_of(row, then)) for row in rows if is_clear(row, then[0])}
    return len(found) > len({place for place, _ in found})


def _unknown(scene: Scene, order: Order) -> None:
    rules = scene.lab.subject.conventions["ordering"]
    known = next((up for up, _ in words(scene, order)), "")
    mark = rules["descending"]
    asked = [["no_such_key"], [f"{mark}{mark}{known}"]]
    if not order.is_single and scene.lab.depth.is_full:
        asked.append([known, "no_such_key"])
    for chosen in asked if scene.lab.depth.is_full else asked[:1]:
        reply = scene.ask(_asked(scene, chosen))
        if rules["unknown"] == "reject":
            status = 400 if 400 in scene.operation.answers else 422
        else:
            status = scene.operation.success.status
        claim = {"relation": "equal", "left": reply.status, "right": const(status)}
        _expect(scene, "D27", claim, "an unknown key does what is declared", "x-mock.ordering")
