"""Who may do what, and who sees what: `permissions/matrix.md`, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from mockserver import assembly
from mockserver.app import Application
from mockserver.assembly import World
from mockserver.exchange import Request, Response
from mockserver.json_types import Record

MATRIX = Path(__file__).parent / "permissions" / "matrix.md"
SAMPLE = "a1b2c3d4e5f67890abcdef1234567890"
PROVIDERS = "/api/marketplace-service-providers/"
#: Which record `own` and `other` stand for: by name of the organization, plan or offering.
CUSTOMERS = {"own": "Põhjala Computing Centre", "other": "Cumulus Nordic AS"}
PLANS = {"own": "Starter", "other": "Seat"}
SELLERS = {"own": "Põhjala Computing Centre", "other": "Elbe Research Cloud"}
NEW_PROVIDERS = {"own": "Põhjala Computing Centre", "other": "University of Emajõe"}

MEMBERSHIP = {"role": "SERVICE_PROVIDER.MANAGER"}
#: Valid bodies; `None` where none is read. `{offering}`, `{customer}`, `{user}` are filled in.
BODIES: dict[str, Any] = {
    "marketplace_plans_create": {"name": "New", "offering": "{offering}"},
    "marketplace_plans_update": {"name": "Renamed", "offering": "{offering}"},
    "marketplace_plans_partial_update": {"description": "Changed."},
    "marketplace_plans_update_prices": {"prices": {}},
    "marketplace_plans_update_quotas": {"quotas": {}},
    "marketplace_plans_update_discounts": {"discounts": {}},
    "marketplace_plans_update_organization_groups": {"organization_groups": []},
    "marketplace_service_providers_create": {"customer": "{customer}"},
    "marketplace_service_providers_update": {"customer": "{customer}", "description": "New."},
    "marketplace_service_providers_partial_update": {"enable_notifications": False},
    "marketplace_service_providers_add_user": {**MEMBERSHIP, "user": "{newcomer}"},
    "marketplace_service_providers_update_user": {**MEMBERSHIP, "user": "{member}"},
    "marketplace_service_providers_delete_user": {**MEMBERSHIP, "user": "{member}"},
    "marketplace_service_providers_set_offerings_username": {
        "user_uuid": SAMPLE,
        "username": "anna",
    },
}
QUERIES = {"marketplace_service_providers_user_customers_list": f"user_uuid={SAMPLE}"}


def tables() -> list[list[dict[str, str]]]:
    """Return the tables of the page, each a list of rows by column."""
    found: list[list[dict[str, str]]] = []
    header: list[str] = []
    for line in MATRIX.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells:
            header = []
        elif not header:
            header = cells
            found.append([])
        elif set(cells[0]) != {"-"}:
            found[-1].append(dict(zip(header, cells, strict=True)))
    return found


PEOPLE, STATUSES, VALUES, PERMITTED = tables()
PERSONAS = [row["persona"] for row in PEOPLE]


@dataclass
class Asked:
    """An application of its own, and what the words of the tables mean in it."""

    application: Application
    tokens: dict[str, str]

    def find(self, resource: str, **wanted: Any) -> Record:
        rows = self.application.store.read().all(resource)
        return next(row for row in rows if all(row[n] == v for n, v in wanted.items()))

    def provider(self, at: str) -> Record:
        customer = self.find("customer", name=CUSTOMERS[at])
        return self.find("service_provider", customer=customer["uuid"])

    def send(
        self, persona: str, method: str, path: str, query: str = "", body: Any = None
    ) -> Response:
        headers = {"content-type": "application/json"}
        if persona != "anonymous":
            headers["authorization"] = f"Token {self.tokens[persona]}"
        sent = b"" if body is None else orjson.dumps(body)
        exchange = self.application.answer(Request(method, path, query, headers, sent))
        assert exchange.defect is None, exchange.defect
        return exchange.response

    def rows(self, persona: str, path: str, query: str = "page_size=300") -> Any:
        """Return the rows of a list, or the status of its refusal as text."""
        response = self.send(persona, "GET", path, query)
        body = orjson.loads(response.body)
        return body if response.status == 200 else str(response.status)


@pytest.fixture
def asked(application: Callable[..., Application], default_world: World) -> Asked:
    tokens = {p.name: p.token for p in default_world.scenario.personas}
    return Asked(application(strict=True), tokens)


# Statuses


def prepare(asked: Asked, operation_id: str, at: str) -> None:
    """Make the one change without which no such request is valid."""
    with asked.application.store.transaction() as store:
        if operation_id == "marketplace_service_providers_destroy":
            for offering in store.related("offering", "customer", asked.provider(at)["customer"]):
                store.replace("offering", offering, state="Archived")
        if operation_id == "marketplace_service_providers_create" and at == "own":
            store.remove("service_provider", asked.provider(at))


def path_key(asked: Asked, operation_id: str, at: str) -> str:
    """Return the key of the record that the path is to name."""
    if not operation_id.startswith("marketplace_plans"):
        return str(asked.provider(at)["uuid"])
    customer = asked.find("customer", name=SELLERS[at])
    offerings = {
        offering["uuid"]
        for offering in asked.application.store.read().all("offering")
        if offering["customer"] == customer["uuid"]
    }
    plans = asked.application.store.read().all("plan")
    return next(
        str(plan["uuid"])
        for plan in plans
        if plan["name"] == PLANS[at] and plan["offering"] in offerings
    )


def fill(asked: Asked, at: str, body: Any) -> Any:
    """Return a body in which every `{word}` is what it stands for."""
    if not isinstance(body, dict):
        return body
    words = {
        "{offering}": lambda: "/api/marketplace-provider-offerings/{}/".format(
            asked.find("offering", customer=asked.find("customer", name=SELLERS[at])["uuid"])[
                "uuid"
            ]
        ),
        "{customer}": lambda: "/api/customers/{}/".format(
            asked.find("customer", name=NEW_PROVIDERS[at])["uuid"]
        ),
        "{newcomer}": lambda: asked.find("token", key=asked.tokens["member"])["user"],
        "{member}": lambda: member(asked, at),
    }
    return {
        name: words[value]() if isinstance(value, str) and value in words else value
        for name, value in body.items()
    }


def member(asked: Asked, at: str) -> Any:
    """Return the key of a user who holds the role on the provider."""
    store = asked.application.store.read()
    role = asked.find("role", name=MEMBERSHIP["role"])
    return next(
        grant["user"]
        for grant in store.related("grant", "service_provider", asked.provider(at)["uuid"])
        if grant["role"] == role["uuid"]
        and (grant["is_active"], grant["expiration_time"]) == (True, None)
        and asked.find("user", uuid=grant["user"])["is_active"]
    )


def cells() -> Iterator[Any]:
    for row in STATUSES:
        for persona in PERSONAS:
            at, operation_id = row["at"], row["operation"]
            name = f"{operation_id}-{at}-{persona}"
            yield pytest.param(operation_id, at, persona, int(row[persona]), id=name)


@pytest.mark.parametrize(("operation_id", "at", "persona", "status"), list(cells()))
def test_a_request_is_answered_as_the_table_says(
    asked: Asked, operation_id: str, at: str, persona: str, status: int
) -> None:
    application = asked.application
    operation = application.api.operations[operation_id].operation
    at = "own" if at == "-" else at
    prepare(asked, operation_id, at)
    key = path_key(asked, operation_id, at) if operation.path_key else ""
    path = operation.path.replace(f"{{{operation.path_key}}}", key)
    body = fill(asked, at, BODIES.get(operation_id))
    before = application.store.state

    response = asked.send(persona, operation.method, path, QUERIES.get(operation_id, ""), body)

    assert response.status == status, response.body
    application.judge.check(operation, response)
    if status >= 400:
        assert application.store.state is before, "a refused request changed something"


def test_every_operation_is_in_the_table(default_world: World) -> None:
    listed = [(row["operation"], row["at"]) for row in STATUSES]
    wanted = [
        (bound.operation.id, at)
        for bound in default_world.api.operations.values()
        for at in (
            ("own", "other")
            if bound.operation.path_key or bound.operation.verb == "create"
            else ("-",)
        )
    ]

    assert sorted(listed) == sorted(wanted)


def test_every_persona_of_the_scenario_is_in_the_table(default_world: World) -> None:
    # One of them is staff with the token that documentation prints.
    named = {p.name for p in default_world.scenario.personas} - {"docs"}

    assert {*PERSONAS} == named | {"anonymous"}


def test_no_status_is_left_untried() -> None:
    tried = {row[persona] for row in STATUSES for persona in PERSONAS}

    assert tried == {"200", "201", "204", "401", "403", "404"}


# Values


def presence(rows: Any, name: str) -> str:
    """Return whether all of the rows have the key, or none."""
    if isinstance(rows, str):
        return rows
    found = {name in row for row in rows}
    assert len(found) == 1, f"{name} is in some rows only"
    return "yes" if found.pop() else "no"


def plans_listed(asked: Asked, persona: str) -> str:
    rows = asked.rows(persona, "/api/marketplace-plans/")
    return rows if isinstance(rows, str) else extent(asked, {row["uuid"] for row in rows})


def plans_in_usage_stats(asked: Asked, persona: str) -> str:
    rows = asked.rows(persona, "/api/marketplace-plans/usage_stats/")
    if isinstance(rows, str):
        return rows
    store = asked.application.store.read()
    billable = {row["uuid"] for row in store.all("offering") if row["billable"]}
    wanted = {row["uuid"] for row in store.all("plan") if row["offering"] in billable}
    return "all" if {row["plan_uuid"] for row in rows} == wanted else "some"


def extent(asked: Asked, found: set[Any]) -> str:
    """Return whether these are all plans, those of the first provider, or none."""
    store = asked.application.store.read()
    customer = asked.find("customer", name=CUSTOMERS["own"])
    own = {o["uuid"] for o in store.related("offering", "customer", customer["uuid"])}
    plans = store.all("plan")
    words = {
        "all": {plan["uuid"] for plan in plans},
        "own": {plan["uuid"] for plan in plans if plan["offering"] in own},
        "none": set(),
    }
    return next((word for word, keys in words.items() if keys == found), "some")


def nested(asked: Asked, persona: str, name: str, at: str = "own") -> Any:
    return asked.rows(persona, f"{PROVIDERS}{asked.provider(at)['uuid']}/{name}/")


def payment_profiles(asked: Asked, persona: str) -> str:
    """Return how much of the profiles is shown of the organization whose owner is `customer`."""
    rows = nested(asked, persona, "customers")
    if isinstance(rows, str):
        return rows
    customer = asked.find("customer", name=NEW_PROVIDERS["other"])
    shown = next(r["payment_profiles"] for r in rows if r["uuid"] == customer["uuid"])
    stored = asked.application.store.read().related(
        "payment_profile", "organization", customer["uuid"]
    )
    if shown is None:
        return "null"
    words = {
        "all": {row["uuid"] for row in stored},
        "active": {row["uuid"] for row in stored if row["is_active"]},
    }
    assert len(words["all"]) > len(words["active"]) > 0
    found = {row["uuid"] for row in shown}
    return next((word for word, keys in words.items() if keys == found), "some")


READERS: dict[str, Callable[[Asked, str], str]] = {
    "plans listed": plans_listed,
    "plans in usage_stats": plans_in_usage_stats,
    "provider.enable_notifications": lambda a, p: presence(
        a.rows(p, PROVIDERS), "enable_notifications"
    ),
    "offering.secret_options": lambda a, p: presence(nested(a, p, "offerings"), "secret_options"),
    "other.secret_options": lambda a, p: presence(
        nested(a, p, "offerings", "other"), "secret_options"
    ),
    "user.is_active": lambda a, p: presence(nested(a, p, "users"), "is_active"),
    "project.staff_notes": lambda a, p: presence(nested(a, p, "projects"), "staff_notes"),
    "customer.payment_profiles": payment_profiles,
}


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("row", VALUES, ids=[row["value"] for row in VALUES])
def test_a_value_is_shown_as_the_table_says(
    asked: Asked, row: dict[str, str], persona: str
) -> None:
    assert READERS[row["value"]](asked, persona) == row[persona]


@pytest.mark.parametrize("persona", ["support", "customer"])
@pytest.mark.parametrize("row", PERMITTED, ids=[row["value"] for row in PERMITTED])
def test_a_value_depends_on_the_person_and_not_on_the_permission(
    asked: Asked, row: dict[str, str], persona: str
) -> None:
    owner = asked.find("user", first_name="Õnne")
    customer = asked.find("customer", name=CUSTOMERS["own"])
    held = asked.find("grant", user=owner["uuid"], customer=customer["uuid"])
    token = asked.find("token", key=asked.tokens[persona])
    with asked.application.store.transaction() as store:
        store.insert("grant", {**held, "uuid": "5" * 32, "user": token["user"]})

    assert READERS[row["value"]](asked, persona) == row[persona]


def test_every_value_of_the_tables_is_read() -> None:
    assert {row["value"] for row in VALUES} == set(READERS)


def test_an_offering_manager_sees_the_secrets_of_that_offering_only(asked: Asked) -> None:
    manager = asked.find("user", username="zoe.angstrom")
    asked.tokens["zoe"] = "5" * 40
    with asked.application.store.transaction() as store:
        store.insert("token", {"key": "5" * 40, "user": manager["uuid"], "persona": None})
    seen = [r["name"] for r in nested(asked, "zoe", "offerings") if "secret_options" in r]

    assert seen == ["Kalevipoeg supercomputer", "Managed PostgreSQL"]


def test_a_world_of_one_request_is_not_that_of_the_next(
    application: Callable[..., Application], default_world: World
) -> None:
    first, second = application(strict=True), application(strict=True)

    assert first.store is not second.store
    assert first.store.state is second.store.state is default_world.scenario.state
    assert assembly.application(default_world).options.strict is False
