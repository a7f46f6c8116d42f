"""What lists can do, in pairs: filters, order, page size and fieldset at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

from contract_tests import filter_values as values
from contract_tests.covering import covering
from contract_tests.filter_claims import Asked, question
from contract_tests.filter_oddities import guesses
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.probes.fieldsets import asking
from contract_tests.probes.registry import probe
from contract_tests.relations import Expr, const, join, length, meet, minus
from contract_tests.scene import Scene, is_list, scenes
from contract_tests.sorting import default_keys, is_determined, keys_of, words
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation

_PAGES: Final = 5


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of each feature; the first of each is to leave it out."""

    filters: Sequence[Asked | None]
    words: Sequence[str]
    sizes: Sequence[int]
    fieldsets: Sequence[Sequence[str]]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many levels each factor has; filters are chosen twice."""
        return (
            len(self.filters), len(self.filters), len(self.words),
            len(self.sizes), len(self.fieldsets),
        )  # fmt: skip


def _applies(subject: Subject, operation: Operation) -> bool:
    has_filters = any(p.filter and p.place == "query" for p in operation.parameters)
    is_rich = has_filters or operation.ordering is not None or operation.has_fieldset
    return is_list(subject, operation) and operation.is_paged and is_rich


@dataclass(frozen=True, slots=True)
class Combination:
    """What is asked for at the same time."""

    filters: tuple[Asked, ...]
    word: str
    size: int
    names: Sequence[str]


def _cost(subject: Subject, operation: Operation, depth: Depth) -> int:
    count = sum(p.filter is not None and p.place == "query" for p in operation.parameters)
    return 3 * (min(count, depth.pairs // 2) + depth.pairs // 8)


@probe("D25", "D18", safety="R", layer="interactions", applies=_applies, cost=_cost)
def features(lab: Lab, world: World, operation: Operation) -> None:
    """Ask for each filter with the other features, then for pairs, as far as the budget goes."""
    scene = scenes(lab, world, operation)[0]
    if len(scene.rows) < 2:
        raise Blocked("fewer than two rows")
    levels = _levels(scene)
    alone = islice(_alone(scene, levels), lab.depth.pairs // 2)
    for each in (*alone, *_pairs(scene, levels, max(1, lab.depth.pairs // 8))):
        with lab.case():
            _combined(scene, each)


def _alone(scene: Scene, levels: Levels) -> Iterator[Combination]:
    """Yield each filter with an order, a fieldset and pages that it fills."""
    words, fieldsets = cycle(levels.words[1:] or [""]), cycle(levels.fieldsets[1:] or [[]])
    for each in levels.filters:
        if each is not None:
            size = max(1, -(-len(each.found.rows) // 2))
            yield Combination((each,), next(words), _fitting(scene, size), next(fieldsets))


def _pairs(scene: Scene, levels: Levels, most: int) -> Iterator[Combination]:
    for row in covering(levels.counts, most):
        chosen = [levels.filters[place] for place in dict.fromkeys(row[:2])]
        filters = tuple(each for each in chosen if each is not None)
        size = _fitting(scene, levels.sizes[row[3]])
        yield Combination(filters, levels.words[row[2]], size, levels.fieldsets[row[4]])


def _fitting(scene: Scene, size: int) -> int:
    """Return a size that the description allows; 0 stands for the largest."""
    most: int = scene.lab.subject.conventions["paging"]["max"]
    return min(size or scene.lab.depth.rows, most)


def _levels(scene: Scene) -> Levels:
    """Choose the levels: filters that tell, orders that show, sizes that cut."""
    rows = len(scene.rows)
    some = [size for size in (max(1, rows // 3), max(1, rows // 2)) if size < rows]
    return Levels(
        [None, *_filters(scene)],
        ["", *_words(scene)],
        [0, *dict.fromkeys(some)],
        [[], *_fieldsets(scene)],
    )


def _filters(scene: Scene) -> list[Asked]:
    found = []
    for parameter in scene.filters:
        texts = values.main_values(scene, parameter)[:2]
        is_full = scene.lab.depth.is_full
        for text in texts or (guesses(scene, parameter)[:3] if is_full else ()):
            try:
                listing = scene.read(question(parameter, [text]))
            except Blocked:
                continue
            asked = Asked(scene, parameter, (text,), listing)
            if asked.is_telling:
                found.append(asked)
                break
    return found


def _words(scene: Scene) -> list[str]:
    order = scene.operation.ordering
    found = words(scene, order) if order else []
    # Turned round, an order that is the default one cannot be mistaken for it.
    return [down or up for up, down in found if keys_of(scene, [down or up])]


def _fieldsets(scene: Scene) -> list[list[str]]:
    if not scene.operation.has_fieldset or not scene.has_key:
        return []
    key = scene.lab.subject.shown_key(scene.operation)
    present = {name for row in scene.rows for name in row}
    names = [name for name in scene.view if name in present and name != key]
    return [[key, *names[:1]], [key, *names[-2:]]] if names else [[key]]


def _combined(scene: Scene, asked: Combination) -> None:
    word, filters = asked.word, asked.filters
    keys = keys_of(scene, [word]) if word else default_keys(scene)
    names = list(asked.names)
    if names:
        names = list(dict.fromkeys([*names, *(key["at"].split("/")[1] for key in keys)]))
    rules = scene.lab.subject.conventions["paging"]
    order = scene.operation.ordering
    query: list[tuple[str, Any]] = [pair for each in filters for pair in each.query]
    query += [(order.parameter, word)] if order and word else []
    query += asking(scene.lab, names) if names else []
    pages, is_all = _walked(scene, [*query, (rules["size"], asked.size)], asked.size)
    if not _are_good(scene, pages, filters, names):
        return
    _rows_match(scene, pages, filters, is_all=is_all and _is_told(scene, pages, keys))
    if keys and word:
        rows = join(*(page.at("rows") for page in pages))
        claim: dict[str, Any] = {"relation": "sorted", "left": rows, "by": keys}
        _expect(scene, claim, order.parameter if order else "", "the order holds with the rest")
    if names and scene.whole.is_whole:
        whole = scene.whole.at("rows", only=names)
        for page in pages:
            claim = {"relation": "subset", "left": page.at("rows"), "right": whole}
            name = scene.lab.subject.conventions["fieldset"]["parameter"]
            _expect(scene, claim, name, "the fieldset holds with the rest")


def _is_told(scene: Scene, pages: Sequence[Reply], keys: Sequence[Any]) -> bool:
    """Tell whether no row may rightly be on two pages, or on none."""
    return len(pages) == 1 or is_determined(scene, keys)


def _walked(scene: Scene, query: Sequence[tuple[str, Any]], size: int) -> tuple[list[Reply], bool]:
    """Return the pages of an answer, and whether they are all of them."""
    rules = scene.lab.subject.conventions["paging"]
    pages = [scene.ask(query)]
    while pages[-1].is_good and len(pages[-1].rows) == size:
        total = scene.world.total(pages[0])
        if total is not None and total <= size * len(pages):
            return pages, True
        if len(pages) == _PAGES:
            return pages, False
        pages.append(scene.ask([*query, (rules["number"], len(pages) + 1)]))
    return pages, True


def _are_good(
    scene: Scene, pages: Sequence[Reply], filters: Sequence[Asked], names: Sequence[str]
) -> bool:
    about = scene.lab.subject.conventions["fieldset"]["parameter"] if names else ""
    about = filters[0].parameter.name if filters and not names else about
    good = const(scene.operation.success.status)
    for page in pages[:-1] if pages[-1].code == 404 and len(pages) > 1 else pages:
        claim = {"relation": "equal", "left": page.status, "right": good}
        if not _expect(scene, claim, about, "features go together"):
            return False
    return pages[-1].is_good


def _rows_match(
    scene: Scene, pages: Sequence[Reply], filters: Sequence[Asked], *, is_all: bool
) -> None:
    """Claim that each filter holds, and that together they keep what each of them keeps."""
    ids = join(*(scene.ids(page) for page in pages))
    rules = scene.lab.subject.conventions["paging"]
    expected: Expr | None = None
    for each in filters:
        held = scene.ids(each.found)
        expected = held if expected is None else meet(expected, held)
        # Of pages that are not settled a row may come twice; it must pass all the same.
        is_repeated = not is_all and len(pages) > 1
        claim: dict[str, Any] = {"relation": "subset", "left": ids, "right": held}
        claim = {"relation": "empty", "left": minus(ids, held)} if is_repeated else claim
        _expect(scene, claim, each.parameter.name, "the filter holds with the rest")
    expected = scene.ids(scene.whole) if expected is None else expected
    if not scene.whole.is_whole:
        return
    total = scene.total(pages[0])
    if total is not None:
        claim = {"relation": "equal", "left": total, "right": length(expected)}
        says = "the total is the number of rows that pass"
        about = rules["number"]
        scene.lab.expect("D18", claim, operation=scene.operation, about=about, says=says)
    if is_all:
        claim = {"relation": "superset", "left": ids, "right": expected}
        about = filters[0].parameter.name if filters else rules["number"]
        _expect(scene, claim, about, "no row is lost")


def _expect(scene: Scene, claim: Any, about: str, says: str) -> bool:
    return scene.lab.expect("D25", claim, operation=scene.operation, about=about, says=says)
