"""Run probes of some modules on a shipped scenario or the library, correct or with a defect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path

from contract_tests import inprocess, subject
from contract_tests.client import NotOurs
from contract_tests.config import PROFILES
from contract_tests.lab import Blocked, Lab, Suspicion
from contract_tests.probes.registry import PROBES, Probe
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver import assembly, mutants
from mockserver.app import Application
from mockserver.assembly import Sources
from tests.contract_harness import heard, lab_for

_LIBRARY = Path(__file__).parent.parent / "examples" / "library"


@dataclass(frozen=True)
class Stage:
    """A world, its description, and whose tokens there are."""

    about: Subject
    world: assembly.World
    tokens: dict[str, str]

    def correct(self) -> Application:
        return assembly.application(self.world)

    def broken(self, mutant: str) -> Application:
        return mutants.plant(mutants.find(mutant, self.world.api), self.world)

    def lab(self, app: inprocess.Answering, **more: object) -> tuple[Lab, World]:
        return lab_for(app, self.about, tokens=self.tokens, **more)


@cache
def shipped(scenario: str = "default") -> Stage:
    world = assembly.read_world(Sources(scenario=scenario))
    return Stage(subject.read(), world, inprocess.tokens(world.scenario))


@cache
def library() -> Stage:
    spec = _LIBRARY / "spec" / "openapi.yaml"
    world = assembly.read_world(Sources(spec=spec, pack=str(_LIBRARY / "pack.py")))
    said = inprocess.tokens(world.scenario)
    tokens = {"main": said["curator"], "librarian": said["librarian"], "inactive": said["lapsed"]}
    return Stage(subject.read(spec), world, tokens)


def probes_of(*modules: str) -> list[Probe]:
    names = [import_module(f"contract_tests.probes.{module}").__name__ for module in modules]
    return [probe for probe in PROBES if probe.run.__module__ in names]


@dataclass(frozen=True)
class Played:
    """What was suspected, and the lab in which it was."""

    found: list[Suspicion]
    lab: Lab
    world: World

    @property
    def brief(self) -> set[tuple[str, str, str]]:
        return {(each.property, each.operation, each.about) for each in self.found}


def play(
    stage: Stage,
    app: inprocess.Answering,
    modules: Iterable[str],
    operations: Iterable[str] = (),
    *,
    profile: str = "quick",
    **more: object,
) -> Played:
    """Run the probes of some modules against some operations; all when none is named."""
    depth = replace(PROFILES[profile].depth, nasty=12)
    lab, world = stage.lab(app, depth=depth, **more)
    found, wanted = heard(lab), set(operations)
    for probe in probes_of(*modules):
        for operation in lab.operations:
            if (wanted and operation.id not in wanted) or not probe.applies(lab.subject, operation):
                continue
            try:
                with lab.case():
                    probe.run(lab, world, operation)
            except (Blocked, NotOurs) as reason:
                for name in probe.proves:
                    lab.blocked(name, operation, str(reason))
    return Played(found, lab, world)
