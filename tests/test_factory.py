"""Hold factories and their recipes to their word."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import factory, recipes
from mockserver.operation import Spec
from tests.fixture_worlds import library, problems, records, world

__all__ = ["library"]  # a fixture, found by its name

MIDNIGHT = datetime(2026, 3, 31, tzinfo=UTC)
EMAIL = "{slug: name, with: '.', after: '@example.org'}"
READER = "records: {reader: {ann: {name: Ann Lee}}}"


def test_a_record_has_every_stored_field_and_no_derived_one(tmp_path: Path, library: Spec) -> None:
    made = world(tmp_path, library, main="records: {book: {a: {}}}", f_book="title: A book")

    (book,) = records(made, "book")
    assert set(book) == {f.name for f in library.resources["book"].fields.values() if f.is_stored}
    assert 10 <= book["pages"] <= 12
    assert book["genre"] in ("novel", "poem")
    assert (book["price"], book["printed"], book["sequels"]) == ("0.00", None, [])


def test_the_scenario_wins_over_the_factory_and_the_factory_over_the_schema(
    tmp_path: Path, library: Spec
) -> None:
    made = world(
        tmp_path,
        library,
        main="records: {book: {a: {title: Mine}, b: {}}}",
        f_book="{title: Usual, year: 1999}",
    )

    assert [(b["title"], b["year"]) for b in records(made, "book")] == [
        ("Mine", 1999),
        ("Usual", 1999),
    ]


def test_what_faker_invents_is_cut_to_the_limit(tmp_path: Path, library: Spec) -> None:
    made = world(
        tmp_path,
        library,
        main="make: {r: {resource: reader, count: 40}}",
        f_reader="email: {label: true, after: '@x.example'}",
    )

    assert all(0 < len(str(reader["name"])) <= 12 for reader in records(made, "reader"))


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("{days_ago: 31}", "2026-02-28"),
        ("{days_ahead: 1}", "2026-04-01"),
        ("{months_ago: 1}", "2026-02-28"),
        ("{months_ago: 3, day: 12}", "2025-12-12"),
        ("{months_ahead: 11, day: 5}", "2027-02-05"),
        ("{this_month: true}", "2026-03-01"),
        ("2020-02-29", "2020-02-29"),
    ],
)
def test_words_for_times(tmp_path: Path, library: Spec, recipe: str, expected: str) -> None:
    made = world(
        tmp_path, library, main=f"records: {{book: {{a: {{title: T, printed: {recipe}}}}}}}"
    )

    assert records(made, "book")[0]["printed"] == expected


def test_a_time_can_be_a_number_or_an_instant(tmp_path: Path, library: Spec) -> None:
    made = world(
        tmp_path,
        library,
        main="""
        records:
          book: {a: {title: T, year: {months_ago: 3, part: year}}}
          reader: {r: {email: a@b, joined: {days_ago: 1, at: "09:30"}}}
        """,
    )

    assert records(made, "book")[0]["year"] == 2025
    assert records(made, "reader")[0]["joined"] == "2026-03-30T09:30:00Z"


def test_other_fields_of_the_record_can_be_used(tmp_path: Path, library: Spec) -> None:
    made = world(tmp_path, library, main=READER, f_reader=f"email: {EMAIL}")

    assert records(made, "reader")[0]["email"] == "ann.lee@example.org"


def test_a_number_becomes_the_text_of_a_decimal(tmp_path: Path, library: Spec) -> None:
    made = world(tmp_path, library, main="records: {book: {a: {title: T, price: 12.5}}}")

    assert records(made, "book")[0]["price"] == "12.50"


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        ("{faker: no_such_thing}", "Faker has no provider 'no_such_thing'"),
        ("{faker: {pyint: {wrong: 1}}}", "Faker cannot make 'pyint'"),
        ("{choose: [a]}", "a recipe has one of the words"),
        ("{choice: []}", "give a list of values"),
        ("{label: true, colour: red}", "label does not know 'colour'"),
        ("{choice: [a], cycle: [b]}", "not choice and cycle together"),
        ("{same: pages_count}", "'pages_count' is not another stored field"),
        ("{pick: books}", "only a relation can name records"),
        ("{days_ago: soon}", "days_ago cannot be read"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_named_with_its_line(
    tmp_path: Path, library: Spec, recipe: str, complaint: str
) -> None:
    (text,) = problems(tmp_path, library, main=f"records:\n  book:\n    a:\n      title: {recipe}")

    assert "main.yaml:4: book.title: " in text
    assert complaint in text


def test_a_factory_for_nothing_is_a_mistake(tmp_path: Path, library: Spec) -> None:
    found = problems(tmp_path, library, main="{}", f_bok="{}", f_book="\npagse: 3")

    assert any("bok.yaml" in text and "there is no resource 'bok'" in text for text in found)
    assert any("book.yaml:2: book.pagse is not one of its fields" in text for text in found)


schemas = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 20), "maxLength": st.integers(20, 90)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("integer")},
        optional={
            "minimum": st.integers(-9, 9),
            "maximum": st.integers(40, 99),
            "multipleOf": st.integers(1, 7),
        },
    ),
    st.fixed_dictionaries({"type": st.just("number"), "minimum": st.integers(0, 9)}),
    st.fixed_dictionaries(
        {"type": st.just("string"), "format": st.sampled_from(sorted(factory.FORMATS))}
    ),
    st.fixed_dictionaries({"enum": st.lists(st.integers(), min_size=1)}),
    st.just({"type": "array", "items": {"type": "boolean"}, "minItems": 2}),
    st.just({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}),
)


@given(schemas, st.integers(0, 99))
def test_what_is_invented_satisfies_the_schema(schema: dict[str, object], seed: int) -> None:
    """A schema without a pattern is all that an invented value needs."""
    fake = factory.faker()
    fake.random.seed(seed)
    value = factory.invent(schema, fake, MIDNIGHT)

    validator = jsonschema_rs.validator_for(schema, validate_formats=True, formats=factory.FORMATS)
    assert validator.is_valid(value), value


@given(st.text(max_size=30), st.text(max_size=30), st.integers(0, 9))
def test_derived_keys_look_like_random_uuids(resource: str, label: str, seed: int) -> None:
    """Version 4 and the usual variant, so that strict readers accept them."""
    key = factory.derived_key(seed, resource, label)

    assert factory.FORMATS["uuid"](key)
    assert key[12] == "4"
    assert key[16] in "89ab"


@given(st.text(max_size=60))
def test_a_slug_of_a_slug_is_itself(text: str) -> None:
    """Slugs hold nothing but lower-case letters, digits and separators."""
    once = recipes.slug(text)

    assert recipes.slug(once) == once
