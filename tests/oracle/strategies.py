"""Query strings that hit, nearly hit, miss, and are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests.oracle.filters import Filter, every
from tests.oracle.listing import Listing
from tests.oracle.world import moment
from tests.oracle.worlds import Case

#: The provider that has something in every list, and the user who belongs to most customers.
EVERYTHING = SOMEBODY = "a1b2c3d4e5f67890abcdef1234567890"
UNKNOWN = "00000000000040008000000000000001"
_BOOLEANS = (
    *("true", "false", "True", "FALSE", "1", "0", "2", "3", "yes", "on", "4", "", "tRuE", "null"),
    *(" true", "-1", "truefalse"),
)
_TEXTS = ("", "   ", "%", "_", "nothing like it", "a", "E", "õ", "Ä", "\0", "a\0b", "a,b", "*", "'")
_DAYS = ("2026-03-15", "2026-02-30", "15.03.2026", "", " 2026-03-15 ", "tomorrow", "0001-01-01")
_INSTANTS = (
    *("2026-03-15", "2026-03-15T12:30:00Z", "2026-03-15T14:30:00+02:00", "2026-03-15 12:30"),
    *("2026-03-15T12:30:00.5Z", "2026-13-01", "yesterday", "", " 2026-03-01 ", "2025-01-01T00:00"),
    "1999-12-31T23:59:59-12:00",
)
_UUIDS = (UNKNOWN, "", " ", "abc", UNKNOWN[:-1], UNKNOWN + "0", "g" * 32, "\0")
_LINKS = (
    *("", "abc", UNKNOWN, "/nowhere/", "http://other.example/api/nowhere/x/", "/"),
    "/api/marketplace-plans/",
    f"/api/projects/{UNKNOWN}/",
    f"/api/customers/{UNKNOWN}",
    "\0",
)
_ATTRIBUTES = (
    *("{", "[]", "1", "", "{}", '{"region": "north"}', '{"tags": ["gpu", "none"]}', "\0"),
    *('{"tags": []}', '{"region": ["north", "south"]}', '{"replicas": 2}', '{"replicas": true}'),
    *('{"region": "north", "replicas": 2}', '{"absent": null}', "null", '"region"'),
)
PAGES = ("1", "2", "3", "last", "0", "-1", "abc", "1.5", "999", "", " 2 ", "Last", "1e0", "+1")
SIZES = ("1", "2", "3", "7", "10", "300", "301", "9999", "0", "-5", "abc", "1.5", "", " 4 ")
ORDERS = ("-", "--name", "+name", "Name", "unknown", ",", "name,,", "", "name,unknown", " name")


@dataclass(frozen=True)
class Question:
    """One request: who asks, where, and what."""

    persona: str | None
    path: str
    provider: str
    query: str


def spellings(key: str) -> list[str]:
    """Return the ways to write a uuid."""
    dashed = f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
    return [
        key,
        dashed,
        key.upper(),
        dashed.upper(),
        f"{{{dashed}}}",
        f" {key} ",
        f"urn:uuid:{key}",
    ]


@cache
def values(case: Case, listing: Listing, name: str, provider: str, most: int = 40) -> list[str]:
    """
    Return values for a filter: those that rows have, their neighbours, and nonsense.

    `most` is how many different values of rows are looked at.
    """
    each = listing.filters[name]
    held = _held(case, listing, each, provider)[:most]
    kind, _, collection = each.kind.partition(" ")
    if kind == "link":
        return [*_LINKS, *(url for key in held for url in _urls(collection, key))]
    fixed, near = _KINDS[kind]
    together = [",".join(held[:2]), ", ".join(held[-2:]) + ",x"] if kind in _LISTS else []
    return [*fixed, *together, *(text for value in held for text in near(value))]


def neutral(listing: Listing) -> list[tuple[str, str]]:
    """Return the values without which a list would be empty."""
    return [(name, SOMEBODY) for name in listing.always]


def _held(case: Case, listing: Listing, each: Filter, provider: str) -> list[Any]:
    """Return different values that the rows of a list have, few of a kind."""
    ask = case.ask("staff", provider)
    if listing.is_nested and ask.provider is None:
        return []
    found: dict[str, Any] = {}
    for row in sorted(listing.rows(ask), key=lambda row: str(row["uuid"])):
        for value in every(each.samples(ask, row)):
            found.setdefault(repr(value), value)
    return list(found.values())


def _texts(value: str) -> list[str]:
    middle = value[1:-1]
    return [value, value.upper(), value.lower(), f"  {value} ", middle, value[:3], value + "x"]


def _instants(value: str) -> list[str]:
    at = moment(value)
    return [value, value[:10], value.removesuffix("Z"), at.strftime("%Y-%m-%dT%H:%M+00:00")]


def _urls(collection: str, key: str) -> list[str]:
    path = f"/api/{collection}/{key}/"
    dashed = spellings(key)[3]
    return [
        path,
        f"https://elsewhere.example{path}",
        f"/api/{collection}/{dashed}/",
        path.removesuffix("/"),
        f"/api/{collection}/xyz/",
        key,
    ]


def _itself(value: str) -> list[str]:
    return [value]


#: For each kind of filter: values that are always tried, and those near one that a row has.
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Any], list[str]]]] = {
    "attributes": (_ATTRIBUTES, lambda value: [json.dumps(value)]),
    "boolean": (_BOOLEANS, _itself),
    "choice": (("ok", "1", "", "Nonsense"), _itself),
    "comma": (_TEXTS, _itself),
    "day": (_DAYS, _itself),
    "instant": (_INSTANTS, _instants),
    "role": (_TEXTS, lambda value: [*spellings(value), *_texts(value)]),
    "text": (_TEXTS, _texts),
    "texts": (_TEXTS, _texts),
    "uuid": (_UUIDS, spellings),
    "uuids": (_UUIDS, spellings),
    "words": (_TEXTS, _texts),
}
_LISTS = ("choice", "comma", "uuids")


@st.composite
def questions(draw: st.DrawFn, case: Case, listing: Listing) -> Question:
    """Draw a request of a list: often with several filters, sometimes malformed."""
    persona = draw(st.sampled_from(["staff"] * 4 + ["owner"] * 2 + sorted(case.tokens) + [None]))
    provider, path = "", listing.path
    if listing.is_nested:
        likely = _owned(case, persona) if persona != "staff" else [EVERYTHING]
        provider = draw(st.sampled_from([*case.providers, *likely * 10]))
        spelled = [provider] * 12 + [provider.upper(), UNKNOWN, "x"]
        path = path.format(draw(st.sampled_from(spelled)))
    names = sorted(listing.filters)
    chosen = draw(st.lists(st.sampled_from(names), max_size=3, unique=True)) if names else []
    chosen += [name for name in listing.always if name not in chosen and draw(st.integers(0, 4))]
    pairs: list[tuple[str, str]] = []
    for name in chosen:
        drawn = st.sampled_from(values(case, listing, name, provider))
        times = draw(st.sampled_from([1, 1, 1, 2, 3]))
        pairs.extend((name, draw(drawn)) for _ in range(times))
    pairs += draw(_shape(listing))
    return Question(persona, path, provider, urlencode(draw(st.permutations(pairs))))


@cache
def _owned(case: Case, persona: str | None) -> list[str]:
    """Return the providers about which a persona may ask most."""
    if persona is None:
        return []
    me = case.ask(persona).user["uuid"]
    mine = {grant["customer"] for grant in case.world.where("grant", user=me)}
    providers = case.world.all("service_provider")
    return sorted(row["uuid"] for row in providers if row["customer"] in mine)


@st.composite
def _shape(draw: st.DrawFn, listing: Listing) -> list[tuple[str, str]]:
    """Draw what a page, an order and a choice of fields may be asked for with."""
    pairs: list[tuple[str, str]] = []
    if draw(st.booleans()):
        pairs.append(("page_size", draw(st.sampled_from(SIZES))))
    if draw(st.booleans()):
        pairs += [("page", page) for page in draw(st.lists(st.sampled_from(PAGES), max_size=2))]
    if draw(st.booleans()) and listing.orders:
        pairs.append(("o", draw(_orders(listing))))
    if listing.fields:
        known = [*listing.fields, "nonsense", "", "UUID", "uuid,name"]
        pairs += [("field", name) for name in draw(st.lists(st.sampled_from(known), max_size=3))]
    unknown = [("unknown", "x"), ("name__in", "a"), ("Name", "b"), ("ordering", "-name")]
    pairs += draw(st.lists(st.sampled_from(unknown), max_size=1))
    return pairs


def _orders(listing: Listing) -> st.SearchStrategy[str]:
    keys = st.sampled_from([*listing.orders, *("-" + key for key in listing.orders)])
    some = st.lists(keys, min_size=1, max_size=3).map(",".join)
    return st.one_of(keys, some, some, st.sampled_from(ORDERS))
