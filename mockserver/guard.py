"""Decide who may use the admin surface: this machine, or whoever knows the token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from mockserver.errors import Forbidden, Unauthenticated
from mockserver.exchange import Request

#: What carries the token beside `Authorization: Bearer`.
HEADER: Final = "x-mock-admin-token"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
_CORS_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


@dataclass(frozen=True, slots=True)
class Guard:
    """
    The rules of one server.

    Without a token the caller must be on this machine and must call it by a name of
    this machine, so that no page of another origin gets in by a name that it has
    made to point here (DNS rebinding). `hosts` are further names; `origins` are the
    pages that may call from elsewhere.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def check(self, request: Request) -> None:
        """Raise Forbidden or Unauthenticated when the caller may not."""
        headers = request.headers
        self._check_origin(request)
        said = _token(headers)
        if said:
            if self.token and hmac.compare_digest(said.encode(), self.token.encode()):
                return
            raise Unauthenticated("The admin token is wrong; see --admin-token.")
        if not is_local(request.peer) or any(name in headers for name in _FORWARDED):
            raise Unauthenticated(
                "The admin API is for this machine only; from elsewhere send the token of "
                f"--admin-token as `Authorization: Bearer …` or `{HEADER}: …`."
            )
        host = _hostname(headers.get("host", ""))
        if not (is_local(host) or host in self.hosts):
            raise Forbidden(
                f"The admin API does not answer to the name {host[:80]!r}; call it by the name "
                "localhost, send the token of --admin-token, or allow the name with --admin-host."
            )

    def _check_origin(self, request: Request) -> None:
        headers = request.headers
        origin = headers.get("origin")
        if origin is not None:
            own = f"{request.scheme}://{headers.get('host', '')}"
            if origin.lower() != own.lower() and origin not in self.origins:
                raise Forbidden(
                    "The admin API does not answer pages of other origins; allow this one "
                    "with --admin-origin."
                )
            return
        site = headers.get("sec-fetch-site", "none")
        is_visit = request.method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not is_visit:
            raise Forbidden("The admin API does not answer pages of other origins.")

    def cors(self, request: Request) -> Mapping[str, str]:
        """Return the headers that let an allowed page of another origin read the answer."""
        origin = request.headers.get("origin", "")
        if not origin or origin not in self.origins:
            return {}
        asked = request.headers.get("access-control-request-headers", "")
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": _CORS_METHODS,
            "Access-Control-Allow-Headers": "".join(
                c for c in asked if c.isascii() and (c.isalnum() or c in "-, ")
            ) or "Content-Type",
            "Access-Control-Expose-Headers": "Link, X-Result-Count, Location",
            "Vary": "Origin",
        }  # fmt: skip


@lru_cache(maxsize=256)
def is_local(name: str) -> bool:
    """Tell whether an address or a host name is of this machine; "" is a socket without one."""
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        found = ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() or "?"
    except ValueError:
        return "?"


def _token(headers: Mapping[str, str]) -> str:
    said = headers.get(HEADER, "")
    keyword, _, value = headers.get("authorization", "").partition(" ")
    return said or (value.strip() if keyword.lower() == "bearer" else "")
