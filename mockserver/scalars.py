"""Read one scalar of a body: coerce it, then hold it against its schema.

Two manners. `lenient` takes what an HTML form could have sent: digits for a
number, `yes` for true, a number for text (as Django REST framework's serializer
fields do). `strict` takes the JSON type the schema names and no other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

import nh3

from mockserver import values
from mockserver.errors import Issue
from mockserver.json_types import JSON
from mockserver.operation import Schema, types_of

#: Made once: to put its rules together takes longer than to clean a text by them.
_CLEANER: Final = nh3.Cleaner()
#: Returns the stored value or raises Refused.
Reader: TypeAlias = Callable[[JSON], JSON]


class Refused(Exception):
    """A value that breaks its schema; carries one or more complaints."""

    def __init__(self, *issues: Issue) -> None:
        super().__init__(*(issue.code for issue in issues))
        self.issues = list(issues)


def refused(code: str, **params: Any) -> Refused:
    """Return the refusal with one complaint."""
    return Refused(Issue(f"body.{code}", params))


def compile_scalar(schema: Schema, *, is_lenient: bool) -> Reader:  # noqa: PLR0911  a table of kinds
    """Return the reader of a scalar schema; null is not its business."""
    steps = normal_steps(schema)
    if "decimal" in steps:
        return _decimal(schema, steps["decimal"])
    if "enum" in schema and "boolean" not in types_of(schema):
        return _choice(schema, is_lenient=is_lenient)
    kinds = [kind for kind in types_of(schema) if kind != "null"]
    if "boolean" in kinds:
        return _boolean if is_lenient else _only(bool, "boolean")
    if "integer" in kinds:
        return _bounded(_integer if is_lenient else _strict_integer, schema)
    if "number" in kinds and "string" not in kinds:
        return _bounded(_number if is_lenient else _strict_number, schema)
    if schema.get("format") == "uuid":
        return _uuid if is_lenient else _strict_uuid
    if schema.get("format") == "date-time":
        return _instant
    if schema.get("format") == "date":
        return _date
    if "string" in kinds:
        return _text(schema, steps, is_lenient=is_lenient)
    return lambda value: value


def normal_steps(schema: Schema) -> dict[str, Any]:
    """Return what `x-normalize` says, as a table from step to its argument."""
    said = schema.get("x-normalize") or ()
    said = [said] if isinstance(said, (str, Mapping)) else said
    steps: dict[str, Any] = {}
    for step in said:
        steps.update(step if isinstance(step, Mapping) else {step: True})
    return steps


_TRUE: Final = frozenset({"t", "y", "yes", "true", "on", "1"})
_FALSE: Final = frozenset({"f", "n", "no", "false", "off", "0"})


def _boolean(value: JSON) -> JSON:
    if isinstance(value, bool):
        return value
    word = str(int(value)) if value in (0, 1) else value
    if isinstance(word, str):
        word = word.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    raise refused("boolean")


def _only(kind: type, code: str) -> Reader:
    def read(value: JSON) -> JSON:
        if not isinstance(value, kind):
            raise refused(code)
        return value

    return read


_INTEGER: Final = re.compile(r"\s*[-+]?\d{1,1000}(\.0*)?\s*", re.ASCII)
#: Up to here a whole number is taken as it is, without a look at its digits.
_USUAL: Final = 10**18


def _integer(value: JSON) -> JSON:
    if type(value) is int and -_USUAL < value < _USUAL:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise refused("integer")
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    text = str(value)
    if len(text) > 1000:
        raise refused("string_too_large")
    if not _INTEGER.fullmatch(text):
        raise refused("integer")
    return int(text.partition(".")[0])


def _strict_integer(value: JSON) -> JSON:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused("integer")
    return value


def _number(value: JSON) -> JSON:
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise refused("number")
    return value if isinstance(value, (int, float)) else found


def _strict_number(value: JSON) -> JSON:
    if isinstance(value, str):
        raise refused("number")
    return _number(value)


def _bounded(read: Reader, schema: Schema) -> Reader:
    tests: list[tuple[str, Any, Callable[[Any, Any], bool]]] = [
        ("minimum", schema.get("minimum"), lambda v, limit: v < limit),
        ("maximum", schema.get("maximum"), lambda v, limit: v > limit),
        ("exclusive_minimum", schema.get("exclusiveMinimum"), lambda v, limit: v <= limit),
        ("exclusive_maximum", schema.get("exclusiveMaximum"), lambda v, limit: v >= limit),
    ]
    active = [(code, limit, breaks) for code, limit, breaks in tests if limit is not None]

    def bounded(value: JSON) -> JSON:
        found = read(value)
        for code, limit, breaks in active:
            if breaks(found, limit):
                raise refused(code, limit=limit)
        return found

    return bounded


def _decimal(schema: Schema, rule: Mapping[str, int]) -> Reader:
    digits, places = rule["digits"], rule["places"]
    unit, context = Decimal(1).scaleb(-places), Context(prec=digits + 1)
    minimum, maximum = schema.get("minimum"), schema.get("maximum")

    def read(value: JSON) -> JSON:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise refused("number")
        text = str(value).strip()
        if len(text) > 1000:
            raise refused("string_too_large")
        try:
            found = Decimal(text)
        except InvalidOperation:
            raise refused("number") from None
        if not found.is_finite() or "_" in text:
            raise refused("number")
        _check_digits(found, digits, places)
        if minimum is not None and found < minimum:
            raise refused("minimum", limit=minimum)
        if maximum is not None and found > maximum:
            raise refused("maximum", limit=maximum)
        exact = found.quantize(unit, context=context)
        return format(exact or exact.copy_abs(), "f")

    return read


def _check_digits(value: Decimal, digits: int, places: int) -> None:
    _, figures, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if exponent >= 0:
        total = whole = len(figures) + exponent if value else 1
        decimals = 0
    elif len(figures) > -exponent:
        total, decimals = len(figures), -exponent
        whole = total - decimals
    else:
        total = decimals = -exponent
        whole = 0
    if total > digits:
        raise refused("max_digits", limit=digits)
    if decimals > places:
        raise refused("max_decimal_places", limit=places)
    if whole > digits - places:
        raise refused("max_whole_digits", limit=digits - places)


def _choice(schema: Schema, *, is_lenient: bool) -> Reader:
    words = [word for word in schema["enum"] if word is not None]
    spelled = {str(word): word for word in words} if is_lenient else {}

    def read(value: JSON) -> JSON:
        if any(type(value) is type(word) and value == word for word in words):
            return value
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value) in spelled:
            return spelled[str(value)]
        raise refused("choice", value=value if isinstance(value, str) else _spelled(value))

    return read


def _spelled(value: JSON) -> str:
    return str(value) if not isinstance(value, (dict, list)) else repr(value)


def _uuid(value: JSON) -> JSON:
    found = None
    if isinstance(value, str):
        found = values.read_uuid(value)
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 128:
        found = f"{value:032x}"
    if found is None:
        raise refused("uuid")
    return found


def _strict_uuid(value: JSON) -> JSON:
    if not isinstance(value, str):
        raise refused("uuid")
    return _uuid(value)


def _instant(value: JSON) -> JSON:
    found = values.read_instant(value) if isinstance(value, str) and value.strip() else None
    if found is None:
        raise refused("datetime")
    return values.write_instant(found)


def _date(value: JSON) -> JSON:
    found = values.read_date(value) if isinstance(value, str) else None
    if found is None:
        raise refused("date")
    return found


def _text(schema: Schema, steps: Mapping[str, Any], *, is_lenient: bool) -> Reader:
    allows_blank = not schema.get("minLength")
    tests = list(_text_tests(schema))
    is_trimmed, is_html, is_lower = ("trim" in steps, "html" in steps, "lower" in steps)

    def read(value: JSON) -> JSON:
        if isinstance(value, str):
            text = value
        elif is_lenient and isinstance(value, (int, float)) and not isinstance(value, bool):
            text = str(value)
        else:
            raise refused("string")
        if not text.isascii() and _has_surrogate(text):
            raise refused("surrogate", codepoint=_surrogate(text))
        if is_trimmed:
            text = text.strip()
        if not text and not allows_blank:
            raise refused("blank")
        if issues := [issue for test in tests if (issue := test(text))]:
            raise Refused(*issues)
        if is_html:
            text = _CLEANER.clean(text)
        return text.lower() if is_lower else text

    return read


def _text_tests(schema: Schema) -> Iterable[Callable[[str], Issue | None]]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    pattern = re.compile(schema["pattern"]) if "pattern" in schema else None
    yield lambda text: Issue("body.null_characters") if "\0" in text else None
    if longest is not None:
        limit = Issue("body.max_length", {"limit": longest})
        yield lambda text: limit if len(text) > longest else None
    if shortest is not None:
        least = Issue("body.min_length", {"limit": shortest})
        yield lambda text: least if 0 < len(text) < shortest else None
    if pattern is not None:
        odd = Issue("body.pattern")

        def test(text: str) -> Issue | None:
            # A NUL has a complaint of its own; that it breaks the pattern too is no news.
            plain = text.replace("\0", "")
            return odd if plain and not pattern.search(plain) else None

        yield test


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _surrogate(text: str) -> str:
    return next(f"{ord(c):X}" for c in text if "\ud800" <= c <= "\udfff")
