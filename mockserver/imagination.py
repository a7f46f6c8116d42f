"""Make values that a schema admits, whole objects with all their references included."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from random import Random
from typing import Any, Final

from rstr.xeger import Xeger

from mockserver import factory
from mockserver.compiler import resolve
from mockserver.drafts import Fake, plain
from mockserver.json_types import JSON
from mockserver.operation import Schema, is_nullable, types_of

#: From here on only what is required is made, so that schemas that hold themselves end.
_DEEP: Final = 6
_DEEPEST: Final = 12
#: And as soon as one answer has so many values; with three times as many it ends.
_PLENTY: Final = 1_000
_LONGEST_CHAIN: Final = 32
_TRIES: Final = 30
#: How often something that may be null is null, in lively answers.
_NULL_SHARE: Final = 0.15
_UNSUITABLE: Final = object()
#: Where of two bounds the greater one holds, and where the smaller one.
_TIGHTER: Final = {
    "minimum": max, "exclusiveMinimum": max, "minLength": max, "minItems": max,
    "minProperties": max, "maximum": min, "exclusiveMaximum": min, "maxLength": min,
    "maxItems": min, "maxProperties": min,
}  # fmt: skip
_KINDS: Final[Mapping[type, str]] = {
    bool: "boolean", int: "integer", float: "number", str: "string",
    list: "array", dict: "object", type(None): "null",
}  # fmt: skip


class Imagination:
    """
    A maker of values for the schemas of one document.

    A quiet one takes examples, defaults and the first of several choices; a lively one
    draws everything. `resource` is the kind of record that the schema shows: its record
    schema tells with `x-faker` how believable values look.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        fake: Fake,
        midnight: datetime,
        *,
        is_lively: bool,
        resource: str,
    ) -> None:
        self._document = document
        self._fake = fake
        self._chance: Random = fake.random
        self._midnight = midnight
        self._is_lively = is_lively
        self._resource = resource
        self._made = 0

    def make(self, schema: Schema) -> JSON:
        """Return a value that the schema admits."""
        return self._make(schema, 0, self._record(self._resource), None)

    def _make(self, raw: Schema, depth: int, record: Schema | None, hint: Schema | None) -> JSON:
        """`record` is the record schema behind the value, `hint` that of the one field."""
        self._made += 1
        schema = self.merged(raw)
        value = self._fixed(schema)
        if value is not _UNSUITABLE:
            return value
        kind = _kind(schema)
        if kind == "null" or self._is_over(depth) or self._is_left_out(schema):
            return None
        if kind == "object":
            return self._object(schema, depth, record)
        if kind == "array":
            return self._array(schema, depth, record)
        value = self._told(schema, hint)
        return self._scalar(schema, kind) if value is _UNSUITABLE else value

    def _is_over(self, depth: int) -> bool:
        """Tell whether there is no end to be expected, whatever the schema requires."""
        return depth > _DEEPEST or self._made > 3 * _PLENTY

    def _is_left_out(self, schema: Schema) -> bool:
        """Tell whether a value that may be null is null this time."""
        may_be = self._is_lively and "type" in schema and is_nullable(schema)
        return may_be and self._chance.random() < _NULL_SHARE

    def _scalar(self, schema: Schema, kind: str) -> JSON:
        return self._text(schema) if kind == "string" else self._number(schema, kind)

    def merged(self, raw: Schema, depth: int = 0) -> dict[str, Any]:
        """Return a schema with its reference followed, all of `allOf` and one choice in it."""
        found = resolve(self._document, raw)
        # True admits everything; nothing that false stands for is ever asked for.
        schema = dict(found) if isinstance(found, Mapping) else {}
        parts = list(schema.pop("allOf", ()))
        for key in ("anyOf", "oneOf"):
            choices = schema.pop(key, ())
            wanted = [c for c in choices if not _is_null(resolve(self._document, c))]
            # The first one: what is complete comes before what is cut (docs/adr/0004).
            parts += (wanted or choices)[:1]
        if depth < _LONGEST_CHAIN:
            for part in parts:
                schema = _both(schema, self.merged(part, depth + 1))
        return schema

    def _fixed(self, schema: Schema) -> JSON:
        if "const" in schema:
            return plain(schema["const"])
        if not self._is_lively:
            for given in ("example", "default"):
                if given in schema and _fits(schema, schema[given]):
                    return plain(schema[given])
            examples = schema.get("examples") or ()
            if examples:
                return plain(examples[0])
        allowed = [value for value in schema.get("enum") or () if _fits(schema, value)]
        if not allowed:
            return _UNSUITABLE
        present = [value for value in allowed if value is not None] or allowed
        return plain(self._chance.choice(allowed) if self._is_lively else present[0])

    def _object(self, schema: Schema, depth: int, record: Schema | None) -> JSON:
        declared = schema.get("properties") or {}
        required = schema.get("required") or ()
        rest = schema.get("additionalProperties", True)
        rest = rest if isinstance(rest, Mapping) else {}
        made = {}
        for name, part in declared.items():
            if name in required or (not self._is_deep(depth) and not self._is_hidden(part)):
                behind, hint = self._behind(part, name, record)
                made[name] = self._make(part, depth + 1, behind, hint)
        for name in required:
            if name not in made:
                made[name] = self._make(rest, depth + 1, None, None)
        least = schema.get("minProperties", 0)
        if rest and not self._is_deep(depth):
            least = max(least, 1)
        for name in self._names(schema.get("propertyNames") or {}):
            if len(made) >= least:
                break
            made.setdefault(name, self._make(rest, depth + 1, None, None))
        return made

    def _is_deep(self, depth: int) -> bool:
        return depth >= _DEEP or self._made >= _PLENTY

    def _is_hidden(self, part: Schema) -> bool:
        schema = resolve(self._document, part)
        return isinstance(schema, Mapping) and bool(schema.get("writeOnly"))

    def _names(self, schema: Schema) -> Iterator[str]:
        for number in range(_TRIES):
            said = self._make(schema, _DEEP, None, None) if schema else None
            yield said if isinstance(said, str) else f"{self._fake.word()}{number or ''}"

    def _array(self, schema: Schema, depth: int, record: Schema | None) -> JSON:
        items = schema.get("items", {})
        first = list(schema.get("prefixItems") or ())
        made = [self._make(part, depth + 1, None, None) for part in first]
        if items is False:
            return made
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, 3))
        wanted = least
        if not self._is_deep(depth):
            wanted = max(least, min(1, most))
            if self._is_lively:
                wanted = self._chance.randint(least, max(least, min(most, least + 3)))
        for _ in range(_TRIES + wanted):
            if len(made) >= wanted:
                break
            item = self._make(items if isinstance(items, Mapping) else {}, depth + 1, record, None)
            if not (schema.get("uniqueItems") and item in made):
                made.append(item)
        return made

    def _number(self, schema: Schema, kind: str) -> JSON:
        bare = {name: value for name, value in schema.items() if name not in _GIVEN}
        high = bare.get("maximum", bare.get("exclusiveMaximum"))
        if high is not None and high < 0 and not {"minimum", "exclusiveMinimum"} & bare.keys():
            bare["minimum"] = high - 100
        return factory.invent({**bare, "type": kind}, self._fake, self._midnight)

    def _text(self, schema: Schema) -> JSON:
        bare = {name: value for name, value in schema.items() if name not in _GIVEN}
        text: JSON = ""
        for _ in range(_TRIES):
            text = factory.invent({**bare, "type": "string"}, self._fake, self._midnight)
            if _fits(schema, text):
                return text
            if "pattern" not in schema:
                return text[: schema.get("maxLength", len(text))]
            try:
                text = _Patterned(self._chance).xeger(str(schema["pattern"]))
            except (re.error, KeyError, ValueError, IndexError, OverflowError):
                # Expressions of other languages that ours does not know.
                return text
            if _fits(schema, text):
                return text
        return text

    # What records tell of the values that are shown of them

    def _told(self, schema: Schema, hint: Schema | None) -> JSON:
        """Return what `x-faker` makes, of the schema or of the field behind it."""
        spelled = schema.get("x-faker", (hint or {}).get("x-faker"))
        if spelled is None:
            return _UNSUITABLE
        single = isinstance(spelled, Mapping) and len(spelled) == 1
        name, options = next(iter(spelled.items())) if single else (spelled, {})
        provider = getattr(self._fake, str(name), None)
        if not callable(provider) or not isinstance(options, Mapping):
            return _UNSUITABLE
        try:
            value = plain(provider(**options))
        except (TypeError, ValueError, AttributeError):
            return _UNSUITABLE
        if isinstance(value, str) and "maxLength" in schema:
            value = value[: schema["maxLength"]].rstrip()
        return value if _fits(schema, value) else _UNSUITABLE

    def _record(self, resource: str) -> Schema | None:
        schemas = (self._document.get("components") or {}).get("schemas") or {}
        for schema in schemas.values():
            if isinstance(schema, Mapping) and resource:
                declared = schema.get("x-resource")
                if isinstance(declared, Mapping) and declared.get("name") == resource:
                    return schema
        return None

    def _behind(
        self, part: Schema, name: str, record: Schema | None
    ) -> tuple[Schema | None, Schema | None]:
        """Return the record that a property leads to, and the field that it shows, if any."""
        schema = resolve(self._document, part)
        source = schema.get("x-from", name) if isinstance(schema, Mapping) else name
        if record is None or not isinstance(source, str):
            return None, None
        *relations, last = source.split(".")
        for relation in relations:
            record = self._related(record, relation)
            if record is None:
                return None, None
        field = (record.get("properties") or {}).get(last)
        hint = resolve(self._document, field) if field is not None else None
        return self._related(record, last), hint

    def _related(self, record: Schema, relation: str) -> Schema | None:
        relations = record["x-resource"].get("relations") or {}
        declared = relations.get(relation) or {}
        return self._record(declared.get("to") or declared.get("of") or "")


#: Members that give a value outright: what is drawn must not come from them.
_GIVEN: Final = frozenset({"default", "example", "examples", "const", "enum"})


class _Patterned(Xeger):
    """Texts that match a pattern, short ones, and the same ones for the same chance."""

    def _handle_in(self, value: Any) -> Any:
        parts = [self._handle_state(part) for part in value]
        is_negated = parts[0] == [False]
        named = {char for part in parts[is_negated:] for char in part}
        if not is_negated:
            return self._random.choice(sorted(named))
        # The order of a set changes from one process to the next.
        return self._random.choice(sorted(_PRINTABLE - named) or ["~"])

    def _handle_repeat(self, start_range: int, end_range: int, value: Any) -> str:
        return super()._handle_repeat(start_range, min(end_range, start_range + 8), value)


_PRINTABLE: Final = frozenset(map(chr, range(32, 127)))


def _kind(schema: Schema) -> str:
    kinds = types_of(schema)
    present = [kind for kind in kinds if kind != "null"]
    if kinds:
        return present[0] if present else "null"
    if any(key in schema for key in ("properties", "additionalProperties", "minProperties")):
        return "object"
    if any(key in schema for key in ("items", "prefixItems", "minItems")):
        return "array"
    return "number" if {"minimum", "maximum", "multipleOf"} & schema.keys() else "string"


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and types_of(schema) == ("null",)


def _fits(schema: Schema, value: JSON) -> bool:
    """Tell whether a scalar has the type, the length and the pattern that a schema wants."""
    kind = _KINDS.get(type(value), "")
    kinds = types_of(schema)
    if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds):
        return isinstance(value, Mapping) and "object" in kinds
    if not isinstance(value, str):
        return True
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    try:
        return "pattern" not in schema or re.search(str(schema["pattern"]), value) is not None
    except re.error:
        return True


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that asks for what two schemas ask for."""
    found = {**other, **one}
    for key in one.keys() & other.keys():
        if key in _TIGHTER:
            found[key] = _TIGHTER[key](one[key], other[key])
        elif key == "required":
            found[key] = list(dict.fromkeys([*other[key], *one[key]]))
        elif key == "properties":
            found[key] = {
                name: {"allOf": [one[key][name], other[key][name]]}
                if name in one[key] and name in other[key]
                else {**other[key], **one[key]}[name]
                for name in {**other[key], **one[key]}
            }
        elif key == "enum":
            found[key] = [value for value in one[key] if value in other[key]]
        elif key == "type":
            kinds = [kind for kind in types_of(one) if kind in types_of(other)]
            found[key] = kinds or list(types_of(one))
    return found
