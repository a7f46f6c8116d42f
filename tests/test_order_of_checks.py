"""
Which of two mistakes in one request is told.

For each kind of operation a table names the mistakes in the order of the checks. Every two of
them that can be made at once are made at once, and the answer must be that of the earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest

from mockserver.assembly import World
from mockserver.exchange import Request
from mockserver.store import Store
from tests import wire_cases
from tests.wire_cases import Stage

PLANS = "/api/marketplace-plans/"
PROVIDERS = "/api/marketplace-service-providers/"
UNKNOWN = "0" * 32


@dataclass(frozen=True)
class Draft:
    """A request whose parts are not put together yet."""

    method: str = "GET"
    path: str = ""
    key: str = ""
    slash: str = "/"
    format: str = ""
    accept: str = "*/*"
    caller: str = "owner"
    body: str = ""
    media_type: str = "application/json"
    filter: str = ""
    page: str = ""


@dataclass(frozen=True)
class Mistake:
    """What is changed in a draft, and the status and body that answer it."""

    status: int
    answer: Any
    change: dict[str, str]


@dataclass(frozen=True)
class Kind:
    """An operation: a request without mistakes, and the mistakes in the order of the checks."""

    name: str
    draft: Draft
    status: int
    order: str
    mistakes: dict[str, Mistake] = field(default_factory=dict)


def detail(text: str) -> dict[str, str]:
    return {"detail": text}


def body(text: str, answer: Any) -> Mistake:
    return Mistake(400, answer, {"body": text})


def not_found(key: str, title: str) -> Mistake:
    return Mistake(404, detail(f"No {title} matches the given query."), {"key": key})


def forbidden(caller: str) -> Mistake:
    text = "You do not have permission to perform this action."
    return Mistake(403, detail(text), {"caller": caller})


def refused_state(key: str, text: str) -> Mistake:
    return Mistake(400, [text], {"key": key})


#: The mistakes that are the same everywhere.
COMMON = {
    "no route": Mistake(404, "<h1>Not Found</h1>", {"path": "{path}nowhere/at/all/"}),
    "no slash": Mistake(301, "", {"slash": ""}),
    "other format": Mistake(404, detail("Not found."), {"format": "format=xml"}),
    "not acceptable": Mistake(
        406, detail("Could not satisfy the request Accept header."), {"accept": "text/html"}
    ),
    "bad token": Mistake(401, detail("Invalid token."), {"caller": "wrong"}),
    "anonymous": Mistake(
        401, detail("Authentication credentials were not provided."), {"caller": ""}
    ),
    "wrong method": Mistake(405, detail('Method "TRACE" not allowed.'), {"method": "TRACE"}),
    "text": Mistake(
        415,
        detail('Unsupported media type "text/plain" in request.'),
        {"media_type": "text/plain"},
    ),
    "broken JSON": body(
        "{",
        detail(
            "JSON parse error - Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)"
        ),
    ),
    "list": body(
        "[]", {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}
    ),
    "null": body("null", {"non_field_errors": ["No data provided"]}),
    "bad page": Mistake(404, detail("Invalid page."), {"page": "page=0"}),
}

PLAN = {
    "unknown": not_found(UNKNOWN, "Plan"),
    "malformed": not_found("abc", "Plan"),
    "invisible": not_found("plan.sandbox", "Plan"),
    "forbidden": forbidden("manager"),
    "remote": refused_state(
        "plan.federated_hours", "It is not possible to update plan for this offering type."
    ),
    "in use": refused_state(
        "plan.database_standard",
        "It is not possible to update plan because it is used by resources.",
    ),
    "archived": refused_state("plan.database_old", "Plan is already archived."),
    "bad field": body('{"unit": "year", "name": "x"}', {"unit": ['"year" is not a valid choice.']}),
}
PROVIDER = {
    "unknown": not_found(UNKNOWN, "ServiceProvider"),
    "malformed": not_found("abc", "ServiceProvider"),
    "forbidden": forbidden("stranger"),
    "others'": Mistake(403, forbidden("").answer, {"key": "service_provider.zenith"}),
    "bad field": body('{"description": null}', {"description": ["This field may not be null."]}),
    "bad filter": Mistake(400, {"o": ["…"]}, {"filter": "o=unknown"}),
}
MEMBER = {
    **PROVIDER,
    "no field": body(
        "{}", {"role": ["This field is required."], "user": ["This field is required."]}
    ),
    "unknown user": body(
        f'{{"role": "SERVICE_PROVIDER.MANAGER", "user": "{UNKNOWN}"}}',
        {"user": ["User is not found."]},
    ),
    "other kind of role": body(
        '{"role": "CUSTOMER.OWNER", "user": "{user.anna}"}',
        {"non_field_errors": ["Role is not valid for this scope."]},
    ),
    "held already": body(
        '{"role": "SERVICE_PROVIDER.MANAGER", "user": "{user.minh}"}',
        {"non_field_errors": ["User has already the same role in this scope."]},
    ),
}
GIVEN = '{"role": "SERVICE_PROVIDER.MANAGER", "user": "{user.anna}"}'
NEW_PLAN = '{"name": "New", "offering": "/api/marketplace-provider-offerings/{offering.machine}/"}'


def ignored(status: int, *names: str) -> dict[str, Mistake]:
    """Return mistakes in a body that nobody reads: the answer is that of success."""
    return {name: replace(COMMON[name], status=status, answer="…") for name in names}


def plan_draft(action: str = "", **given: str) -> Draft:
    given = {"method": "POST", "key": "plan.sample", **given}
    return Draft(path=f"{PLANS}{{key}}/{action}", **given)


def provider_draft(action: str = "", **given: str) -> Draft:
    return Draft(path=f"{PROVIDERS}{{key}}/{action}", **{"key": "service_provider.sample", **given})


#: What is decided before an operation is looked at, in this order, whatever the operation.
FIRST = "no route, no slash, other format, not acceptable, bad token, anonymous, wrong method"
BODY = "text, broken JSON, list, null"
FOUND = "unknown, malformed, invisible, forbidden"

KINDS = [
    Kind(
        "plan list",
        Draft(path=PLANS),
        200,
        f"{FIRST}, bad filter, bad page",
        {
            "bad filter": Mistake(
                400, {"offering_uuid": ["Enter a valid UUID."]}, {"filter": "offering_uuid=x"}
            )
        },
    ),
    Kind(
        "plan retrieve",
        plan_draft(method="GET"),
        200,
        f"{FIRST}, unknown, malformed, invisible",
        PLAN,
    ),
    Kind(
        "plan create",
        Draft("POST", PLANS, body=NEW_PLAN),
        201,
        f"{FIRST}, {BODY}, bad field, forbidden",
        {
            **PLAN,
            "forbidden": forbidden("stranger"),
            "bad field": body(
                "{}", {"name": ["This field is required."], "offering": ["This field is required."]}
            ),
        },
    ),
    Kind(
        "plan update",
        plan_draft(method="PUT", body='{"name": "New"}'),
        200,
        f"{FIRST}, {FOUND}, in use, {BODY}, bad field",
        PLAN,
    ),
    Kind(
        "plan partial update",
        plan_draft(method="PATCH", body='{"name": "New"}'),
        200,
        f"{FIRST}, {FOUND}, in use, {BODY}, bad field",
        PLAN,
    ),
    Kind(
        "plan delete",
        plan_draft(method="DELETE", caller="staff"),
        204,
        f"{FIRST}, forbidden, unknown, malformed, in use, broken JSON, text",
        {
            **PLAN,
            "forbidden": forbidden("owner"),
            "in use": Mistake(409, {"detail": "…"}, {"key": "plan.database_standard"}),
            **ignored(204, "broken JSON", "text"),
        },
    ),
    Kind(
        "plan archive",
        plan_draft("archive/"),
        200,
        f"{FIRST}, {FOUND}, archived, broken JSON, text",
        {**PLAN, **ignored(200, "broken JSON", "text")},
    ),
    Kind(
        "plan prices",
        plan_draft("update_prices/", body='{"prices": {}}'),
        200,
        f"{FIRST}, {FOUND}, remote, {BODY}, bad field, unknown component",
        {
            **PLAN,
            "bad field": body("{}", {"prices": ["This field is required."]}),
            "unknown component": body('{"prices": {"x": 1}}', ["Invalid components x."]),
        },
    ),
    Kind(
        "plan groups",
        plan_draft("update_organization_groups/", body='{"organization_groups": []}'),
        200,
        f"{FIRST}, {FOUND}, {BODY}, bad field",
        {
            **PLAN,
            "bad field": body(
                '{"organization_groups": null}',
                {"organization_groups": ["This field may not be null."]},
            ),
        },
    ),
    Kind(
        "plan groups taken away",
        plan_draft("delete_organization_groups/"),
        200,
        f"{FIRST}, {FOUND}, broken JSON, text",
        {**PLAN, **ignored(200, "broken JSON", "text")},
    ),
    Kind(
        "provider list, which is public",
        Draft(path=PROVIDERS),
        200,
        "no route, no slash, other format, not acceptable, bad token, wrong method, "
        "bad filter, bad page",
        PROVIDER,
    ),
    Kind(
        "provider create",
        Draft(
            "POST",
            PROVIDERS,
            caller="staff",
            body='{"customer": "/api/customers/{customer.delta}/"}',
        ),
        201,
        f"{FIRST}, {BODY}, bad field, twice, forbidden",
        {
            **PROVIDER,
            "bad field": body("{}", {"customer": ["This field is required."]}),
            "twice": body(
                '{"customer": "/api/customers/{customer.pohjala}/"}',
                {"customer": ["Service provider with this customer already exists."]},
            ),
        },
    ),
    Kind(
        "provider update",
        provider_draft(method="PUT", body="{}"),
        200,
        f"{FIRST}, unknown, malformed, forbidden, others', {BODY}, bad field",
        PROVIDER,
    ),
    Kind(
        "provider delete",
        provider_draft(method="DELETE", key="service_provider.retired", caller="staff"),
        204,
        f"{FIRST}, unknown, malformed, forbidden, has offerings, broken JSON",
        {
            **PROVIDER,
            "has offerings": refused_state(
                "service_provider.sample",
                "Service provider has active offerings. Please archive them first.",
            ),
            **ignored(204, "broken JSON"),
        },
    ),
    Kind(
        "secret code",
        provider_draft("api_secret_code/", method="POST"),
        200,
        f"{FIRST}, unknown, malformed, forbidden, others', broken JSON, text",
        {**PROVIDER, **ignored(200, "broken JSON", "text")},
    ),
    Kind(
        "nested list",
        provider_draft("users/"),
        200,
        f"{FIRST}, unknown, malformed, forbidden, others', bad filter, bad page",
        PROVIDER,
    ),
    Kind(
        "report",
        provider_draft("stat/"),
        200,
        f"{FIRST}, unknown, malformed, forbidden, others'",
        PROVIDER,
    ),
    Kind(
        "role given",
        provider_draft("add_user/", method="POST", body=GIVEN),
        201,
        f"{FIRST}, unknown, malformed, {BODY}, no field, unknown user, forbidden, others', "
        "other kind of role, held already",
        MEMBER,
    ),
    Kind(
        "role taken away",
        provider_draft("delete_user/", method="POST", body=GIVEN),
        200,
        f"{FIRST}, unknown, malformed, {BODY}, no field, unknown user, forbidden, others'",
        MEMBER,
    ),
    Kind(
        "username",
        provider_draft(
            "set_offerings_username/",
            method="POST",
            body='{"user_uuid": "{user.anna}", "username": "anna"}',
        ),
        201,
        f"{FIRST}, {BODY}, no field, unknown user, unknown, malformed, forbidden, others'",
        {
            **PROVIDER,
            "no field": body(
                "{}",
                {
                    "user_uuid": ["This field is required."],
                    "username": ["This field is required."],
                },
            ),
            "unknown user": body(
                f'{{"user_uuid": "{UNKNOWN}", "username": "x"}}',
                ["A user with the uuid [00000000-0000-0000-0000-000000000000] is not found."],
            ),
        },
    ),
]


def order_of(kind: Kind) -> list[tuple[str, Mistake]]:
    known = {**COMMON, **kind.mistakes}
    return [(name, known[name]) for name in kind.order.split(", ")]


def singles() -> Iterator[Any]:
    for kind in KINDS:
        yield pytest.param(kind, Mistake(kind.status, "…", {}), id=f"{kind.name}: none")
        for name, mistake in order_of(kind):
            yield pytest.param(kind, mistake, id=f"{kind.name}: {name}")


def pairs() -> Iterator[Any]:
    for kind in KINDS:
        for (first, winner), (second, loser) in combinations(order_of(kind), 2):
            # Two bodies, two callers or two records cannot be sent at once.
            if not set(winner.change) & set(loser.change):
                yield pytest.param(kind, winner, loser, id=f"{kind.name}: {first} > {second}")


@pytest.fixture(scope="module")
def played(default_world: World) -> Stage:
    return wire_cases.stage(default_world)


def fill(text: str, stage: Stage) -> str:
    """Return the text with `{plan.sample}` replaced by the key of that record."""
    for resource in ("user", "customer", "offering"):
        for label, key in stage.keys[resource].items():
            text = text.replace(f"{{{resource}.{label}}}", str(key))
    return text


def request_of(draft: Draft, stage: Stage) -> Request:
    resource, _, label = draft.key.partition(".")
    key = str(stage.keys[resource][label]) if label else draft.key
    path = draft.path.replace("{key}", key)
    headers = {"host": wire_cases.HOST, "accept": draft.accept}
    if draft.caller:
        headers["authorization"] = f"Token {stage.tokens.get(draft.caller, draft.caller)}"
    if draft.body:
        headers["content-type"] = draft.media_type
    query = "&".join(filter(None, (draft.format, draft.filter, draft.page)))
    return Request(
        draft.method,
        path.removesuffix("/") + draft.slash,
        query,
        headers,
        fill(draft.body, stage).encode(),
    )


def spoiled(draft: Draft, *mistakes: Mistake) -> Draft:
    for mistake in mistakes:
        change = {
            name: value.replace("{path}", draft.path) for name, value in mistake.change.items()
        }
        draft = replace(draft, **change)
    if "media_type" in [name for mistake in mistakes for name in mistake.change]:
        # A type without a body says nothing.
        draft = replace(draft, body=draft.body or "{}")
    return draft


def check(stage: Stage, draft: Draft, wanted: Mistake) -> None:
    application = stage.application
    application.store = Store(stage.api.spec.resources, stage.start)
    exchange = application.answer(request_of(draft, stage))
    assert exchange.defect is None
    text = exchange.response.body.decode()
    assert exchange.response.status == wanted.status, text
    if wanted.status == 404 and isinstance(wanted.answer, str):
        assert wanted.answer in text
    elif wanted.answer != "…" and wanted.status != 301:
        problem = wire_cases.difference(json.dumps(wanted.answer, ensure_ascii=False), text)
        assert not problem


@pytest.mark.parametrize(("kind", "mistake"), list(singles()))
def test_a_mistake_alone_is_told(played: Stage, kind: Kind, mistake: Mistake) -> None:
    check(played, spoiled(kind.draft, mistake), mistake)


@pytest.mark.parametrize(("kind", "winner", "loser"), list(pairs()))
def test_of_two_mistakes_the_earlier_is_told(
    played: Stage, kind: Kind, winner: Mistake, loser: Mistake
) -> None:
    check(played, spoiled(kind.draft, winner, loser), winner)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_a_refused_request_changes_nothing(played: Stage, kind: Kind) -> None:
    resources = played.api.spec.resources
    for _, mistake in order_of(kind):
        if mistake.status < 400:
            continue
        played.application.store = Store(resources, played.start)
        played.application.answer(request_of(spoiled(kind.draft, mistake), played))
        assert played.application.store.state is played.start


def test_every_operation_of_the_table_exists(played: Stage) -> None:
    find: Callable[[str], Any] = played.application.router.match
    assert all(find(request_of(kind.draft, played).path) for kind in KINDS)
