"""O: directions, nulls and letter cases in another place of an order."""

from __future__ import annotations

from collections.abc import Sequence

from mockserver.actions import Scope
from mockserver.api import Api
from mockserver.json_types import Record
from mockserver.mutants import hearing, hidden, sites
from mockserver.mutants.filter_values import may_miss
from mockserver.mutants.ordering import arranged, key_kind, leads, ways
from mockserver.mutants.planting import Defect
from mockserver.mutants.registry import Family, Site
from mockserver.operation import is_nullable
from mockserver.paths import UNREACHED

_FAMILY = Family("ordering")
_kind = _FAMILY.kind


def _never_null(site: Site, api: Api) -> str:
    for way in ways(site, api)[:1]:
        field = way.field
        is_open = field is None or bool(field.computed) or is_nullable(field.schema)
        if is_open or may_miss(way.text, sites.target(site, api), api):
            return hidden.order_key(site, api)
    return "the key is never null"


@_kind(
    "O10",
    "nulls are at the other end",
    key="x-mock.ordering",
    sites=sites.order_keys,
    excuse=_never_null,
)
def nulls_elsewhere(site: Site, api: Api) -> Defect:
    """Move what has no value to the other end."""
    way = ways(site, api)[0]

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        if not leads(scope, api, site):
            return found
        is_null = [way.first(record, scope) in (None, UNREACHED) for record in found]
        without = [record for record, null in zip(found, is_null, strict=True) if null]
        others = [record for record, null in zip(found, is_null, strict=True) if not null]
        return [*others, *without] if is_null and is_null[0] else [*without, *others]

    return arranged(site, api, arrange)


def _is_cased(site: Site, api: Api) -> bool:
    return key_kind(site, api) == "text"


def _collated(site: Site, api: Api) -> str:
    field = ways(site, api)[0].field
    pattern = str(field.schema.get("pattern", "")) if field is not None else ""
    if pattern and "a" not in pattern.lower():
        return "its values have no letters"
    return hidden.order_key(site, api)


@_kind(
    "O11",
    "texts are sorted by another letter case rule",
    key="x-mock.ordering",
    sites=sites.one_each(sites.where(sites.order_keys, _is_cased)),
    excuse=_collated,
)
def other_collation(site: Site, api: Api) -> Defect:
    """Let small letters follow capital ones, or stand beside them where they should not."""
    way, folds = ways(site, api)[0], api.conventions["ordering"]["collation"] != "casefold"

    def rank(record: Record, scope: Scope) -> str:
        value = way.first(record, scope)
        text = "" if value in (None, UNREACHED) else str(value)
        return text.casefold() if folds else text

    def arrange(scope: Scope, found: list[Record]) -> Sequence[Record]:
        word = leads(scope, api, site)
        if not word:
            return found
        return sorted(found, key=lambda record: rank(record, scope), reverse=word != site.subject)

    return arranged(site, api, arrange)


def _has_both(site: Site, api: Api) -> bool:
    order, mark = site.operation.ordering, api.conventions["ordering"]["descending"]
    return order is not None and {site.subject, f"{mark}{site.subject}"} <= order.words


@_kind(
    "O12",
    "the key sorts in the opposite direction",
    key="x-order",
    sites=sites.where(sites.order_keys, _has_both),
    excuse=hidden.order_key,
)
def opposite(site: Site, api: Api) -> Defect:
    """Swap up and down."""
    name, rules = site.about.partition(":")[0], api.conventions["ordering"]
    mark, split = rules["descending"], rules["separator"]
    swapped = {site.subject: f"{mark}{site.subject}", f"{mark}{site.subject}": site.subject}

    def change(query: hearing.Query) -> hearing.Query:
        sent = [
            split.join(swapped.get(word, word) for word in text.split(split))
            for text in query.get(name, ())
        ]
        return {**query, name: sent} if sent else query

    return hearing.heard_otherwise(site, api, change)
