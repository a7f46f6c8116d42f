"""Count what a provider's dashboard shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from mockserver.actions import Scope
from mockserver.json_types import JSON, Key, Record
from mockserver.waldur import context
from mockserver.waldur.states import ON_SALE, is_live

DONE = "done"


def counters(provider: Record, scope: Scope) -> JSON:
    """Return the counters of a provider; all its offerings count unless said otherwise."""
    offerings = scope.store.related("offering", "customer", provider["customer"])
    resources = _of("resource", offerings, scope)
    live = [resource for resource in resources if is_live(resource)]
    orders = _of("order", offerings, scope)
    created, terminated = (_done(kind, orders, scope) for kind in ("Create", "Terminate"))
    return {
        "active_campaigns": _active_campaigns(provider, scope),
        "current_customers": len(_customers(live, scope)),
        "customers_number_change": _customers_change(created, terminated, live, scope),
        "active_resources": len(live),
        "resources_number_change": len(_resources(created)) - len(_resources(terminated)),
        "active_and_paused_offerings": sum(
            each["billable"] and each["shared"] and each["state"] in ON_SALE for each in offerings
        ),
        "unresolved_tickets": _unresolved_tickets(live, scope),
        "pending_orders": sum(order["state"] == "pending-provider" for order in orders),
        "erred_resources": sum(resource["state"] == "Erred" for resource in resources),
    }


def revenue(provider: Record, scope: Scope) -> list[JSON]:
    """Return what was invoiced in each month since this month of last year."""
    start = context.month_start(scope, years_ago=1).date().isoformat()
    totals: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for item, invoice in _sold(provider, scope, start):
        price = Decimal(item["unit_price"]) * Decimal(item["quantity"])
        totals[invoice["year"], invoice["month"]] += price
    return [
        {"total": int(total), "year": year, "month": month}
        for (year, month), total in sorted(totals.items())
    ]


def _sold(provider: Record, scope: Scope, since: str) -> Iterator[tuple[Record, Record]]:
    offerings = scope.store.related("offering", "customer", provider["customer"])
    offered = {offering["uuid"] for offering in offerings}
    for invoice in scope.store.all("invoice"):
        if invoice["created"] >= since:
            for item in scope.store.related("invoice_item", "invoice", invoice["uuid"]):
                resource = scope.store.get("resource", item["resource"])
                if resource is not None and resource["offering"] in offered:
                    yield item, invoice


def _of(resource: str, offerings: tuple[Record, ...], scope: Scope) -> list[Record]:
    return [
        record
        for offering in offerings
        for record in scope.store.related(resource, "offering", offering["uuid"])
    ]


def _done(kind: str, orders: list[Record], scope: Scope) -> list[Record]:
    start = context.month_start(scope)
    return [
        order
        for order in orders
        if order["type"] == kind
        and order["state"] == DONE
        and context.instant(order["created"]) >= start
    ]


def _resources(orders: list[Record]) -> set[Key]:
    return {order["resource"] for order in orders} - {None}


def _customers(held: list[Record], scope: Scope) -> set[Key]:
    projects = (scope.store.get("project", record["project"]) for record in held)
    return {project["customer"] for project in projects if project is not None}


def _customers_change(
    created: list[Record], terminated: list[Record], live: list[Record], scope: Scope
) -> int:
    start = context.month_start(scope)
    before = [resource for resource in live if context.instant(resource["created"]) < start]
    won = _customers(created, scope) - _customers(before, scope)
    lost = _customers(terminated, scope) - _customers(live, scope)
    return len(won) - len(lost)


def _active_campaigns(provider: Record, scope: Scope) -> int:
    today = context.today(scope)
    return sum(
        campaign["state"] == "Active" and campaign["start_date"] <= today <= campaign["end_date"]
        for campaign in scope.store.related("campaign", "service_provider", provider["uuid"])
    )


# The vendor's server looks these up under a wrong name and always answers 0;
# this is what the field is documented to count.
def _unresolved_tickets(live: list[Record], scope: Scope) -> int:
    keys = {resource["uuid"] for resource in live}
    return sum(
        not issue["resolved"] and issue["resource"] in keys
        for issue in scope.store.all("support_issue")
    )
