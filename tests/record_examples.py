"""Record one request and one answer of each operation as examples of the spec.

`python -m tests.record_examples` plays a story against the `default` world, at a
fixed instant, and writes `spec/examples/<operationId>.{request,response}.yaml`.
`test_examples.py` plays it again and compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mockserver import assembly, exporter, loader
from mockserver.app import Application
from mockserver.assembly import Sources
from mockserver.exchange import Request

FOLDER = Path(__file__).parent.parent / "spec" / "examples"
CLOCK = "2026-02-16T09:30:00Z"
BASE = "https://api.example.com"
SAMPLE = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
#: A list is shown by this many of its rows.
ROWS = 1


@dataclass(frozen=True)
class Step:
    """One call of the story: `at` is the record in the path."""

    operation_id: str
    at: str = SAMPLE
    query: str = ""
    body: Any = None


def link(collection: str) -> str:
    return f"{BASE}/api/{collection}/{SAMPLE}/"


NEW_PLAN = {
    "name": "Research, small",
    "description": "Up to four nodes for a single group.",
    "unit": "month",
    "max_amount": 20,
    "offering": link("marketplace-provider-offerings"),
}
GRANT = {"role": "SERVICE_PROVIDER.MANAGER", "user": SAMPLE}

#: Operations whose order matters; the others only read and need no body.
STORY = [
    Step("marketplace_plans_create", body=NEW_PLAN),
    Step(
        "marketplace_plans_update",
        body={"name": "Starter", "max_amount": 40, "offering": NEW_PLAN["offering"]},
    ),
    Step("marketplace_plans_partial_update", body={"description": "For the first steps."}),
    Step("marketplace_plans_update_prices", body={"prices": {"node": "12.5", "storage": 0.05}}),
    Step("marketplace_plans_update_quotas", body={"quotas": {"node": 2}}),
    Step(
        "marketplace_plans_update_discounts",
        body={"discounts": {"node": {"discount_threshold": 10, "discount_rate": 15}}},
    ),
    Step(
        "marketplace_plans_update_organization_groups",
        body={"organization_groups": [link("organization-groups")]},
    ),
    Step("marketplace_plans_delete_organization_groups"),
    Step("marketplace_plans_archive"),
    Step("marketplace_plans_destroy"),
    Step(
        "marketplace_service_providers_add_user",
        body={**GRANT, "expiration_time": "2099-12-31T00:00:00Z"},
    ),
    Step("marketplace_service_providers_list_users_list"),
    Step("marketplace_service_providers_update_user", body=GRANT),
    Step("marketplace_service_providers_delete_user", body=GRANT),
    Step(
        "marketplace_service_providers_set_offerings_username",
        body={"user_uuid": SAMPLE, "username": "anna.science"},
    ),
    Step("service_provider_api_secret_code_generate"),
    Step("marketplace_service_providers_user_customers_list", query=f"user_uuid={SAMPLE}"),
    Step(
        "marketplace_service_providers_create",
        body={"customer": link("customers"), "description": "Course material for schools."},
    ),
    Step(
        "marketplace_service_providers_update",
        body={"customer": link("customers"), "description": "Computing for research."},
    ),
    Step("marketplace_service_providers_partial_update", body={"enable_notifications": False}),
]


def record() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and the content of every example file."""
    application = assembly.build(Sources(clock=CLOCK), strict=True)
    told = {step.operation_id for step in STORY}
    reads = [
        Step(bound.operation.id)
        for bound in application.api.operations.values()
        if not bound.operation.writes and bound.operation.id not in told
    ]
    for step in [*reads, *STORY]:
        yield from _play(application, step)
    # Nobody can delete a provider that still sells something: take the new one.
    new = application.store.read().related("service_provider", "customer", SAMPLE.replace("-", ""))
    yield from _play(application, Step("marketplace_service_providers_destroy", at=new[0]["uuid"]))


def _play(application: Application, step: Step) -> Iterator[tuple[str, Mapping[str, Any]]]:
    operation = application.api.operations[step.operation_id].operation
    path = operation.path.replace("{uuid}", step.at).replace("{service_provider_uuid}", step.at)
    headers = {
        "authorization": "Token YOUR_API_TOKEN",
        "host": BASE.removeprefix("https://"),
        **({"content-type": "application/json"} if step.body is not None else {}),
    }
    body = orjson.dumps(step.body) if step.body is not None else b""
    request = Request(operation.method, path, step.query, headers, body, scheme="https")
    answer = application.answer(request).response
    if answer.status != operation.success.status:
        raise AssertionError((step, answer.status, answer.body.decode()))
    if step.body is not None:
        yield f"{operation.id}.request", {"summary": operation.summary, "value": step.body}
    if answer.body:
        shown = orjson.loads(answer.body)
        shown = shown[:ROWS] if isinstance(shown, list) else shown
        yield f"{operation.id}.response", {"summary": "A typical answer", "value": shown}


def recorded() -> dict[str, Any]:
    """Return the example files as they are."""
    return {
        path.name.removesuffix(".yaml"): loader.read_file(path) for path in FOLDER.glob("*.yaml")
    }


def main() -> None:
    """Write the files, and remove those that nothing records any more."""
    FOLDER.mkdir(exist_ok=True)
    made = dict(record())
    for path in FOLDER.glob("*.yaml"):
        if path.name.removesuffix(".yaml") not in made:
            path.unlink()
    for name, example in made.items():
        (FOLDER / f"{name}.yaml").write_text(exporter.text(example, "yaml"), encoding="utf-8")
    sys.stdout.write(f"{len(made)} examples\n")


if __name__ == "__main__":
    main()
