"""Hold what a spec tells testers against what it declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.compiler import resolve
from mockserver.errors import SpecError
from mockserver.operation import Effect, Operation, Parameter, Resource, Spec
from mockserver.paths import Paths


def check(spec: Spec, paths: Paths) -> Iterator[SpecError]:
    """Yield every claim about an operation that names what there is not."""
    for operation in spec.operations:
        if operation.effect is not None:
            yield from _frame(spec.resources, operation.effect)
            yield from _undo(spec, operation, operation.effect)
            yield from _refusals(spec.resources[operation.resource], operation, paths)
        for parameter in operation.parameters:
            yield from _shown(spec, operation, parameter)


def _frame(resources: Mapping[str, Resource], effect: Effect) -> Iterator[SpecError]:
    for name in sorted({*effect.creates, *effect.changes, *effect.removes, *effect.sets}):
        if name not in resources:
            text = f"there is no resource {name!r}; there are {_known(resources)}"
            yield SpecError(effect.where, f"x-effect: {text}")
            continue
        stored = {f.name for f in resources[name].fields.values() if f.is_stored}
        changed = effect.changes.get(name, frozenset())
        for field in sorted(changed - stored):
            text = f"{name} stores no field {field!r}; it stores {_known(stored)}"
            yield SpecError(effect.where, f"x-effect.changes: {text}")
        if name in effect.creates:
            changed |= stored
        for field in sorted(set(effect.sets.get(name, ())) - changed):
            text = f"{name}.{field} is not among what changes; add it to changes"
            yield SpecError(effect.where, f"x-effect.sets: {text}")


def _undo(spec: Spec, operation: Operation, effect: Effect) -> Iterator[SpecError]:
    known = {each.id: each for each in spec.operations}
    if not effect.undo:
        return
    if effect.lasting:
        text = "undo and lasting contradict each other; drop one"
        yield SpecError(effect.where, f"x-effect: {text}")
    if effect.undo not in known or effect.undo == operation.id:
        text = f"there is no other operation {effect.undo!r}; name one by its operationId"
        yield SpecError(effect.where, f"x-effect.undo: {text}")
    elif known[effect.undo].effect is None:
        text = f"{effect.undo} changes nothing; name the operation that takes back what this makes"
        yield SpecError(effect.where, f"x-effect.undo: {text}")


def _refusals(resource: Resource, operation: Operation, paths: Paths) -> Iterator[SpecError]:
    assert operation.effect is not None
    place = operation.effect.where
    for refusal in operation.effect.refuses:
        for path in refusal.when:
            try:
                paths.compile(resource, path, place)
            except SpecError as problem:
                yield problem
        if refusal.status not in operation.answers:
            known = ", ".join(str(status) for status in sorted(operation.answers))
            text = f"{operation.id} documents no status {refusal.status}; it documents {known}"
            yield SpecError(place, f"x-effect.refuses: {text}")


def _shown(spec: Spec, operation: Operation, parameter: Parameter) -> Iterator[SpecError]:
    name = parameter.filter.shown if parameter.filter else ""
    if not name:
        return
    names = _properties(spec.document, _row(spec, operation))
    if name not in names:
        text = f"{operation.id} shows no property {name!r}; its rows show {_known(names)}"
        yield SpecError(parameter.where, f"x-filter.shown: {text}")


def _row(spec: Spec, operation: Operation) -> Any:
    """Return the schema of one row of an answer."""
    schema = resolve(spec.document, operation.success.schema or {})
    envelope = spec.conventions["paging"]["envelope"]
    if envelope and operation.is_paged:
        schema = resolve(spec.document, schema.get("properties", {}).get(envelope["items"], {}))
    return schema.get("items", schema)


def _properties(document: Mapping[str, Any], schema: Any) -> set[str]:
    """Return the names of the properties of a schema, in any of the shapes it allows."""
    whole = resolve(document, schema)
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in whole.get(key) or ()]
    return set(whole.get("properties") or ()).union(
        *(_properties(document, part) for part in parts)
    )


def _known(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
