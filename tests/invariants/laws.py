"""What must hold of any state, said in answers only: each law asks and compares.

A law takes a client and the key of a provider; `AT_ONCE` names them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.invariants.client import Client

Law = Callable[[Client, str], None]

_P: Final = "marketplace_service_providers_"
_COMPLIANCE: Final = "service_provider_"
#: How many projects and users an organization is shown with.
PREVIEW: Final = 5
#: After this many turns every list has been asked for.
TURNS: Final = 6


def lists(client: Client) -> list[str]:
    """Return the paged lists of the API by operationId."""
    bounds = client.app.api.operations.values()
    return sorted(b.operation.id for b in bounds if b.operation.verb == "list")


def counts_agree(client: Client, provider: str) -> None:
    """HEAD counts what GET counts, and shows nothing; the count is that of the rows."""
    for operation_id in _asked(client):
        key = provider if client.operation(operation_id).path_key else ""
        found = client.call("staff", operation_id, key, page_size=300)
        head = client.call("staff", operation_id, key, page_size=300, method="HEAD")
        assert head.status == found.status == 200
        assert dict(head.headers) == dict(found.headers)
        total = int(found.headers["X-Result-Count"])
        assert len(found.body) == min(total, 300), operation_id


def pages_partition_the_list(client: Client, provider: str) -> None:
    """Pages laid end to end are the list; there is no page after the last."""
    for number, operation_id in enumerate(_asked(client)):
        key = provider if client.operation(operation_id).path_key else ""
        whole = client.rows(operation_id, key)
        size = max(2, len(whole) // (2 + number % 3))
        pages = [
            client.call("staff", operation_id, key, page_size=size, page=1 + start // size).body
            for start in range(0, max(1, len(whole)), size)
        ]
        assert [row for page in pages for row in page] == whole, operation_id
        after = client.call("staff", operation_id, key, page_size=size, page=len(pages) + 1)
        assert after.status == 404
        last = client.call("staff", operation_id, key, page_size=size, page="last")
        assert last.body == pages[-1], operation_id


def customers_add_up(client: Client, provider: str) -> None:
    """Every customer has projects, and the projects of all customers are the projects."""
    customers = client.rows(f"{_P}customers_list", provider)
    projects = client.rows(f"{_P}projects_list", provider)
    users = len(client.rows(f"{_P}users_list", provider))
    assert _unique(projects, "uuid")
    assert _unique(customers, "uuid")
    assert sum(row["projects_count"] for row in customers) == len(projects)
    assert {row["customer_uuid"] for row in projects} == {row["uuid"] for row in customers}
    for row in customers:
        own = client.rows(f"{_P}customer_projects_list", provider, customer=row["uuid"])
        assert row["projects_count"] == len(own) >= 1
        assert len(row["projects"]) == min(PREVIEW, row["projects_count"])
        assert len(row["users"]) == min(PREVIEW, row["users_count"])
        assert row["users_count"] <= users
        assert {each["uuid"] for each in row["projects"]} <= {each["uuid"] for each in own}


def nobody_else_is_mentioned(client: Client, provider: str) -> None:
    """Keys and permissions are of users; permissions and accounts are of projects."""
    users = {row["uuid"] for row in client.rows(f"{_P}users_list", provider)}
    projects = {_plain(row["uuid"]) for row in client.rows(f"{_P}projects_list", provider)}
    permissions = client.rows(f"{_P}project_permissions_list", provider)
    assert {row["user_uuid"] for row in permissions} == users
    assert {row["user_uuid"] for row in client.rows(f"{_P}keys_list", provider)} <= users
    assert {_plain(row["project_uuid"]) for row in permissions} <= projects
    for name in ("course_accounts_list", "project_service_accounts_list"):
        rows = client.rows(f"{_P}{name}", provider)
        assert {_plain(row["project_uuid"]) for row in rows} <= projects, name


def users_belong_to_customers(client: Client, provider: str) -> None:
    """Whoever is a user belongs to customers of the provider, and to no others."""
    customers = {row["uuid"] for row in client.rows(f"{_P}customers_list", provider)}
    users = client.rows(f"{_P}users_list", provider)
    for user in users[:: max(1, len(users) // 5)]:
        rows = client.rows(f"{_P}user_customers_list", provider, user_uuid=user["uuid"])
        assert rows, f"{user['username']} belongs to no customer"
        assert {row["uuid"] for row in rows} <= customers


def plans_are_shown_alike(client: Client, provider: str) -> None:
    """The plans of an offering are the plan list of that offering, as is their detail."""
    for offering in client.rows(f"{_P}offerings_list", provider):
        listed = client.rows("marketplace_plans_list", offering_uuid=offering["uuid"])
        assert offering["plans"] == [_without(plan, "offering") for plan in listed]
        for plan in listed:
            types = {component["type"] for component in plan["components"]}
            assert set(plan["prices"]) == set(plan["quotas"]) == types
            assert set(plan["future_prices"]) == types
            _plan_adds_up(plan)
        for plan in listed[:1]:
            assert client.rows("marketplace_plans_retrieve", plan["uuid"]) == plan


def _plan_adds_up(plan: dict[str, Any]) -> None:
    for component in plan["components"]:
        kind = component["type"]
        assert plan["prices"][kind] == float(component["price"])
        assert plan["quotas"][kind] == component["amount"]
        future = component["future_price"]
        assert plan["future_prices"][kind] == (None if future is None else float(future))
    assert plan["minimal_price"] >= plan["init_price"]
    priced = any(plan["prices"].values())
    assert (plan["plan_type"] is not None) == priced


def usage_adds_up(client: Client, provider: str) -> None:
    """What remains is the limit without the usage; a full plan is not active."""
    plans = {row["uuid"]: row for row in client.rows("marketplace_plans_list")}
    rows = client.rows("marketplace_plans_usage_stats_list")
    assert _unique(rows, "plan_uuid")
    assert {row["plan_uuid"] for row in rows} <= set(plans)
    for row in rows:
        plan, limit, usage = plans[row["plan_uuid"]], row["limit"], row["usage"]
        assert (row["plan_name"], limit) == (plan["name"], plan["max_amount"])
        assert row["remaining"] == (None if limit is None else limit - usage)
        assert usage <= plan["resources_count"]
        assert plan["is_active"] == (limit is None or usage < limit)
    everybody = client.rows("marketplace_plans_usage_stats_list", persona="stranger")
    assert everybody == rows


def figures_agree(client: Client, provider: str) -> None:
    """The dashboard counts no more than the lists allow."""
    shown = client.rows(f"{_P}retrieve", provider)
    stat = client.rows(f"{_P}stat_retrieve", provider)
    customers = client.rows(f"{_P}customers_list", provider)
    assert shown["offering_count"] >= stat["active_and_paused_offerings"] >= 0
    assert 0 <= stat["erred_resources"] <= stat["active_resources"]
    assert stat["current_customers"] >= len(customers)
    revenue = client.rows(f"{_P}revenue_list", provider)
    months = [(row["year"], row["month"]) for row in revenue]
    assert months == sorted(set(months))
    assert len(months) <= 13


def compliance_adds_up(client: Client, provider: str) -> None:
    """Completed and pending users are those with completions; totals agree with the rows."""
    overview = client.rows(f"{_COMPLIANCE}compliance_overview", provider)
    summary = client.rows(f"{_COMPLIANCE}checklists_summary", provider)
    assert sum(row["offerings_count"] for row in summary) == len(overview)
    for row in overview:
        own = client.rows(
            f"{_COMPLIANCE}offering_users_compliance", provider, offering_uuid=row["offering_uuid"]
        )
        status = [user["compliance_status"] for user in own]
        assert row["total_users"] == len(own)
        assert row["completed_users"] + row["pending_users"] == row["users_with_completions"]
        assert row["users_with_completions"] <= row["total_users"]
        assert row["completed_users"] == status.count("completed")


def others_see_a_part(client: Client, provider: str) -> None:
    """Nobody sees a plan that staff do not see, and what one sees is shown alike."""
    everything = {row["uuid"]: row for row in client.rows("marketplace_plans_list")}
    for persona in client.tokens:
        rows = client.rows("marketplace_plans_list", persona=persona)
        assert all(everything[row["uuid"]] == row for row in rows), persona
        for row in rows[:1]:
            seen = client.call(persona, "marketplace_plans_retrieve", row["uuid"])
            assert (seen.status, seen.body) == (200, row)


def team_is_listed_once(client: Client, provider: str) -> None:
    """A role of a person on the provider is listed once, and has not ended."""
    rows = client.rows(f"{_P}list_users_list", provider)
    held = [(row["user_uuid"], row["role_uuid"]) for row in rows]
    assert len(held) == len(set(held))
    now = client.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert all(row["expiration_time"] is None or row["expiration_time"] > now for row in rows)


AT_ONCE: Final[tuple[Law, ...]] = (
    counts_agree,
    pages_partition_the_list,
    customers_add_up,
    nobody_else_is_mentioned,
    users_belong_to_customers,
    plans_are_shown_alike,
    usage_adds_up,
    figures_agree,
    compliance_adds_up,
    others_see_a_part,
    team_is_listed_once,
)


def _asked(client: Client) -> list[str]:
    """Return a few of the lists that can be asked for without naming a user, others each turn."""
    names = [name for name in lists(client) if not name.endswith("user_customers_list")]
    return names[client.turn % TURNS :: TURNS]


def _unique(rows: list[dict[str, Any]], name: str) -> bool:
    return len({row[name] for row in rows}) == len(rows)


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _plain(text: str) -> str:
    return text.replace("-", "")
