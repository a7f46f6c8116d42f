"""Every documented parameter has an oracle, and every value of each is answered as it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.oracle import strategies
from tests.oracle.listing import PAGING, Listing, answer, provider_of
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


def path_of(case: Case, listing: Listing, provider: str | None = None) -> tuple[str, str]:
    """Return the path of a list, and the provider in it; the first one if none is named."""
    key = provider or "a1b2c3d4e5f67890abcdef1234567890"
    return listing.path.format(key), key


def test_every_parameter_has_an_oracle() -> None:
    known = {key: listing.parameters for key, listing in LISTINGS.items()} | OTHERS
    assert known == documented()
    assert sum(map(len, known.values())) == 235


@pytest.mark.parametrize(("operation", "name"), FILTERS)
def test_each_value_keeps_the_right_rows(case: Case, operation: str, name: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(case, listing)
    ask = case.ask("staff", provider_of(case.world, key) if listing.is_nested else None)
    whole = answer(listing, ask, path, "").count
    counts = set()
    for value in strategies.values(case, listing, name, key):
        query = urlencode([(name, value), ("page_size", "300")])
        expected = answer(listing, ask, path, query)
        assert case.answer("staff", path, query) == expected, query
        counts.add(expected.count)
    some = counts - {None, "0", whole}
    assert some or (operation, name) in _ALIKE, f"{name} never keeps some rows and drops others"


@pytest.mark.parametrize("operation", sorted(LISTINGS))
@pytest.mark.parametrize("name", PAGING)
def test_each_page_is_the_right_one(case: Case, operation: str, name: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(case, listing)
    ask = case.ask("staff", provider_of(case.world, key) if listing.is_nested else None)
    for value in strategies.PAGES if name == "page" else strategies.SIZES:
        for more in ([], [("page_size", "2")], [("page", "2")]):
            query = urlencode([("o", ""), *more, (name, value)])
            assert case.answer("staff", path, query) == answer(listing, ask, path, query), query


@pytest.mark.parametrize("operation", sorted(LISTINGS))
def test_each_key_orders_the_rows(case: Case, operation: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(case, listing)
    ask = case.ask("staff", provider_of(case.world, key) if listing.is_nested else None)
    keys = [*listing.orders, *("-" + order for order in listing.orders)]
    for value in [*keys, *(f"{key},-name" for key in keys), *strategies.ORDERS]:
        query = urlencode([("o", value), ("page_size", "300")])
        assert case.answer("staff", path, query) == answer(listing, ask, path, query), query


@pytest.mark.parametrize("operation", sorted(k for k, each in LISTINGS.items() if each.fields))
def test_each_field_can_be_asked_for(case: Case, operation: str) -> None:
    listing = LISTINGS[operation]
    path, key = path_of(case, listing)
    for persona in (None, *sorted(case.tokens)):
        ask = case.ask(persona, provider_of(case.world, key) if listing.is_nested else None)
        wanted = [[name] for name in (*listing.fields, "nonsense", "", "UUID", "uuid,name")]
        for names in [*wanted, [], list(reversed(listing.fields))]:
            query = urlencode([("field", name) for name in names])
            found = case.answer(persona, path, query)
            assert found == answer(listing, ask, path, query), query


def test_fields_keep_their_order(case: Case) -> None:
    for listing in LISTINGS.values():
        path, _ = path_of(case, listing)
        whole = case.answer("staff", path).body[0]
        some = list(reversed(list(whole)))[::2]
        asked = case.answer("staff", path, urlencode([("field", name) for name in some])).body[0]
        assert list(asked) == [name for name in whole if name in asked]
