"""Every list that has an oracle."""

from __future__ import annotations

from tests.oracle import (
    accounts,
    compliance,
    customers,
    keys,
    offerings,
    people,
    plans,
    projects,
    providers,
)

LISTINGS = {
    listing.operation: listing
    for listing in (
        *plans.LISTINGS,
        *providers.LISTINGS,
        *customers.LISTINGS,
        *projects.LISTINGS,
        *(people.USERS, people.PERMISSIONS, people.MEMBERS),
        *keys.LISTINGS,
        *offerings.LISTINGS,
        *accounts.LISTINGS,
        *compliance.LISTINGS,
    )
}
#: Operations that are no lists of records, or have no paging, and their parameters.
OTHERS = {
    "marketplace_service_providers_retrieve": {"field"},
    "marketplace_service_providers_revenue_list": {"page", "page_size"},
}
