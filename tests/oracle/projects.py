"""Projects that use a provider."""

from __future__ import annotations

from tests.oracle import filters, money, values
from tests.oracle.filters import Filter
from tests.oracle.listing import Listing, instant
from tests.oracle.world import (
    Ask,
    Row,
    grants,
    holds,
    is_live,
    link,
    media,
    projects,
    resources,
)

_PATH = "/api/marketplace-service-providers/{}/"
_CUSTOMER = ("uuid", "name", "slug", "native_name", "abbreviation")
_CUSTOMER_FIELDS = (
    "uuid",
    "name",
    "description",
    "end_date",
    "resources_count",
    "users_count",
    "billing_price_estimate",
)
_COPIED = (
    "uuid",
    "name",
    "slug",
    "description",
    "created",
    "backend_id",
    "start_date",
    "end_date",
    "oecd_fos_2007_code",
    "is_industry",
    "max_service_accounts",
    "kind",
    "is_removed",
    "termination_metadata",
    "grace_period_days",
)
_FIELDS = (
    *_COPIED,
    "url",
    "customer",
    *(f"customer_{name}" for name in _CUSTOMER),
    "customer_display_billing_info_in_projects",
    "type",
    "type_name",
    "type_uuid",
    "end_date_requested_by",
    "oecd_fos_2007_label",
    "image",
    "resources_count",
    "staff_notes",
    "project_credit",
    "marketplace_resource_count",
    "billing_price_estimate",
)
#: The labels that the reference tells; any text is believed for the other codes.
_LABELS = {
    "1.1": "Mathematics",
    "1.2": "Computer and information sciences",
    "1.3": "Physical sciences",
    "2.1": "Civil engineering",
    "3.2": "Clinical medicine",
    "5.5": "Law",
    "6.1": "History and archaeology",
}


class _SomeText:
    """Equals every text that is not empty."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other != ""

    __hash__ = None


def _customer(ask: Ask, project: Row) -> Row:
    return ask.world.get("customer", project["customer"])


def _label(project: Row) -> object:
    code = project["oecd_fos_2007_code"]
    return _LABELS.get(code, _SomeText()) if code else code


def _categories(ask: Ask, bought: list[Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for resource in bought:
        if is_live(resource):
            category = ask.world.get("offering", resource["offering"])["category"]
            found[category] = found.get(category, 0) + 1
    return found


def _show(ask: Ask, project: Row) -> Row:
    customer, kind = _customer(ask, project), ask.up("project_type", project["type"])
    bought = ask.world.where("resource", project=project["uuid"])
    credit = ask.world.where("project_credit", project=project["uuid"])
    shown = {
        **{name: project[name] for name in _COPIED},
        "url": link("projects", project["uuid"]),
        "customer": link("customers", customer["uuid"]),
        **{f"customer_{name}": customer[name] for name in _CUSTOMER},
        "customer_display_billing_info_in_projects": customer["display_billing_info_in_projects"],
        "type": link("project-types", project["type"]),
        "type_name": kind.get("name"),
        "type_uuid": project["type"],
        "end_date_requested_by": link("users", project["end_date_requested_by"]),
        "oecd_fos_2007_label": _label(project),
        "image": media(project["image"]),
        "resources_count": sum(each["state"] in ("OK", "Updating") for each in bought),
        "project_credit": float(credit[0]["value"]) if credit else None,
        "marketplace_resource_count": _categories(ask, bought),
        "billing_price_estimate": money.stored(ask.world, project),
    }
    return {**shown, "staff_notes": project["staff_notes"]} if ask.is_operator else shown


def _provided(ask: Ask, project: Row) -> list[Row]:
    found = resources(ask.world, ask.customer)
    return [each for each in found if each["project"] == project["uuid"]]


def _show_to_customer(ask: Ask, project: Row) -> Row:
    people = set()
    for grant in grants(ask.world, "project"):
        is_here = grant["project"] == project["uuid"]
        if is_here and ask.world.get("user", grant["user"])["is_active"]:
            people.add(grant["user"])
    return {
        **{name: project[name] for name in ("uuid", "name", "description", "end_date")},
        "resources_count": len(_provided(ask, project)),
        "users_count": len(people),
        "billing_price_estimate": money.cost(ask.world, _provided(ask, project)),
    }


def _is_admin(ask: Ask, project: Row) -> bool:
    return holds(ask.world, ask.user, "project", project["uuid"], "PROJECT.ADMIN")


def _is_manager(ask: Ask, project: Row) -> bool:
    return holds(ask.world, ask.user, "project", project["uuid"], "PROJECT.MANAGER") or holds(
        ask.world, ask.user, "customer", project["customer"], "CUSTOMER.OWNER"
    )


def _is_unfinished(ask: Ask, project: Row) -> bool:
    return project["end_date"] is None or project["end_date"] >= ask.world.today.isoformat()


def _answers(ask: Ask, project: Row, wanted: str) -> bool:
    bought = ask.world.where("resource", project=project["uuid"])
    key = values.hex_of(wanted)
    if key is not None:
        ids = [each[name] for each in bought for name in ("backend_id", "effective_id")]
        return project["uuid"] == key or wanted in ids
    if filters.has_text((project["name"], project["slug"]), wanted):
        return True
    for each in bought:
        ids = [each[name].casefold() for name in ("backend_id", "effective_id")]
        if each["name"] == wanted or wanted.casefold() in ids:
            return True
    return False


def _found_by(ask: Ask, project: Row) -> list[str]:
    found = [project["name"], project["slug"], project["uuid"]]
    for each in ask.world.where("resource", project=project["uuid"]):
        found.extend(each[name] for name in ("name", "backend_id", "effective_id"))
    return found


_FILTERS: dict[str, Filter] = {
    "backend_id": filters.exact(filters.of("backend_id")),
    "can_admin": filters.only_true(_is_admin),
    "can_manage": filters.only_true(_is_manager),
    "conceal_finished_projects": filters.only_true(_is_unfinished),
    "created": filters.since(filters.of("created")),
    "customer": filters.uuids(filters.of("customer")),
    "customer_abbreviation": filters.contains(lambda a, p: _customer(a, p)["abbreviation"]),
    "customer_name": filters.contains(lambda a, p: _customer(a, p)["name"]),
    "customer_native_name": filters.contains(lambda a, p: _customer(a, p)["native_name"]),
    "description": filters.contains(filters.of("description")),
    "is_removed": filters.flag(filters.of("is_removed")),
    "modified": filters.since(filters.of("modified")),
    "name": filters.contains(filters.of("name")),
    "name_exact": filters.exact(filters.of("name")),
    "query": filters.by("text", values.text, _answers, _found_by),
    "slug": filters.exact(filters.of("slug")),
}
_KEYS = {
    "name": filters.of("name"),
    "created": instant(filters.of("created")),
    "customer_name": lambda a, p: _customer(a, p)["name"],
    "customer_native_name": lambda a, p: _customer(a, p)["native_name"],
    "customer_abbreviation": lambda a, p: _customer(a, p)["abbreviation"],
    "end_date": filters.of("end_date"),
    "start_date": filters.of("start_date"),
}

LISTINGS = [
    Listing(
        "marketplace_service_providers_projects_list",
        _PATH + "projects/",
        lambda ask: projects(ask.world, ask.customer),
        _show,
        default=("name",),
        keys={**_KEYS, "estimated_cost": lambda a, p: money.stored(a.world, p)["total"]},
        filters=_FILTERS,
        orders=(*_KEYS, "estimated_cost"),
        fields=_FIELDS,
        needs="SERVICE_PROVIDER.LIST_PROJECTS",
    ),
    Listing(
        "marketplace_service_providers_customer_projects_list",
        _PATH + "customer_projects/",
        lambda ask: projects(ask.world, ask.customer),
        _show_to_customer,
        default=("name",),
        keys={
            **_KEYS,
            "estimated_cost": lambda a, p: money.cost(a.world, _provided(a, p))["total"],
        },
        filters=_FILTERS,
        orders=(*_KEYS, "estimated_cost"),
        fields=_CUSTOMER_FIELDS,
        needs="SERVICE_PROVIDER.LIST_CUSTOMER_PROJECTS",
    ),
]
