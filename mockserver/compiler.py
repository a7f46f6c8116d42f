"""Turn a document into operations and resources; report all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from mockserver import readings
from mockserver.errors import AuthorError, BrokenSpec, SpecError
from mockserver.loader import Node, where
from mockserver.operation import (
    Answer,
    Body,
    Field,
    Filter,
    Nesting,
    Operation,
    Order,
    Parameter,
    Permission,
    Relation,
    Resource,
    Schema,
    Spec,
    types_of,
)

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
VERBS: Final = ("list", "retrieve", "create", "update", "partial_update", "destroy")

#: What holds when `x-mock` says nothing; also the reference of what it may say.
DEFAULTS: Final[Mapping[str, Any]] = {
    "dialect": "drf",
    "input": "lenient",
    "trailing_slash": "none",
    "body_limit": 2_621_440,
    "auth": None,
    "paging": {
        "number": "page",
        "size": "page_size",
        "default": 10,
        "max": 100,
        "oversize": "clamp",
        "bad_size": "default",
        "out_of_range": "not_found",
        "last": None,
        "headers": {},
        "links": ["first", "prev", "next", "last"],
        "envelope": None,
    },
    "ordering": {
        "parameter": "o",
        "separator": ",",
        "descending": "-",
        "unknown": "reject",
        "ties": "key",
        "nulls": "high",
        "collation": "casefold",
    },
    "fieldset": {"parameter": None, "style": "repeat", "unknown": "ignore"},
    "filtering": {"invalid": "reject"},
    "media": None,
    "clock": "real",
    "elsewhere": [],
    "headers": {},
}


#: The same for `x-mock.auth`, which is absent where nobody has to sign in.
AUTH_DEFAULTS: Final[Mapping[str, Any]] = {"keyword": "Bearer", "active": "is_active"}


def compile_spec(document: Node, *, is_linted: bool = False) -> Spec:
    """Return what a bundled document says; raise BrokenSpec with every mistake."""
    problems: list[AuthorError] = [] if is_linted else _lint(document)
    try:
        spec = _Compiler(document, problems).compile()
    except (LookupError, TypeError, ValueError, AttributeError):
        # What lint complained of already has a shape that the compiler cannot walk.
        if not problems:
            raise
    if problems:
        raise BrokenSpec(problems)
    return spec


def _lint(document: Node) -> list[AuthorError]:
    # A document that was found right before needs neither the rules nor what compiles them.
    from mockserver import lint

    return list(lint.lint(document))


def resolve(document: Mapping[str, Any], node: Any) -> Any:
    """Follow local references until something that is not one."""
    seen = 0
    while isinstance(node, Mapping) and isinstance(node.get("$ref"), str) and seen < 32:
        target: Any = document
        for step in node["$ref"].partition("#")[2].split("/")[1:]:
            target = target.get(step.replace("~1", "/").replace("~0", "~"), {})
        siblings = {k: v for k, v in node.items() if k != "$ref"}
        node = Node({**target, **siblings}, where=where(target)) if siblings else target
        seen += 1
    return node


class _Compiler:
    def __init__(self, document: Node, problems: list[AuthorError]) -> None:
        self.document = document
        self.problems = problems
        given = document.get("x-mock") or {}
        self.conventions = {
            key: {**value, **(given.get(key) or {})}
            if isinstance(value, dict)
            else given.get(key, value)
            for key, value in DEFAULTS.items()
        }
        if self.conventions["auth"]:
            self.conventions["auth"] = {**AUTH_DEFAULTS, **self.conventions["auth"]}

    def compile(self) -> Spec:
        resources = dict(self._resources())
        self._check_relations(resources)
        self._check_auth(resources)
        operations = []
        seen: dict[str, str] = {}
        for path, item in (self.document.get("paths") or {}).items():
            for method in METHODS:
                if method not in (item or {}):
                    continue
                operation = self._guarded(path, method, item, resources)
                if operation is None:
                    continue
                if operation.id in seen:
                    self._problem(
                        operation.where,
                        f"operationId {operation.id} is also at {seen[operation.id]}; rename one",
                    )
                seen[operation.id] = operation.where
                operations.append(operation)
        return Spec(self.document, self.conventions, resources, tuple(operations))

    def _guarded(
        self, path: str, method: str, item: Node, resources: Mapping[str, Resource]
    ) -> Operation | None:
        try:
            return self._operation(path, method, item, resources)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            place = where(item[method]) or where(item, method)
            if not self.problems:
                self._problem(
                    place, f"{method.upper()} {path} is not a usable operation: {error!r}"
                )
            return None

    def _problem(self, place: str, text: str) -> None:
        self.problems.append(SpecError(place, text))

    # Resources

    def _resources(self) -> Iterator[tuple[str, Resource]]:
        seen: dict[str, str] = {}
        for schema in (self.document.get("components", {}).get("schemas") or {}).values():
            declared = schema.get("x-resource") if isinstance(schema, dict) else None
            if not isinstance(declared, dict) or "name" not in declared:
                continue
            name = declared["name"]
            if name in seen:
                self._problem(
                    where(schema, "x-resource"),
                    f"resource {name} is also at {seen[name]}; rename one",
                )
            seen[name] = where(schema, "x-resource")
            yield name, self._resource(name, declared, schema)

    def _resource(self, name: str, declared: Mapping[str, Any], schema: Node) -> Resource:
        fields = {
            prop: _field(prop, resolve(self.document, sub))
            for prop, sub in (schema.get("properties") or {}).items()
        }
        key = declared.get("key", "uuid")
        place = where(schema, "x-resource")
        if key not in fields:
            self._problem(
                place, f"resource {name} has no property {key!r}, its key; add it, or say key:"
            )
        title = declared.get("title") or "".join(w.title() for w in name.split("_"))
        return Resource(
            name=name,
            title=title,
            label=declared.get("label") or title,
            key=key,
            path=declared.get("path", ""),
            order=readings.texts(declared.get("order", key)),
            relations={n: _relation(n, r) for n, r in (declared.get("relations") or {}).items()},
            fields=fields,
            unique=tuple(tuple(u) for u in declared.get("unique") or ()),
            on_delete={
                cast(tuple[str, str], tuple(k.split(".", 1))): v
                for k, v in (declared.get("on_delete") or {}).items()
            },
            schema=schema,
            where=place,
        )

    def _check_auth(self, resources: Mapping[str, Resource]) -> None:
        auth = self.conventions["auth"]
        if not auth:
            return
        place = where(self.document["x-mock"], "auth")
        schemes = self.document.get("components", {}).get("securitySchemes") or {}
        scheme = resolve(self.document, schemes.get(auth["scheme"]))
        tokens = resources.get(auth["tokens"])
        if not scheme:
            text = f"there is no security scheme {auth['scheme']!r}; {_choices(schemes)}"
            self._problem(place, f"x-mock.auth: {text}")
        elif scheme.get("type") == "apiKey" and not _is_authorization(scheme):
            text = f"{auth['scheme']} is not sent in the Authorization header, the only one we read"
            self._problem(place, f"x-mock.auth: {text}; let an overlay change the scheme")
        if tokens is None:
            text = f"there is no resource {auth['tokens']!r}; {_choices(resources)}"
            self._problem(place, f"x-mock.auth: {text}")
        elif auth["user"] not in tokens.relations:
            text = f"{tokens.name} has no relation {auth['user']!r}; {_choices(tokens.relations)}"
            self._problem(place, f"x-mock.auth: {text}")

    def _check_relations(self, resources: Mapping[str, Resource]) -> None:
        for resource in resources.values():
            for relation in resource.relations.values():
                other = resources.get(relation.to)
                if other is None:
                    self._problem(
                        resource.where,
                        f"relation {resource.name}.{relation.name}: there is no resource "
                        f"{relation.to!r}; {_choices(resources)}",
                    )
                elif relation.kind == "reverse" and not (
                    relation.by in other.relations and other.relations[relation.by].is_stored
                ):
                    self._problem(
                        resource.where,
                        f"relation {resource.name}.{relation.name}: {relation.to} has no stored "
                        f"relation {relation.by!r}",
                    )
                if relation.is_stored and relation.name not in resource.fields:
                    self._problem(
                        resource.where,
                        f"relation {resource.name}.{relation.name} is stored: add it to properties",
                    )
            for other_name, field_name in resource.on_delete:
                target = resources.get(other_name)
                if target is None or field_name not in target.relations:
                    self._problem(
                        resource.where,
                        f"on_delete of {resource.name}: "
                        f"there is no relation {other_name}.{field_name}",
                    )

    # Operations

    def _operation(
        self, path: str, method: str, item: Node, resources: Mapping[str, Resource]
    ) -> Operation | None:
        node = item[method]
        place = where(node)
        action = node.get("x-action")
        if not node.get("operationId"):
            self._problem(place, f"{method.upper()} {path} has no operationId; add one")
            return None
        if not isinstance(action, dict):
            self._problem(
                place,
                f"{node['operationId']} does nothing: add x-action, for instance "
                "{verb: list, resource: …}; verbs are " + ", ".join((*VERBS, "action", "report")),
            )
            return None
        resource = action.get("resource", "")
        if resource not in resources:
            self._problem(
                where(node, "x-action"), f"there is no resource {resource!r}; {_choices(resources)}"
            )
            return None
        raw = [
            resolve(self.document, p)
            for p in [*item.get("parameters", ()), *node.get("parameters", ())]
        ]
        parameters = tuple({(p["name"], p["in"]): self._parameter(p) for p in raw}.values())
        verb = action["verb"]
        self._check_path(path, parameters, place)
        nesting = self._nesting(raw, verb, resources)
        names = {p.name for p in parameters if p.place == "query"}
        answers = self._answers(node)
        if not any(200 <= status < 300 for status in answers):
            self._problem(place, f"{node['operationId']} documents no success status; add one")
            return None
        paging = self.conventions["paging"]
        security = node.get("security", self.document.get("security")) or []
        permission = node.get("x-permission")
        return Operation(
            id=node["operationId"],
            method=method.upper(),
            path=path,
            tags=tuple(node.get("tags") or ()),
            summary=node.get("summary", ""),
            verb=verb,
            resource=resource,
            conditions=dict(action.get("where") or {}),
            visible=action.get("visible", ""),
            order=readings.texts(action["order"])
            if "order" in action
            else resources[resource].order,
            is_paged=verb == "list"
            and action.get("paging") != "none"
            and paging["number"] in names,
            parameters=parameters,
            nesting=nesting,
            ordering=self._ordering(raw),
            has_fieldset=self.conventions["fieldset"]["parameter"] in names,
            permission=permission
            and Permission(permission["needs"], readings.texts(permission.get("on", ()))),
            effect=readings.effect(node.get("x-effect"), verb, where(node, "x-effect")),
            body=self._body(node),
            answers=answers,
            is_public=not security or {} in security,
            is_secured=bool(security),
            where=place,
        )

    def _check_path(self, path: str, parameters: tuple[Parameter, ...], place: str) -> None:
        templated = set(re.findall(r"{([^}]+)}", path))
        declared = {p.name for p in parameters if p.place == "path"}
        for name in sorted(templated ^ declared):
            missing = (
                "is not described under parameters" if name in templated else "is not in the path"
            )
            self._problem(place, f"path parameter {name!r} of {path} {missing}")

    def _parameter(self, node: Node) -> Parameter:
        schema = resolve(self.document, node.get("schema") or {})
        if types_of(schema) == ("array",) or "array" in types_of(schema):
            schema = Node({**schema, "items": resolve(self.document, schema.get("items") or {})})
        declared = node.get("x-filter")
        return Parameter(
            name=node["name"],
            place=node["in"],
            schema=schema,
            is_required=bool(node.get("required")),
            where=where(node, "x-filter"),
            filter=self._filter(declared, node, schema)
            if declared is not None and node["in"] == "query"
            else None,
        )

    def _filter(self, declared: Any, node: Node, schema: Schema) -> Filter:
        said: Mapping[str, Any] = {"field": declared} if isinstance(declared, str) else declared
        is_array = "array" in types_of(schema)
        explode = node.get("explode", node.get("style", "form") == "form")
        values: Any = said.get("values") or (
            ("repeat" if explode else "comma") if is_array else "one"
        )
        inner = schema.get("items") or {} if is_array else schema
        is_boolean = "boolean" in types_of(inner)
        return Filter(
            fields=readings.texts(said.get("field", ())),
            lookup=said.get("lookup", "exact"),
            values=values,
            invalid=said.get("invalid")
            or ("ignore" if is_boolean else self.conventions["filtering"]["invalid"]),
            choices=said.get("choices", ""),
            only=said.get("only"),
            wording=said.get("wording", "query"),
            by=said.get("by", ""),
            any=tuple(readings.alternative(each) for each in said.get("any") or ()),
            where=dict(said.get("where") or {}),
            shown=said.get("shown", ""),
            splits=said.get("splits", True),
            stranger=said.get("stranger", "none"),
        )

    def _nesting(
        self, raw: list[Node], verb: str, resources: Mapping[str, Resource]
    ) -> Nesting | None:
        for node in raw:
            declared = node.get("x-filter")
            if node["in"] != "path" or declared is None:
                continue
            if isinstance(declared, str):
                return Nesting(node["name"], parent="", field=declared)
            parent, relation = declared.get("parent", ""), declared.get("relation", "")
            if parent not in resources:
                self._problem(
                    where(node, "x-filter"),
                    f"there is no resource {parent!r}; {_choices(resources)}",
                )
            elif relation not in resources[parent].relations:
                self._problem(
                    where(node, "x-filter"),
                    f"{parent} has no relation {relation!r}; "
                    f"{_choices(resources[parent].relations)}",
                )
            else:
                return Nesting(node["name"], parent=parent, relation=relation)
        return None

    def _ordering(self, raw: list[Node]) -> Order | None:
        rules = self.conventions["ordering"]
        for node in raw:
            if node["in"] != "query" or node["name"] != rules["parameter"]:
                continue
            declared = node.get("x-order") or {}
            schema = resolve(self.document, node.get("schema") or {})
            is_array = "array" in types_of(schema)
            inner = resolve(self.document, schema.get("items") or {}) if is_array else schema
            words = frozenset(w for w in _enum(inner) if isinstance(w, str))
            keys = {n: readings.texts(p) for n, p in (declared.get("keys") or {}).items()}
            bare = {word.removeprefix(rules["descending"]) for word in words if word} | set(keys)
            if not bare:
                self._problem(
                    where(node),
                    f"the ordering parameter {node['name']} lists no words: add an enum",
                )
            return Order(
                parameter=node["name"],
                keys={name: keys.get(name, (name,)) for name in sorted(bare)},
                words=words,
                default=readings.texts(declared.get("default", ())),
                nulls=declared.get("nulls", rules["nulls"]),
                is_single=not is_array,
                wording=declared.get("wording", "query"),
            )
        return None

    def _body(self, node: Node) -> Body | None:
        declared = resolve(self.document, node.get("requestBody"))
        if not declared:
            return None
        schemas = {media: entry.get("schema") or {} for media, entry in declared["content"].items()}
        return Body(schemas, bool(declared.get("required")))

    def _answers(self, node: Node) -> dict[int, Answer]:
        answers = {}
        for status, declared in (node.get("responses") or {}).items():
            response = resolve(self.document, declared)
            if not str(status).isdigit():
                continue
            content = response.get("content") or {}
            media = next(iter(content), "application/json")
            answers[int(status)] = Answer(
                status=int(status),
                schema=content[media].get("schema") if content else None,
                headers=frozenset(response.get("headers") or {}),
                media_type=media,
            )
        return answers


def _field(name: str, schema: Node) -> Field:
    source = schema.get("x-from")
    if isinstance(source, dict) and "computed" in source:
        return Field(name, schema, computed=source["computed"])
    if isinstance(source, dict) and "server" in source:
        return Field(name, schema, server=source["server"])
    return Field(name, schema, server="" if source == "server" else None)


def _relation(name: str, declared: Mapping[str, Any]) -> Relation:
    order = readings.texts(declared.get("order", ()))
    single = bool(declared.get("one"))
    if "of" in declared:
        return Relation(name, declared["of"], "reverse", declared.get("by", ""), order, single)
    if "computed" in declared:
        return Relation(name, declared["to"], "computed", "", order, single, declared["computed"])
    kind = "many" if declared.get("many") else "one"
    return Relation(name, declared["to"], cast(Any, kind), order=order, is_single=kind == "one")


def _enum(schema: Schema) -> list[Any]:
    found = list(schema.get("enum") or ())
    for key in ("anyOf", "oneOf"):
        for part in schema.get(key) or ():
            found.extend(_enum(part))
    return found


def _is_authorization(scheme: Mapping[str, Any]) -> bool:
    name = str(scheme.get("name")).lower()
    return (scheme.get("in"), name) == ("header", "authorization")


def _choices(names: Mapping[str, Any]) -> str:
    return "there are " + ", ".join(sorted(names)) if names else "none is declared"
