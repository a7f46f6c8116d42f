"""Read the values of query parameters, as the reference says they are read."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime

NUL = "Null characters are not allowed."
BOOLEANS = {"true": True, "1": True, "2": True, "false": False, "0": False, "3": False}

_HEX = re.compile("[0-9a-f]{32}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?)?"
)


class Refused(Exception):
    """A value that is answered with 400."""

    def __init__(self, text: str) -> None:
        self.text = text


def text(values: list[str]) -> str | None:
    """Return the text that was sent last, or None when it is blank."""
    found = values[-1].strip()
    if "\0" in found:
        raise Refused(NUL)
    return found or None


def hex_of(value: str) -> str | None:
    """Return the digits of a uuid in any of its spellings, or None."""
    plain = value.lower().removeprefix("urn:uuid:").strip("{}").replace("-", "")
    return plain if _HEX.fullmatch(plain) else None


def uuid(values: list[str]) -> str | None:
    return _uuid(values, "Enter a valid UUID.")


def body_uuid(values: list[str]) -> str | None:
    return _uuid(values, "Must be a valid UUID.")


def _uuid(values: list[str], complaint: str) -> str | None:
    sent = values[-1].strip()
    if not sent:
        return None
    found = hex_of(sent)
    if found is None:
        raise Refused(complaint)
    return found


def uuids(values: list[str]) -> list[str] | None:
    """Return the members of a comma list, each of which must be a uuid."""
    found = [uuid([part]) for part in values[-1].split(",") if part.strip()]
    return [each for each in found if each is not None] or None


def texts(values: list[str]) -> list[str] | None:
    """Return the members of a comma list."""
    sent = text(values)
    return None if sent is None else [part.strip() for part in sent.split(",") if part.strip()]


def several(values: list[str]) -> list[str] | None:
    """Return every value of a repeated parameter that is not blank."""
    found = [text([value]) for value in values]
    return [each for each in found if each is not None] or None


def boolean(values: list[str]) -> bool | None:
    return BOOLEANS.get(values[-1].lower())


def day(values: list[str]) -> date | None:
    sent = values[-1].strip()
    if not sent:
        return None
    try:
        if _DAY.fullmatch(sent):
            return date.fromisoformat(sent)
    except ValueError:
        pass
    raise Refused("Enter a valid date.")


def instant(values: list[str]) -> datetime | None:
    sent = values[-1].strip()
    if not sent:
        return None
    found = _INSTANT.fullmatch(sent)
    try:
        if found:
            return _instant(*found.groups())
    except ValueError:
        pass
    raise Refused("Enter a valid date/time.")


def _instant(
    day: str, minutes: str | None, seconds: str | None, fraction: str | None, zone: str | None
) -> datetime:
    if fraction and not seconds:
        raise ValueError(fraction)
    micro = "." + (fraction or ".")[1:].ljust(6, "0")
    offset = "+00:00" if zone in (None, "Z") else zone
    return datetime.fromisoformat(
        f"{day}T{minutes or '00:00'}{seconds or ':00'}{micro}{offset}"
    ).astimezone(UTC)


def invalid_choice(value: str) -> str:
    return f"Select a valid choice. {value} is not one of the available choices."


def fold(value: str) -> str:
    """Drop accents, letter case and repeated blanks."""
    parts = unicodedata.normalize("NFD", " ".join(value.split()))
    return "".join(c for c in parts if unicodedata.category(c) != "Mn").casefold()
