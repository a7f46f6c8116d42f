"""What Hypothesis draws from."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from hypothesis import strategies as st

#: Texts with letters whose upper and lower case are worth a second look, and blanks.
texts = st.text(alphabet="aAbBzZßéÉ %_-", max_size=6)
numbers = st.integers(-5, 5)
uuids = st.uuids().map(lambda value: value.hex)
instants = st.datetimes(
    # The bounds of aware instants must be naive.
    min_value=datetime.combine(date(1900, 1, 1), time()),
    max_value=datetime.combine(date(2199, 1, 1), time()),
    timezones=st.just(UTC),
)


def optional(values):
    """Return a strategy of some values and null."""
    return st.none() | values
