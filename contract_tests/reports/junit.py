"""The result as JUnit XML: a suite per operation, a case per promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Final
from xml.etree import ElementTree as ET

from contract_tests.catalogue_types import NO_RULES, Catalogue
from contract_tests.reports.digest import EXITS, findings_by_cell, label, replay, steps
from contract_tests.reports.text import one_line, visible
from contract_tests.result import Exit, Finding, Result, Verdict

#: The suite for what concerns no operation.
_RUN: Final = "run"
#: These endings are told by the cases themselves.
_ORDINARY: Final = (Exit.FINE, Exit.FINDINGS)


def render(result: Result, catalogue: Catalogue = NO_RULES) -> str:
    """Return the document; only findings that are news count as failures."""
    suites = [_suite(name, cases, result) for name, cases in _cases(result, catalogue).items()]
    suites += _run_suite(result)
    root = ET.Element("testsuites", {"name": "contract tests", **_counts(suites)})
    root.set("time", f"{result.seconds:.3f}")
    root.extend(suites)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _cases(result: Result, catalogue: Catalogue) -> dict[str, list[ET.Element]]:
    by_cell = findings_by_cell(result)
    named = {(verdict.property, verdict.operation) for verdict in result.verdicts}
    # A finding without a verdict is no reason to keep quiet about it.
    extra = (Verdict(*cell, outcome="failed") for cell in by_cell if cell not in named)
    cases: dict[str, list[ET.Element]] = {}
    for verdict in (*result.verdicts, *extra):
        findings = by_cell.get((verdict.property, verdict.operation), ())
        case = _case(verdict, findings, result, catalogue)
        cases.setdefault(verdict.operation, []).append(case)
    return cases


def _case(
    verdict: Verdict, findings: Iterable[Finding], result: Result, catalogue: Catalogue
) -> ET.Element:
    case = ET.Element(
        "testcase",
        name=one_line(label(verdict.property, catalogue)),
        classname=one_line(verdict.operation),
        time=f"{verdict.seconds:.3f}",
    )
    if verdict.outcome == "failed":
        case.extend(_failed(verdict, tuple(findings), result))
    elif verdict.outcome != "held":
        _add(case, "skipped", f"{verdict.outcome}: {verdict.reason or 'no reason given'}")
    return case


def _failed(
    verdict: Verdict, findings: tuple[Finding, ...], result: Result
) -> Iterator[ET.Element]:
    news = [finding for finding in findings if finding in result.news]
    for finding in news:
        failure = ET.Element(
            "failure", message=one_line(finding.claim), type=one_line(finding.property)
        )
        failure.text = visible(_details(finding, result))
        yield failure
    if not news:
        yield ET.Element("skipped", message=one_line(_excuse(verdict, findings)))


def _excuse(verdict: Verdict, findings: tuple[Finding, ...]) -> str:
    """Say why a failed promise fails no case."""
    for finding in findings:
        if finding.accepted:
            return f"accepted as {finding.id}: {finding.accepted}"
        return f"flaky, came back {finding.confirmed}: {finding.id}"
    return verdict.reason or "failed for a cause that is reported elsewhere"


def _details(finding: Finding, result: Result) -> str:
    lines = [
        f"{finding.id} ({finding.severity}), confirmed {finding.confirmed}",
        f"claim:    {finding.claim}",
        f"expected: {finding.expected}",
        f"actual:   {finding.actual}",
        f"place:    {finding.place or 'not known'}",
        *(f"step:     {step}" for step in steps(finding)),
        *(f"curl:     {command}" for command in finding.curl),
        f"replay:   {replay(finding, result)}",
        *(f"masks:    {other}" for other in finding.masks),
    ]
    return "\n".join(lines)


def _run_suite(result: Result) -> list[ET.Element]:
    """Return the suite that keeps a run which tested little from looking like a success."""
    cases = []
    if result.exit not in _ORDINARY:
        case = ET.Element("testcase", name="the run comes to its end", classname=_RUN, time="0.000")
        told = "\n".join([result.message, *result.leftovers]).strip()
        _add(case, "error", EXITS[result.exit], told)
        case.find("error").set("type", result.exit.name)  # type: ignore[union-attr]  # added above
        cases.append(case)
    if result.blocked:
        case = ET.Element("testcase", name="preflight", classname=_RUN, time="0.000")
        _add(case, "skipped", "; ".join(result.blocked))
        cases.append(case)
    return [_suite(_RUN, cases, result)] if cases else []


def _suite(name: str, cases: list[ET.Element], result: Result) -> ET.Element:
    started = result.started.astimezone(UTC).replace(tzinfo=None)
    suite = ET.Element("testsuite", name=one_line(name))
    suite.set("timestamp", started.isoformat(timespec="seconds"))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    suite.append(_properties(result))
    suite.extend(cases)
    suite.attrib.update(
        {
            "tests": str(len(cases)),
            "failures": str(sum(case.find("failure") is not None for case in cases)),
            "errors": str(sum(case.find("error") is not None for case in cases)),
            "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        }
    )
    return suite


def _properties(result: Result) -> ET.Element:
    known = {
        "spec": result.spec,
        "seed": str(result.seed),
        "run": result.run,
        "version": result.version,
        "url": result.url,
        "profile": result.profile,
        "mode": result.mode,
    }
    properties = ET.Element("properties")
    for name, value in known.items():
        ET.SubElement(properties, "property", name=name, value=one_line(value))
    return properties


def _counts(suites: Iterable[ET.Element]) -> dict[str, str]:
    names = ("tests", "failures", "errors", "skipped")
    return {name: str(sum(int(suite.get(name, "0")) for suite in suites)) for name in names}


def _add(case: ET.Element, tag: str, message: str, text: str = "") -> None:
    child = ET.SubElement(case, tag, message=one_line(message))
    child.text = visible(text) or None
