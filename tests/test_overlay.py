"""Overlays change a document, and say so when they do not."""

from __future__ import annotations

import pytest

from mockserver import assembly, data, loader, overlay
from mockserver.assembly import Sources
from mockserver.errors import BrokenSpec

HEAD = "overlay: 1.0.0\ninfo: {title: T, version: '1'}\n"


def applied(folder, actions: str):
    path = folder.write("o.yaml", HEAD + "actions:\n" + actions)
    return overlay.apply(loader.load(folder.spec), [path])


def mistakes(folder, text: str) -> list[str]:
    path = folder.write("o.yaml", text)
    with pytest.raises(BrokenSpec) as caught:
        overlay.apply(loader.load(folder.spec), [path])
    return str(caught.value).splitlines()


def test_an_update_merges_objects(folder):
    document = applied(folder, "  - {target: $.info, update: {title: New, contact: {name: Ann}}}\n")
    assert document["info"] == {"title": "New", "version": "1.0", "contact": {"name": "Ann"}}


def test_an_update_merges_deep_down(folder):
    document = applied(
        folder, "  - {target: $, update: {components: {schemas: {Book: {description: X}}}}}\n"
    )
    book = document["components"]["schemas"]["Book"]
    assert book["description"] == "X"
    assert "properties" in book


def test_an_update_appends_to_a_list(folder):
    new = "{name: q, in: query, schema: {type: string}}"
    document = applied(
        folder, f"  - {{target: \"$.paths['/books/'].get.parameters\", update: {new}}}\n"
    )
    assert document["paths"]["/books/"]["get"]["parameters"][-1]["name"] == "q"


def test_a_list_inside_an_update_is_appended(folder):
    document = applied(
        folder,
        "  - {target: $.components.schemas.NewBook, update: {required: [other]}}\n",
    )
    assert document["components"]["schemas"]["NewBook"]["required"] == ["title", "other"]


def test_a_scalar_is_replaced_by_an_object_and_back(folder):
    document = applied(
        folder,
        "  - {target: $.info, update: {title: {a: 1}}}\n  - {target: $.info, update: {title: T}}\n",
    )
    assert document["info"]["title"] == "T"


def test_removing_deletes_a_key(folder):
    document = applied(folder, "  - {target: \"$.paths['/books/'].post\", remove: true}\n")
    assert list(document["paths"]["/books/"]) == ["get"]


def test_removing_list_items_takes_the_right_ones(folder):
    document = applied(
        folder,
        "  - target: $.paths['/books/'].get.parameters[?@.name=='page' || @.name=='title']\n"
        "    remove: true\n",
    )
    names = [p["name"] for p in document["paths"]["/books/"]["get"]["parameters"]]
    assert names == ["page_size", "writer", "o"]


def test_every_match_is_changed(folder):
    document = applied(folder, "  - {target: '$.paths[*].get', update: {deprecated: true}}\n")
    assert all(item["get"]["deprecated"] for item in document["paths"].values())


def test_two_matches_do_not_share_what_they_got(folder):
    document = applied(folder, "  - {target: '$.paths[*].get', update: {tags: [a]}}\n")
    first, second = (item["get"]["tags"] for item in document["paths"].values())
    assert first is not second


def test_actions_are_applied_in_order(folder):
    document = applied(
        folder,
        "  - {target: $.info, update: {contact: {}}}\n"
        "  - {target: $.info.contact, update: {name: Ann}}\n",
    )
    assert document["info"]["contact"] == {"name": "Ann"}


def test_overlays_are_applied_in_order(folder):
    paths = [
        folder.write(
            f"{name}.yaml", f"{HEAD}actions:\n  - {{target: $.info, update: {{title: {name}}}}}\n"
        )
        for name in ("one", "two")
    ]
    assert overlay.apply(loader.load(folder.spec), paths)["info"]["title"] == "two"


def test_the_document_itself_stays_as_it_was(folder):
    document = loader.load(folder.spec)
    path = folder.write("o.yaml", HEAD + "actions:\n  - {target: $.info, update: {title: X}}\n")
    overlay.apply(document, [path])
    assert document["info"]["title"] == "Books"


def test_lines_survive(folder):
    document = applied(folder, "  - {target: $.info, update: {title: X}}\n")
    assert loader.where(document["paths"]["/books/"]["get"]).startswith("spec/openapi.yaml:")


def test_what_an_overlay_adds_is_blamed_on_the_overlay(folder):
    folder.write(
        "o.yaml",
        HEAD + "actions:\n  - target: $.components.schemas.Book.properties\n"
        "    update:\n      pages: {type: integer, x-from: no.such.path}\n",
    )
    (found,) = folder.mistakes(overlays=(folder.root / "o.yaml",))
    assert found.startswith("o.yaml:6: path 'no.such.path'")


def test_a_target_that_matches_nothing_is_a_mistake(folder):
    text = HEAD + "actions:\n\n  - {target: $.nothing, remove: true}\n"
    assert mistakes(folder, text) == [
        "o.yaml:5: target '$.nothing' matches nothing; compare it with the document"
    ]


def test_a_target_that_is_no_jsonpath_is_a_mistake(folder):
    (found,) = mistakes(folder, HEAD + "actions:\n  - {target: '$.a[', remove: true}\n")
    assert found.startswith("o.yaml:4: target '$.a[' is not a JSONPath: ")


@pytest.mark.parametrize("text", ["", "[]", "overlay: 2.0.0", "openapi: 3.1.0", "words"])
def test_something_else_is_not_an_overlay(folder, text):
    assert mistakes(folder, text) == ["o.yaml: is not an overlay: it needs `overlay: 1.0.0`"]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("{update: {a: 1}}", "no target"),
        ("{target: $.info, replace: {a: 1}}", "unknown key 'replace'"),
        ("{target: $.info}", "update"),
        ("{target: 7, remove: true}", "target"),
        ("just words", "action"),
        ("{target: $.info, remove: false}", "update"),
        ("{target: $, remove: true}", "remove"),
        ("{target: $.info.title, update: {a: 1}}", "neither object nor list"),
        ("{target: $.info, update: words}", "update"),
    ],
)
def test_an_action_that_says_nothing_useful_is_a_mistake(folder, action, words):
    (found,) = mistakes(folder, f"{HEAD}actions:\n  - {action}\n")
    assert found.startswith("o.yaml")
    assert words in found


@pytest.mark.parametrize("text", ["actions: 7\n", "actions: {target: $.info}\n", ""])
def test_an_overlay_without_actions_is_a_mistake(folder, text):
    (found,) = mistakes(folder, HEAD + text)
    assert "actions" in found


def test_a_missing_overlay_is_a_mistake(folder):
    with pytest.raises(BrokenSpec, match=r"o\.yaml: cannot be read"):
        overlay.apply(loader.load(folder.spec), [folder.root / "o.yaml"])


def test_all_mistakes_are_reported_at_once(folder):
    found = mistakes(
        folder,
        HEAD + "actions:\n  - {target: $.one, remove: true}\n  - {target: '$[', remove: true}\n"
        "  - {target: $.info, update: {title: fine}}\n  - {remove: true}\n",
    )
    assert [line.split(":")[1] for line in found] == ["4", "5", "7"]


def test_the_shipped_overlay_applies_and_binds():
    path = data.root() / "spec" / "overlays" / "waldur-7.9.yaml"
    made = assembly.read_api(Sources(overlays=(path,)))
    released = made.spec.operation("marketplace_plans_delete_organization_groups")
    assert released.success.status == 204
    projects = made.spec.operation("marketplace_service_providers_customer_projects_list")
    names = {parameter.name: parameter for parameter in projects.parameters}
    assert names["project_customer_uuid"].is_required


@pytest.mark.parametrize(
    "name", sorted(p.name for p in (data.root() / "spec" / "overlays").glob("*.yaml"))
)
def test_every_shipped_overlay_applies(name):
    path = data.root() / "spec" / "overlays" / name
    assert assembly.document(Sources(overlays=(path,)))["paths"]
