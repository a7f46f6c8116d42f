"""Make the hyperlinks of records, and read them back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from mockserver import values
from mockserver.exchange import MOUNT
from mockserver.frozen import dataclass
from mockserver.json_types import Key
from mockserver.operation import Operation, Resource

_TEMPLATE: Final = re.compile(r"{[^}]+}")
_ENDS_IN_KEY: Final = re.compile(r"[^{}]*/{[^{}]+}/?")


@dataclass(frozen=True, slots=True)
class Link:
    """A URL that some route matches; `resource` is "" when it names no record."""

    resource: str
    key: Key | None


class Links:
    """The URL space of an API: where records live, and which paths exist."""

    def __init__(
        self,
        resources: Mapping[str, Resource],
        operations: Iterable[Operation],
        elsewhere: Iterable[str] = (),
    ) -> None:
        located = [resource for resource in resources.values() if resource.path]
        self._records = [(_pattern(resource.path), resource) for resource in located]
        # Where all paths end in a key, with a slash or without, no pattern need be tried.
        self._places = {resource.around: resource for resource in reversed(located)}
        self._is_simple = all(_ENDS_IN_KEY.fullmatch(resource.path) for resource in located)
        paths = {operation.path for operation in operations} | set(elsewhere)
        self._routes = [_pattern(path) for path in paths]

    def read(self, url: str) -> Link | None:
        """
        Return what a URL or a path leads to; None when no route matches.

        Only the path counts: scheme and host are the reader's business.
        """
        try:
            path = MOUNT.sub("", urlsplit(url.strip()).path)
        except ValueError:
            return None
        found = self._quickly(path) if self._is_simple else self._slowly(path)
        if found is not None:
            return found
        if any(route.fullmatch(path) for route in self._routes):
            return Link("", None)
        return None

    def _quickly(self, path: str) -> Link | None:
        before, slash, key = path.removesuffix("/").rpartition("/")
        end = "/" if path.endswith("/") else ""
        resource = self._places.get((before + slash, end)) if key else None
        return None if resource is None else Link(resource.name, read_key(resource, key))

    def _slowly(self, path: str) -> Link | None:
        for pattern, resource in self._records:
            if match := pattern.fullmatch(path):
                return Link(resource.name, read_key(resource, match[1]))
        return None


def write(base_url: str, resource: Resource, key: Key) -> str:
    """Return the absolute URL of a record."""
    before, after = resource.around
    return f"{base_url}{before}{key}{after}"


def read_key(resource: Resource, text: str) -> Key | None:
    """Return the key a path segment spells, or None when it spells none."""
    if resource.has_integer_key:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    if resource.has_uuid_key:
        return values.read_uuid(text)
    return text


def _pattern(path: str) -> re.Pattern[str]:
    parts = _TEMPLATE.split(path)
    return re.compile("([^/]+)".join(re.escape(part) for part in parts))
