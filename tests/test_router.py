from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.router import Router


def bound(method, path):
    return SimpleNamespace(operation=SimpleNamespace(method=method, path=path))


def router(*paths):
    return Router([bound(*(p.split(" ") if " " in p else ("GET", p))) for p in paths])


def find(paths, path):
    """Return the template and the parameters that a path matches."""
    found = router(*paths).match(path)
    return found and (found[0].path, found[1])


def test_a_literal_path_is_itself():
    assert find(["/plans/"], "/plans/") == ("/plans/", {})


@pytest.mark.parametrize(
    "path", ["/plans", "/plans//", "//plans/", "/Plans/", "/", "", "/plans/x/y/"]
)
def test_other_paths_lead_nowhere(path):
    assert find(["/plans/", "/plans/{uuid}/"], path) is None


def test_parameters_are_named_by_the_template():
    paths = ["/a/{one}/b/{two}/"]

    assert find(paths, "/a/1/b/2/") == ("/a/{one}/b/{two}/", {"one": "1", "two": "2"})


def test_a_literal_beats_a_parameter_whatever_comes_first():
    paths = ["/plans/{uuid}/", "/plans/stats/"]

    assert find(paths, "/plans/stats/") == ("/plans/stats/", {})
    assert find(paths[::-1], "/plans/stats/") == ("/plans/stats/", {})
    assert find(paths, "/plans/statsx/") == ("/plans/{uuid}/", {"uuid": "statsx"})


def test_a_literal_that_leads_nowhere_gives_way_to_a_parameter():
    paths = ["/plans/stats/today/", "/plans/{uuid}/archive/"]

    assert find(paths, "/plans/stats/archive/") == ("/plans/{uuid}/archive/", {"uuid": "stats"})
    assert find(paths, "/plans/stats/") is None


def test_paths_of_one_shape_may_name_their_parameters_differently():
    paths = ["/sp/{uuid}/stat/", "/sp/{provider}/users/"]

    assert find(paths, "/sp/1/stat/")[1] == {"uuid": "1"}
    assert find(paths, "/sp/1/users/")[1] == {"provider": "1"}


def test_a_parameter_is_never_empty():
    assert find(["/plans/{uuid}/"], "/plans//") is None


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2Fb", "a/b"),
        ("%C3%A9", "é"),
        ("%FF", "\ufffd"),
        ("%", "%"),
    ],
)
def test_parameters_are_percent_decoded(sent, value):
    assert find(["/plans/{uuid}/"], f"/plans/{sent}/")[1] == {"uuid": value}


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_quoted_text_arrives_whole(text):
    """Slashes and percent signs included."""
    assert find(["/a/{x}/b/"], f"/a/{quote(text, safe='')}/b/")[1] == {"x": text}


def test_a_route_knows_its_methods():
    found = router("GET /plans/", "POST /plans/").match("/plans/")
    route = found[0]

    assert route.allow == "GET, POST, HEAD, OPTIONS"
    assert route.bound("POST").operation.method == "POST"
    assert route.bound("HEAD").operation.method == "GET"
    assert route.bound("PUT") is None


@pytest.mark.parametrize(
    ("methods", "allow"),
    [
        (["DELETE", "PATCH", "PUT", "GET"], "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        (["POST"], "POST, OPTIONS"),
        (["GET"], "GET, HEAD, OPTIONS"),
    ],
)
def test_methods_are_listed_in_the_usual_order(methods, allow):
    found = router(*(f"{method} /plans/" for method in methods)).match("/plans/")

    assert found[0].allow == allow
