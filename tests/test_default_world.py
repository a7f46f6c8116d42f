"""The scenario `default`: every feature of the API can be seen to work in it.

A query parameter without rows that match and rows that do not, or an order that
changes nothing, would let a broken client look right. Values to ask for are found
in the answers and in the state, so that the data may change without this file.
"""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from mockserver import assembly
from mockserver.app import Application
from mockserver.assembly import World
from mockserver.exchange import Request
from mockserver.operation import Filter, Parameter, Resource, is_nullable
from tests.test_contract import OPERATIONS, fields

SAMPLE = "a1b2c3d4e5f67890abcdef1234567890"
ANNA = {"user_uuid": SAMPLE}
PARAMETERS = [(name, each) for name, entry in OPERATIONS.items() for each in entry["query"]]
PAGING = ("page", "page_size")
LISTS = [
    name
    for name, entry in OPERATIONS.items()
    if entry["method"] == "GET" and entry["responses"]["200"]["is_list"]
]

#: Filters that keep every row of the list or none, and why.
ALL_OR_NOTHING = {
    ("customer_projects_list", "is_removed"): "removed projects are out of reach",
    ("projects_list", "is_removed"): "removed projects are out of reach",
    ("offerings_list", "billable"): "the list has billable offerings only",
    ("offerings_list", "shared"): "the list has shared offerings only",
    ("offerings_list", "customer"): "all offerings are of the provider's customer",
    ("offerings_list", "customer_uuid"): "all offerings are of the provider's customer",
    ("offerings_list", "project_uuid"): "shared offerings are for every project",
    ("project_permissions_list", "scope_type"): "all these grants are on projects",
    ("users_list", "is_active"): "inactive users are hidden",
}
#: Orders that leave the list as it is, and why.
SAME_FOR_ALL = {("users_list", "is_active"): "inactive users are hidden"}
#: Lists that always come whole, and why.
NOT_PAGED = {"revenue_list": "it is a report about one year"}
#: Nullable fields that are never null in this world, and why.
NEVER_NULL = {
    "error_message": "the server keeps an empty text",
    "error_traceback": "the server keeps an empty text",
    "checklist_name": "the overview has only offerings with a checklist",
}
#: Nullable fields that are always null, and why.
ALWAYS_NULL = {
    "token": "it is shown once, when the real service makes an account",
    "expires_at": "it is shown once, when the real service makes an account",
}


def short(operation_id: str) -> str:
    return operation_id.removeprefix("marketplace_service_providers_")


@dataclass
class Asker:
    """Asks the default world, as an operator unless told otherwise, and remembers the answers."""

    application: Application
    world: World
    token: str = "YOUR_API_TOKEN"
    known: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def ask(self, operation_id: str, owner: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return an answer about a provider or plan, or None when it is a refusal."""
        text = urlencode(query or {}, doseq=True)
        key = (operation_id, owner, text)
        if key not in self.known:
            path = OPERATIONS[operation_id]["path"].replace("{service_provider_uuid}", "{uuid}")
            headers = {"authorization": f"Token {self.token}", "host": "api.example.com"}
            request = Request("GET", path.replace("{uuid}", owner), text, headers)
            response = self.application.answer(request).response
            self.known[key] = orjson.loads(response.body) if response.status == 200 else None
        return self.known[key]

    def rows(self, operation_id: str, owner: str, **query: Any) -> Any:
        """Return all rows of a list."""
        always = ANNA if "user_customers" in operation_id else {}
        return self.ask(operation_id, owner, {"page_size": 300, **always, **query})

    @cached_property
    def records(self) -> dict[str, list[dict[str, Any]]]:
        """The records of each resource."""
        state = self.world.scenario.state
        return {
            name: [dict(record) for record in state.records(name).values()]
            for name in self.world.api.spec.resources
        }

    @cached_property
    def providers(self) -> list[str]:
        """The keys of the providers, the documentation's one first."""
        keys = [record["uuid"] for record in self.records["service_provider"]]
        return sorted(keys, key=lambda key: key != SAMPLE)

    def owners(self, operation_id: str) -> list[str]:
        """Return the keys that may stand in the path of an operation."""
        entry = OPERATIONS[operation_id]
        if not entry["path_parameters"]:
            return [""]
        if entry["path"].startswith("/api/marketplace-plans/"):
            return [plan["uuid"] for plan in self.records["plan"]]
        return self.providers

    def resource(self, name: str) -> Resource:
        return self.world.api.spec.resources[name]

    @cached_property
    def answers(self) -> dict[str, list[Any]]:
        """Everything that reading operations answer, over all providers and plans."""
        found: dict[str, list[Any]] = defaultdict(list)
        for name, entry in OPERATIONS.items():
            if entry["method"] == "GET":
                for owner in self.owners(name):
                    body = self.rows(name, owner)
                    # Who is no operator is refused what is not his own.
                    found[name] += body if isinstance(body, list) else [body] if body else []
        return found


@pytest.fixture(scope="module")
def asker(default_world: World) -> Asker:
    return Asker(assembly.application(default_world, strict=True), default_world)


@pytest.fixture(scope="module")
def parameter(asker: Asker) -> Callable[[str, str], Parameter]:
    """Find the compiled parameter of a name."""

    def find(operation_id: str, name: str) -> Parameter:
        operation = asker.world.api.operations[operation_id].operation
        return next(each for each in operation.parameters if each.name == name)

    return find


def scalars(value: Any) -> Iterator[Any]:
    """Yield every text and number in a JSON value."""
    if isinstance(value, dict):
        for each in value.values():
            yield from scalars(each)
    elif isinstance(value, list):
        for each in value:
            yield from scalars(each)
    elif value is not None and not isinstance(value, bool):
        yield value


def values_of(asker: Asker, resource: Resource, path: str, rows: Sequence[Any]) -> Iterator[Any]:
    """Yield what the records at the end of a path hold, and what the rows show."""
    *way, last = path.split(".")
    for step in way:
        resource = asker.resource(resource.relations[step].to)
    for row in rows:
        yield row.get(last)
    if last in resource.relations:
        last = resource.key
    for record in asker.records[resource.name]:
        yield record.get(last)


def links(asker: Asker, resource: Resource, path: str) -> Iterator[str]:
    for step in path.split("."):
        resource = asker.resource(resource.relations[step].to)
    for record in asker.records[resource.name]:
        yield resource.path.replace("{uuid}", record[resource.key])


def guesses(asker: Asker, rows: Sequence[Any]) -> Iterator[Any]:
    """Yield what a filter by a function may look for: keys, words, numbers, objects."""
    for kind in ("customer", "project", "user", "offering", "resource", "role"):
        for record in asker.records[kind]:
            yield record["uuid"]
    for record in asker.records["role"]:
        yield record["name"]
    for record in asker.records["offering"]:
        yield from (json.dumps({name: value}) for name, value in record["attributes"].items())
        yield record["scope"]
    yield from scalars(rows)
    yield from ("project", "customer", "0" * 32)


def candidates(
    asker: Asker, wanted: Parameter, resource: Resource, rows: Sequence[Any]
) -> Iterator[str]:
    """Yield values for a filter, the likely ones first and each once."""
    rule = wanted.filter
    assert isinstance(rule, Filter)
    found: list[Any] = ["true", "false"] if is_boolean(wanted) else []
    for path in [*rule.fields, *(path for each in rule.any for path in each.fields)]:
        found += (
            links(asker, resource, path)
            if rule.lookup == "link"
            else values_of(asker, resource, path, rows)
        )
    # What a function decides or derives shows in no record.
    if not any(found):
        found += [*words(wanted), *guesses(asker, rows)]
    texts = [str(value) for value in found if value not in (None, "") and not is_nested(value)]
    yield from dict.fromkeys(texts)


def is_nested(value: Any) -> bool:
    return isinstance(value, (dict, list))


def is_boolean(wanted: Parameter) -> bool:
    declared = wanted.schema.get("type")
    return declared == "boolean" or (isinstance(declared, list) and "boolean" in declared)


def words(wanted: Parameter) -> list[Any]:
    """Return the values that the schema of a parameter names."""
    schema = wanted.schema.get("items", wanted.schema)
    parts = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [word for part in parts for word in part.get("enum", ())]


def check_filter(asker: Asker, operation_id: str, wanted: Parameter) -> set[str]:
    """Tell which of `all`, `some` and `none` of the rows a parameter's values keep."""
    operation = asker.world.api.operations[operation_id].operation
    resource = asker.resource(operation.resource)
    stop = {"all", "none"} if (short(operation_id), wanted.name) in ALL_OR_NOTHING else {"some"}
    seen: set[str] = set()
    for provider in asker.providers:
        every = asker.rows(operation_id, provider)
        if len(every) < 2:
            continue
        for value in candidates(asker, wanted, resource, every):
            kept = asker.rows(operation_id, provider, **{wanted.name: value})
            if kept is None:
                continue
            assert all(row in every for row in kept), value
            seen.add("none" if not kept else "some" if len(kept) < len(every) else "all")
            if stop <= seen:
                return seen
    return seen


def check_order(asker: Asker, operation_id: str, wanted: Parameter) -> None:
    """Hold that each key makes an order of its own somewhere, and the minus turns it round."""
    keys = [word for word in words(wanted) if word and not word.startswith("-")]
    assert keys
    dull = set(keys)
    for key in keys:
        for provider in asker.providers:
            rows = {k: asker.rows(operation_id, provider, o=k) for k in keys}
            back = asker.rows(operation_id, provider, o=f"-{key}")
            others = [rows[k] for k in keys if k != key]
            if rows[key] != back and (not others or any(rows[key] != o for o in others)):
                dull.discard(key)
                break
    expected = {key for name, key in SAME_FOR_ALL if name == short(operation_id)}
    assert dull == expected


def check_fields(asker: Asker, operation_id: str) -> None:
    """Hold that asking for one field gives rows with that field only."""
    for provider in asker.providers:
        full = asker.rows(operation_id, provider)
        first = full[0] if isinstance(full, list) and full else full
        if not first:
            continue
        name = next(iter(first))
        part = asker.rows(operation_id, provider, field=name)
        assert all(set(row) == {name} for row in (part if isinstance(part, list) else [part]))
        assert len(first) > 1
        return
    pytest.fail("no provider has a row")


def check_paging(asker: Asker, operation_id: str) -> None:
    """Hold that there are two pages with different rows."""
    if short(operation_id) in NOT_PAGED:
        every = asker.ask(operation_id, SAMPLE)
        assert len(every) > 10
        assert asker.ask(operation_id, SAMPLE, {"page_size": 1, "page": 2}) == every
        return
    for provider in asker.providers:
        every = asker.rows(operation_id, provider)
        if len(every) > 1:
            pages = [asker.rows(operation_id, provider, page_size=1, page=n) for n in (1, 2)]
            assert pages == [every[:1], every[1:2]]
            return
    pytest.fail("no provider has two pages")


@pytest.mark.parametrize(
    ("operation_id", "name"), PARAMETERS, ids=[f"{short(o)}:{p}" for o, p in PARAMETERS]
)
def test_a_query_parameter_can_be_seen_to_work(
    asker: Asker, parameter: Callable[[str, str], Parameter], operation_id: str, name: str
) -> None:
    wanted = parameter(operation_id, name)
    if name in PAGING:
        check_paging(asker, operation_id)
    elif name == "o":
        check_order(asker, operation_id, wanted)
    elif name == "field":
        check_fields(asker, operation_id)
    elif (short(operation_id), name) == ("user_customers_list", "user_uuid"):
        # Without a user there is no list to keep a part of; two users differ.
        assert asker.ask(operation_id, SAMPLE, {}) == []
        users = [record["uuid"] for record in asker.records["user"]]
        lists = {str(asker.ask(operation_id, SAMPLE, {name: user})) for user in users}
        assert len(lists) > 2
    else:
        seen = check_filter(asker, operation_id, wanted)
        split = (short(operation_id), name) not in ALL_OR_NOTHING
        assert "some" in seen if split else seen == {"all", "none"}


def test_every_documented_parameter_was_tried() -> None:
    assert len(PARAMETERS) == 235


def test_the_exceptions_name_parameters_that_exist() -> None:
    known = {(short(operation_id), name) for operation_id, name in PARAMETERS}

    assert set(ALL_OR_NOTHING) <= known


@pytest.mark.parametrize("operation_id", LISTS, ids=short)
def test_every_list_of_the_first_provider_has_rows(asker: Asker, operation_id: str) -> None:
    assert asker.rows(operation_id, SAMPLE)


def as_owner(asker: Asker) -> Asker:
    """Return the same, asking as the owner of the first provider's organization."""
    token = next(each["key"] for each in asker.records["token"] if each["persona"] == "owner")
    return Asker(asker.application, asker.world, token)


def shown(asker: Asker) -> Iterator[tuple[str, str, Any, list[Any]]]:
    """Yield operation, dotted field, its schema and the values that any answer shows."""
    document = asker.world.api.spec.document
    for name, rows in asker.answers.items():
        schema = asker.world.api.operations[name].operation.success.schema
        for path, declared in fields(document, schema):
            yield name, path, declared, [v for row in rows for v in at(row, path.split("."))]


def at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a dotted path, through lists."""
    if isinstance(value, list):
        for each in value:
            yield from at(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        inner = value[path[0]]
        if len(path) > 1 or not isinstance(inner, list):
            yield from at(inner, path[1:])
        else:
            yield from inner or ()


def test_every_allowed_word_occurs(asker: Asker) -> None:
    missing = {}
    for name, path, schema, values in shown(asker):
        allowed = schema.get("items", schema).get("enum", ())
        absent = [word for word in allowed if word not in values]
        if absent:
            missing[short(name), path] = absent

    assert missing == {}


@pytest.mark.parametrize(
    ("resource", "name", "allowed"),
    [
        ("offering", "state", {"Draft", "Active", "Paused", "Archived"}),
        (
            "resource",
            "state",
            {"Creating", "OK", "Erred", "Updating", "Terminating", "Terminated"},
        ),
        ("order", "type", {"Create", "Update", "Terminate"}),
        ("offering_user", "state", set(range(1, 11))),
        ("robot_account", "state", set(range(1, 7))),
        ("project_service_account", "state", {"OK", "Closed", "Erred"}),
        ("course_account", "state", {"OK", "Closed", "Erred"}),
        ("project", "kind", {"default", "course", "public"}),
        ("payment_profile", "payment_type", {"fixed_price", "invoices", "payment_gw_monthly"}),
        (
            "user",
            "registration_method",
            {"default", "saml2", "keycloak", "eduteams", "tara", "valimo"},
        ),
        (
            "offering",
            "type",
            {
                "Marketplace.Basic", "Marketplace.Booking", "Marketplace.Script",
                "Marketplace.Slurm", "Marketplace.Rancher", "Support.OfferingTemplate",
                "OpenStack.Tenant", "OpenStack.Instance", "OpenStack.Volume",
                "VMware.VirtualMachine", "SlurmInvoices.SlurmPackage", "Waldur.RemoteOffering",
            },
        ),
    ],
)  # fmt: skip
def test_every_kind_of_record_occurs(
    asker: Asker, resource: str, name: str, allowed: set[Any]
) -> None:
    assert {record[name] for record in asker.records[resource]} == allowed


def test_every_role_is_held_where_a_record_can_hold_it(asker: Asker) -> None:
    held = {grant["role"] for grant in asker.records["grant"]}
    scopes = ("customer", "project", "offering", "serviceprovider")
    unused = {
        role["name"]
        for role in asker.records["role"]
        if role["uuid"] not in held and role["is_active"] and role["scope_type"] in scopes
    }

    assert unused == set()


def test_every_field_of_science_occurs(asker: Asker) -> None:
    schema = asker.resource("project").fields["oecd_fos_2007_code"].schema

    assert {project["oecd_fos_2007_code"] for project in asker.records["project"]} == set(
        schema["enum"]
    )


def test_what_may_be_null_is_null_somewhere_and_not_elsewhere(asker: Asker) -> None:
    found: dict[str, set[bool]] = defaultdict(set)
    for name, path, schema, values in [*shown(asker), *shown(as_owner(asker))]:
        if is_nullable(schema) and schema.get("type"):
            found[f"{short(name)}.{path}"] |= {value is None for value in values}
    never = {name for name, kinds in found.items() if True not in kinds}
    always = {name for name, kinds in found.items() if False not in kinds}

    assert {name.split(".", 1)[1] for name in never} == set(NEVER_NULL)
    assert {name.split(".", 1)[1] for name in always} == set(ALWAYS_NULL)


def test_names_are_of_many_scripts(asker: Asker) -> None:
    names = [
        f"{user['first_name']} {user['last_name']} {user['native_name']}"
        for user in asker.records["user"]
    ]
    text = " ".join(names + [customer["native_name"] for customer in asker.records["customer"]])
    directions = {unicodedata.bidirectional(letter) for letter in text}

    assert "'" in text
    assert {"Õ", "é", "Ł", "ñ", "Å"} <= set(text)
    assert {"R", "AL"} <= directions


def test_nothing_happens_before_what_it_needs(asker: Asker) -> None:
    by_key = {name: {r["uuid"]: r for r in rows} for name, rows in asker.records.items()
              if rows and "uuid" in rows[0]}  # fmt: skip
    for rows in asker.records.values():
        for record in rows:
            if record.get("created") and record.get("modified"):
                assert record["created"] <= record["modified"]
            if record.get("start_date") and record.get("end_date"):
                assert record["start_date"] <= record["end_date"]
    for resource in asker.records["resource"]:
        for name in ("offering", "project"):
            assert by_key[name][resource[name]]["created"] <= resource["created"], resource
    for grant in asker.records["grant"]:
        assert by_key["user"][grant["user"]]["date_joined"] <= grant["created"]
    for item in asker.records["invoice_item"]:
        invoice = by_key["invoice"][item["invoice"]]
        created = by_key["resource"][item["resource"]]["created"]
        assert created[:7] <= f"{invoice['year']}-{invoice['month']:02}", item["name"]


def test_only_erred_accounts_tell_of_an_error(asker: Asker) -> None:
    for kind in ("course_account", "project_service_account"):
        for account in asker.records[kind]:
            assert bool(account["error_message"]) is (account["state"] == "Erred")
            assert account["error_message"] or not account["error_traceback"]


def test_the_estimate_of_a_project_is_what_its_invoices_say(asker: Asker) -> None:
    for estimate in asker.records["price_estimate"]:
        parts = [round(float(estimate[name]) * 100) for name in ("total", "current", "tax")]
        assert parts[0] == parts[1] + parts[2]
        assert estimate["tax_current"] == estimate["tax"]
