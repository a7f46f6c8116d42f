"""Tell which session a request is about, and read its body as it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from mockserver.actions import Scope
from mockserver.api import Api
from mockserver.editing import Editor
from mockserver.errors import NON_FIELD, Invalid
from mockserver.exchange import Request, Response
from mockserver.hub import HEADER, PREFIX, Hub
from mockserver.session import DEFAULT, Session, check_name
from mockserver.verification import Lens

#: Returns what edits the records of an API.
MakeEditor: TypeAlias = Callable[[Api], Editor]
#: Bodies that nest deeper are refused.
_DEEPEST: Final = 64


@dataclass(slots=True)
class Desk:
    """
    What the functions of the admin API work on.

    One request at a time: nothing waits while a request is answered. `instead` is
    what goes out in place of JSON.
    """

    hub: Hub
    edit_with: MakeEditor
    request: Request = field(default_factory=lambda: Request("GET", "/"))
    instead: Response | None = None
    _lens: Lens | None = None
    _editor: Editor | None = None

    def begin(self, request: Request) -> None:
        """Turn to the next request."""
        self.request, self.instead = request, None

    def session(self) -> Session:
        """Return the session that the request is about; it is made when it is new."""
        said = self.request.headers.get(HEADER)
        if said:
            # Also where the query decides: a name that is none is a mistake.
            check_name(said, "X-Mock-Session")
        return self.hub.about(self.request)

    @property
    def root(self) -> str:
        """The address of the server, without the path to the admin API."""
        return self.request.base_url.removesuffix(self.request.mount)

    def home(self, session: Session) -> str:
        """Return the address below which the API is that of one session."""
        return f"{self.root}{PREFIX}/s/{session.name}"

    def address(self, session: Session) -> str:
        """Return the address of the API where it is that of a session, the shortest one."""
        return self.root if session.name == DEFAULT else self.home(session)

    def lens(self, session: Session) -> Lens:
        """Return what is needed to look at the exchanges of a session."""
        application = session.application
        if self._lens is None or self._lens.api is not application.api:
            self._lens = Lens.on(application.api, judge=application.judge)
        personas = session.scenario.personas
        return self._lens.with_personas({each.user: each.name for each in personas})

    def editor(self, session: Session) -> Editor:
        """Return what is needed to edit the records of a session; made when first asked for."""
        api = session.application.api
        if self._editor is None or self._editor.tools.spec is not api.spec:
            self._editor = self.edit_with(api)
        return self._editor.at(session.scenario, session.now())

    def body(self, scope: Scope) -> dict[str, Any]:
        """Return all members of a valid body, those that the document leaves open included."""
        checked = scope.body
        if not self.request.body:
            return dict(checked)
        try:
            sent = json.loads(self.request.body)
        except RecursionError:
            raise _too_deep() from None
        _check(sent, _DEEPEST)
        return dict(sent)


def _check(value: Any, depth: int) -> None:
    """Raise Invalid for a value that is too deep, or a text that no answer could show."""
    if depth == 0:
        raise _too_deep()
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check(name, depth)
            _check(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth - 1)
    elif isinstance(value, str) and not _is_text(value):
        raise Invalid.field(NON_FIELD, "A text has half of a surrogate pair; send whole ones.")


def _too_deep() -> Invalid:
    text = f"The body is nested too deeply; {_DEEPEST} levels are the limit."
    return Invalid.field(NON_FIELD, text)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
