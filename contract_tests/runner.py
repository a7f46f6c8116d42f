"""One run: preflight, layers, findings, clean-up; ends by itself, whatever happens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Protocol

from contract_tests import baseline, cleanup, preflight, probes
from contract_tests.client import Client, Manners, NotOurs, Stopped, credentials_of
from contract_tests.config import PROFILES, Config
from contract_tests.court import Court
from contract_tests.coverage import Counters, coverage
from contract_tests.inprocess import Model
from contract_tests.lab import ORACLE_RULES, Blocked, Lab
from contract_tests.ledger import Ledger
from contract_tests.oracle import Oracle
from contract_tests.preflight import Untestable
from contract_tests.probes.registry import PROBES, Probe
from contract_tests.refreshing import refreshed
from contract_tests.result import Exit, Finding, Outcome, Result, Stage, Verdict
from contract_tests.settling import Disturbed, pictures
from contract_tests.subject import Subject, chosen, read
from contract_tests.transport import HttpTransport, Trouble
from contract_tests.wire import Exchange
from contract_tests.world import World
from mockserver.operation import Operation

#: How often a probe is told when others write to the same lists.
_TELLINGS: Final = 3


class Listener(Protocol):
    """Who wants to know how a run goes."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a layer of `total` requests, None when nobody knows."""

    def advance(self, requests: int = 1, text: str = "") -> None:
        """Count more requests; `text` says what they are for."""

    def finding(self, finding: Finding) -> None:
        """Show what was found."""

    def close(self) -> None:
        """Take note that the run is over."""


class Silent:
    """Nobody listens."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignore it."""

    def advance(self, requests: int = 1, text: str = "") -> None:
        """Ignore it."""

    def finding(self, finding: Finding) -> None:
        """Ignore it."""

    def close(self) -> None:
        """Ignore it."""


class Enough(Exception):
    """As many findings as were asked for."""


@dataclass
class Run:
    """What a run holds while it goes on."""

    config: Config
    subject: Subject
    lab: Lab
    world: World
    court: Court
    listener: Listener
    counters: Counters = field(default_factory=Counters)
    stages: list[Stage] = field(default_factory=list)
    blocked: tuple[str, ...] = ()
    ran: set[tuple[str, str]] = field(default_factory=set)
    spent: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    fuzzed: tuple[Finding, ...] = ()
    fuzz_requests: int = 0


def run(
    config: Config,
    listener: Listener | None = None,
    on_exchange: Callable[[Exchange], None] = lambda exchange: None,
) -> Result:
    """
    Test a server and return what was found; raises BrokenSpec and BadBaseline only.

    Whatever ends the run, what it created is taken away, and what is left is listed.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    excuses = baseline.read(config.baseline) if config.baseline else []
    subject = read(config.spec, config.overlays)
    listening = listener or Silent()
    job = _prepared(config, subject, listening, on_exchange)
    exit_, message = Exit.FINE, ""
    try:
        with _ends(job):
            _layers(job)
    except _Ended as ended:
        exit_, message = ended.exit, ended.message
    finally:
        listening.close()
    return _result(job, started, time.monotonic() - clock, excuses, exit_, message)


class _Ended(Exception):
    def __init__(self, exit_: Exit, message: str) -> None:
        super().__init__(message)
        self.exit, self.message = exit_, message


@contextmanager
def _ends(job: Run) -> Iterator[None]:
    """Turn every way in which a run can end into an exit code; clean up in all of them."""
    ended: _Ended | None = None
    try:
        yield
    except Untestable as error:
        ended = _Ended(Exit.UNTESTABLE, str(error))
    except Trouble as error:
        is_early = not job.ran
        code = Exit.UNTESTABLE if is_early else Exit.STOPPED
        ended = _Ended(code, str(error) if is_early else f"stopped in the middle: {error}")
    except Stopped as error:
        ended = _Ended(Exit.STOPPED if error.is_server else Exit.INCOMPLETE, str(error))
    except Enough:
        ended = _Ended(Exit.FINDINGS, f"stopped after {job.config.max_findings} findings")
    except KeyboardInterrupt:
        ended = _Ended(Exit.INTERRUPTED, "interrupted")
    finally:
        job.listener.stage("clean-up", None)
        try:
            job.leftovers = cleanup.clean(job.lab)
        except KeyboardInterrupt:
            owned = job.lab.client.ledger.newest_first()
            job.leftovers = tuple(f"{each.resource} {each.key}" for each in owned)
        job.lab.client.ledger.close()
    if ended is not None:
        raise ended


def _prepared(
    config: Config,
    subject: Subject,
    listener: Listener,
    on_exchange: Callable[[Exchange], None],
) -> Run:
    name = secrets.token_hex(3)
    tag = f"zq{name}"
    counters = Counters()

    def seen(exchange: Exchange) -> None:
        counters.see(exchange)
        on_exchange(exchange)

    profile = PROFILES[config.profile]
    transport = config.transport or HttpTransport(config.url, timeout=config.timeout, ca=config.ca)
    head = {"run": name, "tag": tag, "url": config.url, "spec": str(config.spec or "")}
    manners = Manners(
        config.rate, config.max_requests, config.max_seconds, config.mode == "read-only"
    )
    client = Client(
        transport,
        credentials_of(subject.document, subject.conventions, config.tokens),
        Ledger(config.ledger, head=head),
        run=name,
        manners=manners,
        agent=f"contract-tests/{release()}",
        on_exchange=seen,
    )
    asked = chosen(
        subject, include=config.include, exclude=config.exclude, tags=config.tags,
        exclude_tags=config.exclude_tags,
    )  # fmt: skip
    lab = Lab(
        subject, client, Oracle(subject, slow=config.slow), asked, tag, seed=config.seed,
        mode=config.mode, depth=profile.depth, properties=config.wants,
    )  # fmt: skip
    model = Model(config.spec, config.overlays, config.pack) if config.against_mock else None
    court = Court(
        lab,
        cleans=lambda mark: _clean(lab, mark),
        on_mock=(lambda script: model.judge(lab, script)) if model else None,
        minimises=config.minimises,
    )
    world = World(lab)
    court.settles = lambda suspicion, reads, is_anew: pictures(
        world, suspicion, reads=reads, is_anew=is_anew
    )
    court.refreshes = lambda script: refreshed(lab, world, script)
    job = Run(config, subject, lab, world, court, listener, counters)
    lab.on_suspicion = court.hear
    court.on_finding = lambda finding: _found(job, finding)
    return job


def _clean(lab: Lab, mark: int) -> None:
    cleanup.clean(lab, down_to=mark)


def release() -> str:
    """Return the installed version."""
    try:
        return version("waldur-mockserver")
    except PackageNotFoundError:
        return "0"


def _found(job: Run, finding: Finding) -> None:
    job.listener.finding(finding)
    limit = job.config.max_findings
    if limit and sum(f.kind == "bug" for f in job.court.findings) >= limit:
        raise Enough


# The layers


def _layers(job: Run) -> None:
    job.listener.stage("preflight", None)
    with _stage(job, "preflight"):
        job.blocked = preflight.check(job.lab).blocked
    wanted = job.config.layers or PROFILES[job.config.profile].layers
    probes.load()
    for layer in ("probes", "interactions"):
        if layer in wanted:
            with _stage(job, layer):
                _probe_layer(job, [probe for probe in PROBES if probe.layer == layer], layer)
    if "schemathesis" in wanted:
        with _stage(job, "schemathesis"):
            _fuzz(job)
    if "machines" in wanted and job.lab.may_write:
        with _stage(job, "machines"):
            _machines(job)


@contextmanager
def _stage(job: Run, name: str) -> Iterator[None]:
    sent, clock = job.lab.client.sent + job.fuzz_requests, time.monotonic()
    try:
        yield
    finally:
        requests = job.lab.client.sent + job.fuzz_requests - sent
        job.stages.append(Stage(name, requests, time.monotonic() - clock))


def _probe_layer(job: Run, chosen_probes: list[Probe], layer: str) -> None:
    pairs = planned(job.subject, job.config, chosen_probes, job.lab.operations)
    depth = job.lab.depth
    total = sum(probe.cost(job.subject, operation, depth) for probe, operation in pairs)
    job.listener.stage(layer, total)
    for probe, operation in pairs:
        sent = job.lab.client.sent
        _probe(job, probe, operation)
        job.listener.advance(job.lab.client.sent - sent, f"{probe.name} {operation.id}")
        _forget(job)


def planned(
    subject: Subject,
    config: Config,
    chosen_probes: list[Probe],
    operations: tuple[Operation, ...],
) -> list[tuple[Probe, Operation]]:
    """Return which probe runs against which operation, in order."""
    return [
        (probe, operation)
        for probe in chosen_probes
        if any(config.wants(prop) for prop in probe.proves)
        for operation in operations
        if probe.applies(subject, operation) and may_run(probe, operation, config.mode)
    ]


def may_run(probe: Probe, operation: Operation, mode: str) -> bool:
    """Tell whether the mode allows a probe."""
    if mode != "read-only" or probe.safety == "R":
        return True
    return probe.safety == "A" and operation.method == "GET"


def _probe(job: Run, probe: Probe, operation: Operation) -> None:
    sent, clock = job.lab.client.sent, time.monotonic()
    purpose = probe.proves[0]
    try:
        with job.lab.case(purpose):
            _told(job, probe, operation)
    except (Blocked, Disturbed) as reason:
        for prop in probe.proves:
            job.lab.blocked(prop, operation, str(reason))
    except NotOurs as reason:
        for prop in probe.proves:
            job.lab.blocked(prop, operation, f"would touch what is not ours: {reason}")
    finally:
        job.ran.add((probe.name, operation.id))
        requests, seconds = job.lab.client.sent - sent, time.monotonic() - clock
        before = job.spent.get((purpose, operation.id), (0, 0.0))
        job.spent[purpose, operation.id] = (before[0] + requests, before[1] + seconds)


def _told(job: Run, probe: Probe, operation: Operation) -> None:
    """Tell the story of a probe; again from the start when others wrote in between."""
    for attempt in range(_TELLINGS):
        try:
            probe.run(job.lab, job.world, operation)
        except Disturbed:
            job.world.forget()
            if attempt == _TELLINGS - 1:
                raise
        else:
            return


def _forget(job: Run) -> None:
    """Let go of answers that nothing can refer to any more."""
    lab = job.lab
    kept = set(lab.origin.values()) | job.world.held()
    for number in [n for n in lab.replies if n not in kept]:
        del lab.replies[number]


def _fuzz(job: Run) -> None:
    if job.config.transport is not None:
        job.blocked = (*job.blocked, "schemathesis needs a socket: not run inside one process")
        return
    from contract_tests.fuzzing import merge

    job.listener.stage("schemathesis", None)
    known = frozenset((f.property, f.operation) for f in job.court.findings)
    found, outcome = merge.findings(job.config, job.subject, job.lab, known)
    job.fuzzed, job.fuzz_requests = found, outcome.requests
    notes = [f"schemathesis: {text}" for text in (outcome.error, outcome.note) if text]
    job.blocked = (*job.blocked, *notes)
    job.listener.advance(outcome.requests, "schemathesis")
    for finding in found:
        job.listener.finding(finding)


def _machines(job: Run) -> None:
    from contract_tests import machines

    requests = PROFILES[job.config.profile].machine_requests
    job.listener.stage("machines", requests)
    if requests:
        try:
            machines.run(job.lab, job.world, requests=requests)
        except Disturbed as reason:
            job.blocked = (*job.blocked, f"random games were cut short: {reason}")


# The result


def _result(
    job: Run,
    started: datetime,
    seconds: float,
    excuses: list[baseline.Excuse],
    exit_: Exit,
    message: str,
) -> Result:
    findings = (*job.court.sentence(), *job.fuzzed)
    findings = baseline.excuse(findings, excuses, started.date())
    verdicts = tuple(_verdicts(job))
    result = Result(
        run=job.lab.client.run,
        url=job.config.url,
        spec=f"{job.subject.name} {job.subject.fingerprint}",
        version=release(),
        seed=job.config.seed,
        profile=job.config.profile,
        mode=job.config.mode,
        started=started,
        seconds=seconds,
        requests=job.lab.client.sent + job.fuzz_requests,
        exit=exit_,
        message=message,
        operations=tuple(operation.id for operation in job.lab.operations),
        verdicts=verdicts,
        findings=findings,
        unconfirmed=job.court.unconfirmed,
        leftovers=job.leftovers,
        blocked=(*job.blocked, *job.subject.guessed),
        stages=tuple(job.stages),
        coverage=coverage(job.subject, job.counters, job.lab.asserted),
    )
    return replace(result, exit=_exit(result, strict_flaky=job.config.strict_flaky))


def _exit(result: Result, *, strict_flaky: bool) -> Exit:
    if result.exit in (Exit.INTERRUPTED, Exit.STOPPED, Exit.UNTESTABLE, Exit.USAGE):
        return result.exit
    is_flaky = strict_flaky and any(f.kind == "flaky" and not f.accepted for f in result.findings)
    if result.news or is_flaky:
        return Exit.FINDINGS
    if result.leftovers:
        return Exit.LEFTOVERS
    if result.exit is not Exit.FINE:
        return Exit.INCOMPLETE
    if not any(verdict.checked for verdict in result.verdicts):
        return Exit.UNTESTABLE
    return Exit.FINE


def _verdicts(job: Run) -> Iterator[Verdict]:
    failed = {(f.property, f.operation) for f in job.court.findings if f.kind == "bug"}
    failed |= {(f.property, f.operation) for f in job.fuzzed}
    seen: dict[tuple[str, str], Verdict] = {}
    for prop, operation, skipped in _promises(job):
        before = seen.get((prop, operation.id))
        if job.config.wants(prop) and (before is None or before.outcome == "skipped"):
            seen[prop, operation.id] = _verdict(job, prop, operation, failed, skipped=skipped)
    for prop, name in sorted(failed - seen.keys()):
        seen[prop, name] = Verdict(prop, name, "failed", 1)
    yield from seen.values()


def _promises(job: Run) -> Iterator[tuple[str, Operation, str]]:
    """Yield every property of every operation, and why it was not even tried."""
    for operation in job.lab.operations:
        for prop in ORACLE_RULES:
            yield prop, operation, ""
    wanted = job.config.layers or PROFILES[job.config.profile].layers
    for probe in PROBES:
        for operation in job.lab.operations:
            if not probe.applies(job.subject, operation):
                continue
            skipped = ""
            if probe.layer not in wanted:
                skipped = f"the profile {job.config.profile} has no {probe.layer}"
            elif not may_run(probe, operation, job.config.mode):
                skipped = f"not in mode {job.config.mode}"
            for prop in probe.proves:
                yield prop, operation, skipped


def _verdict(
    job: Run, prop: str, operation: Operation, failed: set[tuple[str, str]], *, skipped: str
) -> Verdict:
    key = (prop, operation.id)
    checked = job.lab.checked.get(key, 0)
    requests, seconds = job.spent.get(key, (0, 0.0))
    outcome: Outcome
    reason = ""
    if key in failed:
        outcome, checked = "failed", max(checked, 1)
    elif checked:
        outcome = "held"
    elif key in job.lab.reasons:
        outcome, reason = _as_outcome(job.lab.reasons[key])
    elif skipped:
        outcome, reason = "skipped", skipped
    else:
        outcome, reason = "blocked", "no situation came up in which it could be checked"
    return Verdict(prop, operation.id, outcome, checked, requests, seconds, reason)


def _as_outcome(said: tuple[str, str]) -> tuple[Outcome, str]:
    return ("unspecified" if said[0] == "unspecified" else "blocked"), said[1]


def plan(config: Config) -> list[tuple[Probe, Operation, int]]:
    """Return what a run would do, with the requests each step takes, roughly."""
    subject = read(config.spec, config.overlays)
    probes.load()
    profile = PROFILES[config.profile]
    wanted = config.layers or profile.layers
    listed = [probe for probe in PROBES if probe.layer in wanted]
    operations = chosen(
        subject, include=config.include, exclude=config.exclude, tags=config.tags,
        exclude_tags=config.exclude_tags,
    )  # fmt: skip
    return [
        (probe, operation, probe.cost(subject, operation, profile.depth))
        for probe, operation in planned(subject, config, listed, operations)
    ]


def run_for_plugin(
    *, base_url: str, spec: str = "", token_env: str = "", profile: str = "ci"
) -> list[Finding]:
    """Run the suite for a check of Schemathesis; return the findings that are news."""
    import os

    token = os.environ.get(token_env, "") if token_env else ""
    config = Config(
        url=base_url,
        spec=Path(spec) if spec else None,
        tokens={"main": token} if token else {},
        profile=profile,
        layers=("probes", "interactions"),
    )
    return list(run(config).news)


def lab_of(config: Config) -> Lab:
    """Return a lab for one script or one clean-up, without any layer."""
    subject = read(config.spec, config.overlays)
    return _prepared(config, subject, Silent(), lambda exchange: None).lab


def unspecified(config: Config) -> list[str]:
    """Return sentences about what the description leaves open, and so is not tested."""
    subject = read(config.spec, config.overlays)
    found = list(subject.guessed)
    found += [
        f"{operation.id}.{parameter.name} is decided by a function: "
        "only its relations to other answers are tested"
        for operation in subject.spec.operations
        for parameter in operation.parameters
        if parameter.place == "query" and parameter.filter and parameter.filter.by
    ]
    if subject.is_annotated and subject.conventions["ordering"]["ties"] == "unspecified":
        found.append("x-mock.ordering.ties is unspecified: nothing is said about equal rows")
    return found
