"""The lists of the documentation's provider, as staff sees them: any mistake in them would show.

A filter that is not obeyed, an order by text where numbers are meant, letter case
or nulls in the wrong place, a field that is left out or filled with another's
value: each changes an answer only if the rows are varied enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver import assembly
from mockserver.actions import Call, Scope
from mockserver.assembly import World
from mockserver.json_types import Record
from mockserver.operation import Operation, is_nullable, types_of
from mockserver.paths import UNREACHED, Path, Paths
from mockserver.store import Store
from tests.test_default_world import ALL_OR_NOTHING, SAMPLE, Asker, candidates, short

STAFF = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000001"
#: What cannot be varied, and why.
_DATES = "both are documented as never null; they are missing at the last provider only"
_CODES = "there are fewer states than ten"
_SMALL = "user names are in small letters"
_WORDS = "the server has words of its own for it"
ORDERS = {
    ("course_accounts_list", "project_end_date", "a null"): _DATES,
    ("course_accounts_list", "project_start_date", "a null"): _DATES,
    ("course_accounts_list", "state", "numbers that are no texts"): _CODES,
    ("offerings_list", "state", "numbers that are no texts"): _CODES,
    ("course_accounts_list", "username", "texts of both cases"): _SMALL,
    ("list_users_list", "username", "texts of both cases"): _SMALL,
    ("project_permissions_list", "username", "texts of both cases"): _SMALL,
    ("users_list", "username", "texts of both cases"): _SMALL,
    ("list_users_list", "role", "texts of both cases"): _WORDS,
    ("offerings_list", "type", "texts of both cases"): _WORDS,
    ("project_permissions_list", "role", "texts of both cases"): _WORDS,
    ("users_list", "registration_method", "texts of both cases"): _WORDS,
    ("users_list", "phone_number", "texts of both cases"): "numbers have no letters",
    ("users_list", "is_active", "two values"): "inactive users are hidden",
}
FIELDS = {
    ("offerings_list", "customer_uuid"): "all offerings are of the provider's customer",
    ("project_service_accounts_list", "expires_at"): "it is shown once, by the real service",
    ("project_service_accounts_list", "token"): "it is shown once, by the real service",
    ("projects_list", "is_removed"): "removed projects are out of reach",
    ("users_list", "is_active"): "inactive users are hidden",
}


class Lists:
    """The nested lists of the sample provider, with the records behind their rows."""

    def __init__(self, world: World) -> None:
        self.api = world.api
        self.asker = Asker(assembly.application(world), world, STAFF)
        self.paths = Paths(self.api.spec.resources, self.api.pack.functions, "casefold")
        self.store = Store(self.api.spec.resources, world.scenario.state).read()
        self.now = world.clock()

    def scope(self, operation: Operation) -> Scope:
        bound = self.api.operations[operation.id]
        token = self.store.get("token", STAFF)
        assert token is not None
        call = Call(
            operation=operation,
            path={operation.path_key: SAMPLE},
            query={"user_uuid": [SAMPLE]},
            now=self.now,
            new_id=str,
            random=str,
            read_body=lambda scope: {},
            user=self.store.get("user", token["user"]),
        )
        parent = self.store.get("service_provider", SAMPLE)
        return Scope(call, bound, self.store, self.api.pack.may, parent)

    def records(self, operation: Operation) -> list[Record]:
        scope = self.scope(operation)
        return [r for r in scope.bound.rows(scope) if scope.bound.is_visible(r, scope)]

    def values(self, operation: Operation, text: str) -> tuple[Path, list[Any]]:
        """Return what a path reaches from each record of a list, None for nothing."""
        path = self.paths.compile(self.api.spec.resources[operation.resource], text, "here")
        scope = self.scope(operation)
        found = [path.first(record, scope) for record in self.records(operation)]
        return path, [None if value is UNREACHED else value for value in found]


@pytest.fixture(scope="module")
def lists(world_of: Callable[[str], World]) -> Lists:
    return Lists(world_of("default"))


def nested(lists: Lists) -> list[Operation]:
    return [o for o in lists.api.spec.operations if o.verb == "list" and o.nesting is not None]


def dull_filters(lists: Lists, operation: Operation) -> Iterator[tuple[str, str]]:
    """Yield the filters of which no value keeps a part of the rows."""
    resource = lists.api.spec.resources[operation.resource]
    every = lists.asker.rows(operation.id, SAMPLE)
    for parameter in operation.parameters:
        if parameter.filter is None:
            continue
        for value in candidates(lists.asker, parameter, resource, every):
            kept = lists.asker.rows(operation.id, SAMPLE, **{parameter.name: value})
            if kept and len(kept) < len(every):
                break
        else:
            yield short(operation.id), parameter.name


def test_every_filter_can_keep_a_part_of_the_rows(lists: Lists) -> None:
    dull = {found for operation in nested(lists) for found in dull_filters(lists, operation)}

    assert dull == set(ALL_OR_NOTHING)


def lacks(path: Path, values: list[Any]) -> Iterator[str]:
    """Yield what the values of an ordering key do not have."""
    held = [value for value in values if value is not None]
    schema = path.target.schema
    if len(set(map(str, held))) < 2:
        yield "two values"
    if is_nullable(schema) and len(held) == len(values):
        yield "a null"
    is_number = bool({"integer", "number"} & set(types_of(schema)))
    is_text = "string" in types_of(schema) and not schema.get("format")
    if is_number and sorted(held) == sorted(held, key=str):
        yield "numbers that are no texts"
    if is_text and sorted(held) == sorted(held, key=str.casefold):
        yield "texts of both cases"


def dull_orders(lists: Lists, operation: Operation) -> Iterator[tuple[str, str, str]]:
    assert operation.ordering is not None
    for key, texts in operation.ordering.keys.items():
        for lack in lacks(*lists.values(operation, texts[0])):
            yield short(operation.id), key, lack


def test_every_order_differs_from_what_it_may_be_mistaken_for(lists: Lists) -> None:
    ordered = [operation for operation in nested(lists) if operation.ordering is not None]
    dull = {found for operation in ordered for found in dull_orders(lists, operation)}

    assert dull == set(ORDERS)


def dull_fields(lists: Lists, operation: Operation) -> Iterator[tuple[str, str]]:
    """Yield the fields that are the same in every row."""
    rows = lists.asker.rows(operation.id, SAMPLE)
    for name in sorted({name for row in rows for name in row}):
        if len({repr(row.get(name)) for row in rows}) < 2:
            yield short(operation.id), name


def test_every_field_has_several_values(lists: Lists) -> None:
    dull = {found for operation in nested(lists) for found in dull_fields(lists, operation)}

    assert dull == set(FIELDS)


def test_every_list_has_several_rows(lists: Lists) -> None:
    rows = {o.id: len(lists.asker.rows(o.id, SAMPLE)) for o in nested(lists)}

    assert {name for name, count in rows.items() if count < 2} == set()
