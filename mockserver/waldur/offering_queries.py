"""Decide which offerings a filter keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mockserver.actions import Scope
from mockserver.errors import Invalid
from mockserver.json_types import JSON, Record


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
