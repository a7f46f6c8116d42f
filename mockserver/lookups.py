"""Read the values of a query, and compare stored ones with them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mockserver import values
from mockserver.json_types import JSON
from mockserver.operation import Field, Resource, Schema, format_of, types_of


class Unreadable(Exception):
    """A value that is not of its parameter's kind; carries the complaint."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.value = value


def _fold(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: test(str(value).casefold(), str(wanted).casefold())


def plain(text: str) -> str:
    """Drop letter case, accents and repeated blanks."""
    parts = unicodedata.normalize("NFKD", " ".join(text.split()))
    return "".join(each for each in parts if not unicodedata.combining(each)).casefold()


#: A stored value against a wanted one; null passes none of them.
LOOKUPS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "exact": lambda value, wanted: bool(value == wanted),
    "iexact": _fold(lambda value, wanted: value == wanted),
    "contains": lambda value, wanted: wanted in str(value),
    "icontains": _fold(lambda value, wanted: wanted in value),
    "folded": lambda value, wanted: plain(str(wanted)) in plain(str(value)),
    "startswith": lambda value, wanted: str(value).startswith(wanted),
    "in": lambda value, wanted: bool(value == wanted),
    "gt": lambda value, wanted: bool(value > wanted),
    "gte": lambda value, wanted: bool(value >= wanted),
    "lt": lambda value, wanted: bool(value < wanted),
    "lte": lambda value, wanted: bool(value <= wanted),
}

#: Those that look for a text, whatever the kind of the field.
TEXTUAL: Final = frozenset({"iexact", "contains", "icontains", "folded", "startswith"})

_TRUE: Final = frozenset({"true", "1", "2"})
_FALSE: Final = frozenset({"false", "0", "3"})


def _boolean(text: str) -> JSON:
    # Both flavours of boolean widget at once: 2 and 3 are the words of a
    # three-valued select (django.forms.NullBooleanSelect).
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise Unreadable("boolean", text)
    return word in _TRUE


def _uuid(text: str) -> JSON:
    found = values.read_uuid(text)
    if found is None:
        raise Unreadable("uuid", text)
    return found


def read_date(text: str) -> JSON:
    """Return a day."""
    found = values.read_date(text)
    if found is None:
        raise Unreadable("date", text)
    return found


def read_instant(text: str) -> JSON:
    """Return an instant, as it compares."""
    found = values.read_instant(text)
    if found is None:
        raise Unreadable("datetime", text)
    return values.instant_key(values.write_instant(found))


def _integer(text: str) -> JSON:
    try:
        return int(text)
    except ValueError:
        raise Unreadable("integer", text) from None


def read_number(text: str) -> JSON:
    """Return a finite number."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Unreadable("number", text)
    return found


def read_text(text: str) -> JSON:
    """Return a text without the blanks around it."""
    if "\0" in text:
        raise Unreadable("null_characters", text)
    return text.strip()


def reader(schema: Schema) -> Callable[[str], JSON]:
    """Return how a query value of this schema is read; it raises Unreadable."""
    types, form = types_of(schema), format_of(schema)
    if "boolean" in types:
        return _boolean
    if "integer" in types:
        return _integer if "enum" not in schema else _among(_integer, schema["enum"])
    if "number" in types:
        return read_number
    if "enum" in schema:
        return _choice(frozenset(str(word) for word in schema["enum"]))
    return {"uuid": _uuid, "date": read_date, "date-time": read_instant}.get(form, read_text)


def _among(read: Callable[[str], JSON], words: Sequence[JSON]) -> Callable[[str], JSON]:
    def choose(text: str) -> JSON:
        value = read(text)
        if value not in words:
            raise Unreadable("choice", text)
        return value

    return choose


def _choice(words: frozenset[str]) -> Callable[[str], JSON]:
    def read(text: str) -> JSON:
        if text not in words:
            raise Unreadable("choice", text)
        return text

    return read


def comparable(target: Field | Resource, read: Callable[[str], JSON]) -> Callable[[Any], JSON]:
    """Return how what a path ends in is put beside a value that `read` has read."""
    if isinstance(target, Resource):
        key = target.key
        return lambda record: record[key]
    form = target.schema.get("format")
    if form == "date-time":
        return values.instant_key if read is not read_date else lambda value: value[:10]
    if form == "date" and read is read_instant:
        return lambda value: values.instant_key(f"{value}T00:00:00Z")
    if form == "decimal" and read is read_number:
        return float
    return lambda value: value
