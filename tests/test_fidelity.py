"""The page about fidelity: complete, fresh, and true about the tests it names."""

from __future__ import annotations

import pytest

from tests import fidelity
from tests.fidelity import GROUPS, PAGE, SOURCES, Rule

RULES = fidelity.rules()


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == fidelity.page(), "run python -m tests.fidelity"


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_a_rule_names_tests_that_exist(rule: Rule) -> None:
    assert rule.tests
    assert [name for name in rule.tests if not fidelity.is_test(name)] == []


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_a_rule_is_about_something(rule: Rule) -> None:
    known = {operation.id for operation in fidelity.operations()}

    assert rule.text.endswith(".")
    assert "|" not in rule.text
    if rule.is_general:
        assert len(rule.on) == 1
        assert any(GROUPS[rule.on[0]][1](operation) for operation in fidelity.operations())
    else:
        assert set(rule.on) <= known


@pytest.mark.parametrize("rule", [r for r in RULES if r.deviation], ids=lambda rule: rule.id)
def test_a_deviation_has_a_source_and_a_reason(rule: Rule) -> None:
    assert rule.deviation is not None
    assert rule.deviation.source in SOURCES
    assert rule.deviation.there.endswith(".")
    assert rule.deviation.reason.endswith(".")


def test_every_operation_has_a_rule_of_its_own() -> None:
    told = {name for rule in RULES for name in rule.on}

    assert {operation.id for operation in fidelity.operations()} - told == set()


def test_names_of_rules_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_a_test_that_does_not_exist_is_noticed() -> None:
    assert not fidelity.is_test("tests/test_fidelity.py::test_nothing")
    assert not fidelity.is_test("tests/nowhere.py::test_nothing")
    assert not fidelity.is_test("plans: Nothing of the kind")
    assert not fidelity.is_test(
        "tests/test_invariants.py::test_every_law_holds_at_every_provider[nothing]"
    )
    assert fidelity.is_test("tests/test_fidelity.py::test_the_page_is_fresh")
