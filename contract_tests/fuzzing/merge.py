"""Bring what Schemathesis found into the findings of a run."""

from __future__ import annotations

import hashlib
from typing import Final

from contract_tests.config import Config
from contract_tests.fuzzing.report import FuzzFailure
from contract_tests.fuzzing.stage import FuzzOutcome, FuzzRequest, run
from contract_tests.lab import Lab
from contract_tests.result import Finding, Severity
from contract_tests.subject import Subject

#: What a check of Schemathesis is to us: a failure there is no news where ours failed.
SAME_AS: Final[dict[str, tuple[str, ...]]] = {
    "ST101": ("A1", "G1", "G2", "G3"),
    "ST102": ("A1",),
    "ST103": ("A2",),
    "ST104": ("A3",),
    "ST105": ("A3",),
    "ST106": ("A3",),
    "ST107": ("A6",),
    "ST108": ("A6", "A4"),
    "ST109": ("A4", "A5"),
    "ST110": ("A4", "A5"),
    "ST111": ("A4", "A5"),
    "ST201": ("E1", "E2", "E3", "E4", "D11", "D19", "D27"),
    "ST202": ("B1",),
    "ST204": ("G4",),
    "ST301": ("B16",),
    "ST302": ("B3",),
    "ST401": ("F1",),
}


def request(config: Config, subject: Subject, lab: Lab) -> FuzzRequest:
    """Return what Schemathesis is asked to do in a run."""
    spent = lab.client.sent
    return FuzzRequest(
        url=config.url,
        document=subject.document,
        spec=subject.spec if subject.is_annotated else None,
        operations=tuple(operation.id for operation in lab.operations),
        headers=dict(lab.client.credentials.get("main", {})),
        run=lab.client.run,
        profile=config.profile,
        mode=config.mode,
        private=config.private,
        seed=config.seed,
        rate=config.rate or None,
        timeout=config.timeout,
        verify=config.ca or True,
        requests=max(config.max_requests - spent, 1) if config.max_requests else None,
    )


def findings(
    config: Config, subject: Subject, lab: Lab, known: frozenset[tuple[str, str]]
) -> tuple[tuple[Finding, ...], FuzzOutcome]:
    """
    Return what Schemathesis found and we did not, and how its run went.

    `known` has the (property, operation) pairs that failed already.
    """
    outcome = run(request(config, subject, lab))
    news = [
        _finding(config, subject, failure)
        for failure in outcome.failures
        if not any((prop, failure.operation_id) in known for prop in SAME_AS.get(failure.code, ()))
    ]
    return tuple(news), outcome


def _finding(config: Config, subject: Subject, failure: FuzzFailure) -> Finding:
    cause = f"{failure.code}|{failure.operation_id}|{failure.shape}"
    operation = subject.operations.get(failure.operation_id)
    severity: Severity = "high" if failure.severity in ("critical", "high") else "medium"
    return Finding(
        id=f"{failure.code}-{hashlib.sha256(cause.encode()).hexdigest()[:6]}",
        property=failure.code,
        operation=failure.operation_id,
        about="",
        place=operation.where if operation else "",
        claim=failure.title,
        expected="as described",
        actual=" ".join(failure.message.split())[:400],
        script={},
        curl=failure.curl,
        first_request=0,
        confirmed=f"{failure.count}x by Schemathesis",
        severity=severity,
    )
