"""Read fixtures that somebody sent, and tell where in them a mistake is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import yaml

from mockserver.errors import AuthorError, Invalid, Issue, SpecError
from mockserver.json_types import JSON
from mockserver.loader import Node, read_yaml

#: A scenario in a text is no longer than this many characters.
LONGEST_TEXT: Final = 64_000_000
#: Nothing that makes sense is nested deeper, and a reader in C would break.
DEEPEST: Final = 50
#: More complaints than these, and the rest is not worth reading.
ENOUGH: Final = 50


class Refused(Invalid):
    """
    400: an edit that would break the rules of its resource.

    `problems` are pairs of a JSON pointer into what was sent, or a line of it, and a text.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems[:ENOUGH])
        issues: dict[str, list[Issue]] = {}
        for pointer, text in self.problems:
            issues.setdefault(pointer, []).append(Issue("text", {"text": text}))
        super().__init__(issues)


class Places:
    """Make nodes of JSON, whose places are numbers of JSON pointers."""

    def __init__(self) -> None:
        self._pointers: list[str] = []

    def node(self, value: Any, pointer: str = "", depth: int = 0) -> Any:
        """Return a value whose objects remember where they stood."""
        if depth > DEEPEST:
            raise Refused([(pointer, f"nested deeper than {DEEPEST} levels; write it flatter")])
        if isinstance(value, list):
            return [self.node(v, f"{pointer}/{i}", depth + 1) for i, v in enumerate(value)]
        if not isinstance(value, dict):
            return value
        lines = {str(name): self._number(f"{pointer}/{escaped(str(name))}") for name in value}
        inner = {
            str(name): self.node(each, f"{pointer}/{escaped(str(name))}", depth + 1)
            for name, each in value.items()
        }
        return Node(inner, where=f":{self._number(pointer)}", lines=lines)

    def pointer(self, place: str) -> str | None:
        """Return the pointer of a place; None when the place is in a file."""
        file, _, number = place.rpartition(":")
        return None if file or not number.isdigit() else self._pointers[int(number)]

    def told(self, problem: AuthorError) -> tuple[str, str]:
        """Return a complaint as a pointer, or a place in a text, and its words."""
        pointer = self.pointer(problem.place)
        return (problem.place if pointer is None else pointer), problem.problem

    def _number(self, pointer: str) -> int:
        self._pointers.append(pointer)
        return len(self._pointers) - 1


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def read_text(text: str, name: str, places: Places) -> Node:
    """Return the mapping in a text; raise Refused."""
    if len(text) > LONGEST_TEXT:
        raise Refused([("", f"longer than {LONGEST_TEXT} characters; load it in parts")])
    if text.lstrip()[:1] == "{":
        try:
            read: Any = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            pass  # perhaps YAML, which tells the line of a mistake
        else:
            return places.node(read) if isinstance(read, dict) else Node()
    try:
        _guard(text, name)
        tree: JSON | Node = read_yaml(text, name)
    except SpecError as error:
        raise Refused([(error.place, error.problem)]) from None
    if not isinstance(tree, Node):
        raise Refused([(name, "a scenario is a mapping with parts such as records; write one")])
    return tree


def _guard(text: str, name: str) -> None:
    """Refuse what would cost more than its length: aliases, and very deep nesting."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                problem = "aliases are for files only; write the value out"
                raise SpecError(f"{name}:{_line(event)}", problem)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEEPEST:
                    problem = f"nested deeper than {DEEPEST} levels; write it flatter"
                    raise SpecError(f"{name}:{_line(event)}", problem)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return  # told better by the reader


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found
