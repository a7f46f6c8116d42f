"""Read what a client wishes of one answer: `Prefer:`, or `__code` and the like in the query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote_plus

from mockserver.delivery import LONGEST
from mockserver.errors import Invalid, Malformed
from mockserver.exchange import Request, Response
from mockserver.fault import KINDS, Fault
from mockserver.members import listed

#: What may be wished for. In a query the names begin with two underscores.
NAMES: Final = ("code", "example", "delay", "fault", "dynamic")
MARK: Final = "__"
_LONGEST_HEADER: Final = 4096
_MOST_MILLISECONDS: Final = int(LONGEST * 1000)
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  a grammar, no secret
_PAIR: Final = re.compile(rf'\s*({_TOKEN})(?:\s*=\s*({_TOKEN}|"(?:[^"\\]|\\.)*")?)?\s*\Z')
_PART: Final = {
    mark: re.compile(rf'(?:[^{mark}"]|"(?:[^"\\]|\\.)*(?:"|\Z))+') for mark in (",", ";")
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_STATUS: Final = re.compile(r"[2-5][0-9]{2}")


@dataclass(frozen=True, slots=True)
class Wishes:
    """
    What a client wishes of the answer to one request.

    `delay` is in milliseconds, `query` is what is left for the API, and `named` holds the
    wishes as they were sent, in that order.
    """

    code: int | None = None
    example: str = ""
    delay: int = 0
    fault: Fault | None = None
    dynamic: bool = False
    query: str = ""
    named: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_answer(self) -> bool:
        """Whether the answer is a documented one, and nothing is carried out."""
        return self.code is not None or bool(self.example) or self.dynamic


def are_in(request: Request) -> bool:
    """Tell, at nearly no cost, whether a request may have wishes."""
    return "prefer" in request.headers or MARK in request.query


def read(request: Request) -> Wishes | None:
    """Return what a request wishes for, or None; raise Malformed for what cannot be."""
    if not are_in(request):
        return None
    header = request.headers.get("prefer", "")
    if len(header) > _LONGEST_HEADER:
        raise Malformed(f"Prefer: the header is over {_LONGEST_HEADER} characters long.")
    wishes = Wishes(query=request.query)
    # Of a name that is said twice only the first counts, as RFC 7240 has it.
    for name, (value, options) in _first_of_each(header).items():
        wishes = _with(wishes, f"Prefer: {name}", value, options)
    if MARK in request.query:
        wishes = _with_query(wishes, request.query)
    if wishes.is_answer and wishes.fault is not None and wishes.fault.replaces:
        kind = wishes.fault.kind
        raise Malformed(f"Prefer: fault={kind} gives an answer of its own; leave the others out.")
    return wishes if wishes.named else None


def mark(response: Response, wishes: Wishes) -> Response:
    """Return a response that says which wishes were granted, and that caches must heed them."""
    if not wishes.named:
        return response
    applied = {"Preference-Applied": ", ".join(wishes.named)}
    return replace(response, headers={**varied(response.headers), **applied})


def varied(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers that tell caches that the answer depends on `Prefer` (RFC 7240, 2)."""
    name = next((name for name in headers if name.lower() == "vary"), "Vary")
    before = headers.get(name, "")
    told = [part.strip().lower() for part in before.split(",")]
    if "*" in told or "prefer" in told:
        return dict(headers)
    return {**headers, name: f"{before}, Prefer" if before else "Prefer"}


def _first_of_each(header: str) -> dict[str, tuple[str, dict[str, str]]]:
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for part in _PART[","].findall(header):
        name = part.partition("=")[0].partition(";")[0].strip().lower()
        if name not in NAMES:
            continue
        pairs = list(_pairs(part))
        if not pairs or pairs[0][0] != name:
            text = "is not written as a token or in double quotes (RFC 7240)"
            raise Malformed(f"Prefer: the value of {name} {text}.")
        if name not in found:
            found[name] = (pairs[0][1], dict(reversed(pairs[1:])))
    return found


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in _PART[";"].findall(text):
        if (match := _PAIR.match(part)) is not None:
            yield match[1].lower(), _unquoted(match[2] or "")


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _with_query(wishes: Wishes, query: str) -> Wishes:
    kept: list[str] = []
    for pair in query.split("&"):
        raw, _, value = pair.partition("=")
        name = raw.removeprefix(MARK)
        if name == raw or name not in NAMES:
            kept.append(pair)
        elif not any(said.partition("=")[0] == name for said in wishes.named):
            said, _, rest = unquote_plus(value, errors="replace").partition(";")
            options = dict(reversed(list(_pairs(rest))))
            wishes = _with(wishes, f"{MARK}{name}", said, options)
    return replace(wishes, query="&".join(kept))


def _with(wishes: Wishes, said: str, value: str, options: dict[str, str]) -> Wishes:
    """Return the wishes and one more; `said` is how it was said, for complaints."""
    name = said.rpartition(" ")[2].removeprefix(MARK)
    shown = f"{name}={_quoted(value)}" if value else name
    wishes = replace(wishes, named=(*wishes.named, shown))
    if name == "code":
        if not _STATUS.fullmatch(value):
            raise Malformed(f"{said} needs a status from 200 to 599, not {value[:40]!r}.")
        return replace(wishes, code=int(value))
    if name == "example":
        if not value:
            raise Malformed(f"{said} needs the name of an example.")
        return replace(wishes, example=value)
    if name == "delay":
        return replace(wishes, delay=_delay(said, value))
    if name == "dynamic":
        if value.lower() not in ("", "true", "false"):
            raise Malformed(f"{said} is true or false, not {value[:40]!r}.")
        return replace(wishes, dynamic=value.lower() != "false")
    return replace(wishes, fault=_fault(said, value, options))


def _delay(said: str, value: str) -> int:
    if not _NUMBER.fullmatch(value) or int(value) > _MOST_MILLISECONDS:
        most = f"from 0 to {_MOST_MILLISECONDS}"
        raise Malformed(f"{said} needs whole milliseconds {most}, not {value[:40]!r}.")
    return int(value)


def _fault(said: str, value: str, options: dict[str, str]) -> Fault:
    if value not in KINDS:
        raise Malformed(f"{said} is one of {listed(KINDS)}, not {value[:40]!r}.")
    try:
        return Fault.read({"kind": value, **{n: _read_option(v) for n, v in options.items()}})
    except Invalid as invalid:
        named = listed(sorted(str(name) for name in invalid.issues))
        text = f"{said}={value} has something wrong with {named}"
        know = listed(name for name in KINDS[value] if name not in ("uniform", "normal"))
        raise Malformed(f"{text}; it takes {know or 'nothing'}, and numbers in range.") from None


def _read_option(value: str) -> object:
    if _NUMBER.fullmatch(value):
        return int(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def _quoted(value: str) -> str:
    if re.fullmatch(_TOKEN, value):
        return value
    # What a header cannot carry is left out: it may come from a query.
    safe = "".join(c for c in value if c.isascii() and c.isprintable())
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'
