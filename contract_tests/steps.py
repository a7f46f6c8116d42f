"""One step of a test, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contract_tests.relations import Expr
from contract_tests.wire import ABSENT, Exchange, Received


@dataclass(frozen=True, slots=True)
class Step:
    """
    One request in the words of the description.

    `params` fill the templated path; `persona` says with whose token ("main", "stranger",
    "nobody" for none, "invalid" for a wrong one); `creates` names the resource that a
    success brings into the world, to be taken away afterwards; `url` replaces path and
    query when a link is followed, and `via` is the expression that gave it; `raw`
    replaces `body`. Neighbours with the same
    `together` are sent at once.
    """

    operation: str
    method: str
    template: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: Any = ABSENT
    raw: bytes | None = None
    media: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    persona: str = "main"
    creates: str = ""
    url: str = ""
    via: Expr | None = None
    number: int = 0
    together: int = 0

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.method not in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Reply:
    """
    A step and its answer; builds the expressions of claims.

    `items` is the member that holds the rows of an enveloped list, `key` what
    identifies a row.
    """

    step: Step
    exchange: Exchange
    items: str = ""
    key: str = "uuid"

    @property
    def received(self) -> Received:
        """The raw answer."""
        return self.exchange.received

    @property
    def code(self) -> int:
        """The status."""
        return self.exchange.received.status

    @property
    def is_good(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.code < 300

    @cached_property
    def data(self) -> Any:
        """The parsed body; ABSENT when it is not JSON."""
        return self.exchange.received.json()

    @property
    def rows(self) -> list[Any]:
        """The rows of a list; [] when the answer is no list."""
        found = self.data
        if self.items and isinstance(found, Mapping):
            found = found.get(self.items)
        return found if isinstance(found, list) else []

    @property
    def ids(self) -> list[Any]:
        """The keys of the rows."""
        return [row.get(self.key) if isinstance(row, Mapping) else None for row in self.rows]

    def record_key(self) -> Any:
        """Return the key of the one record shown, or ABSENT."""
        return self.data.get(self.key, ABSENT) if isinstance(self.data, Mapping) else ABSENT

    # Expressions

    def at(self, what: str, **more: Any) -> Expr:
        """Write an expression of this answer, such as its "ids" or a "column" with a name."""
        return {"of": self.step.number, "at": what, **more}

    def body(self, pointer: str = "", **more: Any) -> Expr:
        """Write the value a JSON pointer leads to."""
        return self.at("body", name=pointer, **more)

    def header(self, name: str) -> Expr:
        """Write the value of a header."""
        return self.at("header", name=name)

    @property
    def status(self) -> Expr:
        """The status, as an expression."""
        return self.at("status")
