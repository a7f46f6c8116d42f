"""Odd questions: queries that nobody would ask, methods that there are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from contract_tests import standing
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.meaning import kind_of
from contract_tests.probes.registry import probe
from contract_tests.relations import const
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import Params, World
from mockserver.operation import Operation, Parameter, types_of

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LONG: Final = 8 * 1024
_TEXTS: Final = (
    "🙂 \U0001d4b3",
    "a\0b",
    "'\"`;--",
    "y" * _LONG,
    "%",
    "\\",
    "\u202e",
    "\r\nX-Odd: 1",
)
_NUMBERS: Final = ("1" + "0" * 30, "1e999", "-1", "9" * 400, "0x1", "\u0661\u0662")
#: A value of each kind that a filter can read.
_VALUES: Final[Mapping[str, str]] = {
    "boolean": "true",
    "number": "1",
    "uuid": "0" * 31 + "1",
    "date": "2024-01-31",
    "instant": "2024-01-31T12:00:00Z",
    "text": "a",
}


def _is_list(subject: Subject, operation: Operation) -> bool:
    return operation.verb == "list" and operation.method == "GET"


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    filters = sum(p.filter is not None for p in operation.parameters)
    return 6 + depth.nasty + (filters if depth.is_full else 2) + 4 * depth.values


@probe("G3", safety="R", applies=_is_list, cost=_cost)
def queries(lab: Lab, world: World, operation: Operation) -> None:
    """Ask a list what nobody would ask."""
    known = world.parents(operation)
    if not known:
        raise Blocked("no parent is known whose list could be read")
    params = known[0]
    _unknown_names(lab, world, operation, params)
    _odd_values(lab, operation, params)
    asked = [p for p in operation.parameters if p.place == "query" and _is_optional(p)]
    plain = lab.call(operation, params, query=_sized(lab, operation))
    for parameter in asked if lab.depth.is_full else asked[:2]:
        _empty(lab, world, plain, parameter)
    paged = [p for p in operation.parameters if _is_page_number(lab, p)]
    for parameter in [*asked[: 2 * lab.depth.values], *paged]:
        _twice(lab, world, operation, params, parameter)


def _is_optional(parameter: Parameter) -> bool:
    return parameter.filter is not None and not parameter.is_required


def _is_page_number(lab: Lab, parameter: Parameter) -> bool:
    return (
        parameter.place == "query" and parameter.name == lab.subject.conventions["paging"]["number"]
    )


def _sized(lab: Lab, operation: Operation) -> list[tuple[str, Any]]:
    """Return the query of the largest page."""
    paging = lab.subject.conventions["paging"]
    return [(paging["size"], paging["max"])] if operation.is_paged else []


def _is_same(lab: Lab, world: World, pair: tuple[Reply, Reply]) -> dict[str, Any] | None:
    """Write that two answers show the same rows; None when neither shows that for certain."""
    one, other = pair
    if not one.is_good or not other.is_good:
        return None
    total = world.total(other)
    if total is None or total <= len(other.rows):
        return {"relation": "same_set", "left": one.at("rows"), "right": other.at("rows")}
    said = (world.total_of(one), world.total_of(other))
    return {"relation": "equal", "left": said[0], "right": said[1]} if said[0] and said[1] else None


def _unknown_names(lab: Lab, world: World, operation: Operation, params: Params) -> None:
    size = _sized(lab, operation)
    allowed = standing.documented(operation, operation.success.status, 400)
    for name in (f"{lab.tag}unknown", f"{lab.tag}unknown[]", f"{lab.tag}[a][b]"):
        with lab.case():
            plain = lab.call(operation, params, query=size)
            odd = lab.call(operation, params, query=[(name, "1"), *size])
            claim = {"relation": "among", "left": odd.status, "right": const(allowed)}
            says = "a parameter that is not described is ignored or refused"
            lab.expect("G3", claim, operation=operation, says=says, key="schema")
            same = _is_same(lab, world, (odd, plain))
            if same is not None:
                says = "a parameter that is not described hides no row"
                lab.expect("G3", same, operation=operation, says=says, key="schema")


def _odd_values(lab: Lab, operation: Operation, params: Params) -> None:
    queried = [p for p in operation.parameters if p.place == "query"]
    texts = [p for p in queried if _kind(p) == "text"] or queried
    numbers = [p for p in queried if _kind(p) == "number"] or queried
    for index, text in enumerate(_TEXTS[: lab.depth.nasty // 2] if texts else ()):
        _answers(lab, operation, params, [(texts[index % len(texts)].name, text)])
    for index, text in enumerate(_NUMBERS[: lab.depth.nasty // 3] if numbers else ()):
        _answers(lab, operation, params, [(numbers[index % len(numbers)].name, text)])
    for parameter in queried[: 2 if lab.depth.is_full else 1]:
        _answers(lab, operation, params, [(f"{parameter.name}[]", _value(parameter))])
    if queried:
        _no_utf8(lab, operation, params, queried[0])


def _answers(lab: Lab, operation: Operation, params: Params, query: list[tuple[str, str]]) -> None:
    with lab.case():
        _is_described(lab, operation, lab.call(operation, params, query=query))


def _is_described(lab: Lab, operation: Operation, reply: Reply) -> None:
    # An address may be too long for any server.
    allowed = [*sorted(s for s in operation.answers if s < 500), 414, 431]
    claim = {"relation": "among", "left": reply.status, "right": const(allowed)}
    says = "an odd query is answered as described"
    lab.expect("G3", claim, operation=operation, says=says, key="schema")


def _no_utf8(lab: Lab, operation: Operation, params: Params, parameter: Parameter) -> None:
    """Send bytes that are no text at all."""
    path = operation.path
    for name, value in params.items():
        path = path.replace(f"{{{name}}}", value)
    with lab.case():
        reply = lab.follow(operation, f"{path}?{parameter.name}=%ff%fe%80")
        _is_described(lab, operation, reply)


def _kind(parameter: Parameter) -> str:
    return kind_of(parameter.schema)


def _value(parameter: Parameter) -> str:
    """Return a value that a parameter admits."""
    schema = parameter.schema
    inner = (schema.get("items") or {}) if "array" in types_of(schema) else schema
    words = [word for word in inner.get("enum") or () if word is not None]
    return str(words[0]) if words else _VALUES[kind_of(inner)]


def _empty(lab: Lab, world: World, plain: Reply, parameter: Parameter) -> None:
    """Claim that an empty value does not filter."""
    operation, about = lab.operation(plain.step.operation), parameter.name
    if not lab.subject.is_annotated:
        lab.unspecified("G3", operation, "nothing says what an empty value does")
        return
    with lab.case():
        query = [(about, ""), *plain.step.query]
        odd = lab.call(operation, plain.step.params, query=query)
        says = "an empty value does not filter"
        good = {"relation": "equal", "left": odd.status, "right": plain.status}
        lab.expect("G3", good, operation=operation, about=about, says=says, key="x-filter")
        same = _is_same(lab, world, (odd, plain))
        if same is not None:
            lab.expect("G3", same, operation=operation, about=about, says=says, key="x-filter")


def _twice(
    lab: Lab, world: World, operation: Operation, params: Params, parameter: Parameter
) -> None:
    """Claim that the same value twice is the same as once."""
    size, asked = _sized(lab, operation), (parameter.name, _value(parameter))
    with lab.case():
        once = lab.call(operation, params, query=[asked, *size])
        twice = lab.call(operation, params, query=[asked, asked, *size])
        says = "the same value twice is the same as once"
        alike = {"relation": "equal", "left": twice.status, "right": once.status}
        lab.expect("G3", alike, operation=operation, says=says, key="x-filter")
        same = _is_same(lab, world, (twice, once))
        if same is not None:
            lab.expect(
                "G3", same, operation=operation, about=parameter.name, says=says, key="x-filter"
            )


# Methods


def _is_first_on_path(subject: Subject, operation: Operation) -> bool:
    same = [o for o in subject.spec.operations if o.path == operation.path]
    return same[0].id == operation.id


@probe("G4", safety="N", applies=_is_first_on_path, cost=lambda subject, op, depth: 5)
def methods(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for methods that a path does not have."""
    same = [o for o in lab.subject.spec.operations if o.path == operation.path]
    declared = [o.method for o in same]
    if not any(405 in o.answers for o in same):
        lab.unspecified("G4", operation, "405 is not described on this path")
        return
    # Nobody's record can be hit, whatever the server makes of it.
    params = standing.invented(lab, operation)
    for method in _undeclared(lab, operation, declared):
        with lab.case():
            reply = lab.call(operation, params, method=method)
            claim = {"relation": "equal", "left": reply.status, "right": const(405)}
            says = "a method that is not described is 405"
            lab.expect("G4", claim, operation=operation, says=says, key="paths")
            if reply.code == 405:
                _tells_methods(lab, operation, reply, declared)
    _options(lab, operation, params, declared)


def _undeclared(lab: Lab, operation: Operation, declared: list[str]) -> Iterator[str]:
    for method in _METHODS:
        # Who knows what a server that we do not own does to a whole list.
        is_grave = method == "DELETE" and not operation.path_key and lab.mode != "destructive"
        if method not in declared and not is_grave:
            yield method


def _tells_methods(lab: Lab, operation: Operation, reply: Reply, declared: list[str]) -> None:
    claim = {"relation": "has", "left": reply.header("Allow"), "right": const(declared)}
    says = "Allow lists the methods that there are"
    lab.expect("G4", claim, operation=operation, says=says, key="paths")


def _options(lab: Lab, operation: Operation, params: Params, declared: list[str]) -> None:
    if not lab.subject.is_annotated:
        return
    with lab.case():
        reply = lab.call(operation, params, method="OPTIONS")
        claim = {"relation": "among", "left": reply.status, "right": const([200, 204])}
        says = "OPTIONS is answered"
        if lab.expect("G4", claim, operation=operation, says=says, key="x-mock.dialect"):
            _tells_methods(lab, operation, reply, declared)


def _has_constants(subject: Subject, operation: Operation) -> bool:
    return bool(subject.conventions.get("headers")) and operation.method == "GET"


@probe("A6", safety="R", applies=_has_constants, cost=lambda subject, op, depth: 1)
def constants(lab: Lab, world: World, operation: Operation) -> None:
    """Look for the headers that every answer carries."""
    known = world.parents(operation)
    if not known:
        raise Blocked("no record is known to ask for")
    with lab.case():
        reply = lab.call(operation, known[0])
        # Of what a crash answers, only the crash is worth telling.
        told = {} if reply.code >= 500 else lab.subject.conventions["headers"]
        for name, value in told.items():
            claim = {"relation": "equal", "left": reply.header(name), "right": const(value)}
            says = "every answer carries the header"
            lab.expect(
                "A6", claim, operation=operation, about=name, says=says, key="x-mock.headers"
            )


def _has_slash(subject: Subject, operation: Operation) -> bool:
    is_said = subject.is_annotated and "trailing_slash" in subject.conventions
    return is_said and operation.method == "GET"


@probe("A7", safety="R", applies=_has_slash, cost=lambda subject, op, depth: 1)
def slashes(lab: Lab, world: World, operation: Operation) -> None:
    """Leave the slash at the end of a path out, or add one."""
    known = world.parents(operation)
    if not known:
        raise Blocked("no record is known to ask for")
    path = operation.path
    for name, value in known[0].items():
        path = path.replace(f"{{{name}}}", value)
    is_mended = lab.subject.conventions["trailing_slash"] == "redirect"
    if is_mended and not path.endswith("/"):
        return
    with lab.case(), lab.unjudged():
        reply = lab.follow(operation, path.rstrip("/") if is_mended else f"{path}/")
        right = const(301 if is_mended else 404)
        claim = {"relation": "equal", "left": reply.status, "right": right}
        says = "a missing slash is mended" if is_mended else "a path with a slash is another path"
        lab.expect("A7", claim, operation=operation, says=says, key="x-mock.trailing_slash")
