"""Give the same mutants to Schemathesis alone, with as many requests, for comparison."""

from __future__ import annotations

import time
from dataclasses import dataclass

from contract_tests import inprocess
from contract_tests.fuzzing.stage import FuzzRequest, run
from mockserver import assembly, background, mutants, server
from mockserver.mutants import Mutant


@dataclass(frozen=True, slots=True)
class Rival:
    """What Schemathesis made of one mutant."""

    mutant: str
    fate: str
    by: str = ""
    requests: int = 0
    seconds: float = 0.0


def examine(mutant: Mutant, world: assembly.World, *, requests: int, seed: int = 1) -> Rival:
    """Return what Schemathesis finds on the operations concerned, in so many requests."""
    started = time.perf_counter()
    token = inprocess.tokens(world.scenario)["main"]
    keyword = (world.api.conventions["auth"] or {}).get("keyword", "Bearer")
    planted = mutants.plant(mutant, world)
    with background.running(server.Server(planted)) as running:
        outcome = run(
            FuzzRequest(
                url=running.url,
                document=world.api.spec.document,
                spec=world.api.spec,
                operations=tuple(sorted({mutant.operation, *mutant.elsewhere})),
                headers={"Authorization": f"{keyword} {token}"},
                profile="thorough",
                mode="destructive",
                private=True,
                seed=seed,
                requests=requests,
            )
        )
    right = [f for f in outcome.failures if f.operation_id in {mutant.operation, *mutant.elsewhere}]
    fate = "killed" if right else "elsewhere" if outcome.failures else "survived"
    seconds = round(time.perf_counter() - started, 2)
    return Rival(mutant.id, fate, right[0].code if right else "", outcome.requests, seconds)
