"""Bodies that the tests of a server write: the valid ones are, the invalid ones are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from contract_tests import edges, inputs, making, patterns, subject
from contract_tests.lab import Blocked, Lab
from contract_tests.oracle import plain
from contract_tests.world import World
from mockserver.app import Application
from tests.contract_harness import lab_for

SUBJECT = subject.read()
WITH_BODY = [
    o.id for o in SUBJECT.spec.operations if o.writes and SUBJECT.body_schema(o) is not None
]


@pytest.fixture
def lab(application: Callable[..., Application]) -> tuple[Lab, World]:
    return lab_for(application(), SUBJECT)


def is_valid(schema: Any, value: Any) -> bool:
    components = SUBJECT.document.get("components", {})
    whole = plain({"components": components, "allOf": [schema]})
    return bool(jsonschema_rs.Draft202012Validator(whole).is_valid(value))


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize("variant", [0, 1, 5])
def test_a_valid_body_is_as_its_schema_says(
    lab: tuple[Lab, World], name: str, variant: int
) -> None:
    operation = SUBJECT.operations[name]
    body = inputs.valid(*lab, operation, variant=variant)
    assert is_valid(SUBJECT.body_schema(operation), body)
    assert inputs.required(lab[0], SUBJECT.body_schema(operation) or {}) <= set(body)


def test_two_bodies_share_no_text(lab: tuple[Lab, World]) -> None:
    operation = SUBJECT.operations["marketplace_plans_create"]
    first, second = (inputs.valid(*lab, operation) for _ in range(2))
    for name in ("name", "description", "article_code", "backend_id"):
        assert first[name] != second[name]
        assert lab[0].tag in first[name]


def test_other_variants_have_other_values(lab: tuple[Lab, World]) -> None:
    operation = SUBJECT.operations["marketplace_plans_create"]
    first, second = (inputs.valid(*lab, operation, variant=v) for v in (0, 1))
    assert all(first[name] != second[name] for name in first)


def test_only_what_is_required_is_there_if_so_wished(lab: tuple[Lab, World]) -> None:
    operation = SUBJECT.operations["marketplace_plans_create"]
    assert set(inputs.valid(*lab, operation, optional=False)) == {"name", "offering"}
    assert "unit" not in inputs.valid(*lab, operation, avoid=["unit"])


@pytest.mark.parametrize("name", WITH_BODY)
def test_what_is_called_invalid_is_so(name: str) -> None:
    schema = SUBJECT.body_schema(SUBJECT.operations[name]) or {}
    for declared in SUBJECT.properties(schema).values():
        for label, value in edges.invalid(declared, SUBJECT):
            assert label
            with pytest.raises(jsonschema_rs.ValidationError):
                _strictly(declared).validate(value)


def _strictly(schema: Any) -> Any:
    components = SUBJECT.document.get("components", {})
    whole = plain({"components": components, "allOf": [schema]})
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


@pytest.mark.parametrize("name", WITH_BODY)
def test_values_at_the_edge_are_valid(name: str) -> None:
    schema = SUBJECT.body_schema(SUBJECT.operations[name]) or {}
    for declared in SUBJECT.properties(schema).values():
        assert all(is_valid(declared, value) for value in edges.edges(declared))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 9}, [3, 9]),
        ({"type": "boolean"}, [True, False]),
        ({"enum": ["a", "b", None]}, ["a", "b", None]),
        ({"type": ["string", "null"], "format": "date"}, ["2024-02-29", "1999-12-31", None]),
    ],
)
def test_edges_are_the_first_and_the_last_value(
    schema: dict[str, Any], expected: list[Any]
) -> None:
    found = edges.edges(schema)
    assert all(value in found for value in expected)


def test_a_longest_text_is_at_the_edge() -> None:
    lengths = {len(text) for text in edges.edges({"type": "string", "maxLength": 20})}
    assert max(lengths) == 20
    assert 0 in lengths


def test_a_strict_reader_refuses_digits_as_text() -> None:
    schema = {"type": "integer"}
    assert ("digits as text", "5") in edges.invalid(schema, is_lenient=False)
    assert "5" not in [value for _, value in edges.invalid(schema)]


@pytest.mark.parametrize(
    "pattern",
    ["^97[89][0-9]{10}$", "^[A-Z]{2}[0-9]?$", r"^(ab|cd)\d+x*$", "^[^a-y]{3}.$", r"^\w{2}-\s$"],
)
def test_a_text_of_a_pattern_matches_it(pattern: str) -> None:
    found = {patterns.text_of(pattern, number) for number in range(20)}
    assert all(text is not None and re.search(pattern, text) for text in found)


def test_texts_of_a_pattern_differ() -> None:
    assert len({patterns.text_of("^97[89][0-9]{10}$", number) for number in range(50)}) == 50


def test_a_pattern_that_cannot_be_matched_gives_nothing() -> None:
    assert patterns.text_of(r"^(?=b)a$", 1) is None


def test_a_record_is_made_and_taken_away_again(lab: tuple[Lab, World]) -> None:
    known, world = lab
    with making.own(known, world, "plan") as record:
        assert known.client.ledger.holds("plan", record.key)
        assert record.made.code == 201
    assert not known.client.ledger.holds("plan", record.key)
    show = known.operation("marketplace_plans_retrieve")
    assert known.call(show, making.item_params(show, record.key)).code == 404


def test_what_worked_once_is_sent_at_once(lab: tuple[Lab, World]) -> None:
    known, world = lab
    with making.own(known, world, "plan"):
        sent = known.client.sent
        with making.own(known, world, "plan"):
            assert known.client.sent == sent + 1


def test_two_records_refer_to_two_where_only_one_may(lab: tuple[Lab, World]) -> None:
    known, world = lab
    with (
        making.own(known, world, "service_provider") as first,
        making.own(known, world, "service_provider") as second,
    ):
        assert first.body["customer"] != second.body["customer"]


def test_nothing_is_made_where_nothing_can_be_referred_to(
    application: Callable[..., Application],
) -> None:
    known, world = lab_for(application("empty"), SUBJECT)
    with pytest.raises(Blocked, match="nothing is known"):
        making.make(known, world, "plan")


def test_nothing_is_made_of_what_has_no_create(lab: tuple[Lab, World]) -> None:
    with pytest.raises(Blocked, match="nothing creates"):
        making.make(*lab, "offering")


def test_a_run_that_only_reads_makes_nothing(lab: tuple[Lab, World]) -> None:
    known, world = lab
    known.mode = "read-only"
    with pytest.raises(Blocked):
        making.make(known, world, "plan")
