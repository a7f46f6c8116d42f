"""Several lists show the same records: what they say of them must be the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.meaning import kind_of
from contract_tests.probes.registry import probe
from contract_tests.relations import minus
from contract_tests.scene import Scene, is_list, opened, scenes
from contract_tests.subject import Shown, Subject
from contract_tests.teaching import flattened
from contract_tests.wire import ABSENT
from contract_tests.world import Listing, World
from mockserver.operation import Operation, format_of, types_of

_MOST = 60
_TWICE = 2


@dataclass(frozen=True, slots=True)
class Saying:
    """A property by which a row says something of a record; `key` shows of which one."""

    resource: str
    what: tuple[str, ...]
    key: str
    name: str
    shown: Shown


def sayings(subject: Subject, operation: Operation) -> Iterator[Saying]:
    """Yield what a row of a list says of its own record and of those it belongs to."""
    resource = subject.resource(operation)
    if resource is None:
        return
    view = subject.view(operation)
    keys = {e.path: e.name for e in view.values() if e.source in ("field", "server")}
    places = [(resource, "")]
    places += [(other, f"{way}.") for other, way in flattened(subject, resource, keys)]
    for owner, before in places:
        key = keys.get(f"{before}{owner.key}")
        if key is not None:
            for shown in view.values():
                what = _what(shown, before)
                if what and shown.name != key:
                    yield Saying(owner.name, what, key, shown.name, shown)


def _what(shown: Shown, before: str) -> tuple[str, ...]:
    """Return what is shown of the record that a path leads to; () when it is nothing of it."""
    said = shown.schema.get("x-from")
    if shown.source == "computed" and isinstance(said, Mapping):
        return () if before else ("computed", str(said["computed"]))
    if shown.source == "link":
        path = "" if shown.path == "." else f"{shown.path}."
        return ("link", path[len(before) :]) if path.startswith(before) else ()
    is_plain = shown.source in ("field", "server", "computed") and shown.path != ""
    is_below = is_plain and shown.path.startswith(before)
    return ("field", shown.path[len(before) :]) if is_below else ()


def _applies(subject: Subject, operation: Operation) -> bool:
    return is_list(subject, operation) and subject.is_annotated


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    return 6 if depth.is_full else 2


@probe("D24", safety="R", applies=_applies, cost=_cost)
def agreement(lab: Lab, world: World, operation: Operation) -> None:
    """Hold what rows say of records against what the rows of other lists say of them."""
    scene = scenes(lab, world, operation)[0]
    mine = list(sayings(lab.subject, operation))
    told: Counter[tuple[str, str]] = Counter()
    for other, listing in _others(scene, mine):
        theirs = {(each.resource, each.what): each for each in sayings(lab.subject, other)}
        with lab.case():
            for saying in mine:
                match = theirs.get((saying.resource, saying.what))
                said = (saying.key, saying.name)
                if match and told[said] < _TWICE and _are_alike(saying, match):
                    told[said] += _compare(scene, saying, listing, match)


def _others(scene: Scene, mine: list[Saying]) -> Iterator[tuple[Operation, Listing]]:
    """Yield other lists that say something of the same, of the same parent where they have one."""
    subject, key = scene.lab.subject, scene.operation.path_key
    wanted = {(each.resource, each.what) for each in mine}
    found = (
        other
        for other in subject.spec.operations
        if is_list(subject, other)
        and other.id != scene.operation.id
        and not wanted.isdisjoint((e.resource, e.what) for e in sayings(subject, other))
    )
    for other in islice(found, 12 if scene.lab.depth.is_full else 3):
        params = {other.path_key: scene.params[key]} if other.path_key and key else {}
        is_like = scene.world.parent_resource(other) == scene.world.parent_resource(scene.operation)
        if other.path_key and not (key and is_like):
            continue
        with suppress(Blocked):
            listing = scene.world.listing(other, params)
            if not listing.rows:
                there = Scene(scene.lab, scene.world, other, params, listing)
                listing = next((each.whole for each in opened(there)), listing)
            yield other, listing


def _are_alike(one: Saying, other: Saying) -> bool:
    """Tell whether two properties must be spelled the same."""
    left, right = one.shown.schema, other.shown.schema
    return (
        one.shown.is_list == other.shown.is_list
        and set(types_of(left)) - {"null"} == set(types_of(right)) - {"null"}
        and format_of(left) == format_of(right)
    )


def _compare(scene: Scene, saying: Saying, listing: Listing, match: Saying) -> bool:
    """Claim that two lists agree on a property of the records that both show."""
    theirs = {str(row[match.key]) for row in listing.rows if _says(row, match)}
    keys = [row[saying.key] for row in scene.rows if _says(row, saying)]
    shared = [key for key in dict.fromkeys(keys) if str(key) in theirs][:_MOST]
    if not shared:
        return False
    kind = kind_of(scene.view[saying.key].schema)
    test = {"at": f"/{saying.key}", "lookup": "exact", "value": shared, "kind": kind}
    left = scene.whole.at("columns", names=[f"/{saying.key}", f"/{saying.name}"], where=test)
    right = listing.at("columns", names=[f"/{match.key}", f"/{match.name}"])
    scene.lab.expect(
        "D24",
        {"relation": "empty", "left": minus(left, right)},
        operation=scene.operation,
        about=saying.name,
        key="x-from",
        says=f"rows say the same as those of {listing.operation.id}",
    )
    return True


def _says(row: Any, saying: Saying) -> bool:
    return isinstance(row, Mapping) and all(
        row.get(name, ABSENT) is not ABSENT for name in (saying.key, saying.name)
    )
