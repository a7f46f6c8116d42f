"""Say which requests meet a fault, how often, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Final, Protocol, cast

from mockserver.delivery import LONGEST, WHOLE, Delivery, Manner
from mockserver.errors import NON_FIELD, Invalid
from mockserver.fault import KINDS, Fault
from mockserver.members import NAME, Reading, listed

__all__ = ["KINDS", "METHODS", "Fault", "Faults", "Rule", "Wished", "delivery_of", "replacing"]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: More rules than this in one session are a mistake.
MAX_RULES: Final = 100

_RULE_MEMBERS: Final = (
    "id", "operation", "method", "path", "persona", "probability", "times", "fault",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    A fault, and the requests that meet it; what is empty holds for every request.

    `path` may have `*` for any characters, slashes included, and `?` for a single one.
    The rule fires with `probability`, and `times` times at most.
    """

    id: str = ""
    operation: str = ""
    method: str = ""
    path: str = ""
    persona: str = ""
    probability: float = 1.0
    times: int | None = None
    fault: Fault

    @classmethod
    def read(
        cls,
        raw: object,
        operations: Collection[str] | None = None,
        personas: Collection[str] | None = None,
    ) -> Rule:
        """
        Return the rule that a mapping describes; raise Invalid with every member at fault.

        Where `operations` and `personas` are given, those are all there are.
        """
        if not isinstance(raw, Mapping):
            text = "Give an object with a fault, like {fault: {kind: reset}}."
            raise Invalid.field(NON_FIELD, text)
        reading = Reading(raw, _RULE_MEMBERS)
        times = raw.get("times")
        made = cls(
            id=reading.text("id"),
            operation=reading.text("operation", operations),
            method=reading.text("method", METHODS),
            path=reading.text("path"),
            persona=reading.text("persona", personas),
            probability=reading.number("probability", 1.0, 0, 1),
            times=None if times is None else reading.whole("times", 1, 1, 1_000_000_000),
            fault=_fault(reading),
        )
        if made.id and not NAME.fullmatch(made.id):
            reading.blame("id", "Give 1 to 64 letters, digits, dots, dashes or underscores.")
        if made.path and not made.path.startswith(("/", "*")):
            reading.blame("path", "Begin with a slash, like /books/*.")
        if made.probability == 0:
            reading.blame("probability", "Give a number over 0; to stop a rule, delete it.")
        reading.finish()
        return made

    def matches(self, method: str, path: str, operation: str, persona: str) -> bool:
        """Tell whether a request is one that the rule is about."""
        return (
            self.operation in ("", operation)
            and self.method in ("", method)
            and self.persona in ("", persona)
            and (not self.path or fnmatchcase(path, self.path))
        )

    def shown(self) -> dict[str, Any]:
        """Return the mapping that `read` takes."""
        names = ("id", "operation", "method", "path", "persona", "probability", "times")
        told: dict[str, Any] = {name: getattr(self, name) for name in names}
        return told | {"fault": self.fault.shown()}


class Faults:
    """
    The rules of one session, in the order in which they were put.

    Nothing is counted, and nothing allocated, until there is a rule.
    """

    __slots__ = ("_counts", "rules")

    def __init__(self) -> None:
        self.rules: tuple[Rule, ...] = ()
        #: How many requests a rule matched, and for how many it fired.
        self._counts: dict[str, tuple[int, int]] | None = None

    def put(self, rule: Rule) -> Rule:
        """Add a rule, or replace the one of its id, and return it; without an id it gets one."""
        if not rule.id:
            taken = {other.id for other in self.rules}
            number = next(n for n in range(1, len(taken) + 2) if str(n) not in taken)
            rule = replace(rule, id=str(number))
        is_new = self.get(rule.id) is None
        if is_new and len(self.rules) >= MAX_RULES:
            text = f"There are {MAX_RULES} rules already; delete some first."
            raise Invalid.field(NON_FIELD, text)
        old = self.rules
        self.rules = (*old, rule) if is_new else tuple(rule if r.id == rule.id else r for r in old)
        self._counts = {**(self._counts or {}), rule.id: (0, 0)}
        return rule

    def get(self, rule_id: str) -> Rule | None:
        """Return the rule of that id, or None."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def remove(self, rule_id: str) -> bool:
        """Take a rule away; tell whether there was one."""
        kept = tuple(rule for rule in self.rules if rule.id != rule_id)
        is_found = len(kept) < len(self.rules)
        self.rules = kept
        if self._counts:
            self._counts.pop(rule_id, None)
        return is_found

    def clear(self) -> None:
        """Take all rules away."""
        self.rules, self._counts = (), None

    def counted(self, rule_id: str) -> tuple[int, int]:
        """Return how many requests a rule matched, and for how many it fired."""
        return (self._counts or {}).get(rule_id, (0, 0))

    def choose(
        self, method: str, path: str, operation: str, persona: str, seed: int
    ) -> tuple[Rule, ...]:
        """
        Return the rules that fire for a request, their chance settled, and count them.

        Chance is keyed by the seed, the rule, and how many requests it matched before.
        A rule that an earlier one leaves without effect does not fire: latencies add up,
        but only one answer is given, and in one manner.
        """
        fired: list[Rule] = []
        spent: set[str] = set()
        for rule in self.rules:
            if not rule.matches(method, path, operation, persona):
                continue
            matched, before = self.counted(rule.id)
            effect = _effect(rule.fault)
            chance = Random(f"{seed}/{rule.id}/{matched}")
            fires = (
                (rule.times is None or before < rule.times)
                and (effect == "latency" or effect not in spent)
                and chance.random() < rule.probability
            )
            assert self._counts is not None
            self._counts[rule.id] = (matched + 1, before + fires)
            if fires:
                spent.add(effect)
                fired.append(replace(rule, fault=rule.fault.drawn(chance)))
        return tuple(fired)


class Wished(Protocol):
    """What a client asked for in the request itself."""

    @property
    def delay(self) -> float:
        """How long to hold the answer back, in milliseconds."""

    @property
    def fault(self) -> Fault | None:
        """What should go wrong."""


def delivery_of(rules: Sequence[Rule], wished: Wished | None = None) -> Delivery:
    """Return how the answer is sent: delays add up, what is wished goes before rules."""
    if not rules and wished is None:
        return WHOLE
    found = list(_all(rules, wished))
    delay = sum(fault.milliseconds for fault in found if fault.kind == "latency")
    delay += wished.delay if wished is not None else 0
    broken = next((fault for fault in found if _effect(fault) == "manner"), None)
    return Delivery(
        delay=min(delay / 1000, LONGEST),
        manner=cast(Manner, broken.kind) if broken is not None else "whole",
        rate=broken.rate if broken is not None and broken.kind == "slow" else 0,
    )


def replacing(rules: Sequence[Rule], wished: Wished | None = None) -> Fault | None:
    """Return the fault whose answer is given instead of the operation's own, if any."""
    return next((fault for fault in _all(rules, wished) if fault.replaces), None)


def _all(rules: Sequence[Rule], wished: Wished | None) -> Iterable[Fault]:
    if wished is not None and wished.fault is not None:
        yield wished.fault
    for rule in rules:
        yield rule.fault


def _effect(fault: Fault) -> str:
    if fault.kind == "latency":
        return "latency"
    return "answer" if fault.replaces else "manner"


def _fault(reading: Reading) -> Fault:
    raw = reading.raw.get("fault")
    if raw is None:
        reading.blame("fault", f"Say what goes wrong: one of {listed(KINDS)}.")
        return Fault("reset")
    try:
        return Fault.read(raw)
    except Invalid as invalid:
        reading.issues["fault"] = invalid.issues
        return Fault("reset")
