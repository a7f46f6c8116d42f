"""Plans and their usage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.oracle import filters, values
from tests.oracle.filters import Filter
from tests.oracle.listing import Listing
from tests.oracle.world import Ask, Row, World, by, collated, grants, groups, is_live, link

_BILLED = {
    "usage": "usage-based",
    "fixed": "fixed",
    "one": "one-time",
    "few": "on-plan-switch",
    "limit": "limit",
}
_COPIED = ("name", "description", "article_code", "max_amount", "archived")


def _offering(ask: Ask, plan: Row) -> Row:
    return ask.world.get("offering", plan["offering"])


def used(world: World, plan: Row) -> int:
    return sum(is_live(each) for each in world.where("resource", plan=plan["uuid"]))


def priced(world: World, plan: Row) -> list[tuple[Row, Row]]:
    """Return each priced component of a plan with what it prices, by name."""
    found = {row["uuid"]: row for row in world.where("plan_component", plan=plan["uuid"])}
    parts = {key: world.get("offering_component", row["component"]) for key, row in found.items()}
    ordered = by(found.values(), lambda row: collated(parts[row["uuid"]]["name"]))
    return [(row, parts[row["uuid"]]) for row in ordered]


def _component(row: Row, part: Row) -> Row:
    shown = {name: part[name] for name in ("type", "name", "measured_unit")}
    own = ("amount", "price", "future_price", "discount_threshold", "discount_rate")
    return {**shown, **{name: row[name] for name in own}}


def _sum(rows: list[tuple[Row, Row]], kind: str) -> float:
    total = Decimal()
    for row, part in rows:
        if part["billing_type"] == kind:
            total += Decimal(row["price"])
    return float(total)


def _pricing(rows: list[tuple[Row, Row]]) -> Row:
    kinds: set[str] = set()
    minimum = Decimal()
    for row, part in rows:
        price, kind = Decimal(row["price"]), part["billing_type"]
        if price:
            kinds.add(_BILLED[kind])
        if kind in ("limit", "one"):
            minimum += price
        if kind == "fixed":
            minimum += price * (row["amount"] or 1)
    planned = {part["type"]: row["future_price"] for row, part in rows}
    return {
        "init_price": _sum(rows, "one"),
        "switch_price": _sum(rows, "few"),
        "prices": {part["type"]: float(row["price"]) for row, part in rows},
        "future_prices": {k: None if v is None else float(v) for k, v in planned.items()},
        "quotas": {part["type"]: row["amount"] for row, part in rows},
        "plan_type": "mixed" if len(kinds) > 1 else next(iter(kinds), None),
        "minimal_price": float(minimum),
    }


def show_base(ask: Ask, plan: Row) -> Row:
    """Show a plan as it is nested in its offering."""
    rows = priced(ask.world, plan)
    limit = plan["max_amount"]
    return {
        "url": link("marketplace-plans", plan["uuid"]),
        **{name: plan[name] for name in ("uuid", *_COPIED, "unit_price", "unit", "backend_id")},
        "is_active": not limit or limit > used(ask.world, plan),
        "organization_groups": groups(ask.world, plan["organization_groups"]),
        "components": [_component(row, part) for row, part in rows],
        "resources_count": len(ask.world.where("resource", plan=plan["uuid"])),
        **_pricing(rows),
    }


def _show(ask: Ask, plan: Row) -> Row:
    offering = link("marketplace-provider-offerings", plan["offering"])
    return {**show_base(ask, plan), "offering": offering}


def _visible(ask: Ask) -> list[Row]:
    if ask.user["is_staff"]:
        return ask.world.all("plan")
    held = set()
    for grant in grants(ask.world, "customer"):
        if grant["user"] == ask.user["uuid"]:
            held.add(grant["customer"])
    return [plan for plan in ask.world.all("plan") if _offering(ask, plan)["customer"] in held]


def _billable(ask: Ask) -> list[Row]:
    return [plan for plan in ask.world.all("plan") if _offering(ask, plan)["billable"]]


def _remaining(ask: Ask, plan: Row) -> int | None:
    limit = plan["max_amount"]
    return None if limit is None else limit - used(ask.world, plan)


def _show_usage(ask: Ask, plan: Row) -> Row:
    offering = _offering(ask, plan)
    customer = ask.world.get("customer", offering["customer"])
    return {
        "plan_uuid": plan["uuid"],
        "plan_name": plan["name"],
        "limit": plan["max_amount"],
        "usage": used(ask.world, plan),
        "remaining": _remaining(ask, plan),
        "offering_uuid": offering["uuid"],
        "offering_name": offering["name"],
        "customer_provider_uuid": customer["uuid"],
        "customer_provider_name": customer["name"],
    }


def _filters(read: Any) -> dict[str, Filter]:
    return {
        "offering": filters.link("marketplace-provider-offerings", filters.of("offering")),
        "offering_slug": filters.listed(lambda a, p: _offering(a, p)["slug"]),
        "offering_uuid": filters.uuid(filters.of("offering"), read),
        "parent_offering_uuid": filters.uuid(lambda a, p: _offering(a, p)["parent"], read),
    }


LISTINGS = [
    Listing(
        "marketplace_plans_list",
        "/api/marketplace-plans/",
        _visible,
        _show,
        default=("name",),
        keys={"name": filters.of("name")},
        filters=_filters(values.uuid),
    ),
    Listing(
        "marketplace_plans_usage_stats_list",
        "/api/marketplace-plans/usage_stats/",
        _billable,
        _show_usage,
        default=("-usage",),
        orders=("usage", "limit", "remaining"),
        is_report=True,
        keys={
            "usage": lambda ask, plan: used(ask.world, plan),
            "limit": filters.of("max_amount"),
            "remaining": _remaining,
        },
        filters={
            **_filters(values.body_uuid),
            "customer_provider_uuid": filters.uuid(
                lambda a, p: _offering(a, p)["customer"], values.body_uuid
            ),
        },
    ),
]
