"""Spec and pack are joined, or all that keeps them apart is told."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from mockserver import api, assembly, compiler, loader, pack
from mockserver.assembly import Sources
from mockserver.errors import AuthorError, BrokenSpec, SpecError


def bind(folder, **functions: Any):
    """Bind the spec with a pack: functions named after operations, and others."""
    operations = {n: f for n, f in functions.items() if n.endswith(("_book", "_books"))}
    others = {n: f for n, f in functions.items() if n not in operations}
    behaviour = pack.Pack("small", operations, others)
    return api.bind(compiler.compile_spec(loader.load(folder.spec)), behaviour)


def mistakes(folder, **functions: Any) -> list[str]:
    with pytest.raises(BrokenSpec) as caught:
        bind(folder, **functions)
    return str(caught.value).splitlines()


LIST = "operationId: list_books"
#: What is written instead of what, the line that is blamed, and the complaint.
MISTAKES = [
    (
        "x-filter: author.name",
        "x-filter: author.nam",
        "author.nam}",
        "path 'author.nam': author has no field or relation 'nam'; it has books, id, name",
    ),
    (
        "x-filter: author.name",
        "x-filter: writer.name",
        "writer.name}",
        "path 'writer.name': book has no relation 'writer'; it has author, id, title",
    ),
    (
        "x-filter: author.name",
        "x-filter: title.name",
        "title.name}",
        "path 'title.name': book has no relation 'title'",
    ),
    (
        "{field: title, lookup",
        "{field: titel, lookup",
        "titel",
        "path 'titel': book has no field or relation 'titel'",
    ),
    (
        "{field: title, lookup: icontains}",
        "{field: title, lookup: link}",
        "lookup: link",
        "lookup link needs a relation; 'title' is a field",
    ),
    (
        "x-filter: author.name",
        "x-filter: {by: books_by}",
        "books_by",
        "the pack has no function books_by; add `def books_by`, or correct the name",
    ),
    ("keys: {writer: author.name}", "keys: {writer: author.nam}", LIST, "path 'author.nam'"),
    ("-writer]}", "-writer, pages]}", LIST, "path 'pages': book has no field or relation 'pages'"),
    (
        "verb: list, resource: book",
        "verb: list, order: pages, resource: book",
        LIST,
        "path 'pages'",
    ),
    (
        "verb: list, resource: book",
        "verb: list, where: {pages: 1}, resource: book",
        LIST,
        "path 'pages'",
    ),
    (
        "verb: list, resource: book",
        "verb: list, visible: is_seen, resource: book",
        LIST,
        "the pack has no function is_seen",
    ),
    (
        "verb: retrieve, resource: book}",
        "verb: retrieve, resource: book}\n      x-permission: {needs: X, on: author.name}",
        "get_book",
        "x-permission on 'author.name': that is a field, not a record",
    ),
    (
        "verb: retrieve, resource: book}",
        "verb: retrieve, resource: book}\n      x-permission: {needs: X, on: owner}",
        "get_book",
        "path 'owner'",
    ),
    (
        "verb: retrieve, resource: book}",
        "verb: report, resource: book}",
        "get_book",
        "get_book does nothing: add `def get_book(scope)` to the small pack",
    ),
    ("x-from: author.name}", "x-from: author.nam}", "author.nam}", "path 'author.nam'"),
    (
        "x-from: author.name}",
        "x-from: {link: author}}",
        "link: author",
        "cannot link to 'author': its resource has no path",
    ),
    (
        "x-from: author.name}",
        "x-from: {computed: words}}",
        "computed: words",
        "the pack has no function words",
    ),
    (
        '        writer: {type: [string, "null"], x-from: author.name}',
        "        pages: {type: integer}",
        "pages: {",
        "property 'pages': book has no such field; say x-from",
    ),
    (
        "title: {type: string, maxLength: 20}",
        "pages: {type: integer}\n        title: {type: string}",
        "pages: {",
        "body property 'pages': book stores no field 'pages'",
    ),
    ("        order: title\n", "        order: pages\n", "name: book", "path 'pages'"),
    (
        "title: {type: string, x-faker: catch_phrase}",
        "title: {type: string, x-from: server}",
        "title: {type: string, x-from: server}",
        "x-from server: we cannot choose a title by its format; name a function",
    ),
    (
        "title: {type: string, x-faker: catch_phrase}",
        "title: {type: string, x-from: {server: new_title}}",
        "name: book",
        "the pack has no function new_title",
    ),
    (
        "relations: {author: {to: author}}",
        "relations: {author: {to: author}, twins: {to: book, computed: twins}}",
        "name: book",
        "the pack has no function twins",
    ),
    (
        "{name: id, in: path, required: true, schema: {type: string, format: uuid}}",
        "{name: id, in: path, required: true, x-filter: title, schema: {}}",
        "get_book",
        "x-filter 'title' on a path parameter must end in a relation's key",
    ),
]


@pytest.mark.parametrize(("old", "new", "marker", "text"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_told_with_its_place(folder, old, new, marker, text):
    folder.edit(old, new)
    found = mistakes(folder)
    places = [line.partition(": ")[0] for line in found if f": {text}" in line]
    # A node begins at its first key, which need not be the one that is meant.
    near = {f"spec/openapi.yaml:{folder.line(marker) + step}" for step in (-1, 0, 1)}
    assert near & set(places), found


def test_an_unknown_dialect_is_told_what_there_is(folder):
    folder.edit("dialect: drf", "dialect: soap")
    assert any("drf" in line and "problem" in line for line in folder.mistakes())


def test_a_relation_that_leads_elsewhere_is_no_nesting(folder):
    folder.edit(
        "  /books/:\n",
        "  /authors/{author}/books/:\n    parameters:\n"
        "      - name: author\n        in: path\n        required: true\n        schema: {}\n"
        "        x-filter: {parent: book, relation: author}\n",
    )
    assert any("book.author does not lead to book" in line for line in folder.mistakes())


def test_records_that_a_function_returns_are_of_a_known_resource(folder):
    folder.edit("x-from: author.name}", "x-from: {computed: words, resource: poem}}")
    (found,) = mistakes(folder, words=lambda record, scope: [])
    assert found.startswith(f"{folder.place('resource: poem')}: there is no resource 'poem'")


def test_a_function_without_an_operation_is_an_orphan(folder):
    assert mistakes(folder, lend_book=lambda scope: None) == [
        "pack small: no such operation: lend_book; name the function like its operationId"
    ]


def test_a_function_that_nothing_names_is_an_orphan(folder):
    assert mistakes(folder, thickness=lambda record, scope: 1) == [
        "pack small: nothing in the spec names thickness; remove it, or make it private"
    ]


def test_a_function_named_like_an_operation_performs_it(folder):
    def get_book(scope):
        return None

    assert bind(folder, get_book=get_book).operations["get_book"].action is get_book


def test_a_verb_performs_what_no_function_does(folder):
    assert set(bind(folder).operations) == {"list_books", "create_book", "get_book", "delete_book"}


def test_all_mistakes_are_reported_at_once(folder):
    folder.edit("x-filter: author.name", "x-filter: author.nam")
    folder.edit("{field: title, lookup", "{field: titel, lookup")
    folder.edit("x-from: author.name", "x-from: nobody.name")
    folder.edit("        order: title\n", "        order: pages\n")
    folder.edit("keys: {writer: author.name}", "keys: {writer: authors}")
    texts = "\n".join(mistakes(folder, lend_book=lambda scope: None, idle=lambda scope: None))
    for word in ("'nam'", "'titel'", "'nobody'", "'pages'", "'authors'", "lend_book", "idle"):
        assert word in texts, texts


def test_the_same_mistake_is_told_once(folder):
    folder.edit("x-from: author.name", "x-from: nobody.name")
    assert len(mistakes(folder)) == 1


def test_every_message_has_place_problem_and_remedy(folder):
    for old, new, *_ in MISTAKES:
        folder.write("spec/openapi.yaml", folder.spec.read_text())
        before = folder.spec.read_text()
        folder.edit(old, new)
        for line in mistakes(folder):
            place, _, rest = line.partition(": ")
            assert place.rpartition(":")[2].isdigit()
            assert any(mark in rest for mark in ("; ", ": ")), line
        folder.write("spec/openapi.yaml", before)


class TestPacks:
    def test_a_pack_is_found_by_module_and_name(self):
        assert pack.load("mockserver.waldur:pack").name == "waldur"

    def test_a_pack_is_found_in_a_file(self, folder):
        path = folder.write("small.py", "from mockserver.pack import Pack\npack = Pack('mine')\n")
        assert pack.load(str(path)).name == "mine"
        assert pack.load(f"{path}:pack").name == "mine"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("no.such.module:pack", "cannot be imported (No module named 'no'); write it as"),
            ("nothing.py", "cannot be imported (no such file: nothing.py); write it as"),
            ("mockserver.pack:nothing", "has no Pack called 'nothing'"),
            ("mockserver.pack:Pack", "has no Pack called 'Pack'"),
            ("", "cannot be imported"),
            (":pack", "cannot be imported"),
            (".relative:pack", "cannot be imported"),
        ],
    )
    def test_a_pack_that_is_not_there_is_a_mistake(self, folder, name, text):
        with pytest.raises(SpecError) as caught:
            pack.load(name)
        assert str(caught.value).startswith(f"pack {name}: {text}")

    @pytest.mark.parametrize("code", ["def broken(:\n", "1 / 0\n", "import nowhere_at_all\n"])
    def test_a_pack_that_does_not_run_is_a_mistake(self, folder, code):
        path = folder.write("small.py", code)
        with pytest.raises(AuthorError, match="cannot be imported"):
            pack.load(str(path))

    def test_only_public_functions_of_a_module_itself_count(self):
        module = ModuleType("mine")
        exec("from json import dumps\ndef shown(): ...\ndef _hidden(): ...\n", module.__dict__)
        assert list(pack.Pack.of("mine", functions=[module]).functions) == ["shown"]

    def test_two_functions_of_one_name_are_a_mistake(self):
        modules = []
        for name in ("one", "two"):
            module = ModuleType(name)
            exec("def twice(): ...\n", module.__dict__)
            modules.append(module)
        with pytest.raises(AuthorError, match="twice is in one and in two"):
            pack.Pack.of("mine", functions=modules)

    def test_the_shipped_pack_goes_only_with_the_shipped_spec(self, folder):
        assert Sources().pack_name == assembly.SHIPPED_PACK
        assert folder.sources().pack_name is None


class TestSources:
    def test_fixtures_lie_beside_the_spec(self, folder):
        assert folder.sources().fixtures_path == folder.root / "fixtures"

    def test_a_lone_spec_has_them_in_its_own_folder(self, folder):
        lone = folder.write("lone/deep/api.yaml", "openapi: 3.1.0\n")
        assert Sources(spec=lone).fixtures_path == lone.parent / "fixtures"
        (lone.parent / "fixtures").mkdir()
        assert Sources(spec=lone).fixtures_path == lone.parent / "fixtures"

    def test_the_shipped_ones_go_only_with_shipped_parts(self, folder):
        lone = folder.write("lone/deep/api.yaml", "openapi: 3.1.0\n")
        shipped = Sources().fixtures_path
        assert Sources(spec=lone, pack=assembly.SHIPPED_PACK).fixtures_path == shipped
        assert Sources(spec=lone).fixtures_path != shipped

    def test_what_is_named_is_taken(self, folder):
        other = folder.root / "other"
        assert folder.sources(fixtures=other).fixtures_path == other

    @pytest.mark.parametrize("text", ["noon", "", "2026-13-01T00:00:00Z", "12:00"])
    def test_a_clock_that_cannot_be_read_is_a_mistake(self, text):
        with pytest.raises(SpecError, match="is no clock; it is `real`, an instant"):
            assembly.read_clock(text)

    def test_a_clock_stands_still(self):
        clock = assembly.read_clock("2026-01-31T12:00:00Z")
        assert clock() == clock()
        assert clock().isoformat() == "2026-01-31T12:00:00+00:00"

    def test_a_clock_runs(self):
        assert assembly.read_clock("real")().tzinfo is not None

    def test_the_same_data_serve_another_api(self, folder):
        application = assembly.build(folder.sources())
        folder.edit("title: {type: string, maxLength: 20}", "title: {type: string}")
        again = application.with_api(folder.api())
        assert again.store.state is application.store.state
        assert again.api is not application.api
