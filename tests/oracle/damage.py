"""Random changes to a world: grants end, projects go, texts and numbers turn odd."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from mockserver.json_types import Record
from mockserver.store import Store, Transaction

_NAMES = ["ärni", "Ärni", "arni", "ÄRNI", "Zoë  Ångström", "100% pure", "a_b", "A_b", "ab", "", "é"]
_DAYS = ["2026-03-14", "2026-03-15", "2026-03-16", "2025-01-01", None]
_MOMENTS = [
    "2026-03-01T00:00:00Z",
    "2026-02-28T23:59:59.999999Z",
    "2026-03-15T12:30:00.500000Z",
    "2026-03-15T12:29:59Z",
    "2026-03-15T12:30:00Z",
    "2025-03-15T12:30:00Z",
]
_ENDS = [*_MOMENTS, "2026-03-15T12:30:01Z", "2027-01-01T00:00:00Z", None, None]
_STATES = ["Creating", "OK", "Erred", "Updating", "Terminating", "Terminated"]
#: Fields that may change to these values at any time.
_CHANGES: dict[str, dict[str, list[Any]]] = {
    "campaign": {
        "state": ["Active", "Draft"],
        "start_date": ["2026-03-15", "2026-03-16"],
        "end_date": ["2026-03-15", "2026-03-14"],
    },
    "checklist_completion": {"is_completed": [True, False], "answered": [[]]},
    "course_account": {
        "user": [None],
        "state": ["OK", "Closed", "Erred"],
        "email": ["Ä@b.example", ""],
    },
    "customer": {
        "name": [name or "-" for name in _NAMES],
        "archived": [True, False],
        "organization_groups": [[]],
        "native_name": _NAMES,
        "abbreviation": ["a_b", "A", ""],
        "agreement_number": ["A-1", "a-1", "%"],
    },
    "grant": {
        "is_active": [True, False],
        "expiration_time": _ENDS,
        "created": _MOMENTS,
        "created_by": [None],
    },
    "invoice": {"created": ["2025-03-01", "2025-02-28", "2026-03-01"], "tax_percent": ["7.70"]},
    "invoice_item": {
        "unit_price": ["0.0033333333", "0.0010000000", "999999.9999999999", "0.0000000000"],
        "quantity": ["1.0000000", "0.3333333", "0.0000001"],
        "resource": [None],
    },
    "offering": {
        "shared": [True, False],
        "billable": [True, False],
        "state": ["Draft", "Active", "Paused", "Archived"],
        "organization_groups": [[]],
        "parent": [None],
        "name": [name or "-" for name in _NAMES],
        "created": _MOMENTS,
        "attributes": [{}, {"region": "north"}, {"tags": {"gpu": 1}}, {"replicas": True}],
    },
    "offering_user": {"username": [None, ""], "state": [1, 5, 10]},
    "order": {
        "state": ["done", "pending-provider", "erred"],
        "type": ["Create", "Terminate", "Update"],
        "created": _MOMENTS,
    },
    "payment_profile": {"is_active": [None, True, None]},
    "plan": {
        "max_amount": [None, 1, 2],
        "archived": [True],
        "name": [name or "-" for name in _NAMES],
        "organization_groups": [[]],
    },
    "plan_component": {
        "price": ["0.0000000000", "0.1000000000", "12.3456789012"],
        "future_price": [None, "0.0000000000", "3.0000000000"],
        "amount": [0, 1, 7],
    },
    "project": {
        "is_removed": [True, False, False],
        "start_date": _DAYS,
        "end_date": _DAYS,
        "name": [name or "-" for name in _NAMES],
        "created": _MOMENTS,
        "oecd_fos_2007_code": ["", None, "1.1", "2.12", "6.5"],
        "type": [None],
        "backend_id": ["id", "ID", ""],
    },
    "project_service_account": {"username": [None, "", "x"], "state": ["OK", "Closed"]},
    "resource": {
        "state": _STATES,
        "plan": [None],
        "created": _MOMENTS,
        "backend_id": ["id", "ID", "a1b2c3d4e5f67890abcdef1234567890"],
        "name": ["ärni", "same", "Same"],
    },
    "robot_account": {"state": [1, 2, 3, 4, 5, 6]},
    "ssh_key": {"user": [None], "is_shared": [True, False], "created": _MOMENTS},
    "user": {
        "is_active": [True, True, False],
        "first_name": _NAMES,
        "last_name": _NAMES,
        "email": ["", "Ä@b.example"],
        "civil_number": [None, "1"],
        "agreement_date": [None, *_MOMENTS],
        "is_support": [True],
        "native_name": _NAMES,
    },
}
_REMOVED = (
    *("call_request", "checklist_completion", "course_account", "grant", "invoice_item"),
    *("order", "payment_profile", "price_estimate", "project_credit", "project_service_account"),
    *("question", "robot_account", "ssh_key", "support_issue", "terms_of_service", "user_consent"),
)
#: Records of which a copy may be made: nothing about them has to be unique.
_COPIED = (
    *("call_request", "course_account", "invoice_item", "order", "project"),
    *("project_service_account", "resource", "robot_account", "support_issue"),
)


def hurt(store: Store, random: Random, times: int) -> None:
    """Change, add and remove records at random."""
    acts: list[Callable[[Transaction, Random], None]] = [_change, _change, _change, _move]
    acts += [_remove, _copy, _grant]
    with store.transaction() as transaction:
        callers = {token["user"] for token in transaction.all("token")}
        _touch(transaction, random, callers)
        for _ in range(times):
            random.choice(acts)(transaction, random)
        # Whoever asks must be able to sign in.
        for key in sorted(callers):
            user = transaction.get("user", key)
            assert user is not None
            transaction.replace("user", user, is_active=True)


def _touch(transaction: Transaction, random: Random, callers: set[str]) -> None:
    """Let every value that is worth a try occur at least once."""
    for resource, fields in _CHANGES.items():
        for name, found in fields.items():
            for value in found:
                record = random.choice(transaction.all(resource))
                _put(transaction, resource, record, name, value)
    # What owners see of payments shows only where callers own something.
    owned = [g["customer"] for g in transaction.all("grant") if g["user"] in callers]
    owned = sorted(key for key in owned if key is not None)
    for profile in transaction.all("payment_profile"):
        key = random.choice(owned)
        transaction.replace("payment_profile", profile, organization=key)


def _change(transaction: Transaction, random: Random) -> None:
    resource = random.choice(sorted(_CHANGES))
    found = transaction.all(resource)
    if not found:
        return
    record, field = random.choice(found), random.choice(sorted(_CHANGES[resource]))
    _put(transaction, resource, record, field, random.choice(_CHANGES[resource][field]))


def _put(transaction: Transaction, resource: str, record: Record, field: str, value: Any) -> None:
    # By position: a record may have a field named like the parameter.
    changes = {field: value}
    if field == "resource":
        transaction.remove(resource, record)
        transaction.insert(resource, {**record, **changes})
    else:
        transaction.replace(resource, record, **changes)


def _move(transaction: Transaction, random: Random) -> None:
    """Let a record point elsewhere."""
    resource, field, target = random.choice(
        [
            ("resource", "project", "project"),
            ("grant", "role", "role"),
            ("grant", "user", "user"),
            ("project", "customer", "customer"),
            ("order", "project", "project"),
            ("offering", "parent", "offering"),
            ("course_account", "project", "project"),
        ]
    )
    found = transaction.all(resource)
    if not found:
        return
    record = random.choice(found)
    if field == "role":
        kind = transaction.get("role", record["role"])
        assert kind is not None
        roles = [r for r in transaction.all("role") if r["scope_type"] == kind["scope_type"]]
        transaction.replace("grant", record, role=random.choice(roles)["uuid"])
        return
    _put(transaction, resource, record, field, random.choice(transaction.all(target))["uuid"])


def _remove(transaction: Transaction, random: Random) -> None:
    resource = random.choice(_REMOVED)
    found = transaction.all(resource)
    if found:
        transaction.remove(resource, random.choice(found))


def _copy(transaction: Transaction, random: Random) -> None:
    resource = random.choice(_COPIED)
    found = transaction.all(resource)
    if found:
        record = random.choice(found)
        transaction.insert(resource, {**record, "uuid": _key(random)})


def _grant(transaction: Transaction, random: Random) -> None:
    """Give somebody a role somewhere."""
    role = random.choice(transaction.all("role"))
    scope = {"serviceprovider": "service_provider"}.get(role["scope_type"], role["scope_type"])
    if scope not in ("customer", "project", "offering", "service_provider"):
        return
    callers = [token["user"] for token in transaction.all("token")]
    people = [random.choice(callers), random.choice(transaction.all("user"))["uuid"]]
    blank = dict.fromkeys(("customer", "project", "offering", "service_provider"))
    transaction.insert(
        "grant",
        {
            **blank,
            "uuid": _key(random),
            "user": random.choice(people),
            "role": role["uuid"],
            scope: random.choice(transaction.all(scope))["uuid"],
            "created": random.choice(_MOMENTS),
            "modified": random.choice(_MOMENTS),
            "created_by": random.choice([None, *callers]),
            "expiration_time": random.choice(_ENDS),
            "is_active": random.random() < 0.9,
        },
    )


def _key(random: Random) -> str:
    return f"{random.getrandbits(128):032x}"
