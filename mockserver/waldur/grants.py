"""Find the role grants that are in force."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

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


def by(scope: Scope, field: str) -> Mapping[Key, Sequence[Record]]:
    """Return the grants in force by their `field`; for questions about many records."""
    return scope.store.memo(
        ("grants_by", field, expired(scope)),
        lambda: _grouped(
            field, (grant for grant in scope.store.all("grant") if in_force(grant, scope))
        ),
    )


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
    return scope.store.memo(
        ("scopes_of_caller", user["uuid"], field, role, expired(scope)),
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


def expired(scope: Scope) -> int:
    """Count the grants that have expired by now.

    Between two calls with the same state and the same count no grant has
    expired, so the count is the part of the clock that a memo's key needs.
    """
    expiries = scope.store.memo(("grant_expiries",), lambda: _expiries(scope))
    count = bisect_right(expiries, scope.call.now)
    if count < len(expiries):
        # Until the next one expires, what follows from the count holds.
        scope.has_come(expiries[count])
    return count


def _grouped(field: str, found: Iterable[Record]) -> dict[Key, list[Record]]:
    groups: dict[Key, list[Record]] = {}
    for grant in found:
        if grant[field] is not None:
            groups.setdefault(grant[field], []).append(grant)
    return groups


def _expiries(scope: Scope) -> list[datetime]:
    times = (grant["expiration_time"] for grant in scope.store.all("grant"))
    return sorted(context.instant(time) for time in times if time is not None)
