"""What does a page of ten plans cost?"""  # noqa: D400  the question it answers

from __future__ import annotations

from benchmarks import load, processes
from benchmarks.comparison import CREDENTIALS, PLANS, Comparison, compare


def measure(rounds: int) -> Comparison:
    """Ask for the first page of the plans, again and again."""
    request = load.message("GET", PLANS, CREDENTIALS)
    with processes.mock() as served:
        return compare("list", served, request, rounds=rounds, requests=800)
