"""What does creating a plan cost, its body fully checked?"""  # noqa: D400  the question it answers

from __future__ import annotations

import orjson

from benchmarks import load, processes
from benchmarks.comparison import CREDENTIALS, PLANS, Comparison, compare, first_plan


def measure(rounds: int) -> Comparison:
    """Create the same plan again and again; every answer is a new record."""
    with processes.mock() as served:
        body = {
            "name": "Measured",
            "description": "Made to see what <em>making</em> costs.",
            "article_code": "M-1",
            "max_amount": 10,
            "archived": False,
            "unit_price": "12.5",
            "unit": "month",
            "backend_id": "measured",
            "offering": first_plan(served)["offering"],
        }
        headers = {**CREDENTIALS, "Content-Type": "application/json"}
        request = load.message("POST", PLANS, headers, body=orjson.dumps(body), status=201)
        return compare("create", served, request, rounds=rounds, requests=400)
