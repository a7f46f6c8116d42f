"""Write request bodies from their schemas: valid ones, from what is known of the server."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from contract_tests.edges import edges, invalid
from contract_tests.lab import Lab
from contract_tests.patterns import text_of
from contract_tests.references import admits_all, known, reference_of
from contract_tests.subject import Shown
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation, Resource, Schema, format_of, is_nullable, types_of

__all__ = [
    "Wish",
    "admits_all",
    "body",
    "edges",
    "invalid",
    "primary",
    "required",
    "steps",
    "valid",
]

_DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a body should be like.

    Other variants have other values; without `optional`, only what is required is
    there; `avoid` names what is left out, `record` shows the record that is written to.
    """

    variant: int = 0
    optional: bool = True
    avoid: Collection[str] = ()
    record: Mapping[str, Any] | None = None


def valid(
    lab: Lab,
    world: World,
    operation: Operation,
    *,
    variant: int = 0,
    optional: bool = True,
    avoid: Collection[str] = (),
) -> dict[str, Any]:
    """Return a body that the schema of an operation admits; {} when it has none."""
    return body(lab, world, operation, Wish(variant, optional, avoid))


def body(lab: Lab, world: World, operation: Operation, wish: Wish) -> dict[str, Any]:
    """Return a valid body to one's wishes; what nothing is known for is left out."""
    schema = lab.subject.body_schema(operation)
    if schema is None:
        return {}
    return _Writer(lab, world, lab.subject.resource(operation), wish).members(schema, depth=0)


def required(lab: Lab, schema: Schema) -> set[str]:
    """Return the properties that an object must have, `allOf` included."""
    found = set(schema.get("required") or ())
    for part in schema.get("allOf") or ():
        found |= required(lab, lab.subject.resolve(part))
    return found


def primary(schema: Schema) -> str:
    """Return the type that a value is best sent as: the first that is not null."""
    kinds = [kind for kind in types_of(schema) if kind != "null"]
    if kinds:
        return kinds[0]
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    return "array" if "items" in schema else "string" if "null" not in types_of(schema) else "null"


def steps(schema: Schema) -> dict[str, Any]:
    """Return what `x-normalize` says, as a table from step to its argument."""
    said = schema.get("x-normalize") or ()
    found: dict[str, Any] = {}
    for step in [said] if isinstance(said, (str, Mapping)) else said:
        found.update(step if isinstance(step, Mapping) else {step: True})
    return found


@dataclass(frozen=True, slots=True)
class _Writer:
    lab: Lab
    world: World
    resource: Resource | None
    wish: Wish

    def members(self, schema: Schema, *, depth: int) -> dict[str, Any]:
        must = required(self.lab, schema)
        found = {}
        for name, declared in self.lab.subject.properties(schema).items():
            is_left = not self.wish.optional and name not in must
            if declared.get("readOnly") or (not depth and (is_left or name in self.wish.avoid)):
                continue
            value = self.value(name, declared, depth)
            if value is not ABSENT:
                found[name] = value
        return found

    def value(self, name: str, schema: Schema, depth: int) -> Any:
        """Return a value of a schema; ABSENT when none is known."""
        if admits_all(schema) or format_of(schema) == "binary" or depth > _DEPTH:
            return ABSENT
        if "const" in schema:
            return schema["const"]
        if words := [word for word in schema.get("enum") or () if word is not None]:
            return _other_than(words, schema.get("default"), self.wish.variant)
        kind = primary(schema)
        if kind == "array":
            return self._array(name, schema, depth)
        return self._single(name, schema, kind, depth)

    def _single(self, name: str, schema: Schema, kind: str, depth: int) -> Any:
        reference = reference_of(self.lab.subject, self.resource, name, schema)
        if reference is not None:
            found = known(self.lab, self.world, reference)
            return found[self.wish.variant % len(found)] if found else ABSENT
        if isinstance(schema.get("x-from"), Mapping) or kind == "null":
            return ABSENT
        if kind == "object":
            return self._object(name, schema, depth)
        return self.scalar(name, schema, kind)

    def _array(self, name: str, schema: Schema, depth: int) -> Any:
        items = dict(self.lab.subject.resolve(schema.get("items") or {}))
        if "x-from" in schema:
            items.setdefault("x-from", schema["x-from"])
        longest = schema.get("maxItems", 2)
        count = max(schema.get("minItems", 0), min(longest, 1 + self.wish.variant % 2))
        found: list[Any] = []
        for index in range(count):
            inner = replace(self, wish=replace(self.wish, variant=self.wish.variant + index))
            value = inner.value(name, items, depth + 1)
            if value is not ABSENT and value not in found:
                found.append(value)
        return found if len(found) >= schema.get("minItems", 0) else ABSENT

    def _object(self, name: str, schema: Schema, depth: int) -> Any:
        if self.lab.subject.properties(schema):
            return self.members(schema, depth=depth + 1)
        rest = self.lab.subject.resolve(schema.get("additionalProperties"))
        if not isinstance(rest, Mapping):
            return {}
        found = {}
        for index, key in enumerate(keys_of_map(name, self.wish.record)):
            inner = replace(self, wish=replace(self.wish, variant=self.wish.variant + index))
            value = inner.value("", rest, depth + 1)
            if value is not ABSENT:
                found[key] = value
        return found

    def scalar(self, name: str, schema: Schema, kind: str) -> Any:
        """Return a boolean, number or text."""
        variant, form = self.wish.variant, format_of(schema)
        if kind == "boolean":
            return (not schema.get("default", False)) is (variant % 2 == 0)
        if form == "decimal" or "decimal" in steps(schema):
            return _decimal(schema, variant)
        if kind in ("integer", "number"):
            return _number(schema, variant, is_whole=kind == "integer")
        if form in _FORMATS:
            return _FORMATS[form].format(day=10 + variant % 18, unique=self.lab.unique())
        if form == "uuid":
            return f"{self.lab.random.getrandbits(128):032x}"
        return self._text(name, schema)

    def _text(self, name: str, schema: Schema) -> Any:
        longest = schema.get("maxLength", 200)
        unique = self.lab.unique()
        for start in (f"{name.title()} {unique}", unique):
            cased = start.lower() if "lower" in steps(schema) else start
            text = cased.ljust(schema.get("minLength", 0), "x")
            if len(text) <= longest and re.search(schema.get("pattern", ""), text):
                return text
        if "pattern" in schema:
            number = self.lab.random.getrandbits(48)
            found = text_of(schema["pattern"], number)
            return ABSENT if found is None or len(found) > longest else found
        return unique[-longest:] if longest else ""


#: Values by format; instants are far enough ahead to be in the future for long.
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2041-05-{day}",
    "date-time": "2041-05-{day}T10:20:30Z",
    "time": "10:20:{day}",
    "email": "{unique}@example.org",
    "uri": "https://example.org/{unique}",
    "hostname": "{unique}.example.org",
    "ipv4": "192.0.2.{day}",
}


def keys_of_map(name: str, record: Mapping[str, Any] | None) -> list[str]:
    """Return keys that a table may have: those that the record shows in a table of that name."""
    shown = (record or {}).get(name)
    if isinstance(shown, Mapping):
        return list(shown)
    tables = [value for value in (record or {}).values() if isinstance(value, Mapping) and value]
    return list(tables[0]) if tables else []


def _other_than(words: list[Any], default: Any, variant: int) -> Any:
    """Return a word, the default last, so that a lost one shows."""
    ranked = [word for word in words if word != default] + [w for w in words if w == default]
    return ranked[variant % len(ranked)]


def _decimal(schema: Schema, variant: int) -> str | int:
    rule = steps(schema).get("decimal") or {}
    places = rule.get("places", 2)
    fraction = "3456789012"[:places].ljust(places, "1")
    whole = Decimal(schema.get("minimum", 0)) + 12 + variant
    highest = schema.get("maximum", schema.get("exclusiveMaximum"))
    if highest is not None and whole + 1 > Decimal(str(highest)):
        whole = Decimal(schema.get("minimum", 0))
        fraction = "0" * places
    return f"{int(whole)}.{fraction}" if places else str(int(whole))


def _number(schema: Schema, variant: int, *, is_whole: bool) -> int | float:
    low, high = bounds(schema, is_whole=is_whole)
    step = schema.get("multipleOf") or 1
    span = (high - low) // step if is_whole else high - low
    offset = (7 + 3 * variant) % (span + 1) if is_whole else min(span, 7.25 + 3 * variant)
    found = low + offset * step
    if found == schema.get("default"):
        found = found + step if found + step <= high else low
    return int(found) if is_whole else float(found)


def bounds(schema: Schema, *, is_whole: bool) -> tuple[Any, Any]:
    """Return the least and the greatest value of a number, wide ones where none are declared."""
    low = schema.get("minimum")
    high = schema.get("maximum")
    one = 1 if is_whole else 0.5
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + one
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - one
    if low is None:
        low = 0 if high is None or high >= 0 else high - 100
    return low, low + 1000 if high is None else high


def other_value(lab: Lab, world: World, shown: Shown) -> Any:
    """Return a value that a property could show, and no record has; ABSENT when unsure."""
    kind, form = primary(shown.schema), format_of(shown.schema)
    if kind == "boolean" or "enum" in shown.schema or kind in ("object", "array", "null"):
        # Any value may be the right one already.
        return ABSENT
    if shown.source == "link" or form == "uri":
        return f"{lab.client.transport.base_url}/{lab.unique()}/"
    if form == "date-time":
        return "1987-06-05T04:03:02Z"
    if "pattern" in shown.schema and kind == "string" and form != "uuid":
        found = text_of(shown.schema["pattern"], lab.random.getrandbits(48))
        return ABSENT if found is None else found
    return _Writer(lab, world, None, Wish(variant=5)).scalar(shown.name, shown.schema, kind)


def nullable(schema: Schema) -> bool:
    """Tell whether null is a value of a property."""
    return is_nullable(schema) and not admits_all(schema)
