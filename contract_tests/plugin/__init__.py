"""A pytest plug-in: the mock server as a fixture, and the contract tests as tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

# What a run without these fixtures and options does not need is imported where it is needed.
if TYPE_CHECKING:
    from contract_tests.plugin.hosting import MockClient, MockServer, MockSession

_PROFILES: Final = ("quick", "ci", "thorough")
_MODES: Final = ("read-only", "own", "destructive")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and the ini values."""
    parser.addini("mock_spec", "Root file of the description that the mock server serves.")
    parser.addini("mock_pack", "Functions of the mock server: a module or a file.")
    parser.addini("mock_scenario", "Scenario that the mock server starts in.", default="default")
    parser.addini("mock_seed", "Seed of what the mock server invents.")
    group = parser.getgroup("contract", "contract tests of a server")
    group.addoption("--contract-url", metavar="URL", help="test this server, property by property")
    group.addoption(
        "--contract-token-env", metavar="VAR", help="variable with the token that may do everything"
    )
    group.addoption(
        "--contract-persona",
        metavar="NAME=VAR",
        action="append",
        default=[],
        help="another caller and the variable with his token; `stranger` may do nothing",
    )
    group.addoption("--contract-spec", metavar="FILE", help="root file of the description")
    group.addoption("--contract-profile", choices=_PROFILES, default="ci", help="default: ci")
    group.addoption("--contract-mode", choices=_MODES, default="own", help="default: own")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    line = "mock_scenario(name, seed=None): the scenario that the mock server is in for this test"
    config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add one test for each property of each operation when a server is named."""
    if config.getoption("--contract-url"):
        from contract_tests.plugin.collecting import items_of

        items.extend(items_of(session, config))


@pytest.fixture(scope="session")
def mock_server(pytestconfig: pytest.Config) -> Iterator[MockServer]:
    """
    Serve the mock on a free port of this machine for the whole run.

    Each process of pytest-xdist has its own, and the tests in it share it: what they
    do to the server itself they do to each other. `mock_session` is for one test alone.
    """
    from contract_tests.plugin.hosting import hosted

    with hosted(_said(pytestconfig)) as server:
        yield server


@pytest.fixture
def mock_session(request: pytest.FixtureRequest, mock_server: MockServer) -> Iterator[MockSession]:
    """Return a world of the test's own, in the scenario and with the seed of its marker."""
    marker = request.node.get_closest_marker("mock_scenario")
    with mock_server.session(**_chosen(marker)) as session:
        yield session


@pytest.fixture
def mock_url(mock_session: MockSession) -> str:
    """Return the base URL below which the API is that of the test's own world."""
    return mock_session.url


@pytest.fixture
def mock_client(mock_session: MockSession) -> Iterator[MockClient]:
    """
    Return a client of the test's own world.

    It signs in as the first persona; `as_("owner")` is another.
    """
    from contract_tests.plugin.hosting import MockClient

    client = MockClient(mock_session.url, mock_session.tokens, mock_session.keyword)
    try:
        yield client
    finally:
        client.close()


def _chosen(marker: pytest.Mark | None) -> dict[str, Any]:
    """Return what a marker says of a session: mock_scenario(name, seed=None)."""
    if marker is None:
        return {}
    said = {**dict(zip(("name", "seed"), marker.args, strict=False)), **marker.kwargs}
    return {"scenario": said.get("name"), "seed": said.get("seed")}


def _said(config: pytest.Config) -> dict[str, str]:
    names = ("spec", "pack", "scenario", "seed")
    return {name: str(config.getini(f"mock_{name}") or "") for name in names}
