"""Work out what a plan costs and how much of it is taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from mockserver.actions import Scope
from mockserver.json_types import JSON, Record
from mockserver.waldur.states import is_live


class _Row(NamedTuple):
    """A price of a plan with the component of the offering that it prices."""

    priced: Record
    component: Record
    price: Decimal


class _Sums(NamedTuple):
    """All that follows from the prices of one plan."""

    prices: JSON
    future_prices: JSON
    quotas: JSON
    init_price: float
    switch_price: float
    minimal_price: float
    plan_type: str | None


_NOTHING: Final = Decimal()
#: How a plan is called all of whose components are billed in one way.
_PLAN_TYPES: Final = {
    "usage": "usage-based",
    "fixed": "fixed",
    "one": "one-time",
    "few": "on-plan-switch",
    "limit": "limit",
}


def plan_prices(record: Record, scope: Scope) -> JSON:
    """Map component types to prices."""
    return _sums(record, scope).prices


def plan_future_prices(record: Record, scope: Scope) -> JSON:
    """Map component types to next month's prices, null where none is announced."""
    return _sums(record, scope).future_prices


def plan_quotas(record: Record, scope: Scope) -> JSON:
    """Map component types to included amounts."""
    return _sums(record, scope).quotas


def plan_init_price(record: Record, scope: Scope) -> JSON:
    """Tell what is paid once, at the start."""
    return _sums(record, scope).init_price


def plan_switch_price(record: Record, scope: Scope) -> JSON:
    """Tell what is paid for changing to the plan."""
    return _sums(record, scope).switch_price


def plan_minimal_price(record: Record, scope: Scope) -> JSON:
    """Tell the least that a resource of the plan costs."""
    return _sums(record, scope).minimal_price


def plan_plan_type(record: Record, scope: Scope) -> JSON:
    """Name the billing type of the priced components; null when nothing has a price."""
    return _sums(record, scope).plan_type


def plan_resources_count(record: Record, scope: Scope) -> JSON:
    """Count the resources of the plan, terminated ones too."""
    return scope.store.count_related("resource", "plan", record["uuid"])


def plan_usage(record: Record, scope: Scope) -> JSON:
    """Count the resources of the plan that still exist."""
    return sum(map(is_live, scope.store.related("resource", "plan", record["uuid"])))


def plan_remaining(record: Record, scope: Scope) -> JSON:
    """Tell how many more resources fit; negative when over-used, null without a limit."""
    limit = record["max_amount"]
    return None if limit is None else limit - plan_usage(record, scope)


def plan_is_active(record: Record, scope: Scope) -> JSON:
    """Tell whether another resource of the plan can be ordered."""
    limit = record["max_amount"]
    return not limit or limit > plan_usage(record, scope)


def _sums(record: Record, scope: Scope) -> _Sums:
    # A list shows all of them for every plan, and they change only with a write.
    return scope.store.memo(("plan_sums", record["uuid"]), lambda: _add_up(_rows(record, scope)))


def _add_up(rows: list[_Row]) -> _Sums:
    prices: dict[str, JSON] = {}
    future_prices: dict[str, JSON] = {}
    quotas: dict[str, JSON] = {}
    totals = dict.fromkeys(_PLAN_TYPES, _NOTHING)
    included, kinds = _NOTHING, set()
    for priced, component, price in rows:
        kind, billing_type, amount = component["type"], component["billing_type"], priced["amount"]
        prices[kind] = float(price)
        future_prices[kind] = _number(priced["future_price"])
        quotas[kind] = amount
        if price:
            kinds.add(billing_type)
            # Later releases multiply one-time and switching prices by the amount. Prices
            # alone are what a running server of 2024 was seen to add up.
            totals[billing_type] += price
            included += price * (amount or 1) if billing_type == "fixed" else _NOTHING
    return _Sums(
        prices=prices,
        future_prices=future_prices,
        quotas=quotas,
        init_price=float(totals["one"]),
        switch_price=float(totals["few"]),
        # Usage and switching add nothing to the least that one can pay.
        minimal_price=float(totals["limit"] + totals["one"] + included),
        plan_type=_plan_type(kinds),
    )


def _rows(record: Record, scope: Scope) -> list[_Row]:
    found = []
    for priced in scope.store.related("plan_component", "plan", record["uuid"]):
        component = scope.store.get("offering_component", priced["component"])
        if component is not None:
            found.append(_Row(priced, component, Decimal(priced["price"])))
    return sorted(found, key=lambda row: (row.component["name"].casefold(), row.priced["uuid"]))


def _plan_type(kinds: set[str]) -> str | None:
    if not kinds:
        return None
    return _PLAN_TYPES[min(kinds)] if len(kinds) == 1 else "mixed"


def _number(value: str | None) -> float | None:
    return None if value is None else float(value)
