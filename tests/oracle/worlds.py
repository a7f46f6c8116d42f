"""Worlds to ask in: the shipped one, others of its kind, and damaged ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random

from mockserver import assembly, exporter, scenario
from mockserver.api import Api
from mockserver.app import Application
from mockserver.assembly import Sources
from mockserver.exchange import Request
from tests.conftest import NOW
from tests.oracle.damage import hurt
from tests.oracle.listing import Answer, provider_of
from tests.oracle.world import BASE_URL, Ask, World


@dataclass(frozen=True, eq=False)
class Case:
    """One world as the server holds it and as the oracle reads it."""

    name: str
    application: Application
    world: World
    tokens: dict[str, str]
    asks: dict[tuple[str | None, str], Ask] = field(default_factory=dict, repr=False)

    @property
    def providers(self) -> list[str]:
        return sorted(row["uuid"] for row in self.world.all("service_provider"))

    def ask(self, persona: str | None, provider: str = "") -> Ask:
        """Return who asks about the provider that a part of a path names."""
        key = (persona, provider)
        if key not in self.asks:
            token = self.world.get("token", self.tokens[persona]) if persona else None
            caller = self.world.get("user", token["user"]) if token else None
            self.asks[key] = Ask(self.world, caller, provider_of(self.world, provider))
        return self.asks[key]

    def answer(self, persona: str | None, path: str, query: str = "") -> Answer:
        """Return what the server answers."""
        headers = {"host": BASE_URL.removeprefix("http://")}
        if persona:
            headers["authorization"] = f"Token {self.tokens[persona]}"
        found = self.application.answer(Request("GET", path, query, headers))
        assert found.defect is None, found.defect
        response = found.response
        body = json.loads(response.body) if response.body else None
        sent = response.headers
        return Answer(response.status, body, sent.get("X-Result-Count"), sent.get("Link"))


def build(api: Api, seed: int | None, damage: int) -> Case:
    """Return the default world of a seed after some random changes."""
    start = scenario.load(
        Sources().fixtures_path,
        "default",
        api.spec,
        seed=seed,
        now=NOW,
        providers=api.pack.faker_providers,
    )
    application = assembly.application(assembly.World(api, start, lambda: NOW))
    if damage:
        hurt(application.store, Random(f"{seed}/{damage}"), damage)
    exported = exporter.state(api.spec.resources, application.store.state)
    tokens = {persona.name: persona.token for persona in start.personas}
    return Case(f"{seed}/{damage}", application, World.read(exported, NOW), tokens)
