"""Write values that the server is to tidy up, and see that it does so, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contract_tests import claims, inputs, making, portrait
from contract_tests.inputs import Wish
from contract_tests.lab import Lab
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import effective, is_update, send, shower_of, written
from contract_tests.probes.writes import is_create, is_ours
from contract_tests.relations import Claim, const
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation, Schema, types_of


def untidy(lab: Lab, schema: Schema) -> Iterator[tuple[Any, Any]]:
    """Yield values and what they become; None when it only must not stay as it is."""
    said = inputs.steps(schema)
    if "decimal" in said:
        places = said["decimal"]["places"]
        yield "7.5", f"7.5{'0' * (places - 1)}"
        if "number" in types_of(schema):
            yield 8, f"8.{'0' * places}"
        return
    if schema.get("pattern") and "trim" not in said:
        return
    unique = lab.unique()
    if "trim" in said:
        text = f"Left and  right {unique}"
        if len(text) + 4 > schema.get("maxLength", len(text) + 4):
            text = unique
        yield f"  {text}\t ", _cased(said, text)
    if "lower" in said:
        yield f"MiXed {unique}", f"mixed {unique}"
    if "html" in said:
        yield f"{unique} <script>alert(1)</script>", None


def _cased(said: Mapping[str, Any], text: str) -> str:
    return text.lower() if "lower" in said else text


def _untidy_properties(subject: Subject, operation: Operation) -> dict[str, Schema]:
    schema = subject.body_schema(operation) or {}
    return {n: d for n, d in subject.properties(schema).items() if d.get("x-normalize")}


@probe(
    "B20",
    safety="W",
    applies=lambda subject, op: (
        (is_create(subject, op) or is_update(subject, op)) and bool(_untidy_properties(subject, op))
    ),
    cost=lambda subject, op, depth: 4 * len(_untidy_properties(subject, op)),
)
def normalizes(lab: Lab, world: World, operation: Operation) -> None:
    """Send blanks around a text, markup inside it, capital letters and short decimals."""
    if operation.verb == "create":
        is_ours(lab, operation)
    shower = portrait.reader(lab, operation.resource) or operation
    known = portrait.readbacks(lab.subject, operation, shower)
    for name, schema in _untidy_properties(lab.subject, operation).items():
        if name not in known or (
            operation.verb != "create" and name not in _writes(lab, operation)
        ):
            continue
        for value, expected in untidy(lab, schema):
            if len(str(value)) <= schema.get("maxLength", len(str(value))):
                _one(lab, world, operation, known[name], (value, expected))


def _writes(lab: Lab, operation: Operation) -> set[str]:
    return effective(lab.subject, operation)


def _one(
    lab: Lab,
    world: World,
    operation: Operation,
    known: portrait.Readback,
    pair: tuple[Any, Any],
) -> None:
    value, expected = pair
    is_new = operation.verb == "create"
    changes = {known.name: value} if is_new else {}
    with lab.case(), making.own(lab, world, operation.resource, changes=changes) as record:
        if not is_new:
            shower = shower_of(lab, operation)
            must = written(lab, world, operation, record, Wish(variant=1, optional=False))
            reply = send(lab, operation, record, {**must, known.name: value})
            if claims.takes(lab, "B20", operation, reply, about=known.name):
                page = portrait.look(lab, record, shower)
                _is_tidy(lab, operation, known, page, pair)
            return
        shown = portrait.reader(lab, operation.resource)
        page = portrait.look(lab, record, shown) if shown else record.made
        _is_tidy(lab, operation, known, page, (value, expected))


def _is_tidy(
    lab: Lab, operation: Operation, known: portrait.Readback, page: Reply, pair: tuple[Any, Any]
) -> None:
    value, expected = pair
    claim: Claim = claims.differs(page.body(known.pointer), const(value))
    if expected is not None:
        is_number = bool({"integer", "number"} & set(types_of(known.shown)))
        wanted = float(expected) if is_number else expected
        claim = claims.equals(page.body(known.pointer), const(wanted))
    lab.expect(
        "B20", claim, operation=operation, about=known.name, key="x-normalize",
        says="a value is tidied up as declared",
    )  # fmt: skip
