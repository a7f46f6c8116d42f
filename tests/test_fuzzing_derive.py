"""The document that Schemathesis is given: cut, closed, linked, and still true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from contract_tests.fuzzing.closing import closed
from contract_tests.fuzzing.derive import derive
from contract_tests.fuzzing.refusals import depends_on_records
from contract_tests.fuzzing.settings import Settings, write
from mockserver import assembly, compiler, loader
from mockserver.assembly import Sources
from mockserver.operation import Spec

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "examples" / "library" / "spec" / "openapi.yaml"


@pytest.fixture(scope="module")
def shipped() -> Spec:
    return compiler.compile_spec(assembly.document(Sources()))


@pytest.fixture(scope="module")
def library() -> Spec:
    return compiler.compile_spec(loader.load(LIBRARY))


def derived(spec: Spec, *names: str, read_only: bool = False) -> dict[str, Any]:
    wanted = names or tuple(operation.id for operation in spec.operations)
    return derive(spec.document, spec, operations=wanted, read_only=read_only)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for item in node:
            yield from nodes(item)


@pytest.mark.parametrize("name", ["shipped", "library"])
@pytest.mark.parametrize("read_only", [False, True])
def test_is_valid_openapi_without_extensions(
    name: str, read_only: bool, request: pytest.FixtureRequest
) -> None:
    spec: Spec = request.getfixturevalue(name)
    document = derived(spec, read_only=read_only)
    validate(document)
    found = {key for node in nodes(document) for key in node if key.startswith("x-")}
    assert found == set()
    methods = [method for item in document["paths"].values() for method in item]
    wanted = [o for o in spec.operations if o.method == "GET" or not read_only]
    assert len(methods) == len(wanted)
    assert json.loads(json.dumps(document)) == document


def test_keeps_only_what_was_asked_for_and_what_it_needs(library: Spec) -> None:
    document = derived(library, "branches_retrieve", "books_delete", read_only=True)
    (item,) = document["paths"].values()
    assert item["get"]["operationId"] == "branches_retrieve"
    assert set(item) == {"get"}
    assert set(document["components"]["schemas"]) == {"Branch", "Problem"}


def test_names_that_look_like_extensions_stay() -> None:
    answer = {
        "description": "Fine.",
        "headers": {"x-total": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"properties": {"x-name": {"x-from": "name"}}}}},
    }
    path = {"get": {"operationId": "all", "responses": {"200": answer}, "x-action": {}}}
    shown = derive({"paths": {"/all": path}}, None, operations=["all"], read_only=False)
    assert shown["paths"]["/all"]["get"] == {
        "operationId": "all",
        "responses": {
            "200": {**answer, "content": {
                "application/json": {"schema": {"properties": {"x-name": {}}}},
            }},
        },
    }  # fmt: skip


def schema_of(document: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    answer = document["paths"][path][method]["responses"][status]
    content = compiler.resolve(document, answer)["content"]
    return {
        "components": document["components"],
        "allOf": [next(iter(content.values()))["schema"]],
    }


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


def test_answers_are_closed_however_deep(library: Spec) -> None:
    document = derived(library)
    book = schema_of(document, "/books", "post", "201")
    example: dict[str, Any] = {}
    for name, part in document["components"]["schemas"]["Book"]["properties"].items():
        example[name] = sample(document, part)
    assert is_valid(book, example)
    assert not is_valid(book, {**example, "surprise": 1})
    assert not is_valid(book, {**example, "author": {**example["author"], "surprise": 1}})


def sample(document: dict[str, Any], schema: Any) -> Any:
    """Return a value that satisfies one of the library's schemas."""
    schema = compiler.resolve(document, schema)
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: sample(document, part) for name, part in properties.items()}
    if kind == "string" and "pattern" in schema:
        return "9780000000000"
    plain = {"string": "2020-01-01", "integer": 1, "number": 1, "boolean": True, "array": []}
    return plain[kind]


DOCUMENT = {
    "components": {
        "schemas": {
            "A": {"type": "object", "properties": {"a": {"type": "integer"}}},
            "Full": {"allOf": [{"$ref": "#/components/schemas/A"}], "required": ["a"]},
            "Map": {"type": "object", "additionalProperties": {"type": "integer"}},
        }
    }
}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"properties": {"a": {}}}, [{"a": 1}, {}, 3], [{"b": 1}]),
        (ref("A"), [{"a": 1}], [{"b": 1}, {"a": ""}]),
        ({"anyOf": [ref("Full"), ref("A")]}, [{"a": 1}, {}], [{"b": 1}]),
        ({"anyOf": [ref("A"), {"type": "null"}]}, [None, {"a": 1}], [{"b": 1}]),
        ({"allOf": [ref("A"), {"properties": {"b": {}}}]}, [{"a": 1, "b": 2}], [{"c": 1}]),
        ({"type": "array", "items": ref("Full")}, [[], [{"a": 1}]], [[{"a": 1, "b": 1}]]),
        ({"properties": {"in": ref("A")}}, [{"in": {"a": 1}}], [{"in": {"b": 1}}]),
        # Said otherwise, or nothing said: left alone.
        ({"properties": {"a": {}}, "additionalProperties": True}, [{"b": 1}], []),
        (ref("Map"), [{"b": 1}], [{"b": ""}]),
        ({"anyOf": [ref("A"), {"type": "object"}]}, [{"b": 1}, {"a": 1}], [1]),
        ({"anyOf": [ref("A"), {}]}, [{"b": 1}, 7], []),
        ({"allOf": [ref("A"), ref("Map")]}, [{"b": 1}], [{"b": ""}]),
        ({"type": "object"}, [{"b": 1}], [1]),
        ({}, [{"b": 1}, 1], []),
        (True, [{"b": 1}], []),
    ],
)
def test_closing(schema: Any, right: list[Any], wrong: list[Any]) -> None:
    made = {**DOCUMENT, "allOf": [closed(schema, DOCUMENT)]}
    assert [value for value in right if not is_valid(made, value)] == []
    assert [value for value in wrong if is_valid(made, value)] == []


def test_closing_follows_a_schema_that_contains_itself() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": ref("Tree")}}}
    document = {"components": {"schemas": {"Tree": tree}}}
    inside = closed(tree, document)
    made = {"components": {"schemas": {"Tree": inside}}, "allOf": [ref("Tree")]}
    assert is_valid(made, {"children": [{"children": []}]})
    assert not is_valid(made, {"children": [{"leaf": 1}]})


def test_a_schema_that_requests_share_is_closed_for_answers_only() -> None:
    pair = {"properties": {"in": {"properties": {"a": {}}}}}
    content = {"application/json": {"schema": ref("Pair")}}
    document = {
        "openapi": "3.1.0",
        "paths": {
            "/pairs": {
                "post": {
                    "operationId": "add",
                    "requestBody": {"content": content},
                    "responses": {"200": {"description": "Fine.", "content": content}},
                }
            }
        },
        "components": {"schemas": {"Pair": pair}},
    }
    library = compiler.compile_spec(loader.load(LIBRARY))
    operation = library.operation("books_create")
    spec = Spec(document, library.conventions, library.resources, (_moved(operation),))
    shown = derive(document, spec, operations=["add"], read_only=False)
    asked = shown["paths"]["/pairs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert asked == ref("PairInput")
    assert shown["components"]["schemas"]["PairInput"] == pair
    answer = schema_of(shown, "/pairs", "post", "200")
    assert is_valid(answer, {"in": {"a": 1}})
    assert not is_valid(answer, {"in": {"b": 1}})


def _moved(operation: Any) -> Any:
    from dataclasses import replace

    return replace(operation, id="add", path="/pairs", parameters=())


def test_a_plain_document_stays_open(library: Spec) -> None:
    wanted = [operation.id for operation in library.operations]
    shown = derive(library.document, None, operations=wanted, read_only=False)
    closed_ = [node for node in nodes(shown["paths"]) if "unevaluatedProperties" in node]
    assert closed_ == []
    assert "links" not in shown["paths"]["/books"]["post"]["responses"]["201"]


def test_links_lead_from_a_new_record_to_what_is_about_it(library: Spec) -> None:
    document = derived(library)
    links = document["paths"]["/books"]["post"]["responses"]["201"]["links"]
    assert {link["operationId"] for link in links.values()} == {
        "books_retrieve", "books_replace", "books_patch", "books_delete", "books_lend",
        "books_reviews_list", "books_reviews_create",
    }  # fmt: skip
    assert links["books_patch"]["parameters"] == {"path.id": "$response.body#/id"}


def test_links_lead_nowhere_else(shipped: Spec) -> None:
    document = derived(shipped)
    creates = [operation for operation in shipped.operations if operation.verb == "create"]
    assert creates
    for create in creates:
        answer = document["paths"][create.path]["post"]["responses"]["201"]
        reached = [link["operationId"] for link in answer["links"].values()]
        assert len(set(reached)) == len(reached) > 4
        for name in reached:
            other = shipped.operation(name)
            parent = other.nesting.parent if other.nesting else other.resource
            assert parent == create.resource


def test_links_are_about_chosen_operations_only(library: Spec) -> None:
    document = derived(library, "books_create", "books_delete")
    links = document["paths"]["/books"]["post"]["responses"]["201"]["links"]
    assert set(links) == {"books_delete"}


def test_links_to_what_is_left_out_are_left_out() -> None:
    links = {
        "stays": {"operationId": "one"},
        "goes": {"operationId": "drop"},
        "points": {"operationRef": "#/paths/~1one/get"},
        "dangles": {"operationRef": "#/paths/~1one/delete"},
    }
    answer = {"200": {"description": "Fine.", "links": links}}
    one = {
        "get": {"operationId": "one", "responses": answer},
        "delete": {"operationId": "drop", "responses": answer},
    }
    shown = derive({"paths": {"/one": one}}, None, operations=["one", "drop"], read_only=True)
    found = shown["paths"]["/one"]["get"]["responses"]["200"]["links"]
    assert set(found) == {"stays", "points"}


def test_an_optional_list_in_a_query_may_be_empty() -> None:
    many = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    parameters = [
        {"name": "a", "in": "query", "schema": many},
        {"name": "b", "in": "query", "schema": many, "required": True},
        {"name": "c", "in": "query", "schema": {**many, "minItems": 2}},
    ]
    item = {"parameters": parameters, "get": {"operationId": "all", "responses": {}}}
    shown = derive({"paths": {"/all": item}}, None, operations=["all"], read_only=False)
    found = shown["paths"]["/all"]["get"]["parameters"]
    assert [parameter["schema"].get("minItems") for parameter in found] == [None, 1, 2]


def parameter_of(document: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    found = document["paths"][path]["get"]["parameters"]
    schema = next(parameter["schema"] for parameter in found if parameter["name"] == name)
    return {"components": document.get("components", {}), "allOf": [schema]}


def test_filters_take_what_they_ignore(library: Spec) -> None:
    document = derived(library)
    assert is_valid(parameter_of(document, "/books", "branch"), "no link")
    assert is_valid(parameter_of(document, "/books", "published_to"), "")
    assert is_valid(parameter_of(document, "/books", "stars"), "")
    assert not is_valid(parameter_of(document, "/books", "stars"), "many")
    assert not is_valid(parameter_of(document, "/books", "limit"), "")


def test_reasons_to_refuse_come_from_the_spec(library: Spec, shipped: Spec) -> None:
    def reasons(spec: Spec) -> dict[str, str]:
        every = {o.id: depends_on_records(spec, o) for o in spec.operations}
        return {name: reason for name, reason in every.items() if reason}

    found = reasons(library)
    assert "stored record" in found["books_create"]
    assert "taken" in found["books_patch"]
    assert "acts" in found["books_lend"]
    assert "fields" in found["books_retrieve"]
    for name in ("books_delete", "authors_retrieve", "library_statistics", "books_reviews_create"):
        assert name not in found
    # What has no input that a stored record could speak against is held to the full check.
    reading = {o.id for o in shipped.operations if not o.writes}
    assert len(reading - set(reasons(shipped))) > len(reading) / 2


def test_a_configuration_has_no_secret_and_tries_no_method_it_must_not(library: Spec) -> None:
    names = tuple(operation.id for operation in library.operations)
    text = write(Settings(headers=("Authorization",), is_whole=False, rate=0.5), library, names)
    import tomllib

    config = tomllib.loads(text)
    assert config["headers"] == {"Authorization": "${CONTRACT_TESTS_HEADER_0}"}
    assert config["phases"]["coverage"]["unexpected-methods"] == []
    assert config["rate-limit"] == "30/m"
    assert config["auth"]["auto-signup"] is False
    assert config["cache"]["enabled"] is False
    assert config["generation"]["deterministic"] is True
    assert "415" in config["checks"]["negative_data_rejection"]["expected-statuses"]
    chosen: Callable[[dict[str, Any]], bool] = lambda entry: (  # noqa: E731  # one use, one line
        entry["include-operation-id"] == "books_create"
    )
    (allowed,) = filter(chosen, config["operations"])
    assert "400" in allowed["checks"]["positive_data_acceptance"]["expected-statuses"]
