"""Examine many mutants on every processor, and sum up."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from contract_tests.mutation import score
from contract_tests.mutation.mechanical_run import Outcome
from contract_tests.mutation.rival import Rival
from contract_tests.mutation.score import Score
from mockserver import assembly, mutants
from mockserver.mutants import Mutant


@dataclass(frozen=True, slots=True)
class Question:
    """One mutant to be examined, by its id, and how."""

    mutant: str
    scenario: str = "default"
    profile: str = "ci"
    seed: int = 1
    is_whole: bool = False
    is_exhaustive: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """What an exam has beside its scores: whole runs, rivals, mechanical mutants."""

    whole: tuple[Score, ...] = ()
    rivals: tuple[Rival, ...] = ()
    mechanical: tuple[Outcome, ...] = ()


@lru_cache(maxsize=2)
def _world(scenario: str) -> assembly.World:
    return score.read_world(scenario)


@lru_cache(maxsize=2)
def by_id(scenario: str) -> dict[str, Mutant]:
    """Return every mutant by its id."""
    return {mutant.id: mutant for mutant in mutants.instances(_world(scenario).api)}


def answer(question: Question) -> Score:
    """Examine one mutant."""
    world = _world(question.scenario)
    mutant = by_id(question.scenario)[question.mutant]
    base = score.base_config(profile=question.profile, seed=question.seed)
    config = score.config_for(mutant, world, base, is_whole=question.is_whole)
    return score.examine(mutant, world, config, is_exhaustive=question.is_exhaustive)


def hold(
    questions: Sequence[Question], *, workers: int = 0, on_score: Callable[[Score], None]
) -> list[Score]:
    """Return the scores in the order of the questions; `on_score` is called as they come."""
    count = workers or os.cpu_count() or 1
    if count == 1:
        found = []
        for question in questions:
            found.append(answer(question))
            on_score(found[-1])
        return found
    scores: dict[int, Score] = {}
    with ProcessPoolExecutor(count) as pool:
        pending = {pool.submit(answer, q): index for index, q in enumerate(questions)}
        for future in as_completed(pending):
            scores[pending[future]] = future.result()
            on_score(future.result())
    return [scores[index] for index in range(len(questions))]


def rate(scores: Iterable[Score]) -> float:
    """Return the share that was killed."""
    all_ = list(scores)
    return sum(s.fate == "killed" for s in all_) / len(all_) if all_ else 0.0


def grouped(scores: Iterable[Score], by: str) -> dict[str, list[Score]]:
    """Return scores by one of their fields."""
    found: dict[str, list[Score]] = defaultdict(list)
    for each in scores:
        found[getattr(each, by)].append(each)
    return dict(sorted(found.items()))


def first_kills(scores: Iterable[Score]) -> dict[str, int]:
    """Return how many mutants each property was the first to name."""
    found: dict[str, int] = defaultdict(int)
    for each in scores:
        if each.fate == "killed":
            found[each.by] += 1
    return dict(sorted(found.items()))


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the figures of an exam."""
    killed = [s for s in scores if s.fate == "killed"]
    return {
        "mutants": len(scores),
        "killed": len(killed),
        "elsewhere": sum(s.fate == "elsewhere" for s in scores),
        "survived": sum(s.fate in ("survived", "crashed") for s in scores),
        "score": round(rate(scores), 4),
        "median_requests": median(s.requests for s in killed) if killed else 0,
        "median_seconds": round(median(s.seconds for s in killed), 3) if killed else 0,
    }


def in_short(scores: Sequence[Score]) -> str:
    """Return the fates as JSON, a member on each line: small differences make small diffs."""
    rows = [
        {
            "mutant": s.mutant,
            "fate": s.fate,
            "by": s.by,
            "requests": s.requests,
            "seconds": round(s.seconds, 2),
        }
        for s in scores
    ]
    document = {"schema_version": 1, "summary": summary(scores), "mutants": rows}
    return json.dumps(document, indent=0) + "\n"


def parts(path: Path) -> Parts:
    """Return what a file has beside its scores; nothing when there is no file."""
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return Parts(
        tuple(_score(row) for row in document.get("whole", ())),
        tuple(Rival(**row) for row in document.get("rivals", ())),
        tuple(Outcome(**row) for row in document.get("mechanical", ())),
    )


def read(path: Path) -> list[Score]:
    """Return the scores of a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return [_score(row) for row in document.get("scores", ())]


def _score(row: dict[str, Any]) -> Score:
    return Score(**{**row, "also": tuple(row["also"])})
