"""The mock server of a test run, and a client that is at home with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from mockserver import assembly, background
from mockserver.app import Application
from mockserver.assembly import Sources, World
from mockserver.server import Server


class MockServer:
    """A mock server on a socket; `application` is what it serves at the moment."""

    def __init__(self, sources: Sources, world: World, running: background.Background) -> None:
        self._sources = sources
        self._worlds = {(sources.scenario, sources.seed): world}
        self._world = world
        self._running = running

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self._running.url

    @property
    def application(self) -> Application:
        """What answers; its `store` may be read and written to directly."""
        return self._running.server.application

    @property
    def tokens(self) -> Mapping[str, str]:
        """The token of each persona of the present scenario; the first may do everything."""
        return {persona.name: persona.token for persona in self._world.scenario.personas}

    @property
    def keyword(self) -> str:
        """The word before a token in the Authorization header."""
        return str((self._world.api.conventions["auth"] or {}).get("keyword", "Bearer"))

    def reset(self) -> None:
        """Go back to the first state of the present scenario."""
        self.application.store.restore(self._world.scenario.state)

    @contextmanager
    def isolated(self, name: str = "", seed: int | None = None) -> Iterator[None]:
        """Undo at the end what is changed inside; be in another scenario meanwhile, if named."""
        before, world = self.application, self._world
        state = before.store.snapshot()
        if name or seed is not None:
            self._world = self._other(name or self._sources.scenario, seed)
            self._running.server.application = assembly.application(self._world)
        try:
            yield
        finally:
            self._running.server.application, self._world = before, world
            before.store.restore(state)

    def _other(self, name: str, seed: int | None) -> World:
        if (name, seed) not in self._worlds:
            sources = replace(self._sources, scenario=name, seed=seed)
            self._worlds[name, seed] = assembly.read_world(sources)
        return self._worlds[name, seed]


@contextmanager
def hosted(said: Mapping[str, str]) -> Iterator[MockServer]:
    """Serve what `spec`, `pack`, `scenario` and `seed` name, while the block lasts."""
    sources = Sources(
        spec=Path(said["spec"]) if said.get("spec") else None,
        pack=said.get("pack") or None,
        scenario=said.get("scenario") or "default",
        seed=int(said["seed"]) if said.get("seed") else None,
    )
    world = assembly.read_world(sources)
    with background.running(Server(assembly.application(world))) as running:
        yield MockServer(sources, world, running)


class MockClient:
    """
    A `requests` session with the mock's address and a persona's token.

    `get`, `post`, `put`, `patch`, `delete` and `request` take a path and what
    `requests` takes.
    """

    def __init__(
        self, url: str, tokens: Mapping[str, str], keyword: str, persona: str | None = None
    ) -> None:
        self.url, self._tokens, self._keyword = url, tokens, keyword
        self._others: list[MockClient] = []
        self.session = requests.Session()
        # Proxies and passwords of the machine are none of the mock's business.
        self.session.trust_env = False
        chosen = next(iter(tokens), "") if persona is None else persona
        if chosen and chosen not in tokens:
            known = ", ".join(tokens) or "nobody"
            raise LookupError(f"no persona {chosen!r} in this scenario; there are {known}")
        if chosen:
            self.session.headers["Authorization"] = f"{keyword} {tokens[chosen]}"

    def as_(self, persona: str) -> MockClient:
        """Return a client of another persona; "" is nobody, without a token."""
        other = MockClient(self.url, self._tokens, self._keyword, persona)
        self._others.append(other)
        return other

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request to a path of the mock."""
        more.setdefault("timeout", 30)
        address = path if path.startswith(("http://", "https://")) else f"{self.url}{path}"
        return self.session.request(method, address, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        """Send a GET."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        """Send a POST."""
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> requests.Response:
        """Send a PUT."""
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> requests.Response:
        """Send a PATCH."""
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        """Send a DELETE."""
        return self.request("DELETE", path, **more)

    def close(self) -> None:
        """Close the connections, those of other personas as well."""
        for other in self._others:
            other.close()
        self.session.close()
