"""Find the role grants that are in force."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mockserver import views
from mockserver.actions import Scope
from mockserver.json_types import Key, Record
from mockserver.waldur import context

#: The fields of a grant of which exactly one names what it is about.
SCOPES: Final = ("customer", "project", "offering", "service_provider")


def in_force(grant: Record, scope: Scope) -> bool:
    """Tell whether a grant is active and has not expired."""
    expiry = grant["expiration_time"]
    if not grant["is_active"]:
        return False
    return expiry is None or not scope.has_come(context.instant(expiry))


def on(scope: Scope, field: str, key: Key) -> list[Record]:
    """Return the grants in force on the `field` record with this key."""
    found = scope.store.related("grant", field, key)
    return [grant for grant in found if in_force(grant, scope)]


def held_by(scope: Scope, user: Key) -> list[Record]:
    """Return the grants in force of a user."""
    return on(scope, "user", user)


def role_name(scope: Scope, grant: Record) -> str:
    """Return the name of the role that is granted."""
    role = scope.store.get("role", grant["role"])
    return str(role["name"]) if role else ""


def permissions(scope: Scope, grant: Record) -> Iterable[str]:
    """Return what the granted role permits."""
    role = scope.store.get("role", grant["role"])
    return role["permissions"] if role else ()


def scopes_of_caller(scope: Scope, field: str, *, role: str = "") -> frozenset[Key]:
    """Return the keys of the `field` records on which the caller has any role, or this one."""
    user = scope.user
    if user is None:
        return frozenset()
    return views.kept(
        scope,
        ("scopes_of_caller", user["uuid"], field, role),
        lambda: frozenset(
            grant[field]
            for grant in held_by(scope, user["uuid"])
            if grant[field] is not None and role in ("", role_name(scope, grant))
        ),
    )


def active_user(scope: Scope, grant: Record) -> Record | None:
    """Return the user of a grant unless the account is switched off."""
    user = scope.store.get("user", grant["user"])
    return user if user is not None and user["is_active"] else None
