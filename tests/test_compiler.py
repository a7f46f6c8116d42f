"""A document becomes operations and resources, or a list of all that is wrong with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mockserver import api, loader, pack
from mockserver.compiler import DEFAULTS, compile_spec, resolve
from mockserver.errors import AuthorError, BrokenSpec


def compiled(folder):
    return compile_spec(loader.load(folder.spec))


#: What is written instead of what, the line that is blamed, and how the complaint begins.
MISTAKES = [
    (
        "      operationId: list_books\n",
        "",
        "x-action: {verb: list",
        "GET /books/ has no operationId; add one",
    ),
    (
        "      operationId: get_book\n",
        "      operationId: list_books\n",
        "verb: retrieve",
        "operationId list_books is also at spec/openapi.yaml:",
    ),
    (
        "      x-action: {verb: retrieve, resource: book}\n",
        "",
        "operationId: get_book",
        "get_book does nothing: add x-action, for instance {verb: list, resource: …}; verbs are",
    ),
    (
        "x-action: {verb: retrieve, resource: book}",
        "x-action: {verb: retrieve, resource: bok}",
        "resource: bok}",
        "there is no resource 'bok'; there are author, book",
    ),
    (
        "        - {name: id, in: path, required: true, schema: {type: string, format: uuid}}\n",
        "        - {name: key, in: path, required: true, schema: {type: string}}\n",
        "operationId: get_book",
        "path parameter 'id' of /books/{id}/ is not described under parameters",
    ),
    (
        "        - {name: page, in: query",
        "        - {name: page, in: path",
        "operationId: list_books",
        "path parameter 'page' of /books/ is not in the path",
    ),
    (
        '        "204": {description: It is gone.}',
        '        "404": {description: It is gone.}',
        "operationId: delete_book",
        "delete_book documents no success status; add one",
    ),
    (
        (
            "schema: {type: string, enum: [title, -title, writer, -writer]}\n"
            "          x-order: {keys: {writer: author.name}}\n"
        ),
        "schema: {type: string}\n",
        "- name: o",
        "the ordering parameter o lists no words: add an enum",
    ),
    (
        "        key: id\n        path: /books/{id}/\n",
        "        key: isbn\n        path: /books/{id}/\n",
        "name: book",
        "resource book has no property 'isbn', its key; add it, or say key:",
    ),
    (
        "relations: {author: {to: author}}",
        "relations: {author: {to: writer}}",
        "name: book",
        "relation book.author: there is no resource 'writer'; there are author, book",
    ),
    (
        "relations: {books: {of: book, by: author}}",
        "relations: {books: {of: book, by: writer}}",
        "name: author",
        "relation author.books: book has no stored relation 'writer'",
    ),
    (
        '        author: {type: [string, "null"], format: uuid}\n',
        "",
        "name: book",
        "relation book.author is stored: add it to properties",
    ),
    (
        "on_delete: {book.author: clear}",
        "on_delete: {book.writer: clear}",
        "name: author",
        "on_delete of author: there is no relation book.writer",
    ),
    (
        "        name: author\n",
        "        name: book\n",
        "relations: {books",
        "resource book is also at spec/openapi.yaml:",
    ),
    (
        "{name: id, in: path, required: true, schema: {type: string, format: uuid}}",
        "{name: id, in: path, x-filter: {parent: shelf, relation: books}, schema: {type: string}}",
        "parent: shelf",
        "there is no resource 'shelf'; there are author, book",
    ),
    (
        "{name: id, in: path, required: true, schema: {type: string, format: uuid}}",
        "{name: id, in: path, x-filter: {parent: author, relation: poems}, schema: {type: string}}",
        "relation: poems",
        "author has no relation 'poems'; there are books",
    ),
]


@pytest.mark.parametrize(("old", "new", "marker", "text"), MISTAKES, ids=[m[3] for m in MISTAKES])
def test_a_mistake_is_told_with_its_place(folder, old, new, marker, text):
    folder.edit(old, new)
    line = folder.line(marker)
    wrong = [found for found in folder.mistakes() if text in found]
    assert wrong, folder.mistakes()
    # A node begins at its first key; the key that is meant may be a line or two below.
    place = wrong[0].partition(": ")[0]
    assert place.startswith("spec/openapi.yaml:")
    assert abs(int(place.rpartition(":")[2]) - line) <= 4


def test_all_mistakes_are_reported_at_once(folder):
    folder.edit(
        "x-action: {verb: retrieve, resource: book}", "x-action: {verb: retrieve, resource: b}"
    )
    folder.edit(
        "x-action: {verb: destroy, resource: book}", "x-action: {verb: drop, resource: book}"
    )
    folder.edit("relations: {author: {to: author}}", "relations: {author: {to: writer}}")
    folder.edit("x-filter: author.name", "x-fliter: author.name")
    texts = "\n".join(folder.mistakes())
    for word in ("'b'", "drop", "'writer'", "x-fliter"):
        assert word in texts


def test_a_mistake_is_reported_once(folder):
    folder.edit('writer: {type: [string, "null"], x-from: author.name}', "nonsense: {type: string}")
    assert len(folder.mistakes()) == 1


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in items:
        yield from _places(value, (*path, key))


@pytest.mark.parametrize("value", [None, "x", [7], {"x": 7}, ...], ids=repr)
def test_nothing_that_is_written_in_the_wrong_place_escapes_as_a_traceback(folder, value):
    original = json.loads(json.dumps(loader.load(folder.spec)))
    path = folder.root / "spec" / "openapi.json"
    for place in _places(original):
        document = copy.deepcopy(original)
        holder = document
        for step in place[:-1]:
            holder = holder[step]
        if value is ...:
            del holder[place[-1]]
        else:
            holder[place[-1]] = value
        path.write_text(json.dumps(document), encoding="utf-8")
        try:
            api.bind(compile_spec(loader.load(path)), pack.Pack("none"))
        except (BrokenSpec, AuthorError) as broken:
            for line in str(broken).splitlines():
                assert ": " in line, line


def test_what_x_mock_does_not_say_has_a_default(folder):
    text = folder.spec.read_text()
    start, end = text.index("x-mock:"), text.index("paths:")
    folder.write("spec/openapi.yaml", text[:start] + text[end:])
    assert compiled(folder).conventions == DEFAULTS


def test_parts_of_a_convention_keep_their_defaults(folder):
    paging = compiled(folder).conventions["paging"]
    assert paging["max"] == 5
    assert paging["oversize"] == DEFAULTS["paging"]["oversize"]


def test_operations_come_in_the_order_of_the_document(folder):
    names = [operation.id for operation in compiled(folder).operations]
    assert names == ["list_books", "create_book", "get_book", "delete_book"]


def test_parameters_of_a_path_hold_for_its_operations(folder):
    uuid = "{type: string, format: uuid}"
    own = f"      parameters:\n        - {{name: id, in: path, required: true, schema: {uuid}}}\n"
    folder.edit(own, "")
    folder.edit(own, "")
    folder.edit(
        "  /books/{id}/:\n",
        "  /books/{id}/:\n    parameters:\n"
        "      - {name: id, in: path, required: true, schema: {}}\n",
    )
    assert compiled(folder).operation("delete_book").path_key == "id"


def test_a_parameter_of_an_operation_wins_over_that_of_its_path(folder):
    folder.edit(
        "  /books/:\n",
        "  /books/:\n    parameters:\n      - {name: title, in: query, schema: {type: integer}}\n",
    )
    (title,) = [p for p in compiled(folder).operation("list_books").parameters if p.name == "title"]
    assert title.filter is not None


def test_a_list_is_paged_when_it_takes_the_page_number(folder):
    assert compiled(folder).operation("list_books").is_paged
    folder.edit("x-action: {verb: list, ", "x-action: {verb: list, paging: none, ")
    assert not compiled(folder).operation("list_books").is_paged


def test_words_of_an_ordering_parameter_name_fields_unless_told_otherwise(folder):
    order = compiled(folder).operation("list_books").ordering
    assert order is not None
    assert order.keys == {"title": ("title",), "writer": ("author.name",)}
    assert order.words == {"title", "-title", "writer", "-writer"}
    assert order.is_single


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ("{type: string}", "one"),
        ("{type: array, items: {type: string}}", "repeat"),
        ("{type: array, items: {type: string}}, explode: false", "comma"),
        ("{type: array, items: {type: string}}, style: pipeDelimited", "comma"),
    ],
)
def test_how_several_values_are_sent_follows_from_the_parameter(folder, schema, values):
    folder.edit(
        "in: query, schema: {type: string}, x-filter: author.name",
        f"in: query, schema: {schema}, x-filter: author.name",
    )
    writer = next(
        p for p in compiled(folder).operation("list_books").parameters if p.name == "writer"
    )
    assert writer.filter is not None
    assert writer.filter.values == values


def test_booleans_that_cannot_be_read_do_not_filter(folder):
    folder.edit(
        "{name: writer, in: query, schema: {type: string}",
        "{name: writer, in: query, schema: {type: boolean}",
    )
    writer = next(
        p for p in compiled(folder).operation("list_books").parameters if p.name == "writer"
    )
    assert writer.filter is not None
    assert writer.filter.invalid == "ignore"


def test_an_operation_without_security_is_public(folder):
    spec = compiled(folder)
    assert all(operation.is_public for operation in spec.operations)


def test_security_of_an_operation_wins_over_that_of_the_document(folder):
    folder.edit("paths:\n", "security: [{key: []}]\npaths:\n")
    folder.edit(
        "      operationId: list_books\n", "      operationId: list_books\n      security: [{}]\n"
    )
    spec = compiled(folder)
    assert spec.operation("list_books").is_public
    assert not spec.operation("get_book").is_public


def test_references_are_followed_through_references():
    document = {"a": {"$ref": "#/b"}, "b": {"$ref": "#/c~1d"}, "c/d": {"type": "integer"}}
    assert resolve(document, {"$ref": "#/a"}) == {"type": "integer"}


def test_siblings_of_a_reference_win():
    document = {"a": {"type": "integer", "title": "A"}}
    assert resolve(document, {"$ref": "#/a", "title": "B"}) == {"type": "integer", "title": "B"}


def test_every_shipped_operation_documents_what_it_answers(shipped_api):
    assert len(shipped_api.spec.operations) == 43
    for operation in shipped_api.spec.operations:
        assert operation.where.startswith("spec/paths/"), operation.where
        assert operation.success.status in (200, 201, 204)


AUTH = "{scheme: card, tokens: author, user: books}"


@pytest.mark.parametrize(
    ("scheme", "auth", "text"),
    [
        ("{type: http, scheme: bearer}", AUTH, None),
        ("{type: apiKey, in: header, name: authorization}", AUTH, None),
        (
            "{type: apiKey, in: header, name: X-Key}",
            AUTH,
            "card is not sent in the Authorization header",
        ),
        (
            "{type: http, scheme: bearer}",
            AUTH.replace("card", "key"),
            "there is no security scheme 'key'; there are card",
        ),
        (
            "{type: http, scheme: bearer}",
            AUTH.replace("author", "token"),
            "there is no resource 'token'; there are author, book",
        ),
        (
            "{type: http, scheme: bearer}",
            AUTH.replace("user: books", "user: owner"),
            "author has no relation 'owner'; there are books",
        ),
    ],
)
def test_who_calls_is_told_by_things_that_are_declared(folder, scheme, auth, text):
    folder.edit("x-mock:\n", f"x-mock:\n  auth: {auth}\n")
    folder.edit("components:\n", f"components:\n  securitySchemes: {{card: {scheme}}}\n")
    found = [mistake for mistake in folder.mistakes() if "x-mock.auth" in mistake]
    assert len(found) == (text is not None)
    assert all(text in mistake for mistake in found)
