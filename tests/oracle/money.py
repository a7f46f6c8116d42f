"""What resources cost in the current month."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_UP, Decimal

from tests.oracle.world import Row, World


def cost(world: World, resources: Iterable[Row]) -> Row:
    """Add up this month's invoice items of some resources."""
    keys = {resource["uuid"] for resource in resources}
    price = tax = Decimal()
    for item in world.all("invoice_item"):
        invoice = world.get("invoice", item["invoice"])
        month = (invoice["year"], invoice["month"])
        if item["resource"] in keys and month == (world.now.year, world.now.month):
            each = Decimal(item["unit_price"]) * Decimal(item["quantity"])
            each = each.quantize(Decimal("0.01"), ROUND_UP)
            price += each
            tax += each * Decimal(invoice["tax_percent"]) / 100
    return {
        "total": float(price + tax),
        "current": float(price),
        "tax": float(tax),
        "tax_current": float(tax),
    }


def stored(world: World, project: Row) -> Row:
    """Return the estimate that is kept with a project."""
    parts = ("total", "current", "tax", "tax_current")
    found = world.where("price_estimate", project=project["uuid"])
    return {part: float(found[0][part]) if found else 0.0 for part in parts}
