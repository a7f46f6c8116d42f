"""Hide the credentials in what is shown of an exchange."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote_plus

from mockserver.compiler import resolve
from mockserver.contents import Content, decode, media_of
from mockserver.exchange import Request, Response
from mockserver.json_types import JSON

#: What stands in the place of a credential.
HIDDEN: Final = "[redacted]"
#: In the place of what is nested so deeply that nobody would read it.
_TOO_DEEP: Final = "[nested too deeply]"
_DEPTH: Final = 64
#: A shorter credential is hidden where it belongs, but not where it is repeated.
_SHORTEST_REPEATED: Final = 6
_SHORTEST_COOKIE: Final = 16

_ANYWHERE: Final = re.compile(
    r"secret|password|passwd|passphrase|credential|apikey|privatekey|accesskey|authorization"
)
_AT_END: Final = ("token", "tokens", "cookie", "cookies", "pwd", "jwt")
_HEADER_AT_END: Final = ("token", "key", "secret")
#: These words before a credential tell callers nothing secret.
_SCHEMES: Final = frozenset({"token", "bearer", "basic", "digest", "jwt", "apikey"})
#: Their credentials may be guessed, so not even a fingerprint of them is shown.
_GUESSABLE: Final = frozenset({"basic", "digest"})

_NO_LETTER: Final = re.compile(r"[\W_]+")
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s\"'@]+(?=@)")
_IN_URL: Final = re.compile(r"(?<=[?&;#])([^=&#?;\s<>\"']+)=([^&#?;\s<>\"']*)")
_HEADER_LINE: Final = re.compile(
    r"(?i)\b(authorization|cookie|set-cookie)([\"']?\s*:\s*[\"']?)([^\"'\r\n]+)"
)
#: The name before a value, in what is no JSON, or only the start of some …
_NAME: Final = re.compile(r"\"([^\"\\\n]{1,80})\"\s*:\s*|(?<![\w.%-])([\w.%-]++)[\"']?\s*[=:]\s*")
#: … and the value after it.
_VALUE: Final = re.compile(
    r"\"(?:[^\"\\]|\\.)*+|'(?:[^'\\]|\\.)*+|[^\s&,;}\]\"'\[{]+|[\[{].*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Safe:
    """An exchange without its credentials; `secrets` are those that were found in it."""

    path: str
    query: str
    request_headers: Mapping[str, str]
    request: Content
    response_headers: Mapping[str, str]
    response: Content
    secrets: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Redactor:
    """What counts as a credential; `names` and `schemes` are those of one API."""

    names: frozenset[str] = frozenset()
    schemes: frozenset[str] = _SCHEMES

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Redactor:
        """Return what hides what a document marks `format: password` or `writeOnly`, too."""
        rules = (document.get("x-mock") or {}).get("auth") or {}
        schemes = {str(rules["keyword"]).lower()} if "keyword" in rules else set()
        return cls(frozenset(map(_plain, _marked(document))), _SCHEMES | schemes)

    def line(self, request: Request) -> tuple[str, str]:
        """Return the path and the query of a request."""
        hider = _Hider(self)
        hider.headers(request.headers)
        query = hider.pairs(request.query)
        path, query = _scrubbed([_sendable(request.path), query], hider.found)
        return path, query

    def safe(self, request: Request, response: Response) -> Safe:
        """Return all that may be shown of an exchange, also where a credential is repeated."""
        hider = _Hider(self)
        query = hider.pairs(request.query)
        asked, answered = hider.headers(request.headers), hider.headers(response.headers)
        sent = hider.content(decode(media_of(request.headers), request.body))
        got = hider.content(decode(media_of(response.headers), response.body))
        shown = [_sendable(request.path), query, asked, sent.value, answered, got.value]
        path, query, asked, sent_value, answered, got_value = _scrubbed(shown, hider.found)
        return Safe(
            path,
            query,
            asked,
            Content(sent_value, sent.encoding),
            answered,
            Content(got_value, got.encoding),
            frozenset(hider.found),
        )

    def text(self, safe: Safe, text: str) -> str:
        """Return a sentence about an exchange without the credentials of the exchange."""
        hidden = _Hider(self).content(Content(_sendable(text), "text"))
        return str(_scrubbed(hidden.value, safe.secrets))


def fingerprint(secret: str) -> str:
    """Return four digits that tell one credential from another, and not what it is."""
    return f"…{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}"


class _Hider:
    """Hides credentials, and gathers them: somebody may have repeated one elsewhere."""

    def __init__(self, redactor: Redactor) -> None:
        self._names, self._schemes = redactor.names, redactor.schemes
        self.found: set[str] = set()

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._header(name, _sendable(value)) for name, value in headers.items()}

    def pairs(self, query: str) -> str:
        """Return a query string or a form, still encoded."""
        if not query:
            return query
        return "&".join(map(self._pair, _sendable(query).split("&")))

    def content(self, content: Content) -> Content:
        if content.encoding == "text":
            return Content(self._text(content.value), "text")
        if content.encoding in ("json", "form"):
            return Content(self._value(content.value, 0), content.encoding)
        return content

    def _is_secret(self, name: str) -> bool:
        plain = _plain(name)
        return _sounds_secret(plain) or plain in self._names

    def _header(self, name: str, value: str) -> str:
        plain = _plain(name)
        if plain in ("authorization", "proxyauthorization"):
            return self._credentials(value)
        if plain in ("cookie", "setcookie"):
            # After the first part of Set-Cookie come a path, a date and the like.
            for part in value.split(";")[: None if plain == "cookie" else 1]:
                self._keep(part.partition("=")[2].strip(), _SHORTEST_COOKIE)
            return HIDDEN
        is_own = name.lower().startswith("x-") and plain.endswith(_HEADER_AT_END)
        if is_own or self._is_secret(name):
            self._keep(value)
            return HIDDEN
        return self._links(value)

    def _credentials(self, value: str) -> str:
        words = value.split()
        scheme = words[0] if words and words[0].lower() in self._schemes else ""
        rest = words[1:] if scheme else words
        for word in rest:
            self._keep(word)
        if scheme.lower() == "basic" and rest:
            self._keep(_password(rest[0]))
        if len(rest) != 1 or scheme.lower() in _GUESSABLE:
            return f"{scheme} {HIDDEN if rest else ''}".strip()
        return f"{scheme} {fingerprint(rest[0])}".strip()

    def _pair(self, part: str) -> str:
        """Return `name=value` of a query string."""
        hidden = self._links(self._hidden_pair(part))
        if "%" not in hidden or HIDDEN in hidden:
            return hidden
        # An address may be the value, as of `?next=`.
        name, _, value = part.partition("=")
        plain = unquote_plus(value, errors="replace")
        inner = self._links(plain)
        return part if inner == plain else f"{name}={quote(inner, safe='')}"

    def _hidden_pair(self, part: str) -> str:
        name, _, value = part.partition("=")
        if not value or value == HIDDEN or not self._is_secret(_decoded(name)):
            return part
        self._keep(value)
        self._keep(_decoded(value))
        return f"{name}={HIDDEN}"

    def _links(self, text: str) -> str:
        """Hide what the addresses in a text carry."""
        if "://" in text:
            text = _USERINFO.sub(HIDDEN, text)
        return _IN_URL.sub(lambda m: self._hidden_pair(m[0]), text) if "=" in text else text

    def _text(self, text: str) -> str:
        text = _HEADER_LINE.sub(lambda m: f"{m[1]}{m[2]}{self._hidden(m[3], 0)}", text)
        text = self._links(text)
        parts, done = [], 0
        for match in _NAME.finditer(text):
            start = match.end()
            if start < done or not self._is_secret(_decoded(match[1] or match[2])):
                continue
            value = _VALUE.match(text, start)
            if value is None or text.startswith(HIDDEN, start):
                continue
            quote_mark = value[0][0] if value[0][0] in "\"'" else ""
            self._keep(value[0].removeprefix(quote_mark))
            # What follows an opening brace is hidden to the end.
            parts += [text[done:start], quote_mark, HIDDEN]
            done = value.end()
        return "".join([*parts, text[done:]])

    def _value(self, value: JSON, depth: int) -> JSON:
        if depth > _DEPTH:
            return _TOO_DEEP
        if isinstance(value, dict):
            return {
                name: self._hidden(inner, depth)
                if self._is_secret(name)
                else self._value(inner, depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, depth + 1) for item in value]
        if not isinstance(value, str):
            return value
        return self._text(value) if value[:1] in ("{", "[") else self._links(value)

    def _hidden(self, value: JSON, depth: int) -> JSON:
        """Hide the leaves; whether there is anything at all is no secret."""
        if depth > _DEPTH:
            return _TOO_DEEP
        if isinstance(value, dict):
            return {name: self._hidden(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._hidden(item, depth + 1) for item in value]
        if value is None or value == "" or isinstance(value, bool):
            return value
        self._keep(str(value))
        return HIDDEN

    def _keep(self, secret: str, least: int = _SHORTEST_REPEATED) -> None:
        if len(secret) >= least:
            # A message may quote it as JSON does.
            self.found |= {secret, json.dumps(secret, ensure_ascii=False)[1:-1]}


def _marked(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of properties and parameters that a document says are secret."""
    nodes: list[Any] = [document]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes.extend(node)
        if not isinstance(node, Mapping):
            continue
        nodes.extend(node.values())
        properties = node.get("properties")
        for name, declared in properties.items() if isinstance(properties, Mapping) else ():
            if _is_marked(resolve(document, declared)):
                yield str(name)
        if "in" in node and "name" in node:
            is_key = node.get("type") == "apiKey"
            if is_key or _is_marked(resolve(document, node.get("schema"))):
                yield str(node["name"])


def _is_marked(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (
        schema.get("format") == "password" or schema.get("writeOnly") is True
    )


def _plain(name: str) -> str:
    return _NO_LETTER.sub("", name.lower())


def _sounds_secret(plain: str) -> bool:
    return plain.endswith(_AT_END) or _ANYWHERE.search(plain) is not None


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="replace")


def _password(credentials: str) -> str:
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


def _sendable(text: str) -> str:
    """Replace what UTF-8 cannot carry: a byte of a header that is no text."""
    return text.encode("utf-8", "replace").decode()


def _scrubbed(value: Any, secrets: Collection[str]) -> Any:
    """Return a value, as deep as it is, in which none of the credentials occurs."""
    if not secrets:
        return value
    # There may be thousands, but hardly any of them is repeated.
    everything = "\0".join(_texts(value))
    repeated = {each for each in secrets if each in everything and each not in HIDDEN}
    # The longest first: one may be a part of another.
    return _replaced(value, sorted(repeated, key=len, reverse=True)) if repeated else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _replaced(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {
            _replaced(name, secrets): _replaced(inner, secrets) for name, inner in value.items()
        }
    return [_replaced(item, secrets) for item in value] if isinstance(value, list) else value
