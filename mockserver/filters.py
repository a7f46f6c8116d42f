"""Keep the records a query asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from mockserver import values
from mockserver.actions import Scope
from mockserver.errors import Issue, Issues, NotFound, SpecError
from mockserver.json_types import JSON, Record
from mockserver.links import Links
from mockserver.operation import Filter, Parameter, Resource, Schema, format_of, types_of
from mockserver.paths import Path, Paths

Predicate: TypeAlias = Callable[[Record], bool]
#: What one parameter makes of a call: a predicate, None for "keep all", or complaints.
Maker: TypeAlias = Callable[[Scope], "Predicate | list[Issue] | None"]


class Unreadable(Exception):
    """A value that is not of its parameter's kind; carries the complaint."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.value = value


def _fold(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: test(str(value).casefold(), str(wanted).casefold())


#: A stored value against a wanted one; null passes none but `isnull`.
LOOKUPS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "exact": lambda value, wanted: bool(value == wanted),
    "iexact": _fold(lambda value, wanted: value == wanted),
    "contains": lambda value, wanted: wanted in str(value),
    "icontains": _fold(lambda value, wanted: wanted in value),
    "startswith": lambda value, wanted: str(value).startswith(wanted),
    "in": lambda value, wanted: bool(value == wanted),
    "gt": lambda value, wanted: bool(value > wanted),
    "gte": lambda value, wanted: bool(value >= wanted),
    "lt": lambda value, wanted: bool(value < wanted),
    "lte": lambda value, wanted: bool(value <= wanted),
}

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


def _date(text: str) -> JSON:
    found = values.read_date(text)
    if found is None:
        raise Unreadable("date", text)
    return found


def _instant(text: str) -> JSON:
    found = values.read_instant(text)
    if found is None:
        raise Unreadable("datetime", text)
    return values.instant_key(values.write_instant(found))


def _integer(text: str) -> JSON:
    try:
        return int(text)
    except ValueError:
        raise Unreadable("integer", text) from None


def _number(text: str) -> JSON:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Unreadable("number", text)
    return found


def _text(text: str) -> JSON:
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
        return _number
    if "enum" in schema:
        return _choice(frozenset(str(word) for word in schema["enum"]))
    return {"uuid": _uuid, "date": _date, "date-time": _instant}.get(form, _text)


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


def compile_filter(
    parameter: Parameter, declared: Filter, resource: Resource, paths: Paths, links: Links
) -> Maker:
    """Return what a query parameter does to the records of a resource."""
    inner = parameter.schema
    if "array" in types_of(inner):
        inner = inner.get("items") or {}
    read = _text if declared.lookup == "link" else _reader_of(declared, inner)
    if declared.by:
        make = _by_function(declared, paths, parameter.where)
    elif declared.lookup == "link":
        make = _by_link(declared, resource, paths, links, parameter.where)
    else:
        make = _by_fields(declared, resource, paths, read, parameter.where)

    def maker(scope: Scope) -> Predicate | list[Issue] | None:
        given = _given(declared, scope.call.query.get(parameter.name, ()))
        try:
            wanted = [value for text in given for value in _values(declared, read, text, scope)]
        except Unreadable as problem:
            code = f"{declared.wording}.{problem.code}"
            is_ignored = declared.invalid == "ignore"
            return None if is_ignored else [Issue(code, {"value": problem.value})]
        if not given or (declared.only is not None and wanted != [declared.only]):
            return None
        return make(scope, wanted) if wanted else lambda record: False

    return maker


def _values(declared: Filter, read: Callable[[str], JSON], text: str, scope: Scope) -> list[JSON]:
    """Return the value of a text, or none where a malformed one matches nothing."""
    try:
        return [_existing(declared, read(text), text, scope)]
    except Unreadable:
        if declared.invalid != "none":
            raise
    if "\0" in text:
        # No value may hold it, not even one that is otherwise free to be nonsense.
        raise Unreadable("null_characters", text)
    return []


def _reader_of(declared: Filter, schema: Schema) -> Callable[[str], JSON]:
    read = reader(schema)
    if not declared.choices:
        return read

    def choose(text: str) -> JSON:
        # What cannot be read is not among the choices either, and only that is told.
        try:
            return read(text)
        except Unreadable:
            raise Unreadable("choice", text) from None

    return choose


def _existing(declared: Filter, value: JSON, text: str, scope: Scope) -> JSON:
    if declared.choices and scope.store.get(declared.choices, value) is None:
        raise Unreadable("choice", text)
    return value


def _given(declared: Filter, sent: Sequence[str]) -> list[str]:
    """Return the values that count; an empty one says nothing."""
    if declared.values == "repeat":
        return [text for text in sent if text.strip()]
    last = sent[-1] if sent else ""
    if declared.values == "comma":
        return [text for text in last.split(",") if text.strip()]
    return [last] if last.strip() else []


def _by_function(
    declared: Filter, paths: Paths, place: str
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    function = paths.function(declared.by, place)
    if declared.values == "one":
        return lambda scope, wanted: lambda record: bool(function(record, wanted[0], scope))
    return lambda scope, wanted: lambda record: bool(function(record, wanted, scope))


def _by_link(
    declared: Filter, resource: Resource, paths: Paths, links: Links, place: str
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    compiled = [paths.compile(resource, path, place) for path in declared.fields]
    for path in compiled:
        if path.resource is None:
            raise SpecError(place, f"lookup link needs a relation; {path.text!r} is a field")

    def make(scope: Scope, wanted: list[JSON]) -> Predicate | None:
        # Text without a slash is no URL and leads to nothing; a URL must match a route.
        read = [links.read(text) for text in wanted if "/" in text]
        if None in read:
            raise NotFound
        asked = {(link.resource, link.key) for link in read if link is not None}

        def passes(record: Record) -> bool:
            return any(
                path.resource is not None
                and (path.resource.name, found[path.resource.key]) in asked
                for path in compiled
                for found in path.reach(record, scope)
            )

        return passes

    return make


def _by_fields(
    declared: Filter,
    resource: Resource,
    paths: Paths,
    read: Callable[[str], JSON],
    place: str,
) -> Callable[[Scope, list[JSON]], Predicate | None]:
    compiled = [paths.compile(resource, path, place) for path in declared.fields]
    if not compiled:
        raise SpecError(place, "x-filter names neither a field nor a function (by)")
    if declared.lookup == "isnull":
        return lambda scope, wanted: lambda record: _is_null(compiled, record, scope) == wanted[0]
    if declared.lookup not in LOOKUPS:
        known = ", ".join(sorted({*LOOKUPS, "link", "isnull"}))
        raise SpecError(place, f"there is no lookup {declared.lookup!r}; there are {known}")
    test = LOOKUPS[declared.lookup]
    as_key = [_comparable(path, read) for path in compiled]

    def make(scope: Scope, wanted: list[JSON]) -> Predicate | None:
        def passes(record: Record) -> bool:
            for path, comparable in zip(compiled, as_key, strict=True):
                for value in path.reach(record, scope):
                    if value is None:
                        continue
                    shown = comparable(value)
                    if any(test(shown, one) for one in wanted):
                        return True
            return False

        return passes

    return make


def _is_null(compiled: list[Path], record: Record, scope: Scope) -> bool:
    return not any(v is not None for path in compiled for v in path.reach(record, scope))


def _comparable(path: Path, read: Callable[[str], JSON]) -> Callable[[JSON], JSON]:
    """Return how a stored value is put beside a wanted one that `read` has read."""
    if path.resource is not None:
        key = path.resource.key
        return lambda record: record[key]
    assert path.field is not None
    form = path.field.schema.get("format")
    if form == "date-time":
        return values.instant_key if read is not _date else lambda value: value[:10]
    if form == "date" and read is _instant:
        return lambda value: values.instant_key(f"{value}T00:00:00Z")
    if form == "decimal" and read is _number:
        return float
    return lambda value: value


def asked(
    makers: Mapping[str, Maker], scope: Scope
) -> tuple[dict[str, Predicate | list[Issue] | None], NotFound | None]:
    """Return what each sent parameter makes of a call, and the refusal of a link to nowhere."""
    made: dict[str, Predicate | list[Issue] | None] = {}
    lost = None
    for name, maker in makers.items():
        if name in scope.call.query:
            try:
                made[name] = maker(scope)
            except NotFound as refusal:
                lost = refusal
    return made, lost


def complaints(made: Mapping[str, Predicate | list[Issue] | None]) -> dict[str, Issues]:
    """Return what is wrong with a query, by parameter."""
    return {name: found for name, found in made.items() if isinstance(found, list)}
