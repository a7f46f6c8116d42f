"""Read scenario files into the entries they ask for, one for each record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from mockserver.entries import Entry, Names, Present
from mockserver.errors import AuthorError, FixtureError
from mockserver.factory import key_of, read
from mockserver.json_types import JSON, Key
from mockserver.loader import Node, display_name, own_path, where
from mockserver.operation import Relation, Resource, Spec

_PARTS: Final = (
    "description", "seed", "writes", "serials", "include", "personas", "records", "make",
)  # fmt: skip
_MAKE: Final = ("resource", "count", "each", "with")
_MANY: Final = frozenset({"count", "with"})
_PERSONA: Final = ("token", "user", "description")


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody whose token the scenario gives away."""

    name: str
    token: str
    description: str
    user: Key


class Outline:
    """
    What a scenario and the files it includes say, with every label resolved to a key.

    Labels it does not know are those of `present`; it takes no more than `limit` records.
    """

    def __init__(
        self,
        spec: Spec,
        problems: list[AuthorError],
        present: Present | None = None,
        limit: int | None = None,
    ) -> None:
        self.description = ""
        self.seed = 0
        #: How many writes made the state; None where the scenario does not say.
        self.writes: int | None = None
        #: The last number used for each resource, where that is no longer seen.
        self.serials: dict[str, int] = {}
        self.entries: list[Entry] = []
        #: The files that were read.
        self.files: set[Path] = set()
        self.personas: list[Persona] = []
        self._spec = spec
        self._problems = problems
        self._present = present
        self._limit = limit
        self._files: dict[Path, Node] = {}
        self._keys: dict[str, dict[str, Entry]] = {}
        self._groups: dict[str, tuple[str, list[Key]]] = {}
        self._serials: Counter[str] = Counter()

    # What recipes ask

    def key(self, resource: str, label: Key) -> Key | None:
        """Return the key of the record of that label, or None."""
        entry = self._keys.get(resource, {}).get(str(label))
        if entry is not None:
            return entry.key
        return None if self._present is None else self._present.key(resource, label)

    def labels(self, resource: str) -> Sequence[str]:
        """Return the labels of a resource."""
        before = () if self._present is None else self._present.labels(resource)
        return [*self._keys.get(resource, ()), *before]

    def group(self, name: str) -> tuple[str, Sequence[Key]] | None:
        """Return the resource and the keys of a made group, or None."""
        found = self._groups.get(name)
        return self._present.group(name) if found is None and self._present else found

    def names(self) -> Names:
        """Return what the records are called."""
        keys = {
            resource: {label: entry.key for label, entry in entries.items()}
            for resource, entries in self._keys.items()
        }
        return Names(keys, self._groups)

    # Reading

    def read(self, path: Path) -> None:
        """Read a scenario and, before it, the files it includes; it alone says seed and words."""
        self._read(path)
        self._head(self._files.get(path.resolve(), Node()))

    def take(self, node: Node) -> None:
        """Take a scenario that was read elsewhere; it can include no files."""
        self._known(node, _PARTS, "a scenario")
        if node.get("include"):
            text = "files can be included by scenarios in files only; write their records here"
            self._refuse(where(node, "include"), text)
        self._files[Path()] = node
        self._head(node)

    def _head(self, own: Node) -> None:
        self.description = str(own.get("description") or "")
        self.seed = self._number(own, "seed") or 0
        self.writes = self._number(own, "writes")
        for name, _ in self._mapping(own, "serials"):
            serials = own["serials"]
            serial = self._number(serials, name)
            if self._resource(name, where(serials, name)) is not None and serial is not None:
                self.serials[name] = serial

    def _number(self, node: Node, name: str) -> int | None:
        value = node.get(name)
        is_fine = isinstance(value, int) and not isinstance(value, bool)
        if value is None or (is_fine and (value >= 0 or name == "seed")):
            return value
        self._refuse(where(node, name), f"{name} is {value!r}; give a whole number")
        return None

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
        self.files.add(own_path(path))

    # Declaring

    def add(self, name: str, label: str, raw: Node) -> None:
        """Take one record, and those written below its relations."""
        self._record(name, label, raw, raw.where)

    def _record(
        self,
        name: str,
        label: str,
        raw: Any,
        place: str,
        fixed: Mapping[str, JSON] | None = None,
        number: int | None = None,
    ) -> None:
        resource = self._resource(name, place)
        if resource is None:
            return
        if not isinstance(raw, Node):
            if raw is not None:
                self._refuse(place, f"{name} {label!r} must be a mapping of fields")
                return
            raw = Node(where=place)
        number = crc32(label.encode()) if number is None else number
        entry = self._entry(resource, label, number, raw, place, fixed or {})
        for key in entry.named:
            self._children(entry, resource.relations[key], raw)

    def _children(self, entry: Entry, relation: Relation, raw: Node) -> None:
        """Declare the records below a relation: a mapping by label, a list, or a count."""
        given, place = raw[relation.name], where(raw, relation.name)
        kind = self._spec.resources[relation.to].relations[relation.by].kind
        held: dict[str, JSON] = {relation.by: [entry.key] if kind == "many" else entry.key}
        if relation.is_single:
            self._record(relation.to, f"{entry.label}.{relation.name}", given, place, held)
        elif isinstance(given, list):
            for number, part in enumerate(given, start=1):
                at = where(part) or place
                self._record(relation.to, f"{entry.label}.{number}", part, at, held, number)
        elif (
            isinstance(given, Node)
            and isinstance(given.get("count"), int)
            and given.keys() <= _MANY
        ):
            self._crowd(entry, relation, given, held)
        else:
            what = f"{entry.resource.name} {entry.label!r}: {relation.name}"
            for child, part in self._labelled(given, what, place):
                at = where(given, child) or place
                self._record(relation.to, f"{entry.label}.{child}", part, at, held)

    def _crowd(
        self, entry: Entry, relation: Relation, given: Node, held: Mapping[str, JSON]
    ) -> None:
        """Declare as many records as are asked for; they are a group, too."""
        count, part, place = given["count"], given.get("with"), where(given, "with")
        part = Node(where=place) if part is None else part
        if not self._is_count(count, where(given, "count")):
            return
        labels = [f"{entry.label}.{number:05}" for number in range(1, count + 1)]
        for number, label in enumerate(labels, start=1):
            self._record(relation.to, label, part, place, held, number)
        known = self._keys.get(relation.to, {})
        keys = [known[label].key for label in labels if label in known]
        self._groups[f"{entry.label}.{relation.name}"] = (relation.to, keys)

    def _is_count(self, count: Any, place: str) -> bool:
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            self._refuse(place, f"count is {count!r}; give a whole number")
            return False
        if self._limit is not None and len(self.entries) + count > self._limit:
            self._refuse(place, f"more than {self._limit} records; make them in smaller parts")
            return False
        return True

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
        if not self._is_count(count * len(parents), where(raw, "count")):
            return
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
        self.personas.append(Persona(name, token, words, user))
        known = self._keys.get(resource.name, {}).values()
        written = next((entry for entry in known if entry.key == token), None)
        if written is not None:
            holder = written.raw.get(to_user.name)
            if holder is None or self.key(to_user.to, holder) != user:
                text = f"persona {name!r} is not the {to_user.name} of its token; correct one"
                self._refuse(written.place, text)
            return
        fixed: dict[str, JSON] = {to_user.name: user}
        if "persona" in resource.fields:
            fixed["persona"] = name
        own = Node({resource.key: token}, where=place, lines={resource.key: raw.lines["token"]})
        self._entry(resource, name, crc32(name.encode()), own, place, fixed)

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
        key = raw.get(resource.key)
        if key is None and self._present is not None:
            key = self._present.key(resource.name, label)
        if key is None:
            key = key_of(resource, label, self._next(resource), self.seed)
        elif isinstance(key, str) and resource.fields[resource.key].schema.get("format") == "uuid":
            key = key.replace("-", "").lower()
        related = resource.relations
        named = tuple(k for k in raw if k in related and related[k].kind == "reverse")
        # Records of one group share what is written for them, and so it is compiled once.
        own = _without(raw, named) if named else raw
        entry = Entry(resource, label, number, key, own, place, fixed, named)
        known = self._keys.setdefault(resource.name, {})
        if label in known:
            text = f"{resource.name} {label!r} is also at {known[label].place}; rename one"
            self._refuse(place, text)
            return known[label]
        known[label] = entry
        self.entries.append(entry)
        return entry

    def _next(self, resource: Resource) -> int:
        before = 0 if self._present is None else self._present.serial(resource.name)
        return before + self._serials[resource.name]

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


def _without(raw: Node, names: Sequence[str]) -> Node:
    rest = {name: value for name, value in raw.items() if name not in names}
    return Node(rest, where=raw.where, lines=raw.lines)
