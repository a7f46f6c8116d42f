"""Work out what a plan costs and how much of it is taken."""

from __future__ import annotations

from collections.abc import Callable
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


#: What one component adds to the least one can pay; usage and switching add nothing.
_LEAST: Final[dict[str, Callable[[_Row], Decimal]]] = {
    "limit": lambda row: row.price,
    "fixed": lambda row: row.price * (row.priced["amount"] or 1),
    "one": lambda row: row.price,
}
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
    kinds = [row.component["type"] for row in rows]
    return _Sums(
        prices={kind: float(row.price) for kind, row in zip(kinds, rows, strict=True)},
        future_prices={
            kind: _number(row.priced["future_price"]) for kind, row in zip(kinds, rows, strict=True)
        },
        quotas={kind: row.priced["amount"] for kind, row in zip(kinds, rows, strict=True)},
        init_price=_total(rows, "one"),
        switch_price=_total(rows, "few"),
        minimal_price=_least(rows),
        plan_type=_plan_type(rows),
    )


def _rows(record: Record, scope: Scope) -> list[_Row]:
    found = []
    for priced in scope.store.related("plan_component", "plan", record["uuid"]):
        component = scope.store.get("offering_component", priced["component"])
        if component is not None:
            found.append(_Row(priced, component, Decimal(priced["price"])))
    return sorted(found, key=lambda row: (row.component["name"].casefold(), row.priced["uuid"]))


# Later releases multiply one-time and switching prices by the amount. Prices
# alone are what a running server of 2024 was seen to add up.
def _total(rows: list[_Row], billing_type: str) -> float:
    wanted = (row.price for row in rows if row.component["billing_type"] == billing_type)
    return float(sum(wanted, Decimal()))


def _least(rows: list[_Row]) -> float:
    known = ((_LEAST.get(row.component["billing_type"]), row) for row in rows)
    return float(sum((price(row) for price, row in known if price is not None), Decimal()))


def _plan_type(rows: list[_Row]) -> str | None:
    kinds = {row.component["billing_type"] for row in rows if row.price}
    if not kinds:
        return None
    return _PLAN_TYPES[kinds.pop()] if len(kinds) == 1 else "mixed"


def _number(value: str | None) -> float | None:
    return None if value is None else float(value)
