from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import filters, links, lookups
from mockserver.errors import NotFound, SpecError
from mockserver.links import Links
from mockserver.loader import Node
from mockserver.operation import Filter, Parameter
from mockserver.paths import Paths
from mockserver.store import Store
from tests import small, strategies

A1, A2, T1, T2 = (digit * 32 for digit in "abcd")
RESOURCES = small.resources("""
AuthorRecord:
  type: object
  x-resource: {name: author, path: "/authors/{uuid}/"}
  properties:
    uuid: {type: string, format: uuid}
    name: {type: string}
TagRecord:
  type: object
  x-resource: {name: tag, path: "/tags/{uuid}/"}
  properties: {uuid: {type: string, format: uuid}, word: {type: string}}
BookRecord:
  type: object
  x-resource:
    name: book
    relations: {author: {to: author}, tags: {to: tag, many: true}}
  properties:
    uuid: {type: string}
    title: {type: [string, "null"]}
    pages: {type: [integer, "null"]}
    weight: {type: number}
    price: {type: string, format: decimal}
    is_new: {type: boolean}
    added: {type: string, format: date-time}
    printed: {type: string, format: date}
    author: {type: string}
    tags: {type: array, items: {type: string}}
""")
TEXT = {"type": "string"}
BOOLEAN = {"type": "boolean"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
UUID = {"type": "string", "format": "uuid"}
DATE = {"type": "string", "format": "date"}
INSTANT = {"type": "string", "format": "date-time"}
STATES = {"type": "string", "enum": ["Draft", "Active"]}
FUNCTIONS = {
    "longer": lambda record, value, scope: len(record["title"] or "") > int(value),
    "named": lambda record, values, scope: record["title"] in values,
}


class _Call:
    def __init__(self, query):
        self.query = query


class Reader:
    """As much of a scope as filters need."""

    def __init__(self, books, *sent):
        self.store = Store(RESOURCES).read()
        self.call = _Call({"p": list(sent)})
        for key in (A1, A2):
            self.store.insert("author", {"uuid": key, "name": f"Author {key[0]}"})
        for key in (T1, T2):
            self.store.insert("tag", {"uuid": key, "word": f"tag {key[0]}"})
        for record in books:
            self.store.insert("book", record)


def book(key="b1", **fields):
    return {
        "uuid": key,
        "title": "Ant",
        "pages": 10,
        "weight": 1.5,
        "price": "10.00",
        "is_new": True,
        "added": "2026-01-01T00:00:00Z",
        "printed": "2026-01-01",
        "author": A1,
        "tags": [],
        **fields,
    }


def compile_(schema, fields, **declared):
    parameter = Parameter("p", "query", Node(schema), is_required=False, where="here")
    said = (fields,) if isinstance(fields, str) else tuple(fields)
    return filters.compile_filter(
        parameter,
        Filter(fields=said, **declared),
        RESOURCES["book"],
        Paths(RESOURCES, FUNCTIONS),
        Links(RESOURCES, []),
    )


def run(maker, books, *sent):
    """Return the books that a query keeps, or the complaints."""
    made = maker(Reader(books, *sent))
    if isinstance(made, list):
        return [(issue.code, issue.params.get("value")) for issue in made]
    return list(books) if made is None else [record for record in books if made(record)]


def keeps(record, sent, schema, field, **declared):
    texts = [sent] if isinstance(sent, str) else sent
    return run(compile_(schema, field, **declared), [record], *texts) == [record]


# Lookups


@pytest.mark.parametrize(
    ("lookup", "sent", "kept"),
    [
        ("exact", "Ant", True),
        ("exact", "ant", False),
        ("exact", "An", False),
        ("exact", " Ant ", True),
        ("iexact", "aNT", True),
        ("iexact", "An", False),
        ("contains", "nt", True),
        ("contains", "NT", False),
        ("icontains", "NT", True),
        ("icontains", "%", False),
        ("icontains", "_nt", False),
        ("startswith", "An", True),
        ("startswith", "an", False),
        ("startswith", "nt", False),
        ("in", "Ant", True),
        ("in", "Bee", False),
    ],
)
def test_texts_are_compared_by_their_lookup(lookup, sent, kept):
    assert keeps(book(), sent, TEXT, "title", lookup=lookup) is kept


@pytest.mark.parametrize(("stored", "sent"), [("Straße", "STRASSE"), ("ÉTÉ", "été")])
def test_letter_case_is_that_of_every_alphabet(stored, sent):
    assert keeps(book(title=stored), sent, TEXT, "title", lookup="iexact")
    assert keeps(book(title=f"x{stored}x"), sent, TEXT, "title", lookup="icontains")


@pytest.mark.parametrize(
    ("lookup", "kept"), [("gt", {2}), ("gte", {1, 2}), ("lt", {0}), ("lte", {0, 1}), ("exact", {1})]
)
@pytest.mark.parametrize(
    ("schema", "field", "values", "sent"),
    [
        (INTEGER, "pages", (9, 10, 11), "10"),
        (NUMBER, "weight", (1.4, 1.5, 1.6), "1.5"),
        (NUMBER, "pages", (9, 10, 11), "10.0"),
        (NUMBER, "price", ("9.00", "10.00", "100.00"), "10"),
        (DATE, "printed", ("2025-12-31", "2026-01-01", "2026-01-02"), "2026-01-01"),
        (
            INSTANT,
            "added",
            ("2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"),
            "2026-01-01T02:00:00+02:00",
        ),
    ],
)
def test_below_equal_and_above_are_told_apart(lookup, kept, schema, field, values, sent):
    maker = compile_(schema, field, lookup=lookup)
    books = [book(f"b{n}", **{field: value}) for n, value in enumerate(values)]

    assert run(maker, books, sent) == [books[n] for n in sorted(kept)]


@pytest.mark.parametrize(
    ("schema", "field", "sent", "kept"),
    [
        (DATE, "added", "2026-01-01", True),
        (DATE, "added", "2026-01-02", False),
        (INSTANT, "printed", "2026-01-01T00:00:00Z", True),
        (INSTANT, "printed", "2026-01-01T00:00:01Z", False),
    ],
)
def test_a_day_and_an_instant_can_be_compared(schema, field, sent, kept):
    assert keeps(book(), sent, schema, field, lookup="gte") == kept


def test_a_number_must_be_one_of_the_listed():
    listed = {"type": "integer", "enum": [10, 20]}

    assert keeps(book(), "10", listed, "pages")
    assert run(compile_(listed, "pages"), [book()], "11") == [("query.choice", "11")]


@pytest.mark.parametrize("lookup", sorted(lookups.LOOKUPS))
def test_null_passes_no_lookup(lookup):
    assert not keeps(book(pages=None), "0", INTEGER, "pages", lookup=lookup)
    assert not keeps(book(title=None), "None", TEXT, "title", lookup=lookup)


def test_null_is_asked_for_by_name():
    none, some = book("b1", title=None), book("b2")
    maker = compile_(BOOLEAN, "title", lookup="isnull")

    assert run(maker, [none, some], "true") == [none]
    assert run(maker, [none, some], "false") == [some]


def test_a_relation_without_target_counts_as_null():
    alone, paired = book("b1", author=None), book("b2")
    maker = compile_(BOOLEAN, "author.name", lookup="isnull")

    assert run(maker, [alone, paired], "true") == [alone]
    assert run(maker, [alone, paired], "false") == [paired]


# Paths


def test_a_path_may_lead_to_another_record():
    assert keeps(book(), "Author a", TEXT, "author.name")
    assert not keeps(book(author=None), "Author a", TEXT, "author.name")


def test_a_path_that_ends_in_a_relation_means_its_key():
    assert keeps(book(), A1, UUID, "author")
    assert not keeps(book(), A2, UUID, "author")


@pytest.mark.parametrize(("tags", "kept"), [([], False), ([T1], False), ([T1, T2], True)])
def test_any_of_many_values_passes(tags, kept):
    assert keeps(book(tags=tags), "tag d", TEXT, "tags.word") is kept
    assert keeps(book(tags=tags), T2, UUID, "tags") is kept


def test_any_of_several_fields_passes():
    maker = compile_(TEXT, ["title", "author.name"], lookup="icontains")
    books = [book("b1", title="Author"), book("b2", author=None), book("b3")]

    assert run(maker, books, "author") == [books[0], books[2]]


# Kinds of values


@pytest.mark.parametrize("text", [A1, A1.upper(), f"{{{A1}}}", f"urn:uuid:{A1}", f" {A1} "])
def test_a_uuid_may_be_spelled_in_many_ways(text):
    assert keeps(book(), text, UUID, "author")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("true", True),
        ("True", True),
        ("1", True),
        ("2", True),
        ("FALSE", False),
        ("0", False),
        ("3", False),
    ],
)
def test_a_boolean_may_be_spelled_in_many_ways(text, kept):
    assert keeps(book(is_new=True), text, BOOLEAN, "is_new") is kept
    assert keeps(book(is_new=False), text, BOOLEAN, "is_new") is not kept


@pytest.mark.parametrize(
    ("schema", "field", "text", "code"),
    [
        (UUID, "author", "abc", "uuid"),
        (UUID, "author", f"{A1},{A2}", "uuid"),
        (BOOLEAN, "is_new", "on", "boolean"),
        (INTEGER, "pages", "1.5", "integer"),
        (INTEGER, "pages", "9" * 5000, "integer"),
        (NUMBER, "weight", "heavy", "number"),
        (NUMBER, "weight", "nan", "number"),
        (NUMBER, "weight", "1e999", "number"),
        (DATE, "printed", "2026-02-30", "date"),
        (INSTANT, "added", "yesterday", "datetime"),
        (STATES, "title", "active", "choice"),
    ],
)
def test_what_cannot_be_read_is_refused_ignored_or_matches_nothing(schema, field, text, code):
    books = [book("b1"), book("b2")]

    assert run(compile_(schema, field), books, text) == [(f"query.{code}", text)]
    assert run(compile_(schema, field, invalid="ignore"), books, text) == books
    assert run(compile_(schema, field, invalid="none"), books, text) == []


def test_a_null_character_is_refused_unless_it_is_ignored():
    books, refusal = [book()], [("query.null_characters", "a\0b")]

    assert run(compile_(TEXT, "title"), books, "a\0b") == refusal
    assert run(compile_(UUID, "author", invalid="none"), books, "a\0b") == refusal
    assert run(compile_(TEXT, "title", invalid="ignore"), books, "a\0b") == books


def test_complaints_may_be_worded_like_those_about_bodies():
    assert run(compile_(UUID, "author", wording="body"), [], "abc") == [("body.uuid", "abc")]


def test_all_complaints_about_a_query_are_gathered():
    made = {
        "a": compile_(UUID, "author")(Reader([], "abc")),
        "b": compile_(TEXT, "title")(Reader([], "abc")),
        "c": None,
    }

    assert list(filters.complaints(made)) == ["a"]


def test_a_word_must_be_one_of_the_listed():
    active = book(title="Active")

    assert keeps(active, "Active", STATES, "title")
    assert not keeps(active, "Draft", STATES, "title")


# Several values


@pytest.mark.parametrize("sent", [[], [""], ["  "], ["Ant", ""]])
def test_an_empty_value_does_not_filter(sent):
    books = [book("b1"), book("b2", title="Bee")]

    assert run(compile_(TEXT, "title"), books, *sent) == books


def test_of_a_repeated_single_value_the_last_counts():
    assert keeps(book(), ["Bee", "Ant"], TEXT, "title")
    assert not keeps(book(), ["Ant", "Bee"], TEXT, "title")


def test_of_repeated_values_any_may_match():
    maker = compile_({"type": "array", "items": STATES}, "title", values="repeat")
    books = [book("b1", title="Draft"), book("b2", title="Active"), book("b3", title="Gone")]

    assert run(maker, books, "Draft", "", "Active") == books[:2]
    assert run(maker, books, "Draft", "Gone") == [("query.choice", "Gone")]
    assert run(maker, books, "", "") == books


def test_of_a_list_with_commas_any_may_match():
    maker = compile_({"type": "array", "items": UUID}, "author", values="comma")
    books = [book("b1"), book("b2", author=A2), book("b3", author=None)]

    assert run(maker, books, f"{A1},,{A2},") == books[:2]
    assert run(maker, books, A2, A1) == books[:1]
    assert run(maker, books, f"{A1},x") == [("query.uuid", "x")]
    assert run(maker, books, ",") == books


def test_a_comma_is_part_of_a_single_value():
    assert keeps(book(title="a,b"), "a,b", TEXT, "title")


# Other filters


@pytest.mark.parametrize("url", ["/authors/{}/", "https://elsewhere.example/authors/{}/"])
def test_a_hyperlink_keeps_what_points_to_its_record(url):
    maker = compile_(TEXT, "author", lookup="link")
    books = [book("b1"), book("b2", author=A2), book("b3", author=None)]

    assert run(maker, books, url.format(A1)) == books[:1]


@pytest.mark.parametrize("text", [A1, "abc", f"/tags/{A1}/", f"/authors/{T1}/", "/authors/abc/"])
def test_a_hyperlink_to_anything_else_keeps_nothing(text):
    assert run(compile_(TEXT, "author", lookup="link"), [book()], text) == []


def test_a_url_that_no_route_matches_is_404():
    with pytest.raises(NotFound):
        run(compile_(TEXT, "author", lookup="link"), [book()], "/nowhere/")


def test_of_repeated_hyperlinks_any_may_match():
    maker = compile_({"type": "array", "items": TEXT}, "author", lookup="link", values="repeat")
    urls = [links.write("", RESOURCES["author"], key) for key in (A1, A2)]
    books = [book("b1"), book("b2", author=A2), book("b3", author=None)]

    assert run(maker, books, *urls) == books[:2]


def test_a_value_may_have_to_name_a_record():
    maker = compile_(UUID, "author", choices="author")

    assert run(maker, [book()], A1) == [book()]
    assert run(maker, [book()], T1) == [("query.choice", T1)]


def test_a_filter_may_have_one_value_that_counts():
    books = [book("b1"), book("b2", is_new=False)]
    maker = compile_(BOOLEAN, "is_new", only=True)

    assert run(maker, books, "true") == books[:1]
    assert run(maker, books, "false") == books


def test_a_function_may_decide():
    books = [book("b1"), book("b2", title="Antelope")]

    assert run(compile_(INTEGER, (), by="longer"), books, "3") == books[1:]
    assert run(compile_(TEXT, (), by="named", values="comma"), books, "Ant,Bee") == books[:1]


@pytest.mark.parametrize(
    ("fields", "declared", "problem"),
    [
        ("titel", {}, "no field or relation 'titel'"),
        ((), {}, "neither a field nor a function"),
        ("title", {"lookup": "like"}, "there is no lookup 'like'"),
        ("title", {"lookup": "link"}, "needs a relation"),
        ((), {"by": "unknown"}, "no function unknown"),
    ],
)
def test_a_wrong_filter_is_an_error_at_start_up(fields, declared, problem):
    with pytest.raises(SpecError, match=problem):
        compile_(TEXT, fields, **declared)


# Properties

FILTERS = st.one_of(
    st.tuples(
        st.just(TEXT),
        st.sampled_from(["title", "author.name", "tags.word"]),
        st.sampled_from(["exact", "iexact", "contains", "icontains", "startswith"]),
        strategies.texts,
    ),
    st.tuples(
        st.just(INTEGER),
        st.just("pages"),
        st.sampled_from(["exact", "gt", "gte", "lt", "lte"]),
        strategies.numbers.map(str),
    ),
    st.tuples(st.just(BOOLEAN), st.just("is_new"), st.just("exact"), st.sampled_from(["0", "1"])),
)
BOOKS = st.lists(
    st.fixed_dictionaries(
        {
            "title": strategies.optional(strategies.texts),
            "pages": strategies.optional(strategies.numbers),
            "is_new": st.booleans(),
            "author": st.sampled_from([A1, A2, None]),
            "tags": st.lists(st.sampled_from([T1, T2]), unique=True),
        }
    ),
    max_size=5,
).map(lambda drawn: [book(f"b{n}", **fields) for n, fields in enumerate(drawn)])


@settings(deadline=None, max_examples=60)
@given(BOOKS, FILTERS)
def test_filters_only_remove_and_removing_twice_changes_nothing(books, drawn):
    """What is kept is kept again, in the same order."""
    schema, field, lookup, sent = drawn
    maker = compile_(schema, field, lookup=lookup)
    once = run(maker, books, sent)

    assert [record for record in books if record in once] == once
    assert run(maker, once, sent) == once


@settings(deadline=None, max_examples=60)
@given(BOOKS, strategies.numbers.map(str))
def test_a_bound_cuts_a_list_in_two(books, sent):
    """Everything that is not null is on exactly one side."""
    below = run(compile_(INTEGER, "pages", lookup="lt"), books, sent)
    rest = run(compile_(INTEGER, "pages", lookup="gte"), books, sent)

    assert len(below) + len(rest) == sum(record["pages"] is not None for record in books)
    assert not [record for record in below if record in rest]


@settings(deadline=None, max_examples=60)
@given(BOOKS, st.lists(st.sampled_from([A1, A2]), min_size=1, max_size=3))
def test_several_values_keep_what_each_of_them_keeps(books, sent):
    """A list of values is a union."""
    array = {"type": "array", "items": UUID}
    one = compile_(UUID, "author")
    each = [run(one, books, text) for text in sent]
    union = [record for record in books if any(record in kept for kept in each)]

    assert run(compile_(array, "author", values="repeat"), books, *sent) == union
    assert run(compile_(array, "author", values="comma"), books, ",".join(sent)) == union
