"""Create records: they are as sent, as their defaults say, and there once."""

from __future__ import annotations

from typing import Any

from contract_tests import claims, making, portrait, relations, shelves
from contract_tests.claims import status_is
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.probes.reading import row_is_page
from contract_tests.probes.registry import probe
from contract_tests.references import references
from contract_tests.steps import Reply
from contract_tests.subject import Shown, Subject
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Effect, Operation, format_of


def is_create(subject: Subject, operation: Operation) -> bool:
    """Tell whether an operation makes records that we know how to follow."""
    is_known = subject.is_annotated and operation.verb == "create" and operation.effect is not None
    return is_known and not (operation.effect and operation.effect.lasting)


def is_ours(lab: Lab, operation: Operation) -> None:
    """Raise Blocked for a create that records of our own are not made with."""
    if making.creator(lab, operation.resource) is not operation:
        raise Blocked("another operation creates the same records")


@probe(
    "B1", "B2", "B3", "B5", "B6", "B13", "B15",
    safety="W",
    applies=is_create,
    cost=lambda subject, op, depth: 14,
)  # fmt: skip
def creates(lab: Lab, world: World, operation: Operation) -> None:
    """Create a record with everything, beside another one."""
    is_ours(lab, operation)
    try:
        with lab.case(), making.own(lab, world, operation.resource) as record:
            claims.takes(lab, "B1", operation, record.made)
            claims.echoes(lab, "B2", operation, (operation, record.made), record.body)
            shower = portrait.reader(lab, operation.resource)
            page = portrait.look(lab, record, shower) if shower else None
            if page is not None and shower is not None:
                _reads_back(lab, operation, record, page)
            _is_listed(lab, world, operation, record, page)
            _is_of_now(lab, world, operation, record)
            _is_led_to(lab, operation, record)
            _leaves_others(lab, world, operation, record, page)
    except making.Refused as refused:
        _judge_refusal(lab, operation, refused)


def _judge_refusal(lab: Lab, operation: Operation, refused: making.Refused) -> None:
    """Blame the server only when the body referred to nothing that could be unfit."""
    if references(lab.subject, operation):
        raise refused
    claims.takes(lab, "B1", operation, refused.reply)


def _reads_back(lab: Lab, operation: Operation, record: Own, page: Reply) -> None:
    shower = lab.operation(page.step.operation)
    lab.expect(
        "B3",
        status_is(page, claims.accepted(shower)),
        operation=operation,
        says="what was created can be read",
        key="x-effect",
    )
    if not page.is_good:
        return
    claims.echoes(lab, "B3", operation, (shower, page), record.body, "what was created is kept")
    for name in shelves.shared(lab, operation, shower):
        if name in shelves.seen(record.made.data):
            lab.expect(
                "B3", claims.same(page, record.made, f"/{name}"), operation=operation, about=name,
                says="what was answered to the create is what can be read", key="x-from",
            )  # fmt: skip


def _is_listed(
    lab: Lab, world: World, operation: Operation, record: Own, page: Reply | None
) -> None:
    shown = shelves.seen((page or record.made).data)
    for place in shelves.shelves(lab, world, record):
        lister = place[0]
        listing = shelves.shelf(lab, world, record, place, shown)
        test = shelves.test_for(lab, lister, record)
        if not listing.is_whole:
            lab.blocked("B5", operation, f"{lister.id} is too long to be read whole")
            continue
        for prop, says in (
            ("B5", "a create adds exactly one record"),
            ("B6", "a new record is in its list"),
        ):
            lab.expect(
                prop,
                claims.count_is(listing.at("ids", where=test), 1),
                operation=operation if prop == "B5" else lister,
                says=says,
                key="x-effect" if prop == "B5" else "x-action",
            )  # fmt: skip
        holder = next((each for each in listing.pages if record.key in map(str, each.ids)), None)
        if page is not None and page.is_good and holder is not None:
            names = shelves.shared(lab, lister, lab.operation(page.step.operation))
            lab.expect(
                "B6", row_is_page(holder, test, page, names), operation=lister, key="x-from",
                says="a new record is in its list as its own page shows it",
            )  # fmt: skip


def _is_led_to(lab: Lab, operation: Operation, record: Own) -> None:
    """Claim that the header which says where a new record is leads there."""
    location = record.made.received.headers.get("location", "")
    is_said = "location" in {name.lower() for name in operation.success.headers}
    shower = portrait.reader(lab, operation.resource)
    if not (location and is_said and shower) or record.made.record_key() is ABSENT:
        return
    with lab.unjudged():
        page = lab.follow(shower, location, via=record.made.header("Location"))
    pointer = f"/{record.made.key}"
    lab.expect(
        "B3", claims.equals(page.body(pointer), record.made.body(pointer)), operation=operation,
        about="Location", says="Location leads to the new record", key="x-resource",
    )  # fmt: skip


def _is_of_now(lab: Lab, world: World, operation: Operation, record: Own) -> None:
    """Claim that instants which the server chose are not before those of older records."""
    for lister, params in shelves.shelves(lab, world, record):
        rows = world.listing(lister, params)
        for name in shelves.shared(lab, lister, operation):
            shown = lab.subject.view(lister)[name]
            if not is_instant(lab.subject, operation, shown):
                continue
            others = [(row.get(name), key) for row, key in zip(rows.rows, rows.ids, strict=True)
                      if isinstance(row.get(name), str) and str(key) != record.key]  # fmt: skip
            if others:
                test = shelves.key_test(lab, lister, max(others)[1])
                both = relations.join(
                    rows.at("rows", where=test), relations.list_of(record.made.body())
                )
                claim = {"relation": "sorted", "left": both,
                         "by": [{"at": f"/{name}", "kind": "instant"}]}  # fmt: skip
                lab.expect(
                    "B15", claim, operation=operation, about=name, key="x-from",
                    says="what the server chooses is the present",
                )  # fmt: skip


def is_instant(subject: Subject, operation: Operation, shown: Shown) -> bool:
    """Tell whether a property is an instant that the server chooses when it makes a record."""
    resource = subject.resource(operation)
    field = resource.fields.get(shown.path) if resource else None
    is_chosen = field is not None and field.server == "" and shown.source in ("field", "server")
    return is_chosen and format_of(shown.schema) == "date-time"


def _leaves_others(
    lab: Lab, world: World, operation: Operation, record: Own, page: Reply | None
) -> None:
    """Create one more, which must be another and leave the first alone."""
    if page is None or not page.is_good:
        return
    shower = lab.operation(page.step.operation)
    try:
        with making.own(lab, world, operation.resource, variant=1) as second:
            lab.expect(
                "B5",
                {
                    "relation": "unequal",
                    "left": second.made.body(f"/{second.made.key}"),
                    "right": record.made.body(f"/{record.made.key}"),
                },
                operation=operation,
                says="every create makes another record",
                key="x-effect",
            )
            after = portrait.look(lab, record, shower)
            effect = operation.effect or Effect()
            claims.stays(lab, "B13", operation, (page, after), effect, is_other=True)
    except Blocked as reason:
        lab.blocked("B13", operation, str(reason))


@probe(
    "B4",
    safety="W",
    applies=lambda subject, op: is_create(subject, op) and bool(defaults(subject, op)),
    cost=lambda subject, op, depth: 3,
)
def create_defaults(lab: Lab, world: World, operation: Operation) -> None:
    """Create a record with nothing but what is required."""
    is_ours(lab, operation)
    shower = portrait.reader(lab, operation.resource) or operation
    left_out = defaults(lab.subject, operation)
    absent = dict.fromkeys(left_out, ABSENT)
    with lab.case(), making.own(lab, world, operation.resource, changes=absent) as record:
        shown = [(operation, record.made)]
        if shower is not operation:
            shown.append((shower, portrait.look(lab, record, shower)))
        for answer in shown:
            claims.echoes(
                lab, "B4", operation, answer, left_out, "what is left out gets its default"
            )


def defaults(subject: Subject, operation: Operation) -> dict[str, Any]:
    """Return the default of each body property that has one, in the body or in the record."""
    schema, resource = subject.body_schema(operation), subject.resource(operation)
    must = set((schema or {}).get("required") or ())
    found = {}
    for name, declared in subject.properties(schema or {}).items():
        written = subject.body_view(operation).get(name)
        field = resource.fields.get(written.path) if resource and written else None
        for said in (declared, field.schema if field else {}):
            if "default" in said and name not in must:
                found[name] = said["default"]
                break
    return found
