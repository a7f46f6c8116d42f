"""Where probes work: they send steps, state claims, and need not care about anything else."""

from __future__ import annotations

import builtins
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from contract_tests import relations
from contract_tests.client import Client
from contract_tests.ledger import Owned
from contract_tests.oracle import Flaw, Oracle
from contract_tests.relations import Claim, Difference, Expr
from contract_tests.steps import Reply, Step
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT, Exchange
from mockserver.operation import Operation

Query: TypeAlias = Mapping[str, Any] | Iterable[tuple[str, Any]]

#: Whoever receives a request line is asked to take so many bytes of it.
_LONGEST_ADDRESS: Final = 8000

#: What identifies a record in an answer: 32 hexadecimal digits, dashed or not.
IDENTIFIER: Final = re.compile(
    rb"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)


class Blocked(Exception):
    """A precondition does not hold: nothing can be said about a property."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A claim that failed once; not a finding before it failed again on fresh records."""

    property: str
    operation: str
    about: str
    says: str
    claim: Claim
    difference: Difference
    steps: tuple[int, ...]
    request: int
    tag: str

    @builtins.property
    def cause(self) -> tuple[str, str, str, str]:
        """What two suspicions share when they are the same."""
        return (self.property, self.operation, self.about, self.difference.shape)


@dataclass(frozen=True, slots=True)
class Depth:
    """How thorough a profile is: numbers of values, parents, pairs and sizes to try."""

    name: str = "ci"
    values: int = 2
    parents: int = 4
    rows: int = 300
    pairs: int = 40
    nasty: int = 12
    machines: int = 20
    is_full: bool = True


@dataclass
class Lab:
    """
    What a probe may use.

    `tag` marks every text that this run writes; `on_suspicion` is called once for each
    failed claim. `main` may do everything, `stranger` is signed in and may do nothing,
    `nobody` has no token, `invalid` a wrong one; `personas` lists those there are.
    """

    subject: Subject
    client: Client
    oracle: Oracle
    operations: tuple[Operation, ...]
    tag: str
    seed: int = 1
    mode: str = "own"
    depth: Depth = Depth()
    properties: Callable[[str], bool] = lambda name: True
    on_suspicion: Callable[[Suspicion], None] = lambda suspicion: None
    checked: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    asserted: Counter[str] = field(default_factory=Counter)
    replies: dict[int, Reply] = field(default_factory=dict)
    origin: dict[str, int] = field(default_factory=dict)
    suspected: set[tuple[str, str, str, str]] = field(default_factory=set)
    _case: list[int] = field(default_factory=list)
    _serial: int = 0
    _quiet: int = 0
    _holds: int = 0
    _held: list[Suspicion] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._by_verb: dict[tuple[str, str], list[Operation]] = defaultdict(list)
        for operation in self.subject.spec.operations:
            self._by_verb[operation.resource, operation.verb].append(operation)

    # What there is

    @property
    def personas(self) -> tuple[str, ...]:
        """The personas that can be played."""
        return tuple(self.client.credentials)

    @property
    def may_write(self) -> bool:
        """Whether this run may change anything at all."""
        return self.mode != "read-only"

    def operation(self, operation_id: str) -> Operation:
        """Return an operation by its id."""
        return self.subject.operations[operation_id]

    def verbs(self, resource: str, verb: str) -> list[Operation]:
        """Return the operations of a verb on a resource, in the order of the description."""
        return self._by_verb.get((resource, verb), [])

    def wants(self, prop: str) -> bool:
        """Tell whether a property is to be tested."""
        return self.properties(prop)

    def unique(self) -> str:
        """Return a short text that nothing else contains."""
        self._serial += 1
        return f"{self.tag}n{self._serial}"

    # Steps

    @contextmanager
    def case(self, purpose: str = "") -> Iterator[None]:
        """Begin a story of its own: what it writes belongs to its findings only."""
        before, self._case = self._case, []
        was, self.client.purpose = self.client.purpose, purpose or self.client.purpose
        try:
            yield
        finally:
            self._case, self.client.purpose = before, was

    def call(
        self,
        operation: Operation | str,
        params: Mapping[str, Any] | None = None,
        *,
        query: Query = (),
        body: Any = ABSENT,
        persona: str = "main",
        **more: Any,
    ) -> Reply:
        """
        Send one step and judge its answer; `more` are further fields of Step.

        A create whose answer is good is remembered for clean-up by itself.
        """
        found = self.operation(operation) if isinstance(operation, str) else operation
        step = Step(
            operation=found.id,
            method=more.pop("method", found.method),
            template=found.path,
            params={name: str(value) for name, value in (params or {}).items()},
            query=_pairs(query),
            body=body,
            persona=persona,
            **more,
        )
        return self.send(step)

    def follow(
        self, operation: Operation, url: str, *, via: Expr | None = None, persona: str = "main"
    ) -> Reply:
        """Fetch a link that an answer of a GET operation gave; `via` says where it did."""
        step = Step(operation.id, "GET", operation.path, url=url, via=via, persona=persona)
        return self.send(step)

    def send(self, step: Step, *, is_judged: bool = True) -> Reply:
        """Send a step, remember what it created or removed, and judge the answer."""
        operation = self.operation(step.operation)
        creates = step.creates or self._creates(operation, step)
        step = replace(step, creates=creates)
        if creates:
            self.client.ledger.intend(creates)
        resource = self._changed(operation)
        replies: list[Reply] = []

        def record(exchange: Exchange) -> None:
            reply = self._reply(operation, step, exchange)
            self._remember(operation, reply)
            if creates:
                self.client.ledger.settle(creates)
            replies.append(reply)

        self.client.send(step, resource=resource, key_param=_target(operation), record=record)
        reply = replies[0]
        if is_judged and not self._quiet:
            self._judge(operation, reply)
        return reply

    def _reply(self, operation: Operation, step: Step, exchange: Exchange) -> Reply:
        is_list = operation.verb == "list"
        return Reply(
            replace(step, number=exchange.number),
            exchange,
            items=self.subject.envelope(operation).get("items", "") if is_list else "",
            key=self.subject.shown_key(operation),
        )

    def permit(self, step: Step) -> None:
        """Raise NotOurs when a step would change what is not ours."""
        operation = self.operation(step.operation)
        self.client.permit(step, self._changed(operation), _target(operation))

    def _creates(self, operation: Operation, step: Step) -> str:
        if operation.effect is None or step.method != operation.method:
            return ""
        if operation.verb == "create":
            return operation.resource
        if len(operation.effect.creates) == 1 and operation.effect.undo:
            return next(iter(operation.effect.creates))
        return ""

    def _remember(self, operation: Operation, reply: Reply) -> None:
        number = reply.step.number
        self.replies[number] = reply
        self._case.append(number)
        for match in IDENTIFIER.finditer(reply.received.body):
            self.origin.setdefault(match[0].decode().replace("-", "").lower(), number)
        if not reply.is_good:
            return
        if reply.step.creates:
            self._own(operation, reply)
        elif operation.verb == "destroy" and reply.step.method == "DELETE":
            key = reply.step.params.get(operation.path_key, "")
            self.client.ledger.drop(operation.resource, key)
            # Nobody owns it any more, so whoever wants to see that it is gone may write to it.
            self.client.invented.add(key)

    def _changed(self, operation: Operation) -> str:
        """Return the resource whose record the path names: the parent's, on a nested create."""
        nesting, resource = operation.nesting, self.subject.resource(operation)
        if operation.verb != "create" or nesting is None or resource is None:
            return operation.resource
        if nesting.parent:
            return nesting.parent
        reached = self.subject.reached(resource, nesting.field.rpartition(".")[0])
        return reached.name if reached else operation.resource

    def _own(self, operation: Operation, reply: Reply) -> None:
        key = reply.record_key()
        if key is ABSENT:
            location = reply.received.headers.get("location", "").rstrip("/")
            key = location.rpartition("/")[2]
        resource = reply.step.creates
        if resource == operation.resource:
            undo = next((o for o in self.verbs(resource, "destroy")), None)
            if key and undo is not None:
                owned = Owned(resource, str(key), operation.id, undo.id, {undo.path_key: str(key)})
                self.client.ledger.add(owned)
            elif key:
                self.client.ledger.add(self._goes_with_parent(operation, reply, str(key)))
            self.origin.setdefault(str(key), reply.step.number)
            return
        undo_id = getattr(operation.effect, "undo", "")
        body = reply.step.body if isinstance(reply.step.body, Mapping) else {}
        schema = self.subject.body_schema(self.operation(undo_id)) or {}
        names = self.subject.properties(schema)
        wanted = {name: value for name, value in body.items() if name in names}
        mark = f"{reply.step.params}{wanted}"
        owned = Owned(resource, str(key or mark), operation.id, undo_id, reply.step.params, wanted)
        self.client.ledger.add(owned)

    def _goes_with_parent(self, operation: Operation, reply: Reply, key: str) -> Owned:
        """Return a new record that only goes when its parent goes, if that is ours."""
        resource, parent = operation.resource, self._changed(operation)
        params = reply.step.params
        undo = next(iter(self.verbs(parent, "destroy")), None)
        held = params.get(operation.path_key, "")
        if undo is None or parent == resource or not self.client.ledger.holds(parent, held):
            return Owned(resource, key, operation.id, "")
        return Owned(resource, key, operation.id, undo.id, {undo.path_key: held})

    # Claims

    def expect(
        self,
        prop: str,
        claim: Claim,
        *,
        operation: Operation | str,
        about: str = "",
        says: str,
        key: str = "",
    ) -> bool:
        """
        Hold the answers against a claim; tell whether it holds.

        `about` is the parameter or property at stake, `says` the promise in one short
        sentence, `key` the extension key that makes it (for coverage).
        """
        name = operation if isinstance(operation, str) else operation.id
        if not self.wants(prop):
            return True
        claim = self._about_write(claim, name)
        self.checked[prop, name] += 1
        if key:
            self.asserted[f"{key}@{name}.{about}" if about else f"{key}@{name}"] += 1
        try:
            difference = relations.check(claim, self.replies)
        except (LookupError, TypeError, ValueError) as error:
            difference = Difference("an answer that can be read", repr(error), "unreadable")
        if difference is None:
            return True
        self._suspect(
            Suspicion(
                prop, name, about, says, claim, difference,
                self._story(relations.steps_of(claim)), max(self.replies), self.tag,
            )
        )  # fmt: skip
        return False

    def _story(self, steps: set[int]) -> tuple[int, ...]:
        """Return steps with the writes of their case, and with what was read there before."""
        told = [self.replies[n].step for n in self._case]
        # An answer may come from the past: of a server that remembers the earlier ones.
        read = {_address(self.replies[n].step) for n in steps if n in self.replies}
        earlier = {each.number for each in told if each.writes or _address(each) in read}
        return tuple(sorted(steps | earlier))

    def _about_write(self, claim: Claim, name: str) -> Claim:
        """Return a claim that names the last write it is about, which no replay may leave out."""
        writes = [n for n in self._case if self.replies[n].step.writes]
        last = next((n for n in writes[::-1] if self.replies[n].step.operation == name), None)
        if last is None or last in relations.steps_of(claim):
            return claim
        return {**claim, "after": [*claim.get("after", ()), self.replies[last].status]}

    def blocked(self, prop: str, operation: Operation | str, reason: str) -> None:
        """Say why a property cannot be tested here; a later check overrules it."""
        name = operation if isinstance(operation, str) else operation.id
        self.reasons.setdefault((prop, name), ("blocked", reason))

    def unspecified(self, prop: str, operation: Operation | str, reason: str) -> None:
        """Say what the description leaves open, so that nothing is claimed."""
        name = operation if isinstance(operation, str) else operation.id
        self.reasons.setdefault((prop, name), ("unspecified", reason))

    @contextmanager
    def unjudged(self) -> Iterator[None]:
        """Send steps whose answers the oracle has nothing to say about."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    @contextmanager
    def held(self) -> Iterator[None]:
        """
        Keep suspicions back until the end.

        While a record is there that only one can be of, they could not be confirmed
        on another one.
        """
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            while self._held and not self._holds:
                self.on_suspicion(self._held.pop(0))

    def _judge(self, operation: Operation, reply: Reply) -> None:
        method = reply.step.method
        if method not in (operation.method, "HEAD"):
            return
        query = dict(reply.step.query) if not reply.step.url else {"": ""}
        fieldset = self.subject.conventions["fieldset"]["parameter"]
        is_cut = operation.has_fieldset and (fieldset in query or fieldset in reply.step.url)
        flaws = self.oracle.judge(operation, reply.received, method=method, is_cut=is_cut)
        may_refuse = _is_too_long(reply)
        for rule in ORACLE_RULES:
            self.checked[rule, operation.id] += 1
        for flaw in flaws:
            if self.wants(flaw.rule) and not (may_refuse and flaw.rule == "A2"):
                self._suspect(self._of_flaw(operation, reply, flaw))

    def _of_flaw(self, operation: Operation, reply: Reply, flaw: Flaw) -> Suspicion:
        claim = {
            "relation": "conforms", "left": reply.at("raw"), "rule": flaw.rule, "about": flaw.about,
        }  # fmt: skip
        writes = [n for n in self._case if self.replies[n].step.writes]
        steps = tuple(sorted({reply.step.number, *writes}))
        difference = Difference(flaw.expected, flaw.actual, flaw.shape)
        number = reply.step.number
        says = _SAYS.get(flaw.rule, "the answer is as described")
        return Suspicion(
            flaw.rule, operation.id, flaw.about, says, claim, difference, steps, number, self.tag
        )

    def _suspect(self, suspicion: Suspicion) -> None:
        if suspicion.cause in self.suspected:
            return
        self.suspected.add(suspicion.cause)
        if self._holds:
            self._held.append(suspicion)
        else:
            self.on_suspicion(suspicion)


#: What every answer is held against.
ORACLE_RULES: Final[Sequence[str]] = ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9")


_SAYS: Final[Mapping[str, str]] = {
    "A1": "the server does not fail",
    "A2": "the status is one that is described",
    "A3": "the media type is the described one",
    "A4": "the body is as its schema says",
    "A5": "the body has nothing that is not described",
    "A6": "the header is as described",
    "A8": "the answer shows nothing of the inside",
    "A9": "the answer comes in time",
}


def _pairs(query: Query) -> tuple[tuple[str, str], ...]:
    items = query.items() if isinstance(query, Mapping) else query
    found: list[tuple[str, str]] = []
    for name, value in items:
        values = value if isinstance(value, (list, tuple)) else [value]
        found += [(name, _written(each)) for each in values]
    return tuple(found)


def _address(step: Step) -> tuple[Any, ...]:
    """Return whom a reading asks, what for, and as who."""
    where = (step.operation, tuple(step.params.items()), step.query, step.url)
    return (step.method, *where, step.persona)


def _is_too_long(reply: Reply) -> bool:
    """Tell whether an answer refuses an address that no server need take (RFC 9112, 3)."""
    return reply.code in (414, 431) and len(reply.exchange.sent.target) > _LONGEST_ADDRESS


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _target(operation: Operation) -> str:
    """Return the path parameter that names the record an operation would change."""
    return operation.path_key if operation.writes else ""
