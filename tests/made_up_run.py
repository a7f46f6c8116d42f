"""A run that never was: every outcome, every kind of finding, and hostile strings."""

from __future__ import annotations

from datetime import UTC, datetime

from contract_tests.catalogue_types import Rule
from contract_tests.result import (
    Coverage,
    Exit,
    Finding,
    Result,
    Stage,
    Verdict,
)
from contract_tests.wire import Exchange, Received, Sent

#: A terminal command, a mark that turns text around, half a character, NUL, and markup.
HOSTILE = (
    "\x1b[31m\x00\u202e\ud800\ufffe\r[bold]</script><script>alert(1)</script>"
    "<img src=x onerror=alert(2)>]]>&\"'`| **@all** ${{ 7*7 }} {{ 7*7 }}"
)
SECRET = "5f1aa31c0e4b"

CATALOGUE = {
    rule.id: rule
    for rule in (
        Rule("A1", "no-5xx", "The server never fails by itself.", wfc=100, section="Responses"),
        Rule("B3", "read-your-create", "A record reads as it was made.", section="Records"),
        Rule("C1", "action-effect", "An action changes what it says.", "medium", section="Actions"),
        Rule("D6", "conjunction", "Two filters keep what both keep.", section="Lists"),
        Rule("D13", "order", "A list is sorted as asked.", "low", section="Lists"),
    )
}


def finding(name: str = "D6-3f9c1a", **changes) -> Finding:
    known = {
        "id": name,
        "property": "D6",
        "operation": "books_list",
        "about": "genre",
        "place": "spec/paths/books.yaml:12",
        "claim": "genre=crime&in_print=true keeps what both filters keep",
        "expected": "r3, r7",
        "actual": "r1, r3, r7",
        "script": {
            "steps": [
                {"step": 1, "method": "POST", "template": "/books/", "body": {"title": "${tag} a"},
                 "persona": "main", "status": 201},
                {"step": 2, "method": "POST", "template": "/books/", "body": {"title": "${tag} b"},
                 "persona": "main", "status": 201},
                {"step": 3, "method": "POST", "template": "/books/{id}/retire/",
                 "params": {"id": "${1:/id}"}, "persona": "owner", "status": 204},
                {"step": 4, "method": "GET", "template": "/books/", "persona": "main",
                 "query": [["genre", "crime"], ["in_print", "true"]], "status": 200},
            ],
            "claim": {"relation": "rows", "left": {"of": 4}},
        },
        "curl": (
            "curl -X POST -H \"Authorization: Token $TOKEN\" -d '{}' http://127.0.0.1/books/",
            'curl -H "Authorization: Token $TOKEN" "http://127.0.0.1/books/?genre=crime"',
        ),
        "first_request": 182,
        "confirmed": "3/3",
        "masks": ("D18 books_list.genre",),
        "mock": "passes",
    }  # fmt: skip
    return Finding(**{**known, **changes})


def result(**changes) -> Result:
    known = {
        "run": "zq44cb63",
        "url": "http://127.0.0.1:4010/api",
        "spec": "spec/openapi.yaml",
        "version": "0.1.0",
        "seed": 1,
        "profile": "pull-request",
        "mode": "write",
        "started": datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC),
        "seconds": 83.25,
        "requests": 1214,
        "exit": Exit.FINDINGS,
        "operations": ("books_list", "books_create", "books_retire"),
        "verdicts": (
            Verdict("A1", "books_list", "held", 12, 12, 0.5),
            Verdict("A1", "books_create", "held", 4, 4, 0.25),
            Verdict("B3", "books_create", "failed", 3, 6, 0.125),
            Verdict("C1", "books_retire", "blocked", reason="B3 failed on books_create"),
            Verdict("D6", "books_list", "failed", 4, 20, 0.5),
            Verdict("D13", "books_list", "unspecified", reason="x-order says nothing of ties"),
            Verdict("D13", "books_retire", "skipped", reason="switched off"),
        ),
        "findings": (
            finding(),
            finding("B3-0a0a0a", property="B3", operation="books_create", about="title",
                    accepted="known, fixed in the next release", masks=()),
            finding("D6-f1a4e0", kind="flaky", confirmed="1/3", masks=()),
        ),
        "unconfirmed": 2,
        "leftovers": ("books/r9",),
        "blocked": ("No second account was given, so nothing is known about other callers.",),
        "stages": (Stage("preflight", 6, 0.05), Stage("probes", 1208, 83.2, "to the end")),
        "coverage": Coverage(
            statuses={"books_list": {200: 90, 400: 0}, "books_create": {201: 8}},
            parameters={"books_list": {"genre": 20, "o": 0}},
            annotations={"x-filter": (4, 3), "x-effect": (1, 0)},
        ),
    }  # fmt: skip
    return Result(**{**known, **changes})


def hostile() -> Result:
    """Return a run in which nothing that could be foreign is harmless."""
    header = f"Authorization: Token {SECRET}"
    nasty = finding(
        HOSTILE, about=HOSTILE, place=f"{HOSTILE}:7", claim=HOSTILE, expected=HOSTILE,
        actual=f"{HOSTILE} {header}", confirmed=HOSTILE, masks=(HOSTILE,),
        script={"steps": [{"do": HOSTILE, "op": HOSTILE, "headers": {"Cookie": SECRET}}, HOSTILE]},
        curl=(f"curl -H '{header}' http://me:{SECRET}@127.0.0.1/ {HOSTILE}",),
    )  # fmt: skip
    known = finding("known", accepted=HOSTILE)
    unstable = finding("unstable", kind="flaky", confirmed=HOSTILE)
    return result(
        run=HOSTILE, url=f"http://me:{SECRET}@127.0.0.1:4010/{HOSTILE}", spec=HOSTILE,
        version=HOSTILE, profile=HOSTILE, mode=HOSTILE, message=f"{HOSTILE} {header}",
        operations=(HOSTILE,), leftovers=(HOSTILE,), blocked=(HOSTILE,),
        verdicts=(
            Verdict(HOSTILE, HOSTILE, "blocked", reason=HOSTILE),
            Verdict("D6", HOSTILE, "unspecified", reason=HOSTILE),
            Verdict("D6", "books_list", "failed", reason=HOSTILE),
        ),
        findings=(nasty, known, unstable), stages=(Stage(HOSTILE, 1, 1.0, HOSTILE),),
        coverage=Coverage({HOSTILE: {200: 1}}, {HOSTILE: {HOSTILE: 1}}, {HOSTILE: (1, 1)}),
    )  # fmt: skip


def empty() -> Result:
    """Return a run that did not get anywhere."""
    return result(
        exit=Exit.UNTESTABLE, message="http://127.0.0.1:4010 cannot be reached", operations=(),
        verdicts=(), findings=(), unconfirmed=0, leftovers=(), blocked=(), stages=(),
        coverage=Coverage(), requests=0, seconds=0.0,
    )  # fmt: skip


def exchange(number: int = 1, **changes) -> Exchange:
    known = {
        "operation": "books_create",
        "persona": "staff",
        "sent": Sent(
            "POST",
            "/books/",
            (("genre", "crime & more"),),
            {"Authorization": f"Token {SECRET}", "Content-Type": "application/json"},
            b'{"title": "A"}',
        ),
        "received": Received(
            201,
            {"content-type": "application/json", "set-cookie": f"id={SECRET}"},
            b'{"id": 1}',
            0.25,
        ),
        "purpose": "B3",
    }
    return Exchange(number, **{**known, **changes})
