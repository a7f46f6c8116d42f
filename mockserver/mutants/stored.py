"""C: values that are stored otherwise than they were sent."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.json_types import JSON
from mockserver.mutants import sites
from mockserver.mutants.creating import Read, normalized, reread, takes
from mockserver.mutants.planting import Defect, edited
from mockserver.mutants.registry import Family, Site
from mockserver.mutants.states import kind_of, other_value
from mockserver.operation import types_of

_FAMILY = Family("values")
_kind = _FAMILY.kind


def _has_default(site: Site, api: Api) -> bool:
    return "default" in site.subject.schema and kind_of(site.subject.schema) in (
        "text",
        "boolean",
        "integer",
        "number",
        "decimal",
        "choice",
    )


@_kind(
    "C11",
    "a default is not applied",
    key="schema",
    spreads=True,
    sites=sites.where(
        sites.written, lambda site, api: site.operation.verb == "create" and _has_default(site, api)
    ),
)
def other_default(site: Site, api: Api) -> Defect:
    """Make the record with another value."""
    stored = sites.stored_name(site, api)

    def edit(bound: Bound) -> Bound:
        schema = sites.stored_schema(site, api)
        value = other_value(schema, bound.defaults.get(stored))
        return replace(bound, defaults={**bound.defaults, stored: value})

    return edited(api, site.operation.id, edit)


def _texts(api: Api) -> Iterable[Site]:
    return sites.where(sites.written, sites.is_text)(api)


def _reworked(site: Site, api: Api, change: Callable[[JSON], JSON]) -> Defect:
    """Return the defect of a property whose values are changed before they are stored."""
    return reread(site, api, lambda read: lambda value, scope: change(read(value, scope)))


def _text(change: Callable[[str], JSON]) -> Callable[[JSON], JSON]:
    return lambda value: change(value) if isinstance(value, str) else value


def _does(*words: str) -> Callable[[Site, Api], str]:
    def excuse(site: Site, api: Api) -> str:
        done = normalized(site) & set(words)
        return f"x-normalize says {', '.join(sorted(done))}" if done else ""

    return excuse


def _short(site: Site, api: Api) -> str:
    longest = site.subject.schema.get("maxLength")
    return "" if longest is None or longest > _CUT else "no text is that long"


_CUT = 20


@_kind("C12a", "a text is cut", key="x-normalize", spreads=True, sites=_texts, excuse=_short)
def truncated(site: Site, api: Api) -> Defect:
    """Keep the beginning only."""
    return _reworked(site, api, _text(lambda value: value[:_CUT]))


@_kind(
    "C12b",
    "a text loses its outer blanks",
    key="x-normalize",
    spreads=True,
    sites=_texts,
    excuse=_does("trim"),
)
def trimmed(site: Site, api: Api) -> Defect:
    """Trim."""
    return _reworked(site, api, _text(str.strip))


@_kind(
    "C12c",
    "a text loses its capitals",
    key="x-normalize",
    spreads=True,
    sites=_texts,
    excuse=_does("lower"),
)
def lowered(site: Site, api: Api) -> Defect:
    """Write small letters."""
    return _reworked(site, api, _text(str.lower))


@_kind("C12d", "a text is composed (NFC)", key="x-normalize", spreads=True, sites=_texts)
def composed(site: Site, api: Api) -> Defect:
    """Compose letters and accents."""
    return _reworked(site, api, _text(lambda value: unicodedata.normalize("NFC", value)))


@_kind("C12f", "two blanks in a text become one", key="x-normalize", spreads=True, sites=_texts)
def collapsed(site: Site, api: Api) -> Defect:
    """Collapse blanks."""
    return _reworked(site, api, _text(lambda value: " ".join(value.split(" ")).replace("  ", " ")))


def _is_fraction(site: Site, api: Api) -> bool:
    return kind_of(sites.stored_schema(site, api)) in ("number", "decimal")


@_kind(
    "C12e",
    "a number is rounded",
    key="x-normalize",
    spreads=True,
    sites=sites.where(sites.written, _is_fraction),
)
def rounded(site: Site, api: Api) -> Defect:
    """Keep two decimals."""

    def change(value: JSON) -> JSON:
        if value is None:
            return None
        return f"{float(value):.2f}" if isinstance(value, str) else round(value, 2)

    return _reworked(site, api, change)


def _no_blank(site: Site, api: Api) -> str:
    if not takes(site, ""):
        return "the schema does not admit an empty text"
    return ""


@_kind(
    "C13",
    "an empty text becomes a blank",
    key="x-normalize",
    spreads=True,
    sites=_texts,
    excuse=_no_blank,
)
def blank_replaced(site: Site, api: Api) -> Defect:
    """Store something else than the empty text: null, or a dash where null is not allowed."""
    is_nullable = "null" in types_of(sites.stored_schema(site, api))
    spare = None if is_nullable else "-"
    return _reworked(site, api, lambda value: spare if value == "" else value)


def _is_integer(site: Site, api: Api) -> bool:
    relations = sites.target(site, api).relations
    is_relation = sites.stored_name(site, api) in relations
    return not is_relation and kind_of(sites.stored_schema(site, api)) == "integer"


def _small(site: Site, api: Api) -> str:
    largest = site.subject.schema.get("maximum")
    return "" if largest is None or largest > 2**53 else f"no number is above {largest}"


@_kind(
    "C14",
    "a large integer passes through a float",
    key="x-normalize",
    spreads=True,
    sites=sites.where(sites.written, _is_integer),
    excuse=_small,
)
def floated(site: Site, api: Api) -> Defect:
    """Lose the last digits of long numbers."""
    return _reworked(site, api, lambda value: int(float(value)) if value is not None else None)


@_kind(
    "C15",
    "a number passes through 32 bits",
    key="x-normalize",
    spreads=True,
    sites=sites.where(sites.written, _is_fraction),
)
def single_precision(site: Site, api: Api) -> Defect:
    """Lose half of the digits."""

    def change(value: JSON) -> JSON:
        if value is None:
            return None
        short = struct.unpack("f", struct.pack("f", min(float(value), 3e38)))[0]
        return f"{short:.10f}" if isinstance(value, str) else short

    return _reworked(site, api, change)


def _is_normalized(site: Site, api: Api) -> bool:
    return bool(normalized(site) & {"trim", "lower", "html"}) and sites.is_text(site, api)


@_kind(
    "C16",
    "a value is not normalized",
    key="x-normalize",
    spreads=True,
    sites=sites.where(sites.written, _is_normalized),
)
def verbatim(site: Site, api: Api) -> Defect:
    """Store what was sent, once it has been checked."""

    def change(read: Read) -> Read:
        def kept(value: JSON, scope: Scope) -> JSON:
            found = read(value, scope)
            return value if isinstance(value, str) and isinstance(found, str) else found

        return kept

    return reread(site, api, change)
