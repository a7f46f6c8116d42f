"""The admin API of a library in this process, and a client that holds it to its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from mockserver import admin, assembly, scenario
from mockserver.admin import document
from mockserver.assembly import Sources
from mockserver.editing import Editor
from mockserver.exchange import Request, Response
from mockserver.hub import DEFAULTS, Hub, Settings
from mockserver.renderer import Judge

ROOT = Path(__file__).resolve().parent.parent / "examples" / "library"
SOURCES = Sources(
    spec=ROOT / "spec" / "openapi.yaml",
    pack=str(ROOT / "pack.py"),
    clock="2026-03-01T12:00:00Z",
)
HOST = "mock.localhost"


@cache
def world() -> assembly.World:
    """Return the library as its default scenario has it, read once."""
    return assembly.read_world(SOURCES)


@cache
def editor() -> Editor:
    """Return what edits records of the library, with its factories."""
    api = world().api
    return Editor.of(api.spec, SOURCES.fixtures_path, api.pack.faker_providers)


def hub(settings: Settings = DEFAULTS, **more: Any) -> Hub:
    """Return a hub in the first state of the library."""
    made = world()

    def load(name: str, seed: int | None, now: datetime) -> scenario.Scenario:
        return scenario.load(SOURCES.fixtures_path, name, made.api.spec, seed=seed, now=now)

    return Hub(
        assembly.application(made),
        made.scenario,
        load,
        scenarios=lambda: scenario.described(SOURCES.fixtures_path),
        settings=settings,
        admin=lambda hub: admin.application(hub, lambda api: editor()),
        **more,
    )


@dataclass(frozen=True)
class Answer:
    """A response, its body parsed where it is JSON."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.content)

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by pointer."""
        return {error["pointer"]: error["detail"] for error in self.body["errors"]}

    @property
    def names(self) -> list[str]:
        return [item["name"] for item in self.body["items"]]


class Client:
    """Asks a hub, and holds every answer of the admin API against its document."""

    def __init__(self, settings: Settings = DEFAULTS, **more: Any) -> None:
        self.hub = hub(settings, **more)
        self.judge = Judge(document.spec().document)

    def api(self, method: str, path: str, body: Any = None, *, caller: str = "", **headers: str):
        """Ask the library."""
        if caller:
            headers["authorization"] = f"Bearer {caller}"
        return self._sent(method, path, body, headers)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask the admin API, by a path below its own."""
        answer = self._sent(method, f"/__mock__{path}", body, headers)
        self._check(method, path.partition("?")[0], answer)
        return answer

    def _sent(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        path, _, query = path.partition("?")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        told = {"host": HOST, "content-type": "application/json", **given}
        exchange = self.hub.answer(Request(method, path, query, told, content)).exchange
        assert exchange.defect is None, exchange.defect
        response = exchange.response
        return Answer(response.status, response.headers, response.body)

    def _check(self, method: str, path: str, answer: Answer) -> None:
        admin_api: Any = self.hub.admin
        found = admin_api.router.match(path)
        bound = found[0].bound(method) if found else None
        if bound is None:
            return
        operation = bound.operation
        documented = operation.answers[answer.status]
        media = answer.headers.get("Content-Type", "").partition(";")[0]
        if documented.schema is None:
            assert not answer.content
        elif media.endswith("json") and documented.media_type.endswith("json"):
            assert media == documented.media_type
            self.judge.check(operation, Response(answer.status, answer.headers, answer.content))
