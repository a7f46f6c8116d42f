"""The properties of a description as tests: one for each property of each operation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import pytest

from contract_tests import runner
from contract_tests.catalogue import CATALOGUE
from contract_tests.config import Config
from contract_tests.reports import digest, text
from contract_tests.result import Exit, Finding, Result, Verdict
from contract_tests.subject import read
from mockserver.errors import AuthorError, BrokenSpec

_ORACLE: Final = ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8")
#: Ends of a run in which what was not found proves nothing.
_BROKEN: Final = frozenset({Exit.UNTESTABLE, Exit.STOPPED, Exit.USAGE})


class Broken(Exception):
    """A property that does not hold, told without a traceback."""


class Suite(pytest.Collector):
    """All properties of one server; tests it once, when the first of them is asked for."""

    def __init__(self, *, chosen: Config, **more: Any) -> None:
        super().__init__(**more)
        self.chosen = chosen

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each property of each operation."""
        planned = runner.plan(self.chosen)
        subject = read(self.chosen.spec, self.chosen.overlays)
        pairs = [(rule, operation) for operation in subject.operations for rule in _ORACLE]
        pairs += [(prop, o.id) for probe, o, _ in planned for prop in probe.proves]
        for prop, operation in dict.fromkeys(pairs):
            yield Property.from_parent(
                self, name=f"{prop}[{operation}]", prop=prop, operation=operation
            )

    @cached_property
    def result(self) -> Result:
        """What the run found; it runs when this is asked for first."""
        return runner.run(self.chosen)

    @cached_property
    def verdicts(self) -> dict[tuple[str, str], Verdict]:
        """The verdicts by property and operation."""
        return {(each.property, each.operation): each for each in self.result.verdicts}


class Property(pytest.Item):
    """One property of one operation."""

    def __init__(self, *, prop: str, operation: str, **more: Any) -> None:
        super().__init__(**more)
        self.prop, self.operation = prop, operation
        if self.config.pluginmanager.hasplugin("xdist"):
            # With --dist loadgroup one process has them all, and runs the suite once.
            self.add_marker(pytest.mark.xdist_group("contract"))

    def runtest(self) -> None:
        """Fail, skip or pass, as the run found."""
        suite = cast("Suite", self.parent)
        result = suite.result
        found = [f for f in result.news if (f.property, f.operation) == (self.prop, self.operation)]
        if found:
            raise Broken("\n\n".join(_told(finding) for finding in found))
        verdict = suite.verdicts.get((self.prop, self.operation))
        if verdict is not None and verdict.outcome == "failed":
            self._of_the_same_cause(result)
        if verdict is None or verdict.outcome not in ("held", "failed"):
            if result.exit in _BROKEN:
                raise Broken(f"the run ended early: {result.message}")
            pytest.skip(_reason(verdict))

    def _of_the_same_cause(self, result: Result) -> None:
        """Fail, naming the finding that says why; what the baseline accepts is skipped."""
        for finding in result.findings:
            is_same = (finding.property, finding.operation) == (self.prop, self.operation)
            if is_same and finding.accepted:
                pytest.skip(f"accepted: {finding.accepted}")
        raise Broken(
            f"{CATALOGUE[self.prop].claim}\nIt fails for the same cause as another finding."
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the finding's own words; a traceback only of what is no finding."""
        if isinstance(excinfo.value, Broken):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style=style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return what the header of a failure says."""
        return self.config.rootpath, None, f"{self.prop} of {self.operation}"


def _reason(verdict: Verdict | None) -> str:
    if verdict is None:
        return "nothing was found out about it"
    return f"{verdict.outcome}: {verdict.reason}"


def _told(finding: Finding) -> str:
    """Return a finding in some lines."""
    lines = [
        f"{finding.id} {finding.target}: {finding.claim}",
        f"  promised  {finding.place}",
        f"  expected  {finding.expected}",
        f"  actual    {finding.actual}",
        f"  confirmed {finding.confirmed}; against the mock: {finding.mock}",
        *(f"  {step}" for step in digest.steps(finding)),
        *(f"  $ {line}" for line in finding.curl),
    ]
    return text.without_secrets("\n".join(map(text.one_line, lines)))


def items_of(session: pytest.Session, config: pytest.Config) -> list[pytest.Item]:
    """Return the tests of the server that the command line names."""
    suite = Suite.from_parent(session, name="contract", nodeid="contract", chosen=_config(config))
    try:
        return list(suite.collect())
    except (BrokenSpec, AuthorError, OSError) as error:
        raise pytest.UsageError(f"--contract-spec: {error}") from error


def _config(config: pytest.Config) -> Config:
    spec = config.getoption("--contract-spec")
    return Config(
        url=config.getoption("--contract-url"),
        spec=Path(spec) if spec else None,
        tokens=_tokens(config),
        profile=config.getoption("--contract-profile"),
        mode=config.getoption("--contract-mode"),
    )


def _tokens(config: pytest.Config) -> dict[str, str]:
    """Return the tokens that the variables named on the command line hold, by persona."""
    variable = config.getoption("--contract-token-env")
    found = {"main": _variable(variable)} if variable else {}
    for said in config.getoption("--contract-persona"):
        name, _, variable = said.partition("=")
        if not name or not variable:
            raise pytest.UsageError(f"--contract-persona {said}: write NAME=VAR")
        found[name] = _variable(variable)
    return found


def _variable(name: str) -> str:
    if not os.environ.get(name):
        raise pytest.UsageError(f"the variable {name}, which should hold a token, is not set")
    return os.environ[name]
