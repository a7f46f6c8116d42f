"""Behave as Waldur does where its spec needs a condition, a loop or arithmetic."""

from __future__ import annotations

from typing import Any

from mockserver.pack import Pack
from mockserver.waldur import (
    billing,
    compliance,
    jobs,
    marketplace_plans,
    marketplace_service_providers,
    offering_queries,
    offerings,
    people,
    people_queries,
    permissions,
    pricing,
    project_queries,
    projects,
    reach,
    secrets,
    visibility,
)


def _words() -> type[Any]:
    # A world that was made before needs no Faker, and it is slow to import.
    from mockserver.waldur._providers import WaldurProvider

    return WaldurProvider


pack = Pack.of(
    "waldur",
    operations=(marketplace_plans, marketplace_service_providers),
    functions=(
        billing,
        compliance,
        offering_queries,
        offerings,
        people,
        people_queries,
        pricing,
        project_queries,
        projects,
        reach,
        secrets,
        visibility,
    ),
    may=permissions.may,
    faker_providers=(_words,),
    jobs=jobs.JOBS,
)
