"""Decide who sees what."""

from __future__ import annotations

from mockserver.actions import Scope
from mockserver.json_types import Record
from mockserver.waldur import context, grants


def plan_is_visible(record: Record, scope: Scope) -> bool:
    """Show plans to staff and to those with a role in the offering's organization."""
    if context.is_staff(scope):
        return True
    offering = scope.store.get("offering", record["offering"])
    return offering is not None and offering["customer"] in grants.scopes_of_caller(
        scope, "customer"
    )
