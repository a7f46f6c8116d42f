"""Hold a record in the making: what it knows, and what it may draw from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any, Protocol, TypeAlias

from mockserver.errors import FixtureError
from mockserver.json_types import JSON, Key, Record
from mockserver.operation import Field, Resource

#: A generator of Faker. `Any`, because its providers are found by name as it runs.
Fake: TypeAlias = Any


class Lookup(Protocol):
    """Knows the records of a scenario before they are made."""

    def key(self, resource: str, label: Key) -> Key | None:
        """Return the key of the record of that label, or None."""

    def labels(self, resource: str) -> Sequence[str]:
        """Return the labels of a resource."""

    def group(self, name: str) -> tuple[str, Sequence[Key]] | None:
        """Return the resource and the keys of a made group, or None."""


@dataclass(frozen=True, slots=True)
class World:
    """What is the same for every record: one source of chance, one present."""

    seed: int
    midnight: datetime
    fake: Fake
    lookup: Lookup


@dataclass(slots=True)
class Draft:
    """
    A record in the making; a field is made when somebody first asks for it.

    Chance is keyed by seed, resource, label and field: neither another record
    nor another field changes what is drawn here.
    """

    world: World
    resource: str
    label: str
    number: int
    makers: Mapping[str, Maker]
    values: dict[str, JSON] = field(default_factory=dict)

    def record(self) -> Record:
        """Return the record with every field made."""
        return {name: self.get(name) for name in self.makers}

    def get(self, name: str) -> JSON:
        """Return the value of a field, made now if it was not yet."""
        if name not in self.values:
            self.values[name] = None  # what a circle of references ends in
            self.values[name] = self.makers[name](self)
        return self.values[name]

    def fake(self, name: str) -> Fake:
        """Return Faker, seeded for one field of this record."""
        fake = self.world.fake
        fake.random.seed(f"{self.world.seed}/{self.resource}/{self.label}/{name}")
        return fake

    def chance(self, name: str) -> Random:
        """Return the source of chance, seeded for one field of this record."""
        source: Random = self.fake(name).random
        return source


Maker: TypeAlias = Callable[[Draft], JSON]


@dataclass(frozen=True, slots=True)
class Target:
    """The field that a recipe is written for, and where it is written."""

    resource: Resource
    field: Field
    place: str
    world: World

    def refuse(self, text: str) -> FixtureError:
        """Return the complaint about this recipe."""
        return FixtureError(self.place, f"{self.resource.name}.{self.field.name}: {text}")


def plain(value: Any) -> JSON:
    """Return a value as stored: nothing but JSON types."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
