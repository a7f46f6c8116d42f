"""What writes to a server prove: nothing against a correct one, every planted defect elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from contract_tests import subject
from contract_tests.lab import Blocked, Depth, Lab, Suspicion
from contract_tests.probes import (
    actions,
    boundaries,
    lifecycle,
    normalizing,
    protected,
    reading,
    refusals,
    removal,
    twins,
    updates,
    writes,
)
from contract_tests.probes.registry import PROBES, Probe
from contract_tests.world import World
from mockserver import assembly, mutants
from mockserver.app import Application
from tests.contract_harness import heard, lab_for

SHIPPED = subject.read()
QUICK = Depth("quick", values=1, parents=2, pairs=10, is_full=False)
MODULES = {
    module.__name__
    for module in (
        actions, boundaries, lifecycle, normalizing, protected, reading, refusals, removal, twins,
        updates, writes,
    )
}  # fmt: skip
OURS = [probe for probe in PROBES if probe.run.__module__ in MODULES]
LIBRARY = Path(__file__).resolve().parent.parent / "examples" / "library"


def run(lab: Lab, world: World, probes: Iterable[Probe], operations: Iterable[str] = ()) -> None:
    names = set(operations)
    for probe in probes:
        for operation in lab.operations:
            if names and operation.id not in names:
                continue
            if probe.applies(lab.subject, operation):
                try:
                    with lab.case(probe.proves[0]):
                        probe.run(lab, world, operation)
                except Blocked as reason:
                    for prop in probe.proves:
                        lab.blocked(prop, operation, str(reason))


def proven(lab: Lab) -> set[str]:
    return {prop for prop, _ in lab.checked if prop[0] in "BCDE"}


def left(lab: Lab) -> set[str]:
    """Return the kinds of records that are left and that something could take away."""
    return {owned.resource for owned in lab.client.ledger.newest_first() if not owned.undo}


@pytest.fixture(scope="module")
def library() -> tuple[subject.Subject, assembly.World]:
    spec = LIBRARY / "spec" / "openapi.yaml"
    sources = assembly.Sources(
        spec=spec, fixtures=LIBRARY / "fixtures", pack=f"{LIBRARY / 'pack.py'}:pack"
    )
    return subject.read(spec), assembly.read_world(sources)


def test_a_correct_server_is_not_suspected(application: Callable[..., Application]) -> None:
    lab, world = lab_for(application(), SHIPPED, depth=QUICK)
    found = heard(lab)
    run(lab, world, OURS)
    assert found == []
    assert proven(lab) >= {
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "B13", "B14",
        "B16", "B17", "B18", "B19", "B20", "B21", "B22", "B23", "C1", "C2", "C3", "C5", "C7",
        "D24", "E1", "E2", "E3", "E4",
    }  # fmt: skip
    assert list(lab.client.ledger.newest_first()) == []


@pytest.mark.slow
def test_a_correct_server_is_not_suspected_in_depth(
    application: Callable[..., Application],
) -> None:
    lab, world = lab_for(application(), SHIPPED)
    found = heard(lab)
    run(lab, world, OURS)
    assert found == []


def test_another_api_is_not_suspected(
    library: tuple[subject.Subject, assembly.World],
) -> None:
    known, made = library
    tokens = {persona.name: persona.token for persona in made.scenario.personas}
    tokens["main"] = made.scenario.personas[0].token
    lab, world = lab_for(assembly.application(made, strict=True), known, tokens=tokens)
    found = heard(lab)
    run(lab, world, OURS)
    assert found == []
    assert {"B4", "B21", "B25", "C3", "C5"} <= proven(lab)
    assert left(lab) == set()


def test_an_empty_server_blocks_and_is_not_suspected(
    application: Callable[..., Application],
) -> None:
    lab, world = lab_for(application("empty"), SHIPPED, depth=QUICK)
    found = heard(lab)
    run(lab, world, OURS)
    assert found == []
    assert {"B18", "B22"} <= proven(lab)
    assert not {"B2", "B10", "C1"} & proven(lab)


@pytest.mark.soak
def test_a_busy_server_is_not_suspected(application: Callable[..., Application]) -> None:
    lab, world = lab_for(application("busy"), SHIPPED, depth=QUICK)
    found = heard(lab)
    run(lab, world, OURS)
    assert found == []
    assert {"B3", "B10", "B16", "C1"} <= proven(lab)


PLANS = "marketplace_plans"
PROVIDERS = "marketplace_service_providers"
CODE = "service_provider_api_secret_code_generate"

#: What is planted, the probe that finds it, and what is suspected.
PLANTED = [
    (f"C06@{PLANS}_create.description", "creates", ("B2", f"{PLANS}_create")),
    (f"C07@{PLANS}_create", "creates", ("B5", f"{PLANS}_create")),
    (f"U01@{PLANS}_partial_update", "patch_each", ("B10", f"{PLANS}_partial_update")),
    (f"U02@{PROVIDERS}_partial_update", "patch_each", ("B10", f"{PROVIDERS}_partial_update")),
    (f"U06@{PLANS}_partial_update", "patch_in_a_row", ("B12", f"{PLANS}_partial_update")),
    (f"U07@{PLANS}_partial_update", "patch_in_a_row", ("B13", f"{PLANS}_partial_update")),
    (f"U11@{PLANS}_update", "puts", ("B7", f"{PLANS}_update")),
    (f"U12@{PLANS}_update", "invalid_bodies", ("B19", f"{PLANS}_update")),
    (f"U12@{PROVIDERS}_create", "invalid_bodies", ("B19", f"{PROVIDERS}_create")),
    (f"X01@{PROVIDERS}_destroy", "destroys", ("B16", f"{PROVIDERS}_destroy")),
    (f"X03@{PLANS}_destroy", "destroys", ("B16", f"{PLANS}_update")),
    (f"A01@{PLANS}_archive", "acts", ("C1", f"{PLANS}_archive")),
    (f"A01@{PLANS}_update_prices", "acts", ("C1", f"{PLANS}_update_prices")),
    (f"A01@{PLANS}_update_quotas", "acts", ("C1", f"{PLANS}_update_quotas")),
    (f"A01@{PLANS}_update_discounts", "acts", ("C1", f"{PLANS}_update_discounts")),
    (f"A01@{PROVIDERS}_delete_user", "acts", ("C1", f"{PROVIDERS}_delete_user")),
    (f"A03@{PLANS}_update_quotas", "acts", ("C1", f"{PLANS}_update_quotas")),
    (f"A08@{CODE}", "acts", ("C1", CODE)),
    (f"A08@{PROVIDERS}_update_user", "acts", ("C1", f"{PROVIDERS}_update_user")),
    (f"A07@{PLANS}_partial_update.archived", "life_cycle", ("C5", f"{PLANS}_partial_update")),
    (f"C16@{PLANS}_partial_update.article_code", "normalizes", ("B20", f"{PLANS}_partial_update")),
    (f"E02@{PROVIDERS}_add_user.grant", "acts", ("C7", f"{PROVIDERS}_add_user")),
]


@pytest.mark.parametrize(("name", "probe", "expected"), PLANTED, ids=[p[0] for p in PLANTED])
def test_a_planted_defect_is_suspected(
    default_world: assembly.World, name: str, probe: str, expected: tuple[str, str]
) -> None:
    mutant = mutants.find(name, default_world.api)
    lab, world = lab_for(mutants.plant(mutant, default_world), SHIPPED, depth=QUICK)
    found = heard(lab)
    asked = {mutant.operation, expected[1]}
    run(lab, world, [each for each in OURS if each.run.__name__ == probe], asked)
    assert expected in {(each.property, each.operation) for each in found}


#: The same where the property of the record that is at fault has to be named.
NAMED = [
    (f"E01@{PLANS}_update.plan.article_code", "puts", ("B7", f"{PLANS}_update", "article_code")),
    (
        f"E01@{PLANS}_partial_update.plan.max_amount",
        "patch_each",
        ("B10", f"{PLANS}_partial_update", "max_amount"),
    ),
    (
        f"U10@{PROVIDERS}_partial_update",
        "patch_each",
        ("B10", f"{PROVIDERS}_partial_update", "created"),
    ),
    (
        f"E01@{PROVIDERS}_update_user.grant.expiration_time",
        "acts",
        ("C1", f"{PROVIDERS}_update_user", "expiration_time"),
    ),
    (f"E01@{CODE}.service_provider.api_secret_code", "acts", ("C1", CODE, "api_secret_code")),
    (f"E01@{PLANS}_archive.plan.archived", "acts", ("C1", f"{PLANS}_archive", "archived")),
]


@pytest.mark.parametrize(("name", "probe", "expected"), NAMED, ids=[n[0] for n in NAMED])
def test_a_suspicion_names_the_property(
    default_world: assembly.World, name: str, probe: str, expected: tuple[str, str, str]
) -> None:
    mutant = mutants.find(name, default_world.api)
    lab, world = lab_for(mutants.plant(mutant, default_world), SHIPPED, depth=QUICK)
    found: list[Suspicion] = heard(lab)
    run(lab, world, [each for each in OURS if each.run.__name__ == probe], [mutant.operation])
    assert expected in {(each.property, each.operation, each.about) for each in found}


def test_suspicions_about_a_record_wait_until_it_is_gone(default_world: assembly.World) -> None:
    name = f"U01@{PROVIDERS}_update"
    mutant = mutants.find(name, default_world.api)
    lab, world = lab_for(mutants.plant(mutant, default_world), SHIPPED, depth=QUICK)
    owned: list[int] = []
    lab.on_suspicion = lambda _: owned.append(len(list(lab.client.ledger.newest_first())))
    run(lab, world, [each for each in OURS if each.run.__name__ == "puts"], [mutant.operation])
    assert owned
    assert set(owned) == {0}
