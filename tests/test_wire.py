"""Play the conversations of `tests/wire/`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from mockserver.assembly import World
from tests import wire_cases
from tests.wire_cases import Case, Play, Stage

CASES = wire_cases.cases()


@pytest.fixture(scope="module")
def stage_of(world_of: Callable[[str], World]) -> Callable[[str], Stage]:
    return cache(lambda name: wire_cases.stage(world_of(name)))


#: Worlds that take seconds to make.
LARGE = {"busy"}


def marked(case: Case) -> Any:
    marks = [pytest.mark.slow] if case.scenario in LARGE else []
    return pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_the_conversation_goes_as_written(stage_of: Callable[[str], Stage], case: Case) -> None:
    Play(stage_of(case.scenario), case).run()


def test_titles_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_every_request_has_a_response() -> None:
    for case in CASES:
        words = [section.word for section in case.sections]
        pairs = list(zip(words, [*words[1:], ""], strict=True))
        assert "request" in words, case.id
        assert all(after == "response" for word, after in pairs if word == "request"), case.id
