"""Known findings, each with a reason and a day on which the excuse ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from contract_tests.result import Finding

_DAYS = 90


class BadBaseline(Exception):
    """A baseline file that cannot be read; the message has place, problem and remedy."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why a finding is accepted, and until when."""

    id: str
    reason: str
    expires: date


def read(path: Path) -> list[Excuse]:
    """Return the excuses of a baseline file; raise BadBaseline."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadBaseline(f"{path}: cannot be read: {error}") from error
    entries = said.get("findings") if isinstance(said, dict) else None
    if not isinstance(entries, list):
        raise BadBaseline(f"{path}: has no list `findings`; write one with --baseline-update")
    return [_excuse(path, index, entry) for index, entry in enumerate(entries)]


def _excuse(path: Path, index: int, entry: Any) -> Excuse:
    place = f"{path}: findings[{index}]"
    if not isinstance(entry, dict) or not entry.get("id"):
        raise BadBaseline(f"{place}: has no `id`; take it from a report")
    if not str(entry.get("reason") or "").strip():
        raise BadBaseline(f"{place} ({entry['id']}): has no `reason`; say why it is accepted")
    expires = entry.get("expires")
    if isinstance(expires, str):
        try:
            expires = date.fromisoformat(expires)
        except ValueError:
            expires = None
    if not isinstance(expires, date):
        raise BadBaseline(f"{place} ({entry['id']}): `expires` is no date like 2026-12-31")
    return Excuse(str(entry["id"]), str(entry["reason"]), expires)


def excuse(
    findings: Iterable[Finding], excuses: Sequence[Excuse], today: date
) -> tuple[Finding, ...]:
    """Return findings with the reason of those that are excused and not yet expired."""
    valid = {each.id: each.reason for each in excuses if each.expires >= today}
    return tuple(
        replace(finding, accepted=valid[finding.id]) if finding.id in valid else finding
        for finding in findings
    )


def write(path: Path, findings: Sequence[Finding], known: Sequence[Excuse] = ()) -> None:
    """Write a baseline of what is found now; reasons that were given are kept."""
    before = {each.id: each for each in known}
    until = datetime.now(UTC).date() + timedelta(days=_DAYS)
    entries = [
        {
            "id": finding.id,
            "what": f"{finding.target}: {finding.claim}",
            "reason": before[finding.id].reason
            if finding.id in before
            else "found when the baseline was made; to be looked into",
            "expires": before[finding.id].expires if finding.id in before else until,
        }
        for finding in findings
    ]
    path.write_text(yaml.safe_dump({"findings": entries}, sort_keys=False), encoding="utf-8")
