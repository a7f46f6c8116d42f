"""The catalogue, the probes and the documentation speak of the same properties."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests import pages, probes
from contract_tests.catalogue import CATALOGUE, CONSEQUENCES, RESTS_ON
from contract_tests.lab import ORACLE_RULES
from contract_tests.probes.registry import PROBES
from contract_tests.result import Exit
from contract_tests.subject import of_document, read
from mockserver import loader

probes.load()
PROVED = {prop for probe in PROBES for prop in probe.proves} | set(ORACLE_RULES)
ROOT = Path(__file__).parents[1]


def test_every_property_has_a_probe_and_every_probe_a_property() -> None:
    assert CATALOGUE.keys() == PROVED


@pytest.mark.parametrize("table", [RESTS_ON, CONSEQUENCES], ids=["rests on", "consequences"])
def test_tables_name_known_properties(table: dict[str, tuple[str, ...]]) -> None:
    assert {*table, *(name for names in table.values() for name in names)} <= CATALOGUE.keys()


def test_nothing_rests_on_itself() -> None:
    def below(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, f"{name} rests on itself"
        for other in RESTS_ON.get(name, ()):
            below(other, (*seen, name))

    for name in RESTS_ON:
        below(name)


def test_every_probe_says_what_it_does() -> None:
    for probe in PROBES:
        assert (probe.run.__doc__ or "").strip(), probe.name


def test_the_page_of_the_properties_is_up_to_date() -> None:
    page = (ROOT / "docs" / "reference" / "properties.md").read_text("utf-8")
    assert page == pages.properties(), "run: python -m contract_tests.pages"


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "contract_tests", *words],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip


def test_the_plan_says_what_a_run_would_do_and_what_it_could_not() -> None:
    done = cli("plan", "--profile", "quick", "--json", "--tag", "marketplace_plans")
    steps = json.loads(done.stdout)
    assert {step["operation"] for step in steps} == {
        operation.id
        for operation in read().spec.operations
        if "marketplace_plans" in operation.tags
    }
    assert all(step["requests"] >= 0 for step in steps)
    told = cli("plan", "--tag", "marketplace_plans").stdout
    assert "13 operations, about" in told
    assert "not testable: x-mock.ordering.ties is unspecified" in told


def test_explain_tells_of_every_property() -> None:
    done = cli("explain", "D2")
    assert CATALOGUE["D2"].claim in done.stdout
    assert "probe filters" in done.stdout
    assert cli("explain", "D99").returncode == Exit.USAGE


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("--include", "marketplace_plans_lst"), "marketplace_plans_list"),
        (("--tag", "marketplace_plan"), "marketplace_plans"),
        (("--property", "Q1"), "plan"),
    ],
)
def test_a_wrong_name_is_refused_with_a_near_one(words: tuple[str, ...], remedy: str) -> None:
    done = cli("plan", *words)
    assert done.returncode == Exit.USAGE
    assert remedy in done.stderr


def test_a_plain_document_is_understood_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    file.write_text(
        """
openapi: 3.1.0
info: {title: Pets, version: "1"}
paths:
  /pets/:
    get:
      responses:
        "200":
          description: Pets.
          content: {application/json: {schema: {type: array, items: {type: object}}}}
    post:
      operationId: buy
      responses: {"201": {description: Bought.}}
  /pets/{id}/:
    get: {responses: {"2XX": {description: A pet.}}}
    delete: {responses: {"204": {description: Gone.}}}
"""
    )
    subject = of_document(loader.load(file), "pets")
    assert not subject.is_annotated
    assert {operation.id: operation.verb for operation in subject.spec.operations} == {
        "get_pets": "list", "buy": "create", "get_pets_id": "retrieve", "delete_pets_id": "destroy",
    }  # fmt: skip
    assert 204 in subject.operations["get_pets_id"].answers
    assert any("x-mock" in sentence for sentence in subject.guessed)
