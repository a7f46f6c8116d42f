"""The whole result as JSON, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from contract_tests.result import Coverage, Exit, Finding, Result, Stage, Verdict

#: Raised whenever a reader of the former shape would stumble.
SCHEMA_VERSION: Final = 1


class UnreadableReport(Exception):
    """A file that is not a report of this version."""


def render(result: Result) -> str:
    """Return a result as a JSON document."""
    document = {"schema_version": SCHEMA_VERSION, **_plain(result)}
    # Escaped, because a lone surrogate has no place in UTF-8.
    return f"{json.dumps(document, ensure_ascii=True, indent=2)}\n"


def read(path: Path) -> Result:
    """Return the result that `render` wrote; UnreadableReport for anything else."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableReport(f"{path}: not a report: {error}") from error
    version = document.pop("schema_version", None) if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise UnreadableReport(f"{path}: not a report of version {SCHEMA_VERSION}")
    try:
        return _result(document)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableReport(f"{path}: not a whole report: {error!r}") from error


def _plain(value: Any) -> Any:
    """Return dataclasses as objects, tuples as arrays, exits as numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(member) for member in value]
    if isinstance(value, Exit):
        return int(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _result(document: dict[str, Any]) -> Result:
    parts = {
        "started": datetime.fromisoformat(document["started"]),
        "exit": Exit(document["exit"]),
        "verdicts": tuple(Verdict(**part) for part in document["verdicts"]),
        "findings": tuple(map(_finding, document["findings"])),
        "stages": tuple(Stage(**part) for part in document["stages"]),
        "coverage": _coverage(document["coverage"]),
    }
    lists = {name: tuple(document[name]) for name in ("operations", "leftovers", "blocked")}
    return Result(**{**document, **parts, **lists})


def _finding(part: dict[str, Any]) -> Finding:
    return Finding(**{**part, "curl": tuple(part["curl"]), "masks": tuple(part["masks"])})


def _coverage(part: dict[str, Any]) -> Coverage:
    return Coverage(
        statuses={
            operation: {int(status): seen for status, seen in statuses.items()}
            for operation, statuses in part["statuses"].items()
        },
        parameters=part["parameters"],
        annotations={
            key: (declared, asserted) for key, (declared, asserted) in part["annotations"].items()
        },
    )
