"""Requests that write: what everybody may try, valid or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_P: Final = "marketplace_service_providers_"
SAMPLE: Final = "a1b2c3d4e5f67890abcdef1234567890"
GHOST: Final = "00000000000040008000000000000000"


@dataclass(frozen=True)
class Pick:
    """The record at this place of what has been seen so far of a resource."""

    resource: str
    index: int
    form: str = "key"


@dataclass(frozen=True)
class Write:
    """One request; picks in its key and body become keys or hyperlinks when it is sent."""

    persona: str
    operation_id: str
    key: Pick | str
    body: Any = None
    twice: bool = False


def pick(resource: str, form: str = "key") -> SearchStrategy[Pick]:
    return st.builds(Pick, st.just(resource), st.integers(0, 30), st.just(form))


def or_odd(valid: SearchStrategy[Any], *odd: Any) -> SearchStrategy[Any]:
    """Return mostly valid values, and one in a few that is not."""
    return st.one_of(valid, valid, valid, st.sampled_from(odd))


def some(required: dict[str, Any], optional: dict[str, Any]) -> SearchStrategy[Any]:
    """Return a body with all required keys and some optional ones; now and then something else."""
    valid = st.fixed_dictionaries(required, optional=optional)
    return or_odd(valid, {}, None, [], "text", {"unknown": 1})


_NAMES = or_odd(st.sampled_from(["Small", "Ünï", " padded ", 7]), "", " ", None, True, "x" * 151)
_TEXTS = or_odd(
    st.sampled_from(["", "Text", "<b>b</b><script>s</script>", 5]), None, [], "a\x00b"
)
_FLAGS = or_odd(st.sampled_from([True, False, "yes", "off", 0]), "perhaps", None, 2)
_COUNTS = or_odd(st.sampled_from([0, 1, 3, "6", 2.0]), -1, 1.5, None, "", True, 2147483648)
_AMOUNTS = or_odd(
    st.sampled_from([0, 1.5, "12.25", "0.0000000001", "1e3"]),
    -1, None, "free", "0.00000000001", 10**12, True,
)  # fmt: skip
_LIMITS = or_odd(st.sampled_from([None, 1, 2, 5, "20", 32767]), 0, -1, 32768, "many", 1.5)
_UNITS = or_odd(st.sampled_from(["month", "day", "quantity"]), "week", "", None)
#: Types of components, most of them of the first offering.
_TYPES = st.sampled_from(["node", "storage", "egress", "setup", "oncall", "cores", "box", "nope"])
_OFFERINGS = or_odd(pick("offering", "link"), "", None, "nonsense", 3, f"/api/plans/{GHOST}/")
_CUSTOMERS = or_odd(
    pick("customer", "link"), "", None, "nonsense", f"/api/customers/{GHOST}/", "/api/customers/x/"
)
_GROUPS = st.lists(or_odd(pick("organization_group", "link"), None, "nonsense", 1), max_size=3)
_USERS = or_odd(pick("user"), GHOST, "nobody", None, 12)
_ROLES = or_odd(
    st.one_of(
        st.sampled_from(["SERVICE_PROVIDER.MANAGER", "SERVICE_PROVIDER.AUDITOR", SAMPLE]),
    ),
    "PROJECT.MEMBER", "SERVICE_PROVIDER.RETIRED", "nothing", "", None, GHOST,
)  # fmt: skip
_EXPIRIES = or_odd(
    st.sampled_from([None, "2026-03-20", "2026-04-01T00:00:00+02:00", "2099-01-01T00:00:00Z"]),
    "2020-01-01", "soon", "", 5,
)  # fmt: skip
_PLAN_FIELDS: Final = {
    "description": _TEXTS,
    "article_code": _TEXTS,
    "max_amount": _LIMITS,
    "archived": _FLAGS,
    "unit_price": _AMOUNTS,
    "unit": _UNITS,
    "backend_id": _TEXTS,
}
_PROVIDER_FIELDS: Final = {
    "description": _TEXTS,
    "enable_notifications": _FLAGS,
    "image": st.sampled_from([None, None, "picture.png"]),
}
_DISCOUNTS = st.fixed_dictionaries(
    {}, optional={"discount_threshold": _COUNTS, "discount_rate": _COUNTS}
)
_MEMBERSHIP = some({"role": _ROLES, "user": _USERS}, {"expiration_time": _EXPIRIES})


def _table(name: str, values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return some({name: or_odd(st.dictionaries(_TYPES, values, max_size=3), [], None)}, {})


#: What a body of each writing operation may look like.
BODIES: Final[dict[str, SearchStrategy[Any]]] = {
    "marketplace_plans_create": some({"name": _NAMES, "offering": _OFFERINGS}, _PLAN_FIELDS),
    "marketplace_plans_update": some(
        {"name": _NAMES}, {**_PLAN_FIELDS, "offering": st.sampled_from([None, "any", 1])}
    ),
    "marketplace_plans_partial_update": some({}, {**_PLAN_FIELDS, "name": _NAMES}),
    "marketplace_plans_destroy": st.none(),
    "marketplace_plans_archive": st.sampled_from([None, {}, "ignored"]),
    "marketplace_plans_update_prices": _table("prices", _AMOUNTS),
    "marketplace_plans_update_quotas": _table("quotas", _COUNTS),
    "marketplace_plans_update_discounts": _table("discounts", _DISCOUNTS),
    "marketplace_plans_update_organization_groups": some(
        {}, {"organization_groups": or_odd(_GROUPS, None, "text")}
    ),
    "marketplace_plans_delete_organization_groups": st.sampled_from([None, {}, "ignored"]),
    f"{_P}create": some({"customer": _CUSTOMERS}, _PROVIDER_FIELDS),
    f"{_P}update": some({}, {**_PROVIDER_FIELDS, "customer": st.sampled_from([None, "any", 1])}),
    f"{_P}partial_update": some({}, _PROVIDER_FIELDS),
    f"{_P}destroy": st.none(),
    f"{_P}add_user": _MEMBERSHIP,
    f"{_P}update_user": _MEMBERSHIP,
    f"{_P}delete_user": _MEMBERSHIP,
    f"{_P}set_offerings_username": some(
        {"user_uuid": _USERS, "username": or_odd(st.sampled_from(["anna", "", 5]), None, "x" * 101)},
        {},
    ),
    "service_provider_api_secret_code_generate": st.sampled_from([None, {}, "ignored"]),
}

#: Sent again, these leave everything as it is.
IDEMPOTENT: Final = frozenset(BODIES) - {
    "marketplace_plans_create",
    "marketplace_plans_destroy",
    "marketplace_plans_archive",
    f"{_P}create",
    f"{_P}destroy",
    f"{_P}add_user",
    "service_provider_api_secret_code_generate",
}
#: Sent again, these are refused with this status.
ONCE: Final = {
    "marketplace_plans_archive": 400,
    "marketplace_plans_destroy": 404,
    f"{_P}create": 400,
    f"{_P}destroy": 404,
    f"{_P}add_user": 400,
}
#: Answers of these show the record as a later GET does.
SHOWING: Final = {
    "marketplace_plans_create": "marketplace_plans_retrieve",
    "marketplace_plans_update": "marketplace_plans_retrieve",
    "marketplace_plans_partial_update": "marketplace_plans_retrieve",
    f"{_P}create": f"{_P}retrieve",
    f"{_P}update": f"{_P}retrieve",
    f"{_P}partial_update": f"{_P}retrieve",
}


def writes(personas: list[str]) -> SearchStrategy[Write]:
    """Return requests of every writing operation by everybody, staff and owner more often."""
    people = st.sampled_from(["staff", "staff", "staff", "owner", "owner", *personas, "anonymous"])

    def of(operation_id: str) -> SearchStrategy[Write]:
        kind = "plan" if operation_id.startswith("marketplace_plans") else "service_provider"
        keys = st.just("") if operation_id.endswith("_create") else or_odd(pick(kind), GHOST, "x")
        return st.builds(
            Write, people, st.just(operation_id), keys, BODIES[operation_id], st.booleans()
        )

    return st.sampled_from(sorted(BODIES)).flatmap(of)
