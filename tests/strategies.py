"""What Hypothesis draws from."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

#: Texts with letters whose upper and lower case are worth a second look, and blanks.
texts = st.text(alphabet="aAbBzZßéÉ %_-", max_size=6)
numbers = st.integers(-5, 5)
uuids = st.uuids().map(lambda value: value.hex)
instants = st.datetimes(
    min_value=datetime(1900, 1, 1), max_value=datetime(2199, 1, 1), timezones=st.just(UTC)
)


def optional(values):
    """Return a strategy of some values and null."""
    return st.none() | values
