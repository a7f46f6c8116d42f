"""The mock server of a test run, and a client that is at home with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from mockserver.testing import MockServer, MockSession

__all__ = ["MockClient", "MockServer", "MockSession", "hosted"]


def hosted(said: Mapping[str, str]) -> MockServer:
    """Return the server of what `spec`, `pack`, `scenario` and `seed` name; it serves in a with."""
    return MockServer(
        spec=said.get("spec") or None,
        pack=said.get("pack") or None,
        scenario=said.get("scenario") or "default",
        seed=int(said["seed"]) if said.get("seed") else None,
    )


class MockClient:
    """
    A `requests` session with the mock's address and a persona's token.

    `get`, `post`, `put`, `patch`, `delete` and `request` take a path and what
    `requests` takes.
    """

    def __init__(
        self, url: str, tokens: Mapping[str, str], keyword: str, persona: str | None = None
    ) -> None:
        self.url, self._tokens, self._keyword = url, tokens, keyword
        self._others: list[MockClient] = []
        self.session = requests.Session()
        # Proxies and passwords of the machine are none of the mock's business.
        self.session.trust_env = False
        chosen = next(iter(tokens), "") if persona is None else persona
        if chosen and chosen not in tokens:
            known = ", ".join(tokens) or "nobody"
            raise LookupError(f"no persona {chosen!r} in this scenario; there are {known}")
        if chosen:
            self.session.headers["Authorization"] = f"{keyword} {tokens[chosen]}"

    def as_(self, persona: str) -> MockClient:
        """Return a client of another persona; "" is nobody, without a token."""
        other = MockClient(self.url, self._tokens, self._keyword, persona)
        self._others.append(other)
        return other

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request to a path of the mock."""
        more.setdefault("timeout", 30)
        address = path if path.startswith(("http://", "https://")) else f"{self.url}{path}"
        return self.session.request(method, address, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        """Send a GET."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        """Send a POST."""
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> requests.Response:
        """Send a PUT."""
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> requests.Response:
        """Send a PATCH."""
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        """Send a DELETE."""
        return self.request("DELETE", path, **more)

    def close(self) -> None:
        """Close the connections, those of other personas as well."""
        for other in self._others:
            other.close()
        self.session.close()
