"""Run the suite against one broken mock, and say whether it named the right place."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from contract_tests import inprocess, runner
from contract_tests.config import Config
from contract_tests.result import Exit, Finding, Result
from mockserver import assembly, mutants
from mockserver.mutants import Mutant

#: killed: the right place was named; elsewhere: another one; crashed: the run said nothing.
Fate: TypeAlias = Literal["killed", "elsewhere", "survived", "crashed"]


@dataclass(frozen=True, slots=True)
class Score:
    """
    What became of one mutant.

    `by` is the property that named the place first, `also` every property that did
    (only in an exhaustive run); `is_exact` tells that it named the very operation, and not
    another one of the same records. `requests` and `seconds` are those to the first of them.
    """

    mutant: str
    kind: str
    title: str
    key: str
    operation: str
    about: str
    fate: Fate
    by: str = ""
    also: tuple[str, ...] = ()
    requests: int = 0
    seconds: float = 0.0
    total: int = 0
    is_exact: bool = False
    note: str = ""


class _Watch(runner.Silent):
    """Stop the run at the first finding that names the place, unless it shall go on."""

    def __init__(self, mutant: Mutant, *, is_exhaustive: bool) -> None:
        self.mutant, self.is_exhaustive = mutant, is_exhaustive
        self.started = time.perf_counter()
        self.first: Finding | None = None
        self.seconds = 0.0
        self.right: list[str] = []

    def finding(self, finding: Finding) -> None:
        """Note a finding that names the place."""
        if finding.kind != "bug" or not names(finding, self.mutant):
            return
        self.right.append(finding.property)
        if self.first is None:
            self.first, self.seconds = finding, time.perf_counter() - self.started
        if not self.is_exhaustive:
            raise runner.Enough


def names(finding: Finding, mutant: Mutant) -> bool:
    """Tell whether a finding names the place where a mutant was planted."""
    if finding.operation != mutant.operation:
        return finding.operation in mutant.elsewhere
    is_parameter = mutant.key in ("x-filter", "x-order")
    return not is_parameter or not mutant.about or finding.about == mutant.about


def examine(
    mutant: Mutant, world: assembly.World, config: Config, *, is_exhaustive: bool = False
) -> Score:
    """Return what the suite makes of a mutant; `config` says how the suite is run."""
    watch = _Watch(mutant, is_exhaustive=is_exhaustive)
    blank = Score(
        mutant.id, mutant.kind, mutant.title, mutant.key, mutant.operation, mutant.about, "survived"
    )
    planted = mutants.plant(mutant, world)
    asked = replace(config, transport=inprocess.transport(planted))
    try:
        result = runner.run(asked, watch)
    except Exception as error:  # noqa: BLE001  a suite that falls over has not killed anything
        return replace(blank, fate="crashed", note=repr(error)[:200])
    return _judged(blank, watch, result)


def _judged(blank: Score, watch: _Watch, result: Result) -> Score:
    if watch.first is not None:
        return replace(
            blank, fate="killed", by=watch.first.property, also=tuple(dict.fromkeys(watch.right)),
            requests=watch.first.first_request, seconds=watch.seconds, total=result.requests,
            is_exact=watch.first.operation == blank.operation,
        )  # fmt: skip
    if result.exit is Exit.FINDINGS:
        found = ", ".join(sorted({f"{f.property} {f.target}" for f in result.news})[:5])
        return replace(blank, fate="elsewhere", note=found, total=result.requests)
    if result.exit is not Exit.FINE:
        return replace(blank, note=result.message[:200], total=result.requests)
    return replace(blank, total=result.requests)


def config_for(mutant: Mutant, world: assembly.World, base: Config, *, is_whole: bool) -> Config:
    """Return how the suite is run against a mutant: all of it, or the operations concerned."""
    named = () if is_whole else concerned(mutant, world)
    tokens = {**inprocess.tokens(world.scenario), **inprocess.refused(world)}
    return replace(base, include=named, tokens=tokens)


def concerned(mutant: Mutant, world: assembly.World) -> tuple[str, ...]:
    """Return the operations at fault, and those that write the records they show."""
    operations = world.api.spec.operations
    named = {mutant.operation, *mutant.elsewhere, *_beside(mutant, world)}
    shown = {o.resource for o in operations if o.id in named and o.nesting is None}
    return tuple(
        sorted(named | {o.id for o in operations if o.resource in shown and o.effect is not None})
    )


def _beside(mutant: Mutant, world: assembly.World) -> set[str]:
    """Return the lists that tell whom to ask a list about which is empty until it is asked."""
    at_fault = world.api.spec.operation(mutant.operation)
    filters = [p.filter for p in at_fault.parameters if p.filter and p.place == "query"]
    if at_fault.nesting is None or not any(each.by for each in filters):
        return set()
    return {
        o.id
        for o in world.api.spec.operations
        if o.verb == "list" and o.resource == at_fault.resource
        and o.nesting is not None and o.nesting.parent == at_fault.nesting.parent
    }  # fmt: skip


def base_config(*, profile: str = "ci", seed: int = 1, pack: str | None = None) -> Config:
    """Return the configuration of an exam: deterministic layers, nothing minimised."""
    return Config(
        url=inprocess.BASE_URL,
        profile=profile,
        seed=seed,
        mode="destructive",
        layers=("probes", "interactions"),
        minimises=False,
        against_mock=False,
        pack=pack,
    )


def read_world(scenario: str, clock: datetime | None = None) -> assembly.World:
    """Return the world that mutants are planted in."""
    instant = (clock or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return assembly.read_world(assembly.Sources(scenario=scenario, clock=instant))
