"""How long to search: HYPOTHESIS_PROFILE=fuzz searches much longer, and elsewhere each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
settings.register_profile(
    "ci", max_examples=60, derandomize=True, deadline=None, suppress_health_check=_SLOW
)
settings.register_profile("fuzz", max_examples=3000, deadline=None, suppress_health_check=_SLOW)

_NAME = os.environ.get("HYPOTHESIS_PROFILE", "ci")
SETTINGS = settings.get_profile(_NAME if _NAME == "fuzz" else "ci")

#: Seed of the scenario, None for its own, and number of random changes, for each world.
WORLDS: list[tuple[int | None, int]] = [(None, 0), (1, 0), (2, 60), (3, 250), (None, 600)]
if _NAME == "fuzz":
    WORLDS += [(seed, 40 * seed) for seed in range(4, 24)]
