"""Ask the application, and hold every answer against what must hold of any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from mockserver import assembly
from mockserver.assembly import World
from mockserver.exchange import Request
from mockserver.operation import Effect, Operation
from mockserver.store import State

HOST = "mock.test"
#: Changes the parsed body of an answer: a planted defect, to see a law notice it.
Tamper = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Answer:
    """A response, its body parsed; `changed` tells whether the state is another one."""

    status: int
    headers: Mapping[str, str]
    body: Any
    changed: bool

    @property
    def is_accepted(self) -> bool:
        return self.status < 400


class Client:
    """One application in a state of its own, whose clock stands still until told."""

    def __init__(self, world: World, tamper: Tamper | None = None) -> None:
        self.now: datetime = world.clock()
        self.app = assembly.application(world, strict=True)
        self.app.clock = lambda: self.now
        self.tokens = {p.name: p.token for p in world.scenario.personas}
        self.tamper = tamper or (lambda operation_id, body: body)
        #: Which of the lists a law asks for that asks for a few at a time.
        self.turn = 0

    @property
    def state(self) -> State:
        return self.app.store.state

    def operation(self, operation_id: str) -> Operation:
        return self.app.api.operations[operation_id].operation

    def call(
        self, persona: str, operation_id: str, key: str = "", body: Any = None,
        *, method: str = "", **query: Any,
    ) -> Answer:  # fmt: skip
        """Send a request and check what holds of every answer."""
        operation = self.operation(operation_id)
        path = operation.path.replace(f"{{{operation.path_key}}}", key)
        request = self._request(method or operation.method, path, persona, body, query)
        before = self.state
        exchange = self.app.answer(request)
        assert exchange.defect is None, f"{operation_id}: {exchange.defect}"
        response, after = exchange.response, self.state
        # Any of the documented forms of a refusal will do.
        is_free = "field" in query or response.status >= 400
        self.app.judge.check(operation, response, has_fieldset=is_free)
        if response.status >= 400 or not operation.writes:
            assert after is before, f"{operation_id} answered {response.status} and wrote"
        else:
            overreach = list(beyond(operation.effect or Effect(), before, after))
            assert not overreach, f"{operation_id} {overreach}, beyond its x-effect"
        parsed = orjson.loads(response.body) if response.body else None
        parsed = self.tamper(operation_id, parsed) if response.status < 300 else parsed
        return Answer(response.status, response.headers, parsed, after is not before)

    def rows(self, operation_id: str, key: str = "", persona: str = "staff", **query: Any) -> Any:
        """Return every row of a list, or the body of any other answer."""
        sent = {"page_size": 300, **query}
        answer = self.call(persona, operation_id, key, **sent)
        assert answer.status == 200, (operation_id, answer)
        rows, total = answer.body, int(answer.headers.get("X-Result-Count", 0))
        page = 1
        while isinstance(rows, list) and len(rows) < total:
            page += 1
            more = self.call(persona, operation_id, key, **sent, page=page)
            assert more.status == 200, f"{operation_id}: {total} promised, {len(rows)} shown"
            rows = rows + more.body
        return rows

    def _request(
        self, method: str, path: str, persona: str, body: Any, query: Mapping[str, Any]
    ) -> Request:
        headers = {"host": HOST}
        if persona in self.tokens:
            headers["authorization"] = f"Token {self.tokens[persona]}"
        sent = b""
        if body is not None:
            headers["content-type"] = "application/json"
            sent = orjson.dumps(body)
        return Request(method, path, urlencode(query, doseq=True), headers, sent)


def beyond(effect: Effect, before: State, after: State) -> Iterator[str]:
    """Yield what changed between two states and is not part of the effect."""
    for resource in sorted({*before.tables, *after.tables}):
        old, new = before.records(resource), after.records(resource)
        if old is new:
            continue
        if set(new) - set(old) and resource not in effect.creates:
            yield f"made {resource}"
        if set(old) - set(new) and resource not in effect.removes:
            yield f"removed {resource}"
        allowed = effect.changes.get(resource, frozenset())
        for key in set(old) & set(new):
            one, other = old[key], new[key]
            fields = {name for name in {*one, *other} if one.get(name) != other.get(name)}
            if fields - allowed:
                yield f"changed {sorted(fields - allowed)} of {resource}"
