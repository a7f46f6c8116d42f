"""Turn a Result into an HTTP response, and check it against the spec."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs, quote_plus, urlencode

import jsonschema_rs
import orjson

from mockserver import paginator
from mockserver.actions import Bound, Result
from mockserver.errors import ResponseDefect
from mockserver.exchange import Request, Response
from mockserver.json_types import JSON, Shown
from mockserver.links import write as write_link
from mockserver.operation import Operation, Schema, types_of
from mockserver.paginator import Page

#: `Accept: application/json; indent=4`, as rest_framework.renderers.JSONRenderer reads it.
_INDENT: Final = re.compile(r"application/json\s*;\s*indent=([0-9]{1,3})\b")
_WIDEST: Final = 8
JSON_TYPE: Final = "application/json"
_LINE_LIMIT: Final = 60_000


def render(bound: Bound, request: Request, result: Result) -> Response:
    """Return the response of a successful action."""
    operation = bound.operation
    answer = bound.success if result.status is None else operation.answers[result.status]
    headers: dict[str, str] = {}
    body = result.body
    if result.page is not None:
        body = _page(bound, request, result.page, body, headers)
    if result.created is not None and bound.resource.path:
        headers["Location"] = write_link(request.base_url, bound.resource, result.created)
    if answer.schema is None and body is None:
        return Response(answer.status, headers)
    headers["Content-Type"] = answer.media_type
    return Response(answer.status, headers, encode(body, request.headers.get("accept", "")))


def encode(body: JSON, accept: str = "") -> bytes:
    """Return JSON bytes; indented when `Accept` asks for it."""
    indent = _INDENT.search(accept) if accept else None
    if indent is not None:
        width = min(int(indent[1]), _WIDEST)
        return json.dumps(body, ensure_ascii=False, indent=width).encode()
    if type(body) is list and all(type(each) is Shown for each in body):
        return b"[%b]" % b",".join([row.text or _written(row) for row in body])
    return _dumped(body)


def _written(row: Shown) -> bytes:
    row.text = text = _dumped(row)
    return text


def _dumped(body: JSON) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        # Integers beyond 64 bits are fine JSON, but not for orjson.
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _page(
    bound: Bound, request: Request, page: Page[Any], rows: JSON, headers: dict[str, str]
) -> JSON:
    rules = bound.conventions["paging"]
    names = rules["headers"]
    if "total" in names:
        headers[names["total"]] = str(page.total)
    links = _links(request, page, rules) if page.is_paged else {}
    if "links" in names and links:
        text = ", ".join(f'<{links[rel]}>; rel="{rel}"' for rel in rules["links"] if rel in links)
        # Clients refuse the whole answer for a longer line.
        if len(text) < _LINE_LIMIT:
            headers[names["links"]] = text
    envelope = rules["envelope"]
    if not envelope or "array" in types_of(bound.success.schema or {}):
        return rows
    wrapped = {
        "items": rows,
        "total": page.total,
        "number": page.number,
        "size": page.size,
        "pages": page.last,
        "next": links.get("next"),
        "previous": links.get("prev"),
        "first": links.get("first"),
        "last": links.get("last"),
    }
    return {name: wrapped[part] for part, name in envelope.items()}


def _links(request: Request, page: Page[Any], rules: Mapping[str, Any]) -> dict[str, str]:
    # Page 1 is the list without a page parameter, other parameters in name order,
    # as rest_framework.utils.urls.replace_query_param writes them.
    name = rules["number"]
    before, spelled, after = _around(request.query, name)
    base = request.base_url + request.path
    found = {}
    for rel, number in paginator.numbers(page).items():
        asked = (before, f"{spelled}={number}" if number > 1 else "", after)
        text = "&".join(filter(None, asked))
        found[rel] = f"{base}?{text}" if text else base
    return found


@lru_cache(maxsize=512)
def _around(text: str, name: str) -> tuple[str, str, str]:
    """Return the parameters of a query that come before a name, the name, and those after it."""
    query = sorted(parse_qs(text, keep_blank_values=True, errors="replace").items())
    before = _encoded([pair for pair in query if pair[0] < name])
    return before, quote_plus(name), _encoded([pair for pair in query if pair[0] > name])


def _encoded(pairs: list[tuple[str, list[str]]]) -> str:
    return urlencode(pairs, doseq=True, errors="replace") if pairs else ""


class Judge:
    """Hold responses against the schemas of the spec; compiles each once, on first use."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        paging = (document.get("x-mock") or {}).get("paging") or {}
        self._items = str((paging.get("envelope") or {}).get("items", ""))
        self._compiled: dict[tuple[str, int, bool], Any] = {}

    def check(
        self, operation: Operation, response: Response, *, has_fieldset: bool = False
    ) -> None:
        """Raise ResponseDefect when the spec does not allow the response."""
        answer = operation.answers.get(response.status)
        if answer is None:
            known = ", ".join(str(status) for status in sorted(operation.answers))
            raise ResponseDefect(f"{operation.id}: status {response.status} is not among {known}")
        if answer.schema is None:
            if response.body:
                raise ResponseDefect(
                    f"{operation.id}: {response.status} is documented without body"
                )
            return
        sent = response.headers.get("Content-Type", "")
        if sent.partition(";")[0] != answer.media_type:
            raise ResponseDefect(f"{operation.id}: {sent!r} is not {answer.media_type}")
        validator = self._validator(operation, response.status, answer.schema, has_fieldset)
        for error in validator.iter_errors(orjson.loads(response.body)):
            place = "/".join(str(step) for step in error.instance_path)
            raise ResponseDefect(f"{operation.id}: at /{place}: {error.message}")

    def _validator(
        self, operation: Operation, status: int, schema: Schema, has_fieldset: bool
    ) -> Any:
        key = (operation.id, status, has_fieldset)
        if key not in self._compiled:
            # Without a fieldset an answer must be complete: the first alternative.
            wanted = schema if has_fieldset else complete(schema, self._items)
            self._compiled[key] = jsonschema_rs.Draft202012Validator(
                plain({"components": self._document.get("components", {}), "allOf": [wanted]}),
                validate_formats=True,
                formats={"uuid": is_uuid, "decimal": _is_text},
            )
        return self._compiled[key]


def complete(schema: Schema, enveloped: str = "") -> Schema:
    """
    Return the schema of an answer that no fieldset has cut (docs/adr/0004).

    `enveloped` is the member that holds the records of a list, where one does.
    """
    if "anyOf" in schema and "type" not in schema:
        first: Schema = schema["anyOf"][0]
        return first
    items = schema.get("items")
    if isinstance(items, Mapping) and "anyOf" in items and "type" not in items:
        return {**schema, "items": items["anyOf"][0]}
    members = schema.get("properties") or {}
    if enveloped and enveloped in members:
        return {**schema, "properties": {**members, enveloped: complete(members[enveloped])}}
    return schema


def plain(value: Any) -> Any:
    """Return a document as plain dicts and lists, which C and Rust code insists on."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def is_uuid(value: Any) -> bool:
    """Tell whether a text is a uuid, with dashes or without."""
    text = str(value).replace("-", "")
    return len(text) == 32 and all(c in "0123456789abcdefABCDEF" for c in text)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
