"""Take up specs and scenarios that an earlier start read and found right."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import mockserver
from mockserver import compiler, data, loader, overlay, scenario, upgrade
from mockserver.entries import Names
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.fixtures import Persona
from mockserver.loader import Node
from mockserver.operation import Spec
from mockserver.scenario import Scenario
from mockserver.shelf import DOUBTS, Shelf, digest

#: What the bytes of a start depend on, beside ourselves and Python.
_LIBRARIES: Final = ("faker", "immutables", "jsonpath", "jsonschema_rs", "rstr", "yaml")
_DOUBTS: Final = (*DOUBTS, AuthorError, BrokenSpec)


@dataclass(frozen=True, slots=True)
class Start:
    """Which scenario a world starts from: `scenario.load` has the meaning of each."""

    root: Path
    name: str
    seed: int | None
    now: datetime
    providers: tuple[Any, ...] = ()


def read_spec(path: Path, overlays: Iterable[Path], shelf: Shelf | None) -> tuple[Spec, str]:
    """
    Return what a document says, overlays applied, and the seal it is kept with.

    Raises BrokenSpec with every mistake; what is kept had none. The seal is
    empty where nothing is kept.
    """
    overlays = tuple(overlays)
    if shelf is None:
        return compiler.compile_spec(_document(path, overlays)[0]), ""
    name = f"spec-{_slot(path, *overlays)}"
    checks = {**_engine(), "paths": _sorted((path.parent / "paths").rglob("*.yaml"))}
    kept = shelf.get(name, checks)
    if kept is not None:
        try:
            return compiler.compile_spec(unfolded(kept.value), is_linted=True), kept.seal
        except _DOUBTS as error:
            shelf.doubt(name, error)
    started = time.time_ns()
    document, files = _document(path, overlays)
    found = compiler.compile_spec(document)
    rules = data.root() / "spec" / "extensions.schema.json"
    followed = [*files, *map(loader.own_path, overlays), rules]
    return found, shelf.put(name, lambda: folded(document), checks, followed, started)


def read_scenario(start: Start, spec: Spec, shelf: Shelf | None, seal: str) -> Scenario:
    """Return a scenario of the spec that is kept with a seal; raise BrokenSpec."""
    if shelf is None or not seal or not all(map(_is_ours, start.providers)):
        return _load(start, spec)
    name = f"scenario-{_slot(start.root, start.name, start.seed)}"
    checks = {
        **_engine(),
        "spec": seal,
        "day": scenario.midnight(start.now).isoformat(),
        # Some words of Faker count from the day of the machine.
        "today": date.today().isoformat(),  # noqa: DTZ011  as Faker does
        "factories": _sorted((start.root / "factories").glob("*.yaml")),
    }
    kept = shelf.get(name, checks)
    if kept is not None:
        try:
            return _filled(kept.value, start.name, spec)
        except _DOUBTS as error:
            shelf.doubt(name, error)
    started = time.time_ns()
    made = _load(start, spec)
    shelf.put(name, lambda: _emptied(made), checks, made.files, started)
    return made


def _load(start: Start, spec: Spec) -> Scenario:
    return scenario.load(
        start.root, start.name, spec, seed=start.seed, now=start.now, providers=start.providers
    )


def _document(path: Path, overlays: tuple[Path, ...]) -> tuple[Node, frozenset[Path]]:
    document, files = loader.load_with_files(path)
    return upgrade.to_3_1(overlay.apply(document, overlays)), files


# What an answer depends on


def _slot(*parts: object) -> str:
    """Return a name for what is read from here by a Python like this one."""
    names = [str(part.absolute()) if isinstance(part, Path) else repr(part) for part in parts]
    python = sys.implementation.cache_tag or sys.version
    return digest("\0".join([str(Path.cwd()), python, *names]).encode())[:32]


def _sorted(paths: Iterable[Path]) -> list[str]:
    return sorted(str(path) for path in paths)


@cache
def _engine() -> Mapping[str, str]:
    """Return what says that an answer was worked out as we would do it."""
    package = Path(mockserver.__file__).parent
    ours = b"".join(path.read_bytes() for path in sorted(package.rglob("*.py")))
    return {"engine": digest(ours), "python": sys.version, "libraries": "\n".join(_libraries())}


def _libraries() -> Iterable[str]:
    """Yield when each library was installed: asking for versions takes longer."""
    for name in _LIBRARIES:
        found = find_spec(name)
        about = Path(found.origin).stat() if found and found.origin else None
        yield f"{name} {about.st_size} {about.st_mtime_ns}" if about else name


def _is_ours(words: Any) -> bool:
    """Tell whether our own digest covers what invents words."""
    return str(getattr(words, "__module__", "")).partition(".")[0] == mockserver.__name__


# Documents as JSON


def folded(value: Any) -> Any:
    """
    Return a document as plain JSON that keeps the place of every node.

    A node is `[where, lines, members]`, another object `{"o": members}` and a
    list `{"l": items}`. The lines are a list where every member has one.
    """
    if isinstance(value, Node):
        members = {key: folded(inner) for key, inner in value.items()}
        is_whole = list(value.lines) == list(members)
        return [value.where, list(value.lines.values()) if is_whole else value.lines, members]
    if isinstance(value, dict):
        return {"o": {key: folded(inner) for key, inner in value.items()}}
    return {"l": [folded(inner) for inner in value]} if isinstance(value, list) else value


def unfolded(value: Any) -> Any:
    """Return the document that was folded; LookupError, TypeError or ValueError for others."""
    if isinstance(value, list):
        place, lines, members = value
        for key, inner in members.items():
            if isinstance(inner, (list, dict)):
                members[key] = unfolded(inner)
        numbers = dict(zip(members, lines, strict=True)) if isinstance(lines, list) else lines
        return Node(members, where=place, lines=numbers)
    if isinstance(value, dict):
        if "l" in value:
            return [unfolded(inner) for inner in value["l"]]
        return {key: unfolded(inner) for key, inner in value["o"].items()}
    return value


# Scenarios as JSON


def _emptied(made: Scenario) -> dict[str, Any]:
    """Return a scenario as plain JSON."""
    tables = made.state.tables
    return {
        "seed": made.seed,
        "description": made.description,
        "personas": [[who.name, who.token, who.description, who.user] for who in made.personas],
        "writes": made.state.version,
        "serials": {name: table.serial for name, table in tables.items()},
        "records": {name: list(made.state.records(name).values()) for name in tables},
        "keys": made.names.keys,
        "groups": made.names.groups,
    }


def _filled(kept: Mapping[str, Any], name: str, spec: Spec) -> Scenario:
    """Return the scenario that was emptied."""
    groups = {label: (resource, keys) for label, (resource, keys) in kept["groups"].items()}
    return Scenario(
        name,
        kept["seed"],
        kept["description"],
        tuple(Persona(*who) for who in kept["personas"]),
        scenario.refilled(spec, kept["records"], kept["serials"], kept["writes"]),
        Names(kept["keys"], groups),
    )
