"""Plant a defect into an application: by its compiled parts, or around its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

from mockserver import api as binding
from mockserver.actions import Bound
from mockserver.api import Api
from mockserver.app import Application, Exchange, Options
from mockserver.errors import Rejection
from mockserver.exchange import Request, Response
from mockserver.json_types import Key
from mockserver.links import read_key
from mockserver.operation import Operation, Resource, Spec
from mockserver.store import State, Store


@dataclass(slots=True)
class Turn:
    """
    One request of which a defect takes part in the answer.

    `memory` lasts as long as the planted application; `bound` and `path` are
    None and empty where no operation matches.
    """

    request: Request
    application: Planted
    memory: dict[Any, Any]
    before: State
    bound: Bound | None = None
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The store of the application, after what has been asked so far."""
        return self.application.store

    @property
    def operation(self) -> str:
        """The id of the operation asked for, or ""."""
        return self.bound.operation.id if self.bound is not None else ""

    @property
    def query(self) -> dict[str, list[str]]:
        """Every value of every query parameter."""
        try:
            return self.request.parameters()
        except Rejection:
            return {}

    @property
    def key(self) -> Key | None:
        """The key that the path names, or None."""
        if self.bound is None or not self.bound.path_key:
            return None
        return read_key(self.bound.resource, self.path[self.bound.path_key])

    def ask(self, request: Request | None = None) -> Exchange:
        """Return the true answer, to this request or to another."""
        return self.application.truth(self.request if request is None else request)

    def asking(self, query: Mapping[str, list[str]]) -> Request:
        """Return the request with another query."""
        return replace(self.request, query=urlencode(query, doseq=True))


#: How a defect answers in place of the application.
Around: TypeAlias = Callable[[Turn], Exchange]


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong: compiled parts that differ, or a function around every answer."""

    api: Api | None = None
    around: Around | None = None


class Planted(Application):
    """An application with one defect."""

    def __init__(
        self,
        api: Api,
        state: State,
        clock: Callable[[], datetime],
        options: Options,
        defect: Defect,
    ) -> None:
        wrong = defect.api or api
        # A defect may lie in what is worked out anew each time.
        plain = replace(options, keeps=False)
        super().__init__(wrong, Store(wrong.spec.resources, state), clock, plain)
        self._around = defect.around
        self._memory: dict[Any, Any] = {}

    def truth(self, request: Request) -> Exchange:
        """Return the answer as it is without what the defect does around it."""
        return super().answer(request)

    def answer(self, request: Request) -> Exchange:
        """Return the defective answer to a request."""
        if self._around is None:
            return super().answer(request)
        found = self.router.match(request.path)
        bound, path = (found[0].bound(request.method), found[1]) if found else (None, {})
        turn = Turn(request, self, self._memory, self.store.state, bound, path)
        return self._around(turn)


# Compiled parts that differ


def edited(api: Api, operation: str, change: Callable[[Bound], Bound]) -> Defect:
    """Return the defect of one operation whose compiled parts differ."""
    bound = change(api.operations[operation])
    return Defect(api=replace(api, operations={**api.operations, operation: bound}))


def recompiled(
    api: Api,
    operation: str,
    change: Callable[[Operation], Operation],
    *,
    resource: Callable[[Resource], Resource] | None = None,
) -> Defect:
    """Return the defect of one operation compiled from another description, all else as it is."""
    spec = api.spec
    resources = dict(spec.resources)
    if resource is not None:
        name = spec.operation(operation).resource
        resources[name] = resource(resources[name])
    operations = tuple(change(o) if o.id == operation else o for o in spec.operations)
    made = _bound(replace(spec, operations=operations, resources=resources), api)
    return edited(api, operation, lambda bound: made.operations[operation])


def with_resource(api: Api, name: str, change: Callable[[Resource], Resource]) -> Defect:
    """Return the defect of a store that follows other rules for one resource."""
    resources = {**api.spec.resources, name: change(api.spec.resources[name])}
    return Defect(api=replace(api, spec=replace(api.spec, resources=resources)))


def with_conventions(api: Api, **changes: Any) -> Defect:
    """Return the defect of an application with other conventions; operations keep theirs."""
    conventions = {**api.spec.conventions, **changes}
    return Defect(api=replace(api, spec=replace(api.spec, conventions=conventions)))


def with_rules(api: Api, operation: str, group: str, **changes: Any) -> Defect:
    """Return the defect of one operation that follows other conventions."""

    def change(bound: Bound) -> Bound:
        rules = {**bound.conventions[group], **changes}
        return replace(bound, conventions={**bound.conventions, group: rules})

    return edited(api, operation, change)


class _Unlisted(dict[str, Any]):
    """Functions that are found by name, but not missed when nothing names them."""

    def __iter__(self) -> Any:
        return iter(())


def _bound(spec: Spec, api: Api) -> Api:
    pack = replace(api.pack, functions=_Unlisted(api.pack.functions))
    return binding.bind(spec, pack)


# Around the answers


def at(operation: str, answer: Around) -> Defect:
    """Return the defect of one operation; all others answer the truth."""
    return Defect(around=lambda turn: answer(turn) if turn.operation == operation else turn.ask())


def asked_otherwise(operation: str, change: Callable[[Turn], Request | None]) -> Defect:
    """Return the defect of an operation that hears something else; None: what was said."""
    return at(operation, lambda turn: turn.ask(change(turn)))


def answered_otherwise(
    operation: str,
    change: Callable[[Turn, Response], Response | None],
    *,
    of: Callable[[int], bool] = lambda status: 200 <= status < 300,
) -> Defect:
    """Return the defect of an operation whose responses of some statuses differ."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if not of(exchange.response.status):
            return exchange
        return answered(exchange, change(turn, exchange.response))

    return at(operation, answer)


def refused(status: int) -> bool:
    """Tell whether a status blames the client."""
    return 400 <= status < 500


def answered(exchange: Exchange, response: Response | None) -> Exchange:
    """Return the exchange with another response; None keeps its own."""
    return exchange if response is None else replace(exchange, response=response)
