"""Ask a filter, and state what its answer must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from contract_tests.lab import Blocked
from contract_tests.relations import check, const, length
from contract_tests.scene import Scene, is_list
from contract_tests.steps import Reply
from contract_tests.testing_filters import Expected, test_of
from contract_tests.world import Listing
from mockserver.operation import Parameter

SAYS: Final = {
    "D2": "the list has every row that passes",
    "D3": "true and false split the list",
    "D4": "the bound itself is on the declared side",
    "D5": "false and zero are values",
    "D7": "several values keep what any of them keeps",
    "D9": "wildcards, case and spaces mean what is declared",
    "D10": "only the filter's own field is looked at",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter, the values it was asked for, and the list it gave."""

    scene: Scene
    parameter: Parameter
    texts: tuple[str, ...]
    found: Listing

    @property
    def query(self) -> list[tuple[str, str]]:
        """The question."""
        return question(self.parameter, self.texts)

    @property
    def is_telling(self) -> bool:
        """Whether it keeps some rows of a whole list and drops others."""
        is_whole = self.found.is_whole and self.scene.whole.is_whole
        return is_whole and 0 < len(self.found.rows) < len(self.scene.rows)


def question(parameter: Parameter, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the query that asks a filter for values."""
    if parameter.filter is not None and parameter.filter.values == "repeat":
        return [(parameter.name, text) for text in texts]
    return [(parameter.name, ",".join(texts))]


def ask(scene: Scene, parameter: Parameter, texts: Sequence[str], prop: str) -> Asked:
    """Ask a filter and hold the answer against what rows show; Blocked when it is refused."""
    try:
        found = scene.read(question(parameter, texts))
    except Blocked:
        _must_be_good(scene, parameter, texts, prop)
        raise
    asked = Asked(scene, parameter, tuple(texts), found)
    expected = test_of(scene, parameter, texts)
    if expected is not None and expected.is_joined and _fails(asked, expected):
        # What other lists said may be of yesterday by now.
        scene.world.forget()
        for operation in scene.lab.operations:
            if is_list(scene.lab.subject, operation):
                scene.world.parents(operation)
        expected = test_of(scene, parameter, texts)
    _compare(asked, expected, prop)
    return asked


def _must_be_good(scene: Scene, parameter: Parameter, texts: Sequence[str], prop: str) -> None:
    reply = scene.ask(question(parameter, texts))
    status = scene.operation.success.status
    claim = {"relation": "equal", "left": reply.status, "right": const(status)}
    expect(scene, prop, claim, parameter, "a value of the data is accepted")


def expect(scene: Scene, prop: str, claim: Any, parameter: Parameter, says: str) -> bool:
    """Hold answers against a claim about a filter; tell whether it holds."""
    return scene.lab.expect(
        prop, claim, operation=scene.operation, about=parameter.name, says=says, key="x-filter"
    )


def _sound(asked: Asked, expected: Expected) -> dict[str, Any] | None:
    if expected.drops is None:
        return None
    return {"relation": "none", "left": asked.found.at("rows"), "test": expected.drops}


def _complete(asked: Asked, expected: Expected) -> dict[str, Any] | None:
    if not asked.found.is_whole:
        return None
    right = asked.scene.ids(asked.scene.whole, where=expected.keeps)
    return {"relation": "superset", "left": asked.scene.ids(asked.found), "right": right}


def _fails(asked: Asked, expected: Expected) -> bool:
    replies = asked.scene.lab.replies
    claims = [_sound(asked, expected), _complete(asked, expected)]
    return any(claim is not None and check(claim, replies) is not None for claim in claims)


def _compare(asked: Asked, expected: Expected | None, prop: str) -> None:
    scene, parameter = asked.scene, asked.parameter
    if expected is not None:
        if claim := _sound(asked, expected):
            says = "every row passes the filter"
            expect(scene, "D1" if prop == "D2" else prop, claim, parameter, says)
        if claim := _complete(asked, expected):
            expect(scene, prop, claim, parameter, SAYS[prop])
    else:
        scene.lab.unspecified("D2", scene.operation, "no row shows what some filters compare")
    if scene.whole.is_whole:
        claim = {"relation": "subset", "left": scene.ids(asked.found),
                 "right": scene.ids(scene.whole)}  # fmt: skip
        expect(scene, "D12", claim, parameter, "a filter adds no rows")
    total = scene.total(asked.found.pages[0])
    if total is not None and asked.found.is_whole:
        rows = length(scene.ids(asked.found))
        claim = {"relation": "equal", "left": total, "right": rows}
        name = scene.lab.subject.conventions["paging"]["number"]
        says = "the total is the number of rows that pass"
        scene.lab.expect("D18", claim, operation=scene.operation, about=name, says=says)


def answers(scene: Scene, reply: Reply, parameter: Parameter, prop: str, status: Any) -> None:
    """Claim the status of an answer."""
    claim = {"relation": "equal", "left": reply.status, "right": status}
    expect(scene, prop, claim, parameter, "the status is the declared one")


def keeps_all(scene: Scene, reply: Reply, parameter: Parameter, prop: str) -> None:
    """Claim that an answer counts as many rows as the list that nothing filters."""
    total, whole = scene.total(reply), scene.total(scene.whole.pages[0])
    if total is not None and whole is not None:
        claim = {"relation": "equal", "left": total, "right": whole}
        expect(scene, prop, claim, parameter, "nothing is filtered away")
