"""Decide which users, grants, keys and customers a filter keeps."""

from __future__ import annotations

from mockserver import values
from mockserver.actions import Scope
from mockserver.json_types import JSON, Key, Record
from mockserver.waldur import context, grants, reach, words
from mockserver.waldur.permissions import OWNER

_USER_SEARCHED = ("first_name", "last_name", "civil_number", "username", "email")
_CUSTOMER_SEARCHED = ("name", "native_name", "abbreviation", "domain", "registration_code")


def customer_owned_by_current_user(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the customers that the caller owns; false keeps all."""
    owned = grants.scopes_of_caller(scope, "customer", role=OWNER)
    return not value or record["uuid"] in owned


def customer_query(record: Record, value: JSON, scope: Scope) -> bool:
    """Search the names and numbers of customers, or find one by its key."""
    return (
        words.any_contains(record, _CUSTOMER_SEARCHED, value)
        or value in record["agreement_number"]
        or record["uuid"] == values.read_uuid(value)
    )


def customer_user_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the customers that an active user belongs to, directly or through projects."""
    provider = context.provider(scope)
    wanted = scope.store.memo(
        ("customers_of_user", provider["uuid"], value, grants.expired(scope)),
        lambda: _customers_of_user(provider, value, scope),
    )
    return record["uuid"] in wanted


def user_customer_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the users with a role in a customer or in one of its projects."""
    team = scope.store.memo(
        ("team_of_customer", value, grants.expired(scope)), lambda: _team(value, scope)
    )
    return record["uuid"] in team


def user_project_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the users with a role in a project."""
    held = grants.by(scope, "user").get(record["uuid"], ())
    return any(grant["project"] == value for grant in held)


def user_organization_roles(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the users who hold one of these roles in any customer."""
    return _holds(record, "customer", value, scope)


def user_project_roles(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the users who hold one of these roles in any project."""
    return _holds(record, "project", value, scope)


def user_is_staff(record: Record, value: JSON, scope: Scope) -> bool:
    """Let staff and support ask who is staff; to others nobody answers."""
    return context.is_staff_or_support(scope) and value is record["is_staff"]


def user_is_support(record: Record, value: JSON, scope: Scope) -> bool:
    """Let staff and support ask who is support; to others nobody answers."""
    return context.is_staff_or_support(scope) and value is record["is_support"]


def user_full_name_matches(record: Record, value: JSON, scope: Scope) -> bool:
    """Search the full names of users."""
    return words.full_name_contains(record, value)


def user_query(record: Record, value: JSON, scope: Scope) -> bool:
    """Search the names and numbers of users; of two words the first is a first name."""
    first, _, rest = " ".join(value.split()).partition(" ")
    return words.any_contains(record, _USER_SEARCHED, value) or (
        rest != ""
        and words.contains(record["first_name"], first)
        and words.contains(record["last_name"], rest)
    )


def grant_full_name_matches(record: Record, value: JSON, scope: Scope) -> bool:
    """Search the full names of those who hold grants."""
    user = scope.store.get("user", record["user"])
    return user is not None and words.full_name_contains(user, value)


def grant_role(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the grants of a role, given by its key or its name."""
    key = values.read_uuid(value)
    if key is not None:
        return bool(record["role"] == key)
    return bool(grants.role_name(scope, record) == value)


def grant_scope_type(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the grants on one kind of record."""
    held = next((field for field in grants.SCOPES if record[field] is not None), "")
    return bool(held.replace("_", "") == value)


def grant_scope_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the grants on the record of that key."""
    key = values.read_uuid(value)
    return key is not None and any(record[field] == key for field in grants.SCOPES)


def _holds(record: Record, field: str, value: JSON, scope: Scope) -> bool:
    wanted = {value} if isinstance(value, str) else set(value)
    return any(
        grant[field] is not None and grants.role_name(scope, grant) in wanted
        for grant in grants.by(scope, "user").get(record["uuid"], ())
    )


def _team(customer: Key, scope: Scope) -> frozenset[Key]:
    found = list(grants.on(scope, "customer", customer))
    for project in scope.store.related("project", "customer", customer):
        found += grants.on(scope, "project", project["uuid"])
    return frozenset(grant["user"] for grant in found)


def _customers_of_user(provider: Record, user: Key, scope: Scope) -> frozenset[Key]:
    account = scope.store.get("user", user)
    if account is None or not account["is_active"]:
        return frozenset()
    reached = {project["uuid"]: project for project in reach.provider_projects(provider, scope)}
    held = grants.held_by(scope, user)
    through = {g["project"] for g in held} & reached.keys()
    return frozenset(
        {g["customer"] for g in held if g["customer"] is not None}
        | {reached[key]["customer"] for key in through}
    )
