"""Change the total and the links of a page, in headers or in an envelope."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mockserver.api import Api
from mockserver.exchange import Response
from mockserver.mutants.bodies import parsed, with_body, with_header

_LINK = re.compile(r'<([^>]*)>; rel="(\w+)"')


def _envelope(api: Api) -> dict[str, str]:
    return dict(api.conventions["paging"]["envelope"] or {})


def total_of(response: Response, api: Api) -> int | None:
    """Return the total that a page tells, or None."""
    name = api.conventions["paging"]["headers"].get("total")
    if name and name in response.headers:
        return int(response.headers[name])
    found, inside = parsed(response), _envelope(api).get("total")
    return found.get(inside) if inside and isinstance(found, dict) else None


def set_total(response: Response, api: Api, total: int) -> Response:
    """Return the page with another total."""
    name = api.conventions["paging"]["headers"].get("total")
    if name and name in response.headers:
        return with_header(response, name, str(total))
    return with_body(response, {**parsed(response), _envelope(api)["total"]: total})


def edit_link(
    response: Response,
    api: Api,
    rel: str,
    change: Callable[[str], str | None],
    *,
    is_new: bool = False,
) -> Response | None:
    """Return the page with another link; `change` gets "" for a missing one when it may be new."""
    rules = api.conventions["paging"]
    if "links" in rules["headers"]:
        return _in_header(response, rules["headers"]["links"], rel, change, is_new=is_new)
    found, name = parsed(response), _envelope(api).get("previous" if rel == "prev" else rel)
    if not name or not isinstance(found, dict) or not (found.get(name) or is_new):
        return None
    return with_body(response, {**found, name: change(found.get(name) or "")})


def _in_header(
    response: Response, name: str, rel: str, change: Callable[[str], str | None], *, is_new: bool
) -> Response | None:
    links: dict[str, Any] = {
        held: url for url, held in _LINK.findall(response.headers.get(name, ""))
    }
    if rel not in links and not is_new:
        return None
    links[rel] = change(links.get(rel, ""))
    text = ", ".join(f'<{url}>; rel="{held}"' for held, url in links.items() if url is not None)
    return with_header(response, name, text or None)
