"""What the spec says, as frozen values: Spec, Operation, Parameter, Resource, Filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

Verb: TypeAlias = Literal[
    "list", "retrieve", "create", "update", "partial_update", "destroy", "action", "report"
]


@dataclass(frozen=True, slots=True)
class Relation:
    """
    A way from one resource to another.

    `one` and `many` are stored in the record, as a key or a list of keys;
    `reverse` is found by index, `computed` by a function of the pack.
    """

    name: str
    to: str
    kind: Literal["one", "many", "reverse", "computed"]
    by: str = ""
    order: tuple[str, ...] = ()
    is_single: bool = False
    computed: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the record itself holds the keys."""
        return self.kind in ("one", "many")


@dataclass(frozen=True, slots=True)
class Field:
    """
    A property of a record schema.

    `computed` names the function that derives it; `server` the function that
    chooses it when the record is made ("" means by its format).
    """

    name: str
    schema: Schema
    computed: str = ""
    server: str | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the record holds a value of its own."""
        return not self.computed


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of record."""

    name: str
    title: str
    label: str
    key: str
    path: str
    order: tuple[str, ...]
    relations: Mapping[str, Relation]
    fields: Mapping[str, Field]
    unique: tuple[tuple[str, ...], ...]
    on_delete: Mapping[tuple[str, str], str]
    schema: Schema
    where: str
    #: The relations that a record itself holds: each write looks at them.
    links: tuple[str, ...] = field(init=False)
    #: Whether keys are whole numbers, counted up, or uuids.
    has_integer_key: bool = field(init=False)
    has_uuid_key: bool = field(init=False)
    #: What stands before the key in the path of a record, and what after it.
    around: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        key = self.fields[self.key].schema if self.key in self.fields else {}
        before, _, rest = self.path.partition("{")
        found = {
            "links": tuple(each.name for each in self.relations.values() if each.is_stored),
            "has_integer_key": "integer" in types_of(key),
            "has_uuid_key": key.get("format") == "uuid",
            "around": (before, rest.partition("}")[2]),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Alternative:
    """
    One of several ways in which a value may match.

    The value is read as each field's own kind; what cannot be read so does not
    match. With `words`, the first word is for the first of `words`, and so on;
    the last takes the rest, and all must match. It does not apply to values of
    the format `unless`, nor to keys of records of the resource `unless_key_of`.
    """

    fields: tuple[str, ...] = ()
    lookup: str = "exact"
    words: tuple[str, ...] = ()
    unless: str = ""
    unless_key_of: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """
    Keep the records whose `fields` pass `lookup`, that pass `any`, or that `by` keeps.

    `where` narrows what the lookup `exists` asks for. The rest is for testers:
    `shown` is the property of a row that holds what `by` compares, `splits`
    whether true and false of a boolean part the list in two ("apart": no record is
    in both, some may be in neither), `stranger` what an id that no record has keeps.
    """

    fields: tuple[str, ...] = ()
    lookup: str = "exact"
    values: Literal["one", "repeat", "comma"] = "one"
    invalid: str = "reject"
    choices: str = ""
    only: Any = None
    wording: Literal["query", "body"] = "query"
    by: str = ""
    any: tuple[Alternative, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""
    splits: Literal[True, False, "apart"] = True
    stranger: Literal["none", "all"] = "none"


@dataclass(frozen=True, slots=True)
class Nesting:
    """A path parameter that names the parent of a nested list."""

    parameter: str
    parent: str
    relation: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """The keys of an ordering parameter, each with the paths it compares."""

    parameter: str
    keys: Mapping[str, tuple[str, ...]]
    words: frozenset[str]
    default: tuple[str, ...]
    nulls: str
    is_single: bool
    wording: Literal["query", "body"] = "query"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation; `filter` is what it means."""

    name: str
    place: Literal["path", "query", "header", "cookie"]
    schema: Schema
    is_required: bool
    where: str
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """What a caller needs, and on which record; no paths: before any lookup."""

    needs: str
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A state in which an operation answers `status`: every path of `when` reaches such a value."""

    when: Mapping[str, tuple[Any, ...]]
    status: int


@dataclass(frozen=True, slots=True)
class Effect:
    """
    Which resources an operation may create, change (by field) and remove.

    `sets` are the constants it leaves in fields it changes, `refuses` the states
    in which it does nothing. `undo` is the operation that takes back what it
    creates, `lasting` says that none can; `repeat` is what the same call does
    when it is made again ("" when nothing is said).
    """

    creates: frozenset[str] = frozenset()
    changes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    removes: frozenset[str] = frozenset()
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    refuses: tuple[Refusal, ...] = ()
    undo: str = ""
    lasting: bool = False
    repeat: Literal["", "same", "refused", "again"] = ""
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: its schema by media type."""

    schemas: Mapping[str, Schema]
    is_required: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """A documented response; `schema` is None where it has no content."""

    status: int
    schema: Schema | None
    headers: frozenset[str]
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    id: str
    method: str
    path: str
    tags: tuple[str, ...]
    summary: str
    verb: Verb
    resource: str
    conditions: Mapping[str, Any]
    visible: str
    order: tuple[str, ...]
    is_paged: bool
    parameters: tuple[Parameter, ...]
    nesting: Nesting | None
    ordering: Order | None
    has_fieldset: bool
    permission: Permission | None
    effect: Effect | None
    body: Body | None
    answers: Mapping[int, Answer]
    is_public: bool
    is_secured: bool
    where: str

    @property
    def success(self) -> Answer:
        """The documented answer when all is well: the lowest 2xx."""
        return self.answers[min(s for s in self.answers if 200 <= s < 300)]

    @property
    def writes(self) -> bool:
        """Whether it may change the store."""
        return self.method not in ("GET", "HEAD")

    @property
    def path_key(self) -> str:
        """The path parameter that names the one record, or ""."""
        names = [p.name for p in self.parameters if p.place == "path"]
        return names[-1] if names else ""


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything the document says; `document` is the bundle it was read from."""

    document: Mapping[str, Any]
    conventions: Mapping[str, Any]
    resources: Mapping[str, Resource]
    operations: tuple[Operation, ...]

    def operation(self, operation_id: str) -> Operation:
        """Return the operation of that id; KeyError when there is none."""
        for operation in self.operations:
            if operation.id == operation_id:
                return operation
        raise KeyError(operation_id)


def types_of(schema: Schema) -> tuple[str, ...]:
    """Return the JSON types a schema names, always as a tuple."""
    declared = schema.get("type", ())
    return (declared,) if isinstance(declared, str) else tuple(declared)


def format_of(schema: Schema) -> str:
    """Return the format a schema names, at its top or in one of its alternatives."""
    if "format" in schema:
        return str(schema["format"])
    parts = [part for key in ("anyOf", "oneOf") for part in schema.get(key, ())]
    return next((str(part["format"]) for part in parts if "format" in part), "")


def is_nullable(schema: Schema) -> bool:
    """Tell whether null satisfies the schema, by what it says at its top."""
    if types := types_of(schema):
        return "null" in types
    if "enum" in schema:
        return None in schema["enum"]
    if parts := [part for key in ("anyOf", "oneOf") for part in schema.get(key, ())]:
        return any(is_nullable(part) for part in parts)
    return not any(key in schema for key in ("const", "allOf", "$ref", "format", "pattern"))
