"""Release 7.9 as the shipped overlay describes it, played against the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from mockserver import assembly
from mockserver.api import Api
from mockserver.app import Application
from mockserver.assembly import Sources, World
from mockserver.data import root
from mockserver.exchange import Request, Response

OVERLAY = root() / "spec" / "overlays" / "waldur-7.9.yaml"
SAMPLE = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
PROJECTS = f"/api/marketplace-service-providers/{SAMPLE}/customer_projects/"
CUSTOMERS = f"/api/marketplace-service-providers/{SAMPLE}/customers/"
OF_USER = f"/api/marketplace-service-providers/{SAMPLE}/user_customers/"
GROUPS = f"/api/marketplace-plans/{SAMPLE}/delete_organization_groups/"


@pytest.fixture(scope="module")
def released() -> Api:
    return assembly.read_api(Sources(overlays=(OVERLAY,)))


@pytest.fixture
def newer(released: Api, default_world: World) -> Application:
    """An application of the release on the shipped data, held to its description."""
    world = World(released, default_world.scenario, default_world.clock)
    return assembly.application(world, strict=True)


@pytest.fixture
def older(application: Callable[..., Application]) -> Application:
    return application(strict=True)


def send(
    to: Application, method: str, path: str, body: Any = None, token: str = "YOUR_API_TOKEN",
    **query: str,
) -> Response:  # fmt: skip
    headers = {"content-type": "application/json"} if body is not None else {}
    if token:
        headers["authorization"] = f"Token {token}"
    sent = b"" if body is None else orjson.dumps(body)
    return to.answer(Request(method, path, urlencode(query), headers, sent)).response


def total(response: Response) -> int:
    assert response.status == 200, response.body
    return int(response.headers["X-Result-Count"])


def test_only_the_release_counts_one_more_parameter(released: Api, shipped_api: Api) -> None:
    def parameters(api: Api) -> set[tuple[str, str]]:
        return {(o.id, p.name) for o in api.spec.operations for p in o.parameters}

    assert parameters(released) - parameters(shipped_api) == {
        ("marketplace_service_providers_customer_projects_list", "project_customer_uuid")
    }
    assert parameters(shipped_api) <= parameters(released)
    assert released.spec.document["info"]["version"] == "7.9.0"


@pytest.mark.parametrize("query", [{}, {"project_customer_uuid": ""}, *(
    {"project_customer_uuid": text} for text in (" ", "no-uuid", "0" * 32)
)])  # fmt: skip
def test_no_projects_without_an_organization_that_exists(
    newer: Application, query: dict[str, str]
) -> None:
    response = send(newer, "GET", PROJECTS, **query)

    assert (response.status, response.body) == (200, b"[]")
    assert response.headers["X-Result-Count"] == "0"


def test_the_projects_of_all_organizations_are_those_of_the_provider(
    newer: Application, older: Application
) -> None:
    rows = orjson.loads(send(newer, "GET", CUSTOMERS, page_size="300").body)
    counts = {
        row["name"]: total(send(newer, "GET", PROJECTS, project_customer_uuid=row["uuid"]))
        for row in rows
    }

    assert counts == {row["name"]: row["projects_count"] for row in rows}
    assert sum(counts.values()) == total(send(older, "GET", PROJECTS)) > 0


def test_the_permission_is_asked_for_before_the_organization(newer: Application) -> None:
    stranger = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000007"

    assert send(newer, "GET", PROJECTS, token=stranger).status == 403


def test_the_documentation_knows_no_such_parameter(older: Application) -> None:
    everything = total(send(older, "GET", PROJECTS))

    assert total(send(older, "GET", PROJECTS, project_customer_uuid=SAMPLE)) == everything


def test_a_user_is_declared_as_required_and_missed_by_nobody(
    released: Api, newer: Application
) -> None:
    listed = released.operations["marketplace_service_providers_user_customers_list"].operation
    wanted = next(p for p in listed.parameters if p.name == "user_uuid")

    assert wanted.is_required
    assert send(newer, "GET", OF_USER).body == b"[]"
    assert total(send(newer, "GET", OF_USER, user_uuid=SAMPLE)) > 0


def test_groups_are_removed_with_204_in_the_release_and_200_before(
    newer: Application, older: Application
) -> None:
    for application, status in ((newer, 204), (older, 200)):
        for _ in range(2):
            response = send(application, "POST", GROUPS)
            assert (response.status, response.body) == (status, b"")


def test_a_refused_role_has_one_of_the_usual_forms(released: Api, newer: Application) -> None:
    path = f"/api/marketplace-service-providers/{SAMPLE}/add_user/"
    operation = released.operations["marketplace_service_providers_add_user"].operation

    assert [part["$ref"] for part in operation.answers[400].schema["anyOf"]] == [
        "#/components/schemas/BadRequest"
    ]
    for body, blamed in (
        ({"role": "PROJECT.MEMBER", "user": SAMPLE}, "non_field_errors"),
        ({"role": "nothing", "user": SAMPLE}, "role"),
    ):
        response = send(newer, "POST", path, body)
        assert response.status == 400
        assert set(orjson.loads(response.body)) == {blamed}
        newer.judge.check(operation, response)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/api/marketplace-plans/{SAMPLE}/", {"name": "Starter"}),
        (f"/api/marketplace-service-providers/{SAMPLE}/", {}),
    ],
)
def test_what_never_changes_need_not_be_sent(
    newer: Application, path: str, body: dict[str, Any]
) -> None:
    """Declared as required by the release, and not asked for by its server."""
    assert send(newer, "PUT", path, body).status == 200


@pytest.mark.parametrize("name", ["checklists_summary", "compliance_overview", "offering_users"])
def test_compliance_lists_are_counted(newer: Application, name: str) -> None:
    path = f"/api/marketplace-service-providers/{SAMPLE}/compliance/{name}/"
    response = send(newer, "GET", path, page_size="1")

    assert total(response) > 0
    assert 'rel="first"' in response.headers["Link"]


def test_providers_are_public_in_the_release_too(newer: Application) -> None:
    assert send(newer, "GET", "/api/marketplace-service-providers/", token="").status == 200


def test_settings_of_plugins_have_the_declared_types(released: Api, newer: Application) -> None:
    path = f"/api/marketplace-service-providers/{SAMPLE}/offerings/"
    rows = orjson.loads(send(newer, "GET", path, page_size="300").body)
    declared = released.spec.document["components"]["schemas"]["ProviderOfferingFields"]
    names = set(declared["properties"]["secret_options"]["properties"])

    assert len(names) == 40
    assert any(names & set(row["secret_options"]) for row in rows)
