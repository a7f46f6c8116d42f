"""Describe users, their keys and the organizations they belong to."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from mockserver import views
from mockserver.actions import Scope
from mockserver.json_types import JSON, OMIT, Key, Record
from mockserver.waldur import context, grants, reach
from mockserver.waldur.permissions import OWNER

#: How many projects and users a customer is shown with.
PREVIEW: Final = 5

_PAYMENT_TYPES: Final = {
    "fixed_price": "Fixed-price contract",
    "invoices": "Monthly invoices",
    "payment_gw_monthly": "Payment gateways (monthly)",
}


def user_full_name(record: Record, scope: Scope) -> JSON:
    """Join first and last name."""
    return f"{record['first_name']} {record['last_name']}".strip()


def user_customer_grants(record: Record, scope: Scope) -> list[Record]:
    """Return the grants in force of the user on customers."""
    return _held(record, "customer", scope)


def user_project_grants(record: Record, scope: Scope) -> list[Record]:
    """Return the grants in force of the user on projects."""
    return _held(record, "project", scope)


def grant_scope_type(record: Record, scope: Scope) -> JSON:
    """Name the kind of record that the grant is on, in one word."""
    held = next((field for field in grants.SCOPES if record[field] is not None), "")
    return held.replace("_", "")


def user_is_active(record: Record, scope: Scope) -> JSON:
    """Tell staff and support whether the account is switched on."""
    return record["is_active"] if context.is_staff_or_support(scope) else OMIT


def user_projects_count(record: Record, scope: Scope) -> JSON:
    """Count the provider's projects in which the user has a role."""
    return len(_projects_by_user(scope).get(record["uuid"], ()))


def customer_projects(record: Record, scope: Scope) -> list[Record]:
    """Return the first few of the customer's projects that use the provider, by name."""
    return views.kept(
        scope,
        ("first_projects", context.provider(scope)["customer"], record["uuid"]),
        lambda: nsmallest(PREVIEW, _projects_of(record, scope), key=_collated),
    )


def _collated(project: Record) -> tuple[str, str, str]:
    """Return what a list of projects sorts by, so that the first few are the same."""
    return project["name"].casefold(), project["name"], project["uuid"]


def customer_projects_count(record: Record, scope: Scope) -> JSON:
    """Count the customer's projects that use the provider."""
    return len(_projects_of(record, scope))


def customer_users(record: Record, scope: Scope) -> list[Record]:
    """Return the first few users of those projects, by username."""
    return views.kept(
        scope,
        ("first_users", context.provider(scope)["customer"], record["uuid"]),
        lambda: _first_users(_team_of(record, scope), scope),
    )


def customer_users_count(record: Record, scope: Scope) -> JSON:
    """Count the users of those projects."""
    return len(_team_of(record, scope))


def customer_payment_profiles(record: Record, scope: Scope) -> JSON:
    """Return all profiles to staff and support, the active one to an owner."""
    found = scope.store.related("payment_profile", "organization", record["uuid"])
    if context.is_staff_or_support(scope):
        return list(found)
    if record["uuid"] in grants.scopes_of_caller(scope, "customer", role=OWNER):
        return [profile for profile in found if profile["is_active"]]
    return None


def payment_profile_payment_type_display(record: Record, scope: Scope) -> JSON:
    """Return the label of the payment type."""
    return _PAYMENT_TYPES.get(record["payment_type"], record["payment_type"])


# The documentation calls it the number of customers in the group; the vendor's
# server counts them only on the group's own page.
def organization_group_customers_count(record: Record, scope: Scope) -> JSON:
    """Count the customers in the group."""
    return scope.store.count_related("customer", "organization_groups", record["uuid"])


def provider_enable_notifications(record: Record, scope: Scope) -> JSON:
    """Tell signed-in callers whether the provider is notified of events."""
    return OMIT if scope.user is None else record["enable_notifications"]


def ssh_key_fingerprint_md5(record: Record, scope: Scope) -> JSON:
    """Return the MD5 fingerprint as pairs of digits."""
    digits = hashlib.md5(_blob(record), usedforsecurity=False).hexdigest()
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def ssh_key_fingerprint_sha256(record: Record, scope: Scope) -> JSON:
    """Return the SHA-256 fingerprint."""
    return "SHA256:" + _unpadded(hashlib.sha256(_blob(record)).digest())


def ssh_key_fingerprint_sha512(record: Record, scope: Scope) -> JSON:
    """Return the SHA-512 fingerprint."""
    return "SHA512:" + _unpadded(hashlib.sha512(_blob(record)).digest())


def ssh_key_type(record: Record, scope: Scope) -> JSON:
    """Return the first word of the key."""
    return (record["public_key"].split() or [""])[0]


def _held(user: Record, field: str, scope: Scope) -> list[Record]:
    return [grant for grant in grants.held_by(scope, user["uuid"]) if grant[field] is not None]


def _blob(record: Record) -> bytes:
    words = record["public_key"].split()
    try:
        return base64.b64decode(words[1] if len(words) > 1 else "")
    except binascii.Error:
        return b""


def _unpadded(digest: bytes) -> str:
    return base64.b64encode(digest).decode().rstrip("=")


def _first_users(keys: Iterable[Key], scope: Scope) -> list[Record]:
    users = (scope.store.get("user", key) for key in keys)
    found = [user for user in users if user is not None]
    return nsmallest(PREVIEW, found, key=lambda each: each["username"].casefold())


def _projects_of(record: Record, scope: Scope) -> list[Record]:
    return _projects_by_customer(scope).get(record["uuid"], [])


def _team_of(record: Record, scope: Scope) -> set[Key]:
    return _users_by_customer(scope).get(record["uuid"], set())


def _projects_by_customer(scope: Scope) -> dict[Key, list[Record]]:
    provider = context.provider(scope)

    def group() -> dict[Key, list[Record]]:
        found: dict[Key, list[Record]] = {}
        for project in reach.provider_projects(provider, scope):
            found.setdefault(project["customer"], []).append(project)
        return found

    return views.kept(scope, ("provider_projects_by_customer", provider["customer"]), group)


def _users_by_customer(scope: Scope) -> dict[Key, set[Key]]:
    provider = context.provider(scope)

    def group() -> dict[Key, set[Key]]:
        found: dict[Key, set[Key]] = {}
        for grant in reach.provider_project_permissions(provider, scope):
            project = scope.store.get("project", grant["project"])
            if project is not None:
                found.setdefault(project["customer"], set()).add(grant["user"])
        return found

    return views.kept(scope, ("provider_users_by_customer", provider["customer"]), group)


def _projects_by_user(scope: Scope) -> dict[Key, set[Key]]:
    provider = context.provider(scope)

    def group() -> dict[Key, set[Key]]:
        found: dict[Key, set[Key]] = {}
        for grant in reach.provider_project_permissions(provider, scope):
            found.setdefault(grant["user"], set()).add(grant["project"])
        return found

    return views.kept(scope, ("provider_projects_by_user", provider["customer"]), group)
