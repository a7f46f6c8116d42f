"""Read scenario files into the entries they ask for, one for each record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from mockserver.errors import AuthorError, FixtureError
from mockserver.factory import key_of, read
from mockserver.json_types import JSON, Key
from mockserver.loader import Node, display_name, where
from mockserver.operation import Resource, Spec

_PARTS: Final = ("description", "seed", "include", "personas", "records", "make")
_MAKE: Final = ("resource", "count", "each", "with")
_PERSONA: Final = ("token", "user", "description")


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody whose token the scenario gives away."""

    name: str
    token: str
    description: str
    user: Key


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that the files ask for; `fixed` fields follow from where it stands."""

    resource: Resource
    label: str
    number: int
    key: Key
    raw: Node
    place: str
    fixed: Mapping[str, JSON] = field(default_factory=dict)


class Outline:
    """What a scenario and the files it includes say, with every label resolved to a key."""

    def __init__(self, spec: Spec, problems: list[AuthorError]) -> None:
        self.description = ""
        self.seed = 0
        self.entries: list[Entry] = []
        self.personas: list[Persona] = []
        self._spec = spec
        self._problems = problems
        self._files: dict[Path, Node] = {}
        self._keys: dict[str, dict[str, Entry]] = {}
        self._groups: dict[str, tuple[str, list[Key]]] = {}
        self._serials: Counter[str] = Counter()

    # What recipes ask

    def key(self, resource: str, label: str) -> Key | None:
        """Return the key of the record of that label, or None."""
        entry = self._keys.get(resource, {}).get(label)
        return None if entry is None else entry.key

    def labels(self, resource: str) -> Sequence[str]:
        """Return the labels of a resource."""
        return list(self._keys.get(resource, ()))

    def group(self, name: str) -> tuple[str, Sequence[Key]] | None:
        """Return the resource and the keys of a made group, or None."""
        return self._groups.get(name)

    # Reading

    def read(self, path: Path) -> None:
        """Read a scenario and, before it, the files it includes; it alone says seed and words."""
        self._read(path)
        own = self._files.get(path.resolve(), Node())
        self.description = str(own.get("description") or "")
        seed = own.get("seed", 0)
        if isinstance(seed, int):
            self.seed = seed
        else:
            self._refuse(where(own, "seed"), f"seed is {seed!r}; give a whole number")

    def declare(self, seed: int) -> None:
        """Give every record of every file its label and key."""
        self.seed = seed
        parts = list(self._files.values())
        for part in parts:
            for name, records in self._mapping(part, "records"):
                for label, raw in self._labelled(records, f"records.{name}"):
                    self._record(name, label, raw, where(records, label))
        for part in parts:
            for name, raw in self._mapping(part, "make"):
                self._make(name, raw, where(part["make"], name))
        for part in parts:
            for name, raw in self._mapping(part, "personas"):
                self._persona(name, raw, where(part["personas"], name))

    def _read(self, path: Path, place: str = "") -> None:
        if path.resolve() in self._files:
            return
        if place and not path.is_file():
            self._refuse(place, f"there is no file {display_name(path)}; correct the name")
            return
        node = read(path, self._problems)
        if node is None:
            return
        self._known(node, _PARTS, "a scenario")
        included = node.get("include") or []
        for name in included if isinstance(included, list) else [included]:
            self._read(path.parent / str(name), where(node, "include"))
        # Inserted last, so that what is included comes first.
        self._files[path.resolve()] = node

    # Declaring

    def _record(
        self, name: str, label: str, raw: Any, place: str, fixed: Mapping[str, JSON] | None = None
    ) -> None:
        resource = self._resource(name, place)
        if resource is None:
            return
        if not isinstance(raw, Node):
            if raw is not None:
                self._refuse(place, f"{name} {label!r} must be a mapping of fields")
                return
            raw = Node(where=place)
        inside = {
            k for k in raw if k in resource.relations and resource.relations[k].kind == "reverse"
        }
        own = Node(
            {k: v for k, v in raw.items() if k not in inside}, where=raw.where, lines=raw.lines
        )
        entry = self._entry(resource, label, crc32(label.encode()), own, place, fixed or {})
        for key in sorted(inside, key=list(raw).index):
            relation = resource.relations[key]
            children = {key: raw[key]} if relation.is_single else raw[key]
            for child, part in self._labelled(
                children, f"{name} {label!r}: {key}", where(raw, key)
            ):
                at = where(children, child) or where(raw, key)
                held = {relation.by: entry.key}
                self._record(relation.to, f"{label}.{child}", part, at, held)

    def _make(self, group: str, raw: Any, place: str) -> None:
        if not isinstance(raw, Node) or "resource" not in raw:
            self._refuse(place, f"make.{group} must say which resource it makes")
            return
        self._known(raw, _MAKE, f"make.{group}")
        resource = self._resource(raw["resource"], where(raw, "resource"))
        count, own = raw.get("count", 1), raw.get("with") or Node(where=place)
        if not isinstance(count, int) or count < 0 or not isinstance(own, Node):
            self._refuse(
                place, f"make.{group}: count is a whole number, with is a mapping of fields"
            )
            return
        if resource is None:
            return
        parents = self._parents(group, resource, raw)
        made = [held for held in parents for _ in range(count)]
        keys = [
            self._entry(resource, f"{group}-{number:05}", number, own, place, held).key
            for number, held in enumerate(made, start=1)
        ]
        self._groups[group] = (resource.name, keys)

    def _parents(self, group: str, resource: Resource, raw: Node) -> list[dict[str, JSON]]:
        """Return what each made record holds of its parent; one empty when it has none."""
        each = raw.get("each")
        if each is None:
            return [{}]
        place = where(raw, "each")
        if not isinstance(each, Node) or len(each) != 1:
            self._refuse(place, f"make.{group}: each names one relation and a group")
            return []
        ((name, source),) = each.items()
        relation = resource.relations.get(name)
        found = self._groups.get(source) if isinstance(source, str) else None
        if relation is None or relation.kind != "one":
            self._refuse(
                place, f"make.{group}: {resource.name} has no stored relation {name!r} to one"
            )
            return []
        if isinstance(source, list):
            keys = [self.key(relation.to, str(label)) for label in source]
            found = (
                None if None in keys else (relation.to, [key for key in keys if key is not None])
            )
        if found is None or found[0] != relation.to:
            text = (
                f"{source!r} is neither a group of {relation.to} made before nor a list of labels"
            )
            self._refuse(place, f"make.{group}: {text}")
            return []
        return [{name: key} for key in found[1]]

    def _persona(self, name: str, raw: Any, place: str) -> None:
        auth = self._spec.conventions.get("auth") or {}
        resource = self._spec.resources.get(auth.get("tokens", ""))
        if resource is None:
            self._refuse(place, "personas need x-mock.auth in the spec, with a resource of tokens")
            return
        if not isinstance(raw, Node) or not raw.get("token") or not raw.get("user"):
            self._refuse(place, f"persona {name!r} needs a token and the label of its user")
            return
        self._known(raw, _PERSONA, f"persona {name!r}")
        to_user = resource.relations[auth["user"]]
        user = self.key(to_user.to, str(raw["user"]))
        if user is None:
            text = f"persona {name!r}: there is no {to_user.to} {raw['user']!r}; add it to records"
            self._refuse(where(raw, "user"), text)
            return
        token, words = str(raw["token"]), str(raw.get("description") or "")
        fixed: dict[str, JSON] = {to_user.name: user}
        if "persona" in resource.fields:
            fixed["persona"] = name
        own = Node({resource.key: token}, where=place, lines={resource.key: raw.lines["token"]})
        self._entry(resource, name, crc32(name.encode()), own, place, fixed)
        self.personas.append(Persona(name, token, words, user))

    def _entry(
        self,
        resource: Resource,
        label: str,
        number: int,
        raw: Node,
        place: str,
        fixed: Mapping[str, JSON],
    ) -> Entry:
        self._serials[resource.name] += 1
        serial = self._serials[resource.name]
        key = raw.get(resource.key)
        if key is None:
            key = key_of(resource, label, serial, self.seed)
        elif isinstance(key, str) and resource.fields[resource.key].schema.get("format") == "uuid":
            key = key.replace("-", "").lower()
        entry = Entry(resource, label, number, key, raw, place, fixed)
        known = self._keys.setdefault(resource.name, {})
        if label in known:
            text = f"{resource.name} {label!r} is also at {known[label].place}; rename one"
            self._refuse(place, text)
            return known[label]
        known[label] = entry
        self.entries.append(entry)
        return entry

    # Complaining

    def _resource(self, name: Any, place: str) -> Resource | None:
        resource = self._spec.resources.get(name) if isinstance(name, str) else None
        if resource is None:
            names = ", ".join(sorted(self._spec.resources))
            self._refuse(place, f"there is no resource {name!r}; there are {names}")
        return resource

    def _mapping(self, part: Node, name: str) -> Iterator[tuple[str, Any]]:
        return self._labelled(part.get(name), name, where(part, name))

    def _labelled(self, raw: Any, what: str, place: str = "") -> Iterator[tuple[str, Any]]:
        if isinstance(raw, dict):
            yield from raw.items()
        elif raw is not None:
            self._refuse(place, f"{what} must be a mapping of labels to records")

    def _known(self, node: Node, names: Sequence[str], what: str) -> None:
        for name in node:
            if name not in names:
                text = f"{what} has no part {name!r}; its parts are {', '.join(names)}"
                self._refuse(where(node, name), text)

    def _refuse(self, place: str, text: str) -> None:
        self._problems.append(FixtureError(place, text))
