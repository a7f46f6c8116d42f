"""What does showing one plan cost?"""  # noqa: D400  the question it answers

from __future__ import annotations

from urllib.parse import urlsplit

from benchmarks import load, processes
from benchmarks.comparison import CREDENTIALS, Comparison, compare, first_plan


def measure(rounds: int) -> Comparison:
    """Ask for one plan, again and again."""
    with processes.mock() as served:
        path = urlsplit(first_plan(served)["url"]).path
        request = load.message("GET", path, CREDENTIALS)
        return compare("retrieve", served, request, rounds=rounds, requests=2000)
