"""Play long games with the default world: `python -m tests.invariants --examples 50`."""

from __future__ import annotations

import argparse
import sys

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from mockserver import assembly
from mockserver.assembly import Sources
from tests.invariants.machine import Marketplace


class Game(Marketplace):
    """Every game starts from the shipped world, on a day of its own."""

    world = assembly.read_world(Sources(clock="2026-03-15T12:30:00Z"))


def main() -> None:
    """Play, and show the shortest game that breaks a law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    chosen = settings(
        max_examples=given.examples,
        stateful_step_count=given.steps,
        deadline=None,
        derandomize=given.seed is None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    game = Game if given.seed is None else seed(given.seed)(Game)
    run_state_machine_as_test(game, settings=chosen)
    sys.stdout.write(f"{given.examples} games of up to {given.steps} steps: every law holds\n")


if __name__ == "__main__":
    main()
