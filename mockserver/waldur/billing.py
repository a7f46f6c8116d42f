"""Add up what resources cost this month, and what a provider earned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import ROUND_UP, Decimal
from typing import Final, NamedTuple

from mockserver import views
from mockserver.actions import Scope
from mockserver.json_types import JSON, Key, Record
from mockserver.waldur import context, reach
from mockserver.waldur.states import is_live

_CENT: Final = Decimal("0.01")
_PERCENT: Final = Decimal(100)
_ESTIMATE: Final = ("total", "current", "tax", "tax_current")


class _Sum(NamedTuple):
    """Money before tax and the tax on it."""

    price: Decimal = Decimal()
    tax: Decimal = Decimal()

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(self.price + other.price, self.tax + other.tax)

    def shown(self) -> JSON:
        return {
            "total": float(self.price + self.tax),
            "current": float(self.price),
            "tax": float(self.tax),
            "tax_current": float(self.tax),
        }


def project_billing_price_estimate(record: Record, scope: Scope) -> JSON:
    """Return the estimate stored with the project; it covers all its resources."""
    stored = scope.store.related("price_estimate", "project", record["uuid"])
    return {part: float(stored[0][part]) if stored else 0.0 for part in _ESTIMATE}


def project_estimated_cost(record: Record, scope: Scope) -> JSON:
    """Return the total of the project's stored estimate, to order by."""
    return project_billing_price_estimate(record, scope)["total"]


def customer_project_billing_price_estimate(record: Record, scope: Scope) -> JSON:
    """Estimate what the provider's resources in a project cost this month."""
    return _by_project(scope).get(record["uuid"], _Sum()).shown()


def customer_project_provided_cost(record: Record, scope: Scope) -> JSON:
    """Return the total of that estimate, to order by."""
    money = _by_project(scope).get(record["uuid"], _Sum())
    return float(money.price + money.tax)


def customer_billing_price_estimate(record: Record, scope: Scope) -> JSON:
    """Estimate what the provider's resources in a customer's projects cost this month."""
    return _by_customer(scope).get(record["uuid"], _Sum()).shown()


def offering_billing_price_estimate(record: Record, scope: Scope) -> JSON:
    """Estimate what the existing resources of an offering cost this month."""
    return _of_offering(record, scope).shown()


def offering_total_cost(record: Record, scope: Scope) -> JSON:
    """Add up this month's prices of an offering's existing resources, before tax."""
    return float(_of_offering(record, scope).price)


def offering_total_cost_estimated(record: Record, scope: Scope) -> JSON:
    """Add up this month's prices of an offering's existing resources, with tax."""
    money = _of_offering(record, scope)
    return float(money.price + money.tax)


def _of_offering(record: Record, scope: Scope) -> _Sum:
    return views.kept(
        scope,
        ("offering_cost", record["uuid"]),
        lambda: _add(
            _cost_of(resource, scope)
            for resource in scope.store.related("resource", "offering", record["uuid"])
            if is_live(resource)
        ),
    )


def _by_project(scope: Scope) -> dict[Key, _Sum]:
    provider = context.provider(scope)
    return views.kept(
        scope,
        ("provider_cost_by_project", provider["customer"]),
        lambda: _grouped(
            (resource["project"], _cost_of(resource, scope))
            for resource in reach.provider_resources(provider, scope)
        ),
    )


def _by_customer(scope: Scope) -> dict[Key, _Sum]:
    return views.kept(
        scope,
        ("provider_cost_by_customer", context.provider(scope)["customer"]),
        lambda: _grouped(
            (project["customer"], money)
            for key, money in _by_project(scope).items()
            if (project := scope.store.get("project", key)) is not None
        ),
    )


def _grouped(pairs: Iterable[tuple[Key, _Sum]]) -> dict[Key, _Sum]:
    sums: dict[Key, _Sum] = defaultdict(_Sum)
    for key, money in pairs:
        sums[key] = sums[key].plus(money)
    return dict(sums)


def _cost_of(resource: Record, scope: Scope) -> _Sum:
    year_month = context.month(scope)
    costs = scope.store.keep(
        ("cost_by_resource", year_month), lambda: _grouped(_invoiced(scope, year_month))
    )
    return costs.get(resource["uuid"], _Sum())


def _invoiced(scope: Scope, year_month: tuple[int, int]) -> Iterator[tuple[Key, _Sum]]:
    for invoice in scope.store.all("invoice"):
        if (invoice["year"], invoice["month"]) == year_month:
            share = Decimal(invoice["tax_percent"]) / _PERCENT
            for item in scope.store.related("invoice_item", "invoice", invoice["uuid"]):
                price = Decimal(item["unit_price"]) * Decimal(item["quantity"])
                price = price.quantize(_CENT, ROUND_UP)
                yield item["resource"], _Sum(price, price * share)


def _add(sums: Iterable[_Sum]) -> _Sum:
    total = _Sum()
    for money in sums:
        total = total.plus(money)
    return total
