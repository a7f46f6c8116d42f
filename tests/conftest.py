"""The shipped API, built once, and a small one to break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mockserver import assembly, background, scenario, server
from mockserver.api import Api
from mockserver.app import Application
from mockserver.assembly import Sources, World
from mockserver.errors import AuthorError, BrokenSpec

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)

SMALL_SPEC = """\
openapi: 3.1.0
info: {title: Books, version: "1.0"}
x-mock:
  dialect: drf
  trailing_slash: redirect
  body_limit: 2000
  paging:
    number: page
    size: page_size
    default: 2
    max: 5
    headers: {total: X-Total, links: Link}
  ordering: {parameter: o}
paths:
  /books/:
    get:
      operationId: list_books
      x-action: {verb: list, resource: book}
      parameters:
        - {name: page, in: query, schema: {type: integer}}
        - {name: page_size, in: query, schema: {type: integer}}
        - name: title
          in: query
          schema: {type: string}
          x-filter: {field: title, lookup: icontains}
        - {name: writer, in: query, schema: {type: string}, x-filter: author.name}
        - name: o
          in: query
          schema: {type: string, enum: [title, -title, writer, -writer]}
          x-order: {keys: {writer: author.name}}
      responses:
        "200":
          description: Some books.
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Book"}}
    post:
      operationId: create_book
      x-action: {verb: create, resource: book}
      x-effect: {creates: [book]}
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/NewBook"}
      responses:
        "201":
          description: The new book.
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Book"}
  /books/{id}/:
    get:
      operationId: get_book
      x-action: {verb: retrieve, resource: book}
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
      responses:
        "200":
          description: The book.
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Book"}
    delete:
      operationId: delete_book
      x-action: {verb: destroy, resource: book}
      x-effect: {removes: [book]}
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
      responses:
        "204": {description: It is gone.}
components:
  schemas:
    Book:
      type: object
      properties:
        id: {type: string, format: uuid}
        title: {type: string}
        writer: {type: [string, "null"], x-from: author.name}
    NewBook:
      type: object
      required: [title]
      properties:
        title: {type: string, maxLength: 20}
    BookRecord:
      type: object
      x-resource:
        name: book
        key: id
        path: /books/{id}/
        order: title
        relations: {author: {to: author}}
      required: [id, title]
      properties:
        id: {type: string, format: uuid, x-from: server}
        title: {type: string, x-faker: catch_phrase}
        author: {type: [string, "null"], format: uuid}
    AuthorRecord:
      type: object
      x-resource:
        name: author
        key: id
        relations: {books: {of: book, by: author}}
        on_delete: {book.author: clear}
      required: [id, name]
      properties:
        id: {type: string, format: uuid, x-from: server}
        name: {type: string}
"""

SMALL_SCENARIO = """\
description: Three books of one writer.
seed: 3
records:
  author:
    tove: {name: Tove}
  book:
    comet: {title: Comet, author: tove}
    memoirs: {title: Memoirs, author: tove}
    winter: {title: Winter, author: tove}
"""


@dataclass
class Folder:
    """A spec in a folder of its own, to be edited and broken."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "spec" / "openapi.yaml"

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, old: str, new: str, name: str = "spec/openapi.yaml") -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new, 1))

    def line(self, marker: str, name: str = "spec/openapi.yaml") -> int:
        """Return the number of the first line that holds the marker."""
        lines = (self.root / name).read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if marker in line)

    def place(self, marker: str, name: str = "spec/openapi.yaml") -> str:
        return f"{name}:{self.line(marker, name)}"

    def sources(self, **given: Any) -> Sources:
        return Sources(**{"spec": self.spec, **given})

    def api(self, **given: Any) -> Api:
        return assembly.read_api(self.sources(**given))

    def mistakes(self, **given: Any) -> list[str]:
        """Return what is wrong with it, one line each."""
        try:
            self.api(**given)
        except (BrokenSpec, AuthorError) as broken:
            return str(broken).splitlines()
        return []


@dataclass(frozen=True)
class Running:
    """A server on a socket of this machine."""

    host: str
    port: int
    server: server.Server
    stop: Callable[[], None]


@pytest.fixture(scope="session")
def shipped_api() -> Api:
    """The shipped spec and pack, compiled once."""
    return assembly.read_api(Sources())


@pytest.fixture(scope="session")
def world_of(shipped_api: Api) -> Callable[[str], World]:
    """A shipped scenario by its name, filled once, on a day that does not pass."""

    @cache
    def make(name: str) -> World:
        providers = shipped_api.pack.faker_providers
        folder = Sources().fixtures_path
        start = scenario.load(folder, name, shipped_api.spec, now=NOW, providers=providers)
        return World(shipped_api, start, lambda: NOW)

    return make


@pytest.fixture(scope="session")
def default_world(world_of: Callable[[str], World]) -> World:
    """The world that `mockserver serve` starts in."""
    return world_of("default")


@pytest.fixture
def application(world_of: Callable[[str], World]) -> Callable[..., Application]:
    """A new application in a shipped scenario: `application("empty", strict=True)`."""

    def make(name: str = "default", **options: bool) -> Application:
        return assembly.application(world_of(name), **options)

    return make


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A small correct spec with one scenario; file names in messages are relative to it."""
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path)
    made.write("spec/openapi.yaml", SMALL_SPEC)
    made.write("fixtures/scenarios/default.yaml", SMALL_SCENARIO)
    return made


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Serve an application from a thread until the test ends: `serve(application)`."""
    stops: list[Callable[[], None]] = []

    def start(application: Application, log: server.Log | None = None) -> Running:
        started = background.start(server.Server(application, log))
        stops.append(started.stop)
        return Running(started.host, started.port, started.server, started.stop)

    yield start
    for end in stops:
        end()


@pytest.fixture
def running(serve: Callable[..., Running], application: Callable[..., Application]) -> Running:
    """The shipped API in the scenario `empty`, on a socket."""
    return serve(application("empty"))
