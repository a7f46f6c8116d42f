"""Planted defects: each changes something, and none is ever planted by mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockserver import assembly, mutants
from mockserver.api import Api
from mockserver.assembly import Sources, World
from mockserver.exchange import Request
from mockserver.mutants import robustness
from mockserver.mutants.__main__ import SWITCH, main
from tests.conftest import Folder
from tests.mutant_story import Story, enriched

CLOCK = "2026-03-15T12:30:00Z"
LIBRARY = Path(__file__).parent.parent / "examples" / "library"
KINDS = sorted(mutants.kinds())
#: Kinds for which neither API has a fitting annotation.
HOMELESS = {"C12b", "C14", "K06", "U09"}
#: Kinds that the small API has no place for, or too few records.
NOT_IN_A_LIBRARY = {
    "A02", "A04", "A07", "A08", "A10", "C11", "C12b", "C12e", "C14", "C15", "H06l", "H07", "H12",
    "H13", "K06", "O09", "O11", "P12", "P17", "P21", "R08", "T01", "T07", "T13", "U09", "U11",
    "V08", "V10", "V13", "X09",
}  # fmt: skip
#: Kinds that show in time, not in what is said.
SLOW_ONLY = {"R08"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the defect that hangs only note for how long."""
    waited: list[float] = []
    monkeypatch.setattr(robustness, "pause", waited.append)
    return waited


@pytest.fixture(scope="module")
def shipped(default_world: World) -> Story:
    return Story(enriched(default_world))


@pytest.fixture(scope="module")
def library() -> Story:
    spec, pack = LIBRARY / "spec" / "openapi.yaml", f"{LIBRARY / 'pack.py'}:pack"
    return Story(assembly.read_world(Sources(spec=spec, pack=pack, clock=CLOCK)))


def shows(kind: str, story: Story) -> bool:
    """Tell whether one of the first mutants of a kind changes an answer or a state."""
    known = mutants.kinds()[kind]
    # What nobody outside can see changes the state all the same.
    places = [mutant for mutant, _ in known.found(story.world.api)]
    first = [*known.instances(story.world.api)[:3], *places[:8]]
    return any(story.notices(each, mutants.plant(each, story.world)) for each in first)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NOT_IN_A_LIBRARY])
def test_a_kind_changes_something(kind: str, library: Story) -> None:
    assert shows(kind, library)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in HOMELESS | SLOW_ONLY])
def test_a_kind_changes_something_of_the_shipped_api(
    kind: str, shipped: Story, library: Story
) -> None:
    assert shows(kind, shipped) or (kind not in NOT_IN_A_LIBRARY and shows(kind, library))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "step"),
    [("shipped", 40), ("library", 4), pytest.param("shipped", 1, marks=pytest.mark.soak)],
)
def test_most_mutants_show_in_the_default_world(
    name: str, step: int, request: pytest.FixtureRequest
) -> None:
    story: Story = request.getfixturevalue(name)
    every = mutants.instances(story.world.api)[::step]
    dormant = [m.id for m in every if not story.notices(m, mutants.plant(m, story.world))]

    assert len(dormant) < 0.1 * len(every), dormant


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        ("C12b", {"title": " A "}, b'"title":"A"'),
        ("C14", {"title": "A", "pages": 2**53 + 1}, b'"pages":9007199254740992'),
    ],
)
def test_kinds_without_a_place_have_one_elsewhere(
    folder: Folder, kind: str, body: dict[str, object], shown: bytes
) -> None:
    for old in ("title: {type: string}\n        writer", "title: {type: string, maxLength: 20}"):
        folder.edit(old, old.replace("title:", "pages: {type: integer}\n        title:", 1))
    folder.edit("author: {type:", "pages: {type: integer}\n        author: {type:")
    world = assembly.read_world(folder.sources())
    [mutant] = mutants.kinds()[kind].instances(world.api)
    headers = {"host": "mock.test", "content-type": "application/json"}
    request = Request("POST", "/books/", "", headers, json.dumps(body).encode())

    assert shown not in assembly.application(world).answer(request).response.body
    assert shown in mutants.plant(mutant, world).answer(request).response.body


def test_a_server_hangs(shipped: Story, no_waiting: list[float]) -> None:
    mutant = mutants.kinds()["R08"].instances(shipped.world.api)[0]
    operation = shipped.world.api.spec.operation(mutant.operation)
    mutants.plant(mutant, shipped.world).answer(shipped.good(operation)[0])

    assert no_waiting == [6.0]


def test_other_operations_answer_the_truth(shipped: Story) -> None:
    mutant = mutants.kinds()["F01"].instances(shipped.world.api)[0]
    planted, truth = mutants.plant(mutant, shipped.world), shipped.truth()
    for operation in shipped.world.api.spec.operations:
        for request in shipped.good(operation)[:1]:
            assert planted.answer(request).response == truth.answer(request).response


def test_planting_leaves_the_world_alone(shipped: Story) -> None:
    world, before = shipped.world, shipped.world.scenario.state
    for kind in ("U07", "X01", "F03", "O01"):
        mutant = mutants.kinds()[kind].instances(world.api)[0]
        planted = mutants.plant(mutant, world)
        for request in shipped.good(world.api.spec.operation(mutant.operation)):
            planted.answer(request)

    assert world.scenario.state is before
    assert mutants.instances(world.api) == mutants.instances(world.api)


def test_ids_are_unique_and_found(shipped_api: Api) -> None:
    found = mutants.instances(shipped_api)

    assert len({mutant.id for mutant in found}) == len(found)
    assert all(mutants.find(mutant.id, shipped_api) == mutant for mutant in found[::50])
    with pytest.raises(LookupError):
        mutants.find("F01@nothing", shipped_api)


def test_there_are_enough_and_not_too_many(shipped_api: Api) -> None:
    assert 500 <= len(mutants.instances(shipped_api)) <= 1000


@pytest.mark.parametrize(
    ("kind", "count"),
    [("F01", "filters"), ("O01", "order_keys"), ("E02", "created"), ("E03", "removed")],
)
def test_every_annotation_has_a_mutant(shipped_api: Api, kind: str, count: str) -> None:
    from mockserver.mutants import sites

    found = mutants.kinds()[kind].instances(shipped_api)
    excused = [mutant for mutant, _ in mutants.equivalents(shipped_api) if mutant.kind == kind]
    assert len(found) + len(excused) == len(list(getattr(sites, count)(shipped_api)))
    assert len(found) > 4 * len(excused)


def test_an_equivalent_mutant_has_a_reason_and_is_not_an_instance(shipped_api: Api) -> None:
    known = {mutant.id for mutant in mutants.instances(shipped_api)}
    excused = mutants.equivalents(shipped_api)

    assert excused
    assert all(reason and mutant.id not in known for mutant, reason in excused)


def test_the_mutants_of_other_comparisons_are_known() -> None:
    assert len(mutants.PEERS) == 18
    assert set(mutants.PEERS.values()) <= set(KINDS)
    assert not set(mutants.INEXPRESSIBLE) & set(KINDS)


def test_most_annotation_keys_are_broken_by_some_mutant(shipped_api: Api) -> None:
    keys = Counter(mutant.key for mutant in mutants.instances(shipped_api))
    wanted = {
        "schema", "x-action", "x-effect", "x-filter", "x-from", "x-mock.auth", "x-mock.dialect",
        "x-mock.fieldset", "x-mock.headers", "x-mock.ordering", "x-mock.paging",
        "x-mock.trailing_slash", "x-normalize", "x-order", "x-permission", "x-resource",
    }  # fmt: skip

    assert set(keys) == wanted


# The command line


def run(*arguments: str, **variables: str | None) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments), env={SWITCH: None, **variables})
    return result.exit_code, result.stdout, result.stderr


def test_the_list_is_for_people_and_for_programs() -> None:
    status, text, _ = run("list", "--kind", "X0")
    _, document, _ = run("list", "--kind", "X0", "--json")

    assert status == 0
    ids = [row["id"] for row in json.loads(document)]
    assert ids == [line.split()[0] for line in text.splitlines()]
    assert all(id_.startswith("X0") for id_ in ids)


def test_the_reasons_are_listed() -> None:
    status, text, _ = run("list", "--kind", "O05", "--equivalent")

    assert status == 0
    assert "ties is unspecified" in text


def test_nothing_defective_is_served_without_the_switch() -> None:
    status, _, complaint = run("serve", "F01@nothing")

    assert status == 2
    assert f"set {SWITCH}=1" in complaint


def test_an_unknown_mutant_is_refused() -> None:
    status, _, complaint = run("serve", "F01@nothing", **{SWITCH: "1"})

    assert status == 2
    assert "list" in complaint


def test_a_mutant_is_served(shipped_api: Api) -> None:
    id_ = mutants.kinds()["S10"].instances(shipped_api)[0].id
    known = {name: value for name, value in os.environ.items() if "MOCKSERVER" not in name}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "mockserver.mutants", "serve", id_, "--scenario", "empty"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**known, SWITCH: "1"},
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.terminate()
        assert process.wait(20) == 0

    assert lines[0].startswith(id_)
    assert lines[1].startswith("listening on http://127.0.0.1:")


def test_a_normal_start_never_reads_the_package() -> None:
    code = (
        "import sys; import mockserver.cli; from mockserver import assembly as a; "
        "a.build(a.Sources(scenario='empty')); "
        "print([m for m in sys.modules if m.startswith('mockserver.mutants')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_planted_application_is_served_like_any_other(
    shipped: Story, serve: Callable[..., object]
) -> None:
    import http.client

    mutant = next(
        m for m in mutants.kinds()["S05"].population(shipped.world.api)
        if shipped.world.api.spec.operation(m.operation).is_public
    )  # fmt: skip
    running = serve(mutants.plant(mutant, shipped.world))
    operation = shipped.world.api.spec.operation(mutant.operation)
    request: Request = shipped.good(operation)[0]
    connection = http.client.HTTPConnection(running.host, running.port)  # type: ignore[attr-defined]  # a fixture
    connection.request("GET", request.path)

    assert b'"undeclared"' in connection.getresponse().read()
    connection.close()
