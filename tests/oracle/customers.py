"""Customers of a provider."""

from __future__ import annotations

from tests.oracle import filters, money, values
from tests.oracle.filters import Filter, Keep, has_text
from tests.oracle.listing import Listing
from tests.oracle.values import Refused
from tests.oracle.world import (
    Ask,
    Row,
    all_resources,
    by,
    collated,
    customers,
    full_name,
    grants,
    holds,
    link,
    media,
    project_grants,
    projects,
    resources,
    users,
)

_PATH = "/api/marketplace-service-providers/{}/"
_COPIED = ("uuid", "name", "slug", "abbreviation", "phone_number", "email")
_FIELDS = (
    *_COPIED,
    "payment_profiles",
    "billing_price_estimate",
    "projects_count",
    "users_count",
    "projects",
    "users",
)
_PAYMENT = {
    "fixed_price": "Fixed-price contract",
    "invoices": "Monthly invoices",
    "payment_gw_monthly": "Payment gateways (monthly)",
}
_SEARCHED = ("name", "native_name", "abbreviation", "domain", "registration_code")
_ROBOTS_AT_WORK = (3, 4)


def _profile(profile: Row) -> Row:
    copied = ("uuid", "name", "attributes", "payment_type", "is_active")
    return {
        **{name: profile[name] for name in copied},
        "url": link("payment-profiles", profile["uuid"]),
        "organization_uuid": profile["organization"],
        "organization": link("customers", profile["organization"]),
        "payment_type_display": _PAYMENT[profile["payment_type"]],
    }


def _profiles(ask: Ask, customer: Row) -> list[Row] | None:
    found = ask.world.where("payment_profile", organization=customer["uuid"])
    if ask.is_operator:
        return [_profile(each) for each in found]
    if _is_owner(ask, customer):
        return [_profile(each) for each in found if each["is_active"]]
    return None


def _is_owner(ask: Ask, customer: Row) -> bool:
    return holds(ask.world, ask.user, "customer", customer["uuid"], "CUSTOMER.OWNER")


def _show(ask: Ask, customer: Row) -> Row:
    own = [p for p in projects(ask.world, ask.customer) if p["customer"] == customer["uuid"]]
    keys = {project["uuid"] for project in own}
    people = {g["user"] for g in project_grants(ask.world, ask.customer) if g["project"] in keys}
    members = [user for user in users(ask.world, ask.customer) if user["uuid"] in people]
    bought = [
        resource
        for resource in resources(ask.world, ask.customer)
        if ask.world.get("project", resource["project"])["customer"] == customer["uuid"]
    ]
    return {
        **{name: customer[name] for name in _COPIED},
        "payment_profiles": _profiles(ask, customer),
        "billing_price_estimate": money.cost(ask.world, bought),
        "projects_count": len(own),
        "users_count": len(members),
        "projects": [_project(each) for each in by(own, lambda p: collated(p["name"]))[:5]],
        "users": [_user(each) for each in by(members, lambda u: collated(u["username"]))[:5]],
    }


def _project(project: Row) -> Row:
    return {"uuid": project["uuid"], "name": project["name"], "image": media(project["image"])}


def _user(user: Row) -> Row:
    return {
        "uuid": user["uuid"],
        "full_name": full_name(user),
        "email": user["email"],
        "image": media(user["image"]),
    }


def _group_names(ask: Ask, customer: Row) -> list[str]:
    keys = customer["organization_groups"]
    return [ask.world.get("organization_group", key)["name"] for key in keys]


def _answers(ask: Ask, customer: Row, wanted: str) -> bool:
    if has_text((customer[name] for name in _SEARCHED), wanted):
        return True
    return wanted in customer["agreement_number"] or values.hex_of(wanted) == customer["uuid"]


def _of_groups(sent: list[str], ask: Ask) -> Keep | None:
    wanted = []
    for value in sent:
        if value.strip():
            key = values.hex_of(value.strip())
            if key not in ask.world.tables["organization_group"]:
                raise Refused(values.invalid_choice(value))
            wanted.append(key)
    return (lambda c: bool(set(c["organization_groups"]) & set(wanted))) if wanted else None


_FILTERS: dict[str, Filter] = {
    "abbreviation": filters.contains(filters.of("abbreviation")),
    "agreement_number": filters.exact(filters.of("agreement_number")),
    "archived": filters.flag(filters.of("archived")),
    "backend_id": filters.exact(filters.of("backend_id")),
    "contact_details": filters.contains(filters.of("contact_details")),
    "name": filters.contains(filters.of("name")),
    "name_exact": filters.exact(filters.of("name")),
    "native_name": filters.contains(filters.of("native_name")),
    "organization_group_name": filters.contains(_group_names),
    "organization_group_uuid": Filter("uuids", _of_groups, filters.of("organization_groups")),
    "owned_by_current_user": filters.only_true(_is_owner),
    "query": filters.by(
        "text",
        values.text,
        _answers,
        lambda a, c: [c[name] for name in (*_SEARCHED, "agreement_number", "uuid")],
    ),
    "registration_code": filters.exact(filters.of("registration_code")),
}


def _belongs(ask: Ask, customer: Row, wanted: str) -> bool:
    user = ask.world.tables["user"].get(values.hex_of(wanted) or "")
    if user is None or not user["is_active"]:
        return False
    for grant in grants(ask.world, "customer"):
        if grant["user"] == user["uuid"] and grant["customer"] == customer["uuid"]:
            return True
    for grant in project_grants(ask.world, ask.customer):
        owner = ask.world.get("project", grant["project"])["customer"]
        if grant["user"] == user["uuid"] and owner == customer["uuid"]:
            return True
    return False


def _members_customers(sent: list[str], ask: Ask) -> Keep | None:
    wanted = values.text(sent)
    return lambda customer: wanted is not None and _belongs(ask, customer, wanted)


def _members(ask: Ask, customer: Row) -> list[str]:
    return [user["uuid"] for user in ask.world.all("user") if _belongs(ask, customer, user["uuid"])]


def _robots(ask: Ask) -> list[Row]:
    """Return the projects of resources on which a robot works."""
    keys = set()
    for resource in all_resources(ask.world, ask.customer):
        for robot in ask.world.where("robot_account", resource=resource["uuid"]):
            if robot["state"] in _ROBOTS_AT_WORK:
                keys.add(resource["project"])
    return [ask.world.get("project", key) for key in keys]


def _robot_customers(ask: Ask) -> list[Row]:
    keys = {project["customer"] for project in _robots(ask)}
    return [ask.world.get("customer", key) for key in keys]


def _named(ask: Ask, row: Row) -> Row:
    return {"name": row["name"], "uuid": row["uuid"]}


_NAME = {"name": filters.of("name")}

LISTINGS = [
    Listing(
        "marketplace_service_providers_customers_list",
        _PATH + "customers/",
        lambda ask: customers(ask.world, ask.customer),
        _show,
        default=("name",),
        keys=_NAME,
        filters=_FILTERS,
        fields=_FIELDS,
        needs="SERVICE_PROVIDER.LIST_CUSTOMERS",
    ),
    Listing(
        "marketplace_service_providers_user_customers_list",
        _PATH + "user_customers/",
        lambda ask: customers(ask.world, ask.customer),
        _show,
        default=("name",),
        keys=_NAME,
        filters={**_FILTERS, "user_uuid": Filter("uuid", _members_customers, _members)},
        always=("user_uuid",),
        fields=_FIELDS,
        needs="SERVICE_PROVIDER.LIST_USER_CUSTOMERS",
    ),
    Listing(
        "marketplace_service_providers_robot_account_customers_list",
        _PATH + "robot_account_customers/",
        _robot_customers,
        _named,
        default=("name",),
        keys=_NAME,
        filters={"customer_name": filters.contains(filters.of("name"))},
        needs="SERVICE_PROVIDER.GET_ROBOT_ACCOUNT_CUSTOMERS",
    ),
    Listing(
        "marketplace_service_providers_robot_account_projects_list",
        _PATH + "robot_account_projects/",
        lambda ask: [project for project in _robots(ask) if not project["is_removed"]],
        _named,
        default=("name",),
        keys=_NAME,
        filters={"project_name": filters.contains(filters.of("name"))},
        needs="SERVICE_PROVIDER.GET_ROBOT_ACCOUNT_PROJECTS",
    ),
]
