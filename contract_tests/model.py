"""A model of our own records: what was written to them last is what must be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from contract_tests import making, portrait, questions, standing
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.marketplace_rules import Story
from contract_tests.portrait import Readback
from contract_tests.probes.updates import written
from contract_tests.relations import Claim, const
from contract_tests.steps import Reply
from contract_tests.world import World
from mockserver.operation import Operation

_PROPERTY: Final = "C5"
#: As many records at once as tell whether one is taken for another.
_MOST: Final = 4


class Enough(KeyboardInterrupt):
    """The walk is over; Hypothesis takes everything but an interruption for a failure."""

    def __init__(self, reason: Exception | None = None) -> None:
        super().__init__(str(reason or "the budget is spent"))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expected:
    """What a property must show: who wrote it, and the claim that an answer shows it."""

    writer: Operation
    about: str
    value: Any
    claim: Callable[[Reply], Claim | None]


@dataclass(slots=True)
class Modelled:
    """A record of our own, and what is known of it: pointer -> what must be there."""

    own: Own
    facts: dict[str, Expected] = field(default_factory=dict)
    is_gone: bool = False


@dataclass
class Model:
    """The records of one walk, by local handles; servers' ids never get into bundles."""

    lab: Lab
    world: World
    reader: Operation
    limit: int
    records: list[Modelled] = field(default_factory=list)

    def spend(self) -> None:
        """Raise Enough when the budget is spent."""
        if self.lab.client.sent >= self.limit:
            raise Enough

    def create(self, variant: int) -> int:
        """
        Create a record and return its handle.

        When there are enough, or the server takes no more, the handle is an old one: what is
        drawn next must not depend on the server.
        """
        if sum(not record.is_gone for record in self.records) >= _MOST:
            return len(self.records) - 1
        try:
            made = making.make(self.lab, self.world, self.reader.resource, variant=variant)
            own = making.own_of(self.lab, made)
        except Blocked:
            return len(self.records) - 1
        record = Modelled(own)
        self._learn(record, self.lab.operation(made.step.operation), own.body)
        self.records.append(record)
        return len(self.records) - 1

    def write(self, handle: int, operation: Operation, variant: int) -> None:
        """Send a valid body to a record, and expect what the effect says."""
        record = self.records[handle]
        body = self._body(record.own, operation, variant)
        params = making.item_params(operation, record.own.key, record.own.params)
        reply = self.lab.call(operation, params, body=body)
        if record.is_gone:
            self._is_unknown(operation, reply)
        elif reply.is_good and operation.verb == "destroy":
            record.is_gone = True
            making.forget(self.lab, self.world, record.own)
        elif reply.is_good:
            self._learn(record, operation, body if isinstance(body, Mapping) else {})

    def _body(self, own: Own, operation: Operation, variant: int) -> Any:
        if operation.verb not in ("update", "partial_update"):
            shown = own.made.data if isinstance(own.made.data, Mapping) else None
            return standing.body_for(self.lab, self.world, operation, shown)
        body = written(self.lab, self.world, operation, own, Wish(variant=variant))
        names = sorted(body)
        if operation.verb == "update" or not names:
            return body
        name = names[variant % len(names)]
        return {name: body[name]}

    def read(self, handle: int) -> None:
        """Read a record and hold it against the model."""
        record = self.records[handle]
        params = making.item_params(self.reader, record.own.key, record.own.params)
        reply = self.lab.call(self.reader, params)
        if record.is_gone:
            self._is_unknown(self.reader, reply)
            return
        for expected in record.facts.values():
            claim = expected.claim(reply)
            if claim is not None:
                self.lab.expect(
                    _PROPERTY,
                    claim,
                    operation=expected.writer,
                    about=expected.about,
                    says="what was written last is read, whatever came before",
                    key="x-effect",
                )

    def census(self) -> None:
        """Read the whole list: what lives is in it, and nothing else of ours is."""
        for lister in self._listers():
            whole = self.world.listing(lister, is_fresh=True)
            gone = [r.own.made.body(f"/{r.own.made.key}") for r in self.records if r.is_gone]
            there = [r.own.made.body(f"/{r.own.made.key}") for r in self.records if not r.is_gone]
            for keys, relation in ((there, "among"), (gone, "not_among")):
                for key in keys if whole.is_whole or relation == "not_among" else []:
                    claim = {"relation": relation, "left": key, "right": whole.at("ids")}
                    says = "a list has what is there, and nothing that is gone"
                    self.lab.expect(_PROPERTY, claim, operation=lister, says=says, key="x-action")

    def ask(self, handle: int, number: int) -> None:
        """Filter a list by what a record must show: it is there, and others are not."""
        record = self.records[handle]
        view = self.lab.subject.view(self.reader)
        known = {view[p[1:]].path: e.value for p, e in record.facts.items() if p[1:] in view}
        for lister in self._listers():
            asked = list(questions.of(lister, known))
            if not asked or record.is_gone:
                continue
            question = asked[number % len(asked)]
            found = self.world.listing(
                lister, query=[(question.name, question.text)], is_fresh=True
            )
            mine = record.own.made.body(f"/{record.own.made.key}")
            if found.is_whole:
                claim = {"relation": "among", "left": mine, "right": found.at("ids")}
                says = "a filter keeps a record that was written to pass it"
                self.lab.expect(
                    "D2", claim, operation=lister, about=question.name, says=says, key="x-filter"
                )

    def tell(self, handle: int, story: Story) -> None:
        """Let a story go on with a record that lives, and forget what it was like."""
        record = self.records[handle]
        if not record.is_gone:
            record.facts.clear()
            story(self.lab, self.world, record.own)

    def end(self) -> None:
        """Read everything once more, and take it away."""
        for handle, record in enumerate(self.records):
            if not record.is_gone:
                self.read(handle)
        for record in self.records:
            making.unmake(self.lab, self.world, record.own)

    def _listers(self) -> Iterator[Operation]:
        for lister in self.world.listers(self.reader.resource):
            if lister.conditions == self.reader.conditions and lister.permission is None:
                yield lister

    def _is_unknown(self, operation: Operation, reply: Reply) -> None:
        claim = {"relation": "among", "left": reply.status, "right": const([404, 410])}
        says = "what is gone stays gone"
        self.lab.expect(_PROPERTY, claim, operation=operation, says=says, key="x-effect")

    def _learn(self, record: Modelled, operation: Operation, body: Mapping[str, Any]) -> None:
        """Forget what a write may have changed, and expect what it wrote."""
        subject = self.lab.subject
        effect = portrait.narrowed(subject, operation, body)
        stays = {pointer for _, pointer in portrait.staying(subject, self.reader, effect)}
        record.facts = {p: e for p, e in record.facts.items() if p in stays}
        known = portrait.readbacks(subject, operation, self.reader)
        for name, value in body.items():
            if name in known:
                pointer = known[name].pointer
                record.facts[pointer] = _sent(operation, known[name], value)
        for name, shown in subject.view(self.reader).items():
            constants = effect.sets.get(self.reader.resource, {})
            if shown.path in constants and shown.source == "field" and not shown.resource:
                value = constants[shown.path]
                record.facts[f"/{name}"] = _constant(operation, name, value)


def _sent(writer: Operation, known: Readback, value: Any) -> Expected:
    return Expected(writer, known.name, value, lambda reply: portrait.shows(reply, known, value))


def _constant(writer: Operation, name: str, value: Any) -> Expected:
    def claim(reply: Reply) -> Claim:
        return {"relation": "equal", "left": reply.body(f"/{name}"), "right": const(value)}

    return Expected(writer, name, value, claim)
