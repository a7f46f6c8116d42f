"""Describe the projects that use a provider."""

from __future__ import annotations

from collections import Counter
from typing import Final

from mockserver import views
from mockserver.actions import Scope
from mockserver.json_types import JSON, OMIT, Key, Record
from mockserver.waldur import context, grants, reach
from mockserver.waldur.sciences import FIELDS_OF_SCIENCE
from mockserver.waldur.states import COURSE_ACCOUNT_CODES, is_live

#: The states in which a resource can be used.
_WORKING: Final = frozenset({"OK", "Updating"})


def customer_project_resources_count(record: Record, scope: Scope) -> JSON:
    """Count the provider's resources in the project."""
    return _resources_by_project(scope)[record["uuid"]]


def customer_project_users_count(record: Record, scope: Scope) -> JSON:
    """Count the active users with a role in the project."""
    found = grants.on(scope, "project", record["uuid"])
    return len({grant["user"] for grant in found if grants.active_user(scope, grant)})


def project_resources_count(record: Record, scope: Scope) -> JSON:
    """Count the working resources of the project, whoever provides them."""
    found = scope.store.related("resource", "project", record["uuid"])
    return sum(resource["state"] in _WORKING for resource in found)


def project_marketplace_resource_count(record: Record, scope: Scope) -> JSON:
    """Count the existing resources of the project in each category that has any."""
    offerings = (
        scope.store.get("offering", resource["offering"])
        for resource in scope.store.related("resource", "project", record["uuid"])
        if is_live(resource)
    )
    return dict(Counter(offering["category"] for offering in offerings if offering is not None))


def project_project_credit(record: Record, scope: Scope) -> JSON:
    """Return the credit of the project as a number, null without one."""
    found = scope.store.related("project_credit", "project", record["uuid"])
    return float(found[0]["value"]) if found else None


def project_staff_notes(record: Record, scope: Scope) -> JSON:
    """Show staff and support what staff wrote about the project."""
    return record["staff_notes"] if context.is_staff_or_support(scope) else OMIT


def project_oecd_fos_2007_label(record: Record, scope: Scope) -> JSON:
    """Name the field of science, null without a code."""
    code = record["oecd_fos_2007_code"]
    return None if code is None else FIELDS_OF_SCIENCE.get(code, "")


def course_account_state_code(record: Record, scope: Scope) -> JSON:
    """Return the number by which states are ordered."""
    return COURSE_ACCOUNT_CODES[record["state"]]


def project_service_account_token(record: Record, scope: Scope) -> JSON:
    """Return null: a token is shown once, by the operation that makes it."""
    return None


def project_service_account_expires_at(record: Record, scope: Scope) -> JSON:
    """Return null: how long a token lasts is shown together with it."""
    return None


def _resources_by_project(scope: Scope) -> Counter[Key]:
    provider = context.provider(scope)
    return views.kept(
        scope,
        ("provider_resources_by_project", provider["customer"]),
        lambda: Counter(each["project"] for each in reach.provider_resources(provider, scope)),
    )
