from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver import values
from tests import strategies

UUID = "0123456789abcdef0123456789abcdef"


@given(st.uuids())
def test_every_spelling_of_a_uuid_is_the_same_uuid(uuid):
    """As the standard library writes them."""
    spellings = [uuid.hex, str(uuid), uuid.urn, f"{{{uuid}}}", uuid.hex.upper(), f" {uuid} "]

    assert {values.read_uuid(text) for text in spellings} == {uuid.hex}
    assert values.dashed(uuid.hex) == str(uuid)


@pytest.mark.parametrize("text", ["", "abc", UUID[:-1], UUID + "0", UUID[:-1] + "g", "-" * 32])
def test_other_texts_are_no_uuid(text):
    assert values.read_uuid(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-15", "2026-03-15"),
        (" 2024-02-29 ", "2024-02-29"),
        ("2025-02-29", None),
        ("2026-13-01", None),
        ("20260315", None),
        ("15.03.2026", None),
        ("2026-03-15T10:00", None),
        ("", None),
    ],
)
def test_a_date_is_year_month_and_day(text, found):
    assert values.read_date(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-15T12:30:00Z", "2026-03-15T12:30:00Z"),
        ("2026-03-15T12:30:00.5Z", "2026-03-15T12:30:00.500000Z"),
        ("2026-03-15T12:30:00,25", "2026-03-15T12:30:00.250000Z"),
        ("2026-03-15T12:30:00.1234567Z", "2026-03-15T12:30:00.123456Z"),
        ("2026-03-15 12:30", "2026-03-15T12:30:00Z"),
        ("2026-03-15t12:30z", "2026-03-15T12:30:00Z"),
        ("2026-03-15", "2026-03-15T00:00:00Z"),
        (" 2026-3-5 ", "2026-03-05T00:00:00Z"),
        ("2026-03-15T12:30:00+02:00", "2026-03-15T10:30:00Z"),
        ("2026-03-15T12:30:00-0530", "2026-03-15T18:00:00Z"),
        ("2026-03-15T01:00:00+02", "2026-03-14T23:00:00Z"),
    ],
)
def test_an_instant_is_read_into_utc(text, found):
    assert values.write_instant(values.read_instant(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-02-30",
        "2026-03-15T24:00",
        "2026-03-15T12:60",
        "2026-03-15T12:30:61",
        "2026-03-15T12:30+99:00",
        "2026-03-15T12:30+02:75",
        "0001-01-01T00:00+02:00",
        "0000-01-01",
        "2026-03-15Z",
        "1710505800",
    ],
)
def test_other_texts_are_no_instant(text):
    assert values.read_instant(text) is None


@given(strategies.instants)
def test_an_instant_written_is_the_instant_read(instant):
    """Down to the microsecond."""
    assert values.read_instant(values.write_instant(instant)) == instant


@given(strategies.instants, strategies.instants)
@example(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
def test_sorting_instants_as_text_sorts_them_in_time(one, other):
    """Also where only one of them has a fraction."""
    keys = [values.instant_key(values.write_instant(instant)) for instant in (one, other)]

    assert (keys[0] < keys[1]) == (one < other)


@given(st.text(max_size=12))
def test_no_text_breaks_a_reader(text):
    """They refuse by returning None."""
    values.read_uuid(text)
    values.read_date(text)
    values.read_instant(text)
