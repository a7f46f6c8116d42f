"""Values at the edge of a schema, and values beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from contract_tests.oracle import is_uuid, plain
from contract_tests.subject import Subject
from mockserver.operation import Schema, format_of, is_nullable, types_of

#: What often goes wrong on the way to a database and back: blanks inside, quotes, wildcards,
#: letters beyond ASCII, of other scripts and beyond the basic plane, combined accents.
_TEXTS: Final = (
    "two  blanks", "50% _under_ \\back", "O'Neil \"quoted\"", "Ünïcødé ß İ", "漢字かな", "עברית",
    "🙂 astral \U0001d4b3", "e\u0301 a\u0308", "0", "null", "true", "-1", "007",
)  # fmt: skip
_LARGE: Final = (2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1)
_LONGEST: Final = 5000


def edges(schema: Schema) -> list[Any]:
    """
    Return the values at the edge of what a schema of one value admits.

    Only values that come back as they are sent: not those that `x-normalize` changes.
    """
    if "enum" in schema or "const" in schema:
        found = [word for word in schema.get("enum", [schema.get("const")]) if word is not None]
    else:
        found = list(_edges(schema))
    if is_nullable(schema):
        found.append(None)
    return found


def _edges(schema: Schema) -> Iterator[Any]:
    kinds = [kind for kind in types_of(schema) if kind != "null"]
    kind, form = (kinds[0] if kinds else ""), format_of(schema)
    steps = repr(schema.get("x-normalize", ""))
    if isinstance(schema.get("x-from"), Mapping) or "object" in kinds or form == "binary":
        return
    if kind == "boolean":
        yield from (True, False)
    elif form == "decimal" or "decimal" in steps:
        yield from _decimals(schema)
    elif kind in ("integer", "number"):
        yield from _numbers(schema)
    elif form in ("date", "date-time"):
        tail = "T23:59:59Z" if form == "date-time" else ""
        yield from (f"{day}{tail}" for day in ("2024-02-29", "1999-12-31", "2099-01-01"))
    elif kind == "array" and not schema.get("minItems"):
        yield []
    elif kind == "string" and not form:
        yield from _texts(schema, steps)


def _numbers(schema: Schema) -> Iterator[int | float]:
    low, high = schema.get("minimum"), schema.get("maximum")
    is_whole = types_of(schema)[0] == "integer"
    candidates = [low, high, 0, 1, -1, *(_LARGE if high is not None else _LARGE[:1])]
    if not is_whole:
        candidates += [0.5, 0.1]
    seen = set()
    for number in candidates:
        if number is None or number in seen or not _is_within(number, schema):
            continue
        seen.add(number)
        yield number


def _is_within(number: float, schema: Schema) -> bool:
    return (
        number >= schema.get("minimum", number)
        and number <= schema.get("maximum", number)
        and number > schema.get("exclusiveMinimum", number - 1)
        and number < schema.get("exclusiveMaximum", number + 1)
        and not (schema.get("multipleOf") and number % schema["multipleOf"])
    )


def _decimals(schema: Schema) -> Iterator[str]:
    said = schema.get("x-normalize") or ()
    rules = [
        s["decimal"] for s in ([said] if isinstance(said, Mapping) else said) if "decimal" in s
    ]
    if not rules:
        return
    digits, places = rules[0]["digits"], rules[0]["places"]
    whole = digits - places
    zero = "." + "0" * places if places else ""
    yield f"0{zero}"
    if places:
        yield f"0.{'0' * (places - 1)}1"
        yield f"{'9' * whole}.{'9' * places}"
        yield f"1234567.{'8901234567890'[:places].ljust(places, '1')}"


def _texts(schema: Schema, steps: str) -> Iterator[str]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength", 0)
    candidates = ["", *_TEXTS]
    if longest is not None and longest <= _LONGEST:
        candidates += ["x" * (longest - 1) + "y", "ü" * (longest - 1) + "y"]
    if shortest:
        candidates.append("z" * shortest)
    pattern = schema.get("pattern", "")
    for text in candidates:
        told = text.lower() if "lower" in steps else text
        is_long = longest is not None and len(told) > longest
        if is_long or len(told) < shortest or not re.search(pattern, told):
            continue
        # A server that cuts off blanks or lowers letters need not keep what looks alike.
        if "lower" in steps and not told.isascii():
            continue
        yield told


# Beyond the edge


def invalid(
    schema: Schema, subject: Subject | None = None, *, is_lenient: bool = True
) -> list[tuple[str, Any]]:
    """
    Return values that a schema refuses for sure, each with what is wrong with it.

    A server that reads bodies leniently takes more than JSON types say; what it might
    read is left out then. `subject` resolves references inside.
    """
    if subject is not None:
        is_lenient = subject.conventions.get("input", "lenient") == "lenient"
    validator = _validator(schema, subject)
    found: list[tuple[str, Any]] = []
    for label, value in _wrong(schema, is_lenient=is_lenient):
        is_repeated = any(value == other and type(value) is type(other) for _, other in found)
        if not is_repeated and not validator.is_valid(value):
            found.append((label, value))
    return found


def _validator(schema: Schema, subject: Subject | None) -> Any:
    components = subject.document.get("components", {}) if subject else {}
    return jsonschema_rs.Draft202012Validator(
        plain({"components": {"schemas": components.get("schemas", {})}, "allOf": [schema]}),
        validate_formats=True,
        formats={"uuid": is_uuid, "decimal": lambda value: True, "binary": lambda value: True},
    )


def _wrong(schema: Schema, *, is_lenient: bool) -> Iterator[tuple[str, Any]]:
    kinds, form = types_of(schema), format_of(schema)
    if not kinds and "enum" not in schema:
        return
    is_media = isinstance(schema.get("x-from"), Mapping) and "media" in schema["x-from"]
    if is_media or form == "binary":
        return
    yield "null", None
    if "object" in kinds or "array" in kinds:
        yield "a text", "unexpected"
        yield "a number", 1
    yield from _wrong_scalars(schema, is_lenient=is_lenient)
    if form in _MALFORMED:
        yield from ((f"a malformed {form}", text) for text in _MALFORMED[form])
    yield "an object", {"unexpected": 1}
    yield "a list", ["unexpected"]


#: Nothing that a lenient reader could take for a value of the format.
_MALFORMED: Final[Mapping[str, tuple[str, ...]]] = {
    "uuid": ("no-identity", "0123456789abcdef"),
    "date": ("2024-02-30", "tomorrow"),
    "date-time": ("2024-02-30T10:00:00Z", "tomorrow"),
}


def _wrong_scalars(schema: Schema, *, is_lenient: bool) -> Iterator[tuple[str, Any]]:
    kinds = set(types_of(schema)) | ({"string"} if "enum" in schema else set())
    if "enum" in schema:
        yield "a word that is not listed", "no-such-word"
    if "boolean" in kinds:
        yield "a word that is no boolean", "maybe"
        yield "a number that is no boolean", 7
    elif kinds & {"integer", "number", "string"}:
        yield "a boolean", True
    if "enum" in schema or "boolean" in kinds:
        return
    if kinds & {"integer", "number"}:
        yield from _wrong_numbers(schema, kinds)
    if "string" in kinds:
        yield from _wrong_texts(schema)
        # Digits are text, and even an identity, to a lenient reader.
        if not is_lenient:
            yield "a number", 5
    elif not is_lenient and kinds & {"integer", "number"}:
        yield "digits as text", "5"


def _wrong_numbers(schema: Schema, kinds: set[str]) -> Iterator[tuple[str, Any]]:
    is_whole = "number" not in kinds
    if "minimum" in schema:
        yield "less than the minimum", schema["minimum"] - 1
    if "maximum" in schema:
        yield "more than the maximum", schema["maximum"] + 1
    if "exclusiveMinimum" in schema:
        yield "as little as the excluded minimum", schema["exclusiveMinimum"]
    if "exclusiveMaximum" in schema:
        yield "as much as the excluded maximum", schema["exclusiveMaximum"]
    if is_whole:
        yield "a fraction", 1.5
    yield "a word that is no number", "many"


def _wrong_texts(schema: Schema) -> Iterator[tuple[str, Any]]:
    if isinstance(schema.get("x-from"), Mapping):
        return
    if schema.get("minLength"):
        yield "an empty text", ""
    longest = schema.get("maxLength")
    if longest is not None:
        yield "a text that is too long", "x" * (longest + 1)
    if "pattern" in schema:
        yield "a text with a NUL character", "a\0b"
        yield "a text of another pattern", "~!~"
        yield "blanks", "   "
