"""Perform what the spec cannot say of Marketplace Service Providers."""

from __future__ import annotations

from collections.abc import Iterable

from mockserver import crud, paginator, values
from mockserver.actions import Result, Scope
from mockserver.errors import Invalid, NotFound
from mockserver.json_types import Record
from mockserver.waldur import grants, membership, offering_queries, secrets, statistics
from mockserver.waldur.states import (
    ARCHIVED,
    OFFERING_USER_OK,
    OFFERING_USER_REQUESTED,
    OFFERING_USER_UNSETTLED,
    is_live,
)


def marketplace_service_providers_destroy(scope: Scope) -> Result:
    """Delete a provider whose offerings are all archived; they stay."""
    provider = crud.target(scope)
    offerings = scope.store.related("offering", "customer", provider["customer"])
    if any(offering["state"] != ARCHIVED for offering in offerings):
        raise Invalid(message="Service provider has active offerings. Please archive them first.")
    return crud.destroy(scope)


def service_provider_api_secret_code_generate(scope: Scope) -> Result:
    """Replace the secret code; the old one stops working."""
    provider = crud.target(scope)
    code = secrets.provider_new_secret_code(scope.call)
    scope.store.replace("service_provider", provider, api_secret_code=code)
    return Result({"detail": "Api secret code updated.", "api_secret_code": code})


def marketplace_service_providers_stat_retrieve(scope: Scope) -> Result:
    """Count what the provider's dashboard shows."""
    return Result(statistics.counters(crud.target(scope), scope))


def marketplace_service_providers_revenue_list(scope: Scope) -> Result:
    """List the revenue of the running month and the twelve before it."""
    rows = statistics.revenue(crud.target(scope), scope)
    return Result(rows, page=paginator.whole(rows))


def marketplace_service_providers_offerings_list(scope: Scope) -> Result:
    """List offerings; malformed attributes are refused even when there are none to compare."""
    wanted = scope.call.query.get("attributes", [""])[-1].strip()
    if wanted:
        crud.enter(scope)
        # Complaints about the rest of the query come first.
        scope.bound.find(scope, ())
        offering_queries.read_attributes(wanted)
    return crud.list_(scope)


def marketplace_service_providers_add_user(scope: Scope) -> Result:
    """Give a user a role on the provider."""
    provider = _provider(scope)
    request = membership.read(scope)
    crud.authorize(scope, provider)
    grant = membership.add(scope, provider, request)
    return Result({"expiration_time": grant["expiration_time"]})


def marketplace_service_providers_update_user(scope: Scope) -> Result:
    """Change when a role on the provider ends; without a time it does not."""
    provider = _provider(scope)
    request = membership.read(scope)
    crud.authorize(scope, provider)
    grant = membership.find(scope, provider, request)
    if grant is None:
        raise membership.refusal("User does not have this role in this scope.")
    expiry = request.expiration_time
    if grant["expiration_time"] != expiry:
        now = scope.call.instant
        scope.store.replace("grant", grant, expiration_time=expiry, modified=now)
    return Result({"expiration_time": expiry})


def marketplace_service_providers_delete_user(scope: Scope) -> Result:
    """Take a role on the provider away; who does not hold it is left alone."""
    provider = _provider(scope)
    request = membership.read(scope)
    crud.authorize(scope, provider)
    grant = membership.find(scope, provider, request)
    if grant is not None:
        # Kept as history, so that who held the role remains known.
        scope.store.replace("grant", grant, is_active=False, modified=scope.call.instant)
    return Result()


def marketplace_service_providers_set_offerings_username(scope: Scope) -> Result:
    """Name a user's account in every offering that his projects use."""
    # Unlike elsewhere the body counts before the provider and the permission.
    user, username = _user(scope), scope.body["username"]
    provider = crud.target(scope)
    projects = {
        grant["project"]
        for grant in grants.held_by(scope, user["uuid"])
        if grant["project"] is not None
    }
    for offering in scope.store.related("offering", "customer", provider["customer"]):
        resources = scope.store.related("resource", "offering", offering["uuid"])
        if any(is_live(each) and each["project"] in projects for each in resources):
            _name_account(offering, user, username, scope)
    return Result({"detail": "Offering users have been set."})


def _provider(scope: Scope) -> Record:
    # Membership asks for the permission only when the body is fine, so the
    # provider is looked up without it.
    key = values.read_uuid(scope.call.path["uuid"])
    provider = scope.store.get("service_provider", key)
    if provider is None:
        raise NotFound(title=scope.bound.resource.title)
    return provider


def _user(scope: Scope) -> Record:
    key = scope.body["user_uuid"]
    user = scope.store.get("user", key)
    if user is None or not user["is_active"]:
        raise Invalid(message=f"A user with the uuid [{values.dashed(key)}] is not found.")
    return user


def _name_account(offering: Record, user: Record, username: str, scope: Scope) -> None:
    accounts = scope.store.related("offering_user", "offering", offering["uuid"])
    account = _account_of(user, accounts) or _new_account(offering, user, scope)
    if not username:
        return
    is_unsettled = account["state"] in OFFERING_USER_UNSETTLED
    state = OFFERING_USER_OK if is_unsettled else account["state"]
    if (account["username"], account["state"]) != (username, state):
        scope.store.replace(
            "offering_user",
            account,
            username=username,
            state=state,
            modified=scope.call.instant,
        )


def _account_of(user: Record, accounts: Iterable[Record]) -> Record | None:
    return next((account for account in accounts if account["user"] == user["uuid"]), None)


def _new_account(offering: Record, user: Record, scope: Scope) -> Record:
    now = scope.call.instant
    return scope.store.insert(
        "offering_user",
        {
            "uuid": scope.call.new_id(),
            "offering": offering["uuid"],
            "user": user["uuid"],
            "username": None,
            "state": OFFERING_USER_REQUESTED,
            "created": now,
            "modified": now,
        },
    )
