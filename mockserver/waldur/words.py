"""Compare the words that people search with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from mockserver.json_types import JSON, Record


def contains(text: JSON, wanted: str) -> bool:
    """Tell whether a text contains another, whatever the letter case."""
    return text is not None and wanted.casefold() in str(text).casefold()


def any_contains(record: Record, fields: Iterable[str], wanted: str) -> bool:
    """Tell whether one of the fields contains the text."""
    return any(contains(record[field], wanted) for field in fields)


def fold(text: str) -> str:
    """Drop letter case, accents and repeated blanks."""
    plain = unicodedata.normalize("NFKD", " ".join(text.split()))
    return "".join(each for each in plain if not unicodedata.combining(each)).casefold()


def full_name_contains(user: Record, wanted: str) -> bool:
    """Tell whether the folded full name of a user contains the folded text."""
    return fold(wanted) in fold(f"{user['first_name']} {user['last_name']}")


def listed(value: JSON) -> frozenset[str]:
    """Return the members of a comma list, or of a repeated parameter."""
    parts = value.split(",") if isinstance(value, str) else value
    return frozenset(str(part).strip() for part in parts) - {""}
