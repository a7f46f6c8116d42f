"""The admin API: described by a document of its own, and served by the same engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import Any, Final, TypeAlias

from mockserver import api as apis
from mockserver.actions import Bound
from mockserver.admin import clocks, document, faults, records, requests, server, states, worlds
from mockserver.admin.desk import Desk, MakeEditor
from mockserver.admin.filling import Passing
from mockserver.api import Api
from mockserver.app import Application, Exchange, Options
from mockserver.editing import Editor
from mockserver.exchange import Request, Response
from mockserver.hub import Hub
from mockserver.pack import Pack

__all__ = ["Admin", "application"]

#: Given what to call with each piece of a stream, returns what ends it.
Follow: TypeAlias = Callable[[Callable[[bytes], None]], Callable[[], None]]
_OPERATIONS: Final[tuple[ModuleType, ...]] = (
    clocks, faults, records, requests, server, states, worlds,
)  # fmt: skip
#: Operations whose answers are no JSON, whatever the client says that it takes.
_OTHERS: Final = frozenset({"events", "metrics", "state_read"})


class Admin(Application):
    """The admin API of one hub."""

    def __init__(self, hub: Hub, edit_with: MakeEditor) -> None:
        self.desk = Desk(hub, edit_with)
        bound = apis.bind(document.spec(), _pack(self.desk))
        store = Passing(bound.spec.resources)
        super().__init__(bound, store, lambda: datetime.now(UTC), Options(cors=False, keeps=False))

    def answer(self, request: Request) -> Exchange:
        """Return the response to a request; never raises."""
        self.desk.begin(request)
        exchange = super().answer(self._taking_all(request))
        instead = self.desk.instead
        if instead is not None and exchange.response.status == instead.status:
            headers = {**exchange.response.headers, **instead.headers}
            exchange.response = Response(instead.status, headers, instead.body)
        return exchange

    @property
    def body_limit(self) -> int:
        """How long the body of a request may be, in bytes."""
        return int(self.api.conventions["body_limit"])

    def follow(self, request: Request) -> Follow | None:
        """Return how to subscribe to what follows an answer; None when it has an end."""
        bound = self._bound(request)
        if bound is None or bound.operation.id != "events":
            return None
        session = self.desk.hub.about(request)
        lens = self.desk.lens(session)
        return lambda push: session.journal.subscribe(
            lambda entry: push(requests.event(lens, entry))
        )

    def _bound(self, request: Request) -> Bound | None:
        found = self.router.match(request.path)
        return found[0].bound(request.method) if found else None

    def _taking_all(self, request: Request) -> Request:
        """Return the request as one that takes JSON, where the answer is something else."""
        bound = self._bound(request)
        if bound is None or bound.operation.id not in _OTHERS:
            return request
        return replace(request, headers={**request.headers, "accept": "*/*"})


def application(hub: Hub, edit_with: MakeEditor | None = None) -> Admin:
    """
    Return the admin API of a hub; its document is read once in a process.

    `edit_with` knows the factories that records are made with, if there are any.
    """
    return Admin(hub, edit_with or _without_factories)


def _without_factories(api: Api) -> Editor:
    return Editor.of(api.spec, document.PLACE.parent, api.pack.faker_providers)


def _pack(desk: Desk) -> Pack:
    """Return what the document cannot say, bound to the live hub."""
    described = {operation.id for operation in document.spec().operations}
    known = {name: function for module in _OPERATIONS for name, function in vars(module).items()}
    functions: dict[str, Callable[..., Any]] = {
        "record_has_text": records.record_has_text,
        "exchange_violations": partial(requests.violations_of, desk),
    }
    operations = {name: partial(known[name], desk) for name in described}
    return Pack("admin", operations=operations, functions=functions)
