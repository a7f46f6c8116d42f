"""The spec against the contract: what the API's documentation pages list.

`data/contract.json` holds names and types only: 43 operations, 235 query
parameters, every body field and 621 response fields, nested ones dotted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mockserver.api import Api
from mockserver.compiler import resolve
from mockserver.operation import is_nullable

CONTRACT: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "contract.json").read_text("utf-8")
)
OPERATIONS: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in CONTRACT["operations"]}

#: Answers that the pages show without a body, and reality does not (docs/adr/0008).
EXTRA_FIELDS = {
    ("marketplace_plans_archive", "detail"),
    ("marketplace_service_providers_set_offerings_username", "detail"),
    ("service_provider_api_secret_code_generate", "detail"),
    ("marketplace_service_providers_add_user", "detail"),
    ("marketplace_service_providers_add_user", "role"),
    ("marketplace_service_providers_add_user", "user"),
}
#: What the pages always send and the real service does not ask for (docs/adr/0008).
NOT_ASKED_FOR = {
    ("marketplace_plans_update", "offering"),
    ("marketplace_service_providers_update", "customer"),
    ("marketplace_service_providers_user_customers_list", "user_uuid"),
}


def fields(document: Mapping[str, Any], schema: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every property of a schema, dotted, through lists, references and combinations."""
    schema = resolve(document, schema)
    for key in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(key, ()):
            yield from fields(document, part, prefix)
    if "items" in schema:
        yield from fields(document, schema["items"], prefix)
    for name, declared in schema.get("properties", {}).items():
        inner = resolve(document, declared)
        yield prefix + name, inner
        yield from fields(document, inner, f"{prefix}{name}.")


def types(document: Mapping[str, Any], schema: Any) -> set[str]:
    """Return the JSON types a schema admits, combinations included."""
    schema = resolve(document, schema)
    named = schema.get("type", [])
    found = {named} if isinstance(named, str) else set(named)
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            found |= types(document, part)
    return found


def formats(document: Mapping[str, Any], schema: Any) -> set[str]:
    schema = resolve(document, schema)
    found = {schema["format"]} if "format" in schema else set()
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            found |= formats(document, part)
    return found


def fits(document: Mapping[str, Any], schema: Any, documented: str) -> bool:
    """Tell whether a schema admits a type as the pages spell it, such as `string (uuid)`."""
    word, _, rest = documented.partition(" ")
    if word == "any":
        return True
    admitted = types(document, schema)
    if word not in admitted and not (word == "integer" and "number" in admitted):
        return False
    form = rest.strip("()")
    exact = form in ("uuid", "uri", "date", "date-time", "email", "decimal", "binary")
    return not (word == "string" and exact) or form in formats(document, schema)


def responses(api: Api, operation_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    answers = api.operations[operation_id].operation.answers
    for status, wanted in OPERATIONS[operation_id]["responses"].items():
        answer = answers[int(status)]
        found = dict(fields(api.spec.document, answer.schema)) if answer.schema else {}
        # The pages do not say what is inside a field of any type; we do.
        opaque = tuple(f"{n}." for n, kind in wanted["fields"].items() if kind == "any")
        found = {name: schema for name, schema in found.items() if not name.startswith(opaque)}
        yield status, {"wanted": wanted, "found": found, "answer": answer}


def test_the_counts_are_the_contracts(shipped_api: Api) -> None:
    operations = [bound.operation for bound in shipped_api.operations.values()]
    queries = [p for o in operations for p in o.parameters if p.place == "query"]
    listed = [
        name
        for operation_id in OPERATIONS
        for status, found in responses(shipped_api, operation_id)
        for name in found["found"]
        if (operation_id, name) not in EXTRA_FIELDS
    ]

    assert (len(operations), len(queries), len(listed)) == (43, 235, 621)


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_an_operation_is_where_the_pages_put_it(shipped_api: Api, operation_id: str) -> None:
    wanted, found = OPERATIONS[operation_id], shipped_api.operations[operation_id].operation

    assert (found.method, found.path) == (wanted["method"], wanted["path"])
    assert found.tags == (wanted["tag"],)
    paths = [p.name for p in found.parameters if p.place == "path"]
    assert paths == wanted["path_parameters"]


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_query_parameters_are_the_contracts(shipped_api: Api, operation_id: str) -> None:
    found = {
        p.name: p
        for p in shipped_api.operations[operation_id].operation.parameters
        if p.place == "query"
    }
    wanted = OPERATIONS[operation_id]["query"]
    document = shipped_api.spec.document
    # `role` takes a name as well as a uuid, whatever its documented type says.
    odd = [
        name
        for name, documented in wanted.items()
        if name in found and name != "role" and not fits(document, found[name].schema, documented)
    ]

    assert set(found) == set(wanted)
    assert odd == []


@pytest.mark.parametrize("operation_id", [i for i, o in OPERATIONS.items() if o["body"]])
def test_the_body_fields_are_the_contracts(shipped_api: Api, operation_id: str) -> None:
    wanted = OPERATIONS[operation_id]
    body = shipped_api.operations[operation_id].operation.body
    document = shipped_api.spec.document
    assert body is not None

    for media_type, schema in body.schemas.items():
        found = dict(fields(document, schema))
        top = {name for name in found if "." not in name}
        # A picture can only travel in a multipart body: elsewhere it is null.
        files = {"image"} if media_type != "multipart/form-data" else set()
        odd = [
            name
            for name, documented in wanted["body"].items()
            if name not in files
            and not fits(document, found[name], documented.replace("string (uri)s", "string"))
            and (operation_id, name) not in NOT_ASKED_FOR
        ]

        assert (media_type, top) == (media_type, set(wanted["body"]))
        assert (media_type, odd) == (media_type, [])
        for name, words in wanted["body_enums"].items():
            assert found[name]["enum"] == words


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_what_the_pages_always_send_is_required(shipped_api: Api, operation_id: str) -> None:
    bound = shipped_api.operations[operation_id]
    required = {p.name for p in bound.operation.parameters if p.is_required and p.place == "query"}
    for reader in bound.readers.values():
        required |= {p.name for p in reader.properties if p.is_required}

    wanted = set(OPERATIONS[operation_id]["always_sent"])
    excused = {name for operation, name in NOT_ASKED_FOR if operation == operation_id}
    assert required == wanted - excused


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_answers_are_the_contracts(shipped_api: Api, operation_id: str) -> None:
    document = shipped_api.spec.document
    for status, found in responses(shipped_api, operation_id):
        extra = {name for operation, name in EXTRA_FIELDS if operation == operation_id}
        wanted = found["wanted"]
        odd = [
            name
            for name, documented in wanted["fields"].items()
            if name in found["found"] and not fits(document, found["found"][name], documented)
        ]

        assert (status, set(found["found"]) - extra) == (status, set(wanted["fields"]))
        assert (status, odd) == (status, [])
        for name, words in wanted["enums"].items():
            assert found["found"][name]["enum"] == words
        if wanted["is_list"]:
            assert resolve(document, found["answer"].schema)["type"] == "array"


def test_every_parameter_is_served(shipped_api: Api) -> None:
    """Each query parameter is a filter, an order, a fieldset or a page: none is decoration."""
    rules = shipped_api.conventions
    known = {
        rules["paging"]["number"],
        rules["paging"]["size"],
        rules["fieldset"]["parameter"],
        rules["ordering"]["parameter"],
    }
    idle = [
        (bound.operation.id, parameter.name)
        for bound in shipped_api.operations.values()
        for parameter in bound.operation.parameters
        if parameter.place == "query" and parameter.filter is None and parameter.name not in known
    ]

    assert idle == []


def test_every_field_is_served(shipped_api: Api) -> None:
    """Each property of an answer has a getter, or belongs to a function of its own."""
    for bound in shipped_api.operations.values():
        if bound.operation.verb in ("action", "report") or bound.operation.success.schema is None:
            continue
        shown = {n for n, _ in fields(shipped_api.spec.document, bound.operation.success.schema)}
        assert {name for name in shown if "." not in name} == set(bound.names)


@pytest.mark.parametrize(
    ("operation_id", "name"),
    [
        ("marketplace_plans_usage_stats_list", "limit"),
        ("marketplace_plans_usage_stats_list", "remaining"),
        ("marketplace_plans_list", "plan_type"),
        ("marketplace_plans_list", "max_amount"),
        ("marketplace_service_providers_list", "customer_image"),
        ("marketplace_service_providers_course_accounts_list", "project_end_date"),
    ],
)
def test_what_is_null_in_reality_may_be_null(
    shipped_api: Api, operation_id: str, name: str
) -> None:
    schema = shipped_api.operations[operation_id].operation.success.schema
    assert schema is not None

    found = dict(fields(shipped_api.spec.document, schema))

    assert is_nullable(found[name])
