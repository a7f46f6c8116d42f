"""What answers show of a record that was written: which property shows what, and what must stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contract_tests.inputs import primary, steps
from contract_tests.lab import Lab
from contract_tests.making import Own, item_params
from contract_tests.references import admits_all
from contract_tests.relations import Claim, Expr, const
from contract_tests.steps import Reply
from contract_tests.subject import Shown, Subject
from contract_tests.wire import ABSENT
from mockserver.operation import Effect, Operation, Resource, Schema, format_of, types_of

_NOTHING = Effect()


@dataclass(frozen=True, slots=True)
class Readback:
    """A body property and the pointer to where an answer shows it; `is_set` has no order."""

    name: str
    pointer: str
    written: Schema
    shown: Schema
    is_set: bool = False


def readers(lab: Lab, resource: str) -> list[Operation]:
    """Return the operations that show one record, the one that shows most of it first."""
    found = [o for o in lab.verbs(resource, "retrieve") if o.method == "GET" and o.path_key]
    return sorted(found, key=lambda o: -len(lab.subject.view(o)))


def reader(lab: Lab, resource: str) -> Operation | None:
    """Return the operation that shows most of a record; None when none does."""
    return next(iter(readers(lab, resource)), None)


def look(lab: Lab, record: Own, operation: Operation) -> Reply:
    """Return what an operation shows of a record of our own."""
    return lab.call(operation, item_params(operation, record.key, record.params))


def readbacks(subject: Subject, writer: Operation, shower: Operation) -> dict[str, Readback]:
    """Return the body properties that an operation's answer shows, by name."""
    schema = subject.body_schema(writer)
    if schema is None:
        return {}
    view, said = subject.view(shower), subject.body_view(writer)
    found = {}
    for name, declared in subject.properties(schema).items():
        if name not in said or admits_all(declared) or declared.get("readOnly"):
            continue
        known = _readback(subject, name, declared, said[name], view)
        if known is not None:
            found[name] = known
    return found


def _readback(
    subject: Subject, name: str, schema: Schema, said: Shown, view: Mapping[str, Shown]
) -> Readback | None:
    items = subject.resolve(schema.get("items") or {})
    source = items.get("x-from") if isinstance(items, Mapping) else None
    if said.is_list and isinstance(source, Mapping) and "link" in source:
        return _links(name, schema, source["link"], view)
    is_set = bool(schema.get("uniqueItems"))
    for shown in view.values():
        is_same = shown.source == said.source and shown.path == said.path
        if is_same and said.source in ("field", "link") and not shown.inner:
            return Readback(name, f"/{shown.name}", schema, shown.schema, is_set)
    # What is computed may hide a text; a switch, a number or a word is what it is called after.
    namesake = view.get(name)
    is_plain = primary(schema) in ("boolean", "integer", "number", "object") or "enum" in schema
    is_computed = namesake is not None and namesake.source == "computed"
    if namesake is not None and is_computed and is_plain and said.source in ("field", "computed"):
        return Readback(name, f"/{name}", schema, namesake.schema)
    return None


def _links(name: str, schema: Schema, path: str, view: Mapping[str, Shown]) -> Readback | None:
    for shown in view.values():
        if shown.source == "link" and shown.path == path and shown.is_list:
            return Readback(name, f"/{shown.name}", schema, shown.schema, is_set=True)
        if shown.source == "nested" and shown.path == path:
            for inner in shown.inner.values():
                if inner.source == "link" and inner.path == ".":
                    pointer = f"/{shown.name}/{inner.name}"
                    return Readback(name, pointer, schema, shown.schema, is_set=True)
    return None


def shows(reply: Reply, known: Readback, sent: Any) -> Claim | None:
    """Return the claim that an answer shows a value as it was sent; None when that is open."""
    expected = _expected(sent, known.written, known.shown)
    if expected is ABSENT:
        return None
    left = reply.body(known.pointer)
    if isinstance(expected, Mapping):
        return _table(left, known, expected)
    if known.is_set and isinstance(expected, list):
        return {"relation": "same_set", "left": left, "right": const(expected)}
    if format_of(known.shown) == "date-time" and isinstance(expected, str):
        return {"relation": "among", "left": left, "right": const(spellings(expected))}
    return {"relation": "equal", "left": left, "right": const(expected)}


def _table(left: Expr, known: Readback, expected: Mapping[str, Any]) -> Claim | None:
    if not expected:
        return None
    return {
        "relation": "equal",
        "left": {**left, "only": sorted(expected)},
        "right": const(dict(expected)),
    }


def spellings(instant: str) -> list[str]:
    """Return the ways in which an instant of whole seconds in UTC is written."""
    stem = instant.removesuffix("Z")
    ends = ("Z", "+00:00")
    return [f"{stem}{part}{end}" for part in ("", ".000", ".000000") for end in ends]


def _expected(sent: Any, written: Schema, shown: Schema) -> Any:
    if sent is None:
        return None
    if isinstance(sent, list):
        return list(sent)
    if isinstance(sent, Mapping):
        put, got = written.get("additionalProperties"), shown.get("additionalProperties")
        if not isinstance(put, Mapping) or not isinstance(got, Mapping):
            return ABSENT
        found = {key: _expected(value, put, got) for key, value in sent.items()}
        return ABSENT if ABSENT in found.values() else found
    is_number = {"integer", "number"} & set(types_of(shown)) and "string" not in types_of(shown)
    if isinstance(sent, str) and is_number:
        return float(sent)
    return _normal(sent, steps(written)) if isinstance(sent, str) else sent


def _normal(text: str, said: Mapping[str, Any]) -> Any:
    if "html" in said and set(text) & set("<>&"):
        return ABSENT
    text = text.strip() if "trim" in said else text
    return text.lower() if "lower" in said else text


def parts(
    subject: Subject, shower: Operation, effect: Effect, sent: Any
) -> Iterator[tuple[str, str, Any]]:
    """
    Yield what records nested in an answer must show of a body that has tables of objects.

    A member counts when an effect changes the field of that name: the property of the
    answer, the pointer to the values of all nested records, the value that was sent.
    """
    for shown in subject.view(shower).values():
        fields = effect.changes.get(shown.resource, frozenset())
        if shown.source != "nested" or not shown.is_list:
            continue
        for inner in shown.inner.values():
            if inner.path in fields and inner.source == "field":
                for value in _members(sent, inner.path):
                    yield shown.name, f"/{shown.name}/{inner.name}", value


def _members(sent: Any, name: str) -> Iterator[Any]:
    tables = [each for each in sent.values() if isinstance(each, Mapping)]
    for table in tables:
        for each in table.values():
            if isinstance(each, Mapping) and isinstance(each.get(name), int):
                yield each[name]


# What must stay


def narrowed(subject: Subject, operation: Operation, sent: Collection[str]) -> Effect:
    """Return the effect of one call: fields that the body could have named, but did not, stay."""
    effect = operation.effect or _NOTHING
    if operation.verb not in ("update", "partial_update"):
        return effect
    view = subject.body_view(operation)
    named = {_field(view[name]) for name in sent if name in view}
    unnamed = {_field(shown) for name, shown in view.items() if name not in sent} - named
    fields = effect.changes.get(operation.resource, frozenset()) - unnamed
    return replace(effect, changes={**effect.changes, operation.resource: fields})


def _field(shown: Shown) -> str:
    return shown.path.partition(".")[0]


def staying(
    subject: Subject, shower: Operation, effect: Effect, *, is_other: bool = False
) -> Iterator[tuple[str, str]]:
    """
    Yield the property and the pointer of everything an answer shows that must stay as it is.

    `is_other` is about a record that was not written to: what it stores itself stays,
    whatever the effect.
    """
    resource = subject.resource(shower)
    if resource is None:
        return
    walk = _Walk(subject, effect, is_other)
    for name, shown in subject.view(shower).items():
        if shown.source == "computed" or walk.is_free(resource, shown.path):
            continue
        inner = list(walk.inner(shown, f"/{name}"))
        if not shown.inner or all(stays for _, stays in inner):
            yield name, f"/{name}"
        else:
            yield from ((name, pointer) for pointer, stays in inner if stays)


@dataclass(frozen=True, slots=True)
class _Walk:
    subject: Subject
    effect: Effect
    is_other: bool

    def inner(self, shown: Shown, pointer: str) -> Iterator[tuple[str, bool]]:
        """Yield pointers into a nested record, and whether what they lead to stays."""
        resource = self.subject.spec.resources.get(shown.resource)
        for name, each in shown.inner.items():
            if resource is None or each.source == "computed" or self.is_free(resource, each.path):
                yield f"{pointer}/{name}", False
            elif each.inner:
                nested = list(self.inner(each, f"{pointer}/{name}"))
                yield f"{pointer}/{name}", all(stays for _, stays in nested)
            else:
                yield f"{pointer}/{name}", True

    def is_free(self, resource: Resource, path: str) -> bool:
        """Tell whether the effect may change what a path from a record leads to."""
        at, is_shielded = resource, self.is_other
        for step in path.split(".") if path != "." else ():
            if step in self.effect.changes.get(at.name, ()) and not is_shielded:
                return True
            relation = at.relations.get(step)
            if relation is None:
                field = at.fields.get(step)
                return field is None or bool(field.computed)
            if relation.kind == "computed":
                return True
            reached = self.subject.spec.resources[relation.to]
            if relation.kind == "reverse" and not is_shielded:
                touched = self.effect.creates | self.effect.removes
                if reached.name in touched or relation.by in self.effect.changes.get(
                    reached.name, ()
                ):
                    return True
            # The children of a record that was not written to are as safe as itself.
            is_shielded = is_shielded and relation.kind == "reverse"
            at = reached
        return False
