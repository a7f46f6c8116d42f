"""Say which records a scenario asks for, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mockserver.drafts import Lookup
from mockserver.json_types import JSON, Key
from mockserver.loader import Node
from mockserver.operation import Resource


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A record that the files ask for; `fixed` fields follow from where it stands.

    `named` are the relations below which it has records of its own.
    """

    resource: Resource
    label: str
    number: int
    key: Key
    raw: Node
    place: str
    fixed: Mapping[str, JSON] = field(default_factory=dict)
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What a scenario calls its records: their keys by resource and label, and the groups."""

    keys: Mapping[str, Mapping[str, Key]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, Sequence[Key]]] = field(default_factory=dict)


class Present(Lookup, Protocol):
    """Knows the records that are there before."""

    def serial(self, resource: str) -> int:
        """Return the last number that a record of a resource got."""
