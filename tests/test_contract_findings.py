"""From a suspicion to a finding: confirmed, reduced, replayed, exported, folded, excused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contract_tests import baseline, causes, exporting, inprocess, runner, script, settling
from contract_tests.baseline import BadBaseline
from contract_tests.config import Config
from contract_tests.result import Exit, Finding, Result
from mockserver import mutants

PLANS = "marketplace_plans_list"


def examined(world: Any, name: str, **more: Any) -> Result:
    """Run the suite against one planted defect."""
    mutant = next(m for m in mutants.instances(world.api) if m.id == name)
    planted = mutants.plant(mutant, world)
    asked = {
        "url": inprocess.BASE_URL,
        "tokens": inprocess.tokens(world.scenario),
        "include": (mutant.operation,),
        "layers": ("probes",),
        "against_mock": False,
        "transport": inprocess.transport(planted),
        **more,
    }
    return runner.run(Config(**asked))


@pytest.fixture(scope="module")
def ignored_filter(default_world: Any) -> Result:
    return examined(default_world, f"F01@{PLANS}.offering_uuid", against_mock=True)


def test_a_planted_defect_is_one_finding_that_names_its_place(ignored_filter: Result) -> None:
    assert ignored_filter.exit is Exit.FINDINGS
    assert [f.target for f in ignored_filter.news] == [f"{PLANS}.offering_uuid"]
    (finding,) = ignored_filter.news
    assert finding.confirmed == "3/3"
    assert finding.mock == "passes"
    assert finding.place.endswith(".yaml:" + finding.place.rpartition(":")[2])
    assert "spec/" in finding.place


def test_its_script_has_no_ids_of_this_server(ignored_filter: Result) -> None:
    (finding,) = ignored_filter.news
    text = json.dumps(finding.script)
    assert "${" in text or "00000000" in text
    assert len(finding.script["steps"]) <= 4


def test_its_script_fails_there_and_holds_on_a_correct_server(
    ignored_filter: Result, default_world: Any, application: Callable[..., Any]
) -> None:
    (finding,) = ignored_filter.news
    mutant = next(
        m for m in mutants.instances(default_world.api) if m.id == f"F01@{finding.target}"
    )
    for app, holds in ((application(), True), (mutants.plant(mutant, default_world), False)):
        config = Config(
            url=inprocess.BASE_URL,
            tokens=inprocess.tokens(default_world.scenario),
            transport=inprocess.transport(app),
        )
        lab = runner.lab_of(config)
        played = script.play(lab, dict(finding.script), tag=lab.tag)
        assert (played.difference is None) is holds


def test_the_same_defect_has_the_same_id_in_every_run(
    ignored_filter: Result, default_world: Any
) -> None:
    again = examined(default_world, f"F01@{PLANS}.offering_uuid", seed=7)
    assert [f.id for f in again.news] == [f.id for f in ignored_filter.news]


def test_an_accepted_finding_is_no_news_until_its_excuse_expires(
    ignored_filter: Result, default_world: Any, tmp_path: Path
) -> None:
    file = tmp_path / "baseline.yaml"
    baseline.write(file, ignored_filter.findings)
    found = examined(default_world, f"F01@{PLANS}.offering_uuid", baseline=file)
    assert found.exit is Exit.FINE
    assert all(f.accepted for f in found.findings)
    (excuse,) = baseline.read(file)
    late = baseline.excuse(ignored_filter.findings, [excuse], date(2999, 1, 1))
    assert not any(f.accepted for f in late)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "has no list `findings`"),
        ("findings: [{}]", "has no `id`"),
        ("findings: [{id: D2-1}]", "has no `reason`"),
        ("findings: [{id: D2-1, reason: x, expires: soon}]", "is no date"),
        ("findings: [", "cannot be read"),
    ],
)
def test_a_bad_baseline_is_refused_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "baseline.yaml"
    file.write_text(text)
    with pytest.raises(BadBaseline, match=problem) as caught:
        baseline.read(file)
    assert str(file) in str(caught.value)


def test_what_happens_once_is_no_finding(
    application: Callable[..., Any], default_world: Any
) -> None:
    app, seen = application(), []

    class Flickers:
        def answer(self, request: Any) -> Any:
            exchange = app.answer(request)
            if request.path.endswith("/marketplace-plans/") and request.query and not seen:
                seen.append(request)
                broken = replace(exchange.response, status=200, body=b"[]")
                return replace(exchange, response=broken)
            return exchange

    found = runner.run(
        Config(
            url=inprocess.BASE_URL,
            tokens=inprocess.tokens(default_world.scenario),
            include=(PLANS,),
            layers=("probes",),
            transport=inprocess.transport(Flickers()),
            against_mock=False,
        )
    )
    assert seen
    assert found.exit is Exit.FINE
    assert not found.findings


def finding(name: str, prop: str, operation: str = "o", about: str = "", first: int = 1) -> Finding:
    return Finding(
        id=name, property=prop, operation=operation, about=about, place="", claim="", expected="",
        actual="", script={}, curl=(), first_request=first, confirmed="3/3",
    )  # fmt: skip


def test_what_follows_from_a_finding_is_masked_by_it() -> None:
    kept = causes.masked([
        finding("D2-1", "D2", about="name", first=1),
        finding("D6-1", "D6", about="name", first=2),
        finding("D6-2", "D6", about="other", first=3),
        finding("D25-1", "D25", about="name", first=4),
    ])  # fmt: skip
    assert [f.id for f in kept] == ["D2-1", "D6-2"]
    assert kept[0].masks == ("D6-1 o.name", "D25-1 o.name")


def test_the_same_trouble_on_many_operations_is_one_cause() -> None:
    many = [finding(f"A3-{n}", "A3", operation=f"op{n}", first=n) for n in range(9)]
    known = {f.id: ("A3", f.operation, "", "media type") for f in many}
    (one,) = causes.merged(many, known)
    assert len(one.masks) == 8


def test_a_promise_broken_everywhere_is_told_once_with_what_it_entails() -> None:
    many = [finding(f"B18-{n}", "B18", operation=f"op{n}", first=n) for n in range(4)]
    many.append(finding("B16-1", "B16", operation="op1", first=9))
    many.append(finding("E1-1", "E1", operation="op1", first=10))
    checked = {("B18", f"op{n}"): 1 for n in range(5)} | {("E1", f"op{n}"): 1 for n in range(9)}
    told = causes.systemic(many, many, checked)
    assert [f.property for f in told] == ["B18", "E1"]
    assert len(told[0].masks) == 4
    checked |= {("B18", f"other{n}"): 1 for n in range(9)}
    assert len(causes.systemic(many, many, checked)) == len(many)


def test_a_script_becomes_a_test_that_needs_nothing_of_ours(
    ignored_filter: Result, serve: Callable[..., Any], default_world: Any,
    application: Callable[..., Any], tmp_path: Path,
) -> None:  # fmt: skip
    (found,) = ignored_filter.news
    text = exporting.export(found.script, "pytest", "http://127.0.0.1:1")
    assert "contract_tests" not in text
    file = tmp_path / "test_exported.py"
    file.write_text(text)
    mutant = next(m for m in mutants.instances(default_world.api) if m.id == f"F01@{found.target}")
    token = inprocess.tokens(default_world.scenario)["main"]
    for app, code in ((application(), 0), (mutants.plant(mutant, default_world), 1)):
        started = serve(app)
        environment = {
            "BASE_URL": f"http://{started.host}:{started.port}",
            "TOKEN": f"Token {token}",
            "PATH": "",
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
             "--rootdir", str(tmp_path), str(file)],
            env=environment, capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr


def test_a_script_becomes_commands(ignored_filter: Result) -> None:
    (found,) = ignored_filter.news
    curl = exporting.export(found.script, "curl", "http://h")
    assert curl.count("curl -sS") == len(found.script["steps"])
    http = exporting.export(found.script, "http", "http://h")
    assert http.count("### ") == len(found.script["steps"])
    assert "5f1aa31c" not in curl + http


def test_what_others_wrote_inside_of_what_is_ours_is_told_apart() -> None:
    row = {
        "name": "Shared offering",
        "plans": [{"name": "Ours zqtag1"}, {"name": "Theirs", "tags": ["a", "zqtag1"]}],
        "total": 2,
    }
    assert settling._of_others(row, "zqtag1") == {
        "name": "Shared offering",
        "plans": [{"name": "Theirs", "tags": ["a"]}],
        "total": 2,
    }
    assert settling._of_others({"name": "zqtag1", "plans": []}, "zqtag1") is settling._OURS
