"""Hold the kinds of defects, and count where an API has room for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from zlib import crc32

from mockserver.api import Api
from mockserver.mutants.planting import Defect
from mockserver.operation import Operation


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    One defect in one place.

    `about` is the annotated thing at fault: a parameter, a property, a status, a
    header, or ""; `part` is one word of it, where only that is at fault: a key of an
    ordering parameter. `key` is the annotation that the defect breaks; `elsewhere`
    are the other operations where it shows as well.
    """

    kind: str
    title: str
    operation: str
    about: str
    key: str
    elsewhere: frozenset[str] = frozenset()
    part: str = ""

    @property
    def id(self) -> str:
        """How the command line names it: `F01@list_books.title`, `O01@list_books.o:title`."""
        about = f".{self.about}" if self.about else ""
        part = f":{self.part}" if self.part else ""
        return f"{self.kind}@{self.operation}{about}{part}"


@dataclass(frozen=True, slots=True)
class Site:
    """
    A place where a defect fits; `about` may end in a part, as in `o:title`.

    `subject` is what the annotation there says: a parameter, an order key, the
    schema of a property.
    """

    operation: Operation
    about: str = ""
    subject: Any = None
    elsewhere: frozenset[str] = frozenset()


Sites: TypeAlias = Callable[[Api], Iterable[Site]]
#: Why a defect would change nothing that the spec promises; "" when it would.
Excuse: TypeAlias = Callable[[Site, Api], str]
Plant: TypeAlias = Callable[[Site, Api], Defect]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of defect: where it fits, when it is none, and how it is planted."""

    id: str
    title: str
    key: str
    family: str
    sites: Sites
    plant: Plant
    excuse: Excuse
    spreads: bool = False
    limit: int = 0
    """How many instances are worth planting; 0 means all."""

    def found(self, api: Api) -> Iterator[tuple[Mutant, Site]]:
        """Yield every mutant of this kind with its place, equivalent ones as well."""
        for site in self.sites(api):
            yield self._mutant(site, api), site

    def instances(self, api: Api) -> list[Mutant]:
        """
        Return the mutants of this kind that can be told from the truth.

        Where many places are alike, some of them, evenly spread; kinds start at
        different places, so that together they visit all.
        """
        every = self.population(api)
        if not self.limit or len(every) <= self.limit:
            return every
        start, count = crc32(self.id.encode()) % len(every), len(every)
        places = sorted((start + i * count // self.limit) % count for i in range(self.limit))
        return [every[place] for place in places]

    def population(self, api: Api) -> list[Mutant]:
        """Return all mutants of this kind that can be told from the truth."""
        return [mutant for mutant, site in self.found(api) if not self.excuse(site, api)]

    def _mutant(self, site: Site, api: Api) -> Mutant:
        touched = set(site.elsewhere)
        if self.spreads:
            touched |= _reached(site.operation, api)
        elsewhere = frozenset(touched - {site.operation.id})
        about, _, part = site.about.partition(":")
        return Mutant(self.id, self.title, site.operation.id, about, self.key, elsewhere, part)


#: How many instances of a kind suffice where its places are alike.
FEW: Final = 3
_KINDS: dict[str, Kind] = {}


def no_excuse(site: Site, api: Api) -> str:
    """Tell that a defect always shows."""
    return ""


@dataclass(frozen=True, slots=True)
class Family:
    """The kinds of one module; `kind` registers one by decorating how it is planted."""

    name: str
    ids: list[str] = field(default_factory=list)

    def kind(  # noqa: PLR0913  the words of a kind, each by its name
        self,
        id_: str,
        title: str,
        *,
        key: str,
        sites: Sites,
        excuse: Excuse = no_excuse,
        spreads: bool = False,
        every: bool = False,
    ) -> Callable[[Plant], Plant]:
        """
        Register a kind.

        `spreads` says that all operations on the resource show it, `every` that
        each instance is a case of its own; of other kinds a few suffice.
        """
        if id_ in _KINDS:
            raise ValueError(f"{id_} is registered twice")

        def register(plant: Plant) -> Plant:
            limit = 0 if every else FEW
            _KINDS[id_] = Kind(id_, title, key, self.name, sites, plant, excuse, spreads, limit)
            self.ids.append(id_)
            return plant

        return register


def kinds() -> Mapping[str, Kind]:
    """Return every kind, by id."""
    return dict(sorted(_KINDS.items()))


def site_of(mutant: Mutant, api: Api) -> Site:
    """Return the place of a mutant in an API; LookupError when it has none."""
    for found, site in _KINDS[mutant.kind].found(api):
        if found.id == mutant.id:
            return site
    raise LookupError(f"{mutant.id}: this API has no such place")


def _reached(operation: Operation, api: Api) -> set[str]:
    """Return the operations on the resources that an operation works on or writes."""
    effect = operation.effect
    resources = {operation.resource}
    if effect is not None:
        resources |= effect.creates | set(effect.changes) | effect.removes
    return {other.id for other in api.spec.operations if other.resource in resources}
