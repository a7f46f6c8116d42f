from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.waldur import pricing

COMPONENTS = {
    "cpu": ("CPU", "limit", "10", 4),
    "disk": ("Disk", "fixed", "0.5", 20),
    "setup": ("Set-up", "one", "100", 3),
    "move": ("Moving", "few", "7.5", 2),
    "traffic": ("Traffic", "usage", "0.01", 0),
}


def plan_with(world, *types, **fields):
    offering = world.add("offering", name="Cloud")
    plan = world.add("plan", name="Basic", offering=offering, **fields)
    for kind in types:
        name, billing_type, price, amount = COMPONENTS[kind]
        component = world.add(
            "offering_component", offering=offering, type=kind, name=name, billing_type=billing_type
        )
        world.add(
            "plan_component",
            plan=plan,
            component=component,
            price=f"{Decimal(price):.10f}",
            amount=amount,
        )
    return plan


def test_prices_are_numbers_by_type_in_the_order_of_component_names(world):
    plan = plan_with(world, "setup", "cpu", "disk")

    prices = pricing.plan_prices(plan, world.scope())

    assert list(prices.items()) == [("cpu", 10.0), ("disk", 0.5), ("setup", 100.0)]


def test_prices_quotas_and_future_prices_name_the_same_components(world):
    plan, scope = plan_with(world, *COMPONENTS), world.scope()

    assert (
        set(pricing.plan_prices(plan, scope))
        == set(pricing.plan_quotas(plan, scope))
        == set(pricing.plan_future_prices(plan, scope))
    )


def test_a_future_price_is_null_until_it_is_announced(world):
    plan = plan_with(world, "cpu")

    assert pricing.plan_future_prices(plan, world.scope()) == {"cpu": None}

    (priced,) = world.store.related("plan_component", "plan", plan["uuid"])
    world.store.replace("plan_component", priced, future_price="12.5000000000")
    assert pricing.plan_future_prices(plan, world.scope()) == {"cpu": 12.5}


def test_one_time_and_switching_prices_do_not_multiply_by_the_amount(world):
    plan, scope = plan_with(world, *COMPONENTS), world.scope()

    assert pricing.plan_init_price(plan, scope) == 100
    assert pricing.plan_switch_price(plan, scope) == 7.5


def test_the_least_price_leaves_out_usage_and_switching(world):
    plan = plan_with(world, *COMPONENTS)

    assert pricing.plan_minimal_price(plan, world.scope()) == 10 + 0.5 * 20 + 100


def test_a_fixed_price_without_an_amount_counts_once(world):
    plan = plan_with(world, "disk")
    (priced,) = world.store.related("plan_component", "plan", plan["uuid"])
    world.store.replace("plan_component", priced, amount=0)

    assert pricing.plan_minimal_price(plan, world.scope()) == 0.5


@pytest.mark.parametrize(
    ("types", "plan_type"),
    [
        ([], None),
        (["traffic"], "usage-based"),
        (["disk"], "fixed"),
        (["setup"], "one-time"),
        (["move"], "on-plan-switch"),
        (["cpu"], "limit"),
        (["cpu", "disk"], "mixed"),
    ],
)
def test_plan_type_names_the_only_billing_type(world, types, plan_type):
    plan = plan_with(world, *types)

    assert pricing.plan_plan_type(plan, world.scope()) == plan_type


def test_plan_type_overlooks_components_without_a_price(world):
    plan = plan_with(world, "cpu", "disk")
    for priced in world.store.related("plan_component", "plan", plan["uuid"]):
        if priced["amount"] == 20:
            world.store.replace("plan_component", priced, price="0.0000000000")

    assert pricing.plan_plan_type(plan, world.scope()) == "limit"


def test_terminated_resources_count_as_resources_but_not_as_usage(world):
    plan = plan_with(world, max_amount=2)
    for state in ("OK", "Erred", "Terminated"):
        world.add("resource", name=state, state=state, plan=plan, offering=plan["offering"])
    scope = world.scope()

    assert pricing.plan_resources_count(plan, scope) == 3
    assert pricing.plan_usage(plan, scope) == 2
    assert pricing.plan_remaining(plan, scope) == 0
    assert pricing.plan_is_active(plan, scope) is False


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.none() | st.integers(1, 5), used=st.integers(0, 6))
def test_a_plan_is_active_while_something_remains(world, limit, used):
    """`is_active`, `usage` and `remaining` tell one story."""
    plan = plan_with(world, max_amount=limit)
    for _ in range(used):
        world.add("resource", name="VM", state="OK", plan=plan, offering=plan["offering"])
    scope = world.scope()

    remaining = pricing.plan_remaining(plan, scope)

    assert remaining == (None if limit is None else limit - used)
    assert pricing.plan_is_active(plan, scope) is (remaining is None or remaining > 0)
