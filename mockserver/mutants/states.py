"""Change what an operation leaves behind in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from mockserver.app import Exchange
from mockserver.json_types import JSON, Key, Record
from mockserver.mutants.planting import Defect, Turn, at, refused
from mockserver.operation import Field, Resource, format_of, types_of
from mockserver.store import State, Store, Transaction


@dataclass(frozen=True, slots=True)
class Difference:
    """One record before and after a write; None where there was or is none."""

    resource: str
    key: Key
    old: Record | None
    new: Record | None


def differences(before: State, after: State) -> Iterator[Difference]:
    """Yield the records that two states do not share, in a fixed order."""
    for resource in sorted({*before.tables, *after.tables}):
        one, two = before.records(resource), after.records(resource)
        if one is two:
            continue
        for key in sorted({*one, *two}, key=str):
            if one.get(key) is not two.get(key):
                yield Difference(resource, key, one.get(key), two.get(key))


def after(
    operation: str,
    change: Callable[[Transaction, Turn], None],
    *,
    of: Callable[[int], bool] = lambda status: 200 <= status < 300,
) -> Defect:
    """Return the defect of an operation that leaves another state behind."""

    def answer(turn: Turn) -> Exchange:
        exchange = turn.ask()
        if of(exchange.response.status):
            with turn.store.transaction() as transaction:
                change(transaction, turn)
        return exchange

    return at(operation, answer)


def after_refusal(operation: str, change: Callable[[Transaction, Turn], None]) -> Defect:
    """Return the defect of an operation whose refusals leave something behind."""
    return after(operation, change, of=refused)


def undone(operation: str, when: Callable[[Turn], bool] = lambda turn: True) -> Defect:
    """Return the defect of an operation that answers as if it had written."""

    def answer(turn: Turn) -> Exchange:
        does_forget = when(turn)
        exchange = turn.ask()
        if does_forget:
            turn.store.restore(turn.before)
        return exchange

    return at(operation, answer)


def put(transaction: Transaction, resource: Resource, record: Record) -> None:
    """Store a record, whether there is one of its key or not."""
    held = transaction.get(resource.name, record[resource.key])
    if held is None:
        transaction.insert(resource.name, record)
    else:
        transaction.replace(resource.name, held, **record)


def drop(store: Store, resource: str, key: Key) -> None:
    """Take one record away, without any of its rules."""
    free = {name: _ruleless(kind) for name, kind in store.resources.items()}
    transaction = Transaction(free, store.state)
    record = transaction.get(resource, key)
    if record is not None:
        transaction.remove(resource, record)
        store.restore(transaction.commit())


def _ruleless(resource: Resource) -> Resource:
    return replace(resource, on_delete={})


def new_key(transaction: Transaction, resource: Resource) -> Key:
    """Return a key that no record has."""
    serial = transaction.next_serial(resource.name)
    if resource.has_integer_key:
        return serial
    return hashlib.sha256(f"{resource.name}/{serial}".encode()).hexdigest()[:32]


def twin(transaction: Transaction, resource: Resource, record: Record) -> None:
    """Store a copy of a record under a key of its own."""
    key = new_key(transaction, resource)
    transaction.insert(resource.name, {**record, resource.key: key})


def plain_fields(resource: Resource) -> list[Field]:
    """Return the stored fields that hold values of their own: no key, no relation."""
    return [
        field
        for field in resource.fields.values()
        if field.is_stored and field.name != resource.key and field.name not in resource.relations
    ]


def fields_of_kind(resource: Resource, *kinds: str) -> list[Field]:
    """Return the plain fields of some kinds: text, boolean, integer, number, instant."""
    return [f for f in plain_fields(resource) if kind_of(f.schema) in kinds]


def kind_of(schema: Any) -> str:
    """Return the kind of value a schema describes, in one word; "" for none in particular."""
    form, types = format_of(schema), types_of(schema)
    forms = {"date-time": "instant", "date": "date", "uuid": "uuid", "uri": "uri"}
    if form in forms:
        return forms[form]
    if form == "decimal":
        return "decimal"
    if "enum" in schema:
        return "choice"
    names = ("array", "object", "boolean", "integer", "string", "number")
    found = next((name for name in names if name in types), "")
    return "text" if found == "string" else found


def other_value(schema: Any, value: JSON) -> JSON:
    """Return another value that the schema of a stored field admits, or the same one."""
    kind = kind_of(schema)
    if kind == "choice":
        return next((word for word in schema["enum"] if word not in (value, None)), value)
    if kind in _OTHERS:
        return next(other for other in _OTHERS[kind] if other != value)
    if kind in ("integer", "number"):
        return _other_number(schema, value)
    if kind == "text":
        return _other_text(value or "", schema)
    return [] if value and isinstance(value, list) else value


#: Two values of a kind; one of them is always another one.
_OTHERS: Final = {
    "boolean": (True, False),
    "instant": ("2001-02-03T04:05:06Z", "2002-03-04T05:06:07Z"),
    "date": ("2001-02-03", "2002-03-04"),
    "decimal": ("4711.0000000000", "4712.0000000000"),
}


def _other_number(schema: Any, value: JSON) -> JSON:
    if value is None:
        return schema.get("minimum", 1)
    return value + 1 if value + 1 <= schema.get("maximum", value + 1) else value - 1


def _other_text(value: str, schema: Any) -> str:
    longest = schema.get("maxLength", len(value) + 1)
    return (
        f"{value}x" if len(value) < longest else f"{value[:-1]}{'y' if value[-1] == 'x' else 'x'}"
    )
