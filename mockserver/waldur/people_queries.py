"""Decide which users and customers a filter keeps."""

from __future__ import annotations

from mockserver import views
from mockserver.actions import Scope
from mockserver.json_types import JSON, Key, Record
from mockserver.waldur import context, grants, reach
from mockserver.waldur.permissions import OWNER


def customer_owned_by_current_user(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the customers that the caller owns; false keeps all."""
    owned = grants.scopes_of_caller(scope, "customer", role=OWNER)
    return not value or record["uuid"] in owned


def customer_user_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the customers that an active user belongs to, directly or through projects."""
    provider = context.provider(scope)
    wanted = views.kept(
        scope,
        ("customers_of_user", provider["customer"], value),
        lambda: _customers_of_user(provider, value, scope),
    )
    return record["uuid"] in wanted


def user_is_staff(record: Record, value: JSON, scope: Scope) -> bool:
    """Let staff and support ask who is staff; to others nobody answers."""
    return context.is_staff_or_support(scope) and value is record["is_staff"]


def user_is_support(record: Record, value: JSON, scope: Scope) -> bool:
    """Let staff and support ask who is support; to others nobody answers."""
    return context.is_staff_or_support(scope) and value is record["is_support"]


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
