"""Hold scenarios to their word, the shipped ones too."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mockserver import assembly, data, scenario
from mockserver.assembly import Sources
from mockserver.errors import FixtureError
from mockserver.operation import Spec
from mockserver.scenario import Scenario
from tests.fixture_worlds import NOW, library, problems, records, world, write

__all__ = ["library"]  # a fixture, found by its name

SAMPLE = "a1b2c3d4e5f67890abcdef1234567890"
SHELF = """
description: A shelf.
seed: 3
personas:
  keeper: {token: secret, user: mari, description: Keeps it.}
records:
  reader:
    mari: {email: mari@example.org}
  book:
    odyssey:
      title: Odyssey
      sequels: [aeneid]
      loans:
        first: {reader: mari}
    aeneid: {title: Aeneid}
make:
  guest: {resource: reader, count: 3, with: {email: {label: true, after: "@example.org"}}}
  visit: {resource: loan, each: {reader: guest}, count: 2, with: {book: {match: [odyssey, aeneid]}}}
"""


@pytest.fixture(scope="module")
def shipped() -> Callable[..., Scenario]:
    made = assembly.read_api(Sources())
    root = data.root() / "fixtures"

    def load(name: str, seed: int | None = None, days: int = 0) -> Scenario:
        now = NOW + timedelta(days=days)
        providers = made.pack.faker_providers
        return scenario.load(root, name, made.spec, seed=seed, now=now, providers=providers)

    return load


def test_relations_are_written_as_labels(tmp_path: Path, library: Spec) -> None:
    made = world(tmp_path, library, main=SHELF)

    odyssey, aeneid = records(made, "book")
    mari = next(r for r in records(made, "reader") if r["email"] == "mari@example.org")
    assert odyssey["sequels"] == [aeneid["id"]]
    assert any(
        (loan["book"], loan["reader"]) == (odyssey["id"], mari["uuid"])
        for loan in records(made, "loan")
    )


def test_a_group_is_made_for_each_of_another(tmp_path: Path, library: Spec) -> None:
    made = world(tmp_path, library, main=SHELF)

    loans = records(made, "loan")
    assert len(loans) == 1 + 3 * 2
    assert len({loan["reader"] for loan in loans}) == 1 + 3


def test_a_persona_is_a_token_of_a_user(tmp_path: Path, library: Spec) -> None:
    made = world(tmp_path, library, main=SHELF)

    (keeper,) = made.personas
    assert (keeper.name, keeper.token, keeper.description) == ("keeper", "secret", "Keeps it.")
    assert records(made, "pass") == [{"code": "secret", "reader": keeper.user}]
    assert (made.name, made.seed, made.description) == ("main", 3, "A shelf.")


def test_included_files_come_first_and_keep_their_words(tmp_path: Path, library: Spec) -> None:
    made = world(
        tmp_path, library, base=SHELF, main="{include: base.yaml, seed: 9, description: More.}"
    )

    assert (made.seed, made.description) == (9, "More.")
    assert len(records(made, "book")) == 2
    assert scenario.names(tmp_path) == ["base", "main"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, library: Spec) -> None:
    one, two = (world(tmp_path, library, main=SHELF) for _ in range(2))

    for resource in library.resources:
        assert records(one, resource) == records(two, resource)


def test_another_seed_invents_other_values_around_the_same_words(
    tmp_path: Path, library: Spec
) -> None:
    one, two = (world(tmp_path, library, seed=seed, main=SHELF) for seed in (1, 2))

    assert {r["name"] for r in records(one, "reader")} != {
        r["name"] for r in records(two, "reader")
    }
    assert [b["title"] for b in records(one, "book")] == [b["title"] for b in records(two, "book")]


def test_one_more_record_changes_no_other(tmp_path: Path, library: Spec) -> None:
    """Chance is keyed, so worlds can grow without being reshuffled."""
    small = world(tmp_path, library, main=SHELF)
    large = world(tmp_path, library, main=SHELF.replace("count: 3", "count: 5"))

    known = {reader["uuid"]: reader for reader in records(large, "reader")}
    assert all(known[reader["uuid"]] == reader for reader in records(small, "reader"))


def test_an_unknown_scenario_is_answered_with_those_there_are(
    tmp_path: Path, library: Spec
) -> None:
    write(tmp_path, calm="{}", storm="{}")

    with pytest.raises(FixtureError, match="no scenario 'fog'; there are calm, storm"):
        scenario.load(tmp_path, "fog", library, now=NOW)


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("recods: {}", 1, "a scenario has no part 'recods'"),
        ("records:\n  boks: {a: {}}", 2, "there is no resource 'boks'"),
        ("records:\n  book:\n    a: {title: T, colour: red}", 3, "book.colour is not one of"),
        ("records:\n  book:\n    a: {title: T, loans_count: 1}", 3, "is derived"),
        ("records:\n  book:\n    a: {title: T, pages: 9}", 3, "9 is less than the minimum"),
        ("records:\n  book:\n    a: {title: T}\n    a: {title: U}", 4, "is there twice"),
        ("records:\n  book:\n    a: [T]", 3, "must be a mapping of fields"),
        ("records:\n  book:\n    a: {title: T, sequels: [b]}", 3, "there is no book 'b'"),
        (
            "records:\n  book:\n    prose: {title: T, sequels: [porse]}",
            3,
            "did you mean 'prose'?",
        ),
        ("records:\n  loan:\n    a: {due: 2026-01-01}", 3, 'reader: null is not of type "string"'),
        (
            "records:\n  reader:\n    a: {email: x@y}\n    b: {email: x@y}",
            4,
            "has the email of 'a'",
        ),
        ("records:\n  reader:\n    a: {email: x@y, joined: 2026-02-30}", 3, "joined"),
        ("records:\n  book:\n    a: {title: T, id: 1}\n    b: {title: U, id: 1}", 4, "has the id"),
        ("make:\n  g: {count: 3}", 2, "must say which resource"),
        ("make:\n  g: {resource: loan, each: {reader: nobody}}", 2, "neither a group of reader"),
        ("make:\n  g: {resource: book, count: many}", 2, "count is a whole number"),
        ("personas:\n  p: {token: x, user: who}", 2, "there is no reader 'who'"),
        ("include: gone.yaml", 1, "there is no file"),
        ("seed: lucky", 1, "seed is 'lucky'"),
        ("records: {book: ]", 1, "is not valid YAML"),
    ],
)
def test_a_mistake_has_a_file_a_line_and_a_remedy(
    tmp_path: Path, library: Spec, text: str, line: int, complaint: str
) -> None:
    found = problems(tmp_path, library, main=text)

    assert any(f"main.yaml:{line}: " in each and complaint in each for each in found), found


def test_all_mistakes_are_reported_together(tmp_path: Path, library: Spec) -> None:
    found = problems(
        tmp_path,
        library,
        main="records:\n  book:\n    a: {pages: 1, title: T}\n    b: {colour: red}\n  sky: {}",
        f_book="year: {faker: nothing}",
    )

    assert len(found) >= 3


@pytest.mark.parametrize("name", ["default", "empty"])
def test_a_shipped_world_starts_the_same_twice_on_a_day(
    shipped: Callable[..., Scenario], name: str
) -> None:
    one, two = shipped(name), shipped(name)

    assert {n: dict(t.records) for n, t in one.state.tables.items()} == {
        n: dict(t.records) for n, t in two.state.tables.items()
    }


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_default_world_can_be_made_from_any_seed(
    shipped: Callable[..., Scenario], seed: int
) -> None:
    assert len(shipped("default", seed).state.records("plan")) > 16


@pytest.mark.parametrize("days", [0, 1, 15, 29, 60, 336])
def test_the_default_world_can_be_made_on_any_day(
    shipped: Callable[..., Scenario], days: int
) -> None:
    assert len(shipped("default", days=days).state.records("invoice")) > 14


def test_the_default_world_is_made_while_nobody_waits(shipped: Callable[..., Scenario]) -> None:
    start = time.perf_counter()
    shipped("default")

    assert time.perf_counter() - start < 2  # 0.2 s where nothing else runs


@pytest.mark.parametrize(
    "resource",
    ["service_provider", "plan", "user", "customer", "offering", "project", "organization_group"],
)
def test_the_identifier_of_the_documentation_exists(
    shipped: Callable[..., Scenario], resource: str
) -> None:
    assert SAMPLE in shipped("default").state.records(resource)


def test_the_sample_plan_is_unused_and_the_sample_customer_no_provider(
    shipped: Callable[..., Scenario],
) -> None:
    made = shipped("default")

    assert all(r["plan"] != SAMPLE for r in records(made, "resource"))
    assert all(p["customer"] != SAMPLE for p in records(made, "service_provider"))


def test_personas_are_the_same_in_every_shipped_world(shipped: Callable[..., Scenario]) -> None:
    one, two = shipped("empty").personas, shipped("default").personas

    assert one == two
    assert "YOUR_API_TOKEN" in {persona.token for persona in one}
