"""Probes of odd input: silent on a correct server, loud on a broken one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contract_tests.wire import Sent
from mockserver.app import Application
from mockserver.exchange import Response
from tests.contract_stage import library, play, shipped

MODULES = ("robustness", "oddities")

DEFECTS = [
    ("R01@marketplace_plans_create", "G1", ""),
    ("R02@marketplace_service_providers_partial_update", "G1", ""),
    ("R03@marketplace_plans_update_prices", "G2", ""),
    ("R05@marketplace_plans_create", "G1", ""),
    ("R09@marketplace_service_providers_create", "G1", ""),
    ("R10@marketplace_plans_partial_update", "E3", ""),
    ("R02@marketplace_service_providers_list", "G3", ""),
    ("R03@marketplace_service_providers_projects_list", "G3", ""),
    ("R04@marketplace_service_providers_users_list", "G3", ""),
    ("T03@marketplace_plans_list", "G4", ""),
    ("T04@marketplace_plans_retrieve", "G4", ""),
    ("T05@marketplace_plans_archive", "G4", ""),
    ("T06@marketplace_plans_list.Vary", "A6", "Vary"),
    ("T07@marketplace_plans_list", "A7", ""),
]


@pytest.mark.parametrize("scenario", ["default", "empty"])
def test_a_correct_server_is_not_suspected(scenario):
    stage = shipped(scenario)
    played = play(stage, stage.correct(), MODULES)
    assert played.brief == set()
    assert played.lab.checked["G3", "marketplace_plans_list"] > 0
    assert not list(played.lab.client.ledger.newest_first())


def test_the_library_is_not_suspected():
    stage = library()
    played = play(stage, stage.correct(), MODULES, profile="ci")
    assert played.brief == set()
    held = {prop for (prop, _), number in played.lab.checked.items() if number}
    assert held >= {"G1", "G2", "G3", "G4", "E3"}


@pytest.mark.soak
def test_a_busy_server_is_not_suspected():
    stage = shipped("busy")
    assert play(stage, stage.correct(), MODULES, profile="ci").brief == set()


@pytest.mark.parametrize(("mutant", "prop", "about"), DEFECTS)
def test_a_defect_is_suspected_where_it_is(mutant, prop, about):
    stage = shipped()
    operation = mutant.partition("@")[2].partition(".")[0]
    played = play(stage, stage.broken(mutant), MODULES, [operation])
    assert (prop, operation, about) in played.brief


class Changed:
    """An application that changes what it is asked, or what it answers."""

    def __init__(self, app: Application, ask=lambda request: request, tell=lambda r, a: a):
        self.app, self.ask, self.tell = app, ask, tell

    def answer(self, request):
        exchange = self.app.answer(self.ask(request))
        return replace(exchange, response=self.tell(request, exchange.response))


def test_a_text_that_comes_back_otherwise_is_suspected():
    def tell(request, response: Response) -> Response:
        return replace(response, body=response.body.replace("e\u0301".encode(), "é".encode()))

    stage = shipped()
    app = Changed(stage.correct(), tell=tell)
    played = play(stage, app, MODULES, ["marketplace_plans_partial_update"])
    told = {(p, o) for p, o, about in played.brief if about}
    assert told == {("G1", "marketplace_plans_partial_update")}


def test_a_huge_number_that_breaks_the_library_is_suspected():
    stage = library()
    played = play(stage, stage.broken("R03@books_create"), MODULES, ["books_create"])
    assert ("G2", "books_create", "") in played.brief


def test_an_empty_value_that_filters_is_suspected():
    def tell(request, response: Response) -> Response:
        is_empty = "name=&" in f"{request.query}&" and response.status == 200
        return replace(response, body=b"[]") if is_empty else response

    stage = shipped()
    lists = "marketplace_service_providers_projects_list"
    played = play(stage, Changed(stage.correct(), tell=tell), MODULES, [lists], profile="ci")
    assert ("G3", lists, "name") in played.brief


def test_an_unknown_parameter_that_hides_rows_is_suspected():
    def tell(request, response: Response) -> Response:
        is_odd = "unknown" in request.query and response.status == 200
        return replace(response, body=b"[]") if is_odd else response

    stage = shipped()
    played = play(stage, Changed(stage.correct(), tell=tell), MODULES, ["marketplace_plans_list"])
    assert ("G3", "marketplace_plans_list", "") in played.brief


def test_bytes_that_are_no_text_are_sent_as_they_are():
    sent = Sent("GET", "/books", (("title", "\udcff\udcfe"),))
    assert sent.target == "/books?title=%FF%FE"


def test_no_method_is_tried_on_a_record_that_is_not_ours():
    class Watched(Changed):
        def answer(self, request):
            keys = {str(key) for key in self.app.store.state.records("plan")}
            if request.method not in ("GET", "HEAD", "OPTIONS"):
                assert not any(key in request.path for key in keys)
            return super().answer(request)

    stage = shipped()
    played = play(stage, Watched(stage.correct()), ("oddities",), ["marketplace_plans_retrieve"])
    assert played.lab.client.sent > 0
