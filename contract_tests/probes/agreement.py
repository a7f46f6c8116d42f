"""Hold what one list shows of a record against what others show of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from contract_tests.lab import Blocked, Lab
from contract_tests.meaning import point
from contract_tests.probes.registry import probe
from contract_tests.scene import Scene, opened
from contract_tests.subject import Shown, Subject
from contract_tests.world import Listing, World
from mockserver.operation import Operation, format_of, types_of

#: What a value is about: the resource, and the field or function of it.
Topic: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sight:
    """A property of a row: which record it is about, and which topic of it."""

    name: str
    key: str
    topic: Topic
    kind: tuple[Any, ...]
    is_derived: bool


def _is_list(subject: Subject, operation: Operation) -> bool:
    return operation.verb == "list" and bool(subject.view(operation))


@probe("B24", safety="R", applies=_is_list, cost=lambda subject, op, depth: 1)
def agreement(lab: Lab, world: World, operation: Operation) -> None:
    """Compare each shown value with every other list that shows the same of the same record."""
    mine = _listing(world, operation)
    if mine is None or not mine.rows:
        lab.blocked("B24", operation, "the list is empty")
        return
    for other in lab.subject.spec.operations:
        if other.id == operation.id or not _is_list(lab.subject, other):
            continue
        shared = list(_shared(lab.subject, operation, other))
        if not shared:
            continue
        is_beside = world.parent_resource(operation) == world.parent_resource(other)
        theirs = _listing(world, other, mine if is_beside else None)
        if theirs is None:
            continue
        for left, right in shared:
            if left.is_derived and not is_beside and (mine.params or theirs.params):
                # A derived value may depend on whose list it stands in.
                continue
            _compare(lab, operation, (mine, left), (theirs, right))


def _listing(world: World, operation: Operation, beside: Listing | None = None) -> Listing | None:
    """Return a list of the most telling parent, or of the parent of another list."""
    chosen = world.parents(operation)[:1]
    if beside is not None and beside.params and operation.path_key:
        chosen = [{operation.path_key: next(iter(beside.params.values()))}]
    for params in chosen:
        try:
            found = world.listing(operation, params)
            if found.rows:
                return found
            here = Scene(world.lab, world, operation, params, found)
            return next((each.whole for each in opened(here)), found)
        except Blocked:
            return None
    return None


def _shared(
    subject: Subject, operation: Operation, other: Operation
) -> Iterator[tuple[Sight, Sight]]:
    theirs = {(s.topic, s.kind): s for s in _sights(subject, other)}
    for sight in _sights(subject, operation):
        if (sight.topic, sight.kind) in theirs:
            yield sight, theirs[sight.topic, sight.kind]


def _sights(subject: Subject, operation: Operation) -> Iterator[Sight]:
    """Yield what the rows of a list show, of their own record and of those they name."""
    resource = subject.resource(operation)
    if resource is None:
        return
    view = subject.view(operation)
    keys = {shown.path: name for name, shown in view.items() if shown.source in ("field", "server")}
    for name, shown in view.items():
        way, _, last = shown.path.rpartition(".")
        about = subject.reached(resource, way) if way else resource
        key = keys.get(f"{way}.{about.key}" if way and about else resource.key)
        if about is None or key is None or key == name or not _is_plain(shown):
            continue
        topic = (about.name, shown.function or last)
        kind = (types_of(shown.schema), format_of(shown.schema))
        yield Sight(name, key, topic, kind, bool(shown.function))


def _is_plain(shown: Shown) -> bool:
    is_flat = not shown.inner or bool(shown.function)
    return shown.source in ("field", "server", "computed") and is_flat


def _compare(
    lab: Lab, operation: Operation, mine: tuple[Listing, Sight], theirs: tuple[Listing, Sight]
) -> None:
    (listing, left), (other, right) = mine, theirs
    known = {
        str(point(row, f"/{right.key}")): row for row in other.rows if isinstance(row, Mapping)
    }
    pairs = [row for row in listing.rows if str(point(row, f"/{left.key}")) in known]
    # What is not empty says most.
    pairs.sort(key=lambda row: not point(row, f"/{left.name}"))
    for row in pairs[: lab.depth.values]:
        if left.name not in row or right.name not in known[str(row[left.key])]:
            continue
        wanted = {"lookup": "exact", "value": row[left.key], "kind": "text"}
        claim = {
            "relation": "equal",
            "left": _one(listing, left, wanted),
            "right": _one(other, right, wanted),
        }
        lab.expect(
            "B24", claim, operation=operation, about=left.name, key="x-from",
            says=f"it shows what {other.operation.id} shows of the same record",
        )  # fmt: skip


def _one(listing: Listing, sight: Sight, wanted: Mapping[str, Any]) -> Any:
    """Write the value of the first row about a record."""
    where = {**wanted, "at": f"/{sight.key}"}
    for page in listing.pages:
        if any(str(point(row, f"/{sight.key}")) == str(wanted["value"]) for row in page.rows):
            first = page.at("column", name=f"/{sight.name}", where=where)
            return {"first": first}
    raise Blocked(f"{listing.operation.id} has no row about {wanted['value']}")
