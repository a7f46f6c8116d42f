"""The pytest plug-in, used by tests that are written here."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from mockserver import background, server
from mockserver.assembly import Sources, build
from tests.contract_harness import STAFF, STRANGER

_IS_INSTALLED = bool(entry_points(group="pytest11", name="contract_tests"))
PLUGIN = () if _IS_INSTALLED else ("-p", "contract_tests.plugin")
QUIET = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error")


@pytest.fixture
def run(pytester):
    """Run pytest in a folder of its own: `run("--contract-url", url)`."""
    return lambda *args: pytester.runpytest_inprocess(*PLUGIN, *QUIET, *args)


def test_what_a_test_changes_is_undone(pytester, run):
    pytester.makepyfile("""
        PLANS = "/api/marketplace-plans/"

        def total(client):
            return client.get(PLANS).headers["X-Result-Count"]

        def test_one(mock_client, pytestconfig):
            pytestconfig.first = total(mock_client)
            for plan in mock_client.get(PLANS, params={"page_size": 300}).json():
                mock_client.delete(f"{PLANS}{plan['uuid']}/")
            assert total(mock_client) != pytestconfig.first

        def test_two(mock_client, pytestconfig):
            assert total(mock_client) == pytestconfig.first
    """)
    run().assert_outcomes(passed=2)


def test_personas_scenarios_and_seeds_are_chosen(pytester, run):
    pytester.makeini("[pytest]\nmock_seed = 3")
    pytester.makepyfile("""
        import pytest

        PLANS = "/api/marketplace-plans/"

        def test_personas(mock_client):
            assert mock_client.get(PLANS).status_code == 200
            assert mock_client.as_("").get(PLANS).status_code == 401
            assert mock_client.as_("stranger").get(PLANS).json() == []
            with pytest.raises(LookupError, match="no persona 'nemo'"):
                mock_client.as_("nemo")

        @pytest.mark.mock_scenario("empty")
        def test_scenario(mock_client):
            assert mock_client.get(PLANS).json() == []

        def test_reset(mock_server):
            for component in mock_server.records("plan_component"):
                mock_server.delete("plan_component", component["uuid"])
            assert not mock_server.records("plan_component")
            mock_server.reset()
            assert mock_server.records("plan_component")

        def test_bodies(mock_client):
            made = mock_client.post(PLANS, json={})
            assert made.status_code == 400
            assert mock_client.put(PLANS, json={}).status_code == 405
            assert mock_client.patch(PLANS, json={}).status_code == 405
            assert mock_client.get(f"{mock_client.url}{PLANS}").status_code == 200
    """)
    run("--strict-markers").assert_outcomes(passed=4)


def test_each_test_has_a_world_of_its_own(pytester, run):
    pytester.makepyfile("""
        import pytest
        import requests

        PLANS = "/api/marketplace-plans/"

        def test_clients_without_a_choice_of_headers(mock_server, mock_session, mock_url):
            assert mock_url == mock_session.url != mock_server.url
            found = requests.get(mock_url + PLANS, headers=mock_server.auth("stranger"), timeout=9)
            assert found.json() == []
            mock_session.verify(operation="marketplace_plans_list", persona="stranger")
            mock_server.verify(times=0)

        def test_faults_end_with_their_test(mock_client, mock_session):
            mock_session.faults.add(status=503)
            assert mock_client.get(PLANS).status_code == 503

        def test_another(mock_client, mock_session):
            assert mock_client.get(PLANS).status_code == 200
            assert len(mock_session.requests()) == 1

        @pytest.mark.mock_scenario("empty", seed=4)
        def test_seeds(mock_session, mock_server):
            assert "seed: 4" in mock_session.export()
            assert "seed: 20" in mock_server.export()

        @pytest.mark.mock_scenario("nowhere")
        def test_no_such_scenario(mock_session):
            pass
    """)
    found = run()
    found.assert_outcomes(passed=4, errors=1)
    found.stdout.fnmatch_lines(["*no scenario 'nowhere'; there are: busy, default, empty*"])


def test_tests_in_parallel_threads_do_not_meet(pytester, run):
    pytester.makepyfile("""
        from concurrent.futures import ThreadPoolExecutor

        import requests

        PROVIDERS = "/api/marketplace-service-providers/"

        def one(mock_server, number):
            with mock_server.session() as session:
                kept = session.records("service_provider")
                for provider in kept[:number]:
                    session.patch("service_provider", provider["uuid"], description=str(number))
                url = f"{session.url}{PROVIDERS}?page_size=300&field=description"
                shown = requests.get(url, headers=session.auth(), timeout=30).json()
                session.verify(operation="marketplace_service_providers_list")
            return [each["description"] for each in shown].count(str(number)) == number

        def test_many_at_once(mock_server):
            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(lambda n: one(mock_server, n), range(1, 9)))
            assert not mock_server.requests()
    """)
    run().assert_outcomes(passed=1)


@pytest.mark.slow
def test_processes_of_xdist_have_a_server_each(pytester, run):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_in_its_own_world(mock_client, mock_session, number):
            for plan in mock_client.get("/api/marketplace-plans/").json():
                mock_client.delete(f"/api/marketplace-plans/{plan['uuid']}/")
            assert mock_session.requests(method="DELETE")
            mock_session.verify(method="GET")
    """)
    run("-n", "2").assert_outcomes(passed=6)


def test_without_its_fixtures_nothing_is_imported(pytester):
    pytester.makepyfile("""
        import sys

        def test_nothing():
            heavy = {"requests", "mockserver", "contract_tests.runner", "contract_tests.lab"}
            assert not heavy & set(sys.modules)
    """)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, *QUIET, "-p", "no:schemathesis"],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(pytest.__file__ and _ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  as text


@pytest.fixture(scope="module")
def served():
    """A correct server on a socket."""
    with background.running(server.Server(build(Sources(scenario="empty")))) as running:
        yield running.url


@pytest.fixture
def signed(monkeypatch):
    """The options that sign in, their variables set."""
    monkeypatch.setenv("PLUGIN_MAIN", STAFF)
    monkeypatch.setenv("PLUGIN_STRANGER", STRANGER)
    return (
        "--contract-token-env", "PLUGIN_MAIN", "--contract-persona", "stranger=PLUGIN_STRANGER",
        "--contract-profile", "quick", "--contract-mode", "read-only",
    )  # fmt: skip


def test_every_property_of_every_operation_is_a_test(run, served):
    found = run("--contract-url", served, "--collect-only", "-k", "F1")
    found.stdout.fnmatch_lines(["contract::F1[[]marketplace_plans_list[]]"])
    found.stdout.no_fnmatch_line("*F1[[]marketplace_service_providers_list[]]*")


@pytest.mark.slow
def test_a_correct_server_passes(run, served, signed):
    found = run("--contract-url", served, *signed, "-k", "marketplace_plans_list", "-rs")
    outcomes = found.parseoutcomes()
    assert outcomes["passed"] > 10
    assert "failed" not in outcomes
    found.stdout.fnmatch_lines(["*blocked:*"])


def test_a_server_that_is_not_there_fails(run, signed):
    found = run("--contract-url", "http://127.0.0.1:9", *signed, "-k", "A1 and plans_list")
    assert found.ret == 1
    found.stdout.fnmatch_lines(["*the run ended early:*is the server running?*"])
    found.stdout.no_fnmatch_line("*Traceback*")


def test_options_that_are_wrong_are_told(run, served):
    found = run("--contract-url", served, "--contract-token-env", "NO_SUCH_VARIABLE")
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*NO_SUCH_VARIABLE*is not set*"])
    found = run("--contract-url", served, "--contract-persona", "stranger")
    found.stderr.fnmatch_lines(["*write NAME=VAR*"])
