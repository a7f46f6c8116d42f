"""Decide which projects and offering users a filter keeps."""

from __future__ import annotations

from mockserver import values
from mockserver.actions import Scope
from mockserver.json_types import JSON, Record
from mockserver.waldur import compliance, context, grants, words
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


def project_query(record: Record, value: JSON, scope: Scope) -> bool:
    """Search projects and the names and identifiers of their resources."""
    resources = scope.store.related("resource", "project", record["uuid"])
    key = values.read_uuid(value)
    if key is not None:
        return record["uuid"] == key or any(_is_identified(each, value) for each in resources)
    return words.any_contains(record, ("name", "slug"), value) or any(
        each["name"] == value or _is_identified(each, value) for each in resources
    )


def offering_user_compliance_status_is(record: Record, value: JSON, scope: Scope) -> bool:
    """Keep the offering users of a compliance status; other words keep all."""
    status = compliance.offering_user_compliance_status(record, scope)
    return value not in _STATUSES or status == value


def _is_identified(resource: Record, value: str) -> bool:
    identifiers = (resource["backend_id"], resource["effective_id"])
    return value.casefold() in {each.casefold() for each in identifiers if each}
