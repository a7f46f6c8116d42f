"""What a run found out: verdicts, findings, coverage; frozen, ready for every report."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal, TypeAlias

Outcome: TypeAlias = Literal["held", "failed", "blocked", "unspecified", "skipped"]
Kind: TypeAlias = Literal["bug", "flaky"]
Severity: TypeAlias = Literal["high", "medium", "low"]


class Exit(IntEnum):
    """How a run ends, for the shell."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    UNTESTABLE = 3
    STOPPED = 4
    INCOMPLETE = 5
    LEFTOVERS = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What became of one property on one operation.

    `checked` counts the comparisons made; `reason` says why there were none.
    """

    property: str
    operation: str
    outcome: Outcome
    checked: int = 0
    requests: int = 0
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One cause of trouble, confirmed and reduced.

    `about` names the annotated thing ("offering_uuid", "o", "name", or ""), `place`
    the file and line of the spec that makes the claim, `script` the replay file's
    content (contract_tests/script.py), `masks` what else failed for the same cause,
    `mock` what the same script does against our own server.
    """

    id: str
    property: str
    operation: str
    about: str
    place: str
    claim: str
    expected: str
    actual: str
    script: Mapping[str, Any]
    curl: tuple[str, ...]
    first_request: int
    confirmed: str
    severity: Severity = "high"
    kind: Kind = "bug"
    masks: tuple[str, ...] = ()
    mock: Literal["passes", "fails", "not run"] = "not run"
    accepted: str = ""
    """The reason given in the baseline; "" when this is news."""

    @builtins.property
    def target(self) -> str:
        """The annotated thing, as mutants and baselines name it."""
        return f"{self.operation}.{self.about}" if self.about else self.operation


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    What the run touched.

    `statuses`: operation -> documented status -> how often seen;
    `parameters`: operation -> parameter -> how often sent;
    `annotations`: extension key -> (declared, asserted).
    """

    statuses: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    annotations: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer of a run: preflight, probes, interactions, schemathesis, machines."""

    name: str
    requests: int
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a report may say about one run."""

    run: str
    url: str
    spec: str
    version: str
    seed: int
    profile: str
    mode: str
    started: datetime
    seconds: float
    requests: int
    exit: Exit
    message: str = ""
    """Why the run ended as it did, when that is not the findings; else ""."""
    operations: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    unconfirmed: int = 0
    leftovers: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    """Sentences from the preflight: what could not be tested, and why."""
    stages: tuple[Stage, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def news(self) -> tuple[Finding, ...]:
        """The findings that are neither accepted in the baseline nor flaky."""
        return tuple(f for f in self.findings if not f.accepted and f.kind == "bug")
