"""What is wrong with a document, before anything is compiled."""

from __future__ import annotations

import json

import pytest

from mockserver import data, loader
from mockserver.lint import KNOWN, lint


def found(folder) -> list[str]:
    return [str(problem) for problem in lint(loader.load(folder.spec))]


def test_the_small_spec_is_fine(folder):
    assert found(folder) == []


def test_the_shipped_spec_is_fine(shipped_api):
    assert list(lint(shipped_api.spec.document)) == []


def test_the_known_extensions_are_those_of_the_json_schema():
    rules = json.loads((data.root() / "spec" / "extensions.schema.json").read_text("utf-8"))
    assert set(KNOWN) == {name for name in rules["$defs"] if name.startswith("x-")}


@pytest.mark.parametrize(
    ("old", "place"),
    [
        ("openapi: 3.1.0\n", "x-color"),
        ("      operationId: list_books\n", "      x-color"),
        ("    BookRecord:\n", "      x-color"),
    ],
)
def test_an_unknown_extension_is_refused_where_it_stands(folder, old, place):
    indent = " " * (len(place) - len(place.lstrip()))
    folder.edit(old, f"{old}{indent}x-color: red\n")
    (text,) = found(folder)
    assert text.startswith(f"{folder.place('x-color')}: unknown extension x-color; we know x-mock,")


def test_a_misspelled_extension_is_refused(folder):
    folder.edit("x-filter: author.name", "x-fliter: author.name")
    (text,) = found(folder)
    assert "unknown extension x-fliter" in text


def test_a_property_may_begin_with_x(folder):
    folder.edit(
        "title: {type: string, maxLength: 20}",
        "x-ray: {type: string}\n        title: {type: string}",
    )
    assert found(folder) == []


def test_examples_may_hold_anything(folder):
    folder.edit(
        "title: {type: string, maxLength: 20}", "title: {type: string, examples: [{x-ray: 1}]}"
    )
    assert found(folder) == []


def test_foreign_extensions_are_none_of_our_business_without_x_mock(folder):
    text = folder.spec.read_text()
    start, end = text.index("x-mock:"), text.index("paths:")
    folder.write("spec/openapi.yaml", text[:start] + "x-color: red\n" + text[end:])
    assert found(folder) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  dialect: drf", "  dialect: soap", "x-mock.dialect: "),
        ("  body_limit: 2000", "  body_limit: much", "x-mock.body_limit: "),
        ("  body_limit: 2000", "  body_limits: 2000", "x-mock: "),
        ("default: 2\n", "default: 0\n", "x-mock.paging.default: "),
        ("verb: retrieve, ", "verb: fetch, ", "x-action.verb: "),
        ("verb: retrieve, ", "", "x-action: "),
        ("lookup: icontains", "lookup: sounds_like", "x-filter.lookup: "),
        ("x-order: {keys", "x-order: {key", "x-order: "),
        ("x-effect: {creates: [book]}", "x-effect: {create: [book]}", "x-effect: "),
        ("x-from: author.name", "x-from: {compute: x}", "x-from: "),
        ("        name: book\n", "        named: book\n", "x-resource: "),
    ],
)
def test_an_extension_must_keep_its_schema(folder, old, new, words):
    folder.edit(old, new)
    line = found(folder)[0]
    assert line.startswith("spec/openapi.yaml:")
    assert words in line
    assert line.endswith("docs/reference/extensions.md says what may stand there")


def test_a_wrong_part_of_an_extension_has_its_own_line(folder):
    folder.edit("  body_limit: 2000", "  body_limit: much")
    assert found(folder)[0].startswith(folder.place("body_limit"))


@pytest.mark.parametrize(
    ("old", "new", "marker", "words"),
    [
        ("openapi: 3.1.0", "swagger: '2.0'", "swagger", "no `openapi` key"),
        ("openapi: 3.1.0", "openapi: 2.0.0", "openapi: 2", "openapi: '2.0.0'"),
        ("openapi: 3.1.0", "openapi: 3.0.0", None, None),
        ("info: {title: Books", "info: {name: Books", "info:", "title"),
        (
            ", in: query, schema: {type: integer}}",
            ", schema: {type: integer}}",
            "name: page",
            '"in"',
        ),
        ("      parameters:\n", "      parameters: all\n      x:\n", "parameters: all", "array"),
        ("{type: string, maxLength: 20}", "{type: string, maxLength: long}", "long", "long"),
        ("{type: string, maxLength: 20}", "{type: string, pattern: '['}", "pattern", "regex"),
        ("{type: string, maxLength: 20}", "7", "title: 7", "object"),
        ("      required: [title]", "      required: yes", "required: yes", "array"),
        (
            "          description: Some books.\n          content:",
            "          content: 7\n          x:",
            "content: 7",
            "object",
        ),
    ],
)
def test_the_document_must_be_built_as_openapi_says(folder, old, new, marker, words):
    folder.edit(old, new)
    lines = found(folder)
    if marker is None:
        assert lines == []
        return
    assert lines[0].startswith(f"{folder.place(marker)}: ")
    assert words in lines[0]


def test_a_spec_without_paths_serves_nothing(folder):
    folder.write("spec/openapi.yaml", "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\n")
    assert found(folder) == ["spec/openapi.yaml:1: describes no paths; there is nothing to serve"]


def test_a_reference_without_target_is_refused(folder):
    folder.edit("components:\n", "  /x/:\n    get: {tags: [a]}\ncomponents:\n")
    document = loader.load(folder.spec)
    document["paths"]["/x/"]["get"]["requestBody"] = {"$ref": "#/components/requestBodies/None"}
    (problem,) = lint(document)
    assert "leads nowhere: there is no 'requestBodies'" in str(problem)


def test_all_mistakes_are_reported_at_once(folder):
    folder.edit("x-filter: author.name", "x-fliter: author.name")
    folder.edit("  body_limit: 2000", "  body_limit: much")
    folder.edit("{type: string, maxLength: 20}", "{type: string, maxLength: long}")
    assert len(found(folder)) == 3
