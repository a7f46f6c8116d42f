"""Every row of every list, with every field, for every caller and provider."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.oracle import providers
from tests.oracle.listing import Answer, Listing, answer
from tests.oracle.profile import WORLDS
from tests.oracle.strategies import neutral
from tests.oracle.tables import LISTINGS
from tests.oracle.world import Ask, may
from tests.oracle.worlds import Case

_PATH = "/api/marketplace-service-providers/{}/"
_REPORTS = [
    ("stat/", "SERVICE_PROVIDER.GET_STATISTICS", providers.statistics),
    ("revenue/", "SERVICE_PROVIDER.GET_REVENUE", providers.revenue),
]


def targets(case: Case, listing: Listing) -> list[str]:
    if not listing.is_nested:
        return [""]
    first = case.providers[0]
    return [*case.providers, first.upper(), f"{first[:8]}-{first[8:]}", "0" * 32, "x", "a.b"]


@pytest.mark.parametrize("number", range(len(WORLDS)))
@pytest.mark.parametrize("operation", sorted(LISTINGS))
def test_rows_are_those_of_the_reference(
    case_of: Callable[[int], Case], operation: str, number: int
) -> None:
    case, listing = case_of(number), LISTINGS[operation]
    plain = neutral(listing)
    queries = {"", urlencode(plain), urlencode([*plain, ("page_size", "300")])}
    for persona in (None, *sorted(case.tokens)):
        for target in targets(case, listing):
            path = listing.path.format(target)
            ask = case.ask(persona, target)
            for query in queries:
                found = case.answer(persona, path, query)
                assert found == answer(listing, ask, path, query), (persona, path)


@pytest.mark.parametrize("number", range(len(WORLDS)))
@pytest.mark.parametrize(("name", "permission", "report"), _REPORTS)
def test_reports_are_those_of_the_reference(
    case_of: Callable[[int], Case],
    number: int,
    name: str,
    permission: str,
    report: Callable[[Ask], object],
) -> None:
    case = case_of(number)
    for persona in sorted(case.tokens):
        for target in case.providers:
            ask = case.ask(persona, target)
            found = case.answer(persona, _PATH.format(target) + name, "page=9&page_size=1")
            if may(ask, permission):
                body = report(ask)
                count = str(len(body)) if isinstance(body, list) else None
                assert (found.status, found.body, found.count) == (200, body, count)
            else:
                assert found.status == 403


@pytest.mark.parametrize("number", range(len(WORLDS)))
def test_one_provider_is_shown_as_in_the_list(case_of: Callable[[int], Case], number: int) -> None:
    case = case_of(number)
    for persona in (None, "staff", "stranger"):
        for target in case.providers:
            provider = case.world.get("service_provider", target)
            shown = providers.show(case.ask(persona), provider)
            for fields in ([], ["uuid"], ["enable_notifications"], ["image", "no", "url"], ["no"]):
                query = "&".join(f"field={name}" for name in fields)
                known = [name for name in fields if name in providers.FIELDS]
                wanted = {n: v for n, v in shown.items() if n in known} if known else shown
                expected = Answer(200, wanted)
                assert case.answer(persona, _PATH.format(target), query) == expected
