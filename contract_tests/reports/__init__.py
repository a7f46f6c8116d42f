"""Write what a run found out, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from contract_tests.catalogue_types import NO_RULES, Catalogue
from contract_tests.reports import har, html, json_, junit, markdown, sarif
from contract_tests.reports.digest import script_file
from contract_tests.reports.json_ import UnreadableReport, read
from contract_tests.reports.text import shareable
from contract_tests.result import Result
from contract_tests.wire import Exchange

__all__ = ["FORMATS", "UnreadableReport", "read", "write"]

_Renderer: TypeAlias = Callable[[Result, Catalogue], str]

_RENDERERS: Final[Mapping[str, _Renderer]] = MappingProxyType(
    {
        "junit": junit.render,
        "json": lambda result, _: json_.render(result),
        "html": html.render,
        "sarif": sarif.render,
        "markdown": markdown.render,
    }
)

#: Format -> the name of its file.
FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "junit": "junit.xml",
        "json": "report.json",
        "html": "report.html",
        "har": "exchanges.har",
        "sarif": "report.sarif",
        "markdown": "report.md",
    }
)


def write(
    result: Result,
    formats: Sequence[str],
    folder: Path,
    exchanges: Iterable[Exchange] = (),
    catalogue: Catalogue = NO_RULES,
) -> dict[str, Path]:
    """
    Write reports into a folder and return their files, by format.

    Credentials are taken out first. `exchanges` are only read, once, for the archive.
    The replay scripts that the reports speak of are written beside them, below
    `findings/`. A format that FORMATS does not name is a ValueError.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"unknown report {', '.join(unknown)}; we know {', '.join(FORMATS)}")
    safe = shareable(result)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / FORMATS[name] for name in formats}
    for name, file in files.items():
        if name == "har":
            har.write(exchanges, safe, file)
        else:
            file.write_text(_RENDERERS[name](safe, catalogue), "utf-8", newline="\n")
    if files:
        _write_scripts(safe, folder)
    return files


def _write_scripts(result: Result, folder: Path) -> None:
    for finding in result.findings:
        if finding.script:
            file = folder / script_file(finding)
            file.parent.mkdir(exist_ok=True)
            # Escaped, because a lone surrogate has no place in UTF-8.
            text = json.dumps(finding.script, ensure_ascii=True, indent=1)
            file.write_text(f"{text}\n", "utf-8", newline="\n")
