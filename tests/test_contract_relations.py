"""What claims mean: a relation holds for good answers and fails for bad ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests import meaning, relations
from contract_tests.relations import check, const
from contract_tests.wire import ABSENT, Received

VALUES = st.lists(st.integers(-3, 3) | st.sampled_from(["a", "b", None]), max_size=6)


@dataclass
class Answer:
    data: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    key: str = "uuid"

    @property
    def received(self) -> Received:
        return Received(self.status, self.headers, b"")

    @property
    def rows(self) -> list[Any]:
        return self.data if isinstance(self.data, list) else []


def fails(relation: str, left: Any, right: Any = None, **more: Any) -> bool:
    claim = {"relation": relation, "left": const(left), "right": const(right), **more}
    return check(claim, {}) is not None


@given(VALUES)
def test_a_list_is_the_same_set_as_itself_in_any_order(values: list[Any]) -> None:
    assert not fails("same_set", values, list(reversed(values)))
    assert not fails("subset", values, values)
    assert not fails("superset", values, values)
    assert fails("same_set", [*values, "new"], values)
    assert fails("subset", [*values, "new"], values)
    assert not fails("superset", [*values, "new"], values)


@given(VALUES, VALUES)
def test_disjoint_is_having_nothing_in_common(left: list[Any], right: list[Any]) -> None:
    shared = {repr(v) for v in left} & {repr(v) for v in right}
    assert fails("disjoint", left, right) is bool(shared)


@pytest.mark.parametrize(
    ("relation", "good", "bad"),
    [
        ("equal", (1, 1.0), (1, True)),
        ("equal", ({"a": [1]}, {"a": [1]}), ({"a": [1]}, {"a": [2]})),
        ("unequal", (1, 2), (1, 1.0)),
        ("among", (200, [200, 204]), (500, [200, 204])),
        ("not_among", (500, [200]), (200, [200])),
        ("has", ({"a": 1}, ["a"]), ({}, ["a"])),
        ("greater", (2, 1), (1, 1)),
        ("present", (None, None), (ABSENT, None)),
        ("absent", (ABSENT, None), (None, None)),
        ("empty", ([], None), ([1], None)),
    ],
)
def test_a_relation_tells_good_from_bad(relation: str, good: Any, bad: Any) -> None:
    assert not fails(relation, *good)
    assert fails(relation, *bad)


def test_a_difference_names_the_first_place_that_differs_but_its_shape_has_no_values() -> None:
    left = {"components": [{"price": "1.0"}, {"price": "2.0"}]}
    right = {"components": [{"price": "1.0"}, {"price": "3.0"}]}
    found = check({"relation": "equal", "left": const(left), "right": const(right)}, {})
    assert found is not None
    assert found.expected == '/components/1/price = "3.0"'
    assert found.shape == "differs at /components/*/price"


@given(st.lists(st.integers(), max_size=8))
def test_sorted_lists_are_sorted_and_others_are_not(numbers: list[int]) -> None:
    rows = [{"n": n} for n in numbers]
    up, down = [{"at": "/n", "kind": "number"}], [{"at": "/n", "kind": "number", "desc": True}]
    assert fails("sorted", rows, by=up) is (numbers != sorted(numbers))
    assert fails("sorted", rows, by=down) is (numbers != sorted(numbers, reverse=True))


@pytest.mark.parametrize(
    ("shown", "kind", "lookup", "value", "passes"),
    [
        ("A0-0", "text", "exact", "a0-0", False),
        ("Abc", "text", "icontains", "BC", True),
        ("Abc", "text", "contains", "BC", False),
        ("Abc", "text", "startswith", "bc", False),
        ("10.50", "number", "exact", "10.5", True),
        (9, "number", "gt", "10", False),
        (10, "number", "gte", "10", True),
        (10, "number", "lt", "10", False),
        (True, "boolean", "exact", "true", True),
        (False, "boolean", "exact", "true", False),
        (None, "number", "lt", "10", False),
        (None, "text", "isnull", "true", True),
        ("2026-01-01T00:00:00Z", "instant", "gte", "2026-01-01T00:00:00+00:00", True),
        ("2026-01-01", "date", "lt", "2026-01-02", True),
        (["x", "y"], "text", "exact", "y", True),
        ("AB" * 16, "uuid", "exact", "ab" * 16, True),
    ],
)
def test_lookups(shown: Any, kind: str, lookup: str, value: str, passes: bool) -> None:
    test = {"at": "/v", "lookup": lookup, "value": value, "kind": kind}
    assert meaning.passes({"v": shown}, test) is passes


def test_a_row_that_does_not_show_enough_proves_nothing() -> None:
    test = {"at": "/v", "lookup": "exact", "value": "x"}
    assert meaning.passes({}, test) is None
    assert not fails("each", [{}], test=test)
    assert fails("each", [{"v": "y"}], test=test)
    assert fails("none", [{"v": "x"}], test=test)


def test_nulls_stand_where_the_description_says() -> None:
    rows = [{"n": None}, {"n": 1}]
    assert fails("sorted", rows, by=[{"at": "/n", "kind": "number", "nulls": "high"}])
    assert not fails("sorted", rows, by=[{"at": "/n", "kind": "number", "nulls": "low"}])


def test_expressions_select_what_they_say() -> None:
    first = Answer([{"uuid": "a", "n": 1}, {"uuid": "b", "n": 2}], headers={"x-total": "2"})
    second = Answer([{"uuid": "b", "n": 2}])
    replies = {1: first, 2: second}

    def value(expr: Any) -> Any:
        return relations.evaluate(expr, replies)

    assert value({"of": 1, "at": "ids"}) == ["a", "b"]
    where = {"at": "/n", "lookup": "gt", "value": "1", "kind": "number"}
    assert value({"of": 1, "at": "ids", "where": where}) == ["b"]
    assert value({"of": 1, "at": "count"}) == 2
    assert value({"of": 1, "at": "column", "name": "/n"}) == [1, 2]
    assert value({"of": 1, "at": "rows", "without": ["n"]}) == [{"uuid": "a"}, {"uuid": "b"}]
    assert value({"of": 1, "at": "header", "name": "X-Total"}) == "2"
    assert value(relations.plus({"of": 1, "at": "header", "name": "X-Total"}, 1)) == 3
    assert value(relations.minus({"of": 1, "at": "ids"}, {"of": 2, "at": "ids"})) == ["a"]
    assert value(relations.meet({"of": 1, "at": "ids"}, {"of": 2, "at": "ids"})) == ["b"]
    assert value(relations.join({"of": 2, "at": "ids"}, {"of": 1, "at": "ids"})) == ["b", "a", "b"]
    assert relations.steps_of({"left": {"join": [{"of": 2}]}, "right": {"const": {"of": 9}}}) == {2}
