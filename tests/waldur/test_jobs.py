from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import assembly
from mockserver.assembly import Sources
from mockserver.clock import Duration
from mockserver.exchange import Request
from mockserver.waldur import billing, grants, jobs
from tests.waldur.conftest import NOW, World, stamp

INSTANTS = st.datetimes(datetime(1950, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the zone follows


@given(INSTANTS)
def test_a_month_begins_on_its_first_day(instant):
    due = jobs.next_month(instant)
    assert timedelta() < due - instant <= timedelta(days=31)
    assert (due.day, due.hour, due.minute, due.second, due.microsecond) == (1, 0, 0, 0, 0)
    assert (due.year * 12 + due.month) - (instant.year * 12 + instant.month) == 1


def test_the_start_of_a_month_is_due_before_it_and_not_at_it():
    start = datetime(2026, 4, 1, tzinfo=UTC)
    assert jobs.next_month(start - timedelta(microseconds=1)) == start
    assert jobs.next_month(start) == datetime(2026, 5, 1, tzinfo=UTC)


def priced(world: World, **given):
    offering = world.add("offering")
    component = world.add("offering_component", offering=offering, type="cpu", name="CPU")
    plan = world.add("plan", offering=offering)
    return world.add("plan_component", plan=plan, component=component, **given)


def test_an_announced_price_comes_into_force(world):
    one = priced(world, price="1.0000000000", future_price="2.5000000000")
    free = priced(world, price="1.0000000000", future_price="0.0000000000")
    other = priced(world, price="3.0000000000")
    store = world.store

    jobs.put_prices_in_force(store, NOW)

    found = [store.get("plan_component", row["uuid"]) for row in (one, free, other)]
    assert [row["price"] for row in found] == ["2.5000000000", "0.0000000000", "3.0000000000"]
    assert [row["future_price"] for row in found] == [None, None, None]
    assert found[2] is other


def test_a_month_without_announcements_writes_nothing(world):
    priced(world, price="1.0000000000")
    before = len(world.store.changes)
    jobs.put_prices_in_force(world.store, NOW)
    jobs.put_prices_in_force(world.store, NOW)
    assert len(world.store.changes) == before


def test_a_price_changes_when_its_month_has_begun():
    start = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    world = assembly.read_world(Sources(clock=start.isoformat()))
    now = [start]
    app = assembly.application(replace(world, clock=lambda: now[0]), strict=True)

    def announced():
        table = app.store.state.records("plan_component").values()
        return [row for row in table if row["future_price"] is not None]

    request = Request("GET", "/api/marketplace-plans/", headers={"host": "x"})
    before = {row["uuid"]: row["future_price"] for row in announced()}
    assert before
    app.answer(request)
    assert {row["uuid"] for row in announced()} == set(before)

    now[0] = Duration(1).after(start)
    app.answer(request)
    assert announced() == []
    rows = app.store.state.records("plan_component")
    assert {key: rows[key]["price"] for key in before} == before
    state = app.store.state
    now[0] = Duration(25).after(start)
    app.answer(request)
    assert app.store.state is state


@pytest.mark.parametrize(("later", "count"), [(0, 1), (59, 1), (60, 0), (3600, 0)])
def test_a_grant_ends_at_the_time_of_the_call(world, later, count):
    user, role = world.add("user"), world.add("role", name="PROJECT.ADMIN")
    project = world.add("project")
    expiry = stamp(NOW + timedelta(seconds=60))
    world.grant(user, role, project=project, expiration_time=expiry)
    # What is kept with the state from an earlier call must not outlive the grant.
    assert len(grants.scopes_of_caller(world.scope(user=user), "project")) == 1

    world.now = NOW + timedelta(seconds=later)
    assert len(grants.held_by(world.scope(), user["uuid"])) == count
    assert len(grants.scopes_of_caller(world.scope(user=user), "project")) == count


@pytest.mark.parametrize(("months", "cost"), [(0, 10.0), (1, 0.0), (-1, 0.0), (12, 0.0)])
def test_the_costs_of_this_month_are_those_of_the_month_of_the_call(world, months, cost):
    offering = world.add("offering", shared=True)
    bought = world.add("resource", offering=offering, project=world.add("project"), state="OK")
    invoice = world.add("invoice", year=NOW.year, month=NOW.month, tax_percent="0.00")
    world.add("invoice_item", invoice=invoice, resource=bought, unit_price="10.00", quantity="1.00")
    assert billing.offering_total_cost(offering, world.scope()) == 10.0
    world.now = Duration(months).after(NOW)
    assert billing.offering_total_cost(offering, world.scope()) == cost


@pytest.mark.parametrize(("seconds", "status"), [(3599, 200), (3601, 401)])
def test_a_token_expires_by_the_clock_of_its_world(default_world, seconds, status):
    start = default_world.clock()
    now = [start]
    app = assembly.application(replace(default_world, clock=lambda: now[0]), strict=True)
    rules = app.api.conventions["auth"]
    user = next(
        row for row in app.store.state.records("user").values() if row["token_lifetime"] == 3600
    )
    (token,) = app.store.read().related(rules["tokens"], rules["user"], user["uuid"])
    key = app.api.spec.resources[rules["tokens"]].key
    headers = {"host": "x", "authorization": f"{rules['keyword']} {token[key]}"}
    with app.store.transaction() as transaction:
        transaction.replace(rules["tokens"], token, **{rules["issued"]: stamp(start)})
    now[0] = start + timedelta(seconds=seconds)
    answer = app.answer(Request("GET", "/api/marketplace-plans/", headers=headers))
    assert answer.response.status == status


def test_the_last_month_of_the_calendar_has_a_next_one():
    last = datetime(2999, 12, 15, tzinfo=UTC)
    assert jobs.next_month(last) == datetime(3000, 1, 1, tzinfo=UTC)
