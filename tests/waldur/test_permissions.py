from datetime import timedelta

import pytest

from mockserver.waldur import permissions, visibility

NEEDS = "OFFERING.UPDATE_PLAN"


@pytest.fixture
def customer(world):
    return world.add("customer", name="Alpha")


@pytest.fixture
def owner_role(world):
    return world.add("role", name="CUSTOMER.OWNER", scope_type="customer", permissions=[NEEDS])


@pytest.fixture
def user(world):
    return world.add("user", username="ann", is_active=True)


def test_staff_may_everything(world, customer):
    staff = world.add("user", username="root", is_staff=True)
    scope = world.scope(user=staff)

    assert permissions.may(scope, NEEDS, customer)
    assert permissions.may(scope, permissions.STAFF, None)


def test_support_may_not_more_than_others(world, customer):
    scope = world.scope(user=world.add("user", username="help", is_support=True))

    assert not permissions.may(scope, NEEDS, customer)
    assert not permissions.may(scope, permissions.STAFF, None)


def test_nobody_may_nothing(world, customer):
    assert not permissions.may(world.scope(), NEEDS, customer)


def test_a_grant_on_the_record_gives_the_permissions_of_its_role(world, customer, owner_role, user):
    world.grant(user, owner_role, customer=customer)
    scope = world.scope(user=user)

    assert permissions.may(scope, NEEDS, customer)
    assert not permissions.may(scope, "OFFERING.CREATE_PLAN", customer)
    assert not permissions.may(scope, permissions.STAFF, customer)


def test_ownership_is_asked_for_by_the_name_of_the_role(world, customer, owner_role, user):
    manager = world.add("role", name="CUSTOMER.MANAGER", permissions=["CUSTOMER.OWNER"])
    world.grant(user, manager, customer=customer)

    assert not permissions.may(world.scope(user=user), permissions.OWNER, customer)

    world.grant(user, owner_role, customer=customer)
    assert permissions.may(world.scope(user=user), permissions.OWNER, customer)


def test_a_grant_on_another_record_gives_nothing(world, customer, owner_role, user):
    world.grant(user, owner_role, customer=world.add("customer", name="Beta"))

    assert not permissions.may(world.scope(user=user), NEEDS, customer)


def test_a_grant_on_a_customer_is_none_on_a_provider_with_the_same_key(
    world, customer, owner_role, user
):
    world.grant(user, owner_role, customer=customer)
    namesake = world.add("service_provider", uuid=customer["uuid"])

    assert not permissions.may(world.scope(user=user), NEEDS, namesake)


def test_a_revoked_grant_gives_nothing(world, customer, owner_role, user):
    world.grant(user, owner_role, customer=customer, is_active=False)

    assert not permissions.may(world.scope(user=user), NEEDS, customer)


def test_a_grant_ends_when_it_expires(world, customer, owner_role, user, soon):
    world.grant(user, owner_role, customer=customer, expiration_time=soon)

    assert permissions.may(world.scope(user=user), NEEDS, customer)
    world.now += timedelta(days=1)
    assert not permissions.may(world.scope(user=user), NEEDS, customer)


def test_plans_are_visible_to_those_with_a_role_in_the_organization(
    world, customer, owner_role, user, soon
):
    plan = world.add("plan", offering=world.add("offering", customer=customer))
    stranger = world.add("user", username="bob")
    staff = world.add("user", username="root", is_staff=True)
    world.grant(user, owner_role, customer=customer, expiration_time=soon)

    assert visibility.plan_is_visible(plan, world.scope(user=user))
    assert visibility.plan_is_visible(plan, world.scope(user=staff))
    assert not visibility.plan_is_visible(plan, world.scope(user=stranger))
    assert not visibility.plan_is_visible(plan, world.scope())
    world.now += timedelta(days=2)
    assert not visibility.plan_is_visible(plan, world.scope(user=user))
