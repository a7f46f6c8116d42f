"""Requests made up by Hypothesis: the server and the oracle agree on all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.listing import answer
from tests.oracle.profile import SETTINGS, WORLDS
from tests.oracle.strategies import questions
from tests.oracle.tables import LISTINGS
from tests.oracle.worlds import Case


@pytest.mark.parametrize("operation", sorted(LISTINGS))
@given(data=st.data())
@SETTINGS
def test_any_request_is_answered_as_the_oracle_says(
    case_of: Callable[[int], Case], operation: str, data: st.DataObject
) -> None:
    listing = LISTINGS[operation]
    case = case_of(data.draw(st.sampled_from([0, *range(len(WORLDS))]), label="world"))
    question = data.draw(questions(case, listing), label="request")
    ask = case.ask(question.persona, question.path.split("/")[3] if listing.is_nested else "")
    expected = answer(listing, ask, question.path, question.query)
    assert case.answer(question.persona, question.path, question.query) == expected
