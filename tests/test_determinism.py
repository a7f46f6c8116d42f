"""The same seed gives the same bytes, in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mockserver import data

#: Asks every operation that reads, and makes one record; prints a digest of each answer.
SCRIPT = """
import hashlib, json, sys
from mockserver import assembly, exporter
from mockserver.assembly import Sources
from mockserver.exchange import Request

scenario, seed = sys.argv[1], int(sys.argv[2])
clock = "2026-03-15T12:30:00Z"
application = assembly.build(Sources(scenario=scenario, seed=seed, clock=clock))
headers = {"authorization": "Token YOUR_API_TOKEN", "host": "a", "content-type": "application/json"}
spec, state = application.api.spec, application.store.state

def key(resource):
    return next(iter(sorted(state.records(resource))), "0" * 32)

def ask(method, path, body=b""):
    response = application.answer(Request(method, path, "page_size=300", headers, body)).response
    text = repr((response.status, sorted(response.headers.items()))).encode() + response.body
    return [response.status, hashlib.sha256(text).hexdigest(), len(response.body)]

records = exporter.text(exporter.state(spec.resources, state), "json")
found = {"state": [200, hashlib.sha256(records.encode()).hexdigest(), len(records)]}
link = f"http://a/api/marketplace-provider-offerings/{key('offering')}/"
plan = json.dumps({"name": "New", "offering": link})
found["create"] = ask("POST", "/api/marketplace-plans/", plan.encode())
for operation in spec.operations:
    if operation.method == "GET":
        owner = "plan" if "marketplace-plans" in operation.path else "service_provider"
        path = operation.path.replace("{uuid}", key(owner))
        path = path.replace("{service_provider_uuid}", key("service_provider"))
        found[operation.id] = ask("GET", path)
json.dump(found, sys.stdout)
"""


def answers(scenario: str, seed: int, hash_seed: str) -> dict[str, list]:
    """Return the status, digest and length of every answer, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, scenario, str(seed)],
        env={**os.environ, "PYTHONPATH": str(data.root()), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["empty", "default"])
def both(request):
    return request.param, answers(request.param, 7, "1"), answers(request.param, 7, "2")


def test_two_processes_answer_the_same_bytes(both):
    _, one, two = both
    assert one == two


def test_everything_was_asked(both, shipped_api):
    name, one, _ = both
    reading = {o.id for o in shipped_api.spec.operations if o.method == "GET"}
    assert set(one) == reading | {"state", "create"}
    assert all(status < 500 for status, _, _ in one.values())
    if name == "default":
        assert one["create"][0] == 201
        assert one["marketplace_plans_list"][2] > 1000


def test_another_seed_gives_other_bytes(both):
    name, one, _ = both
    other = answers(name, 8, "1")
    assert other["state"] != one["state"]
    if name == "default":
        assert other["create"] != one["create"]
        assert other["marketplace_plans_list"] != one["marketplace_plans_list"]
