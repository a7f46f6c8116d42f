"""Read the lists and tables of a body, item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from mockserver.actions import Scope
from mockserver.errors import Issues
from mockserver.json_types import JSON
from mockserver.scalars import Refused, refused


class Nested(Exception):
    """Complaints about the parts of a value."""

    def __init__(self, issues: Issues) -> None:
        super().__init__()
        self.issues = issues


#: Returns the stored form of a value; raises Refused or Nested.
Reader: TypeAlias = Callable[[JSON, Scope], JSON]


def list_reader(
    read_item: Reader,
    *,
    takes_null: bool,
    is_links: bool,
    is_set: bool,
    shortest: int = 0,
    longest: int | None = None,
) -> Reader:
    """Return the reader of a list; `is_links` complains of its first bad item only."""

    def read_one(item: JSON, scope: Scope) -> JSON:
        if item is not None:
            return read_item(item, scope)
        if takes_null:
            return None
        raise refused("not_a_link", type="NoneType") if is_links else refused("null")

    def read(value: JSON, scope: Scope) -> JSON:
        if not isinstance(value, list):
            raise refused("not_a_list", type=type(value).__name__)
        if is_links:
            found = [read_one(item, scope) for item in value]
        else:
            found = list(_read_all(enumerate(value), read_one, scope).values())
        if len(value) < shortest:
            raise refused("min_items", limit=shortest)
        if longest is not None and len(value) > longest:
            raise refused("max_items", limit=longest)
        return _without_doubles(found) if is_set else found

    return read


def table_reader(read_value: Reader, takes_null: bool) -> Reader:
    """Return the reader of an object whose keys are free."""

    def read_one(item: JSON, scope: Scope) -> JSON:
        if item is None and not takes_null:
            raise refused("null")
        return None if item is None else read_value(item, scope)

    def read(value: JSON, scope: Scope) -> JSON:
        return _read_all(any_object(value, scope).items(), read_one, scope)

    return read


def any_object(value: JSON, scope: Scope) -> Mapping[str, JSON]:
    """Return an object as it is; raise Refused for anything else."""
    if not isinstance(value, Mapping):
        raise refused("not_a_dict", type=type(value).__name__)
    return value


def _read_all(items: Iterable[tuple[Any, JSON]], read: Reader, scope: Scope) -> dict[Any, JSON]:
    """Return every item in stored form; raise Nested with the complaints about each."""
    found: dict[Any, JSON] = {}
    issues: dict[str, Issues] = {}
    for name, item in items:
        try:
            found[name] = read(item, scope)
        except (Refused, Nested) as problem:
            issues[str(name)] = problem.issues
    if issues:
        raise Nested(issues)
    return found


def _without_doubles(items: list[JSON]) -> list[JSON]:
    found: list[JSON] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
