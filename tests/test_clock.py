from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.clock import EARLIEST, LATEST, Clock, Duration, read_duration

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
INSTANTS = st.datetimes(
    EARLIEST.replace(tzinfo=None) + timedelta(days=40_000),
    LATEST.replace(tzinfo=None) - timedelta(days=40_000),
    timezones=st.just(UTC),
)
SPANS = st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3d", Duration(rest=timedelta(days=3))),
        ("90s", Duration(rest=timedelta(seconds=90))),
        ("2h", Duration(rest=timedelta(hours=2))),
        ("15m", Duration(rest=timedelta(minutes=15))),
        ("2w", Duration(rest=timedelta(weeks=2))),
        ("250ms", Duration(rest=timedelta(milliseconds=250))),
        ("-1.5h", Duration(rest=timedelta(minutes=-90))),
        ("PT2H", Duration(rest=timedelta(hours=2))),
        ("-PT2H30M", Duration(rest=timedelta(minutes=-150))),
        ("P1W", Duration(rest=timedelta(weeks=1))),
        ("PT0,5S", Duration(rest=timedelta(milliseconds=500))),
        ("P1Y2M3DT4H5M6S", Duration(14, timedelta(days=3, hours=4, minutes=5, seconds=6))),
        ("+P1M", Duration(1)),
        ("PT1M", Duration(rest=timedelta(minutes=1))),
        (" p1m ", Duration(1)),
        (60, Duration(rest=timedelta(minutes=1))),
        (-0.25, Duration(rest=timedelta(milliseconds=-250))),
    ],
)
def test_a_duration_is_read(text, found):
    assert read_duration(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1", "1", "3 parsecs", "P1DT", "--3d", "+", "1e3s", "P-1D", "\uff13d",
     True, None, [], float("nan"), float("inf")],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_a_remedy(text):
    with pytest.raises(ValueError, match="give a duration like"):
        read_duration(text)


@pytest.mark.parametrize("text", ["P99999Y", "9" * 400 + "d", 1e300, -1e15, "999999999w"])
def test_a_duration_beyond_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match="out of range"):
        read_duration(text)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-01-31", 2, "2026-03-31"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-15", -1, "2025-12-15"),
        ("2028-02-29", 12, "2029-02-28"),
    ],
)
def test_a_month_follows_the_calendar(start, months, end):
    later = Clock.read(start).advanced(Duration(months))
    assert later() == datetime.fromisoformat(end).replace(tzinfo=UTC)


@given(INSTANTS, SPANS, SPANS)
def test_advancing_is_additive(instant, one, other):
    fixed = Clock(instant)
    assert fixed.advanced(one).advanced(other) == fixed.advanced(one + other)
    assert fixed.advanced(one)() == instant + one


@given(SPANS, SPANS)
def test_moving_the_real_clock_is_additive(one, other):
    assert Clock().advanced(one).advanced(other) == Clock(offset=one + other)


@given(INSTANTS, st.integers(-1000, 1000))
def test_months_change_no_time_of_day(instant, months):
    later = Clock(instant).advanced(Duration(months))()
    assert later.timetz() == instant.timetz()
    assert later.year * 12 + later.month == instant.year * 12 + instant.month + months
    assert later.day == instant.day or later.day < instant.day <= 31


@given(INSTANTS)
def test_a_fixed_clock_stands_still_and_its_text_is_read_back(instant):
    clock = Clock(instant)
    assert clock() == clock() == instant
    assert Clock.read(clock.text) == clock
    assert Clock.read(clock.shown()["now"]) == clock
    assert clock.shown()["mode"] == "fixed"


@given(SPANS)
def test_a_moved_clock_is_read_back_from_its_text(span):
    clock = Clock(offset=span)
    assert Clock.read(clock.text) == clock
    shown = clock.shown()
    assert shown["mode"] == ("offset" if span else "real")
    assert shown["offset_seconds"] == span.total_seconds()


def test_a_clock_that_starts_somewhere_runs():
    before = datetime.now(UTC)
    clock = Clock.read("from 2026-01-31T12:00:00Z")
    first, second = clock(), clock()
    passed = datetime.now(UTC) - before
    assert NOON <= first <= second <= NOON + passed
    assert clock.offset
    assert clock.fixed is None


def test_the_real_clock_is_real():
    clock = Clock.read("real")
    before = datetime.now(UTC)
    assert before <= clock() <= datetime.now(UTC)
    assert clock == Clock()
    assert clock.shown()["offset_seconds"] == 0


@pytest.mark.parametrize(
    ("text", "offset"), [("+3d", timedelta(days=3)), ("-PT2H", timedelta(hours=-2))]
)
def test_a_shift_moves_the_real_clock(text, offset):
    assert Clock.read(text) == Clock(offset=offset)


def test_a_shift_by_a_month_has_the_length_of_a_month():
    assert timedelta(days=28) <= Clock.read("+P1M").offset <= timedelta(days=31)


@pytest.mark.parametrize(
    "text", ["", "noon", "from", "from noon", "from real", "2026-02-30", "now"]
)
def test_what_is_no_clock_is_refused_with_a_remedy(text):
    with pytest.raises(ValueError, match="it is `real`, an instant"):
        Clock.read(text)


@pytest.mark.parametrize(
    "text", ["0001-01-01", "9999-12-31T23:59:59Z", "from 1500-01-01", "+P7999Y"]
)
def test_a_time_beyond_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match="stay between 1900-01-01 and 2999-12-31"):
        Clock.read(text)


@pytest.mark.parametrize("by", [timedelta.max, timedelta.min, Duration(10**9), Duration(-(10**9))])
@pytest.mark.parametrize("clock", [Clock(), Clock(NOON)])
def test_no_clock_is_advanced_out_of_the_calendar(clock, by):
    with pytest.raises(ValueError, match="stay between"):
        clock.advanced(by)
