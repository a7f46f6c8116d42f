"""A small hand-made world, record by record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import pytest

from mockserver import api, compiler, data, loader
from mockserver.actions import Call, Result, Scope
from mockserver.json_types import JSON, Record
from mockserver.operation import Field, is_nullable, types_of
from mockserver.store import Store
from mockserver.waldur import pack, permissions

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
_ZEROS: Mapping[str, JSON] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "object": {},
}


@cache
def shipped_api() -> api.Api:
    """Return the shipped spec and pack, bound once."""
    document = loader.load(data.root() / "spec" / "openapi.yaml")
    return api.bind(compiler.compile_spec(document), pack)


class World:
    """Records by hand: what is not said has its default."""

    def __init__(self, shipped: api.Api) -> None:
        self.api = shipped
        self.resources = shipped.spec.resources
        self.store = Store(self.resources).read()
        self.now = NOW
        self._count = 0

    def add(self, resource: str, /, **given: JSON) -> Record:
        """Store a record; a relation may be given as the record it points to."""
        kind = self.resources[resource]
        keys = {name: _key(value) for name, value in given.items()}
        record = {
            name: keys[name] if name in keys else self._default(field, name == kind.key)
            for name, field in kind.fields.items()
            if field.is_stored
        }
        assert not set(keys) - set(record), f"{resource} has no {set(keys) - set(record)}"
        return self.store.insert(resource, record)

    def new_id(self) -> str:
        """Return a key never used before."""
        self._count += 1
        return f"{self._count:032x}"

    def scope(
        self,
        operation: str = "marketplace_plans_list",
        *,
        user: Record | None = None,
        parent: Record | None = None,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, list[str]] | None = None,
        body: JSON = None,
    ) -> Scope:
        """Return the scope of a call at noon of a day in March."""
        bound = self.api.operations[operation]
        call = Call(
            operation=bound.operation,
            path=path or {},
            query=query or {},
            now=self.now,
            new_id=self.new_id,
            random=lambda key: sha256(f"{key}{self.new_id()}".encode()).hexdigest(),
            read_body=lambda scope: bound.readers["application/json"].read(body, scope),
            user=user,
        )
        return Scope(call=call, bound=bound, store=self.store, may=permissions.may, parent=parent)

    def call(self, operation: str, user: Record | None, key: str, body: JSON = None) -> Result:
        """Perform an operation on the record of that key."""
        path = {"uuid": key} if key else {}
        scope = self.scope(operation, user=user, path=path, body=body)
        return scope.bound.action(scope)

    def grant(self, user: Record, role: Record, **given: JSON) -> Record:
        """Give a role to a user on the record that `given` names."""
        return self.add(
            "grant", user=user, role=role, is_active=given.pop("is_active", True), **given
        )

    def _default(self, field: Field, is_key: bool) -> JSON:
        schema = field.schema
        if is_key:
            return self.new_id()
        if "default" in schema:
            return schema["default"]
        if schema.get("format") == "date-time" and field.server is not None:
            return stamp(NOW)
        if is_nullable(schema):
            return None
        return schema["enum"][0] if "enum" in schema else _ZEROS[types_of(schema)[0]]


def _key(value: Any) -> JSON:
    return value["uuid"] if isinstance(value, dict) and "uuid" in value else value


def stamp(moment: datetime) -> str:
    """Return an instant as it is stored."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def days(count: int) -> str:
    """Return the instant that many days from now, as it is stored."""
    return stamp(NOW + timedelta(days=count))


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World(shipped_api())


@pytest.fixture
def soon() -> str:
    """An instant that has not come yet."""
    return days(1)


@pytest.fixture
def past() -> str:
    """An instant that has passed."""
    return days(-1)


@pytest.fixture
def last_month() -> str:
    """An instant of the month before."""
    return days(-20)
