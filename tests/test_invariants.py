"""Random games with the default world: bounded here, long with `python -m tests.invariants`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mockserver.assembly import World
from mockserver.operation import Effect
from tests.invariants import client, laws, requests
from tests.invariants.client import Client
from tests.invariants.machine import PERSONAS, SAMPLE, Marketplace

ROW = dict[str, Any]


@pytest.mark.parametrize("games", [4, pytest.param(10, marks=pytest.mark.slow)])
def test_every_law_holds_whatever_anybody_writes(default_world: World, games: int) -> None:
    class Game(Marketplace):
        world = default_world

    # The same games every time: chance is for the long run.
    bounded = settings(
        max_examples=games,
        stateful_step_count=36,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Game, settings=bounded)


@pytest.mark.parametrize("law", laws.AT_ONCE, ids=lambda law: law.__name__)
def test_every_law_holds_at_every_provider(default_world: World, law: laws.Law) -> None:
    asking = Client(default_world)
    for provider in asking.app.store.read().all("service_provider"):
        for asking.turn in range(laws.TURNS if law in PAGING else 1):
            law(asking, provider["uuid"])


PAGING = (laws.counts_agree, laws.pages_partition_the_list)


def test_everybody_tries_every_operation_that_writes(default_world: World) -> None:
    writing = {b.operation.id for b in default_world.api.operations.values() if b.operation.writes}

    assert set(requests.WRITING) == writing
    assert {p.name for p in default_world.scenario.personas} == set(PERSONAS)
    assert set(requests.SHOWING) < writing


# A law that nothing breaks would be decoration.


def first(change: Callable[[ROW], Any]) -> Callable[[Any], Any]:
    """Return a change of a list that spoils its first row."""

    def spoil(rows: Any) -> Any:
        return [{**rows[0], **change(rows[0])}, *rows[1:]] if rows else rows

    return spoil


def drop_last(rows: Any) -> Any:
    return rows[:-1] if isinstance(rows, list) else rows


_P = "marketplace_service_providers_"
DEFECTS: list[tuple[laws.Law, str, Callable[[Any], Any]]] = [
    (laws.counts_agree, f"{_P}keys_list", drop_last),
    (laws.pages_partition_the_list, f"{_P}users_list", drop_last),
    (laws.customers_add_up, f"{_P}customers_list", drop_last),
    (laws.customers_add_up, f"{_P}customers_list", first(lambda r: {"projects": []})),
    (laws.customers_add_up, f"{_P}customers_list", first(lambda r: {"users_count": 10**6})),
    (laws.nobody_else_is_mentioned, f"{_P}users_list", drop_last),
    (laws.nobody_else_is_mentioned, f"{_P}keys_list", first(lambda r: {"user_uuid": SAMPLE[::-1]})),
    (laws.nobody_else_is_mentioned, f"{_P}course_accounts_list",
     first(lambda r: {"project_uuid": SAMPLE[::-1]})),
    (laws.users_belong_to_customers, f"{_P}user_customers_list", lambda rows: []),
    (laws.users_belong_to_customers, f"{_P}customers_list", drop_last),
    (laws.plans_are_shown_alike, "marketplace_plans_list", first(lambda r: {"quotas": {}})),
    (laws.plans_are_shown_alike, f"{_P}offerings_list", first(lambda r: {"plans": []})),
    (laws.plans_are_shown_alike, "marketplace_plans_retrieve", lambda row: {**row, "unit": "x"}),
    (laws.usage_adds_up, "marketplace_plans_usage_stats_list", first(lambda r: {"remaining": 99})),
    (laws.usage_adds_up, "marketplace_plans_usage_stats_list", first(lambda r: {"usage": 10**6})),
    (laws.figures_agree, f"{_P}stat_retrieve", lambda row: {**row, "erred_resources": 10**6}),
    (laws.figures_agree, f"{_P}stat_retrieve", lambda row: {**row, "current_customers": 0}),
    (laws.figures_agree, f"{_P}retrieve", lambda row: {**row, "offering_count": 0}),
    (laws.figures_agree, f"{_P}revenue_list", lambda rows: rows[::-1]),
    (laws.compliance_adds_up, "service_provider_compliance_overview",
     first(lambda r: {"completed_users": r["completed_users"] + 1})),
    (laws.compliance_adds_up, "service_provider_checklists_summary", drop_last),
    (laws.compliance_adds_up, "service_provider_offering_users_compliance", lambda rows: []),
    (laws.others_see_a_part, "marketplace_plans_retrieve", lambda row: {**row, "unit": "x"}),
    (laws.team_is_listed_once, f"{_P}list_users_list", lambda rows: [*rows, rows[0]]),
    (laws.team_is_listed_once, f"{_P}list_users_list",
     first(lambda r: {"expiration_time": "2020-01-01T00:00:00Z"})),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(DEFECTS)))
def test_a_law_notices_a_defect(default_world: World, number: int) -> None:
    law, spoiled, change = DEFECTS[number]
    asking = Client(
        default_world, lambda name, body: change(body) if body and name == spoiled else body
    )

    def ask() -> None:
        for asking.turn in range(laws.TURNS):
            law(asking, SAMPLE)

    with pytest.raises(AssertionError):
        ask()


def test_every_law_has_a_defect_that_it_notices() -> None:
    assert {law for law, _, _ in DEFECTS} == set(laws.AT_ONCE)


MADE, GONE, CHANGED = "made organization_group", "removed campaign", "changed ['name'] of plan"
CREATES, REMOVES = frozenset({"organization_group"}), frozenset({"campaign"})


@pytest.mark.parametrize(
    ("effect", "found"),
    [
        (Effect(), [MADE, GONE, CHANGED]),
        (Effect(creates=CREATES), [GONE, CHANGED]),
        (Effect(changes={"plan": frozenset({"unit"})}, removes=REMOVES), [MADE, CHANGED]),
        (Effect(CREATES, {"plan": frozenset({"name", "unit"})}, REMOVES), []),
    ],
)
def test_what_is_beyond_an_effect_is_noticed(
    default_world: World, effect: Effect, found: list[str]
) -> None:
    app = Client(default_world).app
    before = app.store.state
    with app.store.transaction() as store:
        group = store.all("organization_group")[0]
        store.insert("organization_group", {**group, "uuid": "5" * 32})
        store.remove("campaign", store.all("campaign")[0])
        store.replace("plan", store.all("plan")[0], name="Other")

    assert sorted(client.beyond(effect, before, app.store.state)) == sorted(found)
