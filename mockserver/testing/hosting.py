"""Reach a hub in the thread that serves it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol, TypeVar

from mockserver import dialects
from mockserver.assembly import Sources
from mockserver.background import Background
from mockserver.editing import Editor, Refused
from mockserver.errors import NotFound, Rejection
from mockserver.exchange import Request
from mockserver.hub import Hub, Outcome
from mockserver.session import Session

T = TypeVar("T")
#: How long the thread that serves may take for anything, in seconds; a large scenario takes some.
_PATIENCE: Final = 120.0
_LOGGER: Final = logging.getLogger("mockserver")


class Do(Protocol):
    """Does something to a session in the thread that serves."""

    def __call__(self, work: Callable[[Session], T], /) -> T:
        """Return what `work` returns."""
        ...


class Host:
    """A hub in a thread, and the way into that thread."""

    def __init__(self, sources: Sources, hub: Hub, running: Background) -> None:
        self.hub, self.running = hub, running
        self.url = running.url
        self._sources = sources
        self._editor: Editor | None = None

    def run(self, work: Callable[[], T]) -> T:
        """Return what a function returns in the thread that serves, or raise what it raises."""
        try:
            return self.running.call(work, _PATIENCE)
        except Rejection as rejection:
            refuse(rejection)

    def editor(self, session: Session) -> Editor:
        """Return what edits the records of a session; its tools are made when first needed."""
        api = session.application.api
        if self._editor is None:
            folder = self._sources.fixtures_path
            self._editor = Editor.of(api.spec, folder, api.pack.faker_providers)
        return self._editor.at(session.scenario, session.now())


def refuse(rejection: Rejection) -> NoReturn:
    """Raise in the terms of Python what a client would be answered."""
    if isinstance(rejection, Refused):
        text = "; ".join(
            f"{place}: {told}" if place else told for place, told in rejection.problems
        )
    else:
        body: Any = dialects.problem(rejection)[0]
        errors = [f"{e['pointer'].strip('#/')}: {e['detail']}" for e in body.get("errors", ())]
        text = " ".join(errors) or body["detail"]
    raise (LookupError if isinstance(rejection, NotFound) else ValueError)(text) from None


def log(request: Request, outcome: Outcome, seconds: float) -> None:
    """Tell of our own defects, which the answer does not explain."""
    defect = outcome.exchange.defect
    if defect is not None:
        _LOGGER.error("%s %s failed", request.method, request.path, exc_info=defect)
