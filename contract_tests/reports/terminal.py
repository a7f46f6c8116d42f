"""The run as it goes, and what came of it, for a person at a terminal or a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from contract_tests.catalogue_types import NO_RULES, Catalogue
from contract_tests.reports import digest
from contract_tests.reports.digest import OUTCOMES, SYMBOLS, counted, duration
from contract_tests.reports.screen import INDENT, KEY, fitting, folded, listing, pairs, say, text
from contract_tests.reports.text import clipped, one_line, shareable, visible
from contract_tests.result import Exit, Finding, Outcome, Result

#: Findings told at length, findings told in a line, and lines of any other list.
_FULL: Final = 5
_BRIEF: Final = 15
_LISTED: Final = 8
_ROWS: Final = 12
#: Characters that the numbers beside the name of an operation take.
_NUMBERS: Final = 58

_STYLES: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "held": "green",
        "failed": "bold red",
        "blocked": "yellow",
        "unspecified": "cyan",
        "skipped": "dim",
    }
)
_ON_THE_MOCK: Final = MappingProxyType(
    {"not run": "", "passes": ", not so on the mock", "fails": ", on the mock too"}
)


class Display:
    """
    Show what a run is doing; on anything but a terminal, a line per event.

    A stage lasts until the next one begins. Use as a context manager, or `close` it.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._progress = _progress(console) if console.is_terminal else None
        self._task: TaskID | None = None
        self._stage = ""
        self._requests = 0
        self._findings = 0
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage of `total` requests, None when nobody knows how many."""
        self._finish()
        self._stage, self._requests, self._findings = one_line(name), 0, 0
        self._began = self._clock()
        if self._progress is None:
            planned = "" if total is None else f", {counted(total, 'request')} planned"
            say(self._console, Text(f"{self._stage}: begins{planned}"))
            return
        self._progress.start()
        self._task = self._progress.add_task(
            self._stage, total=total, requests="", findings="", text=""
        )

    def advance(self, requests: int = 1, text: str = "") -> None:
        """Count that many more requests; `text` says what they are for."""
        self._requests += requests
        if self._progress is not None and self._task is not None:
            shown = clipped(fitting(one_line(shareable(text)), self._console), 60)
            sent = counted(self._requests, "request")
            self._progress.update(self._task, advance=requests, requests=sent, text=shown)

    def finding(self, finding: Finding) -> None:
        """Show a finding at once, in a line."""
        self._findings += 1
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, findings=counted(self._findings, "finding"))
        say(self._console, _brief(shareable(finding), NO_RULES))

    def close(self) -> None:
        """End the current stage and give the terminal back."""
        self._finish()
        if self._progress is not None:
            self._progress.stop()

    def _finish(self) -> None:
        if not self._stage:
            return
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        parts = [counted(self._findings, "finding"), duration(self._clock() - self._began)]
        if self._requests:
            parts.insert(0, counted(self._requests, "request"))
        say(self._console, Text(f"{self._stage}: {', '.join(parts)}"))
        self._stage = ""


def summary(
    result: Result, console: Console, catalogue: Catalogue = NO_RULES, folder: str = ""
) -> None:
    """
    Print one screen: totals, findings, what was not tested, what the exit code means.

    `folder` is where the reports are, so that replay commands can be copied.
    """
    safe = shareable(result)
    say(console, Text(""))
    _totals(safe, console)
    _findings(safe, console, catalogue, folder)
    lists: list[tuple[str, Iterable[str]]] = [
        ("Accepted in the baseline", map(_excused, digest.accepted(safe))),
        ("Masked by a finding above", _masked(safe)),
        ("Flaky, not counted", map(_unsteady, digest.flaky(safe))),
        ("Blocked", (*safe.blocked, *_grouped(safe, "blocked"))),
        ("Unspecified", _grouped(safe, "unspecified")),
        ("Left behind", safe.leftovers),
    ]
    for title, lines in lists:
        listing(console, title, lines, _LISTED)
    _verdict(safe, console)


def _progress(console: Console) -> Progress:
    # Never markup: the text comes from anywhere. Plain signs: the console may know no others.
    return Progress(
        SpinnerColumn("line"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[requests]}", markup=False),
        TextColumn("{task.fields[findings]}", style="red", markup=False),
        TextColumn("{task.fields[text]}", style="dim", markup=False),
        console=console,
        transient=True,
    )


def _totals(result: Result, console: Console) -> None:
    rows = digest.totals_by_operation(result)
    mixed = [name for name, row in rows.items() if sum(row.values()) != row["held"]]
    worst = sorted(mixed, key=lambda name: [-rows[name][outcome] for outcome in OUTCOMES])
    shown = {name: rows[name] for name in worst[:_ROWS]}
    others = [row for name, row in rows.items() if name not in shown]
    width = max(14, console.width - _NUMBERS)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("operation", no_wrap=True, overflow="crop")
    for outcome in OUTCOMES:
        head = text(f"{SYMBOLS[outcome]} {outcome}", console, _STYLES[outcome])
        table.add_column(head, justify="right", no_wrap=True, overflow="crop")
    for name, row in shown.items():
        table.add_row(text(_tail(one_line(name), width), console), *_numbers(row))
    if shown and others:
        table.add_row(Text(counted(len(others), "other"), "dim"), *_numbers(_sum(others)))
    table.add_row(Text(counted(len(rows), "operation"), "bold"), *_numbers(_sum(rows.values())))
    console.print(table, crop=True)


def _tail(name: str, length: int) -> str:
    """Return the end of a name: operations of one API like to begin alike."""
    return name if len(name) <= length else f"…{name[1 - length :]}"


def _sum(rows: Iterable[Mapping[Outcome, int]]) -> dict[Outcome, int]:
    listed = list(rows)
    return {outcome: sum(row[outcome] for row in listed) for outcome in OUTCOMES}


def _numbers(row: Mapping[Outcome, int]) -> Iterator[Text]:
    for outcome in OUTCOMES:
        number = row[outcome]
        yield Text(f"{number:,}", _STYLES[outcome] if number else "dim")


def _findings(result: Result, console: Console, catalogue: Catalogue, folder: str) -> None:
    news = result.news
    for finding in news[:_FULL]:
        say(console, Text(""))
        _twenty_lines(finding, console, catalogue, digest.replay(finding, result, folder))
    brief = news[_FULL : _FULL + _BRIEF]
    if brief:
        say(console, Text(""))
    for finding in brief:
        say(console, _brief(finding, catalogue))
    left = len(news) - _FULL - len(brief)
    if left > 0:
        say(console, Text(f"… and {counted(left, 'more finding')} in the reports", "dim"))


def _title(finding: Finding, catalogue: Catalogue) -> Text:
    mark = "~" if finding.kind == "flaky" else SYMBOLS["failed"]
    title = f"{digest.label(finding.property, catalogue)} · {finding.target}"
    return Text.assemble(
        (f"{mark} {one_line(finding.id)}", _STYLES["failed"]),
        f"  {finding.severity}  ",
        (clipped(one_line(title), 100), "bold"),
    )


def _brief(finding: Finding, catalogue: Catalogue) -> Text:
    return _title(finding, catalogue) + Text(f"  {clipped(one_line(finding.claim), 100)}")


def _twenty_lines(finding: Finding, console: Console, catalogue: Catalogue, replay: str) -> None:
    say(console, *folded(console, _title(finding, catalogue), console.width, 1))
    pairs(console, "claim", [finding.claim], 2)
    pairs(console, "expected", [finding.expected], 2)
    pairs(console, "actual", [finding.actual], 2)
    pairs(console, "script", digest.brief_steps(finding), 1)
    _command(finding.curl, console)
    pairs(console, "place", [finding.place or "not known"], 1)
    number = f"request {finding.first_request}, " if finding.first_request else ""
    seen = f"{number}confirmed {finding.confirmed}"
    pairs(console, "seen", [seen + _ON_THE_MOCK[finding.mock]], 1)
    line = f"{INDENT}{'replay':<{KEY}}{replay}"
    say(console, Text(clipped(line, 3 * console.width)), soft_wrap=True)


def _command(curl: Sequence[str], console: Console) -> None:
    if not curl:
        return
    # The last one is the request that went wrong.
    command = one_line(curl[-1])
    is_long = len(command) > 4 * console.width
    notes = [f"after {counted(len(curl) - 1, 'other request')}"] if len(curl) > 1 else []
    notes += ["too long to show, see the reports"] if is_long else []
    pairs(console, "curl", ["; ".join(notes) or "as it was sent"], 1)
    if not is_long:
        say(console, Text(command), soft_wrap=True)


def _excused(finding: Finding) -> str:
    return f"{finding.id}  {finding.target}: {finding.accepted}"


def _unsteady(finding: Finding) -> str:
    return f"{finding.id}  {finding.property} · {finding.target}: came back {finding.confirmed}"


def _masked(result: Result) -> Iterator[str]:
    for finding in result.findings:
        if finding.masks:
            yield f"by {finding.id}: {', '.join(finding.masks)}"


def _grouped(result: Result, outcome: Outcome) -> Iterator[str]:
    for reason, verdicts in digest.reasons(result, outcome).items():
        yield f"{counted(len(verdicts), 'promise')}: {reason or 'no reason given'}"


def _verdict(result: Result, console: Console) -> None:
    style = "bold green" if result.exit is Exit.FINE else "bold red"
    numbers = [
        counted(digest.checks(result), "comparison"),
        counted(result.requests, "request"),
        duration(result.seconds),
        f"seed {result.seed}",
    ]
    if result.unconfirmed:
        numbers.append(f"{result.unconfirmed} unconfirmed")
    say(console, Text(""), Text(digest.headline(result), style), Text(", ".join(numbers)))
    if result.message:
        say(console, Text(visible(result.message)))
    say(console, Text(f"Exit code {int(result.exit)}: {digest.EXITS[result.exit]}."))
