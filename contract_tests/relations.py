"""Claims about answers, as data: what is selected, and how it must relate."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol, TypeAlias

from contract_tests import meaning
from contract_tests.wire import ABSENT, Received

#: What an expression of a claim is written as; see `evaluate`.
Expr: TypeAlias = Mapping[str, Any]
#: {"relation", "left", "right", …}; see RELATIONS.
Claim: TypeAlias = Mapping[str, Any]
_SHORT: Final = 160
#: A target and its parameters in a Link header; a comma in quotes does not end them.
_TARGET: Final = re.compile(r'<([^>]*)>((?:[^,"]|"[^"]*")*)')
_REL: Final = re.compile(r';\s*rel\s*=\s*"?([^";]+)"?', re.IGNORECASE)


class Answered(Protocol):
    """An answer as expressions see it: parsed, with its rows."""

    @property
    def received(self) -> Received:
        """The raw answer."""
        ...

    @property
    def data(self) -> Any:
        """The parsed body."""
        ...

    @property
    def rows(self) -> list[Any]:
        """The rows of a list; [] elsewhere."""
        ...

    @property
    def key(self) -> str:
        """The property that identifies a row."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """How a claim failed: texts for people, and a shape that has no values in it."""

    expected: str
    actual: str
    shape: str


def const(value: Any) -> Expr:
    """Write a literal."""
    return {"const": value}


def length(expr: Expr) -> Expr:
    """Write how many there are in a list."""
    return {"length": expr}


def list_of(*exprs: Expr) -> Expr:
    """Write a list of single values."""
    return {"list": list(exprs)}


def plus(expr: Expr, number: int) -> Expr:
    """Write an expression a number more."""
    return {"plus": [expr, number]}


def join(*parts: Expr) -> Expr:
    """Write lists one after the other."""
    return {"join": list(parts)}


def meet(left: Expr, right: Expr) -> Expr:
    """Write what two lists share, in the order of the first."""
    return {"meet": [left, right]}


def minus(left: Expr, right: Expr) -> Expr:
    """Write what the first list has and the second has not."""
    return {"minus": [left, right]}


def evaluate(expr: Expr, replies: Mapping[int, Answered]) -> Any:
    """
    Return the value of an expression.

    {"const": v} | {"list": [e…]} | {"plus": [e, n]} | {"length": e} | {"first": e} |
    {"join": [e…]} | {"meet": [a, b]} | {"minus": [a, b]} | {"of": step, "at": what, "name"?,
    "where"?,
    "names"?, "without"?, "only"?}, where `what` is one of status, media, header, link, body,
    ids, column, columns, rows, keys, count, raw. LookupError when the step has no such thing.
    """
    if "const" in expr:
        return expr["const"]
    if "of" in expr:
        return _select(expr, replies[expr["of"]])
    if "plus" in expr:
        inner = evaluate(expr["plus"][0], replies)
        return ABSENT if inner is ABSENT else int(inner) + expr["plus"][1]
    if "length" in expr:
        return len(evaluate(expr["length"], replies))
    if "first" in expr:
        return next(iter(evaluate(expr["first"], replies)), ABSENT)
    return _combine(expr, replies)


def _combine(expr: Expr, replies: Mapping[int, Answered]) -> list[Any]:
    """Return a list made of others."""
    (word, parts) = next(iter(expr.items()))
    found = [evaluate(part, replies) for part in parts]
    if word == "list":
        return found
    if word == "join":
        return [each for part in found for each in part]
    held = {text_of(each) for each in found[1]}
    return [each for each in found[0] if (text_of(each) in held) is (word == "meet")]


def steps_of(claim: Any) -> set[int]:
    """Return the numbers of the steps a claim or an expression speaks of."""
    if isinstance(claim, Mapping):
        found = {claim["of"]} if isinstance(claim.get("of"), int) else set()
        return found.union(*(steps_of(v) for k, v in claim.items() if k != "const"))
    if isinstance(claim, (list, tuple)):
        return set().union(*(steps_of(each) for each in claim))
    return set()


_WHOLE: Final[Mapping[str, Callable[[Received], Any]]] = {
    "status": lambda received: received.status,
    "media": lambda received: received.media_type,
    "raw": lambda received: received.body.decode("utf-8", "replace"),
}


def _select(expr: Expr, reply: Answered) -> Any:
    at = expr["at"]
    if at in ("ids", "column", "columns", "rows", "count", "keys"):
        return _select_rows(expr, reply)
    if at == "header":
        return reply.received.headers.get(expr["name"].lower(), ABSENT)
    if at == "link":
        return _link(expr, reply)
    if at in _WHOLE:
        return _WHOLE[at](reply.received)
    return _trim(meaning.point(reply.data, expr.get("name", "")), expr)


def _link(expr: Expr, reply: Answered) -> Any:
    """Return where a page link leads: of a header (RFC 8288), or of a member of the body."""
    if "member" in expr:
        found = meaning.point(reply.data, expr["member"])
        return ABSENT if found is None else found
    text = reply.received.headers.get(expr["header"].lower(), "")
    for target, rest in _TARGET.findall(text):
        for rels in _REL.findall(rest):
            if expr["name"] in rels.lower().split():
                return target
    return ABSENT


def _select_rows(expr: Expr, reply: Answered) -> Any:
    rows = reply.rows
    if "where" in expr:
        rows = [row for row in rows if meaning.passes(row, expr["where"]) is True]
    if expr["at"] == "ids":
        return [meaning.point(row, f"/{reply.key}") for row in rows]
    if expr["at"] == "column":
        return [meaning.point(row, expr["name"]) for row in rows]
    if expr["at"] == "columns":
        return [[meaning.point(row, name) for name in expr["names"]] for row in rows]
    if expr["at"] == "count":
        return len(rows)
    if expr["at"] == "keys":
        found = rows if isinstance(reply.data, list) or rows else [reply.data]
        return [sorted(row) if isinstance(row, Mapping) else ABSENT for row in found]
    return [_trim(row, expr) for row in rows]


def _trim(value: Any, expr: Expr) -> Any:
    if not isinstance(value, Mapping):
        return value
    if "only" in expr:
        return {name: value[name] for name in expr["only"] if name in value}
    if "without" in expr:
        return {name: inner for name, inner in value.items() if name not in expr["without"]}
    return value


def check(claim: Claim, replies: Mapping[int, Answered]) -> Difference | None:
    """Return how a claim fails, or None when it holds."""
    left = evaluate(claim["left"], replies)
    right = evaluate(claim["right"], replies) if "right" in claim else None
    return RELATIONS[claim["relation"]](left, right, claim)


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal: numbers by value, everything else exactly."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def text_of(value: Any) -> str:
    """Return a value as JSON with its keys in order: equal values, equal texts."""
    return json.dumps(value, sort_keys=True, default=repr, ensure_ascii=False)


def show(value: Any) -> str:
    """Return a value as a short text."""
    text = "nothing" if value is ABSENT else text_of(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _equal(left: Any, right: Any, claim: Claim) -> Difference | None:
    if same(left, right):
        return None
    pointer = _first_difference(left, right, "")
    shape = f"differs at {_shapeless(pointer)}" if pointer else "differs"
    if pointer:
        a, b = meaning.point(left, pointer), meaning.point(right, pointer)
        return Difference(f"{pointer} = {show(b)}", f"{pointer} = {show(a)}", shape)
    return Difference(show(right), show(left), shape)


def _first_difference(left: Any, right: Any, pointer: str) -> str:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in sorted({*left, *right}):
            if name not in left or name not in right or not same(left[name], right[name]):
                step = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
                return _first_difference(left.get(name, ABSENT), right.get(name, ABSENT), step)
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            if not same(a, b):
                return _first_difference(a, b, f"{pointer}/{index}")
    return pointer


def _shapeless(pointer: str) -> str:
    return "/".join("*" if step.isdigit() else step for step in pointer.split("/"))


def _unequal(left: Any, right: Any, claim: Claim) -> Difference | None:
    if not same(left, right):
        return None
    return Difference(f"anything but {show(right)}", show(left), "is the same")


def _same_set(left: Any, right: Any, claim: Claim) -> Difference | None:
    return _bags(left, right, may_lack=False, may_add=False)


def _subset(left: Any, right: Any, claim: Claim) -> Difference | None:
    return _bags(left, right, may_lack=True, may_add=False)


def _superset(left: Any, right: Any, claim: Claim) -> Difference | None:
    return _bags(left, right, may_lack=False, may_add=True)


def _bags(left: Any, right: Any, *, may_lack: bool, may_add: bool) -> Difference | None:
    a, b = Counter(map(text_of, left)), Counter(map(text_of, right))
    extra, missing = list((a - b).elements()), list((b - a).elements())
    said = []
    if extra and not may_add:
        said.append("unexpected")
    if missing and not may_lack:
        said.append("missing")
    if not said:
        return None
    actual = f"{len(left)} of them"
    if "unexpected" in said:
        actual += f", unexpected {_listed(extra)}"
    if "missing" in said:
        actual += f", missing {_listed(missing)}"
    return Difference(f"{len(right)} of them", actual, "+".join(said))


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(text[:60] for text in texts[:3]) + more


def _disjoint(left: Any, right: Any, claim: Claim) -> Difference | None:
    shared = set(map(text_of, left)) & set(map(text_of, right))
    if not shared:
        return None
    return Difference("nothing in common", f"both have {_listed(sorted(shared))}", "overlap")


def _among(left: Any, right: Any, claim: Claim) -> Difference | None:
    if any(same(left, each) for each in right):
        return None
    expected = " or ".join(show(each) for each in right)
    return Difference(expected, show(left), f"{_shape_of(left)} is not among the allowed")


def _shape_of(value: Any) -> str:
    return str(value) if isinstance(value, int) and 100 <= value < 600 else type(value).__name__


def _not_among(left: Any, right: Any, claim: Claim) -> Difference | None:
    if not any(same(left, each) for each in right):
        return None
    return Difference(f"none of {show(right)}", show(left), "is among the forbidden")


def _sorted(left: Any, right: Any, claim: Claim) -> Difference | None:
    keys = claim["by"]
    # What cannot be placed itself must not hide that its neighbours are misplaced.
    for a, b in pairwise(row for row in left if meaning.is_clear(row, keys[0])):
        if meaning.compare(a, b, keys) > 0:
            shown = [[meaning.point(row, key["at"]) for key in keys] for row in (a, b)]
            way = ", ".join(f"{k['at'][1:]} {'down' if k.get('desc') else 'up'}" for k in keys)
            return Difference(
                f"rows by {way}", f"{show(shown[0])} before {show(shown[1])}", "order"
            )
    return None


def _each(left: Any, right: Any, claim: Claim) -> Difference | None:
    """Hold every row against a test; rows that do not show enough pass."""
    for row in left:
        if meaning.passes(row, claim["test"]) is False:
            return Difference(_said(claim["test"]), show(_witness(row, claim["test"])), "row fails")
    return None


def _none(left: Any, right: Any, claim: Claim) -> Difference | None:
    for row in left:
        if meaning.passes(row, claim["test"]) is True:
            return Difference(f"no row with {_said(claim['test'])}", show(row), "row passes")
    return None


def _said(test: meaning.Test) -> str:
    if "any" in test:
        return " or ".join(_said(each) for each in test["any"])
    if "all" in test:
        return " and ".join(_said(each) for each in test["all"])
    if "not" in test:
        return f"not {_said(test['not'])}"
    return f"{test['at']} {test['lookup']} {show(test['value'])}"


def _witness(row: Any, test: meaning.Test) -> Any:
    pointers = test.get("at", [])
    names = [pointers] if isinstance(pointers, str) else pointers
    return {name: meaning.point(row, name) for name in names} or row


def _has(left: Any, right: Any, claim: Claim) -> Difference | None:
    missing = [name for name in right if name not in (left or {})]
    return Difference(f"with {show(right)}", f"lacks {show(missing)}", "lacks") if missing else None


def _greater(left: Any, right: Any, claim: Claim) -> Difference | None:
    kind = claim.get("kind", "number")
    try:
        if meaning.read(left, kind) > meaning.read(right, kind):
            return None
    except (ValueError, TypeError):
        pass
    return Difference(f"more than {show(right)}", show(left), "not greater")


def _present(left: Any, right: Any, claim: Claim) -> Difference | None:
    return Difference("a value", "nothing", "absent") if left is ABSENT else None


def _absent(left: Any, right: Any, claim: Claim) -> Difference | None:
    return None if left is ABSENT else Difference("nothing", show(left), "present")


def _distinct(left: Any, right: Any, claim: Claim) -> Difference | None:
    twice = [text for text, count in Counter(map(text_of, left)).items() if count > 1]
    if not twice:
        return None
    return Difference("each of them once", f"more than once {_listed(twice)}", "repeated")


def _empty(left: Any, right: Any, claim: Claim) -> Difference | None:
    if not left:
        return None
    return Difference("nothing", f"{len(left)} of them: {show(left)}", "not empty")


#: Every relation a claim can state.
RELATIONS: Final[Mapping[str, Callable[[Any, Any, Claim], Difference | None]]] = {
    "equal": _equal,
    "unequal": _unequal,
    "same_set": _same_set,
    "subset": _subset,
    "superset": _superset,
    "disjoint": _disjoint,
    "among": _among,
    "not_among": _not_among,
    "sorted": _sorted,
    "each": _each,
    "none": _none,
    "has": _has,
    "greater": _greater,
    "present": _present,
    "absent": _absent,
    "distinct": _distinct,
    "empty": _empty,
}
