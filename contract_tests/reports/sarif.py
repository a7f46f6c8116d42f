"""The findings as SARIF 2.1.0, so that code review shows them in the description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from contract_tests.catalogue_types import NO_RULES, Catalogue, Rule
from contract_tests.reports.digest import replay, split_place, steps
from contract_tests.reports.text import one_line, visible
from contract_tests.result import Exit, Finding, Result, Severity

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: Final[Mapping[Severity, str]] = MappingProxyType(
    {"high": "error", "medium": "warning", "low": "note"}
)
_REMEDY: Final = (
    "Either the implementation or the description is wrong: change one of them, "
    "or accept the difference in the baseline with a reason."
)
_FINISHED: Final = (Exit.FINE, Exit.FINDINGS)


def render(result: Result, catalogue: Catalogue = NO_RULES) -> str:
    """Return the log, with a rule for every property that is known or was broken."""
    rules = _known(result, catalogue)
    numbers = {rule_id: number for number, rule_id in enumerate(rules)}
    run = {
        "tool": {"driver": _driver(result, rules)},
        "automationDetails": {"id": one_line(f"contract-tests/{result.profile}/{result.run}")},
        "invocations": [_invocation(result)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, numbers, result) for finding in result.findings],
        "properties": {
            "spec": result.spec,
            "seed": result.seed,
            "url": result.url,
            "requests": result.requests,
            "unconfirmed": result.unconfirmed,
        },
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    # Escaped, because a lone surrogate has no place in UTF-8.
    return f"{json.dumps(log, ensure_ascii=True, indent=2)}\n"


def _known(result: Result, catalogue: Catalogue) -> dict[str, Rule]:
    broken = {f.property: Rule(f.property, "", "", f.severity) for f in result.findings}
    return {**broken, **catalogue}


def _driver(result: Result, rules: Mapping[str, Rule]) -> dict[str, Any]:
    return {
        "name": "contract-tests",
        "version": one_line(result.version) or "unknown",
        "rules": [_rule(rule_id, rule) for rule_id, rule in rules.items()],
    }


def _rule(rule_id: str, rule: Rule) -> dict[str, Any]:
    claim = visible(rule.claim) or f"The promise {one_line(rule_id)} holds."
    facts: dict[str, Any] = {
        "precision": "very-high",
        "tags": [one_line(rule.section)] if rule.section else [],
    }
    if rule.wfc is not None:
        facts["wfc"] = rule.wfc
    described: dict[str, Any] = {
        "id": one_line(rule_id),
        "shortDescription": {"text": claim},
        "help": {"text": _help(rule_id, rule, claim)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": facts,
    }
    return {**described, "name": one_line(rule.name)} if rule.name else described


def _help(rule_id: str, rule: Rule, claim: str) -> str:
    lines = [
        claim,
        _REMEDY,
        f"Property {one_line(rule_id)}, severity {rule.severity}.",
    ]
    if rule.wfc is not None:
        lines.append(f"Web Fuzzing Commons fault code {rule.wfc}.")
    return "\n\n".join(lines)


def _result(finding: Finding, numbers: Mapping[str, int], result: Result) -> dict[str, Any]:
    described: dict[str, Any] = {
        "ruleId": one_line(finding.property),
        "ruleIndex": numbers[finding.property],
        "kind": "fail",
        "level": "note" if finding.kind == "flaky" else _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(finding)],
        "partialFingerprints": {"contractFinding/v1": one_line(finding.id)},
        "properties": {
            "expected": visible(finding.expected),
            "actual": visible(finding.actual),
            "kind": finding.kind,
            "confirmed": one_line(finding.confirmed),
            "mock": finding.mock,
            "masks": [one_line(other) for other in finding.masks],
            "steps": list(steps(finding)),
            "curl": [visible(command) for command in finding.curl],
            "replay": replay(finding, result),
        },
    }
    if finding.accepted:
        excuse = {"kind": "external", "justification": visible(finding.accepted)}
        described["suppressions"] = [excuse]
    return described


def _message(finding: Finding) -> str:
    flaky = f" Not every time: {finding.confirmed}." if finding.kind == "flaky" else ""
    return visible(
        f"{finding.claim}\nExpected: {finding.expected}\nActual: {finding.actual}{flaky}"
    )


def _location(finding: Finding) -> dict[str, Any]:
    logical = {"fullyQualifiedName": one_line(finding.target), "kind": "function"}
    location: dict[str, Any] = {"logicalLocations": [logical]}
    file, line = split_place(finding.place)
    if file:
        physical: dict[str, Any] = {"artifactLocation": _artifact(file)}
        if line:
            physical["region"] = {"startLine": line}
        location["physicalLocation"] = physical
    return location


def _artifact(file: str) -> dict[str, str]:
    path = PurePosixPath(file.replace("\\", "/"))
    if path.is_absolute():
        return {"uri": f"file://{quote(str(path), errors='replace')}"}
    return {"uri": quote(str(path), errors="replace"), "uriBaseId": "%SRCROOT%"}


def _invocation(result: Result) -> dict[str, Any]:
    notes = [("warning", sentence) for sentence in (*result.blocked, *result.leftovers)]
    if result.message:
        notes.append(("note" if result.exit in _FINISHED else "error", result.message))
    return {
        "executionSuccessful": result.exit in _FINISHED,
        "exitCode": int(result.exit),
        "startTimeUtc": f"{result.started.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "toolExecutionNotifications": [
            {"level": level, "message": {"text": visible(text)}} for level, text in notes
        ],
    }
