"""Every documented parameter has an oracle, and every value of each is answered as it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.oracle import strategies
from tests.oracle.listing import PAGING, Listing, answer
from tests.oracle.profile import WORLDS
from tests.oracle.tables import LISTINGS, OTHERS
from tests.oracle.worlds import Case

_CONTRACT = Path(__file__).parent.parent / "data" / "contract.json"
#: Filters that cannot tell rows apart, for every row of their list is alike in this.
_ALIKE = {
    ("marketplace_service_providers_offerings_list", "billable"),
    ("marketplace_service_providers_offerings_list", "customer"),
    ("marketplace_service_providers_offerings_list", "customer_uuid"),
    ("marketplace_service_providers_offerings_list", "project_uuid"),
    ("marketplace_service_providers_offerings_list", "shared"),
    ("marketplace_service_providers_projects_list", "is_removed"),
    ("marketplace_service_providers_customer_projects_list", "is_removed"),
    ("marketplace_service_providers_project_permissions_list", "scope_type"),
    ("marketplace_service_providers_users_list", "is_active"),
}
FILTERS = sorted((key, name) for key, listing in LISTINGS.items() for name in listing.filters)


def documented() -> dict[str, set[str]]:
    contract: dict[str, Any] = json.loads(_CONTRACT.read_text("utf-8"))
    return {entry["id"]: set(entry["query"]) for entry in contract["operations"] if entry["query"]}


def path_of(listing: Listing) -> tuple[str, str]:
    """Return the path of a list, and the provider in it."""
    return listing.path.format(strategies.EVERYTHING), strategies.EVERYTHING


def test_every_parameter_has_an_oracle() -> None:
    known = {key: listing.parameters for key, listing in LISTINGS.items()} | OTHERS
    assert known == documented()
    assert sum(map(len, known.values())) == 235


@pytest.mark.parametrize(("operation", "name"), FILTERS)
def test_each_value_keeps_the_right_rows(case: Case, operation: str, name: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(listing)
    ask, neutral = case.ask("staff", key), strategies.neutral(listing)
    whole = answer(listing, ask, path, urlencode(neutral)).count
    counts = set()
    for value in strategies.values(case, listing, name, key):
        query = urlencode([*neutral, ("page_size", "300"), (name, value)])
        expected = answer(listing, ask, path, query)
        assert case.answer("staff", path, query) == expected, query
        counts.add(expected.count)
    some = counts - {None, "0", whole}
    assert some or (operation, name) in _ALIKE, f"{name} never keeps some rows and drops others"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(WORLDS)))
@pytest.mark.parametrize("operation", sorted(LISTINGS))
def test_values_keep_the_right_rows_of_other_worlds(
    case_of: Callable[[int], Case], operation: str, number: int
) -> None:
    case, listing = case_of(number), LISTINGS[operation]
    path, key = path_of(listing)
    for persona in ("staff", "owner"):
        ask, neutral = case.ask(persona, key), strategies.neutral(listing)
        for name in listing.filters:
            for value in strategies.values(case, listing, name, key, most=1):
                query = urlencode([*neutral, (name, value)])
                assert case.answer(persona, path, query) == answer(listing, ask, path, query), query


@pytest.mark.parametrize("operation", sorted(LISTINGS))
@pytest.mark.parametrize("name", PAGING)
def test_each_page_is_the_right_one(case: Case, operation: str, name: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(listing)
    ask = case.ask("staff", key)
    for value in strategies.PAGES if name == "page" else strategies.SIZES:
        for more in ([], [("page_size", "2")], [("page", "2")]):
            query = urlencode([*strategies.neutral(listing), *more, (name, value)])
            assert case.answer("staff", path, query) == answer(listing, ask, path, query), query


@pytest.mark.parametrize("operation", sorted(LISTINGS))
def test_each_key_orders_the_rows(case: Case, operation: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(listing)
    ask = case.ask("staff", key)
    keys = [*listing.orders, *("-" + order for order in listing.orders)]
    for value in [*keys, *(f"{key},-name" for key in keys), *strategies.ORDERS]:
        query = urlencode([*strategies.neutral(listing), ("o", value), ("page_size", "300")])
        assert case.answer("staff", path, query) == answer(listing, ask, path, query), query


@pytest.mark.parametrize("operation", sorted(k for k, each in LISTINGS.items() if each.fields))
def test_each_field_can_be_asked_for(case: Case, operation: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(listing)
    for persona in (None, *sorted(case.tokens)):
        ask = case.ask(persona, key)
        wanted = [[name] for name in (*listing.fields, "nonsense", "", "UUID", "uuid,name")]
        for names in [*wanted, [], list(reversed(listing.fields))]:
            query = urlencode([*strategies.neutral(listing), *(("field", name) for name in names)])
            found = case.answer(persona, path, query)
            assert found == answer(listing, ask, path, query), query


def test_fields_keep_their_order(case: Case) -> None:
    for listing in LISTINGS.values():
        path, _ = path_of(listing)
        neutral = strategies.neutral(listing)
        whole = case.answer("staff", path, urlencode(neutral)).body[0]
        some = [("field", name) for name in reversed(list(whole))][::2]
        asked = case.answer("staff", path, urlencode([*neutral, *some])).body[0]
        assert list(asked) == [name for name in whole if name in asked]
