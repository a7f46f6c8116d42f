from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import links
from mockserver.links import Link, Links
from tests import small, strategies

UUID = "0123456789abcdef0123456789abcdef"
RESOURCES = small.resources("""
AuthorRecord:
  type: object
  x-resource: {name: author, path: "/authors/{uuid}/"}
  properties: {uuid: {type: string, format: uuid}}
BookRecord:
  type: object
  x-resource: {name: book, key: number, path: "/books/{number}/"}
  properties: {number: {type: integer}}
ShelfRecord:
  type: object
  x-resource: {name: shelf, key: label, path: "/shelves/{label}"}
  properties: {label: {type: string}}
DrawerRecord:
  type: object
  x-resource: {name: drawer, key: label}
  properties: {label: {type: string}}
""")


class _Operation:
    path = "/authors/{uuid}/books/"


LINKS = Links(RESOURCES, [_Operation()])


@given(strategies.uuids)
def test_a_link_leads_back_to_its_record(uuid):
    """What is written can be read."""
    url = links.write("https://shelf.example", RESOURCES["author"], uuid)

    assert url == f"https://shelf.example/authors/{uuid}/"
    assert LINKS.read(url) == Link("author", uuid)


@pytest.mark.parametrize(
    "url",
    [
        f"/authors/{UUID}/",
        f"http://elsewhere:99/authors/{UUID}/",
        f" https://x/authors/{UUID}/?a=b#c ",
        f"/authors/{UUID.upper()}/",
        "/authors/01234567-89ab-cdef-0123-456789abcdef/",
    ],
)
def test_only_the_path_of_a_url_counts(url):
    assert LINKS.read(url) == Link("author", UUID)


@pytest.mark.parametrize(
    "url",
    ["", "abc", UUID, f"/authors/{UUID}", "/nowhere/", "/authors//", "http://[", "/drawers/a/"],
)
def test_what_matches_no_route_is_no_link(url):
    assert LINKS.read(url) is None


def test_a_malformed_key_is_a_link_to_nothing():
    assert LINKS.read("/authors/abc/") == Link("author", None)
    assert LINKS.read("/books/abc/") == Link("book", None)


def test_a_route_that_is_no_record_is_a_link_to_none():
    assert LINKS.read(f"/authors/{UUID}/books/") == Link("", None)


def test_keys_are_read_by_their_kind():
    assert LINKS.read("/books/7/") == Link("book", 7)
    assert LINKS.read("/shelves/top") == Link("shelf", "top")


@pytest.mark.parametrize("text", ["", "-1", "1.0", "²", "9" * 40])
def test_other_texts_are_no_integer_key(text):
    assert links.read_key(RESOURCES["book"], text) is None


def test_a_key_is_written_as_it_is():
    assert links.write("", RESOURCES["shelf"], r"a\1") == r"/shelves/a\1"


WORDS = ("authors", "books", "shelves", UUID, "7", "", "a\n", "{x}")


@given(st.lists(st.sampled_from(WORDS), max_size=4).map("/".join))
def test_a_short_cut_finds_what_the_patterns_find(path):
    slow = Links(RESOURCES, [_Operation()])
    slow._is_simple = False  # the way without a short cut

    for url in (path, f"/{path}", f"/{path}/"):
        assert LINKS.read(url) == slow.read(url)


def test_keys_may_stand_anywhere_in_a_path():
    nested = small.resources("""
    PageRecord:
      type: object
      x-resource: {name: page, key: number, path: "/pages/{number}/text/"}
      properties: {number: {type: integer}}
    """)

    assert Links(nested, []).read("/pages/7/text/") == Link("page", 7)
    assert Links(nested, []).read("/pages/7/") is None
    assert links.write("", nested["page"], 7) == "/pages/7/text/"
