"""The probes of lists: silent about a right server, loud about a wrong one, in the right place."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from contract_tests import relations, subject
from contract_tests.covering import covering
from contract_tests.lab import Blocked, Depth, Lab, Suspicion
from contract_tests.meaning import compare, passes
from contract_tests.probes import features, fieldsets, filters, orders, pages, scoping
from contract_tests.probes.registry import PROBES
from contract_tests.scene import Scene, link_to, scenes
from contract_tests.sorting import default_keys, is_determined, keys_of, tied
from contract_tests.subject import Subject, key_in
from contract_tests.testing_filters import test_of as expected_of
from contract_tests.world import World as Seen
from mockserver import assembly, mutants
from mockserver.assembly import Sources, World
from mockserver.mutants import Mutant
from tests.contract_harness import heard, lab_for

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "examples" / "library"
MODULES = {m.__name__ for m in (features, fieldsets, filters, orders, pages, scoping)}
MINE = [each for each in PROBES if each.run.__module__ in MODULES]
CI = Depth()
QUICK = Depth("quick", values=1, parents=2, pairs=10, is_full=False)


@cache
def world_of(name: str) -> World:
    if name != "library":
        return assembly.read_world(Sources(scenario=name))
    pack, spec = f"{LIBRARY / 'pack.py'}:pack", LIBRARY / "spec" / "openapi.yaml"
    return assembly.read_world(Sources(spec=spec, fixtures=LIBRARY / "fixtures", pack=pack))


@cache
def subject_of(name: str) -> Subject:
    return subject.read(LIBRARY / "spec" / "openapi.yaml" if name == "library" else None)


def lab_in(app: Any, name: str, depth: Depth = CI) -> tuple[Lab, Seen]:
    personas = world_of(name).scenario.personas
    tokens = {persona.name: persona.token for persona in personas}
    return lab_for(app, subject_of(name), tokens={**tokens, "main": personas[0].token}, depth=depth)


def suspicions(
    app: Any, name: str, depth: Depth = CI, only: str = "", proving: frozenset[str] | None = None
) -> tuple[list[Suspicion], Lab]:
    """Return what the probes of lists say about a server, or about one operation of it."""
    lab, seen = lab_in(app, name, depth)
    found = heard(lab)
    for probe in MINE:
        if proving is not None and not proving & set(probe.proves):
            continue
        for operation in lab.operations:
            if only not in ("", operation.id) or not probe.applies(lab.subject, operation):
                continue
            try:
                probe.run(lab, seen, operation)
            except Blocked as reason:
                for prop in probe.proves:
                    lab.blocked(prop, operation, str(reason))
    return found, lab


def scene_of(operation: str, name: str = "library") -> Scene:
    lab, seen = lab_in(assembly.application(world_of(name)), name)
    return scenes(lab, seen, lab.operation(operation))[0]


# A right server


@pytest.mark.parametrize(
    ("name", "depth", "least", "most"),
    [
        ("library", CI, 300, 450),
        ("library", QUICK, 100, 250),
        ("default", QUICK, 600, 1000),
        pytest.param("default", CI, 1500, 2500, marks=pytest.mark.slow),
        pytest.param("busy", CI, 1500, 2500, marks=pytest.mark.soak),
    ],
)
def test_a_right_server_is_not_suspected(name: str, depth: Depth, least: int, most: int) -> None:
    found, lab = suspicions(assembly.application(world_of(name)), name, depth)
    assert [(s.property, s.operation, s.about, s.difference) for s in found] == []
    assert least < lab.client.sent < most
    proved = {prop for probe in MINE for prop in probe.proves}
    checked = {prop for prop, _ in lab.checked}
    if depth.is_full:
        # The nested lists of the shipped API are found by functions; no row shows its parent.
        assert proved - checked <= (set() if name == "library" else {"B22"})


def test_an_empty_server_is_blocked_not_blamed() -> None:
    found, lab = suspicions(assembly.application(world_of("empty")), "empty")
    assert found == []
    assert ("D2", "marketplace_plans_list") in lab.reasons
    assert ("D2", "marketplace_plans_list") not in lab.checked
    assert ("D11", "marketplace_plans_list") in lab.checked


def test_nothing_is_sent_but_questions() -> None:
    lab, seen = lab_in(assembly.application(world_of("library")), "library")
    methods = set()
    lab.client.on_exchange = lambda exchange: methods.add(exchange.sent.method)
    for probe in MINE:
        assert probe.safety == "R"
        for operation in lab.operations:
            if probe.applies(lab.subject, operation):
                try:
                    probe.run(lab, seen, operation)
                except Blocked:
                    continue
    assert methods == {"GET", "HEAD"}


# Wrong ones

#: Kind of defect -> the properties that may name it, the first of them being the plainest.
PLANTED = {
    "F01": {"D1", "D2", "D5", "D8", "D9"},
    "F02": {"D1", "D2"},
    "F03": {"D1", "D2", "D4"},
    "F04": {"D2", "D9"},
    "F05": {"D6"},
    "F06": {"D7"},
    "F07": {"D5", "D3"},
    "F08": {"D9"},
    "F09": {"D10"},
    "F10": {"D11"},
    "F11": {"D25"},
    "F12": {"D2"},
    "F13": {"D4", "D1", "D2"},
    "F14": {"D1", "D5", "D10"},
    "F15": {"D11", "A1"},
    "F16": {"D4", "D2", "D1"},
    "F17": {"D1", "D2"},
    "F18": {"D25"},
    "F19": {"D8"},
    "F20": {"D11"},
    "F21": {"D11"},
    "O01": {"D13"},
    "O02": {"D13"},
    "O03": {"D13"},
    "O04": {"D16", "D17"},
    "O06": {"D13", "D15"},
    "O07": {"D16"},
    "O08": {"D27"},
    "O09": {"D13"},
    "O10": {"D13"},
    "P01": {"D17"},
    "P02": {"D17", "D18"},
    "P03": {"D19"},
    "P04": {"D19"},
    "P05": {"D19"},
    "P06": {"D19"},
    "P07": {"D18"},
    "P08": {"D18"},
    "P09": {"D18"},
    "P10": {"D20"},
    "P11": {"D20"},
    "P13": {"D20"},
    "P14": {"D19"},
    "P15": {"D19"},
    "P16": {"D20"},
    "P18": {"D18"},
    "P19": {"D19"},
    "P20": {"D19"},
    "P22": {"D17"},
    "D01": {"D22"},
    "D02": {"D22", "D23"},
    "D03": {"D22", "D25", "A1"},
    "D04": {"D22", "A1"},
    "D05": {"D22"},
    "D06": {"D23"},
    "D07": {"D22"},
    "D08": {"D22"},
    "V04": {"B22"},
}


@cache
def _by_kind() -> dict[str, list[Mutant]]:
    found: dict[str, list[Mutant]] = {}
    for mutant in mutants.instances(world_of("library").api):
        found.setdefault(mutant.kind, []).append(mutant)
    return found


def mutant_of(kind: str) -> Mutant:
    """Return a mutant of a kind where its list has the data to show it."""
    rich = ("books_list", "authors_list", "authors_books_list")
    return min(_by_kind()[kind], key=lambda m: (m.operation not in rich, m.operation != rich[0]))


@pytest.mark.parametrize("kind", sorted(PLANTED))
def test_a_planted_defect_is_suspected_where_it_is(kind: str) -> None:
    mutant = mutant_of(kind)
    app = mutants.plant(mutant, world_of("library"))
    proving = frozenset(PLANTED[kind] - {"D18"} or {"D18"})
    found, _ = suspicions(app, "library", only=mutant.operation, proving=proving)
    about = mutant.about.partition(":")[0]
    places = {(s.property, s.about) for s in found}
    named = {prop for prop, name in places if not about or name == about or prop == "A1"}
    assert named & PLANTED[kind], f"{mutant.id}: {sorted(places)}"


@pytest.mark.parametrize(
    ("start", "prop"),
    [
        ("F01@marketplace_plans_list.offering_slug", "D1"),
        ("F01@marketplace_service_providers_list.customer", "D1"),
        ("F01@marketplace_service_providers_offerings_list.query", "D8"),
        ("P12@", "D20"),
        ("P17@", "D20"),
        ("P21@", "D19"),
        ("O01@marketplace_service_providers_users_list.o:full_name", "D13"),
    ],
)
def test_defects_of_the_shipped_lists(start: str, prop: str) -> None:
    world = world_of("default")
    mutant = next(m for m in _shipped() if m.id.startswith(start))
    app, proving = mutants.plant(mutant, world), frozenset({prop})
    found, _ = suspicions(app, "default", only=mutant.operation, proving=proving)
    places = {(s.property, s.operation, s.about) for s in found}
    assert (prop, mutant.operation, mutant.about.partition(":")[0]) in places


@cache
def _shipped() -> tuple[Mutant, ...]:
    return mutants.instances(world_of("default").api)


class Twisted:
    """A right server whose answers to one method are changed."""

    def __init__(self, method: str, **changes: Any) -> None:
        self.app = assembly.application(world_of("library"))
        self.method, self.changes = method, changes

    def answer(self, request: Any) -> Any:
        exchange = self.app.answer(request)
        if request.method == self.method and exchange.response.status == 200:
            exchange.response = replace(exchange.response, **self.changes)
        return exchange


@pytest.mark.parametrize("changes", [{"status": 204}, {"headers": {"Content-Type": "text/html"}}])
def test_a_head_that_says_something_else(changes: dict[str, Any]) -> None:
    app, proving = Twisted("HEAD", **changes), frozenset({"D28"})
    found, _ = suspicions(app, "library", only="books_list", proving=proving)
    assert ("D28", "books_list") in {(s.property, s.operation) for s in found}


# How it is told


def test_every_pair_of_levels_comes_together() -> None:
    counts = (4, 4, 3, 2, 2)
    rows = list(covering(counts, 100))
    together = {
        (a, row[a], b, row[b]) for row in rows for a, b in combinations(range(len(counts)), 2)
    }
    for a, b in combinations(range(len(counts)), 2):
        for i, j in product(range(counts[a]), range(counts[b])):
            assert (a, i, b, j) in together or ((a, b) == (0, 1) and i >= j > 0)
    assert len(rows) < 20


def test_a_filter_on_what_another_list_shows() -> None:
    scene = scene_of("marketplace_plans_list", "default")
    slug = next(p for p in scene.filters if p.name == "offering_slug")
    facts = {
        scene.world.fact("offering", key_in(_offering(scene), row["offering"]), "slug")
        for row in scene.rows
    }
    known = sorted(value for value in facts if isinstance(value, str))
    expected = expected_of(scene, slug, known[:1])
    assert expected is not None
    assert expected.is_joined
    kept = [row for row in scene.rows if passes(row, expected.keeps)]
    assert 0 < len(kept) < len(scene.rows)
    assert not any(expected.drops and passes(row, expected.drops) for row in kept)


def _offering(scene: Scene) -> Any:
    return scene.lab.subject.spec.resources["offering"]


def test_what_no_row_shows_is_not_told() -> None:
    scene = scene_of("books_list")
    keyword = next(p for p in scene.filters if p.name == "keyword")
    assert expected_of(scene, keyword, ["sea"]) is None


def test_links_are_made_as_the_server_makes_them() -> None:
    scene = scene_of("books_list")
    branch = scene.lab.subject.spec.resources["branch"]
    shown = next(row["branch_url"] for row in scene.rows if row["branch_url"])
    assert link_to(scene, branch, key_in(branch, shown)) == shown


def test_ties_and_what_settles_them() -> None:
    scene = scene_of("books_list")
    pages_ = keys_of(scene, ["pages"])
    assert [key["at"] for key in pages_] == ["/pages"]
    assert tied(scene, keys_of(scene, ["author"]))
    assert is_determined(scene, default_keys(scene))


def test_texts_beyond_ascii_are_left_to_the_server() -> None:
    key = {"at": "/name", "kind": "text", "desc": False, "nulls": "high", "collation": "casefold"}
    assert compare({"name": "Örn"}, {"name": "zebra"}, [key]) == 0
    assert compare({"name": "Zebra"}, {"name": "apple"}, [key]) > 0
    table = [["k1", "b"], ["k2", "a"]]
    looked_up = {**key, "at": "/key", "table": table}
    assert compare({"key": "k1"}, {"key": "k2"}, [looked_up]) > 0
    assert compare({"key": "k1"}, {"key": "k9"}, [looked_up]) == 0


def test_accents_and_blanks_are_folded() -> None:
    test = {"at": "/name", "lookup": "folded", "value": "jose  PEREZ", "kind": "text"}
    assert passes({"name": "José Pérez"}, test) is True
    assert passes({"name": "Jose Peres"}, test) is False


@pytest.mark.parametrize(
    ("text", "rel", "target"),
    [
        ('<http://a/?x=1,2>; rel="next", <http://a/>; rel="first"', "next", "http://a/?x=1,2"),
        ('<http://a/?p=2>; title="a, b"; rel="prev next"', "next", "http://a/?p=2"),
        ("<http://a/>; rel=first", "first", "http://a/"),
        ('<http://a/>; rel="first"', "last", None),
    ],
)
def test_link_headers(text: str, rel: str, target: str | None) -> None:
    scene = scene_of("books_list")
    reply = scene.whole.pages[0]
    received = replace(reply.received, headers={"link": text})
    twisted = replace(reply, exchange=replace(reply.exchange, received=received))
    claim: dict[str, Any] = {"relation": "absent" if target is None else "equal"}
    claim |= {"left": twisted.at("link", header="Link", name=rel), "right": {"const": target}}
    assert relations.check(claim, {twisted.step.number: twisted}) is None
