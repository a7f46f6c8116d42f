"""Our own server inside this process: a transport to it, and a judge of scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from contract_tests import script as scripts
from contract_tests.client import Client, Stopped, credentials_of
from contract_tests.court import Mock
from contract_tests.lab import Lab
from contract_tests.ledger import Ledger
from contract_tests.oracle import Oracle
from contract_tests.script import CannotRun, Script
from contract_tests.transport import CallTransport, Trouble
from contract_tests.wire import Received, Sent
from mockserver import assembly, values
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.exchange import Request
from mockserver.scenario import Scenario

BASE_URL = "http://mock.localhost"


class Answering(Protocol):
    """What answers requests as the mock server does."""

    def answer(self, request: Request) -> Any:
        """Return an exchange, whose `response` is the answer."""
        ...


def transport(application: Answering, base_url: str = BASE_URL) -> CallTransport:
    """Return a transport that calls an application directly; its base URL may have a path."""
    parts = urlsplit(base_url)
    host, prefix = parts.netloc, parts.path

    def answer(sent: Sent) -> Received:
        request = Request(
            method=sent.method,
            path=f"{prefix}{sent.path}",
            query=sent.target.partition("?")[2],
            headers={"host": host, **{name.lower(): v for name, v in sent.headers.items()}},
            body=sent.body,
        )
        response = application.answer(request).response
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = b"" if sent.method == "HEAD" else response.body
        return Received(response.status, headers, body)

    return CallTransport(answer, base_url)


def tokens(scenario: Scenario) -> dict[str, str]:
    """
    Return the tokens to test a scenario with.

    The first persona may do everything by convention; a `stranger` may do nothing.
    """
    found = {persona.name: persona.token for persona in scenario.personas}
    if scenario.personas:
        found["main"] = scenario.personas[0].token
    return found


def refused(world: assembly.World) -> dict[str, str]:
    """
    Return tokens of a world that must be refused, by persona.

    `inactive` is of a user who was deactivated, `expired` has lain idle for too long.
    """
    rules = world.api.conventions["auth"] or {}
    state = world.scenario.state
    found: dict[str, str] = {}
    if not rules.get("lifetime") or not rules.get("issued"):
        return found
    for key, token in state.records(rules["tokens"]).items():
        relation = world.api.spec.resources[rules["tokens"]].relations[rules["user"]]
        user = state.records(relation.to).get(token[rules["user"]])
        if user is None:
            continue
        if not user.get(rules["active"], True):
            found.setdefault("inactive", str(key))
            continue
        issued = values.read_instant(token.get(rules["issued"]) or "")
        seconds = user.get(rules["lifetime"])
        if issued and seconds and world.clock() - issued > timedelta(seconds=seconds):
            found.setdefault("expired", str(key))
    return found


class Model:
    """Our own server as the reference: what a script does against it."""

    def __init__(self, spec: Path | None, overlays: tuple[Path, ...], pack: str | None) -> None:
        self._sources = assembly.Sources(spec=spec, overlays=overlays, pack=pack)
        self._world: assembly.World | None = None
        self._is_missing = False

    def judge(self, like: Lab, script: Script) -> Mock:
        """Tell whether a script passes on a correct server, where it can be run there."""
        world = self._made()
        if world is None:
            return "not run"
        application = assembly.application(world)
        known = tokens(world.scenario)
        client = Client(
            transport(application),
            credentials_of(like.subject.document, like.subject.conventions, known),
            Ledger(),
            run=like.client.run,
        )
        lab = Lab(
            like.subject,
            client,
            Oracle(like.subject),
            like.operations,
            tag=like.tag,
            mode=like.mode,
        )
        client.invented.update(like.client.invented)
        try:
            played = scripts.play(lab, script, tag=f"{like.tag}m", settles=False)
        except (CannotRun, Trouble, Stopped, AssertionError):
            return "not run"
        if played.difference is None:
            return "passes"
        return "fails" if _is_alike(script, played) else "not run"

    def _made(self) -> assembly.World | None:
        if self._world is None and not self._is_missing:
            try:
                self._world = assembly.read_world(self._sources)
            except (BrokenSpec, AuthorError, OSError):
                # A document without fixtures or pack has no reference to be held against.
                self._is_missing = True
        return self._world


def _is_alike(script: Mapping[str, Any], played: scripts.Played) -> bool:
    """Tell whether every step went as it did at first, success for success."""
    return all(
        (200 <= step.get("status", 200) < 300) == played.replies[step["step"]].is_good
        for step in script["steps"]
    )
