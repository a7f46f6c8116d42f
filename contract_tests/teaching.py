"""What the rows of a list tell of other records: those they belong to, and those they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from contract_tests.subject import Shown, Subject
from mockserver.operation import Operation, Resource

#: A resource, and a path from one of its records.
Lesson: TypeAlias = tuple[str, str]


def flattened(
    subject: Subject, resource: Resource, shown: Mapping[str, Any]
) -> Iterator[tuple[Resource, str]]:
    """Yield the single other records that paths show the key of, each with the way to it."""
    for path, value in shown.items():
        before, _, name = path.rpartition(".")
        other = subject.reached(resource, before) if before and value is not None else None
        if other is not None and name == other.key and is_single(subject, resource, before):
            yield other, before


def is_single(subject: Subject, resource: Resource, path: str) -> bool:
    """Tell whether a path reaches one value at most."""
    at: Resource | None = resource
    for step in path.split("."):
        relation = at.relations.get(step) if at else None
        if relation is not None and relation.kind != "one":
            return False
        at = subject.spec.resources.get(relation.to) if relation else at
    return True


def lessons(subject: Subject, operation: Operation) -> frozenset[Lesson]:
    """Return what the rows of a list tell of records whose keys they show."""
    resource = subject.resource(operation)
    found = () if resource is None else _lessons(subject, resource, subject.view(operation))
    return frozenset(found)


def _lessons(subject: Subject, resource: Resource, view: Mapping[str, Shown]) -> Iterator[Lesson]:
    plain = {
        each.path: each.name
        for each in view.values()
        if each.source in ("field", "server", "computed") and each.path
    }
    places = [(resource, "")]
    places += [(other, f"{way}.") for other, way in flattened(subject, resource, plain)]
    for owner, before in places:
        if f"{before}{owner.key}" in plain:
            yield from (
                (owner.name, path.removeprefix(before)) for path in plain if path.startswith(before)
            )
    for each in view.values():
        inner = subject.spec.resources.get(each.resource)
        if each.source == "nested" and each.inner and inner is not None:
            yield from _lessons(subject, inner, each.inner)


def wanted(subject: Subject, resource: Resource, path: str) -> Iterator[Lesson]:
    """Yield what has to be known of a record to follow a path from it, the end first."""
    yield resource.name, path
    head, _, rest = path.partition(".")
    relation = resource.relations.get(head)
    if relation is not None and rest and relation.kind == "one":
        other = subject.spec.resources[relation.to]
        if rest != other.key:
            yield resource.name, f"{head}.{other.key}"
            yield from wanted(subject, other, rest)
