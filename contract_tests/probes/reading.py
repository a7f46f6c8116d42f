"""Read records: unknown ones are not found, reading changes nothing, lists and pages agree."""

from __future__ import annotations

import uuid
from typing import Any, Final

from contract_tests import inputs, making, portrait, relations, shelves
from contract_tests.claims import same, status_is
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.probes.registry import probe
from contract_tests.relations import Claim
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import Listing, World
from mockserver.operation import Effect, Operation, format_of, types_of

_GONE: Final = frozenset({404, 410})
_FEW: Final = 3


def unknown_key(lab: Lab, operation: Operation) -> str:
    """Return a key of the kind an operation's path wants, that nobody has."""
    schema = next(p.schema for p in operation.parameters if p.name == operation.path_key)
    if "integer" in types_of(schema):
        key = str(900_000_000 + lab.random.randrange(99_000_000))
    elif format_of(schema) == "uuid" or "pattern" in schema:
        key = str(uuid.UUID(int=lab.random.getrandbits(128), version=4))
    else:
        key = lab.unique()
    lab.client.invented.add(key)
    return key


def not_found(operation: Operation) -> list[int]:
    """Return the documented statuses of what is not there."""
    return sorted(_GONE & set(operation.answers))


def _is_item(operation: Operation) -> bool:
    return bool(operation.path_key) and operation.path.count("{") == 1


@probe(
    "B18",
    safety="R",
    applies=lambda subject, op: op.method == "GET" and op.verb != "list" and _is_item(op),
    cost=lambda subject, op, depth: 1,
)
def unknown_record(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for a record that nobody has."""
    _ask_unknown(lab, "B18", operation, ABSENT)


@probe(
    "B22",
    safety="R",
    applies=lambda subject, op: op.verb == "list" and _is_item(op),
    cost=lambda subject, op, depth: 1,
)
def unknown_parent(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for the list of a parent that nobody has."""
    _ask_unknown(lab, "B22", operation, ABSENT)


@probe(
    "B18",
    safety="W",
    applies=lambda subject, op: (
        op.writes
        and _is_item(op)
        and subject.is_annotated
        and not (op.effect and op.effect.lasting)
    ),
    cost=lambda subject, op, depth: 1,
)
def unknown_target(lab: Lab, world: World, operation: Operation) -> None:
    """Write to a record that nobody has, with a body that would do for another."""
    schema = lab.subject.body_schema(operation)
    body: Any = ABSENT
    if schema is not None:
        body = inputs.valid(lab, world, operation)
        if missing := inputs.required(lab, schema) - set(body):
            raise Blocked(f"nothing is known to send as {', '.join(sorted(missing))}")
    _ask_unknown(lab, "B18", operation, body)


def _ask_unknown(lab: Lab, prop: str, operation: Operation, body: Any) -> None:
    statuses = not_found(operation)
    if not statuses:
        lab.unspecified(prop, operation, "no status is documented for what is not there")
        return
    with lab.case():
        reply = lab.call(operation, {operation.path_key: unknown_key(lab, operation)}, body=body)
        lab.expect(
            prop,
            status_is(reply, statuses),
            operation=operation,
            about=operation.path_key if prop == "B22" else "",
            says="a key that nobody has is not found",
            key="x-filter" if prop == "B22" else "x-action",
        )


@probe(
    "B23",
    safety="R",
    applies=lambda subject, op: op.method == "GET" and op.verb in ("retrieve", "report"),
    cost=lambda subject, op, depth: 5,
)
def reading_is_safe(lab: Lab, world: World, operation: Operation) -> None:
    """Read the same several times."""
    params = next(iter(world.parents(operation)), None)
    if params is None:
        raise Blocked("no record is known that could be read")
    with lab.case():
        first = lab.call(operation, params)
        if not first.is_good:
            raise Blocked(f"{operation.id} answers {first.code}")
        world.learn(operation, first)
        last = first
        for _ in range(4 if lab.depth.is_full else 2):
            last = lab.call(operation, params)
        lab.expect(
            "B23",
            {"relation": "equal", "left": last.body(), "right": first.body()},
            operation=operation,
            says="reading again shows the same",
            key="x-action",
        )


def _is_ours(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation shows one record of a kind that we can make."""
    creates = {o.resource for o in subject.spec.operations if o.verb == "create"}
    is_page = operation.method == "GET" and operation.verb == "retrieve" and _is_item(operation)
    return subject.is_annotated and is_page and operation.resource in creates


@probe(
    "B23",
    safety="W",
    applies=_is_ours,
    cost=lambda subject, op, depth: 6,
)
def reading_leaves_ours(lab: Lab, world: World, operation: Operation) -> None:
    """Read a record several times that nobody else knows of."""
    with lab.case(), making.own(lab, world, operation.resource) as record:
        first = portrait.look(lab, record, operation)
        last = first
        for _ in range(3):
            last = portrait.look(lab, record, operation)
        for name, pointer in portrait.staying(lab.subject, operation, Effect()):
            # Whatever changes it, reading it once more must not be taken for proof of others.
            claim = {**same(last, first, pointer), "unsettled": True}
            lab.expect(
                "B23", claim, operation=operation, about=name, key="x-action",
                says="reading changes nothing",
            )  # fmt: skip


@probe(
    "D24",
    safety="R",
    applies=lambda subject, op: (
        subject.is_annotated
        and op.verb == "retrieve"
        and _is_item(op)
        and subject.shown_key(op) in subject.view(op)
    ),
    cost=lambda subject, op, depth: 2,
)
def page_is_asked_for(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for some records by their keys."""
    known = world.parents(operation)
    if not known:
        raise Blocked("no record is known that could be read")
    name = lab.subject.shown_key(operation)
    for params in known[:2]:
        with lab.case():
            reply = lab.call(operation, params)
            if not reply.is_good:
                raise Blocked(f"{operation.id} answers {reply.code}")
            test = shelves.key_test(lab, operation, params[operation.path_key])
            lab.expect(
                "D24",
                {"relation": "each", "left": relations.list_of(reply.body()), "test": test},
                operation=operation, about=name, key="x-action",
                says="the record that is asked for is shown",
            )  # fmt: skip


def _has_pages(subject: Subject, operation: Operation) -> bool:
    return operation.verb == "list" and any(
        other.verb == "retrieve" and other.resource == operation.resource
        for other in subject.spec.operations
    )


def _rows(depth: Depth) -> int:
    return 12 if depth.is_full else 4


@probe(
    "D24",
    safety="R",
    applies=lambda subject, op: subject.is_annotated and _has_pages(subject, op),
    cost=lambda subject, op, depth: _rows(depth) + 2,
)
def list_is_detail(lab: Lab, world: World, operation: Operation) -> None:
    """Hold rows of a list against the pages of their records."""
    shower = portrait.reader(lab, operation.resource)
    params = next(iter(world.parents(operation)), None)
    if shower is None or params is None:
        raise Blocked("no list and page of the same record are known")
    names = shelves.shared(lab, operation, shower)
    listing = world.listing(operation, params)
    keys = [key for key in listing.ids if isinstance(key, (str, int))]
    if not keys or not names:
        raise Blocked("no row is there that has a page")
    step = max(1, len(keys) // _rows(lab.depth))
    shown_key = lab.subject.shown_key(operation)
    rich = _richest(listing, names, shown_key) if lab.depth.is_full else []
    for key in dict.fromkeys([*keys[::step][: _rows(lab.depth)], keys[-1], *rich]):
        with lab.case():
            page = next(page for page in listing.pages if key in page.ids)
            detail = lab.call(shower, {shower.path_key: key})
            _agree(lab, operation, (page, detail), names, key)


def _richest(listing: Listing, names: list[str], key: str) -> list[Any]:
    """
    Return the keys of the rows that show the longest lists of each property.

    A list of one counts as well: it may be all that a row shows of several.
    """
    found = []
    for name in names:
        longest = sorted(listing.rows, key=lambda row: -_size(row.get(name)))[:_FEW]
        found += [row[key] for row in longest if _size(row.get(name))]
    return found


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _agree(
    lab: Lab, lister: Operation, pair: tuple[Reply, Reply], names: list[str], key: Any
) -> None:
    page, detail = pair
    if lister.visible == lab.operation(detail.step.operation).visible:
        lab.expect(
            "D24",
            status_is(detail, [200]),
            operation=lister,
            says="a listed record can be read",
            key="x-action",
        )
    if not detail.is_good:
        return
    test = shelves.key_test(lab, lister, key)
    claims = [(name, row_is_page(page, test, detail, [name])) for name in names]
    wrong = [(n, claim) for n, claim in claims if relations.check(claim, lab.replies) is not None]
    if not 0 < len(wrong) <= _FEW:
        wrong = [("", row_is_page(page, test, detail, names))]
    for name, claim in wrong:
        lab.expect(
            "D24", claim, operation=lister, about=name, key="x-from",
            says="a row shows what the record's own page shows",
        )  # fmt: skip


def row_is_page(page: Reply, test: Any, detail: Reply, names: list[str]) -> Claim:
    """Claim that the row which passes a test shows what the record's own page shows."""
    return {
        "relation": "equal",
        "left": page.at("rows", where=test, only=names),
        "right": relations.list_of(detail.body("", only=names)),
    }
