"""Schemathesis, all phases and all checks, against our own server."""

from __future__ import annotations

from typing import Any

import pytest

from tests import fuzz


def check(report: dict[str, Any], least: int) -> None:
    assert report["failures"] == [], report["output"]
    assert report["complete"]
    assert report["test_cases"]["generated"] > least


@pytest.mark.parametrize(
    "name", ["roam", *(pytest.param(n, marks=pytest.mark.slow) for n in fuzz.PASSES if n != "roam")]
)
def test_schemathesis_invents_nothing_that_breaks_us(name: str) -> None:
    """A short run; `make fuzz` is the long one."""
    check(fuzz.fuzz(name, examples=1, phases="examples,fuzzing,stateful"), least=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz.PASSES)
def test_schemathesis_enumerates_nothing_that_breaks_us(name: str) -> None:
    """Its coverage phase: the edges of every schema, one after another."""
    check(fuzz.fuzz(name, examples=1, phases="coverage"), least=1000)
