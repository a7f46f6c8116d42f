"""What is known of the server's data: lists read whole, parents worth visiting, links, facts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from contract_tests.lab import Blocked, Lab, Query
from contract_tests.relations import Expr, join
from contract_tests.steps import Reply
from contract_tests.subject import Shown
from contract_tests.teaching import Lesson, flattened, lessons
from contract_tests.wire import ABSENT
from mockserver.operation import Operation

Params: TypeAlias = Mapping[str, str]
_PAGES: Final = 40


@dataclass(frozen=True, slots=True)
class Listing:
    """
    A list as it was read: its pages in order, and whether they are all of it.

    `total` is what the server said there are, None when it does not say.
    """

    operation: Operation
    params: Params
    pages: tuple[Reply, ...]
    is_whole: bool
    total: int | None

    @property
    def rows(self) -> list[Any]:
        """Every row read."""
        return [row for page in self.pages for row in page.rows]

    @property
    def ids(self) -> list[Any]:
        """The keys of the rows."""
        return [key for page in self.pages for key in page.ids]

    def at(self, what: str, **more: Any) -> Expr:
        """Write an expression over all pages, as `Reply.at` does for one."""
        return join(*(page.at(what, **more) for page in self.pages))


@dataclass
class World:
    """
    The data as seen so far; every GET of a list adds to it.

    `facts`: (resource, key) -> dotted path -> shown value. `links`: resource -> hyperlinks.
    `making` is what `contract_tests.making` remembers, `opened` the questions that fill
    lists which are empty before they are asked one.
    """

    lab: Lab
    facts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    links: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    making: dict[Any, Any] = field(default_factory=dict)
    opened: dict[str, list[tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    _listings: dict[Any, Listing] = field(default_factory=dict)
    _parents: dict[str, list[Params]] = field(default_factory=dict)
    _riches: Counter[str] = field(default_factory=Counter)
    _lessons: dict[str, frozenset[Lesson]] = field(default_factory=dict)

    # Lists

    def listing(
        self,
        operation: Operation,
        params: Params | None = None,
        *,
        query: Query = (),
        persona: str = "main",
        is_fresh: bool = False,
    ) -> Listing:
        """Return a list, read page by page in the largest pages; Blocked when it is refused."""
        key = (operation.id, _frozen(params), _frozen(query), persona)
        if is_fresh or key not in self._listings:
            self._listings[key] = self._read(operation, params or {}, query, persona)
        return self._listings[key]

    def cached(self, operation: Operation, params: Params) -> Listing | None:
        """Return a whole list as it was read before; None when it was not."""
        return self._listings.get((operation.id, _frozen(params), (), "main"))

    def held(self) -> set[int]:
        """Return the numbers of the steps whose answers are still in use."""
        kept = (page for listing in self._listings.values() for page in listing.pages)
        return {page.step.number for page in kept}

    def forget(self) -> None:
        """Let every list be read anew: something was written."""
        self._listings.clear()

    def _read(self, operation: Operation, params: Params, query: Query, persona: str) -> Listing:
        paging = self.lab.subject.conventions["paging"]
        pairs = list(query.items() if isinstance(query, Mapping) else query)
        pages: list[Reply] = []
        size = min(paging["max"], self.lab.depth.rows)
        for number in range(1, _PAGES):
            asked = list(pairs)
            if operation.is_paged:
                asked += [(paging["size"], size)]
                asked += [(paging["number"], number)] if number > 1 else []
            reply = self.lab.call(operation, params, query=asked, persona=persona)
            if not reply.is_good:
                raise Blocked(f"{operation.id} answers {reply.code}")
            pages.append(reply)
            self.learn(operation, reply)
            total = self.total(reply)
            seen = sum(len(page.rows) for page in pages)
            is_end = not operation.is_paged or len(reply.rows) < size
            if is_end or (total is not None and seen >= total) or seen >= self.lab.depth.rows:
                is_whole = is_end or (total is not None and seen >= total)
                return Listing(operation, params, tuple(pages), is_whole, total)
        return Listing(operation, params, tuple(pages), False, total)

    def total(self, reply: Reply) -> int | None:
        """Return how many rows the server says there are; None when it does not say."""
        paging = self.lab.subject.conventions["paging"]
        name = (paging.get("headers") or {}).get("total", "")
        said: Any = reply.received.headers.get(name.lower()) if name else None
        inside = (paging.get("envelope") or {}).get("total")
        if said is None and inside and isinstance(reply.data, Mapping):
            said = reply.data.get(inside)
        return int(said) if str(said).isdigit() else None

    def total_of(self, reply: Reply) -> Expr | None:
        """Write the total that an answer states; None where the description has none."""
        paging = self.lab.subject.conventions["paging"]
        name = (paging.get("headers") or {}).get("total", "")
        if name:
            return reply.header(name)
        inside = (paging.get("envelope") or {}).get("total")
        return reply.body(f"/{inside}") if inside else None

    # Parents and records

    def parents(self, operation: Operation) -> list[Params]:
        """
        Return path parameters for an operation, the most telling first; [] when none is known.

        For a nested list: the parents with the most rows. For an item: records that are listed.
        """
        if not operation.path_key:
            return [{}]
        if operation.id not in self._parents:
            self._parents[operation.id] = list(self._candidates(operation))
        return self._parents[operation.id]

    def _candidates(self, operation: Operation) -> Iterator[Params]:
        name = operation.path_key
        keys = self.keys(self.parent_resource(operation), operation)
        if operation.verb != "list":
            yield from ({name: key} for key in keys)
            return
        counted: list[tuple[int, int, Params]] = []
        enough = int(self.lab.subject.conventions["paging"]["default"])
        keys.sort(key=lambda key: -self._riches[key])
        for key in keys[: self.lab.depth.parents * 4]:
            try:
                found = self.listing(operation, {name: key})
            except Blocked:
                continue
            self._riches[key] += min(len(found.rows), 2 * enough)
            counted.append((-len(found.rows), len(counted), {name: key}))
            # What has many rows in one list is likely to have them in others, and comes first.
            if len(counted) >= self.lab.depth.parents and -min(counted)[0] > enough:
                break
        yield from (params for _, _, params in sorted(counted, key=lambda each: each[:2]))

    def parent_resource(self, operation: Operation) -> str:
        """Return the resource whose key the path of an operation ends with."""
        nesting = operation.nesting
        if nesting is None:
            return operation.resource
        if nesting.parent:
            return nesting.parent
        resource = self.lab.subject.resource(operation)
        path = nesting.field.rpartition(".")[0]
        reached = self.lab.subject.reached(resource, path) if resource and path else None
        return reached.name if reached else operation.resource

    def keys(self, resource: str, operation: Operation | None = None) -> list[str]:
        """Return the keys of existing records, from the lists that show them."""
        for lister in self.listers(resource, operation):
            try:
                found = self.listing(lister)
            except Blocked:
                continue
            keys = [str(key) for key in found.ids if key not in (None, ABSENT)]
            if keys:
                return keys
        return sorted(key for name, key in self.facts if name == resource)

    def listers(self, resource: str, operation: Operation | None = None) -> Sequence[Operation]:
        """Return the lists of a resource that need no parent."""
        found = [o for o in self.lab.verbs(resource, "list") if not o.path_key]
        if resource or operation is None:
            return found
        before = operation.path.rpartition("{")[0]
        return [o for o in found if o.path.rstrip("/") == before.rstrip("/")]

    # Facts

    def teachers(self, wanted: Collection[Lesson]) -> list[Operation]:
        """Return the lists whose rows tell any of some lessons."""
        if not self._lessons:
            lists = (o for o in self.lab.subject.spec.operations if o.verb == "list")
            self._lessons = {o.id: lessons(self.lab.subject, o) for o in lists}
        return [self.lab.operation(name) for name, told in self._lessons.items()
                if not told.isdisjoint(wanted)]  # fmt: skip

    def learn(self, operation: Operation, reply: Reply) -> None:
        """Remember what the records of an answer show of themselves and of others."""
        view = self.lab.subject.view(operation)
        if not view:
            return
        rows = reply.rows if operation.verb == "list" else [reply.data]
        for row in rows:
            if isinstance(row, Mapping):
                self._learn(operation.resource, row, view)

    def _learn(self, resource: str, row: Mapping[str, Any], view: Mapping[str, Shown]) -> None:
        known = self.lab.subject.spec.resources.get(resource)
        if known is None:
            return
        shown = {
            each.path: row[name]
            for name, each in view.items()
            if name in row and each.source in ("field", "server", "computed") and each.path
        }
        key = shown.get(known.key)
        if key is not None:
            self.facts.setdefault((resource, str(key)), {}).update(shown)
        for other, way in flattened(self.lab.subject, known, shown):
            of = self.facts.setdefault((other.name, str(shown[f"{way}.{other.key}"])), {})
            told = {path.removeprefix(f"{way}."): value for path, value in shown.items()}
            of.update({path: value for path, value in told.items() if f"{way}.{path}" in shown})
        for name, each in view.items():
            if each.source == "link" and isinstance(row.get(name), str) and each.resource:
                self.links[each.resource][row[name]] = None
            elif each.source == "nested" and each.inner:
                inner = row.get(name)
                for one in inner if isinstance(inner, list) else [inner]:
                    if isinstance(one, Mapping):
                        self._learn(each.resource, one, each.inner)

    def fact(self, resource: str, key: str, path: str) -> Any:
        """
        Return what is known of a record along a dotted path; ABSENT when nothing is.

        Follows shown keys of other records where the record itself does not show the value.
        """
        known = self.facts.get((resource, key), {})
        if path in known:
            return known[path]
        declared = self.lab.subject.spec.resources.get(resource)
        head, _, rest = path.partition(".")
        relation = declared.relations.get(head) if declared else None
        if relation is None or not rest or relation.kind != "one":
            return ABSENT
        other = self.lab.subject.spec.resources[relation.to]
        target = known.get(f"{head}.{other.key}", known.get(head, ABSENT))
        if target is None:
            return None
        return ABSENT if target is ABSENT else self.fact(relation.to, str(target), rest)


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((str(k), str(v)) for k, v in value.items())
    return tuple((str(k), str(v)) for k, v in value or ())
