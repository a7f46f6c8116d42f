"""Perform what the spec cannot say of Marketplace Plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from mockserver import crud
from mockserver.actions import Result, Scope
from mockserver.errors import NON_FIELD, Invalid, Issue, Issues
from mockserver.json_types import JSON, Record

#: Offerings of this type mirror another server, which owns the plans.
REMOTE: Final = "Waldur.RemoteOffering"
#: How prices are stored: ten decimals, as text.
_NO_PRICE: Final = "0.0000000000"


def marketplace_plans_create(scope: Scope) -> Result:
    """Create the plan, with a price of nothing for every component of the offering."""
    plan = crud.make(scope)
    prices = [_no_price(plan, component, scope) for component in _components(plan, scope)]
    scope.store.insert_all("plan_component", prices)
    return Result(crud.show(scope, plan), created=plan["uuid"])


def marketplace_plans_update(scope: Scope) -> Result:
    """Change a plan that nobody has bought."""
    _refuse_used(crud.target(scope), scope)
    return crud.update(scope)


def marketplace_plans_partial_update(scope: Scope) -> Result:
    """Change parts of a plan that nobody has bought."""
    _refuse_used(crud.target(scope), scope)
    return crud.partial_update(scope)


def marketplace_plans_archive(scope: Scope) -> Result:
    """Archive the plan, once."""
    plan = crud.target(scope)
    if plan["archived"]:
        raise Invalid(message="Plan is already archived.")
    scope.store.replace("plan", plan, archived=True)
    return Result({"detail": "Plan has been archived."})


def marketplace_plans_update_prices(scope: Scope) -> Result:
    """Set every price: now on a plan nobody has bought, from next month on others."""
    plan = crud.target(scope)
    _refuse_remote(plan, scope)
    prices = scope.body["prices"]
    components = _components(plan, scope)
    _refuse_unknown(prices, components)
    column = "future_price" if _is_used(plan, scope) else "price"
    for component in components:
        price = _decimal(prices.get(component["type"], 0))
        priced = _priced(plan, component, scope)
        # No future price counts as a future price of nothing and is left alone.
        if _decimal(priced[column] or 0) != price:
            scope.store.replace("plan_component", priced, **{column: price})
    return Result()


def marketplace_plans_update_quotas(scope: Scope) -> Result:
    """Set every included amount; only components with a fixed price can include any."""
    plan = crud.target(scope)
    _refuse_remote(plan, scope)
    quotas = scope.body["quotas"]
    components = _components(plan, scope)
    _refuse_unknown(quotas, [each for each in components if each["billing_type"] == "fixed"])
    for component in components:
        amount = int(quotas.get(component["type"], 0))
        scope.store.replace("plan_component", _priced(plan, component, scope), amount=amount)
    return Result()


def marketplace_plans_update_discounts(scope: Scope) -> Result:
    """Set or remove the discounts of the components that are named."""
    plan = crud.target(scope)
    _refuse_remote(plan, scope)
    discounts = scope.body["discounts"]
    _refuse_half_discounts(discounts)
    components = {each["type"]: each for each in _components(plan, scope)}
    if unknown := sorted(set(discounts) - set(components)):
        valid = ", ".join(sorted(components))
        text = f"Invalid component types: {', '.join(unknown)}. Valid types are: {valid}"
        raise Invalid.field("discounts", text)
    for kind, discount in discounts.items():
        priced = _find_priced(plan, components[kind], scope)
        if priced is not None:
            scope.store.replace("plan_component", priced, **_discount(discount))
    return Result()


def marketplace_plans_update_organization_groups(scope: Scope) -> Result:
    """Restrict the plan to organization groups; without the key nothing changes."""
    plan = crud.target(scope)
    groups = scope.body.get("organization_groups")
    if groups is not None:
        scope.store.replace("plan", plan, organization_groups=list(dict.fromkeys(groups)))
    return Result()


def marketplace_plans_delete_organization_groups(scope: Scope) -> Result:
    """Open the plan to everybody."""
    scope.store.replace("plan", crud.target(scope), organization_groups=[])
    return Result()


def _components(plan: Record, scope: Scope) -> tuple[Record, ...]:
    return scope.store.related("offering_component", "offering", plan["offering"])


def _find_priced(plan: Record, component: Record, scope: Scope) -> Record | None:
    priced = scope.store.related("plan_component", "plan", plan["uuid"])
    return next((each for each in priced if each["component"] == component["uuid"]), None)


def _priced(plan: Record, component: Record, scope: Scope) -> Record:
    found = _find_priced(plan, component, scope)
    return found or scope.store.insert("plan_component", _no_price(plan, component, scope))


def _no_price(plan: Record, component: Record, scope: Scope) -> Record:
    return {
        "uuid": scope.call.new_id(),
        "plan": plan["uuid"],
        "component": component["uuid"],
        "amount": 0,
        "price": _NO_PRICE,
        "future_price": None,
        "discount_threshold": None,
        "discount_rate": None,
    }


def _is_used(plan: Record, scope: Scope) -> bool:
    # Terminated resources count: their invoices still refer to the plan.
    return bool(scope.store.related("resource", "plan", plan["uuid"]))


def _refuse_used(plan: Record, scope: Scope) -> None:
    if _is_used(plan, scope):
        raise Invalid(message="It is not possible to update plan because it is used by resources.")


def _refuse_remote(plan: Record, scope: Scope) -> None:
    offering = scope.store.get("offering", plan["offering"])
    if offering is not None and offering["type"] == REMOTE:
        raise Invalid(message="It is not possible to update plan for this offering type.")


def _refuse_unknown(named: Mapping[str, JSON], components: Iterable[Record]) -> None:
    if unknown := sorted(set(named) - {component["type"] for component in components}):
        raise Invalid(message=f"Invalid components {', '.join(unknown)}.")


def _refuse_half_discounts(discounts: Mapping[str, Mapping[str, JSON]]) -> None:
    text = (
        "Both discount_threshold and discount_rate must be provided together, "
        "or both must be null to remove discount."
    )
    halves: dict[str, Issues] = {
        kind: {NON_FIELD: [Issue("text", {"text": text})]}
        for kind, discount in discounts.items()
        if len(set(map(_is_none, _discount(discount).values()))) > 1
    }
    if halves:
        raise Invalid({"discounts": halves})


def _discount(sent: Mapping[str, JSON]) -> dict[str, JSON]:
    return {name: sent.get(name) for name in ("discount_threshold", "discount_rate")}


def _is_none(value: JSON) -> bool:
    return value is None


def _decimal(value: JSON) -> str:
    return format(Decimal(str(value)), ".10f")
