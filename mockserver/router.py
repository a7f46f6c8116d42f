"""Match a method and path to an operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from mockserver.actions import Bound

_ORDER: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Route:
    """One path: its operations by method, HEAD and OPTIONS included in `allow`."""

    path: str
    bounds: Mapping[str, Bound]
    allow: str

    def bound(self, method: str) -> Bound | None:
        """Return the operation of a method; HEAD is GET without a body."""
        return self.bounds.get("GET" if method == "HEAD" else method)


@dataclass(slots=True)
class _Branch:
    """A segment of the tree of paths; a literal beats a parameter."""

    literals: dict[str, _Branch] = field(default_factory=dict)
    parameter: _Branch | None = None
    names: tuple[str, ...] = ()
    route: Route | None = None


class Router:
    """The paths of an API as a tree of segments, built once."""

    def __init__(self, bounds: Iterable[Bound]) -> None:
        self._root = _Branch()
        # Paths without parameters, which most lists have: a literal always wins.
        self._plain: dict[str, Route] = {}
        by_path: dict[str, dict[str, Bound]] = {}
        for bound in bounds:
            by_path.setdefault(bound.operation.path, {})[bound.operation.method] = bound
        for path, methods in by_path.items():
            route = Route(path, methods, _allow(methods))
            self._add(path, route)
            if "{" not in path:
                self._plain[path] = route

    def _add(self, path: str, route: Route) -> None:
        branch, names = self._root, []
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                branch.parameter = branch.parameter or _Branch()
                branch = branch.parameter
            else:
                branch = branch.literals.setdefault(segment, _Branch())
        branch.route, branch.names = route, tuple(names)

    def match(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route of a path and its parameters, percent-decoded."""
        plain = self._plain.get(path)
        if plain is not None:
            return plain, {}
        found = _descend(self._root, path.split("/")[1:], 0, ())
        if found is None or found[0].route is None:
            return None
        branch, values = found
        assert branch.route is not None
        return branch.route, dict(zip(branch.names, values, strict=True))


def _descend(
    branch: _Branch, segments: list[str], position: int, values: tuple[str, ...]
) -> tuple[_Branch, tuple[str, ...]] | None:
    if position == len(segments):
        return (branch, values) if branch.route is not None else None
    segment = segments[position]
    literal = branch.literals.get(segment)
    if literal is not None:
        found = _descend(literal, segments, position + 1, values)
        if found is not None:
            return found
    if branch.parameter is not None and segment:
        text = unquote(segment, errors="replace")
        return _descend(branch.parameter, segments, position + 1, (*values, text))
    return None


def _allow(methods: Mapping[str, Bound]) -> str:
    names = [name for name in _ORDER if name in methods]
    return ", ".join([*names, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
