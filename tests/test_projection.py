from __future__ import annotations

from types import SimpleNamespace

import pytest

from mockserver.json_types import OMIT
from mockserver.paths import Paths
from mockserver.projection import Views, properties_of
from mockserver.store import Store
from tests import small

SPEC = small.spec("""
AuthorRecord:
  type: object
  x-resource: {name: author, path: "/authors/{uuid}/", relations: {books: {of: book, by: author}}}
  properties: {uuid: {type: string}, name: {type: string}}
TagRecord:
  type: object
  x-resource: {name: tag}
  properties: {uuid: {type: string}, word: {type: string}}
BookRecord:
  type: object
  x-resource:
    name: book
    path: /books/{uuid}/
    relations:
      author: {to: author}
      tags: {to: tag, many: true}
      writers: {to: author, many: true}
  properties:
    uuid: {type: string, x-from: server}
    title: {type: string}
    subtitle: {type: [string, "null"]}
    cover: {type: [string, "null"]}
    author: {type: [string, "null"]}
    tags: {type: array, items: {type: string}}
    writers: {type: array, items: {type: string}}
    length: {type: integer, x-from: {computed: book_length}}
Author: {type: object, properties: {name: {type: string}, url: {type: string, x-from: {link: .}}}}
Tag: {type: object, properties: {word: {type: string}}}
Plain:
  type: object
  properties:
    uuid: {type: string}
    name: {type: string, x-from: title}
    subtitle: {type: string}
    length: {type: integer}
Owned:
  type: object
  properties:
    author_name: {type: string, x-from: author.name}
    author_name_or_null: {type: [string, "null"], x-from: author.name}
    author_url: {type: string, x-from: {link: author}}
    author_url_or_null: {type: [string, "null"], x-from: {link: author}}
    author_key: {type: string, x-from: author}
    author_shown: {$ref: "#/components/schemas/Author", x-from: author}
    author_shown_or_null:
      x-from: author
      anyOf: [{$ref: "#/components/schemas/Author"}, {type: "null"}]
Listed:
  type: object
  properties:
    tags: {type: array, items: {$ref: "#/components/schemas/Tag"}}
    tag_keys: {type: array, items: {type: string}, x-from: tags}
    words: {type: array, items: {type: string}, x-from: tags.word}
    writer_urls: {type: array, items: {type: string}, x-from: {link: writers}}
Computed:
  type: object
  properties:
    loud: {type: string, x-from: {computed: loud}}
    maybe: {type: string, x-from: {computed: maybe}}
    fans:
      type: array
      x-from: {computed: fans, resource: author}
      items: {$ref: "#/components/schemas/Author"}
Pictured:
  type: object
  properties: {cover: {type: [string, "null"], x-from: {media: cover}}}
Combined:
  allOf:
    - {$ref: "#/components/schemas/Plain"}
    - anyOf:
        - type: object
          properties: {subtitle: {type: string}, tags: {type: array, items: {type: string}}}
Unknown: {type: object, properties: {colour: {type: string}}}
Astray: {type: object, properties: {word: {type: string, x-from: author.word}}}
Unlinkable: {type: object, properties: {tags: {type: string, x-from: {link: tags}}}}
Endless:
  type: object
  properties: {author: {$ref: "#/components/schemas/EndlessAuthor"}}
EndlessAuthor:
  type: object
  properties: {books: {type: array, items: {$ref: "#/components/schemas/Endless"}}}
""")
RECORDS = {
    "author": [{"uuid": "a1", "name": "Ann"}, {"uuid": "a2", "name": "Bo"}],
    "tag": [{"uuid": "t1", "word": "new"}, {"uuid": "t2", "word": "good"}],
}
BOOK = {
    "uuid": "b1",
    "title": "Ant",
    "subtitle": None,
    "cover": "m1",
    "author": "a1",
    "tags": ["t1", "t2"],
    "writers": ["a1", "a2"],
}
FUNCTIONS = {
    "book_length": lambda record, scope: len(record["title"]),
    "loud": lambda record, scope: record["title"].upper(),
    "maybe": lambda record, scope: OMIT if record["subtitle"] is None else record["subtitle"],
    "fans": lambda record, scope: None if record["author"] is None else scope.store.all("author"),
}


def compile_(name, problems=None):
    views = Views(SPEC.document, Paths(SPEC.resources, FUNCTIONS), "/media/{key}/", problems or [])
    if problems is not None:
        views.problems = problems
    return views.compile(SPEC.document["components"]["schemas"][name], SPEC.resources["book"])


def show(name, record=BOOK, names=None):
    store = Store(SPEC.resources).read()
    for resource, records in RECORDS.items():
        for one in records:
            store.insert(resource, one)
    scope = SimpleNamespace(store=store, call=SimpleNamespace(base_url="https://x"))
    return compile_(name).show(record, scope, names)


def test_a_property_shows_a_field_by_its_own_name_or_another():
    assert show("Plain") == {"uuid": "b1", "name": "Ant", "subtitle": None, "length": 3}


def test_keys_come_in_the_order_of_the_schema():
    assert list(show("Plain")) == ["uuid", "name", "subtitle", "length"]


def test_a_related_record_is_shown_by_value_link_key_or_object():
    ann = {"name": "Ann", "url": "https://x/authors/a1/"}

    assert show("Owned") == {
        "author_name": "Ann",
        "author_name_or_null": "Ann",
        "author_url": "https://x/authors/a1/",
        "author_url_or_null": "https://x/authors/a1/",
        "author_key": "a1",
        "author_shown": ann,
        "author_shown_or_null": ann,
    }


def test_what_cannot_be_reached_is_null_where_the_schema_admits_it_and_absent_elsewhere():
    assert show("Owned", {**BOOK, "author": None}) == {
        "author_name_or_null": None,
        "author_url_or_null": None,
        "author_shown_or_null": None,
    }


def test_related_records_are_lists_of_objects_keys_values_or_links():
    assert show("Listed") == {
        "tags": [{"word": "new"}, {"word": "good"}],
        "tag_keys": ["t1", "t2"],
        "words": ["new", "good"],
        "writer_urls": ["https://x/authors/a1/", "https://x/authors/a2/"],
    }


def test_no_related_records_are_empty_lists():
    assert show("Listed", {**BOOK, "tags": [], "writers": []}) == {
        "tags": [],
        "tag_keys": [],
        "words": [],
        "writer_urls": [],
    }


def test_a_function_shows_a_value_records_or_nothing():
    fans = [
        {"name": name, "url": f"https://x/authors/{key}/"}
        for key, name in (("a1", "Ann"), ("a2", "Bo"))
    ]

    assert show("Computed") == {"loud": "ANT", "fans": fans}
    assert show("Computed", {**BOOK, "subtitle": "x", "author": None}) == {
        "loud": "ANT",
        "maybe": "x",
        "fans": None,
    }


def test_an_uploaded_file_is_shown_by_its_url():
    assert show("Pictured") == {"cover": "https://x/media/m1/"}
    assert show("Pictured", {**BOOK, "cover": None}) == {"cover": None}


def test_combined_schemas_show_the_properties_of_each():
    assert list(show("Combined")) == ["uuid", "name", "subtitle", "length", "tags"]


def test_a_fieldset_keeps_some_keys_in_the_order_of_the_schema():
    assert show("Plain", names=frozenset({"length", "uuid"})) == {"uuid": "b1", "length": 3}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Unknown", "property 'colour': book has no such field"),
        ("Astray", "author has no field or relation 'word'"),
        ("Unlinkable", "its resource has no path"),
        ("Endless", "views nest without end"),
    ],
)
def test_a_wrong_view_is_an_error_at_start_up(name, problem):
    problems = []
    compile_(name, problems)

    assert len(problems) == 1
    assert problem in str(problems[0])


def test_properties_are_gathered_through_references():
    schema = {"$ref": "#/components/schemas/Combined"}

    assert set(properties_of(SPEC.document, schema)) == {
        "uuid",
        "name",
        "subtitle",
        "length",
        "tags",
    }
