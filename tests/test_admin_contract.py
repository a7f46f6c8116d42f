"""The admin API keeps every promise of its own description."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests import inprocess, runner
from contract_tests.config import Config
from contract_tests.result import Exit, Result
from mockserver.admin import document
from tests.admin_client import Client

#: The suite reads JSON: what answers something else is asked in test_admin.py.
NO_JSON = ("events", "metrics", "state_read", "state_replace")
#: No record is our own for these to work on.
UNASKED = {"faults_clear", "records_delete", "requests_clear"}


def busy() -> Client:
    """Return a client of a hub where every list has something to show."""
    client = Client()
    for caller in ("card-curator", "card-reader", ""):
        for path in ("/books", "/authors?limit=2", "/bokks", "/books/1?fields=id", "/statistics"):
            client.api("GET", path, caller=caller)
    for name in ("one", "two", "three"):
        client("POST", "/snapshots", {"name": name})
        client("POST", "/sessions", {"name": name})
    client("POST", "/faults", {"path": "/nowhere", "fault": {"kind": "latency"}})
    client("POST", "/faults", {"persona": "reader", "times": 1, "fault": {"kind": "reset"}})
    return client


def held(**more: Any) -> Result:
    """Run the suite against the admin API, and claim that it finds nothing."""
    client = busy()
    before = client("GET", "/sessions/default").body
    result = runner.run(
        Config(
            url=inprocess.BASE_URL,
            spec=document.PLACE,
            transport=inprocess.transport(client.hub.admin),
            against_mock=False,
            exclude=NO_JSON,
            mode="own",
            **more,
        )
    )
    found = [f"{f.id} {f.target}: {f.claim}; {f.expected}; {f.actual}" for f in result.findings]
    assert not found, "\n".join(found)
    assert not result.unconfirmed
    assert not result.leftovers
    assert result.exit is Exit.FINE
    after = client("GET", "/sessions/default").body
    for name in ("snapshots", "faults"):
        assert after[name] >= before[name]
    return result


def test_the_admin_api_keeps_every_promise() -> None:
    result = held(profile="quick", layers=("probes",))
    assert sum(verdict.checked for verdict in result.verdicts) > 5000
    asked = {verdict.operation for verdict in result.verdicts if verdict.checked}
    assert asked == set(result.operations) - UNASKED


@pytest.mark.soak
def test_it_does_so_in_every_layer() -> None:
    held(profile="ci", layers=("probes", "interactions", "machines"))
