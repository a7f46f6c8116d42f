"""The examples of the spec: complete, valid, and what the server really answers."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from mockserver.api import Api
from mockserver.compiler import resolve
from mockserver.exporter import openapi
from mockserver.renderer import complete
from tests import record_examples

EXAMPLES = record_examples.recorded()


def validator(api: Api, schema: Any) -> jsonschema.Draft202012Validator:
    document = openapi(api.spec.document)
    return jsonschema.Draft202012Validator(
        {"components": document["components"], "allOf": [openapi(schema)]}
    )


def test_every_body_and_every_answer_has_one(shipped_api: Api) -> None:
    operations = [bound.operation for bound in shipped_api.operations.values()]
    wanted = {f"{o.id}.request" for o in operations if o.body is not None}
    wanted |= {f"{o.id}.response" for o in operations if o.success.schema is not None}

    assert set(EXAMPLES) == wanted


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_valid(shipped_api: Api, name: str) -> None:
    operation_id, _, kind = name.partition(".")
    operation = shipped_api.operations[operation_id].operation
    if kind == "request":
        assert operation.body is not None
        schema = operation.body.schemas["application/json"]
    else:
        assert operation.success.schema is not None
        schema = complete(operation.success.schema)

    validator(shipped_api, schema).validate(EXAMPLES[name]["value"])


def test_the_spec_shows_them(shipped_api: Api) -> None:
    shown = set()
    for item in shipped_api.spec.document["paths"].values():
        for operation in item.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                content = resolve(shipped_api.spec.document, body).get("content", {})
                for media in content.values():
                    for example in media.get("examples", {}).values():
                        shown.add(example["$ref"].rpartition("/")[2])

    assert shown >= set(EXAMPLES)


def test_they_are_what_the_server_answers_now() -> None:
    """When this fails, look at the difference and run `make examples`."""
    now = dict(record_examples.record())

    assert now == EXAMPLES
