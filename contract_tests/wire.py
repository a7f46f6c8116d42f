"""One request and its answer, as values; what every layer of the suite passes around."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

#: Stands for "no body" and "no such value", where None is JSON's null.
ABSENT: Final[Any] = type(
    "Absent", (), {"__repr__": lambda self: "ABSENT", "__bool__": lambda self: False}
)()

#: Names of headers whose values never leave the process …
SECRET_HEADERS: Final = frozenset(
    {"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key", "api-key"}
)
#: … and what gives away that a header of another name is one of them.
_SECRET: Final = re.compile(r"auth|cookie|token|secret|password|key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """What is asked: `path` percent-encoded and from the root, `query` still as pairs."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path with its query, as it stands in the request line."""
        # A lone surrogate stands for a byte that is no text.
        query = urlencode(self.query, errors="surrogateescape")
        return f"{self.path}?{query}" if query else self.path


@dataclass(frozen=True, slots=True)
class Received:
    """What came back; header names in lower case, repeated headers joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def media_type(self) -> str:
        """The type and subtype, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the parsed body; ABSENT when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return ABSENT


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a run; `number` counts from 1, `purpose` is the property it serves."""

    number: int
    operation: str
    persona: str
    sent: Sent
    received: Received
    purpose: str = ""


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers that may be shown to anybody."""
    return {
        name: "[redacted]" if _SECRET.search(name) else value for name, value in headers.items()
    }
