"""Name one cause once: fold findings into those that they follow from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from contract_tests.catalogue import CONSEQUENCES, RESTS_ON
from contract_tests.result import Finding

#: A promise broken by this share of the operations it was checked on is broken everywhere.
_EVERYWHERE: Final = 0.5
#: The same promise broken at so many places of few operations is told once.
_MANY: Final = 3


def masked(findings: Sequence[Finding]) -> list[Finding]:
    """Fold findings into those that they rest upon."""
    kept: dict[str, Finding] = {}
    order = sorted(findings, key=lambda f: (f.first_request, f.id))
    bases = {f.id: _base(f, order) for f in order}
    for finding in order:
        base = bases[finding.id]
        seen = {finding.id}
        while base and bases.get(base) and base not in seen:
            seen.add(base)
            base = bases[base]
        if not base or base == finding.id:
            kept.setdefault(finding.id, finding)
    for finding in order:
        base = bases[finding.id]
        while base and bases.get(base) and base not in kept:
            base = bases[base]
        if base in kept and finding.id not in kept:
            root = kept[base]
            kept[base] = replace(root, masks=(*root.masks, f"{finding.id} {finding.target}"))
        elif finding.id not in kept:
            kept[finding.id] = finding
    return list(kept.values())


def _base(finding: Finding, others: Sequence[Finding]) -> str:
    """Return the id of what a finding follows from: the same place before, or what it rests on."""
    causes = _transitive(finding.property)
    before = others[: others.index(finding)]
    for other in before:
        is_same = (other.property, other.target) == (finding.property, finding.target)
        if is_same and other.about and other.kind == finding.kind:
            return other.id
    for other in others:
        if other.id == finding.id or other.kind != finding.kind:
            continue
        is_same_thing = not other.about or other.about == finding.about
        if other.property in causes and other.operation == finding.operation and is_same_thing:
            return other.id
    return ""


def _transitive(prop: str) -> set[str]:
    found: set[str] = set()
    todo = list(RESTS_ON.get(prop, ()))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += RESTS_ON.get(name, ())
    return found


def merged(
    findings: Sequence[Finding], causes: dict[str, tuple[str, str, str, str]]
) -> tuple[Finding, ...]:
    """Fold findings that are the same on several operations into the first of them."""
    groups: dict[Any, list[Finding]] = {}
    for finding in findings:
        cause = causes.get(finding.id)
        key = (cause[0], cause[2], cause[3], finding.kind) if cause else finding.id
        groups.setdefault(key, []).append(finding)
    found = []
    for group in groups.values():
        first, *rest = group
        masks = [*first.masks]
        for other in rest:
            masks += [f"{other.id} {other.target}", *other.masks]
        found.append(replace(first, masks=tuple(masks)))
    return tuple(found)


def systemic(
    findings: Sequence[Finding],
    every: Sequence[Finding],
    checked: Mapping[tuple[str, str], int],
) -> tuple[Finding, ...]:
    """
    Fold what is broken everywhere into one finding for each promise.

    `every` are the findings before any folding, `checked` counts the comparisons for each
    (property, operation). What a promise broken everywhere entails is folded into it, too:
    a server that answers for records it does not have keeps none.
    """
    broken = _everywhere(every, checked)
    first: dict[str, Finding] = {}
    folded: dict[str, list[Finding]] = defaultdict(list)
    kept: list[Finding] = []
    for finding in findings:
        name = finding.property
        cause = next((c for c in CONSEQUENCES if c in broken and name in CONSEQUENCES[c]), name)
        if finding.kind != "bug" or cause not in broken:
            kept.append(finding)
        elif cause == name and name not in first:
            first[name] = finding
        else:
            folded[cause].append(finding)
    for name, others in folded.items():
        root = first.get(name)
        if root is None:
            kept += others
            continue
        masks = [*root.masks]
        for other in others:
            masks += [f"{other.id} {other.target}", *other.masks]
        first[name] = replace(root, masks=tuple(masks))
    return tuple(sorted([*first.values(), *kept], key=lambda f: (f.first_request, f.id)))


def _everywhere(
    findings: Sequence[Finding], checked: Mapping[tuple[str, str], int]
) -> frozenset[str]:
    """Return the properties that hardly any operation keeps."""
    failed: dict[str, set[str]] = defaultdict(set)
    places: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.kind == "bug":
            failed[finding.property].add(finding.operation)
            places[finding.property].add(finding.target)
    found = set()
    for name, operations in failed.items():
        asked = {operation for prop, operation in checked if prop == name} | operations
        if len(operations) >= _EVERYWHERE * len(asked) and len(places[name]) >= _MANY:
            found.add(name)
    return frozenset(found)
