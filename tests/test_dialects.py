from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import mockserver
from mockserver import dialects
from mockserver.errors import (
    NON_FIELD,
    Conflict,
    Forbidden,
    Invalid,
    Issue,
    Malformed,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
)

PACKAGE = Path(mockserver.__file__).parent
#: How the source spells a complaint, and which codes that stands for.
SPELLINGS = [
    (r'Issue\(\s*"([\w.]+)"', ("{}",)),
    (r'\brefused\(\s*"(\w+)"', ("body.{}",)),
    (r'Unreadable\("(\w+)"', ("body.{}", "query.{}")),
    (r'_only\(\w+, "(\w+)"\)', ("body.{}",)),
    (r'^\s+\("(\w+)", schema\.get', ("body.{}",)),
]
REQUIRED = Issue("body.required")


def codes_in_the_source():
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        for pattern, templates in SPELLINGS:
            for code in re.findall(pattern, text, re.MULTILINE):
                yield from (template.format(code) for template in templates)


def test_every_code_in_the_source_has_a_text():
    found = set(codes_in_the_source())

    assert len(found) > 30
    assert found - set(dialects.TEXTS) == set()


def test_every_spelling_of_a_complaint_is_in_use():
    source = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))

    assert [p for p, _ in SPELLINGS if not re.search(p, source, re.MULTILINE)] == []


@pytest.mark.parametrize("code", sorted(dialects.TEXTS))
def test_every_text_can_be_said(code):
    names = {name for _, name, _, _ in Formatter().parse(dialects.TEXTS[code]) if name}
    text = dialects.word(Issue(code, dict.fromkeys(names, "x")))

    assert text
    assert "{" not in text


def test_what_a_client_sent_is_quoted_as_it_is():
    issue = Issue("query.choice", {"value": "{limit} %s"})

    assert dialects.word(issue) == (
        "Select a valid choice. {limit} %s is not one of the available choices."
    )


@pytest.mark.parametrize(
    ("rejection", "status", "body"),
    [
        (Unauthenticated(), 401, "Authentication credentials were not provided."),
        (Unauthenticated("Invalid token."), 401, "Invalid token."),
        (Forbidden(), 403, "You do not have permission to perform this action."),
        (NotFound(), 404, "Not found."),
        (NotFound(title="Plan"), 404, "No Plan matches the given query."),
        (NotFound("Invalid page."), 404, "Invalid page."),
        (MethodNotAllowed("PUT"), 405, 'Method "PUT" not allowed.'),
        (NotAcceptable(), 406, "Could not satisfy the request Accept header."),
        (Conflict("In use."), 409, "In use."),
        (TooLarge(), 413, "The request body is too large."),
        (UnsupportedMedia("text/plain"), 415, 'Unsupported media type "text/plain" in request.'),
        (Malformed("JSON parse error - x"), 400, "JSON parse error - x"),
    ],
)
def test_a_refusal_in_one_sentence(rejection, status, body):
    assert rejection.status == status
    assert dialects.drf(rejection) == ({"detail": body}, "application/json")
    problem, media_type = dialects.problem(rejection)
    assert media_type == "application/problem+json"
    assert (problem["status"], problem["detail"]) == (status, body)
    assert problem["title"]


def test_fields_are_blamed_by_name():
    rejection = Invalid({"name": [REQUIRED], "age": [Issue("body.integer")]})

    assert dialects.drf(rejection)[0] == {
        "name": ["This field is required."],
        "age": ["A valid integer is required."],
    }


def test_a_refusal_in_the_present_state_is_a_list_of_one():
    assert dialects.drf(Invalid(message="Plan is already archived."))[0] == [
        "Plan is already archived."
    ]


def test_nested_fields_nest():
    rejection = Invalid({"prices": {"cpu": [Issue("body.number")]}, "tags": {"1": [REQUIRED]}})

    assert dialects.drf(rejection)[0] == {
        "prices": {"cpu": ["A valid number is required."]},
        "tags": {"1": ["This field is required."]},
    }


def test_problems_point_at_what_they_blame():
    rejection = Invalid(
        {NON_FIELD: [Issue("body.no_data")], "a/b": {"~c": [REQUIRED, Issue("body.null")]}}
    )

    assert dialects.problem(rejection)[0]["errors"] == [
        {"pointer": "", "detail": "No data provided"},
        {"pointer": "/a~1b/~0c", "detail": "This field is required."},
        {"pointer": "/a~1b/~0c", "detail": "This field may not be null."},
    ]


def test_a_problem_without_fields_has_no_list_of_errors():
    body, _ = dialects.problem(Invalid(message="Too late."))

    assert body["detail"] == "Too late."
    assert "errors" not in body


def test_a_field_may_be_blamed_in_our_own_words():
    assert dialects.drf(Invalid.field("role", "Role {is} not found."))[0] == {
        "role": ["Role {is} not found."]
    }
