"""Decide who may do what."""

from __future__ import annotations

from typing import Final

from mockserver.actions import Scope
from mockserver.json_types import Record
from mockserver.waldur import context, grants

#: The need that no role satisfies.
STAFF: Final = "staff"
#: The one role that operations ask for by name instead of by permission.
OWNER: Final = "CUSTOMER.OWNER"


def may(scope: Scope, needs: str, record: Record | None) -> bool:
    """Tell whether the caller may do what `needs` names to a record."""
    if context.is_staff(scope):
        return True
    if needs == STAFF or scope.user is None or record is None:
        return False
    return any(
        _is_about(scope, grant, record) and _gives(scope, grant, needs)
        for grant in grants.held_by(scope, scope.user["uuid"])
    )


def _is_about(scope: Scope, grant: Record, record: Record) -> bool:
    # Keys are only unique within a resource, so the key alone does not tell
    # a grant on a customer from one on a provider.
    return any(
        grant[field] == record["uuid"] and scope.store.get(field, grant[field]) == record
        for field in grants.SCOPES
    )


def _gives(scope: Scope, grant: Record, needs: str) -> bool:
    if needs == OWNER:
        return grants.role_name(scope, grant) == OWNER
    return needs in grants.permissions(scope, grant)
