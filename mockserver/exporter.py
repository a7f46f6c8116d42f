"""Write the spec or the data for other tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from mockserver.compiler import resolve
from mockserver.fixtures import Persona
from mockserver.json_types import JSON, Key, Record
from mockserver.loader import DATA_KEYS
from mockserver.operation import Resource, Spec, types_of
from mockserver.recipes import slug
from mockserver.renderer import plain
from mockserver.store import State

#: Below these keys there are names of properties, which may look like extensions.
_NAMES: Final = ("properties", "patternProperties", "$defs")


def openapi(document: Mapping[str, Any], *, is_plain: bool = False) -> dict[str, Any]:
    """
    Return the document as plain JSON.

    `is_plain` leaves out the extensions, and the components that nothing but
    an extension needs: the schemas of stored records.
    """
    shown: dict[str, Any] = _merged(plain(document), document)
    return _pruned(_without_extensions(shown)) if is_plain else shown


def state(resources: Mapping[str, Resource], held: State) -> dict[str, list[JSON]]:
    """Return every record by resource, ordered by key."""
    found = {}
    for name in sorted(resources):
        records = held.records(name)
        if len(records):
            found[name] = [dict(records[key]) for key in sorted(records)]
    return found


def scenario(
    spec: Spec, description: str, seed: int, personas: Sequence[Persona], held: State
) -> str:
    """Return a state as the text of a scenario file, from which the same state is made."""
    return text(_Teller(spec, held).tell(description, seed, personas), "yaml")


def text(value: JSON, form: str) -> str:
    """Return JSON or YAML text that ends in a newline."""
    if form == "yaml":
        return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


#: Keys of a schema that narrow nothing: the nearer one counts.
_ANNOTATIONS: Final = frozenset({"description", "title", "default", "x-from", "x-normalize"})


class _Dumper(yaml.CSafeDumper):
    """Writes every repeated value out in full: anchors confuse readers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# Quotes what only YAML 1.2 takes for a number; PyYAML itself thinks of 1.1.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^0o[0-7]+$"),
    list("-+.0123456789"),
)


#: Fields by which people tell records apart; the first that a record has a text in.
_NAMING: Final = ("persona", "username", "slug", "name", "title", "type", "summary")
#: A label made of the names of other records takes so many of them.
_PARTS: Final = 3
_LONGEST: Final = 60


class _Teller:
    """Say which records there are, each by a label that a person can read."""

    def __init__(self, spec: Spec, held: State) -> None:
        self._spec = spec
        self._held = held
        self._labels: dict[str, dict[Key, str]] = {}
        for name in spec.resources:
            self._labels[name] = self._unique(name)

    def tell(self, description: str, seed: int, personas: Sequence[Persona]) -> dict[str, JSON]:
        """Return the parts of a scenario."""
        records: dict[str, JSON] = {}
        for name in sorted(self._spec.resources):
            table = self._held.records(name)
            if len(table):
                records[name] = {
                    self._labels[name][key]: self._fields(self._spec.resources[name], table[key])
                    for key in sorted(table)
                }
        return {
            "description": description,
            "seed": seed,
            "writes": self._held.version,
            "serials": self._serials(),
            "personas": self._personas(personas),
            "records": records,
        }

    def _serials(self) -> dict[str, JSON]:
        """Return the numbers used last, for those resources where the records do not say."""
        found: dict[str, JSON] = {}
        for name in sorted(self._spec.resources):
            table = self._held.tables.get(name)
            keys = [] if table is None else list(table.records)
            shown = max((key for key in keys if isinstance(key, int)), default=len(keys))
            if table is not None and table.serial != shown:
                found[name] = table.serial
        return found

    def _personas(self, personas: Sequence[Persona]) -> dict[str, JSON]:
        auth = self._spec.conventions.get("auth") or {}
        tokens = self._spec.resources.get(auth.get("tokens", ""))
        found: dict[str, JSON] = {}
        for persona in personas if tokens is not None else ():
            assert tokens is not None
            record = self._held.records(tokens.name).get(persona.token)
            users = self._labels[tokens.relations[auth["user"]].to]
            user = None if record is None else users.get(record[auth["user"]])
            if user is not None:
                found[persona.name] = {
                    "token": persona.token,
                    "user": user,
                    "description": persona.description,
                }
        return found

    def _fields(self, resource: Resource, record: Record) -> dict[str, JSON]:
        """Return a record as it is written, its key first."""
        # In the order of the schema: two equal states are the same text.
        names = [name for name in dict.fromkeys((*resource.fields, *record)) if name in record]
        rest = {n: self._written(resource, n, record[n]) for n in names if n != resource.key}
        return {resource.key: record[resource.key], **rest}

    def _written(self, resource: Resource, name: str, value: JSON) -> JSON:
        relation = resource.relations.get(name)
        if relation is not None and relation.is_stored and value is not None:
            labels = self._labels[relation.to]
            keys = value if isinstance(value, list) else [value]
            if all(key in labels for key in keys):
                return [labels[k] for k in keys] if isinstance(value, list) else labels[value]
            return {"value": value}
        # A mapping would be taken for a recipe where the field is not known to hold one.
        is_taken = isinstance(value, dict) and "object" not in types_of(_schema(resource, name))
        return {"value": value} if is_taken else value

    # Labels

    def _unique(self, name: str) -> dict[Key, str]:
        """Return a label for each record of a resource, no two alike."""
        found: dict[Key, str] = {}
        taken: set[str] = set()
        table = self._held.records(name)
        for key in sorted(table):
            first = label = self._name(self._spec.resources[name], table[key]) or name
            number = 1
            while label in taken:
                number += 1
                label = f"{first}-{number}"
            taken.add(label)
            found[key] = label
        return found

    def _name(self, resource: Resource, record: Record, *, is_last: bool = False) -> str:
        for field in _NAMING:
            value = record.get(field)
            if isinstance(value, str) and (made := slug(value)[:_LONGEST]):
                return made
        if is_last:
            return ""
        parts = (
            self._name(self._spec.resources[relation.to], other, is_last=True)
            for relation in resource.relations.values()
            if relation.kind == "one"
            and (other := self._held.records(relation.to).get(record.get(relation.name) or ""))
        )
        return ".".join([part for part in parts if part][:_PARTS])


def _schema(resource: Resource, name: str) -> Mapping[str, Any]:
    field = resource.fields.get(name)
    return {} if field is None else field.schema


def _merged(node: Any, document: Mapping[str, Any], inside: frozenset[str] = frozenset()) -> Any:
    """
    Return a document in which no reference has neighbours that narrow it.

    OpenAPI 3.1 allows them, and many tools that grew up with 3.0 pass them over.
    `inside` are the references being followed: a schema may contain itself.
    """
    if isinstance(node, list):
        return [_merged(item, document, inside) for item in node]
    if not isinstance(node, dict):
        return node
    shown = {
        key: value if key in DATA_KEYS else _merged(value, document, inside)
        for key, value in node.items()
    }
    reference = str(shown.get("$ref", ""))
    is_schema = reference.startswith("#/components/schemas/")
    if not is_schema or len(shown) == 1 or reference in inside:
        return shown
    rest = {key: value for key, value in shown.items() if key != "$ref"}
    found = plain(resolve(document, {"$ref": reference}))
    target = _merged(found, document, inside | {reference})
    clash = {key for key in rest if key in target and key not in _ANNOTATIONS}
    return shown if clash else {**target, **rest}


def _without_extensions(node: Any, *, is_names: bool = False) -> Any:
    if isinstance(node, list):
        return [_without_extensions(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_extensions(value, is_names=not is_names and key in _NAMES)
        for key, value in node.items()
        if is_names or not key.startswith("x-")
    }


def _pruned(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without components that nothing refers to."""
    used = _references({k: v for k, v in document.items() if k != "components"})
    waiting = list(used)
    while waiting:
        _, _, section, name = waiting.pop().split("/", 3)
        fresh = _references(document["components"][section][name]) - used
        used |= fresh
        waiting.extend(fresh)
    components = {
        section: {
            name: entry
            for name, entry in entries.items()
            if section == "securitySchemes" or f"#/components/{section}/{name}" in used
        }
        for section, entries in document.get("components", {}).items()
    }
    return {
        **document,
        "components": {name: entries for name, entries in components.items() if entries},
    }


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_references(item) for item in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return found.union(*(_references(value) for value in node.values()))
