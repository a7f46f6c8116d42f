"""Probes of requests at the same time, against servers on a socket."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from contract_tests import script as scripts
from contract_tests.client import Client, credentials_of
from contract_tests.lab import Blocked, Depth, Lab
from contract_tests.ledger import Ledger
from contract_tests.oracle import Oracle
from contract_tests.transport import HttpTransport
from contract_tests.world import World
from mockserver import background, server
from mockserver.app import Application
from tests.contract_harness import heard
from tests.contract_stage import library, probes_of


@contextmanager
def probed(app: Application, *, mode="destructive"):
    """Yield the lab and what was suspected, after every parallel probe of books."""
    stage = library()
    with background.running(server.Server(app)) as running:
        transport = HttpTransport(running.url)
        signed = credentials_of(stage.about.document, stage.about.conventions, stage.tokens)
        client = Client(transport, signed, Ledger(), run="zqtest")
        operations = stage.about.spec.operations
        lab = Lab(
            stage.about, client, Oracle(stage.about), operations, "zqtest", mode=mode, depth=Depth()
        )
        found, world = heard(lab), World(lab)
        for probe in probes_of("parallel"):
            for operation in operations:
                if probe.applies(lab.subject, operation):
                    try:
                        probe.run(lab, world, operation)
                    except Blocked as reason:
                        lab.blocked("H1", operation, str(reason))
        try:
            yield lab, found
        finally:
            transport.close()


class Wrong(Application):
    """An application that answers some methods in its own way."""

    def __init__(self, app: Application, method: str, answer):
        super().__init__(app.api, app.store, app.clock, app.options)
        self.method, self.wrong = method, answer

    def answer(self, request):
        if request.method != self.method:
            return super().answer(request)
        return self.wrong(request, super().answer)


def test_a_correct_server_is_not_suspected():
    with probed(library().correct()) as (lab, found):
        assert found == []
        for operation in ("books_create", "books_delete", "books_patch"):
            assert lab.checked["H1", operation] > 0
        assert not list(lab.client.ledger.newest_first())


def test_only_who_owns_the_server_asks_for_it():
    with probed(library().correct(), mode="own") as (lab, found):
        assert found == []
        assert lab.client.sent == 0
        assert lab.reasons["H1", "books_create"] == ("blocked", "only tried in mode destructive")


def _deleted_twice(request, answer):
    exchange = answer(request)
    if exchange.response.status == 404:
        return replace(exchange, response=replace(exchange.response, status=204, body=b""))
    return exchange


def test_a_delete_that_never_misses_is_suspected():
    with probed(Wrong(library().correct(), "DELETE", _deleted_twice)) as (lab, found):
        suspicion = next(each for each in found if each.operation == "books_delete")
        assert suspicion.property == "H1"
        script = scripts.build(lab, suspicion)
        groups = {step["together"] for step in script["steps"] if "together" in step}
        assert len(groups) == 1
        assert scripts.play(lab, script, tag="zqagain").difference is not None


def _swapped(app):
    """Write every second of two changes to what the record was before the first."""
    seen = []

    def answer(request, true):
        if len(seen) % 2 == 0:
            seen.append(app.store.snapshot())
            return true(request)
        app.store.restore(seen[-1])
        seen.append(None)
        return true(request)

    return answer


def test_a_lost_change_is_suspected():
    app = library().correct()
    with probed(Wrong(app, "PATCH", _swapped(app))) as (_, found):
        assert ("H1", "books_patch") in {(each.property, each.operation) for each in found}


def test_a_create_that_is_merged_with_another_is_suspected():
    kept, lock = [], threading.Lock()

    def answer(request, true):
        with lock:
            exchange = true(request)
            if exchange.response.status == 201:
                kept.append(exchange)
            # The third is told the record of the second.
            return kept[-2] if len(kept) == 3 else exchange

    with probed(Wrong(library().correct(), "POST", answer)) as (_, found):
        assert ("H1", "books_create") in {(each.property, each.operation) for each in found}


def test_in_one_process_nothing_overlaps():
    stage = library()
    lab, world = stage.lab(stage.correct(), mode="destructive")
    (probe,) = [p for p in probes_of("parallel") if p.name == "creates_at_once"]
    with pytest.raises(Blocked, match="inside one process"):
        probe.run(lab, world, lab.operation("books_create"))
