from __future__ import annotations

import json
from functools import cache
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import paginator, renderer
from mockserver.actions import Result
from mockserver.errors import ResponseDefect
from mockserver.exchange import Request, Response
from mockserver.renderer import Judge
from tests import small

SPEC = """
openapi: 3.1.0
info: {title: Plans, version: "1"}
x-mock:
  dialect: drf
  paging:
    {number: page, size: page_size, default: 10, max: 300,
     headers: {total: X-Result-Count, links: Link}}
  fieldset: {parameter: field}
%s
paths:
  /plans/:
    get:
      operationId: plans_list
      x-action: {verb: list, resource: plan}
      parameters:
        - {name: page, in: query, schema: {type: integer}}
        - {name: field, in: query, schema: {type: array, items: {type: string}}}
      responses:
        "200": {description: Plans., content: {application/json: {schema: {%s}}}}
    post:
      operationId: plans_create
      x-action: {verb: create, resource: plan}
      requestBody: {content: {application/json: {schema: {type: object}}}}
      x-effect: {creates: [plan]}
      responses:
        "201":
          description: Made.
          content: {application/json: {schema: {$ref: "#/components/schemas/PlanRecord"}}}
  /plans/{uuid}/:
    parameters:
      - {name: uuid, in: path, required: true, schema: {type: string}}
    delete:
      operationId: plans_destroy
      x-action: {verb: destroy, resource: plan}
      x-effect: {removes: [plan]}
      responses: {"204": {description: Gone.}}
components:
  schemas:
    PlanRecord:
      type: object
      required: [uuid, name]
      x-resource: {name: plan, path: "/plans/{uuid}/"}
      properties:
        uuid: {type: string, format: uuid, x-from: server}
        name: {type: string}
        price: {type: string, format: decimal}
"""
ROWS = (
    """type: array, items: {anyOf: [{$ref: "#/components/schemas/PlanRecord"}, {type: object}]}"""
)
PLAN = {"uuid": "a" * 32, "name": "Basic"}


@cache
def built():
    """Return the API, built once."""
    return small.build(SPEC % ("", ROWS))


@pytest.fixture
def plans():
    return built()


def page_headers(plans, query, *, number, size, total):
    request = Request("GET", "/plans/", query, {"host": "h.example"})
    page = paginator.paginate(range(total), number=number, size=size)
    response = renderer.render(plans.operations["plans_list"], request, Result([], page=page))
    return response.headers


def links(headers):
    """Return the URLs of a Link header, by relation."""
    pairs = [part.split("; ") for part in headers["Link"].split(", ")]
    return {rel.removeprefix('rel="').rstrip('"'): url.strip("<>") for url, rel in pairs}


def test_a_page_in_the_middle_links_to_all_others(plans):
    headers = page_headers(plans, "page=3&page_size=2", number=3, size=2, total=9)

    assert headers["X-Result-Count"] == "9"
    assert headers["Link"] == (
        '<http://h.example/plans/?page_size=2>; rel="first", '
        '<http://h.example/plans/?page=2&page_size=2>; rel="prev", '
        '<http://h.example/plans/?page=4&page_size=2>; rel="next", '
        '<http://h.example/plans/?page=5&page_size=2>; rel="last"'
    )


def test_the_first_page_has_no_previous_and_is_written_without_its_number(plans):
    headers = page_headers(plans, "", number=1, size=10, total=25)

    assert links(headers) == {
        "first": "http://h.example/plans/",
        "next": "http://h.example/plans/?page=2",
        "last": "http://h.example/plans/?page=3",
    }


def test_the_second_page_leads_back_to_the_first_without_its_number(plans):
    headers = page_headers(plans, "page=2", number=2, size=10, total=15)

    assert links(headers)["prev"] == "http://h.example/plans/"
    assert "next" not in links(headers)


def test_an_empty_list_has_a_first_and_a_last_page(plans):
    headers = page_headers(plans, "page_size=9999", number=1, size=300, total=0)

    assert headers["X-Result-Count"] == "0"
    assert links(headers) == {
        "first": "http://h.example/plans/?page_size=9999",
        "last": "http://h.example/plans/?page_size=9999",
    }


def test_other_parameters_are_kept_sorted_and_encoded_again(plans):
    headers = page_headers(plans, "z=1&foo=b%20c&page=2&foo=d&empty=", number=2, size=2, total=9)

    assert links(headers)["next"] == "http://h.example/plans/?empty=&foo=b+c&foo=d&page=3&z=1"


@given(
    st.dictionaries(st.sampled_from(["a", "b", "page"]), st.text(max_size=5), max_size=3),
    st.integers(1, 5),
)
def test_a_link_differs_from_its_request_in_the_page_only(query, number):
    """Whatever the other parameters hold."""
    plans = built()
    text = urlencode(query, errors="replace")
    sent = parse_qs(text, keep_blank_values=True)
    for url in links(page_headers(plans, text, number=number, size=1, total=5)).values():
        found = parse_qs(urlsplit(url).query, keep_blank_values=True)

        assert {**found, "page": 0} == {**sent, "page": 0}


def test_a_list_that_is_not_paged_has_no_links(plans):
    bound = plans.operations["plans_list"]
    result = Result([1, 2], page=paginator.whole([1, 2]))
    response = renderer.render(bound, Request("GET", "/plans/"), result)

    assert response.headers["X-Result-Count"] == "2"
    assert "Link" not in response.headers
    assert response.body == b"[1,2]"


def test_an_envelope_says_the_same_in_the_body():
    names = {
        "items": "results",
        "total": "count",
        "number": "page",
        "size": "size",
        "pages": "pages",
        "next": "next",
        "previous": "previous",
        "first": "first",
        "last": "last",
    }
    comment = "  # The body holds the page."
    text = SPEC.replace(
        "headers: {total: X-Result-Count, links: Link}", f"envelope: {json.dumps(names)}"
    ) % (comment, f"type: object, properties: {{results: {{{ROWS}}}}}")
    bound = small.build(text).operations["plans_list"]
    page = paginator.paginate([1, 2, 3], number=2, size=1)
    request = Request("GET", "/plans/", "page=2", {"host": "h"})
    response = renderer.render(bound, request, Result([2], page=page))

    assert json.loads(response.body) == {
        "results": [2],
        "count": 3,
        "page": 2,
        "size": 1,
        "pages": 3,
        "next": "http://h/plans/?page=3",
        "previous": "http://h/plans/",
        "first": "http://h/plans/",
        "last": "http://h/plans/?page=3",
    }
    assert "Link" not in response.headers


def test_a_new_record_is_announced_with_its_url(plans):
    bound = plans.operations["plans_create"]
    request = Request("POST", "/plans/", "", {"host": "h"})
    response = renderer.render(bound, request, Result(PLAN, created=PLAN["uuid"]))

    assert response.status == 201
    assert response.headers == {
        "Location": f"http://h/plans/{'a' * 32}/",
        "Content-Type": "application/json",
    }
    assert json.loads(response.body) == PLAN


def test_an_answer_without_content_has_neither_body_nor_type(plans):
    response = renderer.render(
        plans.operations["plans_destroy"], Request("DELETE", "/x/"), Result()
    )

    assert (response.status, response.headers, response.body) == (204, {}, b"")


def test_json_is_indented_for_those_who_ask():
    assert renderer.encode({"a": 1}) == b'{"a":1}'
    assert renderer.encode({"a": 1}, "application/json; indent=2") == b'{\n  "a": 1\n}'


def test_integers_of_any_size_are_written():
    assert json.loads(renderer.encode({"a": 10**30})) == {"a": 10**30}


# Judge


def judge(plans, name, status, body=None, *, media="application/json", has_fieldset=False):
    content = b"" if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": media}
    Judge(plans.spec.document).check(
        plans.operations[name].operation,
        Response(status, headers, content),
        has_fieldset=has_fieldset,
    )


def test_an_answer_that_the_spec_allows_passes(plans):
    judge(plans, "plans_create", 201, PLAN)
    judge(plans, "plans_create", 201, {**PLAN, "uuid": "01234567-89ab-cdef-0123-456789abcdef"})
    judge(plans, "plans_destroy", 204)
    judge(plans, "plans_list", 200, [])
    judge(plans, "plans_list", 200, [PLAN], media="application/json; charset=utf-8")


@pytest.mark.parametrize(
    ("name", "status", "body", "problem"),
    [
        ("plans_create", 200, PLAN, "status 200 is not among 201"),
        ("plans_destroy", 204, PLAN, "204 is documented without body"),
        ("plans_create", 201, {**PLAN, "name": 5}, "at /name: 5 is not of type"),
        ("plans_create", 201, {"uuid": "a" * 32}, 'at /: "name" is a required property'),
        ("plans_create", 201, {**PLAN, "uuid": "abc"}, "at /uuid: "),
        ("plans_create", 201, {**PLAN, "price": 5}, "at /price: "),
        ("plans_list", 200, {}, "at /: {} is not of type"),
        ("plans_list", 200, [PLAN, {}], 'at /1: "uuid" is a required property'),
    ],
)
def test_an_answer_that_breaks_the_spec_is_a_defect(plans, name, status, body, problem):
    with pytest.raises(ResponseDefect) as defect:
        judge(plans, name, status, body)

    assert problem in str(defect.value)
    assert str(defect.value).startswith(f"{name}: ")


def test_another_media_type_is_a_defect(plans):
    with pytest.raises(ResponseDefect, match="'text/plain' is not application/json"):
        judge(plans, "plans_create", 201, PLAN, media="text/plain")


def test_an_answer_cut_by_a_fieldset_need_not_be_complete(plans):
    judge(plans, "plans_list", 200, [{"name": "Basic"}], has_fieldset=True)
    with pytest.raises(ResponseDefect):
        judge(plans, "plans_list", 200, [{"name": "Basic"}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a" * 32, True), ("A" * 32, True), ("a" * 31, False), ("g" * 32, False), ("", False)],
)
def test_a_uuid_has_32_hex_digits(text, expected):
    assert renderer.is_uuid(text) is expected


def test_nodes_become_plain_containers():
    made = renderer.plain(built().spec.document)

    assert type(made) is dict
    assert type(made["paths"]["/plans/"]) is dict
