"""Write a step as a command line that a person can run."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_SAFE = "${}:/|"


def curl(step: Mapping[str, Any], base_url: str) -> str:
    """Return a step of a script as a curl command; tokens come from the environment."""
    parts = ["curl", "-sS"]
    if step["method"] != "GET":
        parts += ["-I"] if step["method"] == "HEAD" else ["-X", step["method"]]
    persona = step.get("persona", "main")
    names = {name.lower() for name in step.get("headers", {})}
    if persona != "nobody" and "authorization" not in names:
        variable = "TOKEN" if persona == "main" else f"TOKEN_{persona.upper().replace(':', '_')}"
        parts += ["-H", f'"Authorization: ${variable}"']
    for name, value in step.get("headers", {}).items():
        parts += ["-H", shlex.quote(f"{name}: {value}")]
    parts += _body(step)
    return " ".join([*parts, shlex.quote(_url(step, base_url))])


def _url(step: Mapping[str, Any], base_url: str) -> str:
    if step.get("url"):
        return str(step["url"])
    path = step["template"]
    for name, value in step.get("params", {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=_SAFE))
    query = urlencode([tuple(pair) for pair in step.get("query", ())], safe=_SAFE)
    return f"{base_url}{path}{'?' if query else ''}{query}"


def _body(step: Mapping[str, Any]) -> list[str]:
    if "body" not in step and "raw" not in step:
        return []
    media = step.get("media") or "application/json"
    if "body" in step:
        text = json.dumps(step["body"], ensure_ascii=False)
    else:
        text = base64.b64decode(step["raw"]).decode("utf-8", "replace")
    return ["-H", shlex.quote(f"Content-Type: {media}"), "--data-binary", shlex.quote(text[:2000])]
