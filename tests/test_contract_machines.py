"""State machines: silent on a correct server, loud on one that forgets."""

from __future__ import annotations

import pytest

from contract_tests import machines, questions
from contract_tests.client import Manners, Stopped
from contract_tests.lab import Depth
from contract_tests.model import Enough
from contract_tests.transport import Trouble
from tests.contract_harness import heard
from tests.contract_stage import library, shipped


def walk(stage, app, *, requests=300, **more):
    lab, world = stage.lab(app, depth=Depth(), **more)
    found = heard(lab)
    machines.run(lab, world, requests=requests)
    return lab, found


@pytest.mark.parametrize("stage", [shipped, library], ids=["shipped", "library"])
def test_a_correct_server_is_not_suspected(stage):
    made = stage()
    lab, found = walk(made, made.correct())
    assert found == []
    writes = {lab.replies[n].step.operation for n in lab.replies if lab.replies[n].step.writes}
    assert len(writes) >= 4
    assert not list(lab.client.ledger.newest_first())


def test_the_budget_ends_the_walk():
    stage = library()
    lab, _ = walk(stage, stage.correct(), requests=60)
    # What is left is taken away after the last step.
    assert 60 <= lab.client.sent < 90


def test_the_same_seed_walks_the_same_way():
    stage = library()
    one, other = (walk(stage, stage.correct(), requests=80)[0] for _ in range(2))
    told = [
        [(r.step.method, r.step.template) for r in lab.replies.values()] for lab in (one, other)
    ]
    assert told[0] == told[1]
    third, _ = walk(stage, stage.correct(), requests=80, seed=2)
    assert [(r.step.method, r.step.template) for r in third.replies.values()] != told[0]


@pytest.mark.parametrize(
    ("mutant", "operation"),
    [
        ("U01@books_patch", "books_patch"),
        ("U01@books_replace", "books_replace"),
        ("U02@books_patch", "books_create"),
        ("U06@books_patch", "books_patch"),
        ("X01@books_delete", "books_retrieve"),
        ("X02@books_delete", "books_list"),
        ("X03@books_delete", "books_patch"),
    ],
)
def test_what_is_forgotten_is_suspected(mutant, operation):
    stage = library()
    _, found = walk(stage, stage.broken(mutant), requests=400)
    assert ("C5", operation) in {(each.property, each.operation) for each in found}


def test_a_finding_holds_the_writes_of_its_walk():
    stage = library()

    class Forgetful:
        def __init__(self, app):
            self.app, self.patched = app, 0

        def answer(self, request):
            if request.method == "PATCH":
                self.patched += 1
                if self.patched % 2 == 0:
                    before = self.app.store.snapshot()
                    answer = self.app.answer(request)
                    self.app.store.restore(before)
                    return answer
            return self.app.answer(request)

    lab, found = walk(stage, Forgetful(stage.correct()), requests=400)
    (first, *_) = [each for each in found if each.operation == "books_patch"]
    assert first.about
    sent = [lab.replies[number].step.operation for number in first.steps]
    assert "books_create" in sent
    assert "books_patch" in sent


class Down:
    base_url = "http://down"

    def send(self, sent):
        raise Trouble("nobody is there")


def test_a_dead_server_is_no_finding():
    stage = library()
    lab, world = stage.lab(stage.correct(), depth=Depth())
    found = heard(lab)
    lab.client.transport = Down()
    with pytest.raises(Trouble):
        machines.run(lab, world, requests=50)
    assert found == []


def test_a_spent_run_stops():
    stage = library()
    lab, world = stage.lab(stage.correct(), depth=Depth())
    lab.client.manners = Manners(max_requests=20)
    with pytest.raises(Stopped):
        machines.run(lab, world, requests=50)


def test_an_error_of_ours_is_no_finding_of_hypothesis():
    stage = library()
    lab, world = stage.lab(stage.correct(), depth=Depth())

    def broken(*args, **named):
        raise ZeroDivisionError

    lab.expect = broken
    with pytest.raises(ZeroDivisionError):
        machines.run(lab, world, requests=50)


def test_the_end_of_a_walk_is_no_error():
    assert isinstance(Enough(), KeyboardInterrupt)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (
            {"isbn": "9780000000019", "is_available": True},
            {"isbn": "9780000000019", "available": "true"},
        ),
        ({"isbn": " 97"}, {}),
        ({"isbn": "Tidé"}, {}),
        ({"unheard": "Tide"}, {}),
    ],
)
def test_questions_are_asked_about_known_texts_only(known, asked):
    lister = library().about.operations["books_list"]
    assert {q.name: q.text for q in questions.of(lister, known)} == asked
