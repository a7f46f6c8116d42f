"""Look into one world, and change it from outside of its API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, TypedDict, TypeVar, Unpack

from mockserver import editing
from mockserver.editing import Editor
from mockserver.errors import Invalid, NotFound
from mockserver.hub import Hub
from mockserver.journal import Entry
from mockserver.json_types import JSON, Key
from mockserver.session import Session
from mockserver.testing.controls import MockClock, MockFaults
from mockserver.testing.hosting import Host, refuse
from mockserver.verification import Lens, Matcher, near_misses

T = TypeVar("T")
#: So many requests are told when others were expected, the latest.
_MOST: Final = 20


class Described(TypedDict, total=False):
    """
    What requests must be like; what is left out does not matter.

    `path` may have `*` for anything. `status` may be 404, "4xx" or a list of such.
    `persona` None is a caller without a token. `body` need only be contained in what
    was sent, and so need `query` and `headers`.
    """

    method: str
    path: str
    operation: str
    persona: str | None
    status: int | str | Sequence[int | str]
    query: Mapping[str, JSON]
    headers: Mapping[str, str]
    body: JSON


class World:
    """What a test may do with one world: the default one of a server, or a session."""

    def __init__(self) -> None:
        self.clock = MockClock(self._do)
        self.faults = MockFaults(self._do)

    # To be reached by clients

    @property
    def url(self) -> str:
        """The base URL below which the API is that of this world, without a slash at the end."""
        raise NotImplementedError

    @property
    def headers(self) -> dict[str, str]:
        """The headers that lead into this world from the base URL of the server."""
        raise NotImplementedError

    @property
    def tokens(self) -> dict[str, str]:
        """The token of each persona; the first one may do most."""
        return self._do(lambda s: {each.name: each.token for each in s.scenario.personas})

    @property
    def keyword(self) -> str:
        """The word before a token in the Authorization header."""
        rules = self._do(lambda session: session.application.api.conventions["auth"])
        return str((rules or {}).get("keyword", "Bearer"))

    def auth(self, persona: str | None = None) -> dict[str, str]:
        """
        Return the headers of a persona in this world; of the first one when none is named.

        "" is nobody. LookupError when there is no such persona.
        """
        tokens = self.tokens
        name = next(iter(tokens), "") if persona is None else persona
        if not name:
            return self.headers
        if name not in tokens:
            known = ", ".join(tokens) or "nobody"
            raise LookupError(f"no persona {name!r} in this scenario; there are {known}")
        return {**self.headers, "Authorization": f"{self.keyword} {tokens[name]}"}

    def bind(self, persona: str | None = None) -> str:
        """
        Return a new token of a persona that leads into this world by itself.

        For clients that know neither another base URL nor further headers.
        """
        hub = self._host().hub
        name = next(iter(self.tokens), "") if persona is None else persona
        return self._do(lambda session: hub.bind(session, name))

    # As a whole

    def reset(self, scenario: str | None = None, seed: int | None = None) -> None:
        """Start again in the same scenario or another, without faults, journal and snapshots."""
        hub = self._host().hub
        self._do(lambda session: hub.reset(session, scenario=scenario or "", seed=seed))

    def undo(self, n: int = 1) -> int:
        """Take the last `n` writes back, and return how many there were."""
        return self._do(lambda session: session.undo(n))

    def snapshot(self, name: str) -> None:
        """Keep the present state under a name; an older one of that name is lost."""
        self._do(lambda session: session.take(name))

    def restore(self, name: str) -> None:
        """Go back to a snapshot; that can be undone."""
        self._do(lambda session: session.restore(name))

    def export(self) -> str:
        """Return the whole state as the YAML of a scenario, which `load` takes."""
        return self._do(lambda s: editing.export(s.application.api, s.scenario, s.state))

    def load(self, text: str) -> None:
        """Replace the whole state by that of a scenario in YAML or JSON; that can be undone."""
        host = self._host()

        def enter(session: Session) -> None:
            made = editing.load(host.editor(session), text, session.scenario.name)
            session.edit(made.state)
            session.scenario = made

        self._do(enter)

    # Record by record, whatever the API lets its callers do

    def records(self, resource: str) -> list[dict[str, Any]]:
        """Return all that is stored of a resource, in the order of the keys."""

        def read(session: Session) -> list[dict[str, Any]]:
            known = session.application.api.spec.resources
            if resource not in known:
                have = ", ".join(sorted(known))
                raise NotFound(f"There is no resource {resource!r}; there are {have}.")
            return [dict(each) for each in session.application.store.read().all(resource)]

        return deepcopy(self._do(read))

    def put(self, resource: str, key: Key | None = None, /, **fields: Any) -> dict[str, Any]:
        """
        Make a record, or replace the one of that key or label, and return it.

        `fields` are those of a scenario file; what they leave out is invented.
        """

        def write(session: Session, editor: Editor) -> Key:
            state, made = editing.put(editor, session.state, resource, key, fields)
            session.edit(state)
            return made

        return self._edited(resource, write)

    def patch(self, resource: str, key: Key, /, **fields: Any) -> dict[str, Any]:
        """Change some fields of the record of that key or label, and return it."""

        def write(session: Session, editor: Editor) -> Key:
            old = editing.found(editor, session.state, resource, key)
            session.edit(editing.patch(editor, session.state, resource, key, fields))
            own: Key = old[session.application.api.spec.resources[resource].key]
            return own

        return self._edited(resource, write)

    def delete(self, resource: str, key: Key, /) -> None:
        """Remove the record of that key or label by the rules of its resource."""
        host = self._host()
        self._do(
            lambda session: session.edit(
                editing.delete(host.editor(session), session.state, resource, key)
            )
        )

    # What was asked

    def requests(self, **described: Unpack[Described]) -> list[Entry]:
        """Return the exchanges that are as described, the oldest first; all without a word."""
        matcher = _matcher(described)
        return self._do(lambda session: matcher.find(session.journal.entries(), _personas(session)))

    def verify(self, *, times: int = 1, **described: Unpack[Described]) -> None:
        """Raise AssertionError unless so many requests came; it lists those that came instead."""
        __tracebackhide__ = True
        found = len(self.requests(**described))
        if found != times:
            said = ", ".join(f"{name}={value!r}" for name, value in described.items())
            noun = "request" if times == 1 else "requests"
            told = "\n".join(self._do(_told)) or "  nothing"
            raise AssertionError(
                f"expected {times} {noun} with {said or 'anything'}, found {found}; "
                f"this is what came:\n{told}"
            )

    # Inside

    def _host(self) -> Host:
        raise NotImplementedError

    def _session(self, hub: Hub) -> Session:
        """Return the session, in the thread that serves."""
        raise NotImplementedError

    def _do(self, work: Callable[[Session], T], /) -> T:
        host = self._host()
        return host.run(lambda: work(self._session(host.hub)))

    def _edited(self, resource: str, write: Callable[[Session, Editor], Key]) -> dict[str, Any]:
        host = self._host()

        def edit(session: Session) -> dict[str, Any]:
            key = write(session, host.editor(session))
            return dict(session.state.records(resource)[key])

        return deepcopy(self._do(edit))


def _matcher(described: Described) -> Matcher:
    given: dict[str, Any] = dict(described)
    if isinstance(given.get("status"), Sequence) and not isinstance(given["status"], str):
        given["status"] = list(given["status"])
    try:
        return Matcher.read(given)
    except Invalid as invalid:
        refuse(invalid)


def _personas(session: Session) -> dict[Key, str]:
    return {each.user: each.name for each in session.scenario.personas}


def _told(session: Session) -> list[str]:
    """Return the latest requests in a line each, without their secrets."""
    api = session.application.api
    lens = Lens.on(api, _personas(session), session.application.judge)
    entries = session.journal.entries()
    left = len(entries) - _MOST
    lines = [f"  ({left} earlier ones)"] if left > 0 else []
    for entry in entries[-_MOST:]:
        path, query = lens.redactor.line(entry.request)
        target = f"{path}?{query}" if query else path
        caller = "nobody" if entry.user is None else lens.personas.get(entry.user, "somebody else")
        meant = "".join(f"; did you mean {m['operation']}?" for m in near_misses(api, entry)[:1])
        operation = entry.operation or "no operation"
        lines.append(f"  {entry.method} {target} {entry.status} ({operation}, {caller}{meant})")
    return lines
