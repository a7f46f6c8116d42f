"""Service providers, and reports about one."""

from __future__ import annotations

from decimal import Decimal

from tests.oracle import filters
from tests.oracle.listing import Listing
from tests.oracle.world import Ask, Row, all_resources, groups, is_live, link, media, moment

_CUSTOMER = ("name", "uuid", "abbreviation", "slug", "native_name", "country")
FIELDS = (
    "url",
    "uuid",
    "created",
    "description",
    "enable_notifications",
    "customer",
    "customer_name",
    "customer_uuid",
    "customer_image",
    "customer_abbreviation",
    "customer_slug",
    "customer_native_name",
    "customer_country",
    "image",
    "organization_groups",
    "offering_count",
)


def _customer(ask: Ask, provider: Row) -> Row:
    return ask.world.get("customer", provider["customer"])


def show(ask: Ask, provider: Row) -> Row:
    customer = _customer(ask, provider)
    offered = ask.world.where("offering", customer=customer["uuid"])
    shown = {
        "url": link("marketplace-service-providers", provider["uuid"]),
        **{name: provider[name] for name in ("uuid", "created", "description")},
        "customer": link("customers", customer["uuid"]),
        **{f"customer_{name}": customer[name] for name in _CUSTOMER},
        "customer_image": media(customer["image"]),
        "image": media(provider["image"]),
        "organization_groups": groups(ask.world, customer["organization_groups"]),
        "offering_count": sum(each["state"] in ("Active", "Paused") for each in offered),
    }
    if ask.caller is not None:
        shown["enable_notifications"] = provider["enable_notifications"]
    return shown


def statistics(ask: Ask) -> Row:
    """Count what the provider is doing."""
    world = ask.world
    everything = all_resources(world, ask.customer)
    live = [each for each in everything if is_live(each)]
    offered = world.where("offering", customer=ask.customer)
    orders = [o for o in world.all("order") if o["offering"] in {each["uuid"] for each in offered}]
    today = world.today.isoformat()
    assert ask.provider is not None
    campaigns = world.where("campaign", service_provider=ask.provider["uuid"], state="Active")
    issues = world.where("support_issue", resolved=False)
    return {
        "active_campaigns": sum(c["start_date"] <= today <= c["end_date"] for c in campaigns),
        "current_customers": len({_buyer(ask, each) for each in live}),
        "customers_number_change": _customers_change(ask, orders, live),
        "active_resources": len(live),
        "resources_number_change": len({o["resource"] for o in _done(ask, orders, "Create")})
        - len({o["resource"] for o in _done(ask, orders, "Terminate")}),
        "active_and_paused_offerings": sum(
            each["billable"] and each["shared"] and each["state"] in ("Active", "Paused")
            for each in offered
        ),
        "unresolved_tickets": sum(i["resource"] in {r["uuid"] for r in live} for i in issues),
        "pending_orders": sum(order["state"] == "pending-provider" for order in orders),
        "erred_resources": sum(each["state"] == "Erred" for each in everything),
    }


def _buyer(ask: Ask, bought: Row) -> str:
    """Return the organization behind a resource or an order."""
    customer: str = ask.world.get("project", bought["project"])["customer"]
    return customer


def _done(ask: Ask, orders: list[Row], kind: str) -> list[Row]:
    """Return what was ordered this month and is done."""
    done = [order for order in orders if (order["type"], order["state"]) == (kind, "done")]
    return [order for order in done if _is_of_this_month(ask, order)]


def _is_of_this_month(ask: Ask, row: Row) -> bool:
    now = ask.world.now
    return moment(row["created"]) >= now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _customers_change(ask: Ask, orders: list[Row], live: list[Row]) -> int:
    had = {_buyer(ask, each) for each in live if not _is_of_this_month(ask, each)}
    has = {_buyer(ask, each) for each in live}
    new = {_buyer(ask, order) for order in _done(ask, orders, "Create")} - had
    lost = {_buyer(ask, order) for order in _done(ask, orders, "Terminate")} - has
    return len(new) - len(lost)


def revenue(ask: Ask) -> list[Row]:
    """Add up what was invoiced in this month and the twelve before."""
    now = ask.world.now
    since = f"{now.year - 1}-{now.month:02}-01"
    keys = {each["uuid"] for each in all_resources(ask.world, ask.customer)}
    sums: dict[tuple[int, int], Decimal] = {}
    for item in ask.world.all("invoice_item"):
        invoice = ask.world.get("invoice", item["invoice"])
        if item["resource"] in keys and invoice["created"] >= since:
            month = (invoice["year"], invoice["month"])
            price = Decimal(item["unit_price"]) * Decimal(item["quantity"])
            sums[month] = sums.get(month, Decimal()) + price
    return [
        {"total": int(total), "year": year, "month": month}
        for (year, month), total in sorted(sums.items())
    ]


LISTINGS = [
    Listing(
        "marketplace_service_providers_list",
        "/api/marketplace-service-providers/",
        lambda ask: ask.world.all("service_provider"),
        show,
        default=("customer_name",),
        orders=("customer_name",),
        keys={"customer_name": lambda ask, row: _customer(ask, row)["name"]},
        filters={
            "customer": filters.link("customers", filters.of("customer")),
            "customer_keyword": filters.contains(
                lambda ask, row: _customer(ask, row)["name"],
                lambda ask, row: _customer(ask, row)["abbreviation"],
                lambda ask, row: _customer(ask, row)["native_name"],
            ),
            "customer_uuid": filters.uuid(filters.of("customer")),
        },
        fields=FIELDS,
        is_public=True,
    ),
]
