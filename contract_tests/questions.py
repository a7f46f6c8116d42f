"""Questions to a list that a record with known values must be an answer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract_tests.meaning import kind_of
from mockserver.operation import Operation, Parameter

_LOOKUPS: Final = frozenset({"exact", "iexact", "in", "contains", "icontains", "startswith"})


@dataclass(frozen=True, slots=True)
class Question:
    """A query parameter and its value."""

    name: str
    text: str


def of(lister: Operation, known: Mapping[str, Any]) -> Iterator[Question]:
    """Yield what can be asked of a list about known values, by dotted path."""
    for parameter in lister.parameters:
        found = parameter.filter
        if found is None or parameter.place != "query" or found.by or found.any:
            continue
        is_plain = len(found.fields) == 1 and found.lookup in _LOOKUPS and found.only is None
        value = known.get(found.fields[0]) if is_plain else None
        if value is not None and (text := _text(parameter, value)):
            yield Question(parameter.name, text)


def _text(parameter: Parameter, value: Any) -> str:
    """Return a value as a query has it; "" when it cannot be asked for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    is_number = kind_of(parameter.schema) == "number" and isinstance(value, int)
    if is_number:
        return str(value)
    is_fit = isinstance(value, str) and value.isascii() and value == value.strip()
    return value if is_fit and "," not in value and len(value) < 200 else ""
