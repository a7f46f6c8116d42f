"""What all reports say alike: totals, groups, and the verdict in words."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from shlex import quote
from types import MappingProxyType
from typing import Any, Final, get_args

from contract_tests.catalogue_types import Catalogue
from contract_tests.reports.text import one_line
from contract_tests.result import Exit, Finding, Outcome, Result, Verdict

#: From the one to look at first to the one to forget.
OUTCOMES: Final[tuple[Outcome, ...]] = ("failed", "blocked", "unspecified", "skipped", "held")
assert set(OUTCOMES) == set(get_args(Outcome))

#: Not by colour alone.
SYMBOLS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {"held": "✓", "failed": "✗", "blocked": "‖", "unspecified": "?", "skipped": "–"}  # noqa: RUF001  # a sign
)

#: What each outcome means, for legends.
MEANINGS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "failed": "the API does something else",
        "blocked": "could not be checked, something it needs did not work",
        "unspecified": "the description does not say enough",
        "skipped": "left out on purpose",
        "held": "checked, and true",
    }
)

EXITS: Final[Mapping[Exit, str]] = MappingProxyType(
    {
        Exit.FINE: "every promise that was checked holds",
        Exit.FINDINGS: "promises are broken that no baseline accepts",
        Exit.USAGE: "the command, its configuration or the description is wrong",
        Exit.UNTESTABLE: "the API could not be tested, so nothing is known about it",
        Exit.STOPPED: "stopped to spare the server",
        Exit.INCOMPLETE: "the budget was used up before everything was checked",
        Exit.LEFTOVERS: "records made by the run could not be removed",
        Exit.INTERRUPTED: "interrupted by hand",
    }
)

_HEADLINES: Final[Mapping[Exit, str]] = MappingProxyType(
    {
        Exit.FINE: "Every promise that was checked holds.",
        Exit.FINDINGS: "The API does not keep its promises.",
        Exit.USAGE: "The run could not begin.",
        Exit.UNTESTABLE: "Nothing can be said about this API.",
        Exit.STOPPED: "The run stopped to spare the server.",
        Exit.INCOMPLETE: "The run ended before everything was checked.",
        Exit.LEFTOVERS: "The run left records behind.",
        Exit.INTERRUPTED: "The run was interrupted.",
    }
)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 request`, `1,200 requests`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """Return a time a person can read: `120 ms`, `4.2 s`, `3 min 20 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def moment(instant: datetime) -> str:
    """Return an instant in UTC, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def headline(result: Result) -> str:
    """Return the verdict in one sentence."""
    broken = len(result.news)
    if result.exit is Exit.FINDINGS and broken:
        return f"{counted(broken, 'promise is', 'promises are')} broken."
    if broken:
        return f"{_HEADLINES[result.exit]} {counted(broken, 'promise is', 'promises are')} broken."
    return _HEADLINES[result.exit]


def totals(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Count verdicts by outcome; outcomes that never came about count 0."""
    seen = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: seen[outcome] for outcome in OUTCOMES}


def totals_by_operation(result: Result) -> dict[str, dict[Outcome, int]]:
    """Count outcomes for every operation, in the order of the description."""
    names = [*result.operations, *(v.operation for v in result.verdicts)]
    parts: dict[str, list[Verdict]] = {name: [] for name in names}
    for verdict in result.verdicts:
        parts[verdict.operation].append(verdict)
    return {name: totals(verdicts) for name, verdicts in parts.items()}


def checks(result: Result) -> int:
    """Return the number of comparisons made."""
    return sum(verdict.checked for verdict in result.verdicts)


def accepted(result: Result) -> tuple[Finding, ...]:
    """Return the findings that the baseline knows."""
    return tuple(f for f in result.findings if f.accepted and f.kind == "bug")


def flaky(result: Result) -> tuple[Finding, ...]:
    """Return the findings that did not come back every time."""
    return tuple(f for f in result.findings if f.kind == "flaky")


def reasons(result: Result, outcome: Outcome) -> dict[str, tuple[Verdict, ...]]:
    """Group the verdicts of one outcome by their reason, most frequent first."""
    groups: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in result.verdicts:
        if verdict.outcome == outcome:
            groups[verdict.reason].append(verdict)
    return {
        reason: tuple(members)
        for reason, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    }


def findings_by_cell(result: Result) -> dict[tuple[str, str], tuple[Finding, ...]]:
    """Group findings by property and operation."""
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in result.findings:
        groups[finding.property, finding.operation].append(finding)
    return {key: tuple(members) for key, members in groups.items()}


def label(property_id: str, catalogue: Catalogue) -> str:
    """Return the id of a property with its name, when the catalogue has one."""
    rule = catalogue.get(property_id)
    return f"{property_id} {rule.name}" if rule and rule.name else property_id


def steps(finding: Finding) -> tuple[str, ...]:
    """Return the replay script, one line a step."""
    script = finding.script
    listed = script.get("steps")
    if isinstance(listed, (list, tuple)):
        return tuple(map(_step, listed))
    return (_compact(script),) if script else ()


def brief_steps(finding: Finding, most: int = 3) -> tuple[str, ...]:
    """Return the steps, those in the middle left out when there are too many."""
    lines = steps(finding)
    if len(lines) <= most:
        return lines
    head = most - 2
    return (*lines[:head], f"… {counted(len(lines) - head - 1, 'more step')} …", lines[-1])


def slug(text: str) -> str:
    """Return text that is fit for the name of a file and for the end of an address."""
    return re.sub(r"[^\w.-]|^\.", "_", text[:60], flags=re.ASCII)


def script_file(finding: Finding) -> PurePosixPath:
    """Return where the replay script of a finding is kept, below the folder of the reports."""
    return PurePosixPath("findings", f"{slug(finding.id)}.json")


def replay(finding: Finding, result: Result, folder: str = "") -> str:
    """Return the command that runs a finding again: its script, or what Schemathesis sent."""
    if not finding.script:
        return "run the curl commands in their order"
    file = quote(one_line(str(PurePosixPath(folder) / script_file(finding))))
    url = f" --url {quote(one_line(result.url))}" if result.url else ""
    return f"contract-tests replay {file}{url}"


def split_place(place: str) -> tuple[str, int]:
    """Return file and line of `path/to/file.yaml:12`; line 0 when there is none."""
    file, colon, line = place.rpartition(":")
    if colon and line.isascii() and line.isdigit():
        return file, int(line)
    return place, 0


def share(part: float, whole: float) -> float:
    """Return a percentage between 0 and 100; 0 of nothing is 0."""
    return min(100.0, 100 * part / whole) if whole > 0 else 0.0


def _step(step: Any) -> str:
    if isinstance(step, Mapping) and "method" in step:
        try:
            return _request(step)
        except (AttributeError, TypeError, ValueError):
            return _compact(step)
    return _compact(step)


def _request(step: Mapping[str, Any]) -> str:
    """Return a request as `2: PATCH /books/${1:/id}/ {"title":"a"} as reader → 400`."""
    path = step.get("url") or step.get("template", "")
    for name, value in step.get("params", {}).items():
        path = path.replace(f"{{{name}}}", str(value))
    query = "&".join(f"{name}={value}" for name, value in step.get("query", ()))
    words = [f"{step['method']} {path}{'?' if query else ''}{query}"]
    if "step" in step:
        words.insert(0, f"{step['step']}:")
    words += [f"{name}: {value}" for name, value in step.get("headers", {}).items()]
    words += [_compact(step["body"])] if "body" in step else []
    words += [f"base64 {step['raw']}"] if "raw" in step else []
    words += [f"as {step['persona']}"] if step.get("persona", "main") != "main" else []
    words += [f"→ {step['status']}"] if "status" in step else []
    return one_line(" ".join(words))


def _compact(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return one_line(text)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
