"""Edit a state, and say what is wrong in the words of this API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from mockserver import editing
from mockserver.editing import Editor, Refused
from mockserver.errors import NON_FIELD, AuthorError, BrokenSpec, Invalid, Issue
from mockserver.json_types import Key
from mockserver.scenario import Scenario
from mockserver.store import State

_PLACE: Final = re.compile(r".*:([0-9]+)")


def put(
    editor: Editor, state: State, resource: str, key: str | None, fields: Any
) -> tuple[State, Key]:
    """Make or replace a record and return its key, too; raise Invalid."""
    with _told():
        return editing.put(editor, state, resource, key, fields)


def patch(editor: Editor, state: State, resource: str, key: Key, fields: Any) -> State:
    """Change some fields of a record; raise Invalid."""
    with _told():
        return editing.patch(editor, state, resource, key, fields)


def delete(editor: Editor, state: State, resource: str, key: Key) -> State:
    """Remove a record; raise Conflict when its resource forbids it."""
    return editing.delete(editor, state, resource, key)


def load(editor: Editor, text: str, name: str) -> Scenario:
    """Return the scenario that a text describes; raise Invalid, telling lines."""
    with _told():
        return editing.load(editor, text, name)


@contextmanager
def starting() -> Iterator[None]:
    """Blame the name of a scenario whose files cannot fill a state."""
    try:
        yield
    except (AuthorError, BrokenSpec) as problem:
        raise Invalid.field("scenario", f"It cannot be started from: {problem}") from None


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Invalid(issues(refused.problems)) from None


def issues(problems: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return complaints by JSON pointer, or by line, as those of the members of a body."""
    found: dict[str, Any] = {}
    for pointer, text in problems:
        steps = pointer.split("/")[1:] if pointer.startswith("/") else []
        at = found
        for step in steps:
            at = at.setdefault(step.replace("~1", "/").replace("~0", "~"), {})
        line = None if steps else _PLACE.fullmatch(pointer)
        told = text if line is None else f"line {line[1]}: {text}"
        at.setdefault(NON_FIELD, []).append(Issue("text", {"text": f"{told}."}))
    return found
