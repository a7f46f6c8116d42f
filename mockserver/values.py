"""Read and write the scalars of JSON and of query strings: ids, instants, dates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

_HEX: Final = re.compile(r"[0-9a-f]{32}")
_DATE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_INSTANT: Final = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2})"
    r"(?:[T ](\d{1,2}:\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII | re.IGNORECASE,
)


def read_uuid(text: str) -> str | None:
    """Return 32 lower-case hex digits; dashes, braces and `urn:uuid:` are fine."""
    if _HEX.fullmatch(text):
        return text
    plain = text.strip().lower()
    plain = plain.removeprefix("urn:").removeprefix("uuid:").strip("{}").replace("-", "")
    return plain if _HEX.fullmatch(plain) else None


def dashed(uuid: str) -> str:
    """Return a uuid in its 8-4-4-4-12 spelling."""
    return f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"


def read_date(text: str) -> str | None:
    """Return `YYYY-MM-DD`, or None when it is no date."""
    match = _DATE.fullmatch(text.strip())
    try:
        return date(*(int(part) for part in match.groups())).isoformat() if match else None
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """Return an instant in UTC; a date is its midnight, no zone means UTC."""
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, seconds, fraction, zone = match.groups()
    year, month, day_number = (int(part) for part in day.split("-"))
    hour, minute = (int(part) for part in (clock or "0:0").split(":"))
    try:
        local = datetime(  # noqa: DTZ001  the zone follows
            year, month, day_number, hour, minute, int(seconds or 0)
        )
        local = local.replace(microsecond=int((fraction or "0").ljust(6, "0")))
        return _in_utc(local, zone)
    except (ValueError, OverflowError):
        return None


def _in_utc(local: datetime, zone: str | None) -> datetime:
    if not zone or zone in "Zz":
        return local.replace(tzinfo=UTC)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59 or int(digits[:2]) > 23:
        raise ValueError(zone)
    spelled = f"{zone[0]}{digits[:2]}:{digits[2:]}"
    return datetime.fromisoformat(local.isoformat() + spelled).astimezone(UTC)


def write_instant(instant: datetime) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`; no fraction when it is zero."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def instant_key(text: str) -> str:
    """Return a stored instant so that text order is time order."""
    return text if len(text) > 20 else text[:-1] + ".000000Z"
