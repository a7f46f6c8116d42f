"""A lab on an application in this process, for the tests of probes."""

from __future__ import annotations

from typing import Any

from contract_tests import inprocess, subject
from contract_tests.client import Client, credentials_of
from contract_tests.lab import Lab, Suspicion
from contract_tests.ledger import Ledger
from contract_tests.oracle import Oracle
from contract_tests.subject import Subject
from contract_tests.world import World

STAFF = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000001"
STRANGER = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000007"
TOKENS = {"main": STAFF, "stranger": STRANGER}


def lab_for(
    app: inprocess.Answering,
    about: Subject | None = None,
    *,
    tokens: dict[str, str] | None = None,
    **more: Any,
) -> tuple[Lab, World]:
    """Return a lab that calls an application, and its world."""
    known = about or subject.read()
    signed = credentials_of(known.document, known.conventions, TOKENS if tokens is None else tokens)
    client = Client(inprocess.transport(app), signed, Ledger(), run="zqtest")
    oracle, chosen = Oracle(known), known.spec.operations
    lab = Lab(known, client, oracle, chosen, **{"tag": "zqtest", **more})
    return lab, World(lab)


def heard(lab: Lab) -> list[Suspicion]:
    """Return the list that the suspicions of a lab go to from now on."""
    found: list[Suspicion] = []
    lab.on_suspicion = found.append
    return found
