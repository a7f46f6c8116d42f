"""Read the conversations of `tests/wire/*.txt` and hold them against an application.

The format is explained in `tests/wire/README.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from mockserver.api import Api
from mockserver.app import Application
from mockserver.assembly import Sources, World, application
from mockserver.errors import TooLarge
from mockserver.exchange import Request, Response
from mockserver.fixtures import Outline
from mockserver.json_types import Key
from mockserver.store import State, Store

FOLDER = Path(__file__).parent / "wire"
HOST = "mock.test"
ANYTHING = "…"
ABSENT = "(absent)"
#: The smallest picture there is.
_PICTURE = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)
_MARKER = re.compile(r"^(===|---) ?(.*)$")
_REFERENCE = re.compile(r"\{\{(.+?)\}\}")
_REPEATED = re.compile(r"(.+) \u00d7 (\d+)")


@dataclass(frozen=True)
class Section:
    """A marked part of a case: `--- given plan` has the word `given` and the rest `plan`."""

    word: str
    rest: str
    text: str
    line: int


@dataclass(frozen=True)
class Case:
    """One title and what follows it until the next."""

    path: Path
    title: str
    line: int
    sections: tuple[Section, ...]

    @property
    def id(self) -> str:
        return f"{self.path.stem}: {self.title}"

    @property
    def scenario(self) -> str:
        return next((s.rest for s in self.sections if s.word == "scenario"), "default")


def cases() -> list[Case]:
    """Return every case of every file."""
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in read(path)]


def read(path: Path) -> Iterator[Case]:
    """Yield the cases of a file; what stands before the first title is for people."""
    titles: list[tuple[str, int]] = []
    parts: list[list[tuple[str, int, list[str]]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        marker = _MARKER.match(line)
        if marker and marker[1] == "===":
            titles.append((marker[2], number))
            parts.append([])
        elif marker and parts:
            parts[-1].append((marker[2], number, []))
        elif parts and parts[-1]:
            parts[-1][-1][2].append(line)
        elif parts and line.strip():
            raise ValueError(f"{path.name}:{number}: this belongs to no section")
    for (title, number), found in zip(titles, parts, strict=True):
        yield Case(path, title, number, tuple(_section(*each) for each in found))


def _section(head: str, line: int, lines: list[str]) -> Section:
    word, _, rest = head.partition(" ")
    return Section(word, rest.strip(), "\n".join(lines).strip("\n"), line)


@dataclass
class Stage:
    """A world in which cases are played: each starts from the same state."""

    application: Application
    start: State
    keys: Mapping[str, Mapping[str, Key]]
    tokens: Mapping[str, str]

    @property
    def api(self) -> Api:
        return self.application.api


def stage(world: World) -> Stage:
    """Return a strict application in which every user has a token."""
    outline = Outline(world.api.spec, [])
    outline.read(Sources().fixtures_path / "scenarios" / f"{world.scenario.name}.yaml")
    outline.declare(world.scenario.seed)
    keys: dict[str, dict[str, Key]] = {}
    for entry in outline.entries:
        keys.setdefault(entry.resource.name, {})[entry.label] = entry.key
    store = Store(world.api.spec.resources, world.scenario.state)
    tokens = {}
    with store.transaction() as transaction:
        for label, key in keys["user"].items():
            tokens[label] = f"token-of-{label}"
            record = {"key": tokens[label], "user": key, "persona": None}
            transaction.insert("token", record)
    tokens.update({persona.name: persona.token for persona in world.scenario.personas})
    return Stage(application(world, strict=True), store.state, keys, tokens)


@dataclass
class Play:
    """A case while it is played."""

    stage: Stage
    case: Case
    caller: str = ""
    saved: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Play the case to its end; AssertionError where the answer is another."""
        resources = self.stage.api.spec.resources
        self.stage.application.store = Store(resources, self.stage.start)
        response: Response | None = None
        for section in self.case.sections:
            if section.word == "as":
                self.caller = section.rest
            elif section.word == "given":
                self._give(section)
            elif section.word == "request":
                response = self._send(section)
            elif section.word == "response":
                assert response is not None, f"{self._place(section)}: nothing was asked"
                self._compare(section, response)
            elif section.word != "scenario":
                self._fail(section, f"there is no section {section.word!r}")

    # Asking

    def _give(self, section: Section) -> None:
        response = self._send(section)
        if not 200 <= response.status < 300:
            self._fail(section, f"{response.status} {response.body.decode(errors='replace')}")
        if section.rest:
            self.saved[section.rest] = json.loads(response.body)

    def _send(self, section: Section) -> Response:
        request = self._request(section)
        limit = self.stage.api.conventions["body_limit"]
        if len(request.body) > limit:
            refusal = TooLarge(f"The request body is too large: {limit} bytes at most.")
            exchange = self.stage.application.refuse(request, refusal)
        else:
            exchange = self.stage.application.answer(request)
        if exchange.defect is not None:
            raise exchange.defect
        response = exchange.response
        return Response(response.status, response.headers, b"") if _is_head(request) else response

    def _request(self, section: Section) -> Request:
        head, _, body = section.text.partition("\n\n")
        first, *lines = head.splitlines()
        method, _, target = self._fill(first).partition(" ")
        headers = {"host": HOST, "accept": "*/*"}
        if self.caller and self.caller != "nobody":
            headers["authorization"] = f"Token {self.stage.tokens[self.caller]}"
        if body:
            headers["content-type"] = "application/json"
        for line in lines:
            name, _, value = self._fill(line).partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("content-type", "").startswith("multipart/"):
            body = body.replace("\n", "\r\n") + "\r\n"
        path, _, query = target.partition("?")
        content = self._fill(body).encode("utf-8", "surrogateescape")
        return Request(method, path, query, headers, content)

    # Comparing

    def _compare(self, section: Section, response: Response) -> None:
        head, _, body = self._fill(section.text).partition("\n\n")
        status, *lines = head.splitlines()
        text = response.body.decode(errors="replace")
        if response.status != int(status):
            self._fail(section, f"the status is {response.status}, with the body {text[:500]}")
        for line in lines:
            name, _, value = line.partition(":")
            self._compare_header(section, name.strip(), value.strip(), response)
        if problem := difference(body, text):
            self._fail(section, f"{problem}\n\nThe whole body: {text[:3000]}")

    def _compare_header(self, section: Section, name: str, wanted: str, response: Response) -> None:
        headers = {key.lower(): value for key, value in response.headers.items()}
        found = headers.get(name.lower(), ABSENT)
        if not _fits(wanted, found):
            self._fail(section, f"{name} is {found!r}, not {wanted!r}")

    # Words in double braces

    def _fill(self, text: str) -> str:
        return _REFERENCE.sub(lambda match: self._value(match[1].strip()), text)

    def _value(self, word: str) -> str:
        if repeated := _REPEATED.fullmatch(word):
            return repeated[1] * int(repeated[2])
        if word == "picture":
            return _PICTURE.decode("utf-8", "surrogateescape")
        if word.startswith("byte "):
            return bytes.fromhex(word[5:]).decode("utf-8", "surrogateescape")
        name, *steps = word.split(".")
        if name in self.saved:
            value = self.saved[name]
            for step in steps:
                value = value[int(step)] if step.isdigit() else value[step]
            return str(value)
        if name == "token":
            return self.stage.tokens[steps[0]]
        return self._of_record(name, ".".join(steps))

    def _of_record(self, resource: str, rest: str) -> str:
        """Return the key of a record of the scenario, or with `!` a field of it."""
        label, _, name = rest.partition("!")
        key = self.stage.keys.get(resource, {}).get(label)
        if key is None:
            raise KeyError(f"{self.case.path.name}:{self.case.line}: no {resource} {label!r}")
        if not name:
            return str(key)
        return str(self.stage.start.records(resource)[key][name])

    def _place(self, section: Section) -> str:
        return f"{self.case.path.name}:{section.line}: {self.case.title}"

    def _fail(self, section: Section, text: str) -> NoReturn:
        raise AssertionError(f"{self._place(section)}\n{text}")


def difference(wanted: str, found: str) -> str:
    """Return how a body differs from the wanted one, or ""."""
    if wanted == ANYTHING:
        return ""
    try:
        expected = json.loads(wanted)
    except ValueError:
        return "" if _fits(wanted, found) else f"{found!r} is not {wanted!r}"
    try:
        return _differs(expected, json.loads(found), "")
    except ValueError:
        return f"{found!r} is no JSON"


def _differs(wanted: Any, found: Any, place: str) -> str:
    if wanted == ANYTHING:
        return ""
    if isinstance(wanted, str) and isinstance(found, str) and _fits(wanted, found):
        return ""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return _objects_differ(wanted, found, place)
    if isinstance(wanted, list) and isinstance(found, list):
        return _lists_differ(wanted, found, place)
    if isinstance(wanted, bool) is isinstance(found, bool) and wanted == found:
        return ""
    return f"{place or '/'} is {json.dumps(found, ensure_ascii=False)}, not {wanted!r}"


def _objects_differ(wanted: dict[str, Any], found: dict[str, Any], place: str) -> str:
    names = [name for name in wanted if name != ANYTHING]
    shown = list(found) if ANYTHING not in wanted else [name for name in found if name in wanted]
    if names != shown:
        return f"{place or '/'} has the keys {shown}, not {names}"
    return next(filter(None, (_differs(wanted[n], found[n], f"{place}/{n}") for n in names)), "")


def _lists_differ(wanted: list[Any], found: list[Any], place: str) -> str:
    if wanted and wanted[-1] == ANYTHING:
        wanted, found = wanted[:-1], found[: len(wanted) - 1]
    if len(wanted) != len(found):
        return f"{place or '/'} has {len(found)} items, not {len(wanted)}"
    pairs = enumerate(zip(wanted, found, strict=True))
    return next(filter(None, (_differs(w, f, f"{place}/{i}") for i, (w, f) in pairs)), "")


def _fits(wanted: str, found: str) -> bool:
    if ANYTHING not in wanted:
        return wanted == found
    pattern = ".*".join(re.escape(part) for part in wanted.split(ANYTHING))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def _is_head(request: Request) -> bool:
    return request.method == "HEAD"
