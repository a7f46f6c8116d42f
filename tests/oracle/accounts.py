"""Accounts of courses and of services, in projects that use a provider."""

from __future__ import annotations

from tests.oracle import filters
from tests.oracle.listing import Listing, instant
from tests.oracle.world import Ask, Row, link, projects

_PATH = "/api/marketplace-service-providers/{}/"
_STATES = ("OK", "Closed", "Erred")


def _project(ask: Ask, account: Row) -> Row:
    return ask.world.get("project", account["project"])


def _user(ask: Ask, account: Row) -> Row:
    return ask.world.get("user", account["user"])


def _within(ask: Ask, resource: str) -> list[Row]:
    keys = {project["uuid"] for project in projects(ask.world, ask.customer)}
    return [account for account in ask.world.all(resource) if account["project"] in keys]


def _courses(ask: Ask) -> list[Row]:
    return [each for each in _within(ask, "course_account") if each["user"] is not None]


def _services(ask: Ask) -> list[Row]:
    return [
        each for each in _within(ask, "project_service_account") if each["username"] is not None
    ]


def _show_common(ask: Ask, account: Row, collection: str) -> Row:
    project = _project(ask, account)
    customer = ask.world.get("customer", project["customer"])
    copied = ("uuid", "created", "modified", "state", "email", "description")
    return {
        "url": link(collection, account["uuid"]),
        **{name: account[name] for name in (*copied, "error_message", "error_traceback")},
        "project": project["uuid"],
        "project_uuid": project["uuid"],
        "project_name": project["name"],
        "customer_uuid": customer["uuid"],
        "customer_name": customer["name"],
    }


def _show_course(ask: Ask, account: Row) -> Row:
    project = _project(ask, account)
    return {
        **_show_common(ask, account, "marketplace-course-accounts"),
        **{f"project_{name}": project[name] for name in ("slug", "start_date", "end_date")},
        "user_uuid": account["user"],
        "username": _user(ask, account)["username"],
    }


def _show_service(ask: Ask, account: Row) -> Row:
    customer = ask.world.get("customer", _project(ask, account)["customer"])
    return {
        **_show_common(ask, account, "marketplace-project-service-accounts"),
        "username": account["username"],
        "preferred_identifier": account["preferred_identifier"],
        "customer_abbreviation": customer["abbreviation"],
        "token": None,
        "expires_at": None,
    }


def _day(name: str, *, is_after: bool) -> filters.Filter:
    return filters.day(lambda ask, row: _project(ask, row)[name], is_after=is_after)


_KEYS = {
    "created": instant(filters.of("created")),
    "modified": instant(filters.of("modified")),
    # By its number, as the states of an offering are.
    "state": lambda ask, row: _STATES.index(row["state"]),
    "email": filters.of("email"),
    "username": lambda ask, row: _user(ask, row)["username"],
    "project_name": lambda ask, row: _project(ask, row)["name"],
    "project_start_date": lambda ask, row: _project(ask, row)["start_date"],
    "project_end_date": lambda ask, row: _project(ask, row)["end_date"],
}

LISTINGS = [
    Listing(
        "marketplace_service_providers_course_accounts_list",
        _PATH + "course_accounts/",
        _courses,
        _show_course,
        default=("created",),
        keys=_KEYS,
        filters={
            "email": filters.contains(filters.of("email")),
            "project_end_date_after": _day("end_date", is_after=True),
            "project_end_date_before": _day("end_date", is_after=False),
            "project_start_date_after": _day("start_date", is_after=True),
            "project_start_date_before": _day("start_date", is_after=False),
            "project_uuid": filters.uuid(filters.of("project")),
            "state": filters.choice(filters.of("state"), *_STATES),
            "username": filters.exact(lambda ask, row: _user(ask, row)["username"]),
        },
        orders=tuple(_KEYS),
        needs="SERVICE_PROVIDER.LIST_COURSE_ACCOUNTS",
    ),
    Listing(
        "marketplace_service_providers_project_service_accounts_list",
        _PATH + "project_service_accounts/",
        _services,
        _show_service,
        default=("created",),
        keys={"created": instant(filters.of("created"))},
        filters={
            "email": filters.contains(filters.of("email")),
            "project": filters.link("projects", filters.of("project")),
            "project_uuid": filters.uuid(filters.of("project")),
            "state": filters.choice(filters.of("state"), *_STATES),
            "username": filters.exact(filters.of("username")),
        },
        needs="SERVICE_PROVIDER.LIST_SERVICE_ACCOUNTS",
    ),
]
