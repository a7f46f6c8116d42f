from __future__ import annotations

import pytest

from mockserver.errors import SpecError
from mockserver.json_types import OMIT
from mockserver.paths import Paths
from mockserver.store import Store
from tests import small

RESOURCES = small.resources("""
AuthorRecord:
  type: object
  x-resource:
    name: author
    relations:
      books: {of: book, by: author, order: title}
      recent: {of: book, by: author, order: added}
      card: {of: card, by: author, one: true}
      friends: {to: author, computed: author_friends}
  properties:
    uuid: {type: string}
    name: {type: string}
    shout: {type: string, x-from: {computed: author_shout}}
BookRecord:
  type: object
  x-resource:
    name: book
    relations: {author: {to: author}, tags: {to: tag, many: true}}
  properties:
    uuid: {type: string}
    title: {type: [string, "null"]}
    added: {type: string, format: date-time}
    author: {type: string}
    tags: {type: array, items: {type: string}}
TagRecord:
  type: object
  x-resource: {name: tag}
  properties: {uuid: {type: string}, name: {type: string}}
CardRecord:
  type: object
  x-resource: {name: card, relations: {author: {to: author}}}
  properties: {uuid: {type: string}, author: {type: string}, number: {type: integer}}
""")
FUNCTIONS = {
    "author_shout": lambda record, scope: record["name"].upper(),
    "author_friends": lambda record, scope: [
        other for other in scope.store.all("author") if other is not record
    ],
}
RECORDS = {
    "author": [{"uuid": "a1", "name": "Ann"}, {"uuid": "a2", "name": "Bo"}],
    "tag": [{"uuid": "t1", "name": "new"}, {"uuid": "t2", "name": "good"}],
    "book": [
        {
            "uuid": "b1",
            "title": None,
            "author": "a1",
            "tags": [],
            "added": "2026-01-01T00:00:00.500000Z",
        },
        {
            "uuid": "b2",
            "title": "Zoo",
            "author": "a1",
            "tags": ["t1", "t2", "gone"],
            "added": "2026-01-01T00:00:00Z",
        },
        {
            "uuid": "b3",
            "title": "Ant",
            "author": "a1",
            "tags": ["t2"],
            "added": "2025-01-01T00:00:00Z",
        },
        {"uuid": "b4", "title": "Sea", "author": None, "tags": [], "added": "2026-01-02T00:00:00Z"},
    ],
    "card": [{"uuid": "c1", "author": "a1", "number": 7}],
}


class Reader:
    """As much of a scope as paths need."""

    def __init__(self):
        self.store = Store(RESOURCES).read()
        for resource, records in RECORDS.items():
            for record in records:
                self.store.insert(resource, record)


@pytest.fixture
def reach():
    reader = Reader()

    def reach(resource, key, text):
        path = Paths(RESOURCES, FUNCTIONS).compile(RESOURCES[resource], text, "here")
        return path.reach(reader.store.get(resource, key), reader)

    return reach


def compiled(resource, text):
    return Paths(RESOURCES, FUNCTIONS).compile(RESOURCES[resource], text, "spec.yaml:7")


def test_a_field_is_one_value(reach):
    assert reach("author", "a1", "name") == ["Ann"]
    assert reach("book", "b1", "title") == [None]


def test_a_computed_field_asks_its_function(reach):
    assert reach("author", "a1", "shout") == ["ANN"]
    assert reach("book", "b2", "author.shout") == ["ANN"]


def test_a_dot_is_the_record_itself(reach):
    assert reach("author", "a1", ".") == [RECORDS["author"][0]]


def test_a_relation_leads_to_a_record(reach):
    assert reach("book", "b2", "author") == [RECORDS["author"][0]]
    assert reach("book", "b2", "author.name") == ["Ann"]


def test_a_null_relation_leads_nowhere(reach):
    assert reach("book", "b4", "author") == []
    assert reach("book", "b4", "author.name") == []
    assert reach("book", "b4", "author.books.title") == []
    assert reach("author", "a2", "card.number") == []


def test_a_relation_to_many_fans_out_in_stored_order(reach):
    assert reach("book", "b2", "tags.name") == ["new", "good"]
    assert reach("author", "a1", "books.tags.name") == ["good", "new", "good"]


def test_records_that_point_here_come_in_order_and_nulls_last(reach):
    assert reach("author", "a1", "books.uuid") == ["b3", "b2", "b1"]


def test_instants_are_ordered_in_time(reach):
    assert reach("author", "a1", "recent.uuid") == ["b3", "b2", "b1"]


def test_the_only_record_that_points_here_is_one(reach):
    assert reach("author", "a1", "card.number") == [7]
    assert not compiled("author", "card.number").is_many


def test_a_computed_relation_asks_its_function(reach):
    assert reach("author", "a1", "friends.name") == ["Bo"]


def test_a_path_knows_what_it_ends_in():
    assert compiled("book", "author").resource is RESOURCES["author"]
    assert compiled("book", "author.name").field is RESOURCES["author"].fields["name"]
    assert compiled("book", "tags.name").is_many
    assert not compiled("book", "author.name").is_many


def test_what_a_function_leaves_out_stays_out(reach):
    omitting = Paths(RESOURCES, {**FUNCTIONS, "author_shout": lambda record, scope: OMIT})
    path = omitting.compile(RESOURCES["author"], "shout", "here")

    assert path.reach(RECORDS["author"][0], Reader()) == [OMIT]


@pytest.mark.parametrize(
    ("resource", "text", "problem"),
    [
        ("author", "nme", "author has no field or relation 'nme'"),
        ("author", "nme.x", "author has no relation 'nme'"),
        ("author", "name.first", "author has no relation 'name'"),
        ("book", "author.age", "author has no field or relation 'age'"),
        ("book", "", "book has no field or relation ''"),
    ],
)
def test_a_wrong_path_is_an_error_with_a_place(resource, text, problem):
    with pytest.raises(SpecError) as error:
        compiled(resource, text)

    assert problem in str(error.value)
    assert str(error.value).startswith("spec.yaml:7: ")


def test_a_function_that_is_not_there_is_an_error():
    with pytest.raises(SpecError, match="the pack has no function author_shout"):
        Paths(RESOURCES, {}).compile(RESOURCES["author"], "shout", "here")


def test_functions_in_use_are_remembered():
    paths = Paths(RESOURCES, FUNCTIONS)
    paths.compile(RESOURCES["author"], "friends.shout", "here")

    assert paths.used == {"author_shout", "author_friends"}
