"""Schemathesis, all phases and all checks, against our own server."""

from __future__ import annotations

import pytest

from tests import fuzz


@pytest.mark.parametrize("name", fuzz.PASSES)
def test_schemathesis_finds_nothing(name: str) -> None:
    """A bounded run; `make fuzz` is the long one."""
    report = fuzz.fuzz(name, examples=2)

    assert report["failures"] == [], report["output"]
    assert report["complete"]
    assert report["test_cases"]["generated"] > 1000
