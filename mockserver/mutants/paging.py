"""P: pages that are cut wrongly, counted wrongly or linked wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from mockserver.actions import Bound, Scope
from mockserver.api import Api
from mockserver.app import Exchange
from mockserver.exchange import Request, Response
from mockserver.json_types import Record
from mockserver.mutants import bodies, sites
from mockserver.mutants.links import edit_link, set_total, total_of
from mockserver.mutants.planting import (
    Defect,
    Turn,
    answered,
    answered_otherwise,
    asked_otherwise,
    at,
    edited,
    with_rules,
)
from mockserver.mutants.registry import Family, Site, Sites

_FAMILY = Family("paging")
_kind = _FAMILY.kind
_PAGING = "x-mock.paging"


def page_of(query: Mapping[str, Sequence[str]], api: Api) -> int:
    """Return the page a query asks for, 1 when it names none."""
    text = (query.get(api.conventions["paging"]["number"]) or ["1"])[-1].strip()
    return int(text) if text.isdigit() else 1


def _size_of(query: Mapping[str, Sequence[str]], api: Api) -> int:
    rules = api.conventions["paging"]
    text = (query.get(rules["size"]) or [""])[-1].strip()
    size = int(text) if text.isdigit() and int(text) else int(rules["default"])
    return min(size, int(rules["max"]))


def _recut(
    site: Site, api: Api, change: Callable[[list[Record], int, int], list[Record]]
) -> Defect:
    """Return the defect of a list that is changed before page `number` of `size` is cut."""

    def edit(bound: Bound) -> Bound:
        def find(scope: Scope, rows: Sequence[Record]) -> Sequence[Record]:
            found = list(bound.find(scope, rows))
            query = scope.call.query
            return change(found, page_of(query, api), _size_of(query, api))

        return replace(bound, find=find)

    return edited(api, site.operation.id, edit)


@_kind("P01", "pages overlap", key=_PAGING, sites=sites.page_numbers)
def overlap(site: Site, api: Api) -> Defect:
    """Start every page but the first with the last row of the one before."""

    def change(found: list[Record], number: int, size: int) -> list[Record]:
        start = (number - 1) * size
        if 0 < start < len(found):
            found[start] = found[start - 1]
        return found

    return _recut(site, api, change)


@_kind("P02", "the last row of the list is lost", key=_PAGING, sites=sites.page_numbers)
def last_dropped(site: Site, api: Api) -> Defect:
    """Leave the last row of the last page out; the total stays."""

    def change(turn: Turn, response: Response) -> Response | None:
        found, total = bodies.parsed(response), total_of(response, api)
        shown, number = len(bodies.rows_in(found, turn)), page_of(turn.query, api)
        if number < 2 or not shown or total != (number - 1) * _size_of(turn.query, api) + shown:
            return None
        bodies.rows_in(found, turn).pop()
        return bodies.with_body(response, found)

    return answered_otherwise(site.operation.id, change)


@_kind("P03", "the page size is ignored", key=_PAGING, sites=sites.paged)
def size_ignored(site: Site, api: Api) -> Defect:
    """Cut all pages to the default size."""
    return with_rules(api, site.operation.id, "paging", size="\0")


@_kind("P04", "the default page size is another one", key=_PAGING, sites=sites.paged)
def other_default(site: Site, api: Api) -> Defect:
    """Cut pages of two rows."""
    default = 2 if int(api.conventions["paging"]["default"]) != 2 else 3
    return with_rules(api, site.operation.id, "paging", default=default)


@_kind("P05", "the maximum page size is lower", key=_PAGING, sites=sites.paged)
def lower_maximum(site: Site, api: Api) -> Defect:
    """Cut pages that are larger than the default size."""
    default = int(api.conventions["paging"]["default"])
    return with_rules(api, site.operation.id, "paging", max=default, oversize="clamp")


@_kind("P06", "one page size is off by one", key=_PAGING, sites=sites.paged)
def one_size(site: Site, api: Api) -> Defect:
    """Cut pages of 6 rows where 7 are asked for."""

    def change(turn: Turn) -> Request | None:
        query = turn.query
        if query.get(site.about, [""])[-1] != "7":
            return None
        return turn.asking({**query, site.about: ["6"]})

    return asked_otherwise(site.operation.id, change)


def _counted(site: Site, api: Api, change: Callable[[int, int, Turn], int]) -> Defect:
    """Return the defect of a list whose total is made of the true one and the rows shown."""

    def answer(turn: Turn, response: Response) -> Response | None:
        total = total_of(response, api)
        found = bodies.parsed(response)
        if total is None or found is None:
            return None
        return set_total(response, api, change(total, len(bodies.rows_in(found, turn)), turn))

    return answered_otherwise(site.operation.id, answer)


@_kind("P07", "the total is the length of the page", key=_PAGING, sites=sites.page_numbers)
def page_total(site: Site, api: Api) -> Defect:
    """Count the page."""
    return _counted(site, api, lambda total, shown, turn: shown)


@_kind("P08", "the total is capped", key=_PAGING, sites=sites.page_numbers)
def capped(site: Site, api: Api) -> Defect:
    """Count up to three."""
    return _counted(site, api, lambda total, shown, turn: min(total, 3))


@_kind("P09", "the total is remembered", key=_PAGING, sites=sites.page_numbers)
def stale_total(site: Site, api: Api) -> Defect:
    """Count once for each address and never again."""
    number = api.conventions["paging"]["number"]

    def change(total: int, shown: int, turn: Turn) -> int:
        # Whatever is asked of the list, its first total is remembered.
        turn.query.pop(number, None)
        held: int = turn.memory.setdefault(turn.request.path, total)
        return held

    return _counted(site, api, change)


@_kind("P18", "the total is one too high", key=_PAGING, sites=sites.page_numbers)
def off_by_one(site: Site, api: Api) -> Defect:
    """Count one row that is not there."""
    return _counted(site, api, lambda total, shown, turn: total + 1)


def _links_to(*names: str) -> Sites:
    """Return the lists whose answers carry a link of each name."""

    def keep(site: Site, api: Api) -> bool:
        rules = api.conventions["paging"]
        envelope = rules["envelope"] or {}
        named = set(rules["links"]) if "links" in rules["headers"] else set()
        named |= {"prev" if n == "previous" else n for n in envelope}
        return set(names) <= named

    return sites.where(sites.page_numbers, keep)


def _relinked(site: Site, api: Api, rel: str, change: Callable[[str, Turn], str | None]) -> Defect:
    return answered_otherwise(
        site.operation.id,
        lambda turn, response: edit_link(response, api, rel, lambda url: change(url, turn)),
    )


@_kind("P10", "the next link leads to the same page", key=_PAGING, sites=_links_to("next"))
def next_is_self(site: Site, api: Api) -> Defect:
    """Link to what was asked."""

    def change(url: str, turn: Turn) -> str:
        query = turn.request.query
        base = url.partition("?")[0]
        return f"{base}?{query}" if query else base

    return _relinked(site, api, "next", change)


@_kind("P11", "the next link forgets the other parameters", key=_PAGING, sites=_links_to("next"))
def next_forgets(site: Site, api: Api) -> Defect:
    """Keep the page number only."""

    def change(url: str, turn: Turn) -> str:
        parts = urlsplit(url)
        kept = [pair for pair in parse_qsl(parts.query) if pair[0] == site.about]
        return f"{url.partition('?')[0]}?{urlencode(kept)}"

    return _relinked(site, api, "next", change)


def _numbered(url: str, api: Api, change: Callable[[int], int]) -> str:
    """Return a link to another page."""
    name = api.conventions["paging"]["number"]
    pairs = dict(parse_qsl(urlsplit(url).query))
    pairs[name] = str(change(int(pairs.get(name, "1"))))
    return f"{url.partition('?')[0]}?{urlencode(pairs)}"


@_kind("P12", "the last link leads past the end", key=_PAGING, sites=_links_to("last"))
def last_wrong(site: Site, api: Api) -> Defect:
    """Link one page too far."""
    return _relinked(
        site, api, "last", lambda url, turn: _numbered(url, api, lambda page: page + 1)
    )


@_kind("P13", "the last page links to a next one", key=_PAGING, sites=_links_to("next"))
def next_on_last(site: Site, api: Api) -> Defect:
    """Link from the last page to the one behind it."""

    def change(turn: Turn, response: Response) -> Response | None:
        base = f"{turn.request.base_url}{turn.request.path}"
        url = f"{base}?{urlencode({site.about: page_of(turn.query, api) + 1})}"
        return edit_link(response, api, "next", lambda held: held or url, is_new=True)

    return answered_otherwise(site.operation.id, change)


@_kind("P16", "the previous link leads to the first page", key=_PAGING, sites=_links_to("prev"))
def prev_wrong(site: Site, api: Api) -> Defect:
    """Link two pages back."""
    return _relinked(
        site, api, "prev", lambda url, turn: _numbered(url, api, lambda page: page + 1)
    )


@_kind("P17", "the first link is missing", key=_PAGING, sites=_links_to("first"))
def no_first(site: Site, api: Api) -> Defect:
    """Leave the link out."""
    return _relinked(site, api, "first", lambda url, turn: None)


@_kind("P14", "a page past the end is answered otherwise", key=_PAGING, sites=sites.page_numbers)
def past_end(site: Site, api: Api) -> Defect:
    """Swap 404 and an empty page."""
    swapped = "empty" if api.conventions["paging"]["out_of_range"] == "not_found" else "not_found"
    return with_rules(api, site.operation.id, "paging", out_of_range=swapped)


@_kind("P15", "page 0 is accepted", key=_PAGING, sites=sites.page_numbers)
def page_zero(site: Site, api: Api) -> Defect:
    """Take page 0 for the first one."""

    def change(turn: Turn) -> Request | None:
        query = turn.query
        is_zero = query.get(site.about, [""])[-1].strip() == "0"
        return turn.asking({**query, site.about: ["1"]}) if is_zero else None

    return asked_otherwise(site.operation.id, change)


@_kind("P19", "too large a size is answered otherwise", key=_PAGING, sites=sites.paged)
def oversize(site: Site, api: Api) -> Defect:
    """Swap refusing and clamping."""
    rules = api.conventions["paging"]
    if rules["oversize"] == "clamp":
        return at(site.operation.id, lambda turn: _too_large(turn, site, api))
    return with_rules(api, site.operation.id, "paging", oversize="clamp")


def _too_large(turn: Turn, site: Site, api: Api) -> Exchange:
    text = (turn.query.get(site.about) or [""])[-1].strip()
    is_over = text.isdigit() and int(text) > int(api.conventions["paging"]["max"])
    refusal = bodies.said(400, {site.about: ["Too large."]})
    return answered(turn.ask(), refusal if is_over else None)


@_kind("P20", "a malformed size is answered otherwise", key=_PAGING, sites=sites.paged)
def bad_size(site: Site, api: Api) -> Defect:
    """Swap refusing and the default."""
    swapped = "default" if api.conventions["paging"]["bad_size"] == "reject" else "reject"
    return with_rules(api, site.operation.id, "paging", bad_size=swapped)


def _has_last_word(site: Site, api: Api) -> bool:
    return bool(api.conventions["paging"]["last"])


@_kind(
    "P21",
    "the word for the last page is unknown",
    key=_PAGING,
    sites=sites.where(sites.page_numbers, _has_last_word),
)
def no_last_word(site: Site, api: Api) -> Defect:
    """Know numbers only."""
    return with_rules(api, site.operation.id, "paging", last=None)


@_kind("P22", "a row between two pages is lost", key=_PAGING, sites=sites.page_numbers)
def gap(site: Site, api: Api) -> Defect:
    """Start every page but the first one row too late."""

    def change(found: list[Record], number: int, size: int) -> list[Record]:
        return found if number == 1 else [*found[1:], *found[:1]]

    return _recut(site, api, change)
