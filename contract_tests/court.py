"""Turn suspicions into findings: confirm them, make them small, name one cause once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from contract_tests import causes
from contract_tests import script as scripts
from contract_tests.catalogue import CATALOGUE
from contract_tests.client import Stopped
from contract_tests.curl import curl
from contract_tests.lab import Lab, Suspicion
from contract_tests.result import Finding
from contract_tests.script import CannotRun, Played, Script
from contract_tests.settling import Disturbed
from contract_tests.transport import Trouble

_NEEDED: Final = 3
_ATTEMPTS: Final = 7
_BUDGET: Final = 60
#: So often a list is read while nothing is written, to see whether others write to it.
_WATCH: Final = 20
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Mock: TypeAlias = Literal["passes", "fails", "not run"]


@dataclass
class Court:
    """
    Hears every suspicion of a run at once, while its records are still there.

    `on_mock` runs a script against our own server, `cleans` takes away what a play made,
    `settles` pictures the lists at stake, or raises Disturbed when others write to them,
    `refreshes` fits a script to what is free now.
    """

    lab: Lab
    cleans: Callable[[int], None]
    settles: Callable[[Suspicion, int, bool], Mapping[str, Any]] = (
        lambda suspicion, reads, is_anew: {}
    )
    refreshes: Callable[[Script], Script] = lambda script: script
    on_mock: Callable[[Script], Mock] | None = None
    minimises: bool = True
    on_finding: Callable[[Finding], None] = lambda finding: None
    findings: list[Finding] = field(default_factory=list)
    causes: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    unconfirmed: int = 0
    _plays: int = 0

    def hear(self, suspicion: Suspicion) -> None:
        """Add a finding when the suspicion fails again, and again, on fresh records."""
        script = scripts.build(self.lab, suspicion)
        extra, self.lab.client.allowed_extra = self.lab.client.allowed_extra, 500
        try:
            failed, played = self._confirm_undisturbed(suspicion, script)
            if not failed:
                self.unconfirmed += 1
                return
            if self.minimises and failed == _NEEDED:
                script = self._minimised(script)
        except Disturbed:
            # It may be raised again when the probe is told anew.
            self.lab.suspected.discard(suspicion.cause)
            raise
        finally:
            self.lab.client.allowed_extra = extra
        self._add(suspicion, script, failed, played)

    def _confirm_undisturbed(self, suspicion: Suspicion, script: Script) -> tuple[int, int]:
        before = self.settles(suspicion, 3, False)
        failed, counted = self._confirm(script)
        if not failed:
            return failed, counted
        # What fails only sometimes may be others' doing who write only sometimes.
        after = self.settles(suspicion, 3 if failed == _NEEDED else _WATCH, True)
        if after != before and not self._is_own_doing(suspicion, script, failed, after):
            raise Disturbed("others write at the same time")
        return failed, counted

    def _is_own_doing(
        self, suspicion: Suspicion, script: Script, failed: int, after: Mapping[str, Any]
    ) -> bool:
        """
        Tell whether what changed is what the script's own writes left behind.

        Others would go on while we only look on; raises Disturbed when they do.
        """
        writes = any(step["method"] not in _SAFE for step in script["steps"])
        return writes and failed == _NEEDED and self.settles(suspicion, _WATCH, True) == after

    def _confirm(self, script: Script) -> tuple[int, int]:
        """Return how often the script failed, and of how many runs that count."""
        failed = counted = 0
        for _ in range(_ATTEMPTS):
            try:
                played = self._play(script)
            except CannotRun:
                counted += 1
            else:
                if played.is_disturbed:
                    continue
                counted += 1
                failed += played.difference is not None
            if counted == _NEEDED:
                break
        return failed, counted

    def _play(self, script: Script) -> Played:
        mark = len(list(self.lab.client.ledger.newest_first()))
        self._plays += 1
        case = self.lab.case("confirm")
        with case:
            try:
                fresh = self.refreshes(script)
                return scripts.play(self.lab, fresh, tag=f"{self.lab.tag}p{self._plays}")
            finally:
                self._clean(mark)

    def _clean(self, mark: int) -> None:
        try:
            self.cleans(mark)
        except (Trouble, Stopped):
            # The end of the run tries again, and reports what is left.
            return

    def _minimised(self, script: Script) -> Script:
        start = self.lab.client.sent
        for step in list(reversed(script["steps"])):
            shorter = scripts.without_step(script, step["step"])
            if shorter is not None and self._still_fails(shorter, script, start):
                script = shorter
        changed = True
        while changed:
            changed = False
            for smaller in scripts.smaller_bodies(script):
                if self._still_fails(smaller, script, start):
                    script, changed = smaller, True
                    break
        return script

    def _still_fails(self, shorter: Script, longer: Script, start: int) -> bool:
        if self.lab.client.sent - start > _BUDGET:
            return False
        for _ in range(2):
            try:
                played = self._play(shorter)
            except CannotRun:
                return False
            if played.is_disturbed or played.difference is None:
                return False
            if played.difference.shape != longer["shape"]:
                return False
        return True

    def _add(self, suspicion: Suspicion, script: Script, failed: int, counted: int) -> None:
        digest = hashlib.sha256("|".join(suspicion.cause).encode()).hexdigest()[:6]
        operation = self.lab.operation(suspicion.operation)
        finding = Finding(
            id=f"{suspicion.property}-{digest}",
            property=suspicion.property,
            operation=suspicion.operation,
            about=suspicion.about,
            place=self.lab.subject.place(operation, suspicion.about),
            claim=suspicion.says,
            expected=suspicion.difference.expected,
            actual=suspicion.difference.actual,
            script=script,
            curl=tuple(curl(step, self.lab.client.transport.base_url) for step in script["steps"]),
            first_request=suspicion.request,
            confirmed=f"{failed}/{counted}",
            severity=CATALOGUE[suspicion.property].severity,
            kind="bug" if failed == counted == _NEEDED else "flaky",
            mock=self.on_mock(script) if self.on_mock else "not run",
        )
        self.findings.append(finding)
        self.causes[finding.id] = suspicion.cause
        self.on_finding(finding)

    def sentence(self) -> tuple[Finding, ...]:
        """Return the findings, each cause once: what follows from another is masked by it."""
        apart = causes.merged(causes.masked(self.findings), self.causes)
        return causes.systemic(apart, self.findings, self.lab.checked)
