"""Measure one request, from bytes to bytes, without a socket."""

from __future__ import annotations

import argparse
import statistics
import time

from mockserver import assembly
from mockserver.app import Application
from mockserver.assembly import Sources
from mockserver.exchange import Request

#: The identifier that the shipped scenarios give the records of documentation examples.
SAMPLE = "a1b2c3d4e5f67890abcdef1234567890"
PATHS = (
    "/api/marketplace-plans/",
    "/api/marketplace-plans/?page_size=300",
    f"/api/marketplace-plans/{SAMPLE}/",
    "/api/marketplace-service-providers/?o=-customer_name&page_size=5",
    "/api/marketplace-service-providers/?customer_keyword=computing&field=uuid",
    f"/api/marketplace-service-providers/{SAMPLE}/users/",
    f"/api/marketplace-service-providers/{SAMPLE}/customers/",
    f"/api/marketplace-service-providers/{SAMPLE}/offerings/",
)


def main() -> None:
    """Print a line for each path: what it answers and how long that takes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scenario", default="default")
    options.add_argument("--token", default="YOUR_API_TOKEN")
    options.add_argument("--rounds", type=int, default=50)
    given = options.parse_args()
    started = time.perf_counter()
    application = assembly.build(Sources(scenario=given.scenario))
    print(f"scenario {given.scenario} built in {time.perf_counter() - started:.2f} s")
    print(f"{'median ms':>10}{'worst ms':>10}{'bytes':>9}  status  path")
    for path in PATHS:
        _measure(application, path, given.token, given.rounds)


def _measure(application: Application, target: str, token: str, rounds: int) -> None:
    path, _, query = target.partition("?")
    headers = {"host": "127.0.0.1:4010", "authorization": f"Token {token}"}
    request = Request("GET", path, query, headers)
    response = application.answer(request).response
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        application.answer(request)
        taken.append((time.perf_counter() - started) * 1000)
    median, size = statistics.median(taken), len(response.body)
    print(f"{median:10.2f}{max(taken):10.2f}{size:9}  {response.status:6}  {target}")


if __name__ == "__main__":
    main()
