"""The command `mutate`: examine the suite, and write down how it did."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from contract_tests.mutation import exam, mechanical, mechanical_run, page, rival, score
from contract_tests.mutation.exam import Question
from contract_tests.mutation.mechanical_run import Outcome
from contract_tests.mutation.rival import Rival
from contract_tests.mutation.score import Score
from mockserver import mutants
from mockserver.mutants import Mutant

_Q = TypeVar("_Q")
_A = TypeVar("_A")
#: Scores are written down after so many of them: an exam is long, and may be cut short.
_OFTEN = 20


@click.command("mutate")
@click.option("--kind", "kinds", multiple=True, help="Only these kinds, or families, like F.")
@click.option("--operation", "operations", multiple=True, help="Only mutants of these operations.")
@click.option("--limit", default=0, help="At most so many of each kind; 0: all.")
@click.option("--list", "lists", is_flag=True, help="List the mutants and stop.")
@click.option("--scenario", default="default", show_default=True)
@click.option("--profile", default="ci", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--whole", is_flag=True, help="Run all operations, not those concerned only.")
@click.option("--exhaustive", is_flag=True, help="Go on after the first finding that is right.")
@click.option("--workers", default=0, help="Processes; 0: one for each processor.")
@click.option("--sample", default=0, help="Also give so many to whole runs.")
@click.option("--rival", "rival_count", default=0, help="Also so many of them to Schemathesis.")
@click.option("--mechanical", "count", default=0, help="Also so many mechanical mutants.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where the scores go.")
@click.option("--resume", is_flag=True, help="Keep what --json has as killed; ask the rest again.")
@click.option("--page", "page_file", type=click.Path(path_type=Path), help="Where the page goes.")
@click.option("--reasons", type=click.Path(path_type=Path, exists=True), help="Why some survive.")
@click.option("--scores", "scores_file", type=click.Path(path_type=Path), help="Fates in short.")
@click.option("--gate", default=0.0, help="Exit 1 when the score is below this share.")
def mutate(**said: Any) -> None:
    """Plant defects in the mock, one at a time, and count how many the suite finds."""
    chosen = _chosen(said)
    if said["lists"]:
        for mutant in chosen:
            click.echo(f"{mutant.id}\t{mutant.title}")
        return
    file = said["file"]
    questions = [
        Question(
            m.id, said["scenario"], said["profile"], said["seed"],
            is_whole=said["whole"], is_exhaustive=said["exhaustive"],
        )
        for m in chosen
    ]  # fmt: skip
    known = _known(file) if said["resume"] else {}
    asked = [question for question in questions if question.mutant not in known]

    def heard(found: Score) -> None:
        _tell(found)
        known[found.mutant] = found
        if len(known) % _OFTEN == 0:
            _save(file, scores=[asdict(s) for s in known.values()])

    exam.hold(asked, workers=said["workers"], on_score=heard)
    scores = [known[question.mutant] for question in questions]
    _save(file, scores=[asdict(s) for s in scores])
    kept = exam.parts(file) if said["resume"] and file else exam.Parts()
    whole = _whole(said, chosen) or list(kept.whole)
    _save(file, whole=[asdict(s) for s in whole])
    rivals = _rivals(said, chosen, scores) or list(kept.rivals)
    _save(file, rivals=[asdict(r) for r in rivals])
    outcomes = _mechanicals(said) or list(kept.mechanical)
    _save(file, mechanical=[asdict(o) for o in outcomes])
    found = exam.summary(scores)
    click.echo(json.dumps(found))
    if said["page_file"]:
        reasons = yaml.safe_load(said["reasons"].read_text("utf-8")) if said["reasons"] else {}
        api = score.read_world(said["scenario"]).api
        text = page.render(
            scores, equivalents=mutants.equivalents(api), reasons=reasons or {}, rivals=rivals,
            mechanical=outcomes, whole=whole,
        )  # fmt: skip
        said["page_file"].write_text(text, encoding="utf-8")
    if said["scores_file"]:
        said["scores_file"].write_text(exam.in_short(scores), encoding="utf-8")
    if found["score"] < said["gate"]:
        raise SystemExit(1)


def _chosen(said: dict[str, Any]) -> list[Mutant]:
    counts: dict[str, int] = {}
    found = []
    for mutant in exam.by_id(said["scenario"]).values():
        if said["kinds"] and not any(mutant.kind.startswith(kind) for kind in said["kinds"]):
            continue
        if said["operations"] and mutant.operation not in said["operations"]:
            continue
        counts[mutant.kind] = counts.get(mutant.kind, 0) + 1
        if not said["limit"] or counts[mutant.kind] <= said["limit"]:
            found.append(mutant)
    if not found:
        raise click.UsageError("no mutant is left; see --list")
    return found


def _known(file: Path | None) -> dict[str, Score]:
    """Return the mutants that an earlier exam has killed."""
    if file is None or not file.exists():
        return {}
    return {each.mutant: each for each in exam.read(file) if each.fate == "killed"}


def _tell(found: Score) -> None:
    by = f"by {found.by} after {found.requests}" if found.by else found.note
    click.echo(f"{found.fate:9} {found.mutant} {by}", err=True)


def _save(file: Path | None, **part: Any) -> None:
    """Add a part to the file at once: an exam is long, and may be cut short."""
    if file is None:
        return
    before = json.loads(file.read_text("utf-8")) if file.exists() else {"schema_version": 1}
    file.write_text(json.dumps({**before, **part}) + "\n", encoding="utf-8")


def _whole(said: dict[str, Any], chosen: Sequence[Mutant]) -> list[Score]:
    if not said["sample"]:
        return []
    step = max(1, len(chosen) // said["sample"])
    questions = [
        Question(m.id, said["scenario"], said["profile"], said["seed"], is_whole=True)
        for m in chosen[::step][: said["sample"]]
    ]
    return exam.hold(questions, workers=said["workers"], on_score=_tell)


def _rivals(said: dict[str, Any], chosen: Sequence[Mutant], scores: Sequence[Score]) -> list[Rival]:
    if not said["rival_count"]:
        return []
    totals = {each.mutant: max(each.total, each.requests, 100) for each in scores}
    first: dict[str, Mutant] = {}
    for mutant in chosen:
        first.setdefault(mutant.kind, mutant)
    step = max(1, len(first) // said["rival_count"])
    asked = [
        (m.id, said["scenario"], totals[m.id], said["seed"])
        for m in list(first.values())[::step][: said["rival_count"]]
    ]
    return _everywhere(_rival, asked, said["workers"], lambda r: f"{r.fate:9} {r.mutant} {r.by}")


def _rival(asked: tuple[str, str, int, int]) -> Rival:
    name, scenario, requests, seed = asked
    world = score.read_world(scenario)
    return rival.examine(exam.by_id(scenario)[name], world, requests=requests, seed=seed)


def _mechanicals(said: dict[str, Any]) -> list[Outcome]:
    if not said["count"]:
        return []
    edits = mechanical.sample(mechanical_run.sources(), said["count"], said["seed"])
    return _everywhere(
        mechanical_run.examine, edits, said["workers"], lambda o: f"{o.fate:9} {o.id} {o.by}"
    )


def _everywhere(
    work: Callable[[_Q], _A], asked: Sequence[_Q], workers: int, told: Callable[[_A], str]
) -> list[_A]:
    """Do the same for all of them on every processor; keep their order."""
    found: dict[int, _A] = {}
    with ProcessPoolExecutor(workers or os.cpu_count() or 1) as pool:
        pending = {pool.submit(work, each): index for index, each in enumerate(asked)}
        for future in as_completed(pending):
            found[pending[future]] = future.result()
            click.echo(told(found[pending[future]]), err=True)
    return [found[index] for index in range(len(asked))]
