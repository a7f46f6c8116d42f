"""A hub of the example library, whose time stands still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mockserver import assembly
from mockserver.assembly import Sources, World
from mockserver.exchange import Request
from mockserver.hub import DEFAULTS, Hub, Outcome, Settings

ROOT = Path(__file__).resolve().parent.parent / "examples" / "library"
NOON = "2026-01-31T12:00:00Z"
SOURCES = Sources(spec=ROOT / "spec" / "openapi.yaml", pack=f"{ROOT / 'pack.py'}:pack", clock=NOON)


@cache
def world() -> World:
    """Return the library's first state; made once."""
    return assembly.read_world(SOURCES)


def hub(settings: Settings = DEFAULTS) -> Hub:
    """Return a hub of its own."""
    return assembly.hub(world(), SOURCES, settings, strict=True)


def ask(  # noqa: PLR0913  what a request may have
    hub: Hub,
    method: str,
    target: str,
    body: Any = None,
    *,
    session: str = "",
    card: str = "",
    headers: Mapping[str, str] | None = None,
    peer: str = "127.0.0.1",
) -> Outcome:
    """Send a request as a client on this machine does; `card` is a persona's."""
    path, _, query = target.partition("?")
    sent = {"host": "localhost:4010", **(headers or {})}
    if session:
        sent["x-mock-session"] = session
    if card:
        sent["authorization"] = f"Bearer card-{card}"
    content = b""
    if body is not None:
        sent.setdefault("content-type", "application/json")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hub.answer(Request(method, path, query, sent, content, peer=peer))


def data(outcome: Outcome) -> Any:
    """Return the JSON of an answer."""
    return json.loads(outcome.exchange.response.body)


def status(outcome: Outcome) -> int:
    """Return the status of an answer."""
    return outcome.exchange.response.status
