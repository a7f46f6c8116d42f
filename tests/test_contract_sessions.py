"""The suite finds nothing in any session, and what it does there is seen nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contract_tests import inprocess, runner
from contract_tests.config import Config
from contract_tests.result import Exit
from mockserver import assembly
from mockserver.app import Exchange
from mockserver.assembly import Sources, World
from mockserver.exchange import Request
from mockserver.hub import Hub


class Asked:
    """A hub as the suite sees it; `session` goes into a header."""

    def __init__(self, hub: Hub, session: str = "") -> None:
        self.hub, self.session = hub, session

    def answer(self, request: Request) -> Exchange:
        if self.session:
            headers = {**request.headers, "x-mock-session": self.session}
            request = replace(request, headers=headers)
        outcome = self.hub.answer(request)
        assert outcome.exchange.defect is None, outcome.exchange.defect
        return outcome.exchange


@pytest.fixture
def hub(world_of: Callable[[str], World]) -> Hub:
    return assembly.hub(world_of("default"), Sources(), strict=True)


@pytest.mark.parametrize("way", [pytest.param("header", marks=pytest.mark.slow), "base URL"])
def test_nothing_is_found_in_a_session(hub: Hub, default_world: World, way: str) -> None:
    default, other = hub.sessions.default, hub.sessions.get("other")
    before = (default.state, other.state)
    base_url = inprocess.BASE_URL + ("/__mock__/s/suite" if way == "base URL" else "")
    asked = Asked(hub, "suite" if way == "header" else "")
    chosen: dict[str, Any] = {"tags": ("marketplace_plans",)} if way == "header" else {}
    result = runner.run(
        Config(
            url=base_url,
            tokens={**inprocess.tokens(default_world.scenario), **inprocess.refused(default_world)},
            transport=inprocess.transport(asked, base_url),
            layers=("probes", "interactions"),
            profile="quick",
            mode="destructive",
            against_mock=False,
            **chosen,
        )
    )
    found = [f"{f.id} {f.target}: {f.claim}; {f.expected}; {f.actual}" for f in result.findings]
    assert not found, "\n".join(found)
    assert result.exit is Exit.FINE
    assert hub.sessions.get("suite").undoable > 0
    assert (default.state, other.state) == before
    assert len(default.journal) == 0
