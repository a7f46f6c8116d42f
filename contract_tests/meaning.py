"""What filters and orders mean, told from the values that answers show."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from contract_tests.wire import ABSENT
from mockserver.operation import Schema, format_of, types_of

#: How values are compared: uuid, text, boolean, number, instant or date.
Kind: TypeAlias = str
#: One comparison: {"at": pointer | [pointers], "lookup", "value", "kind"}, or {"any": [tests]}.
Test: TypeAlias = Mapping[str, Any]
#: One key of an order: {"at", "kind", "desc", "nulls", "collation"}; with "table", a list of
#: [shown, value], what is compared is the value that goes with what is shown.
OrderKey: TypeAlias = Mapping[str, Any]

_TRUE: Final = frozenset({"true", "1"})


def kind_of(schema: Schema) -> Kind:
    """Return how values of a schema are compared."""
    types, form = types_of(schema), format_of(schema)
    if "array" in types:
        return kind_of(schema.get("items") or {})
    if "boolean" in types:
        return "boolean"
    if {"integer", "number"} & set(types) or form == "decimal":
        return "number"
    return {"uuid": "uuid", "date": "date", "date-time": "instant"}.get(form, "text")


def point(value: Any, pointer: str) -> Any:
    """
    Return what a JSON pointer leads to; ABSENT when it leads nowhere.

    A list in the middle of the way fans out, and the result is a list.
    """
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(name, ABSENT)
        elif isinstance(value, list) and name.isdigit():
            value = value[int(name)] if int(name) < len(value) else ABSENT
        elif isinstance(value, list):
            value = [found for each in value if (found := point(each, f"/{step}")) is not ABSENT]
        else:
            return ABSENT
    return value


def read(value: Any, kind: Kind) -> Any:
    """Return a shown (or asked) value as something that compares; raise ValueError."""
    if kind == "uuid":
        return _uuid(str(value))
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() in _TRUE
    if kind == "number":
        return _number(value)
    if kind == "instant":
        return _instant(str(value))
    if kind == "date":
        return date.fromisoformat(str(value)[:10])
    return str(value)


def _uuid(text: str) -> str:
    return text.replace("-", "").lower()


def _number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value)) if not isinstance(value, bool) else Decimal(int(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if not found.is_finite():
        raise ValueError(f"{value!r} is no number")
    return found


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_LOOKUPS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "exact": lambda shown, wanted: bool(shown == wanted),
    "in": lambda shown, wanted: bool(shown == wanted),
    "iexact": lambda shown, wanted: str(shown).casefold() == str(wanted).casefold(),
    "contains": lambda shown, wanted: str(wanted) in str(shown),
    "icontains": lambda shown, wanted: str(wanted).casefold() in str(shown).casefold(),
    "folded": lambda shown, wanted: plain(str(wanted)) in plain(str(shown)),
    "startswith": lambda shown, wanted: str(shown).startswith(str(wanted)),
    "gt": lambda shown, wanted: bool(shown > wanted),
    "gte": lambda shown, wanted: bool(shown >= wanted),
    "lt": lambda shown, wanted: bool(shown < wanted),
    "lte": lambda shown, wanted: bool(shown <= wanted),
}


_TEXTUAL: Final = ("contains", "icontains", "iexact", "folded", "startswith")


def plain(text: str) -> str:
    """Drop letter case, accents and repeated blanks."""
    parts = unicodedata.normalize("NFKD", " ".join(text.split()))
    return "".join(each for each in parts if not unicodedata.combining(each)).casefold()


def passes(row: Any, test: Test) -> bool | None:
    """Tell whether a row passes a test; None when the row does not show enough to tell."""
    if "any" in test:
        return _some([passes(row, each) for each in test["any"]])
    if "all" in test:
        found = [passes(row, each) for each in test["all"]]
        return False if False in found else None if None in found else True
    if "not" in test:
        inner = passes(row, test["not"])
        return None if inner is None else not inner
    pointers = [test["at"]] if isinstance(test["at"], str) else list(test["at"])
    return _some([_passes(point(row, pointer), test) for pointer in pointers])


def _some(found: Sequence[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def _passes(shown: Any, test: Test) -> bool | None:
    if shown is ABSENT:
        return None
    lookup, kind = test["lookup"], test.get("kind", "text")
    if lookup == "isnull":
        is_empty = shown is None or shown == []
        return is_empty is (str(test["value"]).lower() in _TRUE or test["value"] is True)
    shown_values = shown if isinstance(shown, list) else [shown]
    wanted = test["value"] if isinstance(test["value"], list) else [test["value"]]
    textual = lookup in _TEXTUAL
    compare = _LOOKUPS[lookup]
    for each in shown_values:
        if each is None:
            continue
        for asked in wanted:
            try:
                left = each if textual else read(each, kind)
                right = asked if textual else read(asked, kind)
            except (ValueError, TypeError):
                continue
            if compare(left, right):
                return True
    return False


def order_value(shown: Any, key: OrderKey) -> tuple[int, Any]:
    """Return what a row is sorted by under one key: nulls apart, then the value."""
    is_high = key.get("nulls", "high") == "high"
    if shown is None or shown is ABSENT:
        return (1 if is_high else -1, 0)
    try:
        value = read(shown, key["kind"])
    except (ValueError, TypeError):
        value = math.inf
    if key["kind"] == "text" and key.get("collation", "casefold") == "casefold":
        value = str(shown).casefold()
    return (0, value)


def compare(left: Any, right: Any, keys: Sequence[OrderKey]) -> int:
    """
    Compare two rows by the keys of an order: negative, zero or positive.

    Zero, too, when the rows do not show enough to tell.
    """
    for key in keys:
        shown = [_ranked(point(row, key["at"]), key) for row in (left, right)]
        if any(_is_unclear(value, key) for value in shown):
            return 0
        a, b = (order_value(value, key) for value in shown)
        if a != b:
            try:
                is_less = a < b
            except TypeError:
                return 0
            return 1 if is_less is bool(key.get("desc")) else -1
    return 0


def is_clear(row: Any, key: OrderKey) -> bool:
    """Tell whether the description says where a row belongs under a key."""
    return not _is_unclear(_ranked(point(row, key["at"]), key), key)


def folded_value(row: Any, key: OrderKey) -> Any:
    """Return what any collation tells from others: of texts, the letters without their marks."""
    value = _ranked(point(row, key["at"]), key)
    if value is _UNKNOWN:
        return ABSENT
    return plain(value) if isinstance(value, str) else repr(value)


_UNKNOWN: Final = object()


def _ranked(shown: Any, key: OrderKey) -> Any:
    """Return what a row is compared by; _UNKNOWN when its table does not say."""
    if "table" not in key or shown is None or shown is ABSENT:
        return shown
    return next((value for known, value in key["table"] if known == shown), _UNKNOWN)


def _is_unclear(value: Any, key: OrderKey) -> bool:
    """Tell whether the description leaves open where a value belongs."""
    if value is _UNKNOWN or isinstance(value, (list, Mapping)):
        return True
    is_folded = key["kind"] == "text" and key.get("collation", "casefold") == "casefold"
    return is_folded and isinstance(value, str) and not value.isascii()
