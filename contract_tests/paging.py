"""State claims about the pages of one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from contract_tests.meaning import OrderKey
from contract_tests.relations import Claim, Expr, const, evaluate
from contract_tests.scene import Scene
from contract_tests.sorting import default_keys, is_determined, place_of
from contract_tests.steps import Reply
from contract_tests.wire import ABSENT

_MEMBERS = {"next": "next", "prev": "previous", "first": "first", "last": "last"}


def link(scene: Scene, reply: Reply, rel: str) -> Expr | None:
    """Write where a page link of an answer leads; None when the description has no such link."""
    rules = scene.lab.subject.conventions["paging"]
    header = (rules.get("headers") or {}).get("links")
    if header and rel in rules["links"]:
        return reply.at("link", header=header, name=rel)
    member = (rules.get("envelope") or {}).get(_MEMBERS[rel])
    return reply.at("link", member=f"/{member}", name=rel) if member else None


class Pager:
    """What is known of the pages of a list, and the claims that are made of them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rules: Mapping[str, Any] = scene.lab.subject.conventions["paging"]

    @cached_property
    def is_fixed(self) -> bool:
        """Whether the description says where every row belongs."""
        return is_determined(self.scene, default_keys(self.scene))

    @property
    def is_all(self) -> bool:
        """Whether the first page that was read is the whole list."""
        return self.scene.whole.is_whole and len(self.scene.whole.pages) == 1

    def place(self, row: Any, keys: Sequence[OrderKey]) -> str:
        """Return what two rows share that an order leaves equal."""
        return place_of(row, keys)

    def value(self, expr: Expr) -> Any:
        """Return the value of an expression now; None for nothing."""
        found = evaluate(expr, self.scene.lab.replies)
        return None if found is ABSENT else found

    def expect(self, prop: str, claim: Claim, says: str, about: str = "") -> bool:
        """Hold answers against a claim about the page number, or another parameter."""
        return self.scene.lab.expect(
            prop,
            claim,
            operation=self.scene.operation,
            about=about or self.rules["number"],
            says=says,
            key="x-mock.paging",
        )

    def status(self, reply: Reply, status: int, about: str, prop: str) -> None:
        """Claim a status."""
        claim = {"relation": "equal", "left": reply.status, "right": const(status)}
        self.expect(prop, claim, "the status is the declared one", about)

    def refused(self, reply: Reply, about: str) -> None:
        """Claim that a question is refused."""
        known = [status for status in (400, 422) if status in self.scene.operation.answers]
        claim = {"relation": "among", "left": reply.status, "right": const(known)}
        self.expect("D19", claim, "a size out of bounds is refused", about)

    def counts(self, reply: Reply, size: int, says: str) -> None:
        """Claim that a first page has so many rows, or all there are."""
        total = self.scene.total(reply)
        is_full = len(self.scene.rows) >= size or (self.scene.whole.total or 0) >= size
        right = const(size) if is_full else total
        if right is None:
            return
        if not is_full and self.scene.whole.is_whole:
            right = {"length": self.scene.ids(self.scene.whole)}
        claim = {"relation": "equal", "left": reply.at("count"), "right": right}
        self.expect("D19", claim, says, self.rules["size"])

    def same_total(self, reply: Reply, other: Reply) -> None:
        """Claim that two pages of a list state the same total."""
        left, right = self.scene.total(reply), self.scene.total(other)
        if left is not None and right is not None and reply.is_good and other.is_good:
            claim = {"relation": "equal", "left": left, "right": right}
            self.expect("D18", claim, "every page states the same total")

    def sizes(self, rows: int) -> list[int]:
        """Return sizes of a first page worth asking for."""
        found = [7, rows - 1, rows, rows + 1, 2] if self.scene.lab.depth.is_full else [7]
        return [size for size in dict.fromkeys(found) if 1 <= size <= self.rules["max"]]

    def steps(self, rows: int) -> list[int]:
        """Return sizes that cut some rows in few pages, several where that can be."""
        some = [size for size in (1, 2, 3, 5) if -(-rows // size) in (2, 3, 4)]
        halves = [-(-rows // 3), -(-rows // 2)]
        if not self.is_all:
            # Only as much was read as the largest page has.
            halves = [size for size in (rows // 3, rows // 2) if size and rows % size == 0]
        found = [size for size in dict.fromkeys([*halves, *some]) if 0 < size < rows]
        return found[: 2 if self.scene.lab.depth.is_full else 1]
