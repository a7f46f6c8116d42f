"""Write `docs/fidelity.md`: how true the mock is, rule by rule, and which test shows it.

`python -m tests.fidelity` reads `docs/fidelity/rules.yaml`. `test_fidelity.py` fails when the
page is stale, when an operation has no rule of its own, and when a test does not exist.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from mockserver import assembly, loader
from mockserver.assembly import Sources
from mockserver.operation import Operation
from tests import wire_cases

ROOT: Final = Path(__file__).parent.parent
RULES: Final = ROOT / "docs" / "fidelity" / "rules.yaml"
PAGE: Final = ROOT / "docs" / "fidelity.md"

#: Where a deviation is from, as the page says it.
SOURCES: Final = {
    "service": "Otherwise than the service",
    "documentation": "Otherwise than documented",
    "release": "Otherwise in another release",
}
#: Names of sets of operations that rules may be about.
GROUPS: Final[Mapping[str, tuple[str, Callable[[Operation], bool]]]] = {
    "all": ("every operation", lambda o: True),
    "reading": ("every operation that reads", lambda o: not o.writes),
    "writing": ("every operation that writes", lambda o: o.writes),
    "paged": ("every list in pages", lambda o: o.is_paged and o.verb == "list"),
    "with_field": ("every operation with `field`", lambda o: o.has_fieldset),
    "with_order": ("every list with `o`", lambda o: o.ordering is not None),
    "with_groups": ("plans and providers", lambda o: o.resource in ("plan", "service_provider")),
    "with_estimate": (
        "customers, projects and offerings",
        lambda o: o.verb == "list" and o.resource in ("customer", "project", "offering"),
    ),
}
INTRODUCTION: Final = """\
# Fidelity

What holds of each operation, and which test shows it.
This page is written by `python -m tests.fidelity` from `docs/fidelity/rules.yaml`; edit that file.

The documentation is the base, and the observed service decides where the documentation is silent.
How we choose where they disagree: [ADR 8](adr/0008-where-documentation-and-reality-disagree.md).
Every choice is listed first, with its reason.

A test is a pytest node, or a conversation of `tests/wire/` as `file: title`.
"""


@dataclass(frozen=True)
class Deviation:
    """A place where two sources disagree: what is there, and why it is not here."""

    source: str
    there: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """One statement about some operations, and the tests that show it."""

    id: str
    on: tuple[str, ...]
    text: str
    tests: tuple[str, ...]
    deviation: Deviation | None

    @property
    def is_general(self) -> bool:
        return self.on[0] in GROUPS


def rules() -> list[Rule]:
    """Return every rule of the file, in its order."""
    return [_rule(entry) for entry in loader.read_file(RULES)]


def _rule(entry: Mapping[str, Any]) -> Rule:
    on, found = entry["on"], entry.get("deviation")
    return Rule(
        id=entry["id"],
        on=(on,) if isinstance(on, str) else tuple(on),
        text=entry["rule"],
        tests=tuple(entry["tests"]),
        deviation=Deviation(found["from"], found["there"], found["reason"]) if found else None,
    )


@cache
def operations() -> tuple[Operation, ...]:
    """Return the operations of the shipped spec."""
    return assembly.read_api(Sources()).spec.operations


# Whether a test exists


def is_test(name: str) -> bool:
    """Tell whether a pytest node or a conversation of that name exists."""
    if not name.startswith("tests/"):
        return name in _conversations()
    path, _, node = name.partition("::")
    function, _, parameter = node.partition("[")
    found = _functions(path).get(function)
    return found is not None and (not parameter or parameter.rstrip("]") in found)


@cache
def _conversations() -> frozenset[str]:
    return frozenset(case.id for case in wire_cases.cases())


@cache
def _functions(path: str) -> Mapping[str, frozenset[str]]:
    """Return the tests of a file, each with the names that may stand in its brackets."""
    file = ROOT / path
    if not file.is_file():
        return {}
    tree = ast.parse(file.read_text("utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    # Laws are parameters; everything else is named without its brackets.
    laws = ast.parse((ROOT / "tests" / "invariants" / "laws.py").read_text("utf-8"))
    names = frozenset(node.name for node in laws.body if isinstance(node, ast.FunctionDef))
    return {test.name: names for test in tests if test.name.startswith("test_")}


# The page


def page() -> str:
    """Return the page as the rules make it."""
    found = rules()
    parts = [
        INTRODUCTION,
        "\n".join(_deviations(found)),
        "## Everywhere\n\n" + "\n".join(_lines(rule for rule in found if rule.is_general)),
        *_chapters(found),
    ]
    return "\n".join(parts)


def _deviations(found: Iterable[Rule]) -> Iterator[str]:
    yield "## Where sources disagree\n"
    for source, title in SOURCES.items():
        yield f"### {title}\n"
        yield "| here | there | why | operations |"
        yield "|---|---|---|---|"
        for rule in found:
            other = rule.deviation
            if other is not None and other.source == source:
                names = ", ".join(_subject(name) for name in rule.on)
                yield f"| {rule.text} | {other.there} | {other.reason} | {names} |"
        yield ""


def _subject(name: str) -> str:
    return GROUPS[name][0] if name in GROUPS else f"`{name}`"


def _chapters(found: Iterable[Rule]) -> Iterator[str]:
    tag = ""
    own = [rule for rule in found if not rule.is_general]
    for operation in sorted(operations(), key=lambda each: each.tags):
        if operation.tags[0] != tag:
            tag = operation.tags[0]
            yield f"## {tag.replace('_', ' ').capitalize()}\n"
        yield f"### {operation.id}\n"
        yield f"`{operation.method} {operation.path}`\n"
        yield "\n".join(_lines(rule for rule in own if operation.id in rule.on))


def _lines(found: Iterable[Rule]) -> Iterator[str]:
    for rule in found:
        mark = "" if rule.deviation is None else " **Sources disagree.**"
        about = "" if not rule.is_general else f" ({_subject(rule.on[0])})"
        yield f"- {rule.text.removesuffix('.')}{about}.{mark}"
        yield f"  Shown by {', '.join(f'`{test}`' for test in rule.tests)}."
    yield ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{len(rules())} rules\n")


if __name__ == "__main__":
    main()
