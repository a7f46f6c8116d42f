"""A list worth asking about: its parent, its rows, and how its rows are told apart."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from contract_tests.lab import Blocked, Lab, Query
from contract_tests.meaning import kind_of, point
from contract_tests.relations import Expr, plus
from contract_tests.steps import Reply
from contract_tests.subject import Shown
from contract_tests.teaching import Lesson, wanted
from contract_tests.wire import ABSENT
from contract_tests.world import Listing, Params, World
from mockserver.operation import Filter, Operation, Parameter, Resource

_PARENTS: Final = 2
_TRIES: Final = 24
#: So many rows tell filters apart.
_ENOUGH: Final = 5


@dataclass(frozen=True)
class Scene:
    """A list of one parent, as it is without any question but `base`."""

    lab: Lab
    world: World
    operation: Operation
    params: Params
    whole: Listing
    base: tuple[tuple[str, str], ...] = ()

    @cached_property
    def view(self) -> Mapping[str, Shown]:
        """What each property of a row shows."""
        return self.lab.subject.view(self.operation)

    @cached_property
    def resource(self) -> Resource:
        """What the rows are."""
        return self.lab.subject.spec.resources[self.operation.resource]

    @cached_property
    def rows(self) -> list[Any]:
        """The rows of the list, as far as they were read."""
        return [row for row in self.whole.rows if isinstance(row, Mapping)]

    @cached_property
    def has_key(self) -> bool:
        """Whether rows show whose they are."""
        name = self.lab.subject.shown_key(self.operation)
        return name in self.view and self.view[name].path == self.resource.key

    def ids(self, of: Listing | Reply, **more: Any) -> Expr:
        """Write what tells rows apart: their keys or, where none is shown, all of them."""
        return of.at("ids" if self.has_key else "rows", **more)

    def ask(self, query: Query = (), **more: Any) -> Reply:
        """Send one question as it stands."""
        return self.lab.call(self.operation, self.params, query=self._asked(query), **more)

    def read(self, query: Query) -> Listing:
        """Return the answer to a question in the largest pages; Blocked when it is refused."""
        return self.world.listing(self.operation, self.params, query=self._asked(query))

    def _asked(self, query: Query) -> Query:
        pairs = query.items() if isinstance(query, Mapping) else query
        return [*self.base, *pairs]

    def total(self, reply: Reply) -> Expr | None:
        """Write the total that an answer states, as a number; None where there is none."""
        found = self.world.total_of(reply) if self.operation.is_paged else None
        return None if found is None else plus(found, 0)

    @cached_property
    def filters(self) -> tuple[Parameter, ...]:
        """The query parameters that filter, and are open."""
        used = dict(self.base)
        return tuple(
            p
            for p in self.operation.parameters
            if p.place == "query" and p.filter is not None and p.name not in used
        )


def scenes(
    lab: Lab, world: World, operation: Operation, *, may_be_empty: bool = False
) -> list[Scene]:
    """
    Return a list of the parents with most rows; Blocked when there is no row to be seen.

    A list that is empty before it is asked about anybody comes with a question that opens it.
    """
    found = [
        Scene(lab, world, operation, params, world.listing(operation, params))
        for params in world.parents(operation)[:_PARENTS]
    ]
    if not found:
        raise Blocked("no record is known whose list could be asked for")
    full = [scene for scene in found if scene.rows] or opened(found[0])
    if not full and may_be_empty:
        return found
    if not full:
        raise Blocked("the list is empty")
    _learn_more(full[0])
    return full


def opened(scene: Scene) -> list[Scene]:
    """Return an empty list with the question about one record that gives it most rows."""
    known = scene.world.opened.setdefault(scene.operation.id, [])
    if not known:
        known.append(tuple(_opening(scene)))
    if not known[0]:
        return []
    whole = scene.read(known[0])
    return [replace(scene, whole=whole, base=known[0])] if whole.rows else []


def _opening(scene: Scene) -> list[tuple[str, str]]:
    best: tuple[int, list[tuple[str, str]]] = (0, [])
    for parameter in scene.filters:
        declared = parameter.filter
        if declared is None or not declared.by or kind_of(parameter.schema) != "uuid":
            continue
        for key in _keys_for(scene, parameter.name):
            with suppress(Blocked):
                found = scene.read([(parameter.name, key)])
                best = max(best, (len(found.rows), [(parameter.name, key)]), key=_count)
            if best[0] > _ENOUGH:
                return best[1]
    return best[1]


def _count(found: tuple[int, Any]) -> int:
    return found[0]


def _keys_for(scene: Scene, name: str) -> list[str]:
    """Return keys of records that a parameter seems to be named after."""
    resources = scene.lab.subject.spec.resources.values()
    named = [each for each in resources if name.startswith(f"{each.name}_")]
    learn(scene, [(each.name, each.key) for each in named])
    names = {each.name for each in named}
    return [key for resource, key in scene.world.facts if resource in names][:_TRIES]


def learn(scene: Scene, wanted: Collection[Lesson]) -> None:
    """Read the lists that tell what is to be known."""
    for lister in scene.world.teachers(wanted):
        # A list that is refused, or has no parent, says nothing.
        with suppress(Blocked):
            for params in scene.world.parents(lister)[: scene.lab.depth.parents]:
                scene.world.listing(lister, params)


def _learn_more(scene: Scene) -> None:
    """Read the lists that may say what the rows do not: of what filters and orders compare."""
    order = scene.operation.ordering
    fields = [p.filter for p in scene.filters if p.filter is not None]
    paths = {path for each in fields for path in (*each.fields, *_others(each))}
    paths.update(path for key in (order.keys.values() if order else ()) for path in key)
    lessons: set[Lesson] = set()
    for path in sorted(full_path(scene, path) for path in paths):
        if not any(pointers(scene.view, path)):
            for _, resource, rest, _ in anchors(scene, path):
                lessons.update(wanted(scene.lab.subject, resource, rest))
    learn(scene, lessons)


def _others(declared: Filter) -> Iterator[str]:
    for way in declared.any:
        yield from way.fields
        yield from way.words


def is_list(subject: Any, operation: Operation) -> bool:
    """Tell whether an operation is a list whose meaning is described."""
    return operation.verb == "list" and operation.resource in subject.spec.resources


def full_path(scene: Scene, path: str) -> str:
    """Return a path that ends at a field: a relation stands for the key of its records."""
    target = scene.lab.subject.reached(scene.resource, path)
    return path if target is None else f"{path}.{target.key}"


def pointers(view: Mapping[str, Shown], path: str, before: str = "") -> Iterator[tuple[str, Shown]]:
    """Yield where rows show the field at the end of a path, and as what."""
    for name, each in view.items():
        at = f"{before}/{name}"
        if each.path == path and each.source in ("field", "server", "computed"):
            yield at, each
        elif each.source == "nested" and each.inner and path.startswith(f"{each.path}."):
            yield from pointers(each.inner, path[len(each.path) + 1 :], at)


def anchors(scene: Scene, path: str) -> Iterator[tuple[str, Resource, str, str]]:
    """
    Yield what rows show of the way to a path: pointer, resource, the rest, "key" or "link".

    The nearest to the end comes first.
    """
    steps = path.split(".")
    for count in range(len(steps) - 1, -1, -1):
        head, rest = ".".join(steps[:count]), ".".join(steps[count:])
        target = scene.lab.subject.reached(scene.resource, head or ".")
        if target is None:
            continue
        key = f"{head}.{target.key}" if head else target.key
        for name, each in scene.view.items():
            if each.is_list:
                continue
            if each.path == key and each.source in ("field", "server"):
                yield f"/{name}", target, rest, "key"
            elif each.source == "link" and each.path == (head or "."):
                yield f"/{name}", target, rest, "link"


def link_to(scene: Scene, resource: Resource, key: str) -> str:
    """Return the hyperlink of a record, spelled as the server spells others."""
    known = next(iter(scene.world.links.get(resource.name, ())), "")
    parts = urlsplit(known or scene.lab.client.transport.base_url)
    before, after = resource.around
    prefix = parts.path.rpartition(before)[0] if before in parts.path else parts.path
    return f"{parts.scheme}://{parts.netloc}{prefix}{before}{key}{after}"


def shown_at(row: Any, pointer: str) -> Any:
    """Return a scalar that a row shows; ABSENT when it shows none."""
    found = point(row, pointer)
    return ABSENT if isinstance(found, (list, Mapping)) else found
