"""Choose the values that tell a right filter from a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from contract_tests.columns import held
from contract_tests.meaning import kind_of, passes
from contract_tests.scene import Scene, pointers
from contract_tests.testing_filters import (
    PARTIAL,
    RANGES,
    Expected,
    test_of,
    value_schema,
)
from mockserver.operation import Parameter, Schema, types_of

_TRIES: Final = 14
_ROWS: Final = 120
_FOLDED: Final = frozenset({"icontains", "iexact", "folded"})
_WORD: Final = re.compile(r"[A-Za-z0-9]{4,}")


def kind(parameter: Parameter) -> str:
    """Return what kind of values a filter takes; "choice" where they are listed."""
    if words(parameter):
        return "choice"
    return kind_of(value_schema(parameter))


def words(parameter: Parameter) -> list[str]:
    """Return the words that a filter knows, where they are listed."""
    schema = value_schema(parameter)
    if "boolean" in types_of(schema):
        return []
    parts = [schema, *schema.get("anyOf", ())]
    return [str(word) for part in parts for word in part.get("enum", ()) if word is not None]


def lookup(parameter: Parameter) -> str:
    """Return how a filter compares; of several ways, the loosest."""
    declared = parameter.filter
    if declared is None or not declared.any:
        return declared.lookup if declared else ""
    names = [way.lookup for way in declared.any if way.fields]
    return next((name for name in names if name in PARTIAL), names[0] if names else "exact")


def is_text(parameter: Parameter) -> bool:
    """Tell whether a filter takes any text."""
    declared = parameter.filter
    return kind(parameter) == "text" and declared is not None and declared.lookup != "link"


def counts(scene: Scene, found: Expected) -> tuple[int, int]:
    """Return how many rows must be kept, and how many must not."""
    rows = scene.rows[:_ROWS]
    kept = sum(passes(row, found.keeps) is True for row in rows)
    lost = sum(passes(row, found.drops) is True for row in rows) if found.drops else 0
    return kept, lost


def telling(scene: Scene, parameter: Parameter, texts: Iterable[str]) -> list[str]:
    """Return the values that keep some rows and drop some, the most even first."""
    ranked = []
    for place, text in enumerate(list(dict.fromkeys(texts))[:_TRIES]):
        found = test_of(scene, parameter, [text])
        if found is None:
            continue
        kept, lost = counts(scene, found)
        if kept and (lost or not found.drops):
            ranked.append((-min(kept, lost or 1), place, text))
    return [text for _, _, text in sorted(ranked)]


def main_values(scene: Scene, parameter: Parameter) -> list[str]:
    """Return values worth asking for, the most telling first; [] when rows show none."""
    declared = parameter.filter
    if declared is None:
        return []
    if kind(parameter) == "boolean":
        return ["true", "false"]
    texts = spread(held(scene, parameter))
    if declared.values == "comma":
        texts = [text for text in texts if "," not in text]
    if kind(parameter) == "choice":
        allowed = words(parameter)
        texts = [text for text in texts if text in allowed] or allowed
    if lookup(parameter) in RANGES:
        texts = sorted(texts, key=lambda text: (_number(text) or 0, text))
    found = telling(scene, parameter, _written(parameter, texts))
    return found or telling(scene, parameter, texts)


def admits_zero(parameter: Parameter) -> bool:
    """Tell whether a filter may be asked for zero."""
    schema = value_schema(parameter)
    if parameter.filter is not None and parameter.filter.choices:
        return False
    return bool(schema.get("minimum", 0) <= 0 <= schema.get("maximum", 0))


def spread(texts: Sequence[str]) -> list[str]:
    """Return a few of many, from all over."""
    if len(texts) <= _TRIES:
        return list(texts)
    return [texts[index * len(texts) // _TRIES] for index in range(_TRIES)]


def _written(parameter: Parameter, texts: Iterable[str]) -> Iterator[str]:
    """Yield texts as a filter may be asked for them: a part, in other letters, a beginning."""
    name = lookup(parameter)
    for text in texts:
        if kind(parameter) == "text" and name in PARTIAL:
            part = inside(text)
            yield part.swapcase() if name in _FOLDED else part
        elif kind(parameter) == "text" and name == "iexact":
            yield text.swapcase() if text.isascii() else text
        elif kind(parameter) == "text" and name == "startswith":
            yield text[:3].strip() or text
        else:
            yield text


def inside(text: str) -> str:
    """Return a part of a text that is not its beginning, where that can be."""
    words = sorted(_WORD.findall(text), key=len, reverse=True)
    return words[0][1:-1][:8] if words else text


def swapped(text: str) -> str:
    """Return a text in other letters; "" when that changes nothing."""
    other = text.swapcase()
    return other if text.isascii() and other != text else ""


def wild(scene: Scene, parameter: Parameter) -> str:
    """Return a value that only a pattern would match: % and _ stand for themselves."""
    for text in held(scene, parameter)[:_TRIES]:
        name = lookup(parameter)
        whole = inside(text) if name in PARTIAL else text
        if len(whole) < 2 or not whole.isascii() or "," in whole:
            continue
        value = f"{whole[0]}_{whole[2:]}%"
        found = test_of(scene, parameter, [value])
        if found is not None and counts(scene, found)[0] == 0:
            return value
    return ""


def foreign(scene: Scene, parameter: Parameter, most: int) -> list[str]:
    """Return values of other fields, which this filter must not find in the rows that hold them."""
    found: list[str] = []
    for name in _other_texts(scene, parameter):
        at = next(pointers(scene.view, name), None)
        if at is None:
            continue
        for row in scene.rows[:_ROWS]:
            value = row.get(at[0][1:])
            text = _foreign(scene, parameter, value, row)
            if text and text not in found:
                found.append(text)
                break
        if len(found) >= most:
            break
    return found


def _other_texts(scene: Scene, parameter: Parameter) -> list[str]:
    declared = parameter.filter
    used = set(declared.fields) if declared else set()
    used |= {path for way in declared.any for path in way.fields} if declared else set()
    own = [
        field.name
        for field in scene.resource.fields.values()
        if kind_of(field.schema) == "text" and "enum" not in field.schema
    ]
    shown = [each.path for each in scene.view.values() if each.source == "field"]
    near = [path for path in shown if "." in path and kind_of(_shown(scene, path)) == "text"]
    return [name for name in dict.fromkeys([*own, *near]) if name not in used and name in shown]


def _shown(scene: Scene, path: str) -> Schema:
    found = next(pointers(scene.view, path), None)
    return found[1].schema if found else {}


def _foreign(scene: Scene, parameter: Parameter, value: Any, row: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return ""
    declared = parameter.filter
    text = inside(value) if lookup(parameter) in PARTIAL else value
    if len(text) > _ROWS or text.strip() != text or (
        declared is not None and declared.values == "comma" and "," in text
    ):  # fmt: skip
        return ""
    found = test_of(scene, parameter, [text])
    is_out = found is not None and found.drops is not None and passes(row, found.drops) is True
    return text if is_out else ""


def edges(scene: Scene, parameter: Parameter) -> list[str]:
    """Return bounds where a wrong comparison shows: beside existing values, and by digits."""
    texts = held(scene, parameter)
    found = [near for text in spread(sorted(texts)) if (near := _near(parameter, text))]
    near_by = telling(scene, parameter, found)[:1]
    digits = _by_digits(scene, parameter, texts)
    return [*digits, *near_by]


def _near(parameter: Parameter, text: str) -> str:
    """Return the value just below one, or just above where the bound is a lower one."""
    name, step = lookup(parameter), 1 if lookup(parameter) in ("gt", "gte") else -1
    if name not in RANGES:
        return ""
    try:
        if kind(parameter) == "number":
            return str(int(text) + step)
        if kind(parameter) == "date":
            return (date.fromisoformat(text[:10]) + timedelta(days=step)).isoformat()
        moved = datetime.fromisoformat(text) + timedelta(hours=step)
        return moved.isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return ""


def _by_digits(scene: Scene, parameter: Parameter, texts: Sequence[str]) -> list[str]:
    """Return a number whose place among others is not that of its digits."""
    numbers = [n for text in texts if (n := _number(text)) is not None]
    if kind(parameter) != "number" or not numbers:
        return []
    for candidate in ("9", "99", "2", "999", "5"):
        bound = Decimal(candidate)
        if any((n < bound) is not (str(n) < candidate) for n in numbers if n != bound):
            return [candidate]
    return []


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
