"""Count what a run touches: statuses, parameters, annotations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from contract_tests.result import Coverage
from contract_tests.subject import Subject
from contract_tests.wire import Exchange
from mockserver.operation import Operation


@dataclass
class Counters:
    """What was seen so far."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    parameters: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)

    def see(self, exchange: Exchange) -> None:
        """Count one exchange."""
        operation = exchange.operation
        self.statuses[operation][exchange.received.status] += 1
        for name in {name for name, _ in exchange.sent.query}:
            self.parameters[operation][name] += 1
        self.requests[operation, exchange.purpose] += 1


def coverage(subject: Subject, counters: Counters, asserted: Mapping[str, int]) -> Coverage:
    """Return how much of the description was touched, and how much of it was held to account."""
    statuses, parameters = {}, {}
    for operation in subject.spec.operations:
        seen = counters.statuses.get(operation.id, Counter())
        statuses[operation.id] = {status: seen[status] for status in sorted(operation.answers)}
        sent = counters.parameters.get(operation.id, Counter())
        parameters[operation.id] = {
            p.name: sent[p.name] for p in operation.parameters if p.place == "query"
        }
    said: dict[str, set[str]] = defaultdict(set)
    for operation in subject.spec.operations:
        for key, target in declared(subject, operation):
            said[key].add(target)
    reached = {text.partition("@")[0::2] for text in asserted}
    found = {}
    for key, targets in sorted(said.items()):
        hit = {target for name, target in reached if name == key}
        found[key] = (len(targets), sum(_is_hit(target, hit) for target in targets))
    return Coverage(statuses, parameters, found)


def _is_hit(target: str, hit: set[str]) -> bool:
    return target in hit or any(other.startswith(f"{target}.") for other in hit)


def declared(subject: Subject, operation: Operation) -> Iterator[tuple[str, str]]:
    """Yield (key, target) for every extension that speaks about an operation."""
    if not subject.is_annotated:
        return
    said = {
        "x-action": True,
        "x-permission": operation.permission is not None,
        "x-effect": operation.effect is not None,
        "x-order": operation.ordering is not None,
        "x-mock.paging": operation.is_paged,
        "x-mock.fieldset": operation.has_fieldset,
        "x-mock.auth": operation.is_secured,
    }
    yield from ((key, operation.id) for key, is_said in said.items() if is_said)
    if operation.nesting is not None:
        yield "x-filter", f"{operation.id}.{operation.nesting.parameter}"
    for parameter in operation.parameters:
        if parameter.filter is not None:
            yield "x-filter", f"{operation.id}.{parameter.name}"
    yield from _of_properties(subject, operation)


def _of_properties(subject: Subject, operation: Operation) -> Iterator[tuple[str, str]]:
    for name, schema in subject.properties(subject.body_schema(operation) or {}).items():
        if "x-normalize" in schema:
            yield "x-normalize", f"{operation.id}.{name}"
    for name, shown in subject.view(operation).items():
        if shown.path != name or shown.source != "field":
            yield "x-from", f"{operation.id}.{name}"
