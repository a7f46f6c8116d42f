"""Follow what a service provider reaches through its customer's offerings.

A provider has no resources, projects or users of its own. The shared offerings
of its customer have resources that are not terminated; those lead to projects,
to the customers of the projects, and to everybody with a role in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mockserver import views
from mockserver.actions import Scope
from mockserver.json_types import JSON, Key, Record
from mockserver.waldur import grants
from mockserver.waldur.states import ON_SALE, ROBOT_ACCOUNT_PRESENT, is_live

_CUSTOMER: Final = "project_customer_uuid"


def provider_resources(record: Record, scope: Scope) -> list[Record]:
    """Return the resources of the provider's shared offerings that still exist."""
    return views.kept(
        scope,
        ("provider_resources", record["customer"]),
        lambda: [
            resource
            for offering in _offerings(record, scope)
            if offering["shared"]
            for resource in scope.store.related("resource", "offering", offering["uuid"])
            if is_live(resource)
        ],
    )


def provider_projects(record: Record, scope: Scope) -> list[Record]:
    """Return the projects with such a resource, except removed ones."""
    return views.kept(
        scope,
        ("provider_projects", record["customer"]),
        lambda: _projects(provider_resources(record, scope), scope),
    )


def provider_customer_projects(record: Record, scope: Scope) -> list[Record]:
    """Return those projects; none where a customer has to be named and is not."""
    # Only a later release has the parameter, and answers nothing without it.
    asked = scope.call.query.get(_CUSTOMER, ())
    is_open = all(parameter.name != _CUSTOMER for parameter in scope.call.operation.parameters)
    return provider_projects(record, scope) if is_open or (asked and asked[-1].strip()) else []


def provider_customers(record: Record, scope: Scope) -> list[Record]:
    """Return the customers of those projects."""
    return views.kept(
        scope,
        ("provider_customers", record["customer"]),
        lambda: _customers(provider_projects(record, scope), scope),
    )


def provider_user_customers(record: Record, scope: Scope) -> list[Record]:
    """Return those customers for a question about one user, none without a user."""
    asked = scope.call.query.get("user_uuid", ())
    return provider_customers(record, scope) if asked and asked[-1].strip() else []


def provider_project_permissions(record: Record, scope: Scope) -> list[Record]:
    """Return the grants in force on those projects, except of inactive users."""
    return views.kept(
        scope,
        ("provider_project_permissions", record["customer"]),
        lambda: [
            grant
            for project in provider_projects(record, scope)
            for grant in grants.on(scope, "project", project["uuid"])
            if grants.active_user(scope, grant)
        ],
    )


def provider_users(record: Record, scope: Scope) -> list[Record]:
    """Return the active users with a role in those projects."""
    return views.kept(
        scope,
        ("provider_users", record["customer"]),
        lambda: _pick(
            scope, "user", (g["user"] for g in provider_project_permissions(record, scope))
        ),
    )


def provider_keys(record: Record, scope: Scope) -> list[Record]:
    """Return the SSH keys of those users."""
    return views.kept(
        scope,
        ("provider_keys", record["customer"]),
        lambda: _among(scope, "ssh_key", "user", provider_users(record, scope)),
    )


def provider_service_accounts(record: Record, scope: Scope) -> list[Record]:
    """Return the service accounts of those projects that have been given a name."""
    return _of_projects(record, scope, "project_service_account", "username")


def provider_course_accounts(record: Record, scope: Scope) -> list[Record]:
    """Return the course accounts of those projects that belong to a user."""
    return _of_projects(record, scope, "course_account", "user")


def provider_offerings(record: Record, scope: Scope) -> list[Record]:
    """Return the billable and shared offerings of the provider, in every state."""
    return [
        offering
        for offering in _offerings(record, scope)
        if offering["billable"] and offering["shared"]
    ]


def provider_offering_count(record: Record, scope: Scope) -> JSON:
    """Count the offerings that are active or paused, whoever may see them."""
    return sum(offering["state"] in ON_SALE for offering in _offerings(record, scope))


def provider_members(record: Record, scope: Scope) -> list[Record]:
    """Return the grants in force on the provider itself, except of inactive users."""
    found = grants.on(scope, "service_provider", record["uuid"])
    return [grant for grant in found if grants.active_user(scope, grant)]


def provider_robot_account_projects(record: Record, scope: Scope) -> list[Record]:
    """Return the projects of resources with a robot account, except removed ones."""
    return _projects(_with_robots(record, scope), scope)


def provider_robot_account_customers(record: Record, scope: Scope) -> list[Record]:
    """Return the owners of the projects of resources with a robot account."""
    keys = (resource["project"] for resource in _with_robots(record, scope))
    return _customers(_pick(scope, "project", keys), scope)


def provider_compliance_offerings(record: Record, scope: Scope) -> list[Record]:
    """Return the offerings of the provider that ask for compliance."""
    return [
        offering
        for offering in _offerings(record, scope)
        if offering["compliance_checklist"] is not None
    ]


def provider_checklists(record: Record, scope: Scope) -> list[Record]:
    """Return the checklists that the provider's offerings use."""
    offerings = provider_compliance_offerings(record, scope)
    return _pick(scope, "checklist", (each["compliance_checklist"] for each in offerings))


def provider_compliance_users(record: Record, scope: Scope) -> list[Record]:
    """Return the offering users of all offerings of the provider."""
    return views.kept(
        scope,
        ("provider_compliance_users", record["customer"]),
        lambda: [
            user
            for offering in _offerings(record, scope)
            for user in scope.store.related("offering_user", "offering", offering["uuid"])
        ],
    )


def _offerings(record: Record, scope: Scope) -> tuple[Record, ...]:
    return scope.store.related("offering", "customer", record["customer"])


def _with_robots(record: Record, scope: Scope) -> list[Record]:
    keys = (
        robot["resource"]
        for robot in scope.store.all("robot_account")
        if robot["state"] in ROBOT_ACCOUNT_PRESENT
    )
    offered = {offering["uuid"] for offering in _offerings(record, scope)}
    return [each for each in _pick(scope, "resource", keys) if each["offering"] in offered]


def _of_projects(record: Record, scope: Scope, resource: str, required: str) -> list[Record]:
    found = _among(scope, resource, "project", provider_projects(record, scope))
    return [account for account in found if account[required] is not None]


def _among(scope: Scope, resource: str, field: str, holders: Iterable[Record]) -> list[Record]:
    return [
        record
        for holder in holders
        for record in scope.store.related(resource, field, holder["uuid"])
    ]


def _projects(resources: Iterable[Record], scope: Scope) -> list[Record]:
    found = _pick(scope, "project", (resource["project"] for resource in resources))
    return [project for project in found if not project["is_removed"]]


def _customers(projects: Iterable[Record], scope: Scope) -> list[Record]:
    return _pick(scope, "customer", (project["customer"] for project in projects))


def _pick(scope: Scope, resource: str, keys: Iterable[Key]) -> list[Record]:
    # A dict drops repetitions and keeps the order, so that runs are reproducible.
    found = (scope.store.get(resource, key) for key in dict.fromkeys(keys))
    return [record for record in found if record is not None]
