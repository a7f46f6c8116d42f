"""From a request to the whole answer: who may, which rows, in which order, which page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.oracle import values
from tests.oracle.filters import Filter, Get, Late
from tests.oracle.values import Refused
from tests.oracle.world import BASE_URL, Ask, Row, World, collated, may

#: Parameters that every list has and no table needs to name.
PAGING = ("page", "page_size")
DEFAULT_SIZE, MAX_SIZE = 10, 300
_WHOLE = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """What a request is answered with; the headers of a list, or None."""

    status: int
    body: Any
    count: str | None = None
    link: str | None = None


@dataclass(frozen=True, eq=False)
class Listing:
    """
    One list: its rows, filters, keys of order, and how a row is shown.

    `needs` is the permission on the organization of the provider; None means
    that every signed-in caller may ask, and `is_public` that everybody may.
    A report takes one key of order instead of a list, complains of others as
    of a body, and puts nulls below everything.
    """

    operation: str
    path: str
    rows: Callable[[Ask], list[Row]]
    show: Callable[[Ask, Row], Row]
    default: tuple[str, ...]
    keys: Mapping[str, Get]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    #: Filters that act when they are missing, too.
    always: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    needs: str | None = None
    is_public: bool = False
    is_report: bool = False

    @property
    def parameters(self) -> set[str]:
        found = {*PAGING, *self.filters}
        if self.orders:
            found.add("o")
        return found | {"field"} if self.fields else found

    @property
    def is_nested(self) -> bool:
        return "{" in self.path


def answer(listing: Listing, ask: Ask, path: str, query: str) -> Answer:
    """Return what the list must answer to a caller; `path` is as it was sent."""
    refusal = refused(listing, ask)
    if refusal is not None:
        return refusal
    sent = parse_qs(query, keep_blank_values=True)
    try:
        rows = selected(listing, ask, sent)
    except Late as late:
        return Answer(late.status, late.body)
    page = paged(rows, sent)
    if page is None:
        return Answer(404, {"detail": "Invalid page."})
    number, last, shown = page
    body = [restricted(listing, show(listing, ask, row), sent) for row in shown]
    return Answer(200, body, str(len(rows)), links(path, sent, number, last))


def show(listing: Listing, ask: Ask, row: Row) -> Row:
    key = (listing.operation, row["uuid"])
    if key not in ask.shown:
        ask.shown[key] = listing.show(ask, row)
    return ask.shown[key]


def refused(listing: Listing, ask: Ask) -> Answer | None:
    """Return the refusal of a caller who may not see the list at all."""
    if ask.caller is None and not listing.is_public:
        return Answer(401, {"detail": "Authentication credentials were not provided."})
    if listing.is_nested and ask.provider is None:
        return Answer(404, {"detail": "No ServiceProvider matches the given query."})
    if listing.needs and not may(ask, listing.needs):
        return Answer(403, {"detail": "You do not have permission to perform this action."})
    return None


def selected(listing: Listing, ask: Ask, sent: Mapping[str, list[str]]) -> list[Row]:
    """Return the rows that every filter keeps, in order; raise Late."""
    complaints: dict[str, list[str]] = {}
    late: Late | None = None
    rows = listing.rows(ask)
    for name, each in listing.filters.items():
        if name in sent or name in listing.always:
            try:
                keep = each.make(sent.get(name, [""]), ask)
            except Refused as refusal:
                complaints[name] = [refusal.text]
            except Late as found:
                # A link to nowhere is noticed first.
                late = found if late is None or found.status == 404 else late
            else:
                rows = rows if keep is None else [row for row in rows if keep(row)]
    try:
        keys = order(listing, sent.get("o", [""])[-1])
    except Refused as refusal:
        complaints["o"] = [refusal.text]
    if complaints:
        raise Late(400, complaints)
    if late is not None:
        raise late
    return ordered(listing, ask, rows, keys)


def order(listing: Listing, given: str) -> list[str]:
    """Return the keys to sort by; raise Refused for one that is not known."""
    known = {*listing.orders, *("-" + key for key in listing.orders)}
    if not listing.orders:
        return list(listing.default)
    if listing.is_report:
        if given not in known | {""}:
            raise Refused(f'"{given}" is not a valid choice.')
        return [given] if given else list(listing.default)
    wanted = [key for key in given.split(",") if key]
    for key in wanted:
        if key not in known:
            raise Refused(values.invalid_choice(key))
    return wanted or list(listing.default)


def ordered(listing: Listing, ask: Ask, rows: list[Row], keys: list[str]) -> list[Row]:
    found = sorted(rows, key=lambda row: row["uuid"])
    for key in reversed(keys):
        get = listing.keys[key.removeprefix("-")]
        # Stable in either direction, so that equal rows stay in the order of their uuids.
        ranks = {row["uuid"]: rank(get(ask, row), not listing.is_report) for row in found}
        found = sorted(found, key=_looked_up(ranks), reverse=key.startswith("-"))
    return found


def _looked_up(ranks: Mapping[str, tuple[Any, ...]]) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: ranks[row["uuid"]]


def rank(value: Any, nulls_high: bool) -> tuple[Any, ...]:
    """Return what a value is sorted by."""
    if isinstance(value, tuple):
        return tuple(rank(each, nulls_high) for each in value)
    if value is None:
        return (1 if nulls_high else -1,)
    return (0, collated(value)) if isinstance(value, str) else (0, value)


def instant(get: Get) -> Get:
    """Return what reads an instant as one, to be sorted by."""

    def read(ask: Ask, row: Row) -> datetime | None:
        held = get(ask, row)
        return None if held is None else datetime.fromisoformat(held)

    return read


def paged(rows: list[Row], sent: Mapping[str, list[str]]) -> tuple[int, int, list[Row]] | None:
    """Return the number of the page, that of the last one, and the rows; None without such."""
    size = _number(sent.get("page_size", [""])[-1])
    size = DEFAULT_SIZE if size is None or size < 1 else min(size, MAX_SIZE)
    last = max(1, -(-len(rows) // size))
    given = sent.get("page", [""])[-1]
    number = 1 if given == "" else last if given == "last" else _number(given)
    if number is None or not 1 <= number <= last:
        return None
    return number, last, rows[(number - 1) * size : number * size]


def _number(given: str) -> int | None:
    return int(given) if _WHOLE.fullmatch(given) else None


def links(path: str, sent: Mapping[str, list[str]], number: int, last: int) -> str:
    def url(page: int) -> str:
        shown = {name: each for name, each in sent.items() if name != "page"}
        if page > 1:
            shown["page"] = [str(page)]
        query = urlencode(sorted(shown.items()), doseq=True)
        return BASE_URL + path + (f"?{query}" if query else "")

    found = [("first", 1)]
    if number > 1:
        found.append(("prev", number - 1))
    if number < last:
        found.append(("next", number + 1))
    found.append(("last", last))
    return ", ".join(f'<{url(page)}>; rel="{name}"' for name, page in found)


def restricted(listing: Listing, shown: Row, sent: Mapping[str, list[str]]) -> Row:
    """Leave out what was not asked for; without a known name nothing is left out."""
    wanted = [name for name in sent.get("field", ()) if name in listing.fields]
    if not wanted:
        return shown
    return {name: value for name, value in shown.items() if name in wanted}


def provider_of(world: World, text: str) -> Row | None:
    """Return the provider that a part of a path names."""
    key = values.hex_of(text)
    return None if key is None else world.tables.get("service_provider", {}).get(key)
