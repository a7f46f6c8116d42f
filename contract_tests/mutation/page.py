"""Write the page that tells how the suite did in its exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from contract_tests.catalogue import CATALOGUE
from contract_tests.mutation import exam
from contract_tests.mutation.mechanical_run import Outcome
from contract_tests.mutation.rival import Rival
from contract_tests.mutation.score import Score
from mockserver.mutants import Mutant

_HEAD = """# What the suite finds: mutants

This page is written by `make mutation`; do not edit it.

A mutant is the mock server with one defect planted in it.
The suite is asked to test it, from the true description.
It has killed the mutant when its run ends with exit 1 *and* a finding names the place of the defect: the operation (or one where the same defect must show), and for filters and orders the parameter as well.
A finding anywhere else does not count.

Each mutant is examined by a run that is restricted to the operations concerned (`--include`), in profile `ci`, in the scenario `default`, without Schemathesis and without random games: what is counted is what the enumerated properties find alone.
"""


def render(
    scores: Sequence[Score],
    *,
    equivalents: Sequence[tuple[Mutant, str]] = (),
    reasons: Mapping[str, str] = {},
    rivals: Sequence[Rival] = (),
    mechanical: Sequence[Outcome] = (),
    whole: Sequence[Score] = (),
) -> str:
    """Return the page; `reasons` explains survivors by mutant or by kind."""
    parts = [
        _HEAD,
        _summary(scores, equivalents, whole),
        _by_key(scores),
        _by_kind(scores),
        _by_property(scores),
        _survivors(scores, reasons),
        _rivals(scores, rivals),
        _mechanical(mechanical),
        _equivalents(equivalents),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _summary(
    scores: Sequence[Score], equivalents: Sequence[tuple[Mutant, str]], whole: Sequence[Score]
) -> str:
    found = exam.summary(scores)
    lines = [
        "## Score",
        "",
        "| mutants | killed | named elsewhere | survived | score | requests to kill, median | seconds, median |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        f"| {found['mutants']} | {found['killed']} | {found['elsewhere']} | {found['survived']} "
        f"| **{found['score']:.1%}** | {found['median_requests']:g} | {found['median_seconds']:.2f} |",
        "",
        f"{len(equivalents)} further instances are left out because the description proves them equivalent.",
    ]
    exact = sum(s.is_exact for s in scores)
    lines.append(
        f"{exact} findings name the very operation; the others name one that reads or writes the same records, "
        "where the same defect must show."
    )
    if whole:
        killed = [s for s in whole if s.fate == "killed"]
        requests = median(s.requests for s in killed) if killed else 0
        same = sum(s.fate == t.fate for s in whole for t in scores if s.mutant == t.mutant)
        lines += [
            f"A sample of {len(whole)} was also given to whole runs over all operations: "
            f"{len(killed)} killed, median {requests:g} requests from the start of the run; "
            f"{same} of {len(whole)} have the same fate as in the restricted run.",
        ]
    return "\n".join([*lines, ""])


def _table(title: str, label: str, groups: Mapping[str, Sequence[Score]]) -> str:
    lines = [
        f"## {title}", "",
        f"| {label} | mutants | killed | score | requests, median |", "|---|--:|--:|--:|--:|",
    ]  # fmt: skip
    for name, group in groups.items():
        killed = [s for s in group if s.fate == "killed"]
        requests = f"{median(s.requests for s in killed):g}" if killed else "-"
        lines.append(
            f"| {name} | {len(group)} | {len(killed)} | {exam.rate(group):.0%} | {requests} |"
        )
    return "\n".join([*lines, ""])


def _by_key(scores: Sequence[Score]) -> str:
    return _table("By key of the description", "key", exam.grouped(scores, "key"))


def _by_kind(scores: Sequence[Score]) -> str:
    groups = {
        f"{kind} {group[0].title}": group for kind, group in exam.grouped(scores, "kind").items()
    }
    return _table("By kind of defect", "kind", groups)


def _by_property(scores: Sequence[Score]) -> str:
    first = exam.first_kills(scores)
    lines = [
        "## By property", "",
        "`first`: mutants that the property was the first to name.",
        "`alone`: mutants that no other property named, where the run went on to the end.", "",
        "| property | first | alone |", "|---|--:|--:|",
    ]  # fmt: skip
    alone: dict[str, int] = {}
    for score in scores:
        if score.fate == "killed" and len(set(score.also)) == 1:
            alone[score.also[0]] = alone.get(score.also[0], 0) + 1
    for name, rule in CATALOGUE.items():
        if name in first or name in alone or name[0] != "S":
            lines.append(f"| {name} {rule.name} | {first.get(name, 0)} | {alone.get(name, 0)} |")
    return "\n".join([*lines, ""])


def _survivors(scores: Sequence[Score], reasons: Mapping[str, str]) -> str:
    left = [s for s in scores if s.fate != "killed"]
    lines = ["## Not killed", "", "| mutant | defect | fate | why |", "|---|---|---|---|"]
    for score in left:
        why = (
            reasons.get(score.mutant) or reasons.get(score.kind) or score.note or "not looked into"
        )
        lines.append(
            f"| `{score.mutant}` | {score.title} | {score.fate} | {why.replace('|', '/')} |"
        )
    return "\n".join([*lines, ""]) if left else ""


def _rivals(scores: Sequence[Score], rivals: Sequence[Rival]) -> str:
    if not rivals:
        return ""
    by_id = {score.mutant: score for score in scores}
    # A rival of an earlier exam may have had mutants that are no longer planted.
    rivals = [rival for rival in rivals if rival.mutant in by_id]
    families: dict[str, list[Rival]] = {}
    for rival in rivals:
        families.setdefault(rival.mutant[0], []).append(rival)
    ours = sum(by_id[r.mutant].fate == "killed" for r in rivals)
    theirs = sum(r.fate == "killed" for r in rivals)
    lines = [
        "## Beside Schemathesis",
        "",
        f"The first instances of {len(rivals)} kinds, spread over all of them, were also given to `schemathesis run`, "
        "on our derived document (closed schemas, links), on the same operations, and stopped after as many "
        "requests as our run took on that mutant (it stops between two of its scenarios, so mostly later).",
        "",
        "| family | mutants | this suite | Schemathesis | only this suite | only Schemathesis |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for family, group in sorted(families.items()):
        lines.append(f"| {family} | {_side(group, by_id)} |")
    lines.append(f"| **all** | {_side(list(rivals), by_id)} |")
    lines += [
        "",
        f"{ours} to {theirs}. Schemathesis is a stage of every run of profile `ci` for the sake of the last column.",
        "",
    ]
    return "\n".join(lines)


def _side(group: Sequence[Rival], by_id: Mapping[str, Score]) -> str:
    ours = {r.mutant for r in group if by_id[r.mutant].fate == "killed"}
    theirs = {r.mutant for r in group if r.fate == "killed"}
    figures = (len(group), len(ours), len(theirs), len(ours - theirs), len(theirs - ours))
    return " | ".join(map(str, figures))


def _mechanical(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    killed = [o for o in outcomes if o.fate == "killed"]
    early = [o for o in killed if o.by in ("does not start", "hangs") or o.by.startswith("exit")]
    lines = [
        "## Mechanical mutants",
        "",
        "An exam that nobody set: one operator of the engine's or the pack's source changed, drawn by chance "
        "(comparison, and/or, not, constants, plus/minus, a branch always or never taken, a statement left out).",
        "Here exit 1 is enough, since nobody knows the right place; equivalent ones were not sorted out.",
        "",
        f"**{len(killed)} of {len(outcomes)} killed ({len(killed) / len(outcomes):.0%})**; "
        f"of these, {len(early)} did not even start, hung, or could not be tested.",
        "",
        "| survivor |",
        "|---|",
        *(f"| `{o.id}` |" for o in outcomes if o.fate != "killed"),
        "",
    ]
    return "\n".join(lines)


def _equivalents(equivalents: Sequence[tuple[Mutant, str]]) -> str:
    if not equivalents:
        return ""
    groups: dict[tuple[str, str], int] = {}
    for mutant, reason in equivalents:
        groups[mutant.kind, reason] = groups.get((mutant.kind, reason), 0) + 1
    lines = ["## Equivalent", "", "| kind | instances | because |", "|---|--:|---|"]
    lines += [f"| {kind} | {count} | {why} |" for (kind, why), count in sorted(groups.items())]
    return "\n".join([*lines, ""])
