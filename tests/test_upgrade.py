"""OpenAPI 3.0 is read as 3.1."""

from __future__ import annotations

import pytest

from mockserver import assembly, loader
from mockserver.app import Application
from mockserver.assembly import Sources
from mockserver.exchange import Request
from mockserver.upgrade import to_3_1

FOREIGN = """\
openapi: 3.0.3
info: {title: Pets, version: "1"}
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - {name: species, in: query, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer}}
      responses:
        "200":
          description: Pets.
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Pet"}}
    post:
      operationId: addPet
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
      responses:
        "201":
          description: The pet.
          content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
components:
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, minLength: 1}
        species: {type: string, nullable: true}
        weight: {type: number, minimum: 0, exclusiveMinimum: true, nullable: true}
"""
OVERLAY = """\
overlay: 1.0.0
info: {title: What the document cannot say, version: "1"}
actions:
  - target: $
    update:
      x-mock: {dialect: problem, input: strict, paging: {size: limit, number: page}}
  - target: $.components.schemas.Pet
    update: {x-resource: {name: pet, key: id}}
  - target: $.components.schemas.Pet.properties.id
    update: {x-from: server}
  - target: $.paths['/pets'].get
    update: {x-action: {verb: list, resource: pet}}
  - target: $.paths['/pets'].post
    update: {x-action: {verb: create, resource: pet}, x-effect: {creates: [pet]}}
  - target: $.paths['/pets'].get.parameters[?@.name=='species']
    update: {x-filter: species}
"""


def schema(text: str):
    document = loader.read_yaml(f"openapi: 3.0.3\ncomponents: {{schemas: {{A: {text}}}}}", "a.yaml")
    return to_3_1(document)["components"]["schemas"]["A"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{type: string, nullable: true}", {"type": ["string", "null"]}),
        ("{type: string, nullable: false}", {"type": "string"}),
        (
            "{type: string, enum: [a], nullable: true}",
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            "{nullable: true, allOf: [{type: object}], title: T}",
            {"title": "T", "anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]},
        ),
        (
            "{type: number, minimum: 1, exclusiveMinimum: true}",
            {"type": "number", "exclusiveMinimum": 1},
        ),
        (
            "{type: number, maximum: 1, exclusiveMaximum: false}",
            {"type": "number", "maximum": 1},
        ),
        (
            "{type: object, properties: {nullable: {type: boolean}}, example: {nullable: true}}",
            {
                "type": "object",
                "properties": {"nullable": {"type": "boolean"}},
                "example": {"nullable": True},
            },
        ),
    ],
)
def test_the_words_of_3_0_become_those_of_3_1(old, new):
    assert schema(old) == new


def test_a_document_of_3_1_is_left_alone():
    document = loader.read_yaml("openapi: 3.1.0\ncomponents: {schemas: {A: {nullable: true}}}", "a")

    assert to_3_1(document) is document


@pytest.fixture
def pets(tmp_path) -> Application:
    (tmp_path / "pets.yaml").write_text(FOREIGN)
    (tmp_path / "overlay.yaml").write_text(OVERLAY)
    scenarios = tmp_path / "fixtures" / "scenarios"
    scenarios.mkdir(parents=True)
    (scenarios / "default.yaml").write_text("make: {some: {resource: pet, count: 3}}\n")
    sources = Sources(
        spec=tmp_path / "pets.yaml",
        fixtures=tmp_path / "fixtures",
        overlays=(tmp_path / "overlay.yaml",),
    )
    return assembly.build(sources, strict=True)


def test_a_document_of_somebody_else_is_served_by_an_overlay(pets):
    body = b'{"name": "Rex", "species": "dog", "weight": null, "id": 77}'
    headers = {"content-type": "application/json"}
    made = pets.answer(Request("POST", "/pets", headers=headers, body=body)).response
    found = pets.answer(Request("GET", "/pets", "species=dog")).response
    refused = pets.answer(Request("POST", "/pets", headers=headers, body=b'{"weight": 0}')).response

    assert made.status == 201
    assert b'"id":4' in made.body
    assert b'"Rex"' in found.body
    assert refused.status == 400
    assert b"/name" in refused.body
    assert b"greater than 0" in refused.body
