"""Pages: laid end to end they are the list, and their links lead where they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.paging import Pager, link
from contract_tests.probes.registry import probe
from contract_tests.relations import Expr, const, join, length
from contract_tests.scene import Scene, is_list, scenes
from contract_tests.sorting import default_keys, is_determined, tied
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation


def _is_paged(subject: Subject, operation: Operation) -> bool:
    return is_list(subject, operation) and operation.is_paged


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    return 26 if depth.is_full else 14


@probe("D17", "D18", "D19", "D20", "D21", safety="R", applies=_is_paged, cost=_cost)
def pages(lab: Lab, world: World, operation: Operation) -> None:
    """Cut a list in pages of several sizes, walk its links, and go out of bounds."""
    scene = scenes(lab, world, operation, may_be_empty=True)[0]
    pager = Pager(scene)
    with lab.case():
        plain = _limits(pager)
    with lab.case():
        _bounds(pager, plain)
    if not scene.rows:
        raise Blocked("the list is empty")
    with lab.case():
        _sizes(pager)
    if len(scene.rows) > 1:
        with lab.case():
            _walk(pager)
    else:
        lab.blocked("D17", operation, "fewer than two rows")
        lab.blocked("D20", operation, "fewer than two rows")


def _limits(pager: Pager) -> Reply:
    """Observe the default and the largest size; return the list as it comes unasked."""
    scene, rules = pager.scene, pager.rules
    plain = scene.ask()
    pager.counts(plain, rules["default"], "without a size a page has the default size")
    first = scene.whole.pages[0]
    asked = int(dict(first.step.query)[rules["size"]])
    pager.counts(first, asked, "a page has the size that was asked for")
    total, rows = scene.total(first), scene.ids(scene.whole)
    if total is not None and scene.whole.is_whole:
        pager.expect("D18", {"relation": "equal", "left": total, "right": length(rows)},
                     "the total is the number of rows")  # fmt: skip
    pager.same_total(plain, first)
    over = scene.ask([(rules["size"], rules["max"] + 1000)])
    if rules["oversize"] == "clamp":
        pager.status(over, scene.operation.success.status, rules["size"], "D19")
        pager.counts(over, rules["max"], "too large a size is taken for the largest")
    else:
        pager.refused(over, rules["size"])
    if pager.is_fixed and scene.lab.depth.is_full:
        one = scene.ask([(rules["number"], 1)])
        claim = {"relation": "equal", "left": scene.ids(one), "right": scene.ids(plain)}
        pager.expect("D21", claim, "page one is what comes without a page")
    return plain


def _sizes(pager: Pager) -> None:
    """Ask for first pages of many sizes."""
    scene, rows = pager.scene, len(pager.scene.rows)
    for size in pager.sizes(rows):
        reply = scene.ask([(pager.rules["size"], size)])
        pager.counts(reply, size, "a page has the size that was asked for")
        pager.same_total(reply, scene.whole.pages[0])
        claim = {"relation": "absent", "left": link(scene, reply, "next")}
        if size >= rows and pager.is_all and claim["left"] is not None:
            pager.expect("D20", claim, "the last page has no next")


def _bounds(pager: Pager, plain: Reply) -> None:
    """Ask for sizes and pages that there cannot be."""
    scene, rules = pager.scene, pager.rules
    for text in ("0", "many", "-1") if scene.lab.depth.is_full else ("0",):
        reply = scene.ask([(rules["size"], text)])
        if rules["bad_size"] == "reject":
            pager.refused(reply, rules["size"])
            continue
        pager.status(reply, scene.operation.success.status, rules["size"], "D19")
        claim = {"relation": "equal", "left": reply.at("count"), "right": plain.at("count")}
        pager.expect("D19", claim, "a size that cannot be read is no size", rules["size"])
    beyond = scene.ask([(rules["number"], 10**6)])
    if rules["out_of_range"] == "not_found":
        pager.status(beyond, 404, rules["number"], "D19")
    else:
        pager.status(beyond, scene.operation.success.status, rules["number"], "D19")
        claim = {"relation": "empty", "left": beyond.at("rows")}
        pager.expect("D19", claim, "a page past the end is empty")
    known = [s for s in (400, 404, 422) if s in scene.operation.answers]
    for text in ("0", "-1", "many") if scene.lab.depth.is_full else ("0",):
        reply = scene.ask([(rules["number"], text)])
        claim = {"relation": "among", "left": reply.status, "right": const(known)}
        pager.expect("D19", claim, "what is no page is refused")


def _walk(pager: Pager) -> None:
    """Read a list in several pages, by number and by link."""
    scene, rules = pager.scene, pager.rules
    base = scene.whole.pages[0]
    found: list[Reply] = []
    asked: list[tuple[str, Any]] = []
    for size in pager.steps(len(base.rows)):
        count = -(-len(base.rows) // size)
        asked = [(rules["size"], size)]
        found = [
            scene.ask([*asked, (rules["number"], n)] if n > 1 else asked)
            for n in range(1, count + 1)
        ]
        if not all(reply.is_good for reply in found):
            reply = next(reply for reply in found if not reply.is_good)
            pager.status(reply, scene.operation.success.status, rules["number"], "D17")
            continue
        _partition(pager, found, base)
        _links(pager, found)
    if not pager.is_all and scene.whole.is_whole:
        found = list(scene.whole.pages)
        asked = [(rules["size"], dict(found[0].step.query)[rules["size"]])]
        _links(pager, found)
    if rules["last"] and scene.whole.is_whole and found and found[-1].is_good:
        _last_word(pager, found[-1], asked)


def _partition(pager: Pager, found: Sequence[Reply], base: Reply) -> None:
    scene, rows = pager.scene, pager.scene.rows
    ids = join(*(scene.ids(reply) for reply in found))
    size = int(dict(found[0].step.query)[pager.rules["size"]])
    for reply in found[:-1]:
        claim = {"relation": "equal", "left": reply.at("count"), "right": const(size)}
        pager.expect("D17", claim, "every page but the last is full", pager.rules["size"])
    for reply in found[1:]:
        pager.same_total(reply, found[0])
    if not pager.is_all and len(base.rows) % size:
        return
    claim = {"relation": "equal", "left": length(ids), "right": length(scene.ids(base))}
    pager.expect("D17", claim, "pages together have as many rows as the list")
    if pager.is_fixed:
        claim = {"relation": "equal", "left": ids, "right": scene.ids(base)}
        pager.expect("D17", claim, "pages laid end to end are the list")
    elif (test := _settled(pager)) is not None:
        # Rows whose place is their own cannot be on two pages, nor on none.
        left = join(*(scene.ids(reply, where=test) for reply in found))
        claim = {"relation": "equal", "left": left, "right": scene.ids(base, where=test)}
        pager.expect("D17", claim, "pages laid end to end are the list")
    else:
        said = "the order does not tell rows apart" if len(rows) > 1 else "fewer than two rows"
        scene.lab.unspecified("D17", scene.operation, said)


def _settled(pager: Pager) -> dict[str, Any] | None:
    """Return the test of rows that share their place in the default order with no other."""
    scene = pager.scene
    keys = default_keys(scene)
    if len(keys) != 1 or "table" in keys[0] or not scene.whole.is_whole:
        return None
    at, kind = keys[0]["at"], keys[0]["kind"]
    shared = tied(scene, keys)
    values = [
        row[at[1:]] for row in scene.rows
        if row.get(at[1:]) is not None and pager.place(row, keys) in shared
    ]  # fmt: skip
    lookup = "iexact" if kind == "text" else "exact"
    return {"not": {"any": [
        {"at": at, "lookup": lookup, "value": list(dict.fromkeys(values)), "kind": kind},
        {"at": at, "lookup": "isnull", "value": True},
    ]}}  # fmt: skip


def _links(pager: Pager, found: Sequence[Reply]) -> None:
    """Follow the links of the first, a middle and the last page."""
    last = len(found) - 1
    is_end = pager.is_all or (found[0] is pager.scene.whole.pages[0])
    _leads(pager, found[0], "next", found[1] if last else None)
    _leads(pager, found[0], "prev", None)
    if is_end:
        _leads(pager, found[last], "next", None)
        _leads(pager, found[0], "last", found[last])
    if last:
        _leads(pager, found[last], "prev", found[last - 1])
    if last and pager.scene.lab.depth.is_full:
        _leads(pager, found[last], "first", found[0])
    if last > 1 and pager.scene.lab.depth.is_full:
        _leads(pager, found[1], "next", found[2])


def _leads(pager: Pager, reply: Reply, rel: str, target: Reply | None) -> None:
    scene = pager.scene
    place = link(scene, reply, rel)
    if place is None:
        return
    if target is None:
        says = f"the {'first' if rel == 'prev' else 'last'} page has no {rel}"
        pager.expect("D20", {"relation": "absent", "left": place}, says)
        return
    is_there = pager.expect("D20", {"relation": "present", "left": place}, f"there is a {rel}")
    if not is_there or not scene.lab.wants("D20"):
        return
    url = pager.value(place)
    if not isinstance(url, str):
        return
    followed = scene.lab.follow(scene.operation, url, via=place)
    says = f"{rel} leads to that page of the same question"
    pager.status(followed, scene.operation.success.status, pager.rules["number"], "D20")
    left: Expr = scene.ids(followed) if pager.is_fixed else followed.at("count")
    right: Expr = scene.ids(target) if pager.is_fixed else target.at("count")
    pager.expect("D20", {"relation": "equal", "left": left, "right": right}, says)
    for other in ("next", "prev"):
        here, there = link(scene, followed, other), link(scene, target, other)
        if here is not None and there is not None:
            says = f"{rel} leads to a page with the same {other}"
            relation = "absent" if pager.value(there) is None else "present"
            pager.expect("D20", {"relation": relation, "left": here}, says)


def _last_word(pager: Pager, last: Reply, asked: list[tuple[str, Any]]) -> None:
    scene, rules = pager.scene, pager.rules
    reply = scene.ask([*asked, (rules["number"], rules["last"])])
    pager.status(reply, scene.operation.success.status, rules["number"], "D19")
    left = scene.ids(reply) if pager.is_fixed else reply.at("count")
    right = scene.ids(last) if pager.is_fixed else last.at("count")
    says = "the word for the last page leads there"
    pager.expect("D19", {"relation": "equal", "left": left, "right": right}, says)


@probe("D26", "D28", safety="R", cost=lambda subject, operation, depth: 3,
       applies=lambda subject, operation: operation.method == "GET"
       and operation.resource in subject.spec.resources)  # fmt: skip
def repeats(lab: Lab, world: World, operation: Operation) -> None:
    """Ask the same twice, and once for the head alone."""
    params = next(iter(world.parents(operation)), None)
    if params is None:
        raise Blocked("no record is known that could be asked for")
    first, second = (lab.call(operation, params) for _ in range(2))
    if not first.is_good:
        raise Blocked(f"{operation.id} answers {first.code}")
    if operation.verb != "list":
        claim = {"relation": "equal", "left": second.body(), "right": first.body()}
    else:
        scene = Scene(lab, world, operation, params, world.listing(operation, params))
        is_fixed = is_determined(scene, default_keys(scene))
        same = "equal" if is_fixed else "subset"
        right = first.at("rows") if is_fixed else scene.whole.at("rows")
        claim = {"relation": same, "left": second.at("rows"), "right": right}
        if not is_fixed and not scene.whole.is_whole:
            claim = {"relation": "equal", "left": second.at("count"), "right": first.at("count")}
    lab.expect("D26", claim, operation=operation, says="the same question has the same answer")
    _head(lab, operation, params, first)


def _head(lab: Lab, operation: Operation, params: Any, read: Reply) -> None:
    head = lab.call(operation, params, method="HEAD")
    says = "HEAD says what GET says"
    names = lab.subject.conventions["paging"].get("headers") or {}
    pairs = [
        (head.status, read.status),
        (head.at("raw"), const("")),
        *(
            (head.header(name), read.header(name))
            for name in ("content-type", *names.values())
            if name.lower() in read.received.headers
        ),
    ]
    for left, right in pairs:
        claim = {"relation": "equal", "left": left, "right": right}
        lab.expect("D28", claim, operation=operation, says=says)
