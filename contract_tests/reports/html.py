"""The whole result on one page that needs nothing but a browser."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contract_tests.catalogue_types import NO_RULES, Catalogue
from contract_tests.reports import digest, heatmap
from contract_tests.reports.text import clipped, one_line, visible
from contract_tests.result import Coverage, Exit, Result

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LONGEST: Final = 20_000

_FILTERS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "counted": digest.counted,
        "duration": digest.duration,
        "moment": digest.moment,
        "steps": digest.steps,
        "slug": digest.slug,
        "share": lambda part, whole: f"{digest.share(part, whole):.1f}",
        "brief": lambda text, length=200: clipped(one_line(str(text)), length),
    }
)


def render(result: Result, catalogue: Catalogue = NO_RULES) -> str:
    """Return the page; whatever comes from outside is escaped, and no script of it can run."""
    return _environment().get_template("report.html.j2").render(_context(result, catalogue))


def _context(result: Result, catalogue: Catalogue) -> dict[str, Any]:
    script = (_TEMPLATES / "report.js").read_text("utf-8")
    styles = (_TEMPLATES / "report.css").read_text("utf-8")
    return {
        "result": result,
        "catalogue": catalogue,
        "map": heatmap.draw(result, catalogue),
        "coverage": _coverage(result.coverage),
        "groups": _groups(result),
        "untested": {
            outcome: digest.reasons(result, outcome)
            for outcome in ("blocked", "unspecified", "skipped")
        },
        "totals": digest.totals(result.verdicts),
        "checks": digest.checks(result),
        "mood": _mood(result),
        "headline": digest.headline(result),
        "explanation": digest.EXITS[result.exit],
        "symbols": digest.SYMBOLS,
        "meanings": digest.MEANINGS,
        "label": lambda name: digest.label(name, catalogue),
        "replay": lambda finding: digest.replay(finding, result),
        "styles": Markup(styles),  # noqa: S704  # our own file
        "script": Markup(script),  # noqa: S704  # our own file
        "script_hash": b64encode(sha256(script.encode()).digest()).decode("ascii"),
    }


def _groups(result: Result) -> list[dict[str, Any]]:
    """Return the findings by how much they matter."""
    known = digest.accepted(result)
    unsteady = digest.flaky(result)
    groups = [
        ("Broken promises", "news", result.news),
        ("Accepted in the baseline", "accepted", known),
        ("Flaky, not counted", "flaky", unsteady),
    ]
    return [
        {"title": title, "kind": kind, "findings": found} for title, kind, found in groups if found
    ]


def _coverage(coverage: Coverage) -> dict[str, Any]:
    """Return what was touched, by operation, with the totals beside it."""
    names = dict.fromkeys((*coverage.statuses, *coverage.parameters))
    statuses = [seen for row in coverage.statuses.values() for seen in row.values()]
    sent = [times for row in coverage.parameters.values() for times in row.values()]
    keys = coverage.annotations.values()
    return {
        "operations": [
            {
                "name": name,
                "statuses": coverage.statuses.get(name, {}),
                "parameters": coverage.parameters.get(name, {}),
            }
            for name in names
        ],
        "annotations": coverage.annotations,
        "totals": {
            "operations": (
                sum(any(row.values()) for row in coverage.statuses.values()),
                len(names),
            ),
            "statuses": (sum(map(bool, statuses)), len(statuses)),
            "parameters": (sum(map(bool, sent)), len(sent)),
            "annotations": (sum(said for _, said in keys), sum(declared for declared, _ in keys)),
        },
    }


def _mood(result: Result) -> str:
    if result.news:
        return "bad"
    return "good" if result.exit is Exit.FINE else "unsure"


def _shown(value: object) -> object:
    """Spell out the invisible in everything that a template prints."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return clipped(visible(value), _LONGEST)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment
