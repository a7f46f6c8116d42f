"""What a spec tells testers, and the mistakes in telling it."""

from __future__ import annotations

import pytest

from mockserver.operation import Alternative, Refusal
from tests.conftest import Folder

CREATES = "x-effect: {creates: [book]}"
REMOVES = "x-effect: {removes: [book]}"
WRITER = "{name: writer, in: query, schema: {type: string}, x-filter: author.name}"


def asking(declared: str) -> str:
    return f"{{name: writer, in: query, schema: {{type: string}}, x-filter: {declared}}}"


MISTAKES = [
    (CREATES, "x-effect: {creates: [bok]}", "x-effect: there is no resource 'bok'"),
    (CREATES, "x-effect: {changes: {book: [titel]}}", "book stores no field 'titel'; it stores"),
    (
        REMOVES,
        "x-effect: {changes: {book: [title]}, sets: {book: {author: null}}}",
        "x-effect.sets: book.author is not among what changes; add it to changes",
    ),
    (CREATES, "x-effect: {creates: [book], sets: {book: {colour: red}}}", "book.colour is not"),
    (CREATES, "x-effect: {creates: [book], undo: burn_book}", "no other operation 'burn_book'"),
    (CREATES, "x-effect: {creates: [book], undo: create_book}", "no other operation"),
    (CREATES, "x-effect: {creates: [book], undo: get_book}", "get_book changes nothing; name the"),
    (
        CREATES,
        "x-effect: {creates: [book], undo: delete_book, lasting: true}",
        "undo and lasting contradict each other; drop one",
    ),
    (
        REMOVES,
        "x-effect: {removes: [book], refuses: [{when: {writer: x}, status: 409}]}",
        "book has no field or relation 'writer'; it has author",
    ),
    (
        REMOVES,
        "x-effect: {removes: [book], refuses: [{when: {title: x}, status: 409}]}",
        "delete_book documents no status 409; it documents 204",
    ),
    (REMOVES, "x-effect: {removes: [book], refuses: [{when: {title: x}}]}", "x-effect.refuses"),
    (REMOVES, "x-effect: {removes: [book], repeat: twice}", "x-effect.repeat: "),
    (
        WRITER,
        asking("{by: wrote, shown: author}"),
        "list_books shows no property 'author'; its rows show id, title, writer",
    ),
    (WRITER, asking("{field: author.name, splits: false}"), "x-filter"),
    (WRITER, asking("{any: [{field: author.name, unless: word}]}"), "x-filter.any.0"),
    (WRITER, asking("{any: [{field: author.name, words: [title, id]}]}"), "x-filter.any.0"),
    (WRITER, asking("{any: []}"), "x-filter.any: "),
    (WRITER, asking("{any: [{field: author.nom}]}"), "author has no field or relation 'nom'"),
    (
        WRITER,
        asking("{any: [{field: title, unless: {key_of: shelf}}]}"),
        "there is no resource 'shelf'; there are author, book",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES, ids=[m[1][:70] for m in MISTAKES])
def test_a_wrong_claim_is_told_where_it_stands(
    folder: Folder, old: str, new: str, words: str
) -> None:
    folder.edit(old, new)
    line = folder.line(new)
    wrong = [found for found in folder.mistakes() if words in found]

    assert wrong, folder.mistakes()
    assert wrong[0].startswith(f"spec/openapi.yaml:{line}")


def test_right_claims_are_read(folder: Folder) -> None:
    folder.edit(CREATES, "x-effect: {creates: [book], sets: {book: {author: null}}, undo: delete_book, repeat: again}")  # fmt: skip  # noqa: E501  one line of YAML
    folder.edit(
        REMOVES, "x-effect: {removes: [book], refuses: [{when: {author: true}, status: 404}]}"
    )
    folder.edit('"204": {description: It is gone.}', '"204": {description: It is gone.}\n        "404": {description: It is not there.}')  # fmt: skip  # noqa: E501  two lines of YAML
    folder.edit(
        WRITER, asking("{any: [{field: author.id}, {words: [title, author.name], lookup: iexact}]}")
    )
    spec = folder.api().spec
    created, removed = spec.operation("create_book").effect, spec.operation("delete_book").effect
    parameters = {each.name: each.filter for each in spec.operation("list_books").parameters}

    assert created is not None
    assert (created.sets, created.undo, created.repeat) == (
        {"book": {"author": None}},
        "delete_book",
        "again",
    )
    assert removed is not None
    assert removed.refuses == (Refusal({"author": (True,)}, 404),)
    assert (removed.repeat, removed.lasting) == ("refused", False)
    assert parameters["writer"] is not None
    assert parameters["writer"].any == (
        Alternative(fields=("author.id",)),
        Alternative(words=("title", "author.name"), lookup="iexact"),
    )


def test_a_row_may_show_what_a_function_compares(folder: Folder) -> None:
    folder.edit(WRITER, asking("{by: wrote, shown: writer, stranger: all}"))
    # The function is missing, and nothing else is wrong.
    assert ["no function wrote" in found for found in folder.mistakes()] == [True]
