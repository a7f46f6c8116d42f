"""Make believable records from schemas and recipes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from random import Random
from types import FunctionType
from typing import Any, Final

import jsonschema_rs

from mockserver import loader
from mockserver.drafts import Fake, Maker, Target, World, plain
from mockserver.errors import AuthorError, FixtureError, SpecError
from mockserver.json_types import JSON, Key, Record
from mockserver.loader import Node, where
from mockserver.operation import Field, Resource, Schema, Spec, is_nullable, types_of
from mockserver.recipes import compile_recipe, faked

LOCALE: Final = "en_US"


class Checks:
    """What the schemas of records have against records; a schema is compiled when first asked."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._validators: dict[str, Any] = {}

    def complaints(self, resource: Resource, record: Record) -> Iterator[tuple[str, str]]:
        """Yield what the record schema has against a record: the field, and why."""
        validator = self._validators.get(resource.name)
        if validator is None:
            validator = self._validators[resource.name] = _validator(self._spec, resource)
        if validator.is_valid(record):
            return
        for error in validator.iter_errors(record):
            path = [str(step) for step in error.instance_path]
            yield (path[0] if path else ""), f"{'.'.join(path)}: {error.message}"


class Factory:
    """
    The maker of one world's records, by the recipes of factory files.

    A field is, in this order: what the fixture says, what the factory file
    says, what `x-faker` says, the schema's default, one of its examples or
    allowed values, null where that is allowed, or something invented that the
    schema admits.
    """

    def __init__(
        self, spec: Spec, world: World, recipes: Mapping[str, Node], problems: list[AuthorError]
    ) -> None:
        self._spec = spec
        self.world = world
        self.problems = problems
        self._recipes = recipes
        self._makers: dict[str, dict[str, Maker]] = {}

    def compile_all(self) -> None:
        """Compile every recipe, so that a mistake shows in every scenario."""
        for name in self._recipes:
            self._usual(self._spec.resources[name])

    def compile(self, resource: Resource, raw: Node) -> dict[str, Maker]:
        """Return a maker for every stored field, some as a fixture says; note what is wrong."""
        return {**self._usual(resource), **self.described(resource, raw)}

    def described(self, resource: Resource, raw: Node) -> dict[str, Maker]:
        """Return a maker for every field that a fixture gives; note what is wrong."""
        makers = {}
        for name, value in raw.items():
            place = where(raw, name)
            try:
                target = Target(resource, self._field(resource, name, place), place, self.world)
                makers[name] = compile_recipe(value, target)
            except AuthorError as problem:
                self.problems.append(problem)
        return makers

    def _usual(self, resource: Resource) -> dict[str, Maker]:
        """Return how each stored field is made when a fixture says nothing."""
        if resource.name not in self._makers:
            makers = {
                name: self._from_schema(resource, field)
                for name, field in resource.fields.items()
                if field.is_stored
            }
            self._makers[resource.name] = makers
            if resource.name in self._recipes:
                makers.update(self.described(resource, self._recipes[resource.name]))
        return self._makers[resource.name]

    def _from_schema(self, resource: Resource, field: Field) -> Maker:
        place = where(field.schema, "x-faker") or resource.where
        target = Target(resource, field, place, self.world)
        if "x-faker" in field.schema:
            try:
                return faked(field.schema["x-faker"], target)
            except FixtureError as problem:
                self.problems.append(SpecError(problem.place, problem.problem))
        return _invented(field, target)

    def _field(self, resource: Resource, name: str, place: str) -> Field:
        field = resource.fields.get(name)
        if field is None or not field.is_stored:
            known = ", ".join(n for n, f in resource.fields.items() if f.is_stored)
            why = "is derived, so it cannot be given" if field else "is not one of its fields"
            raise FixtureError(place, f"{resource.name}.{name} {why}; they are {known}")
        return field


def read_all(folder: Path, spec: Spec, problems: list[AuthorError]) -> dict[str, Node]:
    """Return the recipes of the factory files in a folder, by resource."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        node = read(path, problems)
        if path.stem not in spec.resources:
            names = ", ".join(sorted(spec.resources))
            text = f"there is no resource {path.stem!r}: name the file after one of {names}"
            problems.append(FixtureError(where(node) or str(path), text))
        elif node is not None:
            found[path.stem] = node
    return found


def faker(providers: Iterable[Any] = ()) -> Fake:
    """
    Return a Faker of its own, with the words of the pack.

    Each provider is what Faker takes, or a function that imports and returns it.
    """
    # Its many modules are of no use to a world that was made before.
    from faker import Factory as FakerFactory

    fake = FakerFactory.create(LOCALE)
    for provider in providers:
        fake.add_provider(provider() if isinstance(provider, FunctionType) else provider)
    fake.seed_instance(0)  # from now on its chance is not shared with other Fakers
    return fake


def derived_key(seed: int, resource: str, label: str) -> str:
    """Return the uuid, as 32 hex digits, that a labelled record has in a seeded world."""
    digits = sha256(f"{seed}/{resource}/{label}".encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:12]}4{digits[13:16]}{variant}{digits[17:32]}"


def key_of(resource: Resource, label: str, number: int, seed: int) -> Key:
    """Return the key of a labelled record that gives none itself."""
    schema = resource.fields[resource.key].schema
    if resource.has_integer_key:
        return number
    return derived_key(seed, resource.name, label) if schema.get("format") == "uuid" else label


def read(path: Path, problems: list[AuthorError]) -> Node | None:
    """Return the mapping in a fixture file, or None and a note of what is wrong."""
    try:
        node = loader.read_file(path)
    except SpecError as error:
        problems.append(FixtureError(error.place, error.problem))
        return None
    if node is None:
        return Node(where=loader.display_name(path))
    if not isinstance(node, Node):
        problems.append(FixtureError(loader.display_name(path), "must hold a mapping at its top"))
        return None
    return node


def _validator(spec: Spec, resource: Resource) -> Any:
    schema: dict[str, Any] = dict(resource.schema)
    if "'$ref'" in repr(schema):
        schema["components"] = spec.document.get("components", {})
    # Nothing of the state is derived, so a required derived field is not asked for.
    stored = {name for name, field in resource.fields.items() if field.is_stored}
    schema["required"] = [name for name in schema.get("required", ()) if name in stored]
    return jsonschema_rs.validator_for(schema, validate_formats=True, formats=FORMATS)


def _invented(field: Field, target: Target) -> Maker:
    schema, name = field.schema, field.name
    relation = target.resource.relations.get(name)
    if "default" in schema:
        value = plain(schema["default"])
        return lambda draft: value
    if relation is not None and relation.is_stored:
        empty: JSON = [] if relation.kind == "many" else None
        return lambda draft: empty
    if name == target.resource.key:
        return lambda draft: draft.label
    examples = list(schema.get("examples") or ([schema["example"]] if "example" in schema else []))
    allowed = examples or [v for v in schema.get("enum", ()) if v is not None]
    if allowed:
        return lambda draft: plain(draft.chance(name).choice(allowed))
    if "const" in schema or is_nullable(schema):
        constant = plain(schema.get("const"))
        return lambda draft: constant
    return lambda draft: invent(schema, draft.fake(name), draft.world.midnight)


def invent(schema: Schema, fake: Fake, midnight: datetime) -> JSON:
    """Return a value that the schema admits, drawn from a seeded Faker."""
    for fixed in ("const", "default"):
        if fixed in schema:
            return plain(schema[fixed])
    if schema.get("enum"):
        return plain(fake.random.choice(list(schema["enum"])))
    kinds = [kind for kind in types_of(schema) if kind != "null"]
    kind = kinds[0] if kinds else "object" if "properties" in schema else "string"
    if kind == "array":
        size = schema.get("minItems", 1)
        return [invent(schema.get("items", {}), fake, midnight) for _ in range(size)]
    if kind == "object":
        needed = {name: schema["properties"][name] for name in schema.get("required", ())}
        return {name: invent(part, fake, midnight) for name, part in needed.items()}
    if kind == "string":
        return _text(schema, fake, midnight)
    return _number(schema, kind, fake.random)


def _number(schema: Schema, kind: str, chance: Random) -> JSON:
    if kind == "boolean":
        return chance.random() < 0.5
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 100))
    if kind == "number" and "multipleOf" not in schema:
        return round(chance.uniform(low, high), 2)
    step = schema.get("multipleOf", 1)
    first = -(-low // step) + ("exclusiveMinimum" in schema and low % step == 0)
    last = high // step - ("exclusiveMaximum" in schema and high % step == 0)
    return chance.randint(int(first), int(max(first, last))) * step


def _text(schema: Schema, fake: Fake, midnight: datetime) -> str:
    chance = fake.random
    if (make := _FORMATTED.get(schema.get("format", ""))) is not None:
        return make(fake, midnight)
    low, high = schema.get("minLength", 0), schema.get("maxLength", 60)
    text = str(fake.sentence(nb_words=3)).rstrip(".")[:high].rstrip()
    while len(text) < low:
        text += chance.choice("abcdefghijklmnopqrstuvwxyz")
    return text


def _past(fake: Fake, midnight: datetime) -> datetime:
    return midnight - timedelta(seconds=fake.random.randrange(86_400, 366 * 86_400))


_FORMATTED: Final[Mapping[str, Callable[[Fake, datetime], str]]] = {
    "uuid": lambda fake, _: derived_key(fake.random.getrandbits(32), "", ""),
    "date-time": lambda fake, midnight: str(plain(_past(fake, midnight))),
    "date": lambda fake, midnight: _past(fake, midnight).date().isoformat(),
    "time": lambda fake, midnight: _past(fake, midnight).time().isoformat() + "Z",
    "decimal": lambda fake, _: f"{fake.random.randrange(1, 100_000) / 100:.2f}",
    "email": lambda fake, _: str(fake.ascii_safe_email()),
    "idn-email": lambda fake, _: str(fake.ascii_safe_email()),
    "uri": lambda fake, _: f"https://{fake.domain_word()}.example/",
    "uri-reference": lambda fake, _: f"/{fake.domain_word()}/",
    "hostname": lambda fake, _: f"{fake.domain_word()}.example",
    "ipv4": lambda fake, _: str(fake.ipv4_private()),
    "ipv6": lambda fake, _: str(fake.ipv6()),
    "duration": lambda fake, _: f"P{fake.random.randrange(1, 30)}D",
}


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    try:
        return text.endswith("Z") and plain(datetime.fromisoformat(text)) == text
    except ValueError:
        return False


def _is_email(text: str) -> bool:
    # An empty text is how optional addresses are stored.
    return not text or re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


#: Formats as values are stored, stricter and looser than as they are sent.
FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "uuid": lambda text: re.fullmatch("[0-9a-f]{32}", text) is not None,
    "decimal": _is_decimal,
    "date": _is_date,
    "date-time": _is_instant,
    "email": _is_email,
}
