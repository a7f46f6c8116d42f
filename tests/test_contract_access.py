"""Probes of tokens, permissions and visibility, on correct servers and on broken ones."""

from __future__ import annotations

import pytest

from contract_tests import script as scripts
from contract_tests.client import signed
from contract_tests.curl import curl
from tests.contract_stage import library, play, shipped

MODULES = ("access", "permissions", "visibility")

DEFECTS = [
    ("H01@service_provider_compliance_overview", "F1"),
    ("H02@marketplace_plans_update", "F1"),
    ("H02@marketplace_service_providers_destroy", "F1"),
    ("H03@marketplace_plans_list", "F1"),
    ("H03@marketplace_plans_create", "F1"),
    ("H04@marketplace_plans_list", "F1"),
    ("H05@marketplace_plans_create", "F1"),
    ("H11@marketplace_plans_list", "F1"),
    ("T08@marketplace_plans_list", "F1"),
    ("H06r@marketplace_service_providers_keys_list", "F2"),
    ("H06r@service_provider_api_secret_code_retrieve", "F2"),
    ("H06w@marketplace_plans_create", "F2"),
    ("H06w@marketplace_plans_update", "F2"),
    ("H06w@marketplace_plans_destroy", "F2"),
    ("H06w@service_provider_api_secret_code_generate", "F2"),
    ("H08@service_provider_checklists_summary", "F2"),
    ("H12@marketplace_plans_list", "F2"),
    ("H06l@marketplace_plans_list", "F3"),
    ("H06l@marketplace_plans_retrieve", "F3"),
    ("H06l@marketplace_plans_partial_update", "F3"),
    ("H07@marketplace_plans_retrieve", "F3"),
]


@pytest.mark.parametrize("scenario", ["default", "empty"])
def test_a_correct_server_is_not_suspected(scenario):
    stage = shipped(scenario)
    played = play(stage, stage.correct(), MODULES)
    assert played.brief == set()
    assert played.lab.checked["F1", "marketplace_plans_list"] > 0
    assert not list(played.lab.client.ledger.newest_first())


def test_the_library_is_not_suspected():
    stage = library()
    played = play(stage, stage.correct(), MODULES, profile="ci")
    assert played.brief == set()
    assert {prop for (prop, _), number in played.lab.checked.items() if number} >= {
        "F1",
        "F3",
        "F4",
    }


@pytest.mark.soak
def test_a_busy_server_is_not_suspected():
    stage = shipped("busy")
    assert play(stage, stage.correct(), MODULES, profile="ci").brief == set()


@pytest.mark.parametrize(("mutant", "prop"), DEFECTS)
def test_a_defect_is_suspected_where_it_is(mutant, prop):
    stage = shipped()
    operation = mutant.partition("@")[2]
    try:
        app = stage.broken(mutant)
    except LookupError:
        pytest.fail(f"{mutant} is no mutant")
    played = play(stage, app, MODULES, [operation], profile="ci")
    assert (prop, operation, "") in played.brief


def test_who_is_inactive_is_nobody():
    stage = library()
    played = play(stage, stage.broken("H10@library_statistics"), MODULES, ["library_statistics"])
    assert ("F1", "library_statistics", "") in played.brief


def test_without_a_stranger_permissions_are_blocked():
    stage = library()
    played = play(stage, stage.correct(), ("permissions",), ["authors_delete"])
    assert played.lab.reasons["F2", "authors_delete"] == (
        "blocked",
        "no persona `stranger` is given",
    )


@pytest.mark.parametrize(
    ("persona", "header"),
    [
        ("main", "Token abC1"),
        ("main:bare", "abC1"),
        ("main:renamed", "Other abC1"),
        ("main:recased", "Token ABc1"),
    ],
)
def test_a_spoilt_token_is_made_of_the_true_one(persona, header):
    known = {"main": {"Authorization": "Token abC1"}, "nobody": {}}
    assert signed(known, persona) == {"Authorization": header}
    assert signed(known, "nobody:bare") == {}


def test_no_script_holds_a_token():
    stage = shipped()
    app = stage.broken("H04@marketplace_plans_list")
    played = play(stage, app, ("access",), ["marketplace_plans_list"], profile="ci")
    (suspicion,) = [each for each in played.found if each.property == "F1"]
    script = scripts.build(played.lab, suspicion)
    token = stage.tokens["main"]
    assert token.lower() not in repr(script).lower()
    lines = [curl(step, "http://127.0.0.1") for step in script["steps"]]
    assert '-H "Authorization: $TOKEN_MAIN_RENAMED"' in lines[-1]
    again = scripts.play(played.lab, script, tag="zqagain")
    assert again.difference is not None
    with_correct, _ = stage.lab(stage.correct())
    assert scripts.play(with_correct, script, tag="zqagain").difference is None
