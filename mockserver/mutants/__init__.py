"""Plant one defect in the mock server, to see who notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mockserver.api import Api
from mockserver.app import Application, Options
from mockserver.assembly import World
from mockserver.mutants import (
    access,
    caches,
    collation,
    creating,
    deleting,
    fieldsets,
    filter_values,
    filtering,
    frames,
    life,
    meaning,
    nesting,
    ordering,
    paging,
    responses,
    robustness,
    stored,
    transport,
    writing,
)
from mockserver.mutants.planting import Planted
from mockserver.mutants.registry import Kind, Mutant, Site, kinds, site_of

__all__ = [
    "FAMILIES",
    "INEXPRESSIBLE",
    "PEERS",
    "Kind",
    "Mutant",
    "Site",
    "equivalents",
    "find",
    "instances",
    "kinds",
    "plant",
]

#: Importing a family registers its kinds.
FAMILIES: Final = (
    access,
    caches,
    collation,
    creating,
    deleting,
    fieldsets,
    filter_values,
    filtering,
    frames,
    life,
    meaning,
    nesting,
    ordering,
    paging,
    responses,
    robustness,
    stored,
    transport,
    writing,
)

#: Eighteen mutants that a comparison of other tools used, by the kind that plants each.
PEERS: Final[Mapping[str, str]] = {
    "create_not_persisted": "U01",
    "delete_noop": "X01",
    "filter_ignored": "F01",
    "enum_filter_ignored": "F01",
    "enum_filter_inverted": "F02",
    "sort_ignored": "O01",
    "sort_inverted": "O12",
    "page_overlap": "P01",
    "page_gap": "P22",
    "page_size_ignored": "P03",
    "count_off_by_one": "P18",
    "head_count_wrong": "T01",
    "create_drops_value": "C06",
    "create_inserts_twice": "C07",
    "put_not_persisted": "U01",
    "put_wrong_field": "E01",
    "put_touches_other_rows": "U07",
    "failed_create_side_effect": "U12",
}

#: Defects that no annotation gives a place to.
INEXPRESSIBLE: Final[Mapping[str, str]] = {
    "A09": "no annotation calls an action asynchronous, so that none can fail to end",
}


def instances(api: Api) -> tuple[Mutant, ...]:
    """
    Return the mutants of an API that can be told from the truth, in a fixed order.

    Of places that are all alike only a few are taken; `Kind.population` has all.
    """
    return tuple(mutant for kind in kinds().values() for mutant in kind.instances(api))


def equivalents(api: Api) -> list[tuple[Mutant, str]]:
    """Return the mutants that break no promise of the spec, each with the reason."""
    return [
        (mutant, reason)
        for kind in kinds().values()
        for mutant, site in kind.found(api)
        if (reason := kind.excuse(site, api))
    ]


def find(id_: str, api: Api) -> Mutant:
    """Return the mutant of that id; LookupError when the API has none."""
    kind = kinds().get(id_.partition("@")[0])
    for mutant in kind.population(api) if kind is not None else ():
        if mutant.id == id_:
            return mutant
    raise LookupError(id_)


def plant(mutant: Mutant, world: World, *, strict: bool = False) -> Application:
    """Return an application in the first state of its scenario, with one defect."""
    kind = kinds()[mutant.kind]
    defect = kind.plant(site_of(mutant, world.api), world.api)
    options = Options(strict=strict, seed=world.scenario.seed)
    return Planted(world.api, world.scenario.state, world.clock, options, defect)
