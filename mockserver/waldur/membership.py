"""Give people roles on a provider and take them away."""

from __future__ import annotations

from typing import NamedTuple

from mockserver import values
from mockserver.actions import Scope
from mockserver.errors import NON_FIELD, Invalid, Issue, Issues
from mockserver.json_types import JSON, Record
from mockserver.waldur import context, grants, permissions

#: The kind of role that can be given on a provider.
SCOPE_TYPE = "serviceprovider"


class Request(NamedTuple):
    """Who is to hold which role, and until when."""

    user: Record
    role: Record
    expiration_time: str | None


def read(scope: Scope) -> Request:
    """Return what the body asks for; a role goes by its name or its key."""
    body = scope.body
    user, role = _user(scope, body["user"]), _role(scope, body["role"])
    expiry = body.get("expiration_time")
    issues: dict[str, Issues] = {}
    if role is None:
        issues["role"] = _complaint("Role is not found.")
    if user is None:
        issues["user"] = _complaint("User is not found.")
    if expiry is not None and scope.has_come(context.instant(expiry)):
        issues["expiration_time"] = _complaint(
            "Expiration time should be greater than current time."
        )
    if role is None or user is None or issues:
        raise Invalid(issues)
    return Request(user, role, expiry)


def find(scope: Scope, provider: Record, request: Request) -> Record | None:
    """Return the grant in force of that role to that user on the provider."""
    for grant in grants.on(scope, "service_provider", provider["uuid"]):
        if (grant["user"], grant["role"]) == (request.user["uuid"], request.role["uuid"]):
            return grant
    return None


def add(scope: Scope, provider: Record, request: Request) -> Record:
    """Grant the role."""
    if problem := _obstacle(scope, provider, request):
        raise refusal(problem)
    now = scope.call.instant
    return scope.store.insert(
        "grant",
        {
            "uuid": scope.call.new_id(),
            "user": request.user["uuid"],
            "role": request.role["uuid"],
            "customer": None,
            "project": None,
            "offering": None,
            "service_provider": provider["uuid"],
            "created": now,
            "modified": now,
            "created_by": None if scope.user is None else scope.user["uuid"],
            "expiration_time": request.expiration_time,
            "is_active": True,
        },
    )


def refusal(text: str) -> Invalid:
    """Return the refusal of a request as a whole."""
    return Invalid({NON_FIELD: _complaint(text)})


def _obstacle(scope: Scope, provider: Record, request: Request) -> str:
    customer = scope.store.get("customer", provider["customer"])
    if customer is None or customer["blocked"] or customer["archived"]:
        return "Customer is not available."
    if request.role["scope_type"] != SCOPE_TYPE:
        return "Role is not valid for this scope."
    if not request.role["is_active"]:
        return "Role is not active."
    if find(scope, provider, request) is not None:
        return "User has already the same role in this scope."
    is_self = scope.user is not None and scope.user["uuid"] == request.user["uuid"]
    if is_self and not permissions.may(scope, "CUSTOMER.CREATE_PERMISSION", customer):
        return "User can not manage own role."
    return ""


def _user(scope: Scope, key: JSON) -> Record | None:
    user = scope.store.get("user", key)
    return user if user is not None and user["is_active"] else None


def _role(scope: Scope, text: str) -> Record | None:
    key = values.read_uuid(text)
    if key is not None:
        return scope.store.get("role", key)
    return next((role for role in scope.store.all("role") if role["name"] == text), None)


def _complaint(text: str) -> list[Issue]:
    return [Issue("text", {"text": text})]
