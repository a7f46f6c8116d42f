"""What is exported stands on its own, and serves as what it was exported from."""

from __future__ import annotations

import json
import warnings

import pytest
import yaml

from mockserver import assembly, exporter, loader
from mockserver.assembly import Sources

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from openapi_spec_validator import OpenAPIV31SpecValidator


def references(node):
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)


def extensions(node):
    if isinstance(node, list):
        for item in node:
            yield from extensions(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key.startswith("x-"):
                yield key
            yield from extensions(value)


@pytest.fixture(scope="module")
def extended(shipped_api):
    return exporter.openapi(shipped_api.spec.document)


@pytest.fixture(scope="module")
def plain(shipped_api):
    return exporter.openapi(shipped_api.spec.document, is_plain=True)


@pytest.mark.parametrize("form", ["extended", "plain"])
def test_it_refers_to_nothing_outside_itself(form, request):
    document = request.getfixturevalue(form)
    for reference in references(document):
        assert reference.startswith("#/components/")
        _, _, section, name = reference.split("/")
        assert name in document["components"][section]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["extended", "plain"])
def test_it_is_openapi(form, request):
    errors = OpenAPIV31SpecValidator(request.getfixturevalue(form)).iter_errors()
    assert [e.message for e in errors] == []


def test_the_plain_document_has_no_extensions(plain):
    assert list(extensions(plain)) == []


def test_the_plain_document_has_every_operation(extended, plain):
    def operations(document):
        return {
            (path, method): operation["operationId"]
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method != "parameters"
        }

    assert operations(plain) == operations(extended)
    assert len(operations(plain)) == 43


def test_the_plain_document_has_no_component_that_nothing_uses(plain):
    used = set(references(plain))
    for section, entries in plain["components"].items():
        if section != "securitySchemes":
            assert {f"#/components/{section}/{name}" for name in entries} <= used


def test_a_property_that_begins_with_x_survives(folder):
    folder.edit("title: {type: string, maxLength: 20}", "x-ray: {type: string}")
    shown = exporter.openapi(loader.load(folder.spec), is_plain=True)
    assert shown["components"]["schemas"]["NewBook"]["properties"] == {"x-ray": {"type": "string"}}


def test_a_property_named_like_a_keyword_survives(folder):
    folder.edit(
        "title: {type: string, maxLength: 20}",
        "properties: {type: object, x-from: title, properties: {x-ray: {x-from: title}}}",
    )
    shown = exporter.openapi(loader.load(folder.spec), is_plain=True)
    assert shown["components"]["schemas"]["NewBook"]["properties"] == {
        "properties": {"type": "object", "properties": {"x-ray": {}}}
    }


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_is_exported_loads_and_compiles_to_the_same(shipped_api, extended, form, tmp_path):
    path = tmp_path / f"openapi.{form}"
    path.write_text(exporter.text(extended, form), encoding="utf-8")
    again = assembly.read_api(Sources(spec=path, pack=assembly.SHIPPED_PACK))
    assert exporter.openapi(again.spec.document) == extended
    assert again.conventions == shipped_api.conventions
    assert [o.id for o in again.spec.operations] == [o.id for o in shipped_api.spec.operations]
    for name, resource in shipped_api.spec.resources.items():
        other = again.spec.resources[name]
        assert (other.relations, other.unique, other.on_delete, other.order) == (
            resource.relations,
            resource.unique,
            resource.on_delete,
            resource.order,
        )
    for operation in shipped_api.spec.operations:
        other = again.spec.operation(operation.id)
        assert [(p.name, p.filter) for p in other.parameters] == [
            (p.name, p.filter) for p in operation.parameters
        ]
        assert {s: a.headers for s, a in other.answers.items()} == {
            s: a.headers for s, a in operation.answers.items()
        }
        assert other.body is None or set(other.body.schemas) == set(operation.body.schemas)
        assert (other.permission, other.effect) == (operation.permission, operation.effect)


def test_yaml_says_the_same_as_json(extended):
    text = exporter.text(extended, "yaml")
    assert yaml.safe_load(text) == json.loads(exporter.text(extended, "json"))
    assert not any(line.lstrip("- ").startswith(("&id", "*id")) for line in text.splitlines())


def test_texts_end_in_a_newline_and_keep_other_alphabets():
    for form in ("json", "yaml"):
        text = exporter.text({"name": "Õnne 🦜"}, form)
        assert text.endswith("\n")
        assert "Õnne" in text


def test_words_that_look_like_something_else_survive_yaml(folder):
    words = [
        "on",
        "no",
        "2026-01-31",
        "12:30",
        "007",
        "1e3",
        "~",
        "",
        "0x1F",
        "=",
        "<<",
        "null",
        ".5",
    ]
    text = exporter.text({"words": words}, "yaml")
    assert yaml.safe_load(text) == {"words": words}
    assert loader.read_yaml(text, "x") == {"words": words}


def test_the_state_is_every_record_by_resource(default_world):
    state, resources = default_world.scenario.state, default_world.api.spec.resources
    shown = exporter.state(resources, state)
    assert list(shown) == sorted(shown)
    for name, records in shown.items():
        keys = [record[resources[name].key] for record in records]
        assert keys == sorted(keys)
        assert len(keys) == len(state.records(name))
    assert json.loads(exporter.text(shown, "json")) == shown


def test_a_reference_and_what_narrows_it_become_one_schema():
    document = loader.read_yaml(
        """
        openapi: 3.1.0
        components:
          schemas:
            Text: {type: string, maxLength: 9}
            Name: {$ref: "#/components/schemas/Text", minLength: 1}
            Short: {$ref: "#/components/schemas/Text", maxLength: 2}
            Tree:
              properties: {child: {$ref: "#/components/schemas/Tree", title: Child}}
        """,
        "a.yaml",
    )
    shown = exporter.openapi(document)["components"]["schemas"]

    assert shown["Name"] == {"type": "string", "maxLength": 9, "minLength": 1}
    assert shown["Short"] == {"$ref": "#/components/schemas/Text", "maxLength": 2}
    assert shown["Tree"]["properties"]["child"]["title"] == "Child"
