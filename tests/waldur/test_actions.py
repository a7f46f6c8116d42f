import re
from types import SimpleNamespace

import pytest

from mockserver.errors import NON_FIELD, Conflict, Forbidden, Invalid, NotFound

UNKNOWN = "0" * 32
PERMISSIONS = [
    "OFFERING.CREATE_PLAN",
    "OFFERING.UPDATE_PLAN",
    "OFFERING.ARCHIVE_PLAN",
    "SERVICE_PROVIDER.GET_STATISTICS",
    "SERVICE_PROVIDER.GET_REVENUE",
    "SERVICE_PROVIDER.GET_API_SECRET_CODE",
    "SERVICE_PROVIDER.GENERATE_API_SECRET_CODE",
    "SERVICE_PROVIDER.SET_OFFERINGS_USERNAME",
    "CUSTOMER.CREATE_PERMISSION",
    "CUSTOMER.UPDATE_PERMISSION",
    "CUSTOMER.DELETE_PERMISSION",
]


@pytest.fixture
def cast(world):
    """A provider, its owner, staff, a stranger, and a plan with two components."""
    customer = world.add("customer", name="Alpha")
    offering = world.add("offering", name="Cloud", type="Marketplace.Basic", customer=customer)
    plan = world.add("plan", name="Basic", offering=offering)
    components = {
        kind: world.add(
            "offering_component", offering=offering, type=kind, name=kind, billing_type=billing_type
        )
        for kind, billing_type in {"cpu": "usage", "disk": "fixed"}.items()
    }
    for component in components.values():
        world.add("plan_component", plan=plan, component=component)
    owner = world.add("user", username="owner", is_active=True)
    role = world.add("role", name="CUSTOMER.OWNER", scope_type="customer", permissions=PERMISSIONS)
    world.grant(owner, role, customer=customer)
    return SimpleNamespace(
        customer=customer,
        offering=offering,
        plan=plan,
        components=components,
        owner=owner,
        staff=world.add("user", username="root", is_active=True, is_staff=True),
        stranger=world.add("user", username="bob", is_active=True),
        provider=world.add("service_provider", customer=customer, api_secret_code="a" * 16),
        manager=world.add("role", name="SERVICE_PROVIDER.MANAGER", scope_type="serviceprovider"),
    )


def use(world, plan, state="OK"):
    project = world.add("project", name="Genomes")
    return world.add("resource", plan=plan, offering=plan["offering"], project=project, state=state)


def priced(world, cast, kind):
    rows = world.store.related("plan_component", "component", cast.components[kind]["uuid"])
    return next(row for row in rows if row["plan"] == cast.plan["uuid"])


def complaint(problem, *path):
    issues = problem.value.issues
    for step in path:
        issues = issues[step]
    return [issue.params["text"] for issue in issues]


# Plans


def test_a_new_plan_has_a_price_for_every_component(world, cast):
    link = f"/api/marketplace-provider-offerings/{cast.offering['uuid']}/"

    result = world.call(
        "marketplace_plans_create", cast.owner, "", {"name": "New", "offering": link}
    )

    assert result.body["prices"] == {"cpu": 0, "disk": 0}
    assert result.body["quotas"] == {"cpu": 0, "disk": 0}
    assert result.body["future_prices"] == {"cpu": None, "disk": None}
    assert result.body["uuid"] == result.created
    assert world.store.get("plan", result.created)["unit"] == "day"


def test_a_plan_is_validated_before_the_permission_is_asked(world, cast):
    link = f"/api/marketplace-provider-offerings/{cast.offering['uuid']}/"

    with pytest.raises(Invalid):
        world.call("marketplace_plans_create", cast.stranger, "", {"name": " ", "offering": link})
    with pytest.raises(Forbidden):
        world.call("marketplace_plans_create", cast.stranger, "", {"name": "N", "offering": link})


def test_an_unused_plan_changes_only_what_may_change(world, cast):
    body = {"name": "Renamed", "archived": True, "unit_price": "5", "backend_id": "x"}

    world.call("marketplace_plans_update", cast.owner, cast.plan["uuid"], body)

    changed = world.store.get("plan", cast.plan["uuid"])
    assert changed == {**cast.plan, "name": "Renamed"}


@pytest.mark.parametrize("operation", ["update", "partial_update"])
def test_a_used_plan_is_refused_before_the_body_is_read(world, cast, operation):
    use(world, cast.plan, state="Terminated")

    with pytest.raises(Invalid, match="is used by resources") as problem:
        world.call(f"marketplace_plans_{operation}", cast.staff, cast.plan["uuid"], {"name": ""})
    assert problem.value.message


def test_invisible_plans_are_not_found(world, cast):
    with pytest.raises(NotFound):
        world.call("marketplace_plans_archive", cast.stranger, cast.plan["uuid"])


def test_a_plan_is_archived_once(world, cast):
    result = world.call("marketplace_plans_archive", cast.owner, cast.plan["uuid"])

    assert result.body == {"detail": "Plan has been archived."}
    assert world.store.get("plan", cast.plan["uuid"])["archived"] is True
    with pytest.raises(Invalid, match="Plan is already archived"):
        world.call("marketplace_plans_archive", cast.owner, cast.plan["uuid"])


def test_only_staff_deletes_plans_and_only_unused_ones(world, cast):
    with pytest.raises(Forbidden):
        world.call("marketplace_plans_destroy", cast.owner, UNKNOWN)
    with pytest.raises(NotFound):
        world.call("marketplace_plans_destroy", cast.staff, UNKNOWN)
    resource = use(world, cast.plan)
    with pytest.raises(Conflict):
        world.call("marketplace_plans_destroy", cast.staff, cast.plan["uuid"])

    world.store.remove("resource", resource)
    world.call("marketplace_plans_destroy", cast.staff, cast.plan["uuid"])
    assert world.store.get("plan", cast.plan["uuid"]) is None
    assert world.store.all("plan_component") == ()


def set_prices(world, cast, prices):
    key = cast.plan["uuid"]
    return world.call("marketplace_plans_update_prices", cast.owner, key, {"prices": prices})


def test_prices_are_replaced_as_a_whole(world, cast):
    set_prices(world, cast, {"cpu": "1.5", "disk": 2})
    set_prices(world, cast, {"cpu": 3})

    assert priced(world, cast, "cpu")["price"] == "3.0000000000"
    assert priced(world, cast, "disk")["price"] == "0.0000000000"
    assert priced(world, cast, "cpu")["future_price"] is None


def test_prices_of_a_used_plan_wait_for_next_month(world, cast):
    use(world, cast.plan, state="Terminated")

    set_prices(world, cast, {"cpu": "1.5"})

    assert priced(world, cast, "cpu")["future_price"] == "1.5000000000"
    assert priced(world, cast, "cpu")["price"] == "0.0000000000"
    assert priced(world, cast, "disk")["future_price"] is None
    set_prices(world, cast, {})
    assert priced(world, cast, "cpu")["future_price"] == "0.0000000000"


def test_a_component_the_plan_lacks_is_added_to_it(world, cast):
    world.store.remove("plan_component", priced(world, cast, "cpu"))

    set_prices(world, cast, {"cpu": 1})

    assert priced(world, cast, "cpu")["price"] == "1.0000000000"


@pytest.mark.parametrize(
    ("prices", "unknown"),
    [({"z": 1, "a": 1, "cpu": 1}, "a, z"), ({"": 1}, ""), ({"CPU": 1}, "CPU")],
)
def test_prices_of_unknown_components_are_refused(world, cast, prices, unknown):
    with pytest.raises(Invalid) as problem:
        set_prices(world, cast, prices)

    assert problem.value.issues or problem.value.message == f"Invalid components {unknown}."
    assert priced(world, cast, "cpu")["price"] == "0.0000000000"


def test_quotas_are_for_fixed_prices_only(world, cast):
    def set_quotas(quotas):
        key = cast.plan["uuid"]
        return world.call("marketplace_plans_update_quotas", cast.owner, key, {"quotas": quotas})

    set_quotas({"disk": "20"})
    assert priced(world, cast, "disk")["amount"] == 20
    set_quotas({})
    assert priced(world, cast, "disk")["amount"] == 0
    with pytest.raises(Invalid) as problem:
        set_quotas({"cpu": 1})
    assert problem.value.message == "Invalid components cpu."


def set_discounts(world, cast, discounts):
    key = cast.plan["uuid"]
    body = {"discounts": discounts}
    return world.call("marketplace_plans_update_discounts", cast.owner, key, body)


def test_discounts_change_only_what_is_named(world, cast):
    set_discounts(world, cast, {"cpu": {"discount_threshold": 10, "discount_rate": 5}})
    set_discounts(world, cast, {"disk": {"discount_threshold": 1, "discount_rate": 0}})

    assert priced(world, cast, "cpu")["discount_threshold"] == 10
    assert priced(world, cast, "cpu")["discount_rate"] == 5
    set_discounts(world, cast, {"cpu": {"discount_threshold": None, "discount_rate": None}})
    assert priced(world, cast, "cpu")["discount_rate"] is None
    assert priced(world, cast, "disk")["discount_rate"] == 0


def test_half_a_discount_and_unknown_components_are_refused(world, cast):
    with pytest.raises(Invalid) as problem:
        set_discounts(world, cast, {"cpu": {"discount_rate": 5}})
    assert "must be provided together" in complaint(problem, "discounts", "cpu", NON_FIELD)[0]

    with pytest.raises(Invalid) as problem:
        set_discounts(world, cast, {"gpu": {"discount_threshold": 1, "discount_rate": 5}})
    text = "Invalid component types: gpu. Valid types are: cpu, disk"
    assert complaint(problem, "discounts") == [text]


@pytest.mark.parametrize("operation", ["update_prices", "update_quotas", "update_discounts"])
def test_plans_of_remote_offerings_are_managed_elsewhere(world, cast, operation):
    world.store.replace("offering", cast.offering, type="Waldur.RemoteOffering")

    with pytest.raises(Invalid, match="for this offering type"):
        world.call(f"marketplace_plans_{operation}", cast.owner, cast.plan["uuid"], {})


def test_organization_groups_are_replaced_and_removed(world, cast):
    group = world.add("organization_group", name="Europe")
    link = f"/api/organization-groups/{group['uuid']}/"

    def groups():
        return world.store.get("plan", cast.plan["uuid"])["organization_groups"]

    def perform(operation, body):
        name = f"marketplace_plans_{operation}_organization_groups"
        world.call(name, cast.owner, cast.plan["uuid"], body)

    perform("update", {"organization_groups": [link, link]})
    assert groups() == [group["uuid"]]
    perform("update", {})
    assert groups() == [group["uuid"]]
    perform("delete", None)
    assert groups() == []


# Service Providers


def test_a_provider_with_offerings_on_sale_stays(world, cast):
    key = cast.provider["uuid"]
    with pytest.raises(Forbidden):
        world.call("marketplace_service_providers_destroy", cast.stranger, key)
    with pytest.raises(Invalid, match="has active offerings"):
        world.call("marketplace_service_providers_destroy", cast.owner, key)

    world.store.replace("offering", cast.offering, state="Archived")
    world.call("marketplace_service_providers_destroy", cast.owner, key)
    assert world.store.get("service_provider", key) is None
    assert world.store.get("offering", cast.offering["uuid"]) is not None


def test_every_secret_code_is_new_and_unmistakable(world, cast):
    def generate():
        key = cast.provider["uuid"]
        return world.call("service_provider_api_secret_code_generate", cast.owner, key).body

    first, second = generate(), generate()

    assert first["detail"] == "Api secret code updated."
    assert re.fullmatch("[a-hjkmnp-zA-HJ-NP-Z2-9]{16}", first["api_secret_code"])
    assert first["api_secret_code"] != second["api_secret_code"]
    stored = world.store.get("service_provider", cast.provider["uuid"])
    assert stored["api_secret_code"] == second["api_secret_code"]


def membership(world, cast, operation, caller=None, /, **body):
    body = {"user": cast.stranger["uuid"], "role": "SERVICE_PROVIDER.MANAGER", **body}
    name = f"marketplace_service_providers_{operation}_user"
    return world.call(name, caller or cast.owner, cast.provider["uuid"], body)


def members(world, cast):
    found = world.store.related("grant", "service_provider", cast.provider["uuid"])
    return [grant["user"] for grant in found if grant["is_active"]]


def test_a_role_is_given_changed_and_taken_away(world, cast):
    given = membership(world, cast, "add", expiration_time="2030-05-05T10:11:12+02:00")
    assert given.body == {"expiration_time": "2030-05-05T08:11:12Z"}
    (grant,) = world.store.related("grant", "service_provider", cast.provider["uuid"])
    assert grant["created_by"] == cast.owner["uuid"]

    assert membership(world, cast, "update").body == {"expiration_time": None}

    assert membership(world, cast, "delete").body is None
    assert members(world, cast) == []
    membership(world, cast, "delete")
    membership(world, cast, "add", role=cast.manager["uuid"])
    assert members(world, cast) == [cast.stranger["uuid"]]


@pytest.mark.parametrize("operation", ["add", "update", "delete"])
@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({"role": "NOBODY"}, "role", "Role is not found."),
        ({"user": UNKNOWN}, "user", "User is not found."),
        (
            {"expiration_time": "2001-01-01"},
            "expiration_time",
            "Expiration time should be greater than current time.",
        ),
    ],
)
def test_membership_blames_fields_before_it_asks_for_the_permission(
    world, cast, operation, body, field, text
):
    with pytest.raises(Invalid) as problem:
        membership(world, cast, operation, cast.stranger, **body)
    assert complaint(problem, field) == [text]

    with pytest.raises(Forbidden):
        membership(world, cast, operation, cast.stranger)


def test_inactive_users_are_not_found(world, cast):
    gone = world.add("user", username="gone", is_active=False)

    with pytest.raises(Invalid) as problem:
        membership(world, cast, "add", user=gone["uuid"])
    assert complaint(problem, "user") == ["User is not found."]


def refused_as(world, cast, text, **body):
    with pytest.raises(Invalid) as problem:
        membership(world, cast, "add", **body)
    return complaint(problem, NON_FIELD) == [text]


def test_a_role_is_given_once_and_only_where_it_belongs(world, cast):
    world.add("role", name="OLD", scope_type="serviceprovider", is_active=False)
    membership(world, cast, "add")

    assert refused_as(world, cast, "User has already the same role in this scope.")
    assert refused_as(world, cast, "Role is not valid for this scope.", role="CUSTOMER.OWNER")
    assert refused_as(world, cast, "Role is not active.", role="OLD")
    world.store.replace("customer", cast.customer, blocked=True)
    assert refused_as(world, cast, "Customer is not available.")


def test_nobody_gives_himself_a_role_by_that_role(world, cast):
    boss = world.add(
        "role",
        name="BOSS",
        scope_type="serviceprovider",
        permissions=["CUSTOMER.CREATE_PERMISSION"],
    )
    world.grant(cast.stranger, boss, service_provider=cast.provider)

    with pytest.raises(Invalid) as problem:
        membership(world, cast, "add", cast.stranger)
    assert complaint(problem, NON_FIELD) == ["User can not manage own role."]
    membership(world, cast, "add", cast.owner, user=cast.owner["uuid"])


def test_changing_a_role_that_nobody_holds_is_refused(world, cast):
    with pytest.raises(Invalid) as problem:
        membership(world, cast, "update")
    assert complaint(problem, NON_FIELD)


def name_accounts(world, cast, caller, key=None, **body):
    operation = "marketplace_service_providers_set_offerings_username"
    return world.call(operation, caller, key or cast.provider["uuid"], body)


def test_a_name_is_set_where_the_projects_of_the_user_use_the_provider(world, cast):
    resource = use(world, cast.plan)
    member = world.add("role", name="PROJECT.MEMBER", scope_type="project")
    world.grant(cast.stranger, member, project=resource["project"])
    elsewhere = world.add("offering", name="Storage", customer=cast.customer)

    result = name_accounts(
        world, cast, cast.owner, user_uuid=cast.stranger["uuid"], username="bob1"
    )

    assert result.body == {"detail": "Offering users have been set."}
    (account,) = world.store.all("offering_user")
    assert account["offering"] == cast.offering["uuid"] != elsewhere["uuid"]
    assert (account["username"], account["state"]) == ("bob1", 5)
    name_accounts(world, cast, cast.owner, user_uuid=cast.stranger["uuid"], username="bob1")
    assert world.store.all("offering_user") == (account,)


def test_the_body_counts_before_the_provider_and_the_permission(world, cast):
    user = cast.stranger["uuid"]
    with pytest.raises(Invalid):
        name_accounts(world, cast, cast.stranger, UNKNOWN)
    with pytest.raises(Invalid) as problem:
        name_accounts(world, cast, cast.stranger, UNKNOWN, user_uuid=UNKNOWN, username="x")
    dashed = "00000000-0000-0000-0000-000000000000"
    assert problem.value.message == f"A user with the uuid [{dashed}] is not found."
    with pytest.raises(NotFound):
        name_accounts(world, cast, cast.stranger, UNKNOWN, user_uuid=user, username="x")
    with pytest.raises(Forbidden):
        name_accounts(world, cast, cast.stranger, user_uuid=user, username="x")


def test_the_dashboard_counts_this_month(world, cast, last_month):
    fresh, old = use(world, cast.plan), use(world, cast.plan, state="Erred")
    buyers = [world.add("customer", name=name) for name in ("New", "Old")]
    for resource, buyer in zip((fresh, old), buyers, strict=True):
        project = world.store.get("project", resource["project"])
        world.store.replace("project", project, customer=buyer["uuid"])
    world.store.replace("resource", old, created=last_month)
    use(world, cast.plan, state="Terminated")
    for resource, kind, state in ((fresh, "Create", "done"), (old, "Update", "pending-provider")):
        world.add(
            "order",
            resource=resource,
            project=resource["project"],
            offering=cast.offering,
            type=kind,
            state=state,
        )
    world.add("support_issue", resource=fresh, resolved=False)
    world.add(
        "campaign",
        service_provider=cast.provider,
        state="Active",
        start_date="2026-03-15",
        end_date="2026-03-15",
    )
    world.store.replace("offering", cast.offering, state="Paused")

    key = cast.provider["uuid"]
    stat = world.call("marketplace_service_providers_stat_retrieve", cast.owner, key).body

    assert stat == {
        "active_campaigns": 1,
        "current_customers": 2,
        "customers_number_change": 1,
        "active_resources": 2,
        "resources_number_change": 1,
        "active_and_paused_offerings": 1,
        "unresolved_tickets": 1,
        "pending_orders": 1,
        "erred_resources": 1,
    }


def test_revenue_is_truncated_by_month_since_a_year_ago(world, cast):
    resource = use(world, cast.plan)
    for year, month in ((2025, 2), (2025, 3), (2026, 3)):
        invoice = world.add("invoice", year=year, month=month, created=f"{year}-{month:02}-01")
        for price in ("47.4750000000", "47.4750000000"):
            world.add(
                "invoice_item", invoice=invoice, resource=resource, unit_price=price, quantity="1"
            )

    key = cast.provider["uuid"]
    result = world.call("marketplace_service_providers_revenue_list", cast.owner, key)

    assert result.body == [
        {"total": 94, "year": 2025, "month": 3},
        {"total": 94, "year": 2026, "month": 3},
    ]
