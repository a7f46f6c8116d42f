"""Requests that bring defects to light: of an operation, and of those it has to do with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import islice, permutations
from typing import Any
from urllib.parse import urlencode

from mockserver import assembly
from mockserver.app import Application, Exchange
from mockserver.assembly import World
from mockserver.compiler import resolve
from mockserver.exchange import Request
from mockserver.links import write as write_link
from mockserver.mutants import sites
from mockserver.mutants.registry import Mutant
from mockserver.mutants.states import fields_of_kind, other_value
from mockserver.operation import Operation, Parameter
from mockserver.paths import Paths
from mockserver.store import State

BASE = {"host": "mock.test"}
#: Values that are wrong, or odd, in one way or another.
ODD: tuple[Any, ...] = (
    None, "", True, "undeclared", "  Ça Cafe\u0301  <b>B</b> ", "long " * 2000, "nul\0",
    "astral 🙂", -1, 0, 10**30, 2**53 + 1, 0.123456789, "0.1234567", "33333333.3333333", [], {},
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Step:
    """
    One request with its true answer, and the state that it leaves behind.

    `is_new` says that the world is as it was at first; otherwise it is as the step before left it.
    """

    request: Request
    is_new: bool
    answer: Any
    state: State


@dataclass(repr=False)
class Story:
    """What is asked in one world, always the same; learnt by trying on the true server."""

    world: World
    _good: dict[str, list[Request]] = field(default_factory=dict)
    _start: dict[str, State] = field(default_factory=dict)
    _truth: dict[str, tuple[list[Step], Iterator[Step]]] = field(default_factory=dict)

    def truth(self) -> Application:
        return assembly.application(self.world)

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens of the personas, the most powerful first."""
        names = [persona.token for persona in self.world.scenario.personas]
        if self.world.api.conventions["auth"]:
            held = self.world.scenario.state.records(self.world.api.conventions["auth"]["tokens"])
            names = list(dict.fromkeys([*names, *(str(key) for key in sorted(held))]))
        return sorted(names, key=lambda token: -self._power(token))

    def _power(self, token: str) -> int:
        application = self.truth()
        asked = (
            self.request(o, token=token, keys=keys)
            for o in self.world.api.spec.operations
            if not o.writes
            for keys in islice(self.keys(o), 3)
        )
        return sum(application.answer(each).response.status < 300 for each in asked)

    def request(
        self, operation: Operation, *, token: str | None, keys: Mapping[str, str], query: str = "",
        body: bytes = b"", method: str = "",
    ) -> Request:  # fmt: skip
        path = operation.path
        for name, key in keys.items():
            path = path.replace(f"{{{name}}}", key)
        keyword = (self.world.api.conventions["auth"] or {}).get("keyword", "")
        headers = dict(BASE)
        if token is not None:
            headers["authorization"] = f"{keyword} {token}"
        if body:
            headers["content-type"] = "application/json"
        return Request(method or operation.method, path, query, headers, body)

    def keys(self, operation: Operation) -> Iterator[dict[str, str]]:
        """Yield the values of the path parameters that lead to records."""
        names = [p.name for p in operation.parameters if p.place == "path"]
        if not names:
            yield {}
            return
        nesting = operation.nesting
        for name in names:
            resource = operation.resource
            if nesting is not None and nesting.parameter == name:
                bound = self.world.api.operations[operation.id]
                resource = bound.parent.name if bound.parent else resource
            for key in sorted(self.world.scenario.state.records(resource)):
                yield {other: str(key) for other in names}

    # What succeeds

    def good(self, operation: Operation) -> list[Request]:
        """Return up to three requests that succeed, those that show or change most first."""
        if operation.id not in self._good:
            self._good[operation.id] = []
            found = self._succeeding(operation, self.world.scenario.state)
            if operation.writes and not any(moved for moved, *_ in found):
                found = self._prepared(operation) or found
            found.sort(key=lambda each: (-each[0], -each[1]))
            self._good[operation.id] = [request for *_, request in found[:3]]
        return self._good[operation.id]

    def start(self, operation: Operation) -> State:
        """Return the world in which an operation can succeed."""
        self.good(operation)
        return self._start.get(operation.id, self.world.scenario.state)

    def _succeeding(self, operation: Operation, start: State) -> list[tuple[int, int, Request]]:
        found = []
        for request in self._tries(operation):
            application = self.truth()
            application.store.restore(start)
            answer = application.answer(request).response
            if answer.status < 300:
                moved = application.store.state.version - start.version
                found.append((moved, len(answer.body), request))
            if operation.writes and sum(1 for moved, *_ in found if moved) >= 3:
                break
        return found

    def _prepared(self, operation: Operation) -> list[tuple[int, int, Request]]:
        """Return what succeeds after another write on the resource, and note the world after it."""
        for other in self.world.api.spec.operations:
            if other.resource != operation.resource or not other.body or other.id == operation.id:
                continue
            application = self.truth()
            for request in self.good(other)[:1]:
                application.answer(request)
            found = self._succeeding(operation, application.store.state)
            if any(moved for moved, *_ in found):
                self._start[operation.id] = application.store.state
                return [each for each in found if each[0]]
        return []

    def _tries(self, operation: Operation) -> Iterator[Request]:
        token = self.tokens[0] if self.tokens else None
        for keys in islice(self.keys(operation), 80):
            for body in self.bodies(operation):
                content = json.dumps(body).encode() if body is not None else b""
                yield self.request(operation, token=token, keys=keys, body=content)

    def bodies(self, operation: Operation) -> Iterator[Any]:
        """Yield bodies that may succeed: the example, with links to records that exist."""
        readers = sites.readers(self.world.api, operation)
        if not readers:
            yield None
            return
        example = self._example(operation)
        resource = self.world.api.spec.resources[operation.resource]
        paths = Paths(self.world.api.spec.resources, self.world.api.pack.functions)
        links: dict[str, list[Any]] = {}
        for name, prop in readers.items():
            source = prop.schema.get("x-from", name)
            if isinstance(source, Mapping) and "link" in source:
                target = paths.compile(resource, source["link"], "").resource
                assert target is not None
                keys = sorted(self.world.scenario.state.records(target.name))
                links[name] = [write_link("http://mock.test", target, key) for key in keys]
        for turn in range(12 if links else 1):
            yield {
                **example,
                **{name: held[turn * 7 % len(held)] for name, held in links.items() if held},
            }

    def _example(self, operation: Operation) -> dict[str, Any]:
        document = self.world.api.spec.document
        item = document["paths"][operation.path][operation.method.lower()]
        content = resolve(document, item["requestBody"])["content"]["application/json"]
        for example in (content.get("examples") or {}).values():
            return dict(resolve(document, example)["value"])
        return self._invented(operation)

    def _invented(self, operation: Operation) -> dict[str, Any]:
        """Return a body with the values that a record has, changed where they must be unique."""
        bound = self.world.api.operations[operation.id]
        records = self.world.scenario.state.records(operation.resource)
        record = records[max(records)]
        single = {names[0] for names in bound.resource.unique if operation.verb == "create"}
        found: dict[str, Any] = {}
        for name, prop in sites.readers(self.world.api, operation).items():
            stored = bound.body_fields.get(name, name)
            value = record.get(stored, prop.schema.get("minimum", 1))
            if stored in single:
                value = value[:-1] + ("1" if value[-1] != "1" else "2")
            elif stored in bound.resource.relations:
                to = bound.resource.relations[stored].to
                value = min(self.world.scenario.state.records(to))
            elif operation.verb in ("update", "partial_update") and "pattern" not in prop.schema:
                value = other_value(bound.resource.fields[stored].schema, value)
            found[name] = value
        return found

    # What is asked of an operation

    def asked(self, operation: Operation) -> list[Request]:
        """Return the requests of one operation, from the plain ones to the odd ones."""
        asks = self._writes if operation.writes else self._reads
        return [*asks(operation), *self._strangers(operation)]

    def _reads(self, operation: Operation) -> Iterator[Request]:
        for request in self.good(operation):
            queries = [{}, *self._queries(operation, request)]
            for query in queries:
                yield replace(request, query=urlencode(query, doseq=True))
            yield replace(request, method="HEAD")

    def _strangers(self, operation: Operation) -> Iterator[Request]:
        for request in self.good(operation)[:2]:
            for token in [None, "nobody", "x" * 300, *self.tokens, self.tokens[0].upper()]:
                headers = {n: v for n, v in request.headers.items() if n != "authorization"}
                keyword = request.headers["authorization"].partition(" ")[0]
                signed = {} if token is None else {"authorization": f"{keyword} {token}"}
                yield replace(request, headers={**headers, **signed})
            yield replace(request, headers={**request.headers, "authorization": self.tokens[0]})
            for method in ("OPTIONS", "PATCH", "PUT", "POST", "DELETE"):
                if method != operation.method or not operation.writes:
                    yield replace(request, method=method)
            for other in self.tokens[1:4]:
                acting = {"x-impersonated-user-uuid": self._user()}
                keyword = request.headers["authorization"].partition(" ")[0]
                signed = {"authorization": f"{keyword} {other}"}
                yield replace(request, headers={**request.headers, **signed, **acting})
            yield replace(request, path=request.path.rstrip("/"))
            yield replace(request, headers={**request.headers, "accept": "text/csv"})
        unknown = {p.name: "0" * 31 + "9" for p in operation.parameters if p.place == "path"}
        if "integer" in str([p.schema for p in operation.parameters if p.place == "path"]):
            unknown = dict.fromkeys(unknown, "987654")
        for body in islice(self.bodies(operation), 2):
            content = json.dumps(body).encode() if body is not None else b""
            token = self.tokens[0]
            yield self.request(operation, token=token, keys=unknown, body=content)
        for keys in islice(self.keys(operation), 40):
            for token in (self.tokens[0], *self.tokens[-3:]):
                yield self.request(operation, token=token, keys=keys)

    def _user(self) -> str:
        rules = self.world.api.conventions["auth"]
        held = self.world.scenario.state.records(rules["tokens"])
        return str(held[self.tokens[0]][rules["user"]])

    def _queries(self, operation: Operation, request: Request) -> Iterator[dict[str, Any]]:
        rules = self.world.api.conventions
        number, size = rules["paging"]["number"], rules["paging"]["size"]
        for count in ("1", "2", "3", "7", "100000", "0", "x"):
            yield {size: count}
            yield from ({size: count, number: page} for page in ("2", "3", "0", "last", "999"))
        yield {number: str(10**30)}
        yield {size: ["2", "3"]}
        for name, filters in self._filters(operation, request):
            for values in filters:
                yield {name: values}
                yield {name: values, size: "1", number: "2"}
        yield from self._pairs(operation, request)
        yield from self._orders(operation)
        yield from self._fieldsets(operation)

    def _pairs(self, operation: Operation, request: Request) -> Iterator[dict[str, Any]]:
        found = [(n, v) for n, values in self._filters(operation, request) for v in values[:3]]
        for (one, first), (two, second) in zip(found, found[3:], strict=False):
            if one != two:
                yield {one: first, two: second}
        if operation.ordering is not None:
            for name, value in found:
                yield {name: value, operation.ordering.parameter: min(operation.ordering.words)}

    def _orders(self, operation: Operation) -> Iterator[dict[str, Any]]:
        order, rules = operation.ordering, self.world.api.conventions
        if order is None:
            return
        size, number = rules["paging"]["size"], rules["paging"]["number"]
        words = sorted(order.words)
        for word in words:
            yield {order.parameter: word, size: "50"}
            yield {order.parameter: word, size: "2", number: "2"}
        for one, two in permutations(words, 2):
            yield {order.parameter: rules["ordering"]["separator"].join((one, two)), size: "50"}
        yield {order.parameter: "nonsense"}

    def _fieldsets(self, operation: Operation) -> Iterator[dict[str, Any]]:
        rules = self.world.api.conventions["fieldset"]
        if not operation.has_fieldset:
            return
        names = sorted(self.world.api.operations[operation.id].names)
        for some in (names[:1], names[-2:], [names[0], names[0]], ["nonsense"]):
            joined = [",".join(some)] if rules["style"] == "comma" else some
            yield {rules["parameter"]: joined}
            yield {rules["parameter"]: joined, "page_size": "2", "limit": "2"}

    def _filters(
        self, operation: Operation, request: Request
    ) -> Iterator[tuple[str, list[list[str]]]]:
        for parameter in operation.parameters:
            if parameter.filter is None or parameter.place != "query" or operation.verb != "list":
                continue
            values = self._values(operation, parameter, request)
            several = [values[:2]] if len(values) > 1 else []
            joined = [[",".join(values[:2])]] if len(values) > 1 else []
            odd = [["!"], ["n\0"], [""], ["%"], ["🙂"], [str(10**30)], ["true"], ["false"], ["0"]]
            odd += [["0" * 32], ["9999"], ["http://mock.test/nowhere/1/"]]
            yield parameter.name, [*([value] for value in values), *several, *joined, *odd]

    def _values(self, operation: Operation, parameter: Parameter, request: Request) -> list[str]:
        """Return values that records of the list have, in whole, in part and in capitals."""
        api, spec = self.world.api, self.world.api.spec
        assert parameter.filter is not None
        schema = parameter.schema.get("items") or parameter.schema
        words = [str(word) for word in schema.get("enum", ())]
        paths = Paths(spec.resources, api.pack.functions)
        resource = spec.resources[operation.resource]
        found: list[str] = []
        for text in parameter.filter.fields:
            path = paths.compile(resource, text, "")
            if path.is_stored:
                is_link = parameter.filter.lookup == "link"
                held = list(self._reached(path, resource.name))
                found += [self._spelled(path, value, is_link=is_link) for value in held]
        if parameter.filter.by:
            found += self._shown(request)
        whole = list(dict.fromkeys(found))[:14]
        parts = [value[1:5] for value in whole[:6]] + [value.upper() for value in whole[:4]]
        patterns = [value[:2] + "%" for value in whole[:3]] + [
            "_" + value[1:] for value in whole[:3]
        ]
        days = [day for value in whole[:6] for day in _days_around(value[:10])]
        texts = [f.name for f in fields_of_kind(resource, "text")] if not days else []
        records = list(self.truth().store.read().all(resource.name))[:9]
        others = [str(record[name]) for record in records for name in texts if record.get(name)]
        lower = [value.lower() for value in whole[:4]]
        return [*words, *whole, *parts, *lower, *patterns, *days, *others]

    def _shown(self, request: Request) -> list[str]:
        found = json.loads(self.truth().answer(request).response.body)
        rows = found if isinstance(found, list) else found.get("data", [])
        values = [v for row in rows[:4] if isinstance(row, dict) for v in row.values()]
        return [str(value) for value in values if isinstance(value, str | int)]

    def _reached(self, path: Any, resource: str) -> Iterator[Any]:
        application = self.truth()
        scope: Any = type("Bare", (), {"store": application.store.read()})()
        for record in list(application.store.read().all(resource))[:60]:
            for value in path.reach(record, scope):
                if value not in (None, "", []):
                    yield value

    def _spelled(self, path: Any, value: Any, *, is_link: bool) -> str:
        if path.resource is not None:
            key = value[path.resource.key]
            return write_link("http://mock.test", path.resource, key) if is_link else str(key)
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _writes(self, operation: Operation) -> Iterator[Request]:
        for request in self.good(operation):
            yield from (request, request)
        for request in self.good(operation):
            if not request.body:
                continue
            body = json.loads(request.body)
            names = list(sites.readers(self.world.api, operation))
            record = self.world.api.spec.resources[operation.resource]
            for name in dict.fromkeys([*names, record.key, *record.fields]):
                yield replace(request, body=_encoded({n: v for n, v in body.items() if n != name}))
                for odd in (*ODD, *self._like(record, name)):
                    yield replace(request, body=_encoded({**body, name: odd}))
            yield replace(request, body=_encoded({**body, "zz": 1}))
            for content in (b"{", b"[]", b"null", b"[" * 60 + b"]" * 60, b"{}"):
                yield replace(request, body=content)
            yield replace(request, headers={**request.headers, "content-type": "text/plain"})
            yield replace(request, query="page=1&page=2&x=%F0%9F%99%82")
        yield from self.good(operation)

    def _like(self, resource: Any, name: str) -> list[Any]:
        records = self.world.scenario.state.records(resource.name)
        held = [records[key].get(name) for key in sorted(records)[:30]]
        words = resource.fields[name].schema.get("enum", ()) if name in resource.fields else ()
        return [*words, *list(dict.fromkeys(str(value) for value in held if value))[:3], "0" * 32]

    # What is asked of a mutant

    def script(self, operation: Operation) -> list[tuple[Request, bool]]:
        """
        Return the requests of an operation, and of the writes that it has to do with.

        With each goes whether the world is as it was at first, or as the request before left it.
        """
        plain = self.good(operation)
        asked = [(request, True) for request in self.asked(operation)]
        found = [*asked, *((request, False) for request in (*plain, *plain, *plain))]
        found += [(request, False) for request in self._emptied(operation)]
        for other in self.world.api.spec.operations:
            effect = other.effect
            touched = {other.resource} if effect is None else (
                {other.resource, *effect.creates, *effect.changes, *effect.removes}
            )  # fmt: skip
            if operation.resource in touched and (other.writes or operation.writes):
                for request in self.good(other):
                    same = self._same_place(operation, request) or plain[:1]
                    turns = [*same, *same, request, *same, *same, request, *same, *plain[:2]]
                    found += [(each, place == 0) for place, each in enumerate(turns)]
        return found

    def _emptied(self, operation: Operation) -> Iterator[Request]:
        """Yield writes that fill a property and then empty it."""
        for request in self.good(operation) if operation.writes else ():
            body = json.loads(request.body) if request.body else {}
            for name in sites.readers(self.world.api, operation):
                for filler in (7, None):
                    yield replace(request, body=_encoded({**body, name: filler}))

    def _same_place(self, operation: Operation, request: Request) -> list[Request]:
        """Return the request of an operation to the record or the parent of another request."""
        router = self.truth().router
        matched = router.match(request.path)
        names = [p.name for p in operation.parameters if p.place == "path"]
        if matched is None or not names or set(matched[1]) != set(names):
            return []
        models = self.good(operation)
        body = models[0].body if models else b""
        return [self.request(operation, token=self.tokens[0], keys=matched[1], body=body)]

    def played(self, operation: Operation) -> Iterator[Step]:
        """Yield the requests of an operation with the true answers; each is asked once."""
        if operation.id not in self._truth:
            self._truth[operation.id] = ([], self._play(operation))
        known, rest = self._truth[operation.id]
        place = 0
        while place < len(known) or (step := next(rest, None)) is not None:
            if place == len(known):
                known.append(step)
            yield known[place]
            place += 1

    def _play(self, operation: Operation) -> Iterator[Step]:
        application = self.truth()
        for request, is_new in self.script(operation):
            if is_new:
                application.store.restore(self.start(operation))
            answer = heard(application.answer(request))
            yield Step(request, is_new, answer, application.store.state)

    def notices(self, mutant: Mutant, application: Application) -> str:
        """Return what shows first that an application is a mutant; "" for nothing."""
        operation = self.world.api.spec.operation(mutant.operation)
        for step in self.played(operation):
            if step.is_new:
                application.store.restore(self.start(operation))
            asked = f"{step.request.method} {step.request.path}?{step.request.query[:80]}"
            if heard(application.answer(step.request)) != step.answer:
                return asked
            if not alike(application.store.state, step.state):
                return f"{asked} (what it leaves behind)"
        return ""


def _days_around(text: str) -> list[str]:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return []
    return [(day + timedelta(days=step)).isoformat() for step in (-1, 0, 1)]


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def heard(exchange: Exchange) -> Any:
    """Return all of an answer that a client hears."""
    response = exchange.response
    return response.status, dict(response.headers), response.body


def enriched(world: World) -> World:
    """Return a world with an expired token, and with what points at something deletable."""
    story = Story(world)
    store = story.truth().store
    with store.transaction() as transaction:
        for operation in world.api.spec.operations:
            rules = world.api.spec.resources[operation.resource].on_delete
            for request in story.good(operation)[:1] if operation.verb == "destroy" else ():
                matched = story.truth().router.match(request.path)
                assert matched is not None
                for (other, relation), rule in rules.items():
                    record = next(iter(transaction.all(other)), None)
                    if rule == "clear" and record is not None:
                        key = matched[1][operation.path_key]
                        transaction.replace(other, record, **{relation: key})
        _expire(world, story.tokens[1], transaction)
    return replace(world, scenario=replace(world.scenario, state=store.state))


def _expire(world: World, token: str, transaction: Any) -> None:
    rules = world.api.conventions["auth"]
    if "lifetime" in rules:
        held = transaction.get(rules["tokens"], token)
        users = world.api.spec.resources[rules["tokens"]].relations[rules["user"]].to
        user = transaction.get(users, held[rules["user"]])
        transaction.replace(users, user, **{rules["lifetime"]: 1})
        transaction.replace(rules["tokens"], held, **{rules["issued"]: "2001-01-01T00:00:00Z"})


def alike(one: State, two: State) -> bool:
    """Tell whether two states hold the same records."""
    names = {*one.tables, *two.tables}
    return all(
        one.records(name) is two.records(name) or one.records(name) == two.records(name)
        for name in names
    )
