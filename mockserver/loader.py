"""Read a tree of YAML into one document that remembers its lines."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from mockserver.errors import BrokenSpec, SpecError
from mockserver.json_types import JSON

if TYPE_CHECKING:
    import yaml

#: Where a reference stands decides which section of `components` its target joins.
_SECTIONS: Final[Mapping[str, str]] = {
    "parameters": "parameters",
    "responses": "responses",
    "headers": "headers",
    "requestBody": "requestBodies",
    "examples": "examples",
    "links": "links",
    "callbacks": "callbacks",
    "securitySchemes": "securitySchemes",
}
#: Below these keys there is data, not OpenAPI: `$ref` has no meaning there.
_DATA: Final = frozenset({"example", "default", "enum", "const", "value", "mapping"})

_MERGE: Final = "tag:yaml.org,2002:merge"
#: A node of PyYAML. `Any`, because its types do not tell of the `id` of a kind.
_Tree: TypeAlias = Any
_TEXT: Final = "tag:yaml.org,2002:str"
#: The kinds of plain scalars: tag, pattern, and how they may begin.
_CORE: Final = (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        (
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+.0123456789"),
    ),
    ("merge", r"^(?:<<)$", ["<"]),
)
#: In place of the content of a file that could not be read, which was said already.
_UNREADABLE: Final = object()


#: Keys of a resolved document below which there is data, not schemas.
DATA_KEYS: Final = frozenset({"example", "examples", "default", "enum", "const", "value"})


class Node(dict[str, Any]):
    """A JSON object that knows the file and line it was read from."""

    __slots__ = ("lines", "where")

    def __init__(self, *args: Any, where: str = "", lines: Mapping[str, int] | None = None) -> None:
        super().__init__(*args)
        self.where = where
        self.lines = dict(lines or {})


def where(node: Any, key: str = "") -> str:
    """Return `file:line` of a node, or of one of its keys."""
    if not isinstance(node, Node) or not node.where:
        return ""
    if key and key in node.lines:
        return f"{node.where.rpartition(':')[0]}:{node.lines[key]}"
    return node.where


def load(path: Path) -> Node:
    """Read a spec and all files it refers to; raise BrokenSpec with every mistake."""
    return load_with_files(path)[0]


def load_with_files(path: Path) -> tuple[Node, frozenset[Path]]:
    """
    Read a spec as `load`, and return the files it consists of, too.

    A file is named as it was found: where links lead to it, its name shows that.
    """
    bundler = _Bundler(path)
    document = bundler.bundle()
    bundler.problems.extend(bundler.forgotten())
    if bundler.problems:
        raise BrokenSpec(bundler.problems)
    return document, frozenset(bundler.files)


def read_file(path: Path, *, root: Path | None = None) -> JSON:
    """Read one YAML or JSON file; mappings become `Node`s."""
    name = display_name(path, root)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise SpecError(name, f"cannot be read ({reason}); check the path") from None
    if path.suffix == ".json":
        return _read_json(text, name)
    return read_yaml(text, name)


def read_yaml(text: str, name: str) -> JSON:
    """Read YAML 1.2 text; `name` is how error messages call it."""
    import yaml  # not at the top: what was read before is not read again

    try:
        tree = yaml.compose(text, Loader=_core_loader())
        return None if tree is None else _construct(tree, name)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SpecError(f"{name}:{line}", f"is not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise SpecError(name, f"is not valid YAML: {text}") from None
    except RecursionError:
        text = "an alias stands inside of what it names, or the nesting is too deep"
        raise SpecError(name, f"is not valid YAML: {text}") from None


def display_name(path: Path, root: Path | None = None) -> str:
    """Return a path as a person would type it: relative where possible."""
    for base in (Path.cwd(), root):
        if base is not None and path.is_absolute() and path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)


def own_path(path: Path, resolved: Path | None = None) -> Path:
    """Return the one name of a file; where links lead to it, the one that it was found by."""
    found = path.resolve() if resolved is None else resolved
    return found if os.path.normpath(path.absolute()) == str(found) else path.absolute()


class _Bundler:
    """Follow references from the root file and gather their targets in `components`."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.problems: list[SpecError] = []
        self.files = {own_path(path)}
        self._files: dict[Path, Any] = {}
        self._names: dict[tuple[Path, str], tuple[str, str]] = {}
        self._targets: dict[tuple[Path, str], Path] = {}
        self._components: dict[str, dict[str, Any]] = {}

    def bundle(self) -> Node:
        root = self._file(self.path, "")
        if not isinstance(root, Node):
            text = "is not an OpenAPI document; it must be a mapping with `openapi` and `paths`"
            name = display_name(self.path, self.path.parent.parent)
            raise BrokenSpec(self.problems or [SpecError(name, text)])
        declared = root.get("components")
        for section, entries in (declared if isinstance(declared, dict) else {}).items():
            for name, entry in entries.items() if isinstance(entries, dict) else ():
                self._declare(section, name, entry)
        document = Node(root, where=root.where, lines=root.lines)
        for section, entries in (declared if isinstance(declared, dict) else {}).items():
            if isinstance(entries, dict):
                self._components.setdefault(section, {}).update(
                    {n: self._target(e, self.path, section) for n, e in entries.items()}
                )
        document["paths"] = self._paths(root.get("paths"))
        for key, value in root.items():
            if key not in ("paths", "components"):
                document[key] = self._walk(value, self.path, "schemas")
        if self._components:
            document["components"] = Node(self._components, where=where(root, "components"))
        return document

    def forgotten(self) -> Iterator[SpecError]:
        """Yield the files below `paths/` that nothing refers to: nobody wanted that."""
        for path in sorted((self.path.parent / "paths").rglob("*.yaml")):
            if path.resolve() not in self._files:
                name = display_name(path, self.path.parent.parent)
                text = f"nothing refers to this file; add it to `paths:` of {self.path.name}"
                yield SpecError(name, text)

    def _declare(self, section: str, name: str, entry: Any) -> None:
        """Give the target of an index entry the entry's name, before anyone refers to it."""
        self._names[self.path, f"/components/{section}/{name}"] = (section, name)
        if isinstance(entry, dict) and isinstance(entry.get("$ref"), str):
            file, _, pointer = entry["$ref"].partition("#")
            if file:
                target = self._beside(self.path, file)
                self._names.setdefault((target, pointer), (section, name))

    def _target(self, entry: Any, base: Path, section: str) -> Any:
        if isinstance(entry, dict) and isinstance(entry.get("$ref"), str):
            found, file = self._resolve(entry, base)
            if file is not None and file != self.path:
                return self._walk(found, file, section)
        return self._walk(entry, base, section)

    def _paths(self, paths: Any) -> Node:
        result = Node(where=where(paths), lines=getattr(paths, "lines", None))
        for path, item in paths.items() if isinstance(paths, dict) else ():
            found, file = item, self.path
            if isinstance(item, dict) and "$ref" in item:
                found, resolved = self._resolve(item, self.path)
                if resolved is None:
                    continue
                file = resolved
            result[path] = self._walk(found, file, "pathItems")
        return result

    def _walk(self, node: Any, base: Path, section: str) -> Any:
        if isinstance(node, list):
            return [self._walk(item, base, section) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            return self._reference(node, base, section)
        result = Node(where=where(node), lines=getattr(node, "lines", None))
        for key, value in node.items():
            if key.startswith("x-") or (key in _DATA and section != "properties"):
                result[key] = value
            elif section == "properties":
                result[key] = self._walk(value, base, "schemas")
            elif key in ("properties", "patternProperties", "$defs", "dependentSchemas"):
                result[key] = self._walk(value, base, "properties")
            elif section == "schemas" and key == "examples":
                result[key] = value
            else:
                result[key] = self._walk(value, base, _SECTIONS.get(key, _inherit(section, key)))
        return result

    def _reference(self, node: dict[str, Any], base: Path, section: str) -> Any:
        target, file = self._resolve(node, base)
        if file is None:
            return Node(node, where=where(node))
        pointer = node["$ref"].partition("#")[2]
        known = self._names.get((file, pointer))
        if known is None:
            known = (section, self._free_name(section, file, pointer))
            self._names[file, pointer] = known
            entries = self._components.setdefault(section, {})
            entries[known[1]] = None
            entries[known[1]] = self._walk(target, file, section)
        siblings = {k: self._walk(v, base, section) for k, v in node.items() if k != "$ref"}
        return Node({"$ref": f"#/components/{known[0]}/{known[1]}", **siblings}, where=where(node))

    def _free_name(self, section: str, file: Path, pointer: str) -> str:
        wanted = pointer.rpartition("/")[2] or file.stem
        wanted = re.sub(r"[^A-Za-z0-9._-]", "_", wanted)
        taken = {name for sect, name in self._names.values() if sect == section}
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}{number}", number + 1
        return name

    def _resolve(self, node: dict[str, Any], base: Path) -> tuple[Any, Path | None]:
        reference = node["$ref"]
        file_part, _, pointer = reference.partition("#")
        place = where(node, "$ref")
        if "://" in file_part:
            self._problem(place, f"$ref {reference!r} is remote: save it beside the spec")
            return None, None
        file = self._beside(base, file_part) if file_part else base
        target = self._file(file, place)
        if target is _UNREADABLE:
            return None, None
        for step in pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and key in target:
                target = target[key]
            elif isinstance(target, list) and key.isdigit() and int(key) < len(target):
                target = target[int(key)]
            else:
                self._problem(place, f"$ref {reference!r} leads nowhere: there is no {key!r}")
                return None, None
        if target is None:
            self._problem(place, f"$ref {reference!r} leads to nothing: write something there")
            return None, None
        return target, file

    def _beside(self, base: Path, name: str) -> Path:
        """Return the file of that name beside another; asking the system takes long."""
        if (base, name) not in self._targets:
            found = self._targets[base, name] = (base.parent / name).resolve()
            self.files.add(own_path(base.parent / name, found))
        return self._targets[base, name]

    def _file(self, path: Path, place: str) -> Any:
        if path not in self._files:
            self._files[path] = _UNREADABLE
            try:
                self._files[path] = read_file(path, root=self.path.parent.parent)
            except SpecError as error:
                self.problems.append(error if not place else SpecError(place, str(error)))
        return self._files[path]

    def _problem(self, place: str, text: str) -> None:
        self.problems.append(SpecError(place, text))


def _inherit(section: str, key: str) -> str:
    # Inside a response or a parameter the next schema starts at `schema`.
    if key in ("schema", "items", "additionalProperties", "unevaluatedProperties"):
        return "schemas"
    return section if section != "pathItems" else "pathItems"


@cache
def _core_loader() -> Any:
    """Return a loader of the YAML 1.2 core schema: `on`, `yes` and dates stay text."""
    import yaml

    class CoreLoader(yaml.CSafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  as in the base class

        def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
            # Most scalars are words that begin like nothing else; the rest is for the base.
            is_plain = kind is yaml.ScalarNode and value and implicit[0]
            if is_plain and value[0] not in self.yaml_implicit_resolvers:
                return _TEXT
            found: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # it has no types
            return found

    for tag, pattern, first in _CORE:
        CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)
    return CoreLoader


def _construct(node: _Tree, name: str) -> Any:
    if node.id == "mapping":
        return _mapping(node, name)
    if node.id == "sequence":
        return [_construct(item, name) for item in node.value]
    return _scalar(node)


def _mapping(node: _Tree, name: str) -> Node:
    result = Node(where=f"{name}:{node.start_mark.line + 1}")
    for key_node, value_node in _pairs(node):
        key = key_node.value if key_node.id == "scalar" else None
        line = key_node.start_mark.line + 1
        if key is None:
            raise SpecError(f"{name}:{line}", "a key must be text")
        if key in result:
            raise SpecError(f"{name}:{line}", f"the key {key!r} is there twice; remove one")
        result[key] = _construct(value_node, name)
        result.lines[key] = line
    return result


def _pairs(node: _Tree) -> Iterator[tuple[_Tree, _Tree]]:
    """Yield the pairs of a mapping, then those it merges: the first of a name wins."""
    merged: list[_Tree] = []
    seen: set[str] = set()
    for key, value in node.value:
        if key.tag == _MERGE:
            merged += value.value if value.id == "sequence" else [value]
            continue
        if key.id == "scalar":
            seen.add(key.value)
        yield key, value
    for source in merged:
        if source.id != "mapping":
            _refuse_merge(source)
        for key, value in _pairs(source):
            if key.id != "scalar" or key.value not in seen:
                seen.add(str(key.value))
                yield key, value


def _refuse_merge(source: _Tree) -> NoReturn:
    import yaml

    raise yaml.MarkedYAMLError(
        problem="only mappings can be merged", problem_mark=source.start_mark
    )


def _scalar(node: _Tree) -> JSON:
    text: str = node.value
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            base = 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10
            return int(text[2:] if base != 10 else text, base)
        case "float":
            plain = text.lower().replace(".inf", "inf").replace(".nan", "nan")
            value = float(plain)
            return value if math.isfinite(value) else text
        case _:
            return text


def _read_json(text: str, name: str) -> JSON:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise SpecError(f"{name}:{error.lineno}", f"is not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(name, f"is not valid JSON: {error}") from None
    return _locate(value, name, "")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice; remove one")
    return found


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"there is no number {word}")


def _locate(value: Any, name: str, pointer: str) -> Any:
    """Make objects Nodes; the parser tells no lines, so a JSON pointer is their place."""
    if isinstance(value, dict):
        children = {
            key: _locate(inner, name, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
            for key, inner in value.items()
        }
        return Node(children, where=f"{name}#{pointer}" if pointer else name)
    if isinstance(value, list):
        return [_locate(item, name, f"{pointer}/{i}") for i, item in enumerate(value)]
    return value
