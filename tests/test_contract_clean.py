"""No false alarm: the mock keeps every promise of its description, whoever else uses it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contract_tests import inprocess, runner
from contract_tests.config import Config
from contract_tests.result import Exit, Result
from mockserver import assembly
from mockserver.exchange import Request

SEEDS = range(1, 21)
MODES = ("read-only", "own", "destructive")


def counts(app: Any) -> dict[str, int]:
    state = app.store.state
    return {name: len(state.records(name)) for name in app.api.spec.resources}


def held(app: Any, world: assembly.World, answering: Any = None, **more: Any) -> Result:
    """Run the enumerated layers, and claim that they find nothing."""
    result = runner.run(
        Config(
            **{
                "url": inprocess.BASE_URL,
                "tokens": {**inprocess.tokens(world.scenario), **inprocess.refused(world)},
                "layers": ("probes", "interactions"),
                "transport": inprocess.transport(answering or app),
                "against_mock": False,
                **more,
            }
        )
    )
    found = [f"{f.id} {f.target}: {f.claim}; {f.expected}; {f.actual}" for f in result.findings]
    assert not found, "\n".join(found)
    assert not result.unconfirmed
    assert result.exit is Exit.FINE
    return result


def test_the_mock_keeps_every_promise(
    application: Callable[..., Any], default_world: assembly.World
) -> None:
    app = application(strict=True)
    before = counts(app)
    result = held(app, default_world, profile="quick")
    assert counts(app) == before
    assert sum(verdict.checked for verdict in result.verdicts) > 10_000
    assert {verdict.operation for verdict in result.verdicts if verdict.checked} == set(
        result.operations
    )


def test_a_run_that_may_only_read_sends_nothing_else(
    application: Callable[..., Any], default_world: assembly.World
) -> None:
    app, methods = application(), set()

    class Watched:
        def answer(self, request: Request) -> Any:
            methods.add(request.method)
            return app.answer(request)

    before = app.store.state
    tags = ("marketplace_plans",)
    held(app, default_world, Watched(), mode="read-only", profile="quick", tags=tags)
    assert methods <= {"GET", "HEAD", "OPTIONS"}
    assert app.store.state is before


class Beside:
    """Another client: writes between the requests of the run, and asks for nothing."""

    def __init__(self, app: Any, token: str, seed: int) -> None:
        self.app, self.chance = app, random.Random(seed)
        self.headers = {"authorization": f"Token {token}", "host": "mock.localhost"}
        self.plans: list[str] = []
        self.offering = json.loads(self.send("GET", "marketplace-plans/").response.body)[0][
            "offering"
        ]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else b""
        headers = {**self.headers, "content-type": "application/json"}
        return self.app.answer(Request(method, f"/api/{path}", headers=headers, body=content))

    def answer(self, request: Request) -> Any:
        if self.chance.random() < 0.3:
            self.write()
        return self.app.answer(request)

    def write(self) -> None:
        if self.plans and self.chance.random() < 0.4:
            self.send("DELETE", f"marketplace-plans/{self.plans.pop()}/")
        elif self.plans and self.chance.random() < 0.5:
            name = f"Renamed {self.chance.random()}"
            self.send("PATCH", f"marketplace-plans/{self.plans[-1]}/", {"name": name})
        else:
            body = {"name": f"Other {self.chance.random()}", "offering": self.offering}
            made = self.send("POST", "marketplace-plans/", body).response
            assert made.status == 201
            self.plans.append(json.loads(made.body)["uuid"])


def beside(app: Any, world: assembly.World, seed: int, **more: Any) -> None:
    other = Beside(app, inprocess.tokens(world.scenario)["main"], seed)
    result = runner.run(
        Config(
            **{
                "url": inprocess.BASE_URL,
                "tokens": inprocess.tokens(world.scenario),
                "layers": ("probes", "interactions"),
                "transport": inprocess.transport(other),
                "against_mock": False,
                "seed": seed,
                **more,
            }
        )
    )
    found = [
        f"{f.kind} {f.id} {f.target}: {f.claim}; {f.expected}; {f.actual}" for f in result.findings
    ]
    assert not found, "\n".join(found)
    assert not result.leftovers


def test_another_client_that_writes_is_no_defect(
    application: Callable[..., Any], default_world: assembly.World
) -> None:
    beside(application(), default_world, 1, tags=("marketplace_plans",))


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_another_client_that_writes_is_no_defect_anywhere(
    application: Callable[..., Any], default_world: assembly.World, seed: int
) -> None:
    beside(application(), default_world, seed)


@pytest.mark.parametrize(
    "mode",
    # What a destructive run asks is more than what the others ask.
    [*(pytest.param(mode, marks=pytest.mark.soak) for mode in MODES[:2]), MODES[2]],
)
@pytest.mark.parametrize("name", ["empty", "default"])
@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(SEEDS[:1], id="1", marks=pytest.mark.slow),
        pytest.param(SEEDS[1:], id="2 to 20", marks=pytest.mark.soak),
    ],
)
def test_no_seed_in_any_world_and_mode_raises_an_alarm(
    name: str, mode: Any, seeds: Sequence[int]
) -> None:
    for seed in seeds:
        profile = "ci" if seed == 1 else "quick"
        world = assembly.read_world(assembly.Sources(scenario=name, seed=seed))
        app = assembly.application(world, strict=True)
        before = counts(app)
        held(app, world, mode=mode, seed=seed, profile=profile)
        assert mode == "destructive" or counts(app) == before


@pytest.mark.soak
@pytest.mark.parametrize("mode", ["read-only", "own"])
def test_the_busy_world_raises_no_alarm(mode: Any) -> None:
    world = assembly.read_world(assembly.Sources(scenario="busy"))
    app = assembly.application(world)
    before = counts(app)
    held(app, world, mode=mode, profile="quick")
    assert counts(app) == before
