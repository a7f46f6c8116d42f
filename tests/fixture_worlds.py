"""Build small specs and fixture folders for the tests of factories and scenarios."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from mockserver import compiler, loader, scenario
from mockserver.errors import BrokenSpec
from mockserver.operation import Spec
from mockserver.scenario import Scenario

NOW = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)

LIBRARY = """
openapi: 3.1.0
info: {title: Library, version: "1"}
x-mock:
  dialect: drf
  paging: {number: page, size: page_size, default: 10, max: 100}
  auth: {scheme: key, keyword: Token, tokens: pass, user: reader, active: is_active}
paths:
  /books/:
    get:
      operationId: books_list
      x-action: {verb: list, resource: book}
      responses: {"200": {description: Books., content: {application/json: {schema:
        {type: array, items: {$ref: "#/components/schemas/BookRecord"}}}}}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: Authorization}}
  schemas:
    ReaderRecord:
      type: object
      x-resource: {name: reader, relations: {loans: {of: loan, by: reader}}, unique: [[email]]}
      required: [uuid, name, email]
      properties:
        uuid: {type: string, format: uuid, x-from: server}
        name: {type: string, maxLength: 12, x-faker: name}
        email: {type: string, format: email}
        joined: {type: string, format: date-time, x-from: server}
        is_active: {type: boolean, default: true}
    PassRecord:
      type: object
      x-resource: {name: pass, key: code, relations: {reader: {to: reader}}}
      required: [code, reader]
      properties:
        code: {type: string}
        reader: {type: string, format: uuid}
    BookRecord:
      type: object
      x-resource:
        name: book
        key: id
        relations: {loans: {of: loan, by: book}, sequels: {to: book, many: true}}
      required: [id, title]
      properties:
        id: {type: integer, x-from: server}
        title: {type: string, minLength: 1}
        genre: {$ref: "#/components/schemas/Genre"}
        pages: {type: integer, minimum: 10, maximum: 12}
        price: {type: string, format: decimal, default: "0.00"}
        year: {type: integer, default: 2000}
        printed: {type: [string, "null"], format: date}
        extra: {type: object, default: {}}
        sequels: {type: array, items: {type: integer}, default: []}
        loans_count: {type: integer, x-from: {computed: book_loans_count}}
    LoanRecord:
      type: object
      x-resource: {name: loan, relations: {reader: {to: reader}, book: {to: book}}}
      required: [uuid, reader, book]
      properties:
        uuid: {type: string, format: uuid, x-from: server}
        reader: {type: string, format: uuid}
        book: {type: integer}
        due: {type: string, format: date}
    Genre: {type: string, enum: [novel, poem]}
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    path = tmp_path_factory.mktemp("spec") / "library.yaml"
    path.write_text(LIBRARY, encoding="utf-8")
    return compiler.compile_spec(loader.load(path))


def write(root: Path, **files: str) -> Path:
    """Write `scenarios/<name>.yaml`, and `factories/<name>.yaml` for names with `f_`."""
    for name, text in files.items():
        folder = "factories" if name.startswith("f_") else "scenarios"
        path = root / folder / f"{name.removeprefix('f_')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root


def world(root: Path, spec: Spec, seed: int | None = None, **files: str) -> Scenario:
    """Write the files and load the scenario `main`."""
    return scenario.load(write(root, **files), "main", spec, seed=seed, now=NOW)


def problems(root: Path, spec: Spec, **files: str) -> list[str]:
    """Write the files, load `main`, and return what is wrong with it."""
    with pytest.raises(BrokenSpec) as caught:
        world(root, spec, **files)
    return [str(problem) for problem in caught.value.problems]


def records(made: Scenario, resource: str) -> list[dict[str, object]]:
    """Return the records of a resource, by key."""
    table = made.state.records(resource)
    return [dict(table[key]) for key in sorted(table)]
