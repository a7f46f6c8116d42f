"""Decide which projects and offering users a filter keeps."""

from __future__ import annotations

from mockserver.actions import Scope
from mockserver.json_types import JSON, Record
from mockserver.waldur import compliance, context, grants
from mockserver.waldur.permissions import OWNER

_STATUSES = frozenset({"completed", "pending", "no_checklist"})


def project_can_admin(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the projects that the caller administers; false keeps all."""
    mine = grants.scopes_of_caller(scope, "project", role="PROJECT.ADMIN")
    return not value or record["uuid"] in mine


def project_can_manage(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the projects that the caller manages, or whose customer he owns; false keeps all."""
    mine = grants.scopes_of_caller(scope, "project", role="PROJECT.MANAGER")
    owned = grants.scopes_of_caller(scope, "customer", role=OWNER)
    return not value or record["uuid"] in mine or record["customer"] in owned


def project_conceal_finished_projects(record: Record, value: JSON, scope: Scope) -> bool:
    """Drop the projects that ended before today; false keeps all."""
    return not value or record["end_date"] is None or record["end_date"] >= context.today(scope)


def offering_user_compliance_status_is(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the offering users of a compliance status; other words keep all."""
    status = compliance.offering_user_compliance_status(record, scope)
    return value not in _STATUSES or status == value
