"""Show live things as the records that the document describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mockserver import links, values
from mockserver.api import Api
from mockserver.faults import Faults, Rule
from mockserver.fixtures import Persona
from mockserver.json_types import JSON, Record
from mockserver.operation import Field, Resource, format_of, is_nullable, types_of
from mockserver.session import Session, Snapshot
from mockserver.store import State

#: Fields that humans call a record by, the best first.
_NAMES: Final = ("name", "title", "full_name", "username", "slug", "email")


def session_row(session: Session, base_url: str) -> Record:
    """Return a session in figures."""
    return {
        "name": session.name,
        "scenario": session.scenario.name,
        "seed": session.seed,
        "now": values.write_instant(session.now()),
        "clock": session.clock.text,
        "records": size(session.state),
        "requests": len(session.journal),
        "snapshots": len(session.snapshots),
        "faults": len(session.faults.rules),
        "undoable": session.undoable,
        "base_url": base_url,
    }


def size(state: State) -> int:
    """Return how many records there are, of all resources."""
    return sum(len(table.records) for table in state.tables.values())


def snapshot_row(name: str, snapshot: Snapshot) -> Record:
    """Return what a snapshot holds, in figures."""
    return {
        "name": name,
        "at": values.write_instant(snapshot.at),
        "scenario": snapshot.scenario.name,
        "records": size(snapshot.state),
    }


def persona_row(persona: Persona, api: Api, state: State) -> Record:
    """Return a persona, and what its user is called."""
    rules = api.conventions["auth"]
    user = None
    if rules:
        tokens = api.spec.resources[rules["tokens"]]
        users = api.spec.resources[tokens.relations[rules["user"]].to]
        found = state.records(users.name).get(persona.user)
        user = None if found is None else label(users, found)
    return {
        "name": persona.name,
        "token": persona.token,
        "description": persona.description,
        "user": user,
    }


def resource_row(resource: Resource, state: State) -> Record:
    """Return a resource with its fields, and how many records it has."""
    required = frozenset(resource.schema.get("required") or ())
    return {
        "name": resource.name,
        "title": resource.title,
        "key": resource.key,
        "count": len(state.records(resource.name)),
        "fields": [
            _field(each, resource, is_required=name in required)
            for name, each in resource.fields.items()
        ],
    }


def _field(field: Field, resource: Resource, *, is_required: bool) -> Record:
    relation = resource.relations.get(field.name)
    schema = field.schema
    shown: dict[str, JSON] = {
        "name": field.name,
        "types": list(types_of(schema)) or (["null"] if is_nullable(schema) else []),
        "is_stored": field.is_stored,
        "is_required": is_required,
        "to": relation.to if relation is not None and relation.is_stored else None,
    }
    if form := format_of(schema):
        shown["format"] = form
    if "enum" in schema:
        shown["enum"] = list(schema["enum"])
    return shown


def record_rows(resource: Resource, state: State, home: str) -> Iterator[Record]:
    """Yield the records of a resource by key; `home` is where the API is."""
    records = state.records(resource.name)
    for position, key in enumerate(sorted(records), start=1):
        yield record_row(resource, records[key], home, position)


def record_row(resource: Resource, record: Record, home: str, position: int = 1) -> Record:
    """Return one record with all that is stored of it."""
    key = record[resource.key]
    return {
        "key": str(key),
        "resource": resource.name,
        "position": position,
        "label": label(resource, record),
        "url": links.write(home, resource, key) if resource.path else None,
        "fields": record,
    }


def label(resource: Resource, record: Record) -> str:
    """Return what a human would call a record."""
    for name in _NAMES:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
    return str(record[resource.key])


def has_text(record: Record, text: str) -> bool:
    """Tell whether a stored value holds a text, in any letter case."""
    wanted = text.casefold()
    return any(wanted in leaf.casefold() for leaf in _leaves(record))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value)


def rule_rows(faults: Faults) -> Iterator[Record]:
    """Yield fault rules in the order in which they are tried."""
    for position, rule in enumerate(faults.rules, start=1):
        yield {**rule_row(faults, rule), "position": position}


def rule_row(faults: Faults, rule: Rule) -> dict[str, JSON]:
    """Return a fault rule, and how often it was met."""
    matched, fired = faults.counted(rule.id)
    return {**rule.shown(), "matched": matched, "fired": fired}
