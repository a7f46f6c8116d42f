"""The worlds that are searched."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from mockserver.api import Api
from tests.oracle import worlds
from tests.oracle.profile import WORLDS
from tests.oracle.worlds import Case


@pytest.fixture(scope="session")
def case_of(shipped_api: Api) -> Callable[[int], Case]:
    """The world of a number, built once; number 0 is the shipped one."""

    @cache
    def make(number: int) -> Case:
        return worlds.build(shipped_api, *WORLDS[number])

    return make


@pytest.fixture(scope="session")
def case(case_of: Callable[[int], Case]) -> Case:
    return case_of(0)
