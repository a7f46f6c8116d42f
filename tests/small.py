"""Build a small API from YAML text, and call it without HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mockserver import api, compiler, loader
from mockserver.actions import Call, Result, Scope
from mockserver.json_types import JSON, Record
from mockserver.operation import Resource, Spec
from mockserver.pack import Pack
from mockserver.store import Store, Transaction

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
BASE_URL = "https://shelf.example"

#: A document needs a path; tests of a single module seldom have one of their own.
_FRAME = """
openapi: 3.1.0
info: {title: Small, version: "1"}
x-mock: {dialect: drf}
paths:
  /nothing/:
    get:
      operationId: nothing
      x-action: {verb: report, resource: %s}
      responses: {"200": {description: Nothing.}}
components:
  schemas:
"""


def build(
    text: str,
    *,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    operations: Mapping[str, Callable[..., Any]] | None = None,
    may: Callable[..., bool] = lambda scope, needs, record: True,
) -> api.Api:
    """Return the API that a whole document in YAML describes."""
    document = loader.read_yaml(text, "small.yaml")
    pack = Pack("small", operations=operations or {}, functions=functions or {}, may=may)
    return api.bind(compiler.compile_spec(document), pack)


def spec(schemas: str) -> Spec:
    """Return what some schemas say, written without indent; one of them is a record."""
    first = re.search(r"name: (\w+)", schemas)
    assert first is not None
    indented = "\n".join("    " + line for line in schemas.splitlines())
    return compiler.compile_spec(loader.read_yaml(_FRAME % first[1] + indented, "small.yaml"))


def resources(schemas: str) -> Mapping[str, Resource]:
    """Return the resources that some record schemas describe."""
    return spec(schemas).resources


class World:
    """An API on a store of its own; every call sees what the calls before it did."""

    def __init__(self, made: api.Api) -> None:
        self.api = made
        self.store = Store(made.spec.resources)
        self._ids = 0

    def add(self, resource: str, **fields: JSON) -> Record:
        """Store a record with exactly these fields."""
        with self.store.transaction() as transaction:
            return transaction.insert(resource, fields)

    def new_id(self) -> str:
        """Return 32 hex digits never given before."""
        self._ids += 1
        return f"{self._ids:032x}"

    def scope(
        self,
        operation: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Sequence[str]] | None = None,
        body: JSON = None,
        user: Record | None = None,
        store: Transaction | None = None,
    ) -> Scope:
        """Return the scope of one call."""
        bound = self.api.operations[operation]
        call = Call(
            operation=bound.operation,
            path=path or {},
            query=query or {},
            now=NOW,
            new_id=self.new_id,
            random=lambda key: key,
            read_body=lambda scope: next(iter(bound.readers.values())).read(body, scope),
            user=user,
            base_url=BASE_URL,
        )
        return Scope(call, bound, store or self.store.read(), self.api.pack.may)

    def call(self, operation: str, **request: Any) -> Result:
        """Perform an operation, and keep what it wrote unless it raises."""
        with self.store.transaction() as transaction:
            scope = self.scope(operation, store=transaction, **request)
            return scope.bound.action(scope)
