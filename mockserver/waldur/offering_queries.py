"""Decide which offerings a filter keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mockserver import values
from mockserver.actions import Scope
from mockserver.errors import Invalid
from mockserver.json_types import JSON, Key, Record
from mockserver.waldur import grants, words
from mockserver.waldur.states import is_live

_SEARCHED = ("name", "slug", "description")


def offering_accessible_via_calls(record: Record, value: JSON, scope: Scope) -> bool:
    """Ask whether an active call has been granted the offering."""
    requests = scope.store.related("call_request", "offering", record["uuid"])
    return value is any(
        each["state"] == "accepted" and each["call_state"] == "active" for each in requests
    )


def offering_allowed_customer_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep what a customer may order: its own, and what is shared with it."""
    customer = scope.store.get("customer", value)
    if customer is None:
        return False
    groups = record["organization_groups"]
    is_open = not groups or bool(set(groups) & set(customer["organization_groups"]))
    return record["customer"] == value or (bool(record["shared"]) and is_open)


def offering_project_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep what a project may use: what is shared, and what is private to it."""
    if scope.store.get("project", value) is None:
        return False
    return bool(record["shared"]) or record["project"] == value


def offering_attributes(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep offerings that have every attribute of a JSON object."""
    held = record["attributes"]
    return all(
        name in held and _matches(held[name], wanted)
        for name, wanted in read_attributes(value).items()
    )


def offering_can_create_offering_user(record: Record, value: JSON, scope: Scope) -> bool:
    """Ask whether the provider may create accounts in the offering."""
    option = record["plugin_options"].get("service_provider_can_create_offering_user", False)
    return value is bool(option)


def offering_has_terms_of_service(record: Record, value: JSON, scope: Scope) -> bool:
    """Ask whether the offering has terms of service."""
    return value is bool(scope.store.related("terms_of_service", "offering", record["uuid"]))


def offering_has_active_terms_of_service(record: Record, value: JSON, scope: Scope) -> bool:
    """Ask whether the offering has terms of service in force."""
    terms = scope.store.related("terms_of_service", "offering", record["uuid"])
    return value is any(each["is_active"] for each in terms)


def offering_query(record: Record, value: JSON, scope: Scope) -> bool:
    """Search the offerings, or find the one whose key is given."""
    key = values.read_uuid(value)
    if key is not None and scope.store.get("offering", key) is not None:
        return bool(record["uuid"] == key)
    return words.any_contains(record, _SEARCHED, value)


def offering_resource_customer_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep what a customer has an existing resource of."""
    projects = (scope.store.get("project", key) for key in _projects(record, scope))
    return any(project is not None and project["customer"] == value for project in projects)


def offering_resource_project_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep what a project has an existing resource of."""
    return value in _projects(record, scope)


def offering_service_manager_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep shared offerings on which a user holds a role."""
    return bool(record["shared"]) and any(
        grant["user"] == value for grant in grants.on(scope, "offering", record["uuid"])
    )


def offering_user_has_consent(record: Record, value: JSON, scope: Scope) -> bool:
    """Ask whether the caller agreed to the offering's terms."""
    consents = scope.store.related("user_consent", "offering", record["uuid"])
    return value is any(
        _is_callers(consent, scope) and not consent["revoked"] for consent in consents
    )


def offering_user_has_offering_user(record: Record, value: JSON, scope: Scope) -> bool:
    """Ask whether the caller has an account in the offering."""
    accounts = scope.store.related("offering_user", "offering", record["uuid"])
    return value is any(_is_callers(account, scope) for account in accounts)


def offering_uuid_list(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the offerings of a comma list."""
    return record["uuid"] in {values.read_uuid(part) for part in words.listed(value)}


def offering_scope_uuid(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep offerings behind which the given service settings are."""
    return record["scope"] is not None and record["scope"] == values.read_uuid(value)


def _projects(record: Record, scope: Scope) -> set[Key]:
    resources = scope.store.related("resource", "offering", record["uuid"])
    return {resource["project"] for resource in resources if is_live(resource)}


def _is_callers(record: Record, scope: Scope) -> bool:
    return scope.user is not None and record["user"] == scope.user["uuid"]


def _matches(held: JSON, wanted: JSON) -> bool:
    if not isinstance(wanted, list):
        return bool(held == wanted)
    members = held if isinstance(held, (list, dict)) else [held]
    return any(each in members for each in wanted)


@lru_cache(maxsize=64)
def read_attributes(text: str) -> Mapping[str, Any]:
    """Return the attributes that a filter asks for; raise Invalid when they are no object."""
    try:
        found = json.loads(text)
    except ValueError:
        raise Invalid(message="Filter attribute is not valid json.") from None
    if not isinstance(found, dict):
        raise Invalid(message="Filter attribute should be an dict.")
    return found
