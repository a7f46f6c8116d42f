"""What a provider offers."""

from __future__ import annotations

from typing import Any

from tests.oracle import filters, money, plans, values
from tests.oracle.filters import Filter, Get, Keep, has_text
from tests.oracle.listing import Listing, instant
from tests.oracle.world import Ask, Row, by, collated, holds, is_live, media

_STATES = ("Draft", "Active", "Paused", "Archived")
_COPIED = ("uuid", "name", "slug", "type", "state", "options", "resource_options")
_COMPONENT = (
    *("uuid", "billing_type", "type", "name", "description", "measured_unit", "unit_factor"),
    *("limit_period", "limit_amount", "article_code", "max_value", "min_value"),
    *("max_available_limit", "is_boolean", "default_limit", "is_prepaid", "overage_component"),
    *("min_prepaid_duration", "max_prepaid_duration"),
)


class _Whatever:
    """Equals everything: the reference does not tell which components a type brings along."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None


def _customer(ask: Ask, offering: Row) -> Row:
    return ask.world.get("customer", offering["customer"])


def _category(ask: Ask, offering: Row) -> Row:
    return ask.world.get("category", offering["category"])


def _bought(ask: Ask, offering: Row) -> list[Row]:
    return [
        each for each in ask.world.where("resource", offering=offering["uuid"]) if is_live(each)
    ]


def _project_keys(ask: Ask, offering: Row) -> list[str]:
    return [resource["project"] for resource in _bought(ask, offering)]


def _customer_keys(ask: Ask, offering: Row) -> list[str]:
    return [ask.world.get("project", key)["customer"] for key in _project_keys(ask, offering)]


def _cost(part: str) -> Get:
    return lambda ask, offering: money.cost(ask.world, _bought(ask, offering))[part]


def _component(offering: Row, part: Row) -> Row:
    shown = {name: part[name] for name in _COMPONENT}
    is_plain = offering["type"].startswith(("Marketplace.Basic", "Support."))
    unknown: Any = _Whatever()
    shown["factor"] = None if is_plain else unknown
    shown["is_builtin"] = False if is_plain else unknown
    return shown


def _sees_secrets(ask: Ask, offering: Row) -> bool:
    roles = ("CUSTOMER.OWNER", "CUSTOMER.MANAGER")
    return (
        ask.user["is_staff"]
        or holds(ask.world, ask.user, "customer", offering["customer"], *roles)
        or holds(ask.world, ask.user, "offering", offering["uuid"], "OFFERING.MANAGER")
    )


def _show(ask: Ask, offering: Row) -> Row:
    def named(resource: str) -> list[Row]:
        found = ask.world.where(resource, offering=offering["uuid"])
        return by(found, lambda row: collated(row["name"]))

    shown = {
        **{name: offering[name] for name in _COPIED},
        "customer_uuid": offering["customer"],
        "category_title": _category(ask, offering)["title"],
        "resources_count": len(_bought(ask, offering)),
        "billing_price_estimate": money.cost(ask.world, _bought(ask, offering)),
        "components": [_component(offering, each) for each in named("offering_component")],
        "plans": [plans.show_base(ask, each) for each in named("plan")],
        "thumbnail": media(offering["thumbnail"]),
    }
    if _sees_secrets(ask, offering):
        shown["secret_options"] = offering["secret_options"]
    return shown


# Filters


def _is_in_call(ask: Ask, offering: Row) -> bool:
    found = ask.world.where("call_request", offering=offering["uuid"])
    return any(each["state"] == "accepted" and each["call_state"] == "active" for each in found)


def _is_allowed(ask: Ask, offering: Row, wanted: str) -> bool:
    customer = ask.world.tables["customer"].get(wanted)
    if customer is None:
        return False
    allowed = offering["organization_groups"]
    is_within = not allowed or set(allowed) & set(customer["organization_groups"])
    return offering["customer"] == wanted or (offering["shared"] and bool(is_within))


def _makes_accounts(ask: Ask, offering: Row) -> bool:
    name = "service_provider_can_create_offering_user"
    return bool(offering["plugin_options"].get(name, False))


def _terms(*, are_active: bool) -> Get:
    def read(ask: Ask, offering: Row) -> bool:
        found = ask.world.where("terms_of_service", offering=offering["uuid"])
        return any(each["is_active"] for each in found) if are_active else bool(found)

    return read


def _has_consent(ask: Ask, offering: Row) -> bool:
    me = ask.user["uuid"]
    return bool(ask.world.where("user_consent", offering=offering["uuid"], user=me, revoked=False))


def _has_account(ask: Ask, offering: Row) -> bool:
    me = ask.user["uuid"]
    return bool(ask.world.where("offering_user", offering=offering["uuid"], user=me))


def _is_managed(ask: Ask, offering: Row, wanted: str) -> bool:
    user = {"uuid": wanted}
    is_manager = holds(ask.world, user, "offering", offering["uuid"], "OFFERING.MANAGER")
    return offering["shared"] and is_manager


def _managers(ask: Ask, offering: Row) -> list[str]:
    return [grant["user"] for grant in ask.world.where("grant", offering=offering["uuid"])]


def _answers(ask: Ask, offering: Row, wanted: str) -> bool:
    key = values.hex_of(wanted)
    if key is not None and key in ask.world.tables["offering"]:
        return bool(offering["uuid"] == key)
    return has_text((offering[name] for name in ("name", "slug", "description")), wanted)


def _loose_groups(sent: list[str], ask: Ask) -> Keep | None:
    given = values.several(sent)
    wanted = {values.hex_of(value) for value in given or ()}
    return (lambda o: bool(wanted & set(o["organization_groups"]))) if given else None


def _uuid_list(sent: list[str], ask: Ask) -> Keep | None:
    given = values.texts(sent)
    if given is None:
        return None
    wanted = {values.hex_of(value) for value in given}
    return lambda offering: offering["uuid"] in wanted


def _is_usable(ask: Ask, offering: Row, wanted: str) -> bool:
    """Every offering of the list is shared, so that any project may use it."""
    is_ours = offering["shared"] or offering["project"] == wanted
    return wanted in ask.world.tables["project"] and is_ours


_FILTERS: dict[str, Filter] = {
    "accessible_via_calls": filters.flag(_is_in_call),
    "allowed_customer_uuid": filters.by(
        "uuid",
        values.uuid,
        _is_allowed,
        lambda ask, row: [row["customer"], *(c["uuid"] for c in ask.world.all("customer"))],
    ),
    "attributes": filters.attributes(filters.of("attributes")),
    "billable": filters.flag(filters.of("billable")),
    "can_create_offering_user": filters.flag(_makes_accounts),
    "category_group_uuid": filters.uuid(lambda a, o: _category(a, o)["group"]),
    "category_uuid": filters.uuid(filters.of("category")),
    "created": filters.since(filters.of("created")),
    "customer": filters.link("customers", filters.of("customer")),
    "customer_uuid": filters.uuid(filters.of("customer")),
    "description": filters.contains(filters.of("description")),
    "has_active_terms_of_service": filters.flag(_terms(are_active=True)),
    "has_terms_of_service": filters.flag(_terms(are_active=False)),
    "keyword": filters.contains(
        filters.of("name"),
        filters.of("description"),
        lambda a, o: _customer(a, o)["name"],
        lambda a, o: _customer(a, o)["abbreviation"],
        lambda a, o: _customer(a, o)["native_name"],
    ),
    "modified": filters.since(filters.of("modified")),
    "name": filters.contains(filters.of("name")),
    "name_exact": filters.exact(filters.of("name")),
    "organization_group_uuid": Filter("uuids", _loose_groups, filters.of("organization_groups")),
    "parent_uuid": filters.uuid(filters.of("parent")),
    "project_uuid": filters.by("uuid", values.uuid, _is_usable, _project_keys),
    "query": filters.by(
        "text",
        values.text,
        _answers,
        lambda ask, row: [row[name] for name in ("name", "slug", "description", "uuid")],
    ),
    "resource_customer_uuid": filters.uuid(_customer_keys),
    "resource_project_uuid": filters.uuid(_project_keys),
    "scope_uuid": filters.loose_uuid(filters.of("scope")),
    "service_manager_uuid": filters.by("uuid", values.uuid, _is_managed, _managers),
    "shared": filters.flag(filters.of("shared")),
    "state": filters.choice(filters.of("state"), *_STATES),
    "type": filters.any_of(filters.of("type")),
    "user_has_consent": filters.flag(_has_consent),
    "user_has_offering_user": filters.flag(_has_account),
    "uuid_list": Filter("comma", _uuid_list, filters.of("uuid")),
}
_KEYS: dict[str, Get] = {
    "name": filters.of("name"),
    "created": instant(filters.of("created")),
    "type": filters.of("type"),
    "state": lambda ask, row: _STATES.index(row["state"]),
    "total_customers": lambda ask, row: len(set(_customer_keys(ask, row))),
    "total_cost": _cost("current"),
    "total_cost_estimated": _cost("total"),
}

LISTINGS = [
    Listing(
        "marketplace_service_providers_offerings_list",
        "/api/marketplace-service-providers/{}/offerings/",
        lambda ask: ask.world.where("offering", customer=ask.customer, billable=True, shared=True),
        _show,
        default=("name",),
        keys=_KEYS,
        filters=_FILTERS,
        orders=tuple(_KEYS),
        fields=(
            *_COPIED,
            *("customer_uuid", "category_title", "resources_count", "billing_price_estimate"),
            *("components", "plans", "secret_options", "thumbnail"),
        ),
    )
]
