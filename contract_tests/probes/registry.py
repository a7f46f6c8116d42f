"""The probes there are: what each proves, where it applies, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from contract_tests.lab import Depth, Lab
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation

#: R reads; W creates, writes and deletes its own; N sends invalid input; A has no credentials.
Safety: TypeAlias = Literal["R", "W", "N", "A"]
Layer: TypeAlias = Literal["probes", "interactions"]
Run: TypeAlias = Callable[[Lab, World, Operation], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """
    A story told against one operation.

    `proves` are the properties it may assert; `applies` says whether an operation is
    of its kind, `cost` how many requests it takes, roughly.
    """

    name: str
    proves: tuple[str, ...]
    safety: Safety
    layer: Layer
    applies: Callable[[Subject, Operation], bool]
    cost: Callable[[Subject, Operation, Depth], int]
    run: Run


#: In the order in which they run.
PROBES: list[Probe] = []


def probe(
    *proves: str,
    safety: Safety,
    applies: Callable[[Subject, Operation], bool],
    cost: Callable[[Subject, Operation, Depth], int],
    layer: Layer = "probes",
) -> Callable[[Run], Run]:
    """Register a function (lab, world, operation) -> None as a probe of these properties."""

    def register(run: Run) -> Run:
        name = getattr(run, "__name__", "probe")
        PROBES.append(Probe(name, proves, safety, layer, applies, cost, run))
        return run

    return register
