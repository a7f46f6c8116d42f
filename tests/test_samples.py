"""Documented answers, for every operation and status of both shipped specs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import assembly, dialects, factory, renderer, samples
from mockserver.assembly import Sources
from mockserver.compiler import resolve
from mockserver.errors import Malformed
from mockserver.exchange import Response
from mockserver.fault import Fault
from mockserver.imagination import Imagination
from mockserver.preferences import Wishes
from mockserver.samples import Scene
from tests import small

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
SPECS = {"shipped": Sources(), "library": Sources(spec=ROOT / "examples/library/spec/openapi.yaml")}
PACKS = {"library": str(ROOT / "examples/library/pack.py") + ":pack"}
FORMATS = jsonschema.FormatChecker(["date", "email", "ipv4", "ipv6"])
PLAN = "marketplace_plans_retrieve"


@cache
def api_of(name: str):
    pack = PACKS.get(name)
    given = SPECS[name]
    return assembly.read_api(given if pack is None else Sources(spec=given.spec, pack=pack))


def cases() -> list[Any]:
    return [
        pytest.param(name, operation.id, status, id=f"{operation.id}-{status}")
        for name in SPECS
        for operation in api_of(name).spec.operations
        for status in operation.answers
    ]


def answer(name: str, operation: str, wishes: Wishes, **scene: Any) -> Response:
    made = api_of(name)
    scene = {"now": NOW, "providers": made.pack.faker_providers, **scene}
    spec = made.spec
    return samples.answer(spec.document, spec.operation(operation), wishes, Scene(**scene))


def complaints(name: str, operation: str, response: Response) -> list[str]:
    """Return what is wrong with an answer, by a validator that is not our own."""
    spec = api_of(name).spec
    document = renderer.plain(spec.document)
    responses = document["paths"][spec.operation(operation).path]
    declared = resolve(
        document,
        responses[spec.operation(operation).method.lower()]["responses"][str(response.status)],
    )
    wrong = []
    for header, said in (declared.get("headers") or {}).items():
        wrong += [f"no {header}"] if header not in response.headers else []
        schema = resolve(document, said)["schema"]
        value = response.headers[header]
        if schema["type"] == "integer":
            value = int(value)
        wrong += [e.message for e in _validator(document, schema).iter_errors(value)]
    if not declared.get("content"):
        return wrong + [f"a body {response.body!r}" for _ in (1,) if response.body]
    media = response.headers["Content-Type"]
    schema = renderer.complete(declared["content"][media]["schema"])
    body = json.loads(response.body)
    return wrong + [e.message for e in _validator(document, schema).iter_errors(body)]


def _validator(document: Any, schema: Any) -> jsonschema.Draft202012Validator:
    whole = {"components": document["components"], "allOf": [schema]}
    return jsonschema.Draft202012Validator(whole, format_checker=FORMATS)


@pytest.mark.parametrize(("name", "operation", "status"), cases())
def test_every_documented_answer_is_as_documented(name, operation, status):
    response = answer(name, operation, Wishes(code=status))
    assert response.status == status
    assert complaints(name, operation, response) == []


@pytest.mark.parametrize(("name", "operation", "status"), cases())
def test_every_made_answer_is_as_documented(name, operation, status):
    for seed in range(3):
        response = answer(name, operation, Wishes(code=status, dynamic=True), seed=seed)
        assert complaints(name, operation, response) == []


@pytest.mark.parametrize("operation", [o.id for o in api_of("shipped").spec.operations])
def test_a_made_answer_does_not_need_an_example(operation):
    made = api_of("shipped").spec
    success = made.operation(operation).success
    if success.schema is None:
        assert answer("shipped", operation, Wishes(dynamic=True)).body == b""
    else:
        imagined = Imagination(
            made.document,
            factory.faker(api_of("shipped").pack.faker_providers),
            NOW,
            is_lively=False,
            resource=made.operation(operation).resource,
        ).make(success.schema)
        sent = Response(
            success.status,
            dict(answer("shipped", operation, Wishes(code=success.status)).headers),
            json.dumps(imagined).encode(),
        )
        assert complaints("shipped", operation, sent) == []


class TestWhichAnswer:
    def test_an_example_is_what_the_spec_shows(self):
        shown = api_of("shipped").spec.document["paths"]["/api/marketplace-plans/{uuid}/"]["get"]
        entry = shown["responses"]["200"]["content"]["application/json"]
        example = resolve(api_of("shipped").spec.document, entry["examples"]["typical"])["value"]
        for wishes in (Wishes(code=200), Wishes(example="typical")):
            assert json.loads(answer("shipped", PLAN, wishes).body) == example

    def test_a_made_answer_is_another_with_another_seed(self):
        bodies = [answer("shipped", PLAN, Wishes(dynamic=True), seed=s).body for s in (1, 2, 1)]
        assert bodies[0] == bodies[2] != bodies[1]
        assert bodies[0] != answer("shipped", PLAN, Wishes(code=200)).body

    def test_a_documented_answer_stays_the_same(self):
        one, other = (
            answer(
                "library", "books_list", Wishes(code=200), seed=s, now=NOW.replace(year=2020 + s)
            )
            for s in (1, 2)
        )
        assert one == other

    def test_believable_values_are_those_of_the_records(self):
        # The view says nothing of how names look; the record behind it does.
        names = {
            json.loads(answer("shipped", PLAN, Wishes(dynamic=True), seed=s).body)["name"]
            for s in range(6)
        }
        provider = factory.faker(api_of("shipped").pack.faker_providers).plan_name
        words = {word for _ in range(400) for word in str(provider()).split()}
        assert len(names) > 1
        assert all(set(name.split()) & words for name in names)

    def test_a_problem_does_not_contradict_its_status(self):
        body = json.loads(answer("library", "books_list", Wishes(code=406, dynamic=True)).body)
        assert (body["status"], body["title"]) == (406, "Not Acceptable")
        assert body["detail"] == "Not Acceptable."

    def test_a_list_says_how_many_there_are(self):
        response = answer(
            "shipped", "marketplace_plans_list", Wishes(code=200), url="http://a/api/plans/"
        )
        assert int(response.headers["X-Result-Count"]) == len(json.loads(response.body))
        assert '<http://a/api/plans/>; rel="first"' in response.headers["Link"]

    def test_what_the_server_knows_of_itself_goes_first(self):
        response = answer("shipped", PLAN, Wishes(code=404), headers={"Allow": "GET, HEAD"})
        assert response.headers["Allow"] == "GET, HEAD"
        assert json.loads(response.body) == {"detail": "Not Found."}

    def test_an_answer_without_a_body_has_none(self):
        response = answer("shipped", "marketplace_plans_destroy", Wishes(code=204))
        assert (response.status, response.body) == (204, b"")
        assert "Content-Type" not in response.headers


class TestRefusals:
    def test_an_undocumented_status_names_the_documented_ones(self):
        with pytest.raises(Malformed, match=r"no answer of status 418.*200, 401, 404, 405, 406"):
            answer("shipped", PLAN, Wishes(code=418))

    def test_an_unknown_example_names_the_known_ones(self):
        with pytest.raises(Malformed, match=r"no example 'odd'.*status 200.*typical"):
            answer("shipped", PLAN, Wishes(example="odd"))

    @pytest.mark.parametrize("status", [404, 204])
    def test_an_example_of_an_answer_that_has_none(self, status):
        operation = "marketplace_plans_destroy"
        with pytest.raises(Malformed, match="there is: none"):
            answer("shipped", operation, Wishes(code=status, example="typical"))


ODD = """
openapi: 3.1.0
info: {title: Odd, version: "1"}
x-mock: {dialect: problem}
paths:
  /things/:
    get:
      operationId: things
      x-action: {verb: report, resource: thing}
      responses:
        "200":
          description: Some.
          headers:
            X-Flag: {schema: {type: boolean}}
            X-Many: {schema: {type: array, items: {type: integer}, minItems: 2}}
            X-Said: {schema: {type: string}, example: "a\\nb"}
            X-Named: {schema: {type: string}, examples: {one: {value: first}}}
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Tree"}
              examples:
                first: {value: {name: one}}
                second: {$ref: "#/components/examples/Second"}
                elsewhere: {externalValue: "https://a.example/"}
        "4XX":
          description: Refused.
          content: {text/plain: {schema: {type: string}, example: no}}
        default:
          description: Otherwise.
          content: {application/json: {}}
components:
  examples:
    Second: {value: {name: two, big: 123456789012345678901234567890}}
  schemas:
    Tree:
      type: object
      required: [name, left, right]
      properties:
        name: {type: string, pattern: "^[^a-z]{3}-[0-9]+$"}
        left: {oneOf: [{type: "null"}, {$ref: "#/components/schemas/Tree"}]}
        right: {oneOf: [{type: "null"}, {$ref: "#/components/schemas/Tree"}]}
        more: {type: array, items: {$ref: "#/components/schemas/Tree"}}
        secret: {type: string, writeOnly: true}
    ThingRecord:
      type: object
      x-resource: {name: thing, key: id}
      required: [id]
      properties: {id: {type: string}}
"""


@cache
def odd():
    return small.build(ODD, operations={"things": lambda scope: None}).spec


def odd_answer(**wishes: Any) -> Response:
    spec = odd()
    return samples.answer(spec.document, spec.operation("things"), Wishes(**wishes), Scene(NOW))


class TestOddities:
    def test_examples_by_name(self):
        assert json.loads(odd_answer(code=200).body) == {"name": "one"}
        second = json.loads(odd_answer(example="second").body)
        assert second == {"name": "two", "big": 123456789012345678901234567890}
        with pytest.raises(Malformed, match="there is: first, second"):
            odd_answer(example="elsewhere")

    def test_ranges_and_the_default_document_too(self):
        teapot = odd_answer(code=418)
        assert (teapot.status, teapot.body) == (418, b"no")
        assert teapot.headers["Content-Type"] == "text/plain"
        assert odd_answer(code=503).body == b"{}"

    def test_headers_are_texts_without_line_breaks(self):
        headers = odd_answer(code=200).headers
        assert headers["X-Flag"] in ("true", "false")
        assert all(part.isdigit() for part in headers["X-Many"].split(", "))
        assert (headers["X-Said"], headers["X-Named"]) == ("ab", "first")

    @pytest.mark.parametrize("seed", range(5))
    def test_a_schema_that_holds_itself_ends(self, seed):
        spec = odd()
        wishes = Wishes(dynamic=True)
        made = samples.answer(spec.document, spec.operation("things"), wishes, Scene(NOW, seed))
        assert len(made.body) < 2_000_000
        body = json.loads(made.body)
        assert {"name", "left", "right"} <= body.keys()
        assert "secret" not in body


class TestFaults:
    def fault(self, fault: Fault, operation: str | None = PLAN) -> Response | None:
        spec = api_of("shipped").spec
        found = spec.operation(operation) if operation else None
        return samples.refusal(spec.document, found, fault, Scene(NOW, headers={"Allow": "GET"}))

    def test_a_documented_status_has_its_documented_body(self):
        response = self.fault(Fault("status", code=404))
        assert response is not None
        assert complaints("shipped", PLAN, response) == []

    def test_other_statuses_are_left_to_the_dialect(self):
        assert self.fault(Fault("status", code=503)) is None
        assert self.fault(Fault("rate_limit")) is None
        assert self.fault(Fault("status", code=404), operation=None) is None
        said = samples.Simulated(Fault("status", code=503))
        assert said.status == 503
        assert dialects.drf(said)[0] == {"detail": "Service Unavailable: a simulated fault."}

    def test_a_status_without_a_body_needs_no_words(self):
        assert self.fault(Fault("status", code=204)) == Response(204, {"Allow": "GET"})

    def test_a_limit_says_when_to_come_back(self):
        assert samples.fault_headers(Fault("rate_limit", retry_after=7)) == {"Retry-After": "7"}
        assert samples.fault_headers(Fault("status", code=429)) == {}
        spec = odd()
        limited = samples.refusal(
            spec.document, spec.operation("things"), Fault("rate_limit"), Scene(NOW)
        )
        assert limited is not None
        assert (limited.status, limited.headers["Retry-After"]) == (429, "1")


def scalars() -> st.SearchStrategy[dict[str, Any]]:
    texts = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 5), "maxLength": st.integers(5, 40)},
    )
    patterns = st.sampled_from(
        [r"^[a-z]{2,4}$", r"^\d+\.\d{2}$", r"^[^\x00]*$", r"^(a|bc)+$", r"x-[^ -~]?y", r"^\w*\s\S$"]
    ).map(lambda pattern: {"type": "string", "pattern": pattern})
    numbers = st.builds(
        lambda kind, low, size, extra: (
            {"type": kind, "minimum": low, "maximum": low + size} | extra
        ),
        st.sampled_from(["integer", "number"]),
        st.integers(-50, 50),
        st.integers(10, 90),
        st.sampled_from([{}, {"multipleOf": 5}]),
    )
    formats = st.sampled_from(["date", "date-time", "email", "ipv4", "uuid", "uri"]).map(
        lambda name: {"type": ["string", "null"], "format": name}
    )
    fixed = st.sampled_from(
        [
            {"enum": ["a", None, 3]}, {"const": [1]}, {"type": "boolean"}, {"type": "null"},
            {"maximum": -5, "type": "integer"}, {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            {"type": "string", "default": "x"}, {"type": "integer", "example": 7},
        ]
    )  # fmt: skip
    return st.one_of(texts, patterns, numbers, formats, fixed)


def _objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def made(parts: dict[str, Any], is_all: bool, more: dict[str, Any] | None) -> dict[str, Any]:
        required = [name for name in parts if is_all or name < "c"]
        found = {"type": "object", "properties": parts, "required": required}
        if more is not None:
            found |= {"additionalProperties": more, "minProperties": len(parts) + 1}
        return found

    members = st.dictionaries(st.sampled_from("abcde"), inner, max_size=3)
    return st.builds(made, members, st.booleans(), st.none() | inner)


def _arrays(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    bounds = st.sampled_from([{}, {"minItems": 2}, {"maxItems": 0}, {"minItems": 1, "maxItems": 1}])
    return st.builds(lambda items, more: {"type": "array", "items": items, **more}, inner, bounds)


schemas = st.recursive(
    scalars(),
    lambda inner: st.one_of(
        _objects(inner),
        _arrays(inner),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts}),
        _objects(inner).map(lambda one: {"allOf": [one, {"type": "object", "required": ["z"]}]}),
    ),
    max_leaves=6,
)


@given(schemas, st.integers(0, 3), st.booleans())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_is_imagined_fits_the_schema(schema, seed, is_lively):
    fake = samples._fake(())
    fake.random.seed(seed)
    made = Imagination({}, fake, NOW, is_lively=is_lively, resource="").make(schema)
    errors = jsonschema.Draft202012Validator(schema, format_checker=FORMATS).iter_errors(made)
    assert [error.message for error in errors] == []


def test_the_same_seed_makes_the_same_in_another_process():
    script = (
        "from mockserver import factory\n"
        "from mockserver.imagination import Imagination\n"
        "from datetime import datetime, UTC\n"
        "fake = factory.faker()\n"
        "now = datetime(2026, 1, 1, tzinfo=UTC)\n"
        "made = Imagination({}, fake, now, is_lively=True, resource='')\n"
        "print([made.make({'type': 'string', 'pattern': '^[^a-z ]{20}$'}) for _ in range(3)])\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(set(chain(said[0]))) > 20
