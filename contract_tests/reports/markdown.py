"""The summary of a job, in at most sixty lines of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from contract_tests.catalogue_types import NO_RULES, Catalogue
from contract_tests.reports import digest
from contract_tests.reports.digest import OUTCOMES, SYMBOLS, counted, duration
from contract_tests.reports.text import clipped, one_line
from contract_tests.result import Finding, Result

#: A finding takes three lines.
_FINDINGS: Final = 6
_OTHERS: Final = 3
_WIDTH: Final = 200

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$:-])")


def render(result: Result, catalogue: Catalogue = NO_RULES) -> str:
    """Return the summary."""
    lines = [
        *_head(result),
        *_news(result, catalogue),
        *_section("Accepted in the baseline", [_excused(f) for f in digest.accepted(result)]),
        *_section("Flaky, not counted", [_unsteady(f) for f in digest.flaky(result)]),
        *_section("Not tested", _untested(result)),
        *_section("Left behind", [code(name) for name in result.leftovers]),
    ]
    return "\n".join(lines) + "\n"


def code(text: str, length: int = _WIDTH) -> str:
    """Return text as a code span, whatever it contains."""
    content = clipped(one_line(text), length)
    fence = "`" * (1 + max(map(len, re.findall("`+", content)), default=0))
    pad = " " if content.startswith("`") or content.endswith("`") or not content.strip() else ""
    return f"{fence}{pad}{content}{pad}{fence}"


def prose(text: str, length: int = _WIDTH) -> str:
    """Return text as it is, without any meaning to Markdown or HTML."""
    return _PUNCTUATION.sub(r"\\\1", clipped(one_line(text), length))


def _head(result: Result) -> Iterator[str]:
    yield f"# Contract tests: {digest.headline(result).rstrip('.')}"
    yield ""
    yield (
        f"{code(result.url)} against {code(result.spec)}: "
        f"{counted(len(result.operations), 'operation')}, "
        f"{counted(digest.checks(result), 'comparison')}, "
        f"{counted(result.requests, 'request')} in {duration(result.seconds)}."
    )
    yield (
        f"Exit {int(result.exit)}: {digest.EXITS[result.exit]}. "
        f"Run {code(result.run)}, seed {result.seed}, profile {code(result.profile)}."
    )
    if result.message:
        yield prose(result.message)
    yield ""
    totals = digest.totals(result.verdicts)
    yield " | ".join(["", *(f"{SYMBOLS[outcome]} {outcome}" for outcome in OUTCOMES), ""]).strip()
    yield "|--:" * len(OUTCOMES) + "|"
    yield " | ".join(["", *(f"{totals[outcome]:,}" for outcome in OUTCOMES), ""]).strip()


def _news(result: Result, catalogue: Catalogue) -> Iterator[str]:
    if not result.news:
        return
    yield ""
    yield "## Broken promises"
    yield ""
    for finding in result.news[:_FINDINGS]:
        title = f"{digest.label(finding.property, catalogue)} · {finding.target}"
        yield f"- **{prose(title)}** ({finding.severity}) {code(finding.place or finding.id)}"
        difference = f"expected {code(finding.expected, 80)}, got {code(finding.actual, 80)}"
        yield f"  {prose(finding.claim)}: {difference}"
        yield f"  {code(digest.replay(finding, result))}{_masks(finding)}"
    yield from _rest(result.news, _FINDINGS)


def _masks(finding: Finding) -> str:
    if not finding.masks:
        return ""
    return f", the likely cause of {counted(len(finding.masks), 'other failure')}"


def _excused(finding: Finding) -> str:
    return f"{code(finding.id)} {code(finding.target)}: {prose(finding.accepted)}"


def _unsteady(finding: Finding) -> str:
    return f"{code(finding.id)} {code(finding.target)}: came back {code(finding.confirmed)}"


def _untested(result: Result) -> list[str]:
    lines = [prose(sentence) for sentence in result.blocked]
    for outcome in ("blocked", "unspecified"):
        for reason, verdicts in digest.reasons(result, outcome).items():
            cause = prose(reason) or "no reason given"
            lines.append(f"{counted(len(verdicts), 'promise')} {outcome}: {cause}")
    return lines


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"**{title}** ({len(lines)})"
        yield ""
        yield from (f"- {line}" for line in lines[:_OTHERS])
        yield from _rest(lines, _OTHERS)


def _rest(items: Sequence[object], shown: int) -> Iterator[str]:
    if len(items) > shown:
        yield f"- … and {len(items) - shown} more in the report"
