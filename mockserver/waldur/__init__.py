"""Behave as Waldur does where its spec needs a condition, a loop or arithmetic."""

from __future__ import annotations

from mockserver.pack import Pack
from mockserver.waldur import (
    _providers,
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
    faker_providers=(_providers.WaldurProvider,),
    jobs=jobs.JOBS,
)
