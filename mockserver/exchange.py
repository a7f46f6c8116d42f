"""One HTTP request and its response, as values without a socket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final
from urllib.parse import parse_qsl

from mockserver.errors import Malformed
from mockserver.frozen import dataclass

#: Where a session is mounted: the part of a path that leads into it.
MOUNT: Final = re.compile(r"\A/__mock__/s/([^/]*)(?=/|\Z)")
#: More query parameters than this are refused, as Django does.
MAX_PARAMETERS = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """
    What arrived: `path` and `query` as they were sent, still percent-encoded.

    Header names are lower case. `mount` is the part of the URL before the path that
    the client sees and the API does not; `peer` is the address the request came from.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"
    mount: str = ""
    peer: str = ""

    @property
    def base_url(self) -> str:
        """The scheme and host the client used, and where the API is mounted."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}{self.mount}"

    def parameters(self) -> dict[str, list[str]]:
        """Return every value of every query parameter, in order."""
        found: dict[str, list[str]] = {}
        if not self.query:
            return found
        try:
            pairs = parse_qsl(
                self.query, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS
            )
        except ValueError:
            raise Malformed(f"Too many query parameters: {MAX_PARAMETERS} at most.") from None
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent: `body` is the bytes a GET would carry, also for HEAD."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
