"""What the shipped spec promises to testers, held against the mock in its default world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import urlencode

import orjson
import pytest

from mockserver import assembly, effects
from mockserver.app import Application
from mockserver.assembly import Sources
from mockserver.errors import ResponseDefect
from mockserver.exchange import Request, Response
from mockserver.operation import Effect, Filter, Operation, Parameter, Refusal, format_of, types_of
from mockserver.paths import Paths
from mockserver.store import State
from tests.record_examples import SAMPLE, STORY, Step

STAFF = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000001"
OWNER = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000003"
NOBODY = "e" * 32
#: Without these a list is empty whatever else is asked for.
ALWAYS = {"marketplace_service_providers_user_customers_list": {"user_uuid": SAMPLE}}
SPEC = assembly.read_api(Sources()).spec
WRITES = [each for each in SPEC.operations if each.writes]
Make: TypeAlias = Callable[..., Application]


def filtering(operation: Operation) -> list[tuple[Parameter, Filter]]:
    return [(p, p.filter) for p in operation.parameters if p.filter is not None]


def kinds(parameter: Parameter, declared: Filter) -> set[str]:
    """Return the formats and types of what a parameter looks for."""
    inner = parameter.schema.get("items", parameter.schema)
    found = {format_of(inner), *types_of(inner)}
    for alternative in declared.any:
        found |= {"uuid" for path in alternative.fields if path.rpartition(".")[2] in _IDS}
    return found


_IDS = ("uuid", "scope")
PARAMETERS = [(o, p, f) for o in SPEC.operations if o.verb == "list" for p, f in filtering(o)]
BOOLEANS = [(o, p, f) for o, p, f in PARAMETERS if "boolean" in kinds(p, f) and f.only is None]
IDS = [(o, p, f) for o, p, f in PARAMETERS if "uuid" in kinds(p, f)]
SHOWN = [(o, p, f) for o, p, f in PARAMETERS if f.shown]


def named(cases: list[tuple[Operation, Parameter, Filter]]) -> pytest.MarkDecorator:
    ids = [f"{o.id.removeprefix('marketplace_service_providers_')}:{p.name}" for o, p, _ in cases]
    return pytest.mark.parametrize(("operation", "parameter", "declared"), cases, ids=ids)


def send(
    application: Application, operation: Operation, step: Step, token: str = STAFF
) -> Response:
    path = operation.path.replace("{uuid}", step.at).replace("{service_provider_uuid}", step.at)
    headers = {"authorization": f"Token {token}", "host": "api.example.com"}
    body = b"" if step.body is None else orjson.dumps(step.body)
    if body:
        headers["content-type"] = "application/json"
    return application.answer(Request(operation.method, path, step.query, headers, body)).response


@pytest.fixture(scope="module")
def reading(world_of: Callable[[str], assembly.World]) -> Application:
    return assembly.application(world_of("default"))


def rows(
    application: Application, operation: Operation, token: str = STAFF, **query: Any
) -> list[Any]:
    """Return the first three hundred rows of a list."""
    asked = {"page_size": 300, **ALWAYS.get(operation.id, {}), **query}
    answer = send(application, operation, Step(operation.id, query=urlencode(asked)), token)
    assert answer.status == 200, answer.body
    found: list[Any] = orjson.loads(answer.body)
    return found


# Filters


@named(BOOLEANS)
def test_true_and_false_part_a_list_in_two(
    reading: Application, operation: Operation, parameter: Parameter, declared: Filter
) -> None:
    """An order by key keeps equal rows apart, so that lists can be compared as they are."""
    every, true, false = (
        rows(reading, operation, **query)
        for query in ({}, {parameter.name: "true"}, {parameter.name: "false"})
    )

    assert len(true) + len(false) == len(every)
    assert [row for row in every if row not in true] == false


def test_what_does_not_part_a_list_says_so(reading: Application) -> None:
    quiet = [(o, p) for o, p, f in BOOLEANS if f.splits is not True]
    assert quiet
    for operation, parameter in quiet:
        every = rows(reading, operation, OWNER)
        words = [rows(reading, operation, OWNER, **{parameter.name: w}) for w in ("true", "false")]
        assert sum(map(len, words)) < len(every), parameter.name


@named(IDS)
def test_an_id_that_nobody_has_keeps_nothing(
    reading: Application, operation: Operation, parameter: Parameter, declared: Filter
) -> None:
    query = urlencode({**ALWAYS.get(operation.id, {}), parameter.name: NOBODY})
    answer = send(reading, operation, Step(operation.id, query=query))

    if declared.choices:
        assert answer.status == 400
    elif declared.stranger == "none":
        assert (answer.status, orjson.loads(answer.body)) == (200, [])
    else:
        assert len(orjson.loads(answer.body)) == min(10, len(rows(reading, operation)))


@named(SHOWN)
def test_what_a_row_shows_is_what_finds_it(
    reading: Application, operation: Operation, parameter: Parameter, declared: Filter
) -> None:
    every = rows(reading, operation)
    values = {row[declared.shown] for row in every}

    assert len(values) > 1
    for value in values:
        kept = rows(reading, operation, **{parameter.name: value})
        assert kept == [row for row in every if row[declared.shown] == value]


def test_few_filters_are_left_to_functions() -> None:
    left = {p.name for _, p, f in PARAMETERS if f.by}

    assert left == {
        "allowed_customer_uuid", "attributes", "can_admin", "can_manage", "compliance_status",
        "conceal_finished_projects", "is_staff", "is_support", "owned_by_current_user",
        "project_uuid", "user_has_consent", "user_has_offering_user", "user_uuid",
    }  # fmt: skip


# Effects

#: Calls of the recorded story, and what must go before some of them.
STEPS = {step.operation_id: step for step in STORY}
BEFORE = {
    "marketplace_service_providers_update_user": ["marketplace_service_providers_add_user"],
    "marketplace_service_providers_delete_user": ["marketplace_service_providers_add_user"],
}
by_id = pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.id)


def effect(operation: Operation) -> Effect:
    assert operation.effect is not None
    return operation.effect


def play(application: Application, operation_id: str) -> tuple[Step, Response]:
    """Perform a call of the story in a fresh world, after what it needs."""
    for needed in BEFORE.get(operation_id, ()):
        assert send(application, SPEC.operation(needed), STEPS[needed]).status < 300
    step = STEPS.get(operation_id)
    if step is None:
        # Nobody can delete a provider that still sells something: take a new one.
        _, made = play(application, "marketplace_service_providers_create")
        step = Step(operation_id, at=orjson.loads(made.body)["uuid"])
    return step, send(application, SPEC.operation(operation_id), step)


def content(state: State) -> dict[str, dict[str, Any]]:
    return {
        name: {str(key): dict(record) for key, record in state.records(name).items()}
        for name in SPEC.resources
    }


@by_id
def test_the_same_call_does_again_what_is_said(application: Make, operation: Operation) -> None:
    server = application(strict=True)
    step, first = play(server, operation.id)
    assert first.status == operation.success.status, first.body
    before = content(server.store.state)
    second = send(server, operation, step)
    has_changed = content(server.store.state) != before

    expected = {"same": (True, False), "refused": (False, False), "again": (True, True)}
    assert (second.status == first.status, has_changed) == expected[effect(operation).repeat]
    assert second.status < 500


@by_id
def test_what_is_created_can_be_taken_back_or_says_that_it_cannot(operation: Operation) -> None:
    said = effect(operation)
    kept = {
        name
        for name in said.creates
        if not any(
            other == name and rule == "cascade"
            for (other, _), rule in SPEC.resources[operation.resource].on_delete.items()
        )
    }
    is_rewritten = operation.verb in ("update", "partial_update")

    assert said.undo or said.lasting or is_rewritten or not kept


UNDONE = [each for each in WRITES if effect(each).undo]


@pytest.mark.parametrize("operation", UNDONE, ids=lambda operation: operation.id)
def test_undoing_takes_back_what_was_created(application: Make, operation: Operation) -> None:
    server = application(strict=True)
    before = content(server.store.state)
    step, made = play(server, operation.id)
    undo = SPEC.operation(effect(operation).undo)
    at = orjson.loads(made.body).get("uuid", step.at)
    answer = send(server, undo, Step(undo.id, at=at, body=step.body if undo.body else None))
    after = content(server.store.state)

    assert answer.status == undo.success.status
    for name in SPEC.resources:
        # What is not gone is history: it says that it is over.
        left = [record for key, record in after[name].items() if key not in before[name]]
        marks = effect(undo).sets.get(name, {})
        assert not left or marks, name
        assert all(record[field] == mark for record in left for field, mark in marks.items())
        assert {key: after[name].get(key) for key in before[name]} == before[name]


def reaches(
    application: Application, operation: Operation, record: Mapping[str, Any], refusal: Refusal
) -> bool:
    """Tell whether a record is in a state that is refused."""
    api = application.api
    paths = Paths(api.spec.resources, api.pack.functions)
    scope: Any = type("Scope", (), {"store": application.store.read()})
    for text, values in refusal.when.items():
        path = paths.compile(api.spec.resources[operation.resource], text, "here")
        found = path.reach(record, scope)
        if path.resource is not None:
            found = [bool(found)]
        if not any(value in values for value in found):
            return False
    return True


REFUSED = [(each, refusal) for each in WRITES for refusal in effect(each).refuses]


@pytest.mark.parametrize(
    ("operation", "refusal"), REFUSED, ids=[f"{o.id}:{','.join(r.when)}" for o, r in REFUSED]
)
def test_a_call_is_refused_in_the_states_that_are_said(
    application: Make, operation: Operation, refusal: Refusal
) -> None:
    server = application(strict=True)
    tried = 0
    for record in list(server.store.read().all(operation.resource)):
        before = server.store.state
        if not reaches(server, operation, record, refusal):
            continue
        step = STEPS.get(operation.id, Step(operation.id))
        answer = send(server, operation, replace(step, at=record["uuid"]))
        assert answer.status == refusal.status, (record["uuid"], answer.body)
        assert server.store.state is before
        tried += 1

    assert tried


def test_what_a_call_sets_is_watched(application: Make) -> None:
    server = application()
    bound = server.api.operations["marketplace_plans_archive"]
    told = replace(effect(bound.operation), sets={"plan": {"archived": False}})
    wrong = replace(bound, operation=replace(bound.operation, effect=told))
    with server.store.transaction() as transaction:
        plan = transaction.get("plan", SAMPLE.replace("-", ""))
        assert plan is not None
        transaction.replace("plan", plan, archived=True)

        effects.check_effect(bound, transaction)
        with pytest.raises(ResponseDefect, match="left archived of plan other than"):
            effects.check_effect(wrong, transaction)
