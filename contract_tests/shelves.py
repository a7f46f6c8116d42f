"""The lists that a record of our own must be in, and how to find it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contract_tests.lab import Lab
from contract_tests.making import Own
from contract_tests.meaning import Test, kind_of, point
from contract_tests.portrait import readbacks
from contract_tests.relations import const
from contract_tests.subject import Shown
from contract_tests.world import Listing, Params, World
from mockserver.operation import Filter, Operation, Resource

_LOOKUPS: Final = ("exact", "iexact", "contains", "icontains", "startswith")


def shelves(lab: Lab, world: World, record: Own) -> list[tuple[Operation, Params]]:
    """Return the lists of a record's kind that it belongs in: all of them, or its parent's."""
    found: list[tuple[Operation, Params]] = []
    resource = lab.subject.spec.resources[record.resource]
    for lister in lab.verbs(record.resource, "list"):
        if not _meets(lister, resource):
            continue
        if not lister.path_key:
            found.append((lister, {}))
        elif record.params and lister.path == lab.operation(record.made.step.operation).path:
            found.append((lister, dict(record.params)))
    return found


def _meets(lister: Operation, resource: Resource) -> bool:
    """Tell whether a new record has what a list demands of its rows."""
    for name, value in lister.conditions.items():
        field = resource.fields.get(name)
        if field is None or field.schema.get("default") != value:
            return False
    return True


def shelf(
    lab: Lab, world: World, record: Own, place: tuple[Operation, Params], shown: Mapping[str, Any]
) -> Listing:
    """Read a list anew: all of it or, where it is too long, what a filter keeps of it."""
    lister, params = place
    if world.making.get(("long", lister.id)):
        return world.listing(lister, params, query=narrowing(lab, lister, shown), is_fresh=True)
    found = world.listing(lister, params, is_fresh=True)
    if found.is_whole:
        return found
    world.making["long", lister.id] = True
    return world.listing(lister, params, query=narrowing(lab, lister, shown), is_fresh=True)


def narrowing(lab: Lab, lister: Operation, shown: Mapping[str, Any]) -> dict[str, str]:
    """Return a query that keeps a record and few others, told from what is shown of it."""
    resource = lab.subject.resource(lister)
    found: list[tuple[bool, dict[str, str]]] = []
    for parameter in lister.parameters:
        filter_ = parameter.filter
        if parameter.place != "query" or filter_ is None or not _is_plain(filter_):
            continue
        for each in lab.subject.view(lister).values():
            value = shown.get(each.name)
            if _is_of(each, filter_, resource) and isinstance(value, str) and value:
                found.append((lab.tag not in value, {parameter.name: value}))
    return min(found, key=lambda each: each[0])[1] if found else {}


def _is_plain(filter_: Filter) -> bool:
    is_open = filter_.by or filter_.any or filter_.only is not None
    return not is_open and len(filter_.fields) == 1 and filter_.lookup in _LOOKUPS


def _is_of(shown: Shown, filter_: Filter, resource: Resource | None) -> bool:
    return (
        resource is not None and shown.source in ("field", "server")
        and not shown.is_list and shown.path == filter_.fields[0]
    )  # fmt: skip


def is_alone(
    lab: Lab, world: World, operation: Operation, record: Own, sent: Mapping[str, Any]
) -> None:
    """Claim that no other record got a text that was sent for this one."""
    for lister, params in shelves(lab, world, record):
        known = readbacks(lab.subject, operation, lister)
        texts = [n for n, v in sent.items() if n in known and isinstance(v, str) and lab.tag in v]
        listing = world.listing(lister, params, is_fresh=True) if texts else None
        if listing is None or not listing.is_whole:
            continue
        for name in texts:
            test = {
                "at": known[name].pointer,
                "lookup": "exact",
                "value": sent[name],
                "kind": "text",
            }
            lab.expect(
                "B13",
                {
                    "relation": "subset",
                    "left": listing.at("ids", where=test),
                    "right": const([_typed(lab, lister, record.key)]),
                },
                operation=operation, says="a write does not reach other records", key="x-effect",
            )  # fmt: skip


def _typed(lab: Lab, lister: Operation, key: str) -> Any:
    return key_test(lab, lister, key)["value"]


def test_for(lab: Lab, lister: Operation, record: Own) -> Test:
    """Return the test that finds a record among rows: by a text of its own, or by its key."""
    writer = lab.operation(record.made.step.operation)
    for name, known in readbacks(lab.subject, writer, lister).items():
        sent = record.body.get(name)
        if isinstance(sent, str) and lab.tag in sent and kind_of(known.shown) == "text":
            return {"at": known.pointer, "lookup": "exact", "value": sent.strip(), "kind": "text"}
    return key_test(lab, lister, record.key)


def key_test(lab: Lab, lister: Operation, key: Any) -> Test:
    """Return the test that finds a record among rows by its key."""
    name = lab.subject.shown_key(lister)
    shown = lab.subject.view(lister).get(name)
    kind = kind_of(shown.schema) if shown else "text"
    value = int(key) if kind == "number" and str(key).isdigit() else key
    return {"at": f"/{name}", "lookup": "exact", "value": value, "kind": kind}


def shared(lab: Lab, lister: Operation, shower: Operation) -> list[str]:
    """Return the properties that a row and a record's own page both show."""
    rows, page = lab.subject.view(lister), lab.subject.view(shower)
    return sorted(name for name in rows if name in page and _is_same(rows[name], page[name]))


def _is_same(left: Shown, right: Shown) -> bool:
    return (
        (left.source, left.path, left.is_list) == (right.source, right.path, right.is_list)
        and left.inner.keys() == right.inner.keys()
        and all(_is_same(left.inner[name], right.inner[name]) for name in left.inner)
    )


def seen(shown: Any) -> Mapping[str, Any]:
    """Return a record as it was shown; {} when the answer is no record."""
    found = point(shown, "")
    return found if isinstance(found, Mapping) else {}
