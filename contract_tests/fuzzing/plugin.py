"""Our run as a check of Schemathesis: `hooks = "contract_tests.fuzzing.plugin"`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import schemathesis
from schemathesis.core.failures import Failure, FailureGroup, Severity

from contract_tests.result import Finding

#: Takes base_url, spec, token_env and profile by name, and returns what is news.
Runner: TypeAlias = Callable[..., Iterable[Finding]]

_SEVERITIES: Final = {"high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW}
_runner: list[Runner] = []


def use(runner: Runner) -> None:
    """Run something else than the whole suite; for hooks of one's own."""
    _runner[:] = [runner]


class PromiseBroken(Failure):
    """
    A finding, as Schemathesis shows it.

    Its identity is the operation, the property and the annotated thing, so that a
    baseline survives new wording, other values and another place in the files.
    """

    __slots__ = ("identity",)

    kind_title = "Promise broken"

    def __init__(self, finding: Finding) -> None:
        super().__init__(
            operation=finding.operation,
            title=f"{finding.property}: {finding.target}",
            message=_message(finding),
            severity=_SEVERITIES[finding.severity],
        )
        self.identity = f"{finding.property}|{finding.target}"

    @property
    def _unique_key(self) -> str:
        return self.identity


@schemathesis.check
class ContractTests:
    """
    Hold a service to what the annotations of its spec say, after all other phases.

    Set up under `[checks.ContractTests]`. `spec` is the annotated document (the shipped
    one when empty), `token_env` the variable that holds the token.
    """

    def __init__(
        self, *, base_url: str, spec: str = "", token_env: str = "", profile: str = "ci"
    ) -> None:
        self._given = {
            "base_url": base_url,
            "spec": spec,
            "token_env": token_env,
            "profile": profile,
        }

    def after_run(self, ctx: Any) -> None:  # the signature is Schemathesis'
        """Run the suite and raise one failure for each finding."""
        failures = [PromiseBroken(finding) for finding in _chosen_runner()(**self._given)]
        if failures:
            raise FailureGroup(failures, "what the spec promises does not hold")


def _chosen_runner() -> Runner:
    if _runner:
        return _runner[0]
    # The suite needs this package in turn, and is slow to import.
    from contract_tests import runner

    return runner.run_for_plugin


def _message(finding: Finding) -> str:
    lines = [
        finding.claim,
        f"Expected: {finding.expected}",
        f"Actual: {finding.actual}",
        f"Said at: {finding.place}" if finding.place else "",
        f"Id: {finding.id}",
        *finding.curl,
    ]
    return "\n".join(line for line in lines if line)
