"""The exported records, and the facts that most lists are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]

BASE_URL = "http://localhost"


@dataclass(frozen=True, eq=False)
class World:
    """Every record by resource and key, and what time it is."""

    tables: dict[str, dict[str, Row]]
    now: datetime

    @classmethod
    def read(cls, exported: dict[str, Any], now: datetime) -> World:
        plain = json.loads(json.dumps(exported))
        tables = {
            name: {row["key" if name == "token" else "uuid"]: row for row in rows}
            for name, rows in plain.items()
        }
        return cls(tables, now)

    @property
    def today(self) -> date:
        return self.now.date()

    def all(self, resource: str) -> list[Row]:
        return list(self.tables.get(resource, {}).values())

    def get(self, resource: str, key: str) -> Row:
        return self.tables[resource][key]

    def maybe(self, resource: str, key: str | None) -> Row:
        """Return a record, or one without any value when there is no key."""
        return {} if key is None else self.get(resource, key)

    def where(self, resource: str, /, **wanted: Any) -> list[Row]:
        first, *_ = wanted
        rows = _grouped(self, resource, first).get(wanted[first], [])
        return [row for row in rows if all(row[name] == each for name, each in wanted.items())]


@cache
def _grouped(world: World, resource: str, name: str) -> dict[Any, list[Row]]:
    """Return the records of a resource by the value of one column."""
    found: dict[Any, list[Row]] = {}
    for row in world.all(resource):
        found.setdefault(row[name], []).append(row)
    return found


@dataclass(frozen=True, eq=False)
class Ask:
    """Who asks in which world, and about which provider."""

    world: World
    caller: Row | None = None
    provider: Row | None = None
    #: Rows that were shown before, by list and uuid: nobody changes the world meanwhile.
    shown: dict[tuple[str, str], Row] = field(default_factory=dict, repr=False)

    @property
    def user(self) -> Row:
        assert self.caller is not None
        return self.caller

    @property
    def customer(self) -> str:
        """The organization of the provider."""
        assert self.provider is not None
        key: str = self.provider["customer"]
        return key

    @property
    def is_operator(self) -> bool:
        return bool(self.user["is_staff"] or self.user["is_support"])

    def up(self, resource: str, key: str | None) -> Row:
        return self.world.maybe(resource, key)


def moment(text: str) -> datetime:
    """Return the instant that a stored text tells."""
    return datetime.fromisoformat(text)


def is_live(resource: Row) -> bool:
    return bool(resource["state"] != "Terminated")


def is_valid(world: World, grant: Row) -> bool:
    """Tell whether a grant gives anything now."""
    ends: str | None = grant["expiration_time"]
    return bool(grant["is_active"]) and (ends is None or moment(ends) > world.now)


@cache
def grants(world: World, kind: str) -> list[Row]:
    """Return the grants that hold now and whose scope is of a kind."""
    return [g for g in world.all("grant") if g[kind] is not None and is_valid(world, g)]


def holds(world: World, user: Row, kind: str, key: str, *roles: str) -> bool:
    """Tell whether a user holds a role, or one of those named, on exactly that record."""
    for grant in grants(world, kind):
        if grant["user"] == user["uuid"] and grant[kind] == key:
            name = world.get("role", grant["role"])["name"]
            if not roles or name in roles:
                return True
    return False


def may(ask: Ask, permission: str) -> bool:
    """Tell whether the caller has a permission on the organization of the provider."""
    if ask.user["is_staff"]:
        return True
    for grant in grants(ask.world, "customer"):
        permissions = ask.world.get("role", grant["role"])["permissions"]
        is_here = grant["user"] == ask.user["uuid"] and grant["customer"] == ask.customer
        if is_here and permission in permissions:
            return True
    return False


# What a provider reaches: everything follows from the offerings of its organization.


@cache
def all_resources(world: World, customer: str) -> list[Row]:
    """Return the resources of every offering of an organization, ended ones as well."""
    return [
        resource
        for resource in world.all("resource")
        if world.get("offering", resource["offering"])["customer"] == customer
    ]


@cache
def resources(world: World, customer: str) -> list[Row]:
    return [
        resource
        for resource in all_resources(world, customer)
        if is_live(resource) and world.get("offering", resource["offering"])["shared"]
    ]


@cache
def projects(world: World, customer: str) -> list[Row]:
    keys = {resource["project"] for resource in resources(world, customer)}
    return [p for p in world.all("project") if p["uuid"] in keys and not p["is_removed"]]


@cache
def customers(world: World, customer: str) -> list[Row]:
    keys = {project["customer"] for project in projects(world, customer)}
    return [c for c in world.all("customer") if c["uuid"] in keys]


@cache
def project_grants(world: World, customer: str) -> list[Row]:
    """Return what active users hold on the projects of a provider."""
    keys = {project["uuid"] for project in projects(world, customer)}
    return [
        grant
        for grant in grants(world, "project")
        if grant["project"] in keys and world.get("user", grant["user"])["is_active"]
    ]


@cache
def users(world: World, customer: str) -> list[Row]:
    keys = {grant["user"] for grant in project_grants(world, customer)}
    return [user for user in world.all("user") if user["uuid"] in keys]


# How records are shown.


def link(collection: str, key: str | None) -> str | None:
    return None if key is None else f"{BASE_URL}/api/{collection}/{key}/"


def media(key: str | None) -> str | None:
    return link("media", key)


def full_name(user: Row) -> str:
    return f"{user['first_name']} {user['last_name']}".strip()


def collated(text: str) -> tuple[str, str]:
    """Return what a text is sorted by: its letters first, their case second."""
    return text.casefold(), text


def by(rows: Iterable[Row], key: Callable[[Row], Any]) -> list[Row]:
    """Sort records by a key, and equal ones by their uuid."""
    return sorted(sorted(rows, key=lambda row: row["uuid"]), key=key)


def groups(world: World, keys: list[str]) -> list[Row]:
    """Show organization groups where they are nested, by name."""
    found = by(
        (world.get("organization_group", key) for key in keys), lambda g: collated(g["name"])
    )
    return [_group(world, group) for group in found]


def _group(world: World, group: Row) -> Row:
    shown = {"uuid": group["uuid"], "url": link("organization-groups", group["uuid"])}
    shown |= {"name": group["name"], "parent": link("organization-groups", group["parent"])}
    if group["parent"] is not None:
        shown["parent_uuid"] = group["parent"]
        shown["parent_name"] = world.get("organization_group", group["parent"])["name"]
    count = 0
    for customer in world.all("customer"):
        count += group["uuid"] in customer["organization_groups"]
    return {**shown, "customers_count": count}
