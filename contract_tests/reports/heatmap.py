"""Operations against properties: the verdicts of a run as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contract_tests.catalogue_types import NO_RULES, Catalogue
from contract_tests.reports.digest import (
    MEANINGS,
    OUTCOMES,
    SYMBOLS,
    counted,
    findings_by_cell,
    label,
)
from contract_tests.reports.text import clipped, one_line
from contract_tests.result import Finding, Outcome, Result, Verdict

#: Characters of a reason.
_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Cell:
    """One property on one operation; `anchor` is the finding it leads to, or ""."""

    property: str
    outcome: Outcome | None
    symbol: str
    text: str
    anchor: str = ""
    is_news: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One operation with a cell for every column."""

    operation: str
    cells: tuple[Cell, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes that occur in this row."""
        seen = {cell.outcome for cell in self.cells}
        return tuple(outcome for outcome in OUTCOMES if outcome in seen)


@dataclass(frozen=True, slots=True)
class Column:
    """One property."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The whole table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def draw(result: Result, catalogue: Catalogue = NO_RULES) -> HeatMap:
    """Return the table; of several verdicts on one cell the worst one counts."""
    worst = _worst(result.verdicts)
    operations = list(dict.fromkeys((*result.operations, *(v.operation for v in result.verdicts))))
    properties = _in_order({v.property for v in result.verdicts}, catalogue)
    findings = findings_by_cell(result)
    news = frozenset(finding.id for finding in result.news)
    rows = tuple(
        Row(
            operation,
            tuple(
                _cell(
                    name,
                    worst.get((name, operation)),
                    findings.get((name, operation), ()),
                    news,
                )
                for name in properties
            ),
        )
        for operation in operations
    )
    return HeatMap(tuple(_column(name, catalogue) for name in properties), rows)


def _worst(verdicts: Sequence[Verdict]) -> dict[tuple[str, str], Verdict]:
    chosen: dict[tuple[str, str], Verdict] = {}
    for verdict in sorted(verdicts, key=lambda v: OUTCOMES.index(v.outcome), reverse=True):
        chosen[verdict.property, verdict.operation] = verdict
    return chosen


def _in_order(used: set[str], catalogue: Catalogue) -> tuple[str, ...]:
    known = [name for name in catalogue if name in used]
    return (*known, *sorted(used.difference(known)))


def _column(name: str, catalogue: Catalogue) -> Column:
    rule = catalogue.get(name)
    claim = f": {rule.claim}" if rule and rule.claim else ""
    return Column(name, f"{label(name, catalogue)}{claim}")


def _cell(
    name: str, verdict: Verdict | None, findings: tuple[Finding, ...], news: frozenset[str]
) -> Cell:
    if verdict is None:
        return Cell(name, None, "", "does not apply")
    parts: list[str] = [verdict.outcome]
    if verdict.reason:
        parts.append(clipped(one_line(verdict.reason), _REASON))
    elif verdict.outcome != "held":
        parts.append(MEANINGS[verdict.outcome])
    if verdict.checked:
        parts.append(counted(verdict.checked, "comparison"))
    parts += [f"{finding.id}: {clipped(one_line(finding.actual), 80)}" for finding in findings]
    new = [finding for finding in findings if finding.id in news]
    first = (new or list(findings))[:1]
    return Cell(
        property=name,
        outcome=verdict.outcome,
        symbol=SYMBOLS[verdict.outcome],
        text="; ".join(parts),
        anchor=first[0].id if first else "",
        is_news=bool(new),
    )
