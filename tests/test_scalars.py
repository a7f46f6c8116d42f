from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import dialects
from mockserver.scalars import Refused, compile_scalar, normal_steps
from tests import strategies

HEX = "0123456789abcdef0123456789abcdef"
TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
UUID = {"type": "string", "format": "uuid"}
INSTANT = {"type": "string", "format": "date-time"}
DATE = {"type": "string", "format": "date"}
PRICE = {"type": "string", "x-normalize": {"decimal": {"digits": 22, "places": 10}}, "minimum": 0}

NOT_A_STRING = "Not a valid string."
NOT_AN_INTEGER = "A valid integer is required."
NOT_A_NUMBER = "A valid number is required."
NOT_A_BOOLEAN = "Must be a valid boolean."
NOT_A_UUID = "Must be a valid UUID."
BLANK = "This field may not be blank."
NOT_AN_INSTANT = (
    "Datetime has wrong format. Use one of these formats instead: "
    "YYYY-MM-DD, YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)
NOT_A_DATE = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."


def read(schema, value, *, is_lenient=True):
    return compile_scalar(schema, is_lenient=is_lenient)(value)


def refusals(schema, value, *, is_lenient=True):
    """Return the sentences a value is refused with."""
    with pytest.raises(Refused) as refusal:
        read(schema, value, is_lenient=is_lenient)
    return [dialects.word(issue) for issue in refusal.value.issues]


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        (TEXT, "Ant", "Ant"),
        (TEXT, "", ""),
        (TEXT, "  ", "  "),
        (TEXT, 123, "123"),
        (TEXT, 1.5, "1.5"),
        (TEXT, "\U0001f41c", "\U0001f41c"),
        ({**TEXT, "maxLength": 3}, "Ant", "Ant"),
        ({**TEXT, "minLength": 3}, "Ant", "Ant"),
        ({**TEXT, "pattern": "^A"}, "Ant", "Ant"),
        ({**TEXT, "pattern": "^A"}, "", ""),
        ({**TEXT, "maxLength": 3, "x-normalize": "trim"}, "  Ant  ", "Ant"),
        ({**TEXT, "x-normalize": ["trim", "lower"]}, " ANT ", "ant"),
        ({**TEXT, "x-normalize": "html"}, "<b>a</b><script>b</script>", "<b>a</b>"),
        (INTEGER, 5, 5),
        (INTEGER, "5", 5),
        (INTEGER, " -5 ", -5),
        (INTEGER, "1.0", 1),
        (INTEGER, 2.0, 2),
        (INTEGER, 1e2, 100),
        (NUMBER, 5, 5),
        (NUMBER, 1.5, 1.5),
        (NUMBER, "1.5", 1.5),
        (NUMBER, "1e3", 1000.0),
        (BOOLEAN, True, True),
        (BOOLEAN, "true", True),
        (BOOLEAN, "Yes", True),
        (BOOLEAN, "on", True),
        (BOOLEAN, 1, True),
        (BOOLEAN, 0, False),
        (BOOLEAN, "off", False),
        (BOOLEAN, "F", False),
        (UUID, HEX.upper(), HEX),
        (UUID, 1, "0" * 31 + "1"),
        (INSTANT, "2030-05-05", "2030-05-05T00:00:00Z"),
        (INSTANT, "2030-05-05T01:00+02:00", "2030-05-04T23:00:00Z"),
        (DATE, "2030-05-05", "2030-05-05"),
        (PRICE, "40", "40.0000000000"),
        (PRICE, 40, "40.0000000000"),
        (PRICE, 0.1, "0.1000000000"),
        (PRICE, "1e3", "1000.0000000000"),
        (PRICE, " 1.5 ", "1.5000000000"),
        (PRICE, "-0", "0.0000000000"),
        (PRICE, "999999999999.9999999999", "999999999999.9999999999"),
        ({"enum": ["day", "month"]}, "day", "day"),
        ({"type": "integer", "enum": [1, 2]}, "2", 2),
        ({}, {"any": ["thing"]}, {"any": ["thing"]}),
    ],
)
def test_the_lenient_manner_takes_what_a_form_could_have_sent(schema, value, found):
    result = read(schema, value)

    assert result == found
    assert type(result) is type(found)


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (TEXT, True, NOT_A_STRING),
        (TEXT, [], NOT_A_STRING),
        (TEXT, {}, NOT_A_STRING),
        (TEXT, "a\0", "Null characters are not allowed."),
        (TEXT, "\ud800", "Surrogate characters are not allowed: U+D800."),
        ({**TEXT, "minLength": 1}, "", BLANK),
        ({**TEXT, "minLength": 1, "x-normalize": "trim"}, "   ", BLANK),
        ({**TEXT, "maxLength": 3}, "Ants", "Ensure this field has no more than 3 characters."),
        ({**TEXT, "minLength": 3}, "An", "Ensure this field has at least 3 characters."),
        ({**TEXT, "pattern": "^A"}, "Bee", "Enter a valid value."),
        (INTEGER, True, NOT_AN_INTEGER),
        (INTEGER, 1.5, NOT_AN_INTEGER),
        (INTEGER, "1.5", NOT_AN_INTEGER),
        (INTEGER, "", NOT_AN_INTEGER),
        (INTEGER, "abc", NOT_AN_INTEGER),
        (INTEGER, [], NOT_AN_INTEGER),
        (INTEGER, float("inf"), NOT_AN_INTEGER),
        (INTEGER, "\u0665", NOT_AN_INTEGER),
        (INTEGER, "1" * 1001, "String value too large."),
        ({**INTEGER, "minimum": 1}, 0, "Ensure this value is greater than or equal to 1."),
        ({**INTEGER, "maximum": 9}, "10", "Ensure this value is less than or equal to 9."),
        (NUMBER, True, NOT_A_NUMBER),
        (NUMBER, "", NOT_A_NUMBER),
        (NUMBER, "NaN", NOT_A_NUMBER),
        (NUMBER, "inf", NOT_A_NUMBER),
        (NUMBER, [], NOT_A_NUMBER),
        (NUMBER, 10**400, NOT_A_NUMBER),
        ({**NUMBER, "exclusiveMinimum": 0}, 0, "Ensure this value is greater than 0."),
        ({**NUMBER, "exclusiveMaximum": 1}, 1.0, "Ensure this value is less than 1."),
        (BOOLEAN, "maybe", NOT_A_BOOLEAN),
        (BOOLEAN, "", NOT_A_BOOLEAN),
        (BOOLEAN, 2, NOT_A_BOOLEAN),
        (BOOLEAN, [], NOT_A_BOOLEAN),
        (BOOLEAN, {}, NOT_A_BOOLEAN),
        (UUID, "abc", NOT_A_UUID),
        (UUID, "", NOT_A_UUID),
        (UUID, "http://x/users/1/", NOT_A_UUID),
        (UUID, -1, NOT_A_UUID),
        (UUID, 1 << 128, NOT_A_UUID),
        (UUID, True, NOT_A_UUID),
        (INSTANT, "soon", NOT_AN_INSTANT),
        (INSTANT, "", NOT_AN_INSTANT),
        (INSTANT, 5, NOT_AN_INSTANT),
        (DATE, "2026-02-30", NOT_A_DATE),
        (DATE, 20260101, NOT_A_DATE),
        (PRICE, True, NOT_A_NUMBER),
        (PRICE, "", NOT_A_NUMBER),
        (PRICE, [], NOT_A_NUMBER),
        (PRICE, "1_0", NOT_A_NUMBER),
        (PRICE, "NaN", NOT_A_NUMBER),
        (PRICE, "Infinity", NOT_A_NUMBER),
        (PRICE, -1, "Ensure this value is greater than or equal to 0."),
        (PRICE, "1.12345678901", "Ensure that there are no more than 10 decimal places."),
        (
            PRICE,
            "1" + "0" * 12,
            "Ensure that there are no more than 12 digits before the decimal point.",
        ),
        (PRICE, "1e999999", "Ensure that there are no more than 22 digits in total."),
        (PRICE, "1" * 1001, "String value too large."),
        ({"enum": ["day", "month"]}, "Day", '"Day" is not a valid choice.'),
        ({"enum": ["day", "month"]}, "", '"" is not a valid choice.'),
        ({"enum": ["day", None]}, ["day"], "\"['day']\" is not a valid choice."),
        ({"type": "integer", "enum": [1, 2]}, True, '"True" is not a valid choice.'),
    ],
)
def test_the_lenient_manner_refuses_as_django_rest_framework_does(schema, value, text):
    assert refusals(schema, value) == [text]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (TEXT, "123"),
        (INTEGER, 5),
        (INTEGER, 5.0),
        (NUMBER, 1.5),
        (BOOLEAN, False),
        (UUID, HEX),
        ({"enum": ["day"]}, "day"),
        ({"type": "integer", "enum": [1]}, 1),
    ],
)
def test_the_strict_manner_takes_the_type_the_schema_names(schema, value):
    assert read(schema, value, is_lenient=False) == value


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (TEXT, 123, NOT_A_STRING),
        (INTEGER, "5", NOT_AN_INTEGER),
        (INTEGER, True, NOT_AN_INTEGER),
        (INTEGER, 1.5, NOT_AN_INTEGER),
        (NUMBER, "1.5", NOT_A_NUMBER),
        (NUMBER, True, NOT_A_NUMBER),
        (BOOLEAN, "true", NOT_A_BOOLEAN),
        (BOOLEAN, 1, NOT_A_BOOLEAN),
        (UUID, 1, NOT_A_UUID),
        ({"type": "integer", "enum": [1]}, "1", '"1" is not a valid choice.'),
        ({"enum": [1]}, True, '"True" is not a valid choice.'),
    ],
)
def test_the_strict_manner_takes_no_other_type(schema, value, text):
    assert refusals(schema, value, is_lenient=False) == [text]


def test_all_that_is_wrong_with_a_text_is_said_at_once():
    schema = {**TEXT, "maxLength": 3, "pattern": "^A"}

    assert refusals(schema, "Bees\0") == [
        "Null characters are not allowed.",
        "Ensure this field has no more than 3 characters.",
        "Enter a valid value.",
    ]


def test_the_steps_of_normalizing_are_a_table():
    assert normal_steps({}) == {}
    assert normal_steps({"x-normalize": "trim"}) == {"trim": True}
    assert normal_steps({"x-normalize": ["trim", {"decimal": {"digits": 5}}]}) == {
        "trim": True,
        "decimal": {"digits": 5},
    }


def test_a_decimal_has_an_upper_bound_too():
    read = compile_scalar({**PRICE, "maximum": 5}, is_lenient=True)

    assert read("5") == "5.0000000000"
    with pytest.raises(Refused):
        read("5.0000000001")


@given(st.decimals(allow_nan=None, allow_infinity=None), st.integers(1, 40), st.integers(0, 12))
def test_a_decimal_has_exactly_its_places_and_reads_to_itself(value, whole, places):
    """Whatever is taken keeps its worth; reading the answer again changes nothing."""
    rule = {"digits": whole + places, "places": places}
    schema = {"type": "string", "x-normalize": {"decimal": rule}}
    try:
        found = read(schema, str(value))
    except Refused:
        return

    assert len(found.partition(".")[2]) == places
    assert Decimal(found) == value
    assert read(schema, found) == found


@given(st.integers(-(10**12) + 1, 10**12 - 1), st.integers(0, 10))
def test_every_decimal_that_fits_is_taken(whole, places):
    """Also at the very limits."""
    value = Decimal(abs(whole)) + Decimal(1).scaleb(-places)

    if value < 10**12:
        assert Decimal(read(PRICE, str(value))) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
SCHEMAS = [
    TEXT,
    INTEGER,
    NUMBER,
    BOOLEAN,
    UUID,
    INSTANT,
    DATE,
    PRICE,
    {**TEXT, "maxLength": 3, "minLength": 1, "x-normalize": ["trim", "lower"]},
    {"enum": ["day", 1, None]},
]


@given(JSON.filter(lambda value: value is not None), st.sampled_from(SCHEMAS), st.booleans())
def test_any_value_is_taken_or_refused_in_words(value, schema, is_lenient):
    """No value breaks a reader, and what is taken once is taken again unchanged."""
    try:
        found, issues = read(schema, value, is_lenient=is_lenient), []
    except Refused as refusal:
        found, issues = None, refusal.issues

    assert all(dialects.word(issue) for issue in issues)
    assert issues or read(schema, found, is_lenient=is_lenient) == found


@given(st.uuids())
def test_every_uuid_is_stored_as_hex_digits(uuid):
    """Whether it came with dashes, without, or as a number."""
    assert read(UUID, str(uuid)) == read(UUID, uuid.hex) == read(UUID, uuid.int) == uuid.hex


@given(strategies.instants)
def test_every_instant_is_stored_in_utc(instant):
    """And ends in Z."""
    found = read(INSTANT, instant.isoformat())

    assert found.endswith("Z")
    assert read(INSTANT, found) == found
