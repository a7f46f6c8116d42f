"""C: bodies that are read wrongly, and records that are made wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.composites import Nested
from mockserver.errors import Rejection
from mockserver.json_types import JSON
from mockserver.mutants import sites
from mockserver.mutants.planting import Defect, edited
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import kind_of
from mockserver.operation import types_of
from mockserver.scalars import Refused

_FAMILY = Family("bodies")
_kind = _FAMILY.kind
Read = Callable[[JSON, Scope], JSON]


def reread(site: Site, api: Api, change: Callable[[Read], Read]) -> Defect:
    """Return the defect of an operation that reads one property of its body otherwise."""
    return respelled(site, api, lambda prop: replace(prop, read=change(prop.read)))


def respelled(site: Site, api: Api, change: Callable[[Any], Any]) -> Defect:
    """Return the defect of an operation whose compiled body property differs."""

    def edit(bound: Bound) -> Bound:
        readers = {
            media: replace(
                reader,
                properties=tuple(
                    change(prop) if prop.name == site.about else prop for prop in reader.properties
                ),
            )
            for media, reader in bound.readers.items()
        }
        return replace(bound, readers=readers)

    return edited(api, site.operation.id, edit)


def normalized(site: Site) -> set[str]:
    """Return the words of x-normalize on a body property."""
    said = site.subject.schema.get("x-normalize", ())
    steps = said if isinstance(said, list) else [said]
    return {word for step in steps for word in ([step] if isinstance(step, str) else step)}


def takes(site: Site, value: JSON) -> bool:
    """Tell whether a body property takes a value, asking how it is read."""
    try:
        site.subject.read(value, None)
    except (Refused, Nested, Rejection):
        return False
    except AttributeError:
        # It looks into the store, which is not at hand.
        return False
    return True


def _is_required(site: Site, api: Api) -> bool:
    return bool(site.subject.is_required)


def _names_a_record(site: Site, api: Api) -> str:
    """Tell of a text that an action reads whether it must name a record, as an empty one cannot."""
    is_text = not (site.subject.is_object or site.subject.is_list)
    stem = site.about
    for resource in api.spec.resources.values():
        stem = stem.removesuffix(f"_{resource.key}")
    is_name = site.operation.verb == "action" and is_text and stem in api.spec.resources
    return "no record has an empty name, so that it is refused all the same" if is_name else ""


@_kind(
    "C01",
    "a required property is not required",
    key="schema",
    spreads=True,
    sites=sites.where(sites.sent, _is_required),
    excuse=_names_a_record,
)
def optional(site: Site, api: Api) -> Defect:
    """Do without."""
    filler: JSON = {} if site.subject.is_object else [] if site.subject.is_list else ""

    def edit(bound: Bound) -> Bound:
        readers = {
            media: _Forgiving(reader, site.about, filler) for media, reader in bound.readers.items()
        }
        return replace(bound, readers=readers)

    return edited(api, site.operation.id, edit)


class _Forgiving:
    """Reads a body as another reader does, and fills in what is not there."""

    def __init__(self, reader: Any, name: str, filler: JSON) -> None:
        self.properties = tuple(
            replace(prop, is_required=prop.is_required and prop.name != name)
            for prop in reader.properties
        )
        self._reader, self._name, self._filler = (
            replace(reader, properties=self.properties),
            name,
            filler,
        )

    def read(self, value: JSON, scope: Scope) -> dict[str, JSON]:
        """Return the fields that were sent, and the one that was not."""
        found: dict[str, JSON] = self._reader.read(value, scope)
        if scope.bound.operation.verb == "action":
            found.setdefault(self._name, self._filler)
        return found


def _is_scalar(site: Site, api: Api) -> bool:
    schema = site.subject.schema
    is_plain = not isinstance(schema.get("x-from"), Mapping)
    return (is_plain and not {"array", "object", "null"} & set(types_of(schema))) or (
        is_plain and kind_of(schema) in ("integer", "number", "choice", "instant", "date")
    )


def _narrow(site: Site, api: Api) -> bool:
    return _is_scalar(site, api) and kind_of(site.subject.schema) not in ("text", "")


@_kind(
    "C02",
    "a value of the wrong kind is accepted",
    key="schema",
    spreads=True,
    sites=sites.where(sites.written, _narrow),
)
def any_kind(site: Site, api: Api) -> Defect:
    """Take what cannot be read for the first word or for nothing special."""
    schema = site.subject.schema
    kinds: dict[str, JSON] = {"integer": 1, "number": 1, "boolean": False, "decimal": "1.0"}
    spare = schema["enum"][0] if "enum" in schema else kinds.get(kind_of(schema))

    def change(read: Read) -> Read:
        def lenient(value: JSON, scope: Scope) -> JSON:
            try:
                return read(value, scope)
            except Refused:
                return spare

        return lenient

    return reread(site, api, change)


_LIMITS = {
    "max_length",
    "min_length",
    "maximum",
    "minimum",
    "max_digits",
    "max_decimal_places",
    "max_whole_digits",
    "pattern",
    "blank",
    "max_items",
    "min_items",
    "string_too_large",
    "null_characters",
}


def _is_limited(site: Site, api: Api) -> bool:
    """Tell whether the kind of value that a property holds has a limit."""
    schema = site.subject.schema
    is_text = kind_of(schema) == "text"
    names = ("maxLength", "pattern") if is_text else ("maximum", "minimum", "pattern", "maxLength")
    return _is_scalar(site, api) and any(name in schema for name in names)


@_kind(
    "C03",
    "a limit is not checked",
    key="schema",
    spreads=True,
    sites=sites.where(sites.written, _is_limited),
)
def unlimited(site: Site, api: Api) -> Defect:
    """Take what is too long, too short, too much or too little."""

    def change(read: Read) -> Read:
        def lenient(value: JSON, scope: Scope) -> JSON:
            try:
                return read(value, scope)
            except Refused as problem:
                codes = {issue.code.partition(".")[2] for issue in problem.issues}
                if codes <= _LIMITS and isinstance(value, str | int | float):
                    return str(value) if kind_of(site.subject.schema) == "text" else value
                raise

        return lenient

    return reread(site, api, change)


def _is_numeric(site: Site, api: Api) -> bool:
    types = set(types_of(site.subject.schema))
    return bool({"integer", "number"} & types) and "boolean" not in types


def _takes_boolean(site: Site, api: Api) -> str:
    return "the schema admits a boolean" if takes(site, value=True) else ""


@_kind(
    "C04",
    "a boolean is accepted as a number",
    key="schema",
    spreads=True,
    sites=sites.where(sites.written, _is_numeric),
    excuse=_takes_boolean,
)
def boolean_number(site: Site, api: Api) -> Defect:
    """Count true as 1."""
    return reread(
        site,
        api,
        lambda read: (
            lambda value, scope: read(int(value) if isinstance(value, bool) else value, scope)
        ),
    )


def _is_solid(site: Site, api: Api) -> bool:
    return not site.subject.is_nullable


@_kind(
    "C05",
    "null is accepted where none is allowed",
    key="schema",
    spreads=True,
    sites=sites.where(sites.written, _is_solid),
)
def null_accepted(site: Site, api: Api) -> Defect:
    """Store null."""
    return respelled(site, api, lambda prop: replace(prop, is_nullable=True))


@_kind(
    "C06",
    "a value is dropped",
    key="x-from",
    spreads=True,
    sites=sites.where(
        sites.written,
        lambda site, api: site.operation.verb == "create" and not site.subject.is_required,
    ),
)
def dropped(site: Site, api: Api) -> Defect:
    """Forget what was sent."""

    def edit(bound: Bound) -> Bound:
        kept = {name: to for name, to in bound.body_fields.items() if name != site.about}
        return replace(bound, body_fields=kept)

    return edited(api, site.operation.id, edit)


def sent_body(content: bytes) -> dict[str, Any]:
    """Return the JSON object that was sent; {} for anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
