"""Odd bodies: no text and no number makes the server fail, and what it takes it keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any, Final, TypeAlias

from contract_tests import claims, inputs, making, references, standing
from contract_tests.lab import Blocked, Lab
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import effective
from contract_tests.relations import Expr, const
from contract_tests.standing import Place
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.wire import ABSENT
from contract_tests.world import World
from mockserver.operation import Operation, Schema, format_of, types_of

#: The way to a value inside a body.
Way: TypeAlias = Sequence[str | int]

#: Each of them once broke a server, or came back as something else.
_TEXTS: Final = (
    "a\0b", "\U0001f642 \U0001d4b3 beyond", "' OR 1=1 --", "line\r\nbreak\ttab",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "right \u202eto\u202c left", "e\u0301 and é", "\ufeffmark", "../../etc/passwd", "%00%ff%s%n",
    "a\u200bb\u00adc", "a\u2028sep", "\x1b[31m\x7f", "\u0130\u0131\u017f\u212a",
    "\U0001d7d8\u0661\u0662", "NaN", "[object Object]",
)  # fmt: skip
_NUMBERS: Final = (
    10**20, 2**63, -(2**63) - 1, 2**53 + 1, 2**31, 1e-7, 1.7976931348623157e308, -0.0, 10**400,
)  # fmt: skip
#: What Python would not write; a lone surrogate and a number that no double can hold.
_RAW_TEXTS: Final = ('"\\ud800"', '"\\udc00\\ud800"')
_RAW_NUMBERS: Final = ("1e999", "-1e999", "NaN", "0x10", "1_000")
_DEEP: Final = 10_000
_LONG: Final = 16 * 1024
_MARK: Final = "odd-value-goes-here"


def _takes_json(subject: Subject, operation: Operation) -> bool:
    return subject.body_schema(operation) is not None and operation.writes


def _is_text(schema: Schema) -> bool:
    is_own = not any(key in schema for key in ("enum", "const", "x-from"))
    return inputs.primary(schema) == "string" and is_own and not format_of(schema)


def _is_number(schema: Schema) -> bool:
    return inputs.primary(schema) in ("integer", "number") and not format_of(schema)


def _named(lab: Lab, operation: Operation, *, is_text: bool) -> list[str]:
    """Return the properties of a body that hold any text, or any number, of their own."""
    schema = lab.subject.body_schema(operation) or {}
    known = references.references(lab.subject, operation)
    fits = _is_text if is_text else _is_number
    return [
        name
        for name, declared in lab.subject.properties(schema).items()
        if name not in known
        and not references.admits_all(declared)
        and not declared.get("readOnly")
        and fits(declared)
    ]


def _kept(lab: Lab, operation: Operation, *, is_text: bool) -> list[str]:
    """Return those of the named properties that are written, and not checked and dropped."""
    named = _named(lab, operation, is_text=is_text)
    if operation.verb == "create" or not lab.subject.is_annotated:
        return named
    return [name for name in named if name in effective(lab.subject, operation)]


def _ways(value: Any, way: Way = ()) -> Iterator[Way]:
    """Yield the ways to the scalars in a body."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _ways(inner, (*way, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _ways(inner, (*way, index))
    else:
        yield way


def _with(body: Any, way: Way, value: Any) -> Any:
    """Return a copy of a body with another value in one place."""
    if not way:
        return value
    changed = deepcopy(body) if isinstance(body, (Mapping, list)) else {}
    at: Any = changed
    for step in way[:-1]:
        at = at[step]
    at[way[-1]] = value
    return changed


def _targets(lab: Lab, operation: Operation, body: Any, *, is_text: bool) -> list[Way]:
    """Return where odd values are put: in fitting properties, else in any value, else anywhere."""
    fitting = _named(lab, operation, is_text=is_text)
    found: list[Way] = [(name,) for name in fitting]
    if found:
        return found
    found = list(_ways(body)) if isinstance(body, Mapping) and body else []
    schema = lab.subject.body_schema(operation) or {}
    named = list(lab.subject.properties(schema)) or [lab.tag]
    return found or [(named[0],)]


def _statuses(operation: Operation) -> list[int]:
    """Return what an operation may answer to odd input: any success or refusal it describes."""
    return sorted(status for status in operation.answers if status < 500)


# Bodies


@probe("G1", safety="N", applies=_takes_json, cost=lambda subject, op, depth: 4 + depth.nasty)
def texts(lab: Lab, world: World, operation: Operation) -> None:
    """Send odd texts, and read back what was accepted."""
    _odd_values(lab, world, operation, "G1", _TEXTS, _RAW_TEXTS)


@probe("G2", safety="N", applies=_takes_json, cost=lambda subject, op, depth: 4 + depth.nasty)
def numbers(lab: Lab, world: World, operation: Operation) -> None:
    """Send odd numbers, and read back what was accepted."""
    _odd_values(lab, world, operation, "G2", _NUMBERS, _RAW_NUMBERS)


def _odd_values(
    lab: Lab,
    world: World,
    operation: Operation,
    prop: str,
    values: Sequence[Any],
    raw: Sequence[str],
) -> None:
    if standing.is_lasting(operation) and lab.mode != "destructive":
        raise Blocked("nothing takes back what it would do: only tried in mode destructive")
    with standing.place(lab, world, operation) as place:
        targets = _targets(lab, operation, place.body, is_text=prop == "G1")
        for index, value in enumerate(values[: lab.depth.nasty]):
            way = targets[index % len(targets)]
            _try(lab, operation, place, prop, (way, value))
        for index, text in enumerate(raw if lab.depth.is_full else raw[:1]):
            way = targets[index % len(targets)]
            _try_raw(lab, operation, place, prop, (way, text))
        if prop == "G1":
            _try(lab, operation, place, prop, (targets[0], "y" * _LONG))


def _try(lab: Lab, operation: Operation, place: Place, prop: str, odd: tuple[Way, Any]) -> None:
    way, value = odd
    about = str(way[0]) if len(way) == 1 else ""
    with lab.case():
        reply = lab.call(operation, place.params, body=_with(place.body, way, value))
        _answers(lab, operation, prop, reply)
        if reply.is_good:
            if about in _kept(lab, operation, is_text=prop == "G1"):
                _is_kept(lab, operation, place, prop, (about, value, reply))
            _take_away(lab, operation, reply)


def _try_raw(lab: Lab, operation: Operation, place: Place, prop: str, odd: tuple[Way, str]) -> None:
    """Send what is spelled in a way that Python would not write."""
    way, text = odd
    body = json.dumps(_with(place.body, way, _MARK)).replace(f'"{_MARK}"', text)
    with lab.case():
        reply = lab.call(operation, place.params, raw=body.encode())
        _answers(lab, operation, prop, reply)
        _take_away(lab, operation, reply)


def _answers(lab: Lab, operation: Operation, prop: str, reply: Reply) -> None:
    allowed = const(_statuses(operation))
    claim = {"relation": "among", "left": reply.status, "right": allowed}
    says = "odd values are accepted or refused, as described"
    lab.expect(prop, claim, operation=operation, says=says, key="schema")


def _take_away(lab: Lab, operation: Operation, reply: Reply) -> None:
    """Remove what a create made after all."""
    if reply.is_good and reply.step.creates:
        destroy = next(iter(lab.verbs(reply.step.creates, "destroy")), None)
        key = making.key_of(reply)
        if destroy is not None and key not in (ABSENT, None, ""):
            lab.call(destroy, making.item_params(destroy, key, reply.step.params))


def _is_kept(
    lab: Lab, operation: Operation, place: Place, prop: str, said: tuple[str, Any, Reply]
) -> None:
    """Claim that an accepted value is shown as it was sent."""
    name, value, reply = said
    shown = _read_back(lab, operation, place, name, reply)
    schema = lab.subject.properties(lab.subject.body_schema(operation) or {}).get(name, {})
    if shown is None or not _is_verbatim(schema, value):
        return
    claim = {"relation": "equal", "left": shown, "right": const(value)}
    says = "what is accepted is kept as it was sent"
    lab.expect(prop, claim, operation=operation, about=name, says=says, key="schema")


def _read_back(
    lab: Lab, operation: Operation, place: Place, name: str, reply: Reply
) -> Expr | None:
    reader = standing.reader(lab, operation.resource)
    if reader is None or (reply.step.creates and reply.step.creates != operation.resource):
        return None
    property_ = references.shown_as(lab.subject, operation, reader, name)
    key = place.own.key if place.own else making.key_of(reply)
    if not property_ or key in (ABSENT, None, ""):
        return None
    base = place.own.params if place.own else reply.step.params
    return lab.call(reader, making.item_params(reader, key, base)).body(f"/{property_}")


def _is_verbatim(schema: Schema, value: Any) -> bool:
    """Tell whether the description promises that exactly this value comes back."""
    steps = inputs.steps(schema)
    if isinstance(value, str):
        is_long = len(value) > schema.get("maxLength", len(value))
        is_meant = re.search(schema.get("pattern", ""), value) is not None
        is_marked = "html" in steps and bool(set(value) & set("<>&"))
        is_kept = set(steps) <= {"trim", "html"} and value == value.strip()
        return _is_text(schema) and is_meant and is_kept and not (is_long or is_marked)
    is_fitting = "integer" not in types_of(schema) or isinstance(value, int)
    return _is_number(schema) and not steps and is_fitting


# Bodies that are hard to read


@probe("G1", "E3", safety="N", applies=_takes_json, cost=lambda subject, op, depth: 8)
def hard_to_read(lab: Lab, world: World, operation: Operation) -> None:
    """Send bodies that are deep, that repeat a name, or that are declared as something else."""
    with standing.place(lab, world, operation) as place:
        is_empty = place.own is None and operation.verb != "create"
        refusals = [*claims.refusals(operation), *([404] if is_empty else [])] or [400]
        for label, raw in _hard(place.body):
            with lab.case():
                reply = lab.call(operation, place.params, raw=raw)
                allowed = refusals if label else _statuses(operation)
                claim = {"relation": "among", "left": reply.status, "right": const(allowed)}
                says = f"{label} is refused" if label else "a repeated name is no crash"
                lab.expect("G1", claim, operation=operation, says=says, key="schema")
                _take_away(lab, operation, reply)
        if not is_empty:
            _of_another_type(lab, operation, place)


def _hard(body: Any) -> Iterator[tuple[str, bytes]]:
    yield "a list of ten thousand lists", b"[" * _DEEP + b"]" * _DEEP
    yield "an object of ten thousand objects", b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
    yield "an object without its end", json.dumps(body or {}).encode()[:-1] + b', "a": '
    yield "text that is no UTF-8", b'{"a": "\xff\xfe"}'
    if isinstance(body, Mapping) and body:
        name, value = next(iter(body.items()))
        again = json.dumps({name: value})[1:-1]
        yield "", f"{{{again}, {json.dumps(body)[1:-1]}}}".encode()


def _of_another_type(lab: Lab, operation: Operation, place: Place) -> None:
    """Send a valid body under a media type that is not described."""
    declared = operation.body.schemas if operation.body else {}
    for media in ("text/plain", "application/xml"):
        if media in declared or not isinstance(place.body, Mapping):
            continue
        with lab.case():
            raw = json.dumps(place.body).encode()
            reply = lab.call(operation, place.params, raw=raw, media=media)
            # A server that knows 415 has nothing else to say.
            allowed = (
                [415] if 415 in operation.answers else standing.documented(operation, 400, 422)
            )
            claim = {"relation": "among", "left": reply.status, "right": const(allowed)}
            says = "a media type that is not described is refused"
            lab.expect("E3", claim, operation=operation, says=says, key="requestBody")
            with suppress(Blocked):
                _take_away(lab, operation, reply)
