"""Users, the roles they hold, and their keys."""

from __future__ import annotations

from tests.oracle import filters, values
from tests.oracle.filters import Filter, Get, Keep, has_text
from tests.oracle.listing import Listing, instant
from tests.oracle.world import (
    Ask,
    Row,
    full_name,
    grants,
    is_valid,
    link,
    media,
    project_grants,
    users,
)

_PATH = "/api/marketplace-service-providers/{}/"
_USER = (
    "uuid",
    "username",
    "first_name",
    "last_name",
    "organization",
    "email",
    "phone_number",
    "registration_method",
    "affiliations",
)
_USER_FIELDS = (*_USER, "full_name", "projects_count", "is_active")
_ORDERS = (
    "native_name",
    "email",
    "phone_number",
    "description",
    "organization",
    "job_title",
    "username",
    "is_active",
    "registration_method",
    "is_staff",
    "is_support",
)


def _names(ask: Ask, user: Row) -> tuple[str, str]:
    return user["first_name"], user["last_name"]


def _show_user(ask: Ask, user: Row) -> Row:
    roles = project_grants(ask.world, ask.customer)
    shown = {
        **{name: user[name] for name in _USER},
        "full_name": full_name(user),
        "projects_count": len({g["project"] for g in roles if g["user"] == user["uuid"]}),
    }
    return {**shown, "is_active": user["is_active"]} if ask.is_operator else shown


def _held(ask: Ask, user: Row, kind: str) -> list[Row]:
    return [g for g in grants(ask.world, kind) if g["user"] == user["uuid"]]


def _customers(ask: Ask, user: Row) -> list[str]:
    own = [grant["customer"] for grant in _held(ask, user, "customer")]
    keys = _projects(ask, user)
    return own + [ask.world.get("project", key)["customer"] for key in keys]


def _projects(ask: Ask, user: Row) -> list[str]:
    return [grant["project"] for grant in _held(ask, user, "project")]


def _roles(kind: str) -> Get:
    return lambda ask, user: [
        ask.world.get("role", grant["role"])["name"] for grant in _held(ask, user, kind)
    ]


def _rank(name: str) -> Filter:
    """Only operators may ask who else is one."""

    def make(sent: list[str], ask: Ask) -> Keep | None:
        wanted = values.boolean(sent)
        if wanted is None:
            return None
        return lambda user: ask.is_operator and user[name] is wanted

    return Filter("boolean", make, lambda ask, user: None)


def _answers(ask: Ask, user: Row, wanted: str) -> bool:
    searched = ("first_name", "last_name", "civil_number", "username", "email")
    if has_text((user[name] for name in searched), wanted):
        return True
    first, *rest = wanted.split()
    is_name = has_text([user["first_name"]], first) and has_text(
        [user["last_name"]], " ".join(rest)
    )
    return bool(rest) and is_name


def _named(get: Get) -> Filter:
    """The full name, whatever the accents, the letter case and the blanks."""

    def test(ask: Ask, row: Row, wanted: str) -> bool:
        user = get(ask, row)
        name = f"{user['first_name']} {user['last_name']}"
        return values.fold(wanted) in values.fold(name)

    return filters.by("text", values.text, test, lambda ask, row: full_name(get(ask, row)))


USERS = Listing(
    "marketplace_service_providers_users_list",
    _PATH + "users/",
    lambda ask: users(ask.world, ask.customer),
    _show_user,
    default=("username",),
    keys={**{name: filters.of(name) for name in _ORDERS}, "full_name": _names},
    filters={
        "agreement_date": filters.since(filters.of("agreement_date")),
        "civil_number": filters.exact(filters.of("civil_number")),
        "customer_uuid": filters.uuid(_customers),
        "date_joined": filters.since(filters.of("date_joined")),
        "description": filters.exact(filters.of("description")),
        "email": filters.contains(filters.of("email")),
        "full_name": _named(lambda ask, user: user),
        "is_active": filters.flag(filters.of("is_active")),
        "is_staff": _rank("is_staff"),
        "is_support": _rank("is_support"),
        "job_title": filters.contains(filters.of("job_title")),
        "modified": filters.since(filters.of("modified")),
        "native_name": filters.contains(filters.of("native_name")),
        "organization": filters.contains(filters.of("organization")),
        "organization_roles": filters.any_of(_roles("customer")),
        "phone_number": filters.exact(filters.of("phone_number")),
        "project_roles": filters.any_of(_roles("project")),
        "project_uuid": filters.uuid(_projects),
        "query": filters.by(
            "text", values.text, _answers, lambda a, u: [full_name(u), u["username"], u["email"]]
        ),
        "registration_method": filters.exact(filters.of("registration_method")),
        "user_keyword": filters.contains(
            lambda ask, user: full_name(user), filters.of("email"), filters.of("username")
        ),
        "username": filters.exact(filters.of("username")),
        "username_list": filters.listed(filters.of("username")),
    },
    orders=("full_name", *_ORDERS),
    fields=_USER_FIELDS,
    needs="SERVICE_PROVIDER.LIST_USERS",
)


# Roles


def _user(ask: Ask, grant: Row) -> Row:
    return ask.world.get("user", grant["user"])


def _role(ask: Ask, grant: Row) -> Row:
    return ask.world.get("role", grant["role"])


def _project(ask: Ask, grant: Row) -> Row:
    return ask.world.get("project", grant["project"])


def _has_role(ask: Ask, grant: Row, wanted: str) -> bool:
    key = values.hex_of(wanted)
    held, sought = (_role(ask, grant)["name"], wanted) if key is None else (grant["role"], key)
    return bool(held == sought)


def _show_permission(ask: Ask, grant: Row) -> Row:
    user, role, project = _user(ask, grant), _role(ask, grant), _project(ask, grant)
    maker = ask.up("user", grant["created_by"])
    customer = ask.world.get("customer", project["customer"])
    return {
        "created": grant["created"],
        "expiration_time": grant["expiration_time"],
        "created_by": link("users", grant["created_by"]),
        "created_by_full_name": full_name(maker) if maker else None,
        "created_by_username": maker.get("username"),
        "project": link("projects", project["uuid"]),
        **{f"project_{name}": project[name] for name in ("uuid", "name", "created", "end_date")},
        "customer_uuid": customer["uuid"],
        "customer_name": customer["name"],
        "role": role["name"],
        "role_name": role["name"],
        "user": link("users", user["uuid"]),
        "user_full_name": full_name(user),
        **{f"user_{name}": user[name] for name in ("native_name", "username", "uuid", "email")},
    }


def _show_member(ask: Ask, grant: Row) -> Row:
    user, role = _user(ask, grant), _role(ask, grant)
    shown = {
        **{name: grant[name] for name in ("uuid", "created", "expiration_time")},
        "role_name": role["name"],
        "role_uuid": role["uuid"],
        "user_full_name": full_name(user),
        **{f"user_{name}": user[name] for name in ("email", "username", "uuid")},
        "user_image": media(user["image"]),
    }
    if grant["created_by"] is not None:
        maker = ask.world.get("user", grant["created_by"])
        shown["created_by_full_name"] = full_name(maker)
        shown["created_by_uuid"] = maker["uuid"]
    return shown


def _members(ask: Ask) -> list[Row]:
    assert ask.provider is not None
    return [
        grant
        for grant in ask.world.where("grant", service_provider=ask.provider["uuid"])
        if is_valid(ask.world, grant) and _user(ask, grant)["is_active"]
    ]


_GRANT_FILTERS: dict[str, Filter] = {
    "full_name": _named(_user),
    "native_name": filters.contains(lambda a, g: _user(a, g)["native_name"]),
    "user": filters.uuid(filters.of("user")),
    "user_slug": filters.contains(lambda a, g: _user(a, g)["slug"]),
    "user_url": filters.link("users", filters.of("user")),
    "username": filters.exact(lambda a, g: _user(a, g)["username"]),
}
_GRANT_KEYS = {
    "username": lambda a, g: _user(a, g)["username"],
    "full_name": lambda a, g: _names(a, _user(a, g)),
    "native_name": lambda a, g: _user(a, g)["native_name"],
    "email": lambda a, g: _user(a, g)["email"],
    "expiration_time": instant(filters.of("expiration_time")),
    "created": instant(filters.of("created")),
    "role": lambda a, g: _role(a, g)["name"],
}
PERMISSIONS = Listing(
    "marketplace_service_providers_project_permissions_list",
    _PATH + "project_permissions/",
    lambda ask: project_grants(ask.world, ask.customer),
    _show_permission,
    default=("created",),
    keys=_GRANT_KEYS,
    filters={
        **_GRANT_FILTERS,
        "created": filters.since(filters.of("created")),
        "expiration_time": filters.at(filters.of("expiration_time")),
        "modified": filters.since(filters.of("modified")),
        "role_name": filters.contains(lambda a, g: _role(a, g)["name"]),
        "role_uuid": filters.uuid(filters.of("role")),
        "scope_name": filters.contains(lambda a, g: _project(a, g)["name"]),
        "scope_type": filters.exact(lambda ask, grant: "project"),
        "scope_uuid": filters.loose_uuid(filters.of("project")),
    },
    orders=tuple(_GRANT_KEYS),
    fields=(
        *("created", "expiration_time", "created_by", "created_by_full_name"),
        *("created_by_username", "project", "project_uuid", "project_name", "project_created"),
        *("project_end_date", "customer_uuid", "customer_name", "role", "role_name", "user"),
        *("user_full_name", "user_native_name", "user_username", "user_uuid", "user_email"),
    ),
    needs="SERVICE_PROVIDER.LIST_PROJECT_PERMISSIONS",
)
MEMBERS = Listing(
    "marketplace_service_providers_list_users_list",
    _PATH + "list_users/",
    _members,
    _show_member,
    default=("created",),
    keys=_GRANT_KEYS,
    filters={
        **_GRANT_FILTERS,
        "role": filters.by(
            "role", values.text, _has_role, lambda a, g: [g["role"], _role(a, g)["name"]]
        ),
        "search_string": filters.contains(
            lambda a, g: _user(a, g)["first_name"],
            lambda a, g: _user(a, g)["last_name"],
            lambda a, g: _user(a, g)["email"],
            lambda a, g: _user(a, g)["username"],
        ),
    },
    orders=tuple(_GRANT_KEYS),
    fields=(
        *("uuid", "created", "expiration_time", "role_name", "role_uuid", "user_email"),
        *("user_full_name", "user_username", "user_uuid", "user_image"),
        *("created_by_full_name", "created_by_uuid"),
    ),
)
