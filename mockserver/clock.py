"""Tell the time of a world: the real one, one that stands still, or one that is moved."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mockserver import values

#: Times outside of these are refused, so that no sum of times leaves the calendar.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)

_ONE_WAY: Final = "give a duration like PT2H, P1M, 3d, 2h, 90s or 250ms, or a number of seconds"
_CLOCKS: Final = (
    "it is `real`, an instant like 2026-01-31T12:00:00Z at which time stands still, "
    "`from 2026-01-31T12:00:00Z` for one at which it starts, or a shift like +3d or -PT2H"
)
_NUMBER: Final = r"(\d+(?:[.,]\d+)?)"
_ISO: Final = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?"
    rf"(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII | re.IGNORECASE,
)
_ISO_UNITS: Final = ("weeks", "days", "hours", "minutes", "seconds")
_SHORT: Final = re.compile(rf"{_NUMBER}\s*(ms|s|m|h|d|w)", re.ASCII | re.IGNORECASE)
_SHORT_UNITS: Final = {
    "ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks",
}  # fmt: skip
#: No duration that fits between the two limits is longer.
_LONGEST: Final = LATEST - EARLIEST


@dataclass(frozen=True, slots=True)
class Duration:
    """Months of the calendar, and a time of fixed length beside them."""

    months: int = 0
    rest: timedelta = field(default_factory=timedelta)

    def __neg__(self) -> Duration:
        return Duration(-self.months, -self.rest)

    def after(self, instant: datetime) -> datetime:
        """
        Return the instant that lies this much later; ValueError outside of the calendar.

        Months come first, and the last day of a short month stands for those it lacks.
        """
        try:
            found = _months_later(instant, self.months) + self.rest
        except (OverflowError, ValueError):
            raise _too_far() from None
        return _checked(found)


@dataclass(frozen=True, slots=True)
class Clock:
    """
    The present, when called: `fixed`, or the real one moved by `offset`.

    In UTC, and aware of it.
    """

    fixed: datetime | None = None
    offset: timedelta = field(default_factory=timedelta)

    @classmethod
    def read(cls, text: str) -> Clock:
        """Return the clock that a text names; raise ValueError with a remedy."""
        words = text.strip()
        if words == "real":
            return cls()
        if words[:1] in ("+", "-") and words[1:]:
            return cls().advanced(read_duration(words))
        start = words.removeprefix("from ")
        instant = values.read_instant(start)
        if instant is None:
            raise ValueError(f"{text[:80]!r} is no clock; {_CLOCKS}")
        _checked(instant)
        return cls(instant) if start == words else cls(offset=instant - datetime.now(UTC))

    def __call__(self) -> datetime:
        """Return what time it is."""
        return datetime.now(UTC) + self.offset if self.fixed is None else self.fixed

    @property
    def mode(self) -> str:
        """`fixed`, `offset` or `real`."""
        if self.fixed is not None:
            return "fixed"
        return "offset" if self.offset else "real"

    @property
    def text(self) -> str:
        """What `read` makes this clock of."""
        if self.fixed is not None:
            return values.write_instant(self.fixed)
        if not self.offset:
            return "real"
        sign = "-" if self.offset < timedelta() else "+"
        span = abs(self.offset)
        seconds = span.days * 86_400 + span.seconds
        return f"{sign}PT{seconds}.{span.microseconds:06}S"

    def advanced(self, by: timedelta | Duration) -> Clock:
        """Return a clock that is later by so much; ValueError outside of the calendar."""
        span = by if isinstance(by, Duration) else Duration(rest=by)
        if self.fixed is not None:
            return Clock(span.after(self.fixed))
        if not span.months:
            # Exact, however long it takes to come here.
            Duration(rest=span.rest).after(self())
            return Clock(offset=self.offset + span.rest)
        now = self()
        return Clock(offset=self.offset + (span.after(now) - now))

    def shown(self) -> dict[str, Any]:
        """Return the clock as JSON: its mode, what time it is, and by how much it is moved."""
        return {
            "mode": self.mode,
            "now": values.write_instant(self()),
            "offset_seconds": self.offset.total_seconds(),
        }


def read_duration(said: str | float) -> Duration:
    """
    Return a length of time: a number of seconds, ISO 8601, or a number and its unit.

    A sign may stand before it. ValueError with a remedy when it is none of these.
    """
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise ValueError(f"{said!r} is no duration; {_ONE_WAY}")  # noqa: TRY004  as for any other
    try:
        found = _seconds(said) if not isinstance(said, str) else _spelled(said.strip())
    except OverflowError:
        raise _too_far() from None
    if found is None:
        raise ValueError(f"{str(said)[:80]!r} is no duration; {_ONE_WAY}")
    if abs(found.rest) > _LONGEST or abs(found.months) > _LONGEST.days // 28:
        raise _too_far()
    return found


def _seconds(number: float) -> Duration | None:
    return Duration(rest=timedelta(seconds=number)) if math.isfinite(number) else None


def _spelled(text: str) -> Duration | None:
    sign, unsigned = (text[0], text[1:]) if text[:1] in ("+", "-") else ("+", text)
    short = _SHORT.fullmatch(unsigned)
    iso = None if short else _ISO.fullmatch(unsigned)
    if short is not None:
        unit = _SHORT_UNITS[short[2].lower()]
        found = Duration(rest=_span(unit, short[1]))
    elif iso is not None and any(iso.groups()):
        years, months, *rest = iso.groups()
        spans = [_span(u, n) for u, n in zip(_ISO_UNITS, rest, strict=True) if n]
        found = Duration(int(years or 0) * 12 + int(months or 0), sum(spans, timedelta()))
    else:
        return None
    return -found if sign == "-" else found


def _span(unit: str, number: str) -> timedelta:
    whole, _, fraction = number.replace(",", ".").partition(".")
    one = timedelta(**{unit: 1})
    # Not as one float: it would lose microseconds of long times.
    return int(whole) * one + (float(f"0.{fraction}") * one if fraction else timedelta())


def _months_later(instant: datetime, months: int) -> datetime:
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    day = min(instant.day, monthrange(year, month + 1)[1])
    return instant.replace(year=year, month=month + 1, day=day)


def _checked(instant: datetime) -> datetime:
    if not EARLIEST <= instant <= LATEST:
        raise _too_far()
    return instant


def _too_far() -> ValueError:
    return ValueError(
        f"the time would be out of range; stay between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}"
    )
