"""Values tried on several fields, and paths asked whether they reach anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.errors import SpecError
from mockserver.operation import Alternative
from tests.test_filters import (
    A1,
    A2,
    BOOKS,
    BOOLEAN,
    T1,
    T2,
    TEXT,
    book,
    compile_,
    keeps,
    run,
)

AUTHOR = Alternative(fields=("author",))
TITLE = Alternative(fields=("title",), lookup="icontains")


def any_of(*ways, **declared):
    return compile_(TEXT, (), any=ways, **declared)


def test_any_alternative_may_match():
    books = [book("b1"), book("b2", title="Bee", author=A2), book("b3", title="Cow", author=None)]
    maker = any_of(AUTHOR, TITLE)

    assert run(maker, books, "be") == books[1:2]
    assert run(maker, books, A2.upper()) == books[1:2]
    assert run(maker, books, "nothing") == []
    assert run(maker, books, "  ") == books


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("pages", "10", True),
        ("pages", "ten", False),
        ("is_new", "1", True),
        ("is_new", "new", False),
        ("weight", "1.50", True),
        ("printed", "2026-1-1", True),
        ("printed", "today", False),
        ("added", "2026-01-01T01:00+01:00", True),
        ("added", "once", False),
        ("author.name", " Author a ", True),
        ("author.name", "author a", False),
    ],
)
def test_a_value_is_read_as_the_kind_of_the_field(field, sent, kept):
    maker = any_of(Alternative(fields=(field,)))
    assert run(maker, [book()], sent) == ([book()] if kept else [])


def test_fields_of_several_kinds_may_share_an_alternative():
    maker = any_of(Alternative(fields=("pages", "title")))
    books = [book("b1", pages=7), book("b2", title="7"), book("b3", title="Bee")]

    assert run(maker, books, "7") == books[:2]
    assert run(maker, books, "Bee") == books[2:]


def test_bounds_may_be_alternatives():
    maker = any_of(Alternative(fields=("pages",), lookup="gte"), TITLE)
    books = [book("b1", pages=9), book("b2", pages=11), book("b3", pages=None, title="10")]

    assert run(maker, books, "10") == books[1:]


def test_null_is_nowhere():
    maker = any_of(AUTHOR, Alternative(fields=("title", "author.name"), lookup="contains"))
    assert run(maker, [book(title=None, author=None)], "None") == []


def test_a_format_may_be_left_to_the_others():
    title = Alternative(fields=("title",), lookup="icontains", unless="uuid")
    books = [book("b1", title=f"On {A2}"), book("b2", title="Bee", author=A2)]

    assert run(any_of(AUTHOR, TITLE), books, A2) == books
    assert run(any_of(AUTHOR, title), books, A2) == books[1:]
    assert run(any_of(AUTHOR, title), books, A2[:9]) == books[:1]


def test_keys_of_records_may_be_left_to_the_others():
    title = Alternative(fields=("title",), lookup="icontains", unless_key_of="author")
    nobody = "e" * 32
    books = [book("b1", title=f"On {A1} and {nobody}", author=None), book("b2")]

    assert run(any_of(AUTHOR, title), books, A1) == books[1:]
    assert run(any_of(AUTHOR, title), books, nobody) == books[:1]


def test_each_word_may_have_a_field_of_its_own():
    maker = any_of(Alternative(words=("title", "author.name"), lookup="icontains"))
    books = [book("b1"), book("b2", author=A2), book("b3", author=None)]

    assert run(maker, books, "ant author") == books[:2]
    assert run(maker, books, " ant   author   c") == []
    assert run(maker, books, "AN author  b") == books[1:2]
    assert run(maker, books, "ant") == []
    assert run(maker, books, "author ant") == []


def test_a_word_that_cannot_be_read_matches_nothing():
    maker = any_of(Alternative(words=("title", "pages")))

    assert run(maker, [book()], "Ant 10") == [book()]
    assert run(maker, [book()], "Ant ten") == []


@pytest.mark.parametrize("values", ["repeat", "comma"])
def test_several_values_may_each_match_in_any_way(values):
    maker = any_of(AUTHOR, TITLE, values=values)
    books = [book("b1", title="Cat"), book("b2", title="Bee", author=A2), book("b3", author=None)]
    sent = [A2, "cat", "x"]

    assert run(maker, books, *(sent if values == "repeat" else [",".join(sent)])) == books[:2]


def test_commas_alone_can_be_read_in_no_way():
    maker = any_of(AUTHOR, values="comma")

    assert run(maker, [book()], ",") == []
    assert run(maker, [book()], ", ,") == []
    assert run(maker, [book()], "") == [book()]


def test_a_null_character_is_refused_all_the_same():
    assert run(any_of(AUTHOR), [book()], "a\0b") == [("query.null_characters", "a\0b")]


@pytest.mark.parametrize(
    ("way", "problem"),
    [
        (Alternative(fields=("titel",)), "no field or relation 'titel'"),
        (Alternative(fields=("title",), lookup="isnull"), "no lookup 'isnull' for an alternative"),
        (Alternative(), "names either a field or words"),
        (Alternative(fields=("title",), words=("title", "pages")), "names either a field or words"),
        (Alternative(fields=("title",), unless_key_of="shelf"), "there is no resource 'shelf'"),
    ],
)
def test_a_wrong_alternative_is_an_error_at_start_up(way, problem):
    with pytest.raises(SpecError, match=problem):
        any_of(way)


@settings(deadline=None, max_examples=60)
@given(BOOKS, st.sampled_from([A1, "ant", "Author a", "1"]))
def test_alternatives_keep_what_each_of_them_keeps(books, sent):
    """Alternatives are a union."""
    ways = [AUTHOR, TITLE, Alternative(fields=("author.name", "pages"))]
    each = [run(any_of(way), books, sent) for way in ways]

    assert run(any_of(*ways), books, sent) == [b for b in books if any(b in kept for kept in each)]


# Text without its looks


@pytest.mark.parametrize(
    ("held", "sent", "kept"),
    [
        ("Ärni  Mets", "arni mets", True),
        ("Arni Mets", "ÄRNI", True),
        ("Straße", "STRASSE", True),
        ("Arni Mets", "ni  me", True),
        ("Arni Mets", "mets arni", False),
    ],
)
def test_folded_texts_have_no_case_accents_and_double_blanks(held, sent, kept):
    assert keeps(book(title=held), sent, TEXT, "title", lookup="folded") is kept


# Existence


def test_a_path_may_be_asked_whether_it_reaches_anything():
    maker = compile_(BOOLEAN, "tags", lookup="exists")
    books = [book("b1"), book("b2", tags=[T1])]

    assert run(maker, books, "true") == books[1:]
    assert run(maker, books, "false") == books[:1]
    assert run(maker, books, "perhaps") == [("query.boolean", "perhaps")]


def test_a_field_exists_unless_it_is_null():
    maker = compile_(BOOLEAN, "author.name", lookup="exists")
    books = [book("b1"), book("b2", author=None)]

    assert run(maker, books, "true") == books[:1]
    assert run(maker, books, "false") == books[1:]


def test_one_of_what_is_reached_must_meet_every_condition():
    maker = compile_(BOOLEAN, "tags", lookup="exists", where={"word": "tag d", "uuid": T2})
    books = [book("b1", tags=[T1]), book("b2", tags=[T1, T2]), book("b3")]

    assert run(maker, books, "true") == books[1:2]
    assert run(maker, books, "false") == [books[0], books[2]]


@pytest.mark.parametrize(
    ("fields", "declared", "problem"),
    [
        ("title", {"lookup": "exists", "where": {"word": 1}}, "where needs a relation; 'title'"),
        ("tags", {"lookup": "isnull", "where": {"word": 1}}, "where goes with lookup exists"),
        ("tags", {"lookup": "exists", "where": {"wort": 1}}, "no field or relation 'wort'"),
    ],
)
def test_a_wrong_question_is_an_error_at_start_up(fields, declared, problem):
    with pytest.raises(SpecError, match=problem):
        compile_(BOOLEAN, fields, **declared)
