"""Call all 43 operations through the vendor's generated client; run by `test_client.py`.

Usage: python client_story.py URL TOKEN STAFF_TOKEN_OPTIONS… Prints one JSON object:
what each operation's answer was parsed into. Imports nothing of ours: it is what a
user's program would be.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
import typing
from typing import Any
from uuid import UUID

import waldur_api_client.api
from waldur_api_client import AuthenticatedClient

SAMPLE = UUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890")


def find_function(operation_id: str) -> Any:
    """Return `sync_detailed` of the module named like an operation."""
    for package in pkgutil.iter_modules(waldur_api_client.api.__path__):
        name = f"waldur_api_client.api.{package.name}.{operation_id}"
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(name).sync_detailed
    raise LookupError(operation_id)


class Story:
    """A client, and what it has been told so far."""

    def __init__(self, url: str, token: str) -> None:
        self.client = AuthenticatedClient(base_url=url, token=token, prefix="Token")
        self.url = url
        self.told: dict[str, Any] = {}

    def call(self, operation_id: str, body: dict[str, Any] | None = None, **given: Any) -> Any:
        """Call an operation and return its parsed answer."""
        function = find_function(operation_id)
        parameters = inspect.signature(function).parameters
        for name in ("uuid", "service_provider_uuid"):
            if name in parameters and parameters[name].default is inspect.Parameter.empty:
                given.setdefault(name, SAMPLE)
        if body is not None:
            annotation = typing.get_type_hints(function)["body"]
            models = list(typing.get_args(annotation) or (annotation,))
            given["body"] = models[0].from_dict(body)
        given = {name: value for name, value in given.items() if name in parameters}
        answer = function(client=self.client, **given)
        assert answer.status_code in (200, 201, 204), (operation_id, answer.status_code)
        rows = answer.parsed
        self.told[operation_id] = {
            "status": int(answer.status_code),
            "parsed": type(rows).__name__,
            "rows": len(rows) if isinstance(rows, list) else None,
            "row": type(rows[0]).__name__ if isinstance(rows, list) and rows else None,
        }
        return rows

    def link(self, collection: str, uuid: UUID) -> str:
        """Return the hyperlink of a record."""
        return f"{self.url}/api/{collection}/{uuid.hex}/"

    def read(self) -> None:
        """Call what only reads."""
        for name in (
            "list", "retrieve", "course_accounts_list", "customers_list", "keys_list",
            "list_users_list", "offerings_list", "project_permissions_list",
            "project_service_accounts_list", "projects_list", "revenue_list",
            "robot_account_customers_list", "robot_account_projects_list", "stat_retrieve",
            "users_list",
        ):  # fmt: skip
            self.call(f"marketplace_service_providers_{name}")
        for name in (
            "api_secret_code_retrieve", "checklists_summary", "compliance_overview",
            "offering_users_compliance",
        ):  # fmt: skip
            self.call(f"service_provider_{name}")
        customers = self.call("marketplace_service_providers_customers_list")
        self.call(
            "marketplace_service_providers_customer_projects_list",
            project_customer_uuid=customers[0].uuid,
        )
        self.call("marketplace_service_providers_user_customers_list", user_uuid=SAMPLE)
        for name in ("list", "retrieve", "usage_stats_list"):
            self.call(f"marketplace_plans_{name}")

    def write(self) -> None:
        """Call what changes something, on records made for the purpose."""
        offering = self.link("marketplace-provider-offerings", SAMPLE)
        plan = self.call(
            "marketplace_plans_create", {"name": "From the client", "offering": offering}
        )
        name = {"name": "Renamed", "offering": offering}
        assert self.call("marketplace_plans_update", name, uuid=plan.uuid).name == "Renamed"
        self.call("marketplace_plans_partial_update", {"description": "New"}, uuid=plan.uuid)
        kinds = [component.type_ for component in plan.components]
        fixed = [kind for kind in kinds if plan.quotas.additional_properties.get(kind) is not None]
        self.call("marketplace_plans_update_prices", {"prices": {kinds[0]: "2.5"}}, uuid=plan.uuid)
        self.call("marketplace_plans_update_quotas", {"quotas": {}}, uuid=plan.uuid)
        discount = {"discount_threshold": 10, "discount_rate": 5}
        body = {"discounts": {fixed[0]: discount}}
        self.call("marketplace_plans_update_discounts", body, uuid=plan.uuid)
        group = self.link("organization-groups", SAMPLE)
        body = {"organization_groups": [group]}
        self.call("marketplace_plans_update_organization_groups", body, uuid=plan.uuid)
        seen = self.call("marketplace_plans_retrieve", uuid=plan.uuid)
        assert [g.uuid for g in seen.organization_groups] == [SAMPLE]
        assert seen.prices.additional_properties[kinds[0]] == 2.5
        for name_ in ("delete_organization_groups", "archive", "destroy"):
            self.call(f"marketplace_plans_{name_}", uuid=plan.uuid)

    def manage(self) -> None:
        """Call what concerns a provider and its team."""
        grant = {"role": "SERVICE_PROVIDER.MANAGER", "user": str(SAMPLE)}
        expiry = {**grant, "expiration_time": "2099-01-01T00:00:00Z"}
        self.call("marketplace_service_providers_delete_user", grant)
        self.call("marketplace_service_providers_add_user", grant)
        self.call("marketplace_service_providers_update_user", expiry)
        self.call("marketplace_service_providers_delete_user", grant)
        account = {"user_uuid": str(SAMPLE), "username": "client"}
        self.call("marketplace_service_providers_set_offerings_username", account)
        self.call("service_provider_api_secret_code_generate")
        customer = self.link("customers", SAMPLE)
        new = self.call("marketplace_service_providers_create", {"customer": customer})
        body = {"customer": customer, "description": "Ours"}
        self.call("marketplace_service_providers_update", body, uuid=new.uuid)
        body = {"enable_notifications": False}
        self.call("marketplace_service_providers_partial_update", body, uuid=new.uuid)
        self.call("marketplace_service_providers_destroy", uuid=new.uuid)


if __name__ == "__main__":
    story = Story(sys.argv[1], sys.argv[2])
    story.read()
    story.write()
    story.manage()
    sys.stdout.write(json.dumps(story.told))
