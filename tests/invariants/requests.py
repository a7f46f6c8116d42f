"""Requests that write: what everybody may try, valid or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

#: A strategy of valid values and some that are not: what to draw from.
Mix: TypeAlias = Callable[..., SearchStrategy[Any]]

_P: Final = "marketplace_service_providers_"
SAMPLE: Final = "a1b2c3d4e5f67890abcdef1234567890"
GHOST: Final = "00000000000040008000000000000000"


@dataclass(frozen=True)
class Pick:
    """
    The record at this place of what has been seen so far of a resource.

    `form` is what stands for it: `key`, `link`, or for a grant on the provider
    of the path its `user` or `role`; for a component of the plan its `type`.
    """

    resource: str
    index: int
    form: str = "key"


@dataclass(frozen=True)
class Write:
    """One request; picks in its key and body are resolved when it is sent."""

    persona: str
    operation_id: str
    key: Pick | str
    body: Any = None
    twice: bool = False


def sound(valid: SearchStrategy[Any], *odd: Any) -> SearchStrategy[Any]:
    """Return the valid values only."""
    return valid


def mixed(valid: SearchStrategy[Any], *odd: Any) -> SearchStrategy[Any]:
    """Return mostly valid values, and one in a few that is not."""
    return st.one_of(valid, valid, valid, st.sampled_from(odd))


def pick(resource: str, form: str = "key") -> SearchStrategy[Pick]:
    return st.builds(Pick, st.just(resource), st.integers(0, 30), st.just(form))


def _some(mix: Mix, required: dict[str, Any], optional: dict[str, Any]) -> SearchStrategy[Any]:
    """Return a body with all required keys and some optional ones."""
    valid = st.fixed_dictionaries(required, optional=optional)
    return mix(valid, {}, None, [], "text", {"unknown": 1})


def _texts(mix: Mix) -> SearchStrategy[Any]:
    values = st.sampled_from(["", "Text", "<b>b</b><script>s</script>", 5])
    return mix(values, None, [], "a\x00b")


def _names(mix: Mix) -> SearchStrategy[Any]:
    values = st.sampled_from(["Small", "Ünï", " padded ", 7])
    return mix(values, "", " ", None, True, "x" * 151)


def _amounts(mix: Mix) -> SearchStrategy[Any]:
    values = st.sampled_from([0, 1.5, "12.25", "0.0000000001", "1e3"])
    return mix(values, -1, None, "free", "0.00000000001", 10**12, True)


def _counts(mix: Mix) -> SearchStrategy[Any]:
    return mix(st.sampled_from([0, 1, 3, "6", 2.0]), -1, 1.5, None, "", True, 2147483648)


def _discounts(mix: Mix) -> SearchStrategy[Any]:
    both = st.fixed_dictionaries(
        {"discount_threshold": st.integers(1, 9), "discount_rate": st.integers(0, 100)}
    )
    half = {"discount_threshold": 5}
    values = st.one_of(both, st.just({}))
    return mix(values, half, {"discount_threshold": 0, "discount_rate": 101}, None, 1)


def _plan(mix: Mix) -> dict[str, Any]:
    limits = mix(st.sampled_from([None, 1, 2, 5, "20", 32767]), 0, -1, 32768, "many", 1.5)
    return {
        "description": _texts(mix),
        "article_code": _texts(mix),
        "max_amount": limits,
        "archived": _flags(mix),
        "unit_price": _amounts(mix),
        "unit": mix(st.sampled_from(["month", "day", "quantity"]), "week", "", None),
        "backend_id": _texts(mix),
    }


def _flags(mix: Mix) -> SearchStrategy[Any]:
    return mix(st.sampled_from([True, False, "yes", "off", 0]), "perhaps", None, 2)


def _provider(mix: Mix) -> dict[str, Any]:
    return {
        "description": _texts(mix),
        "enable_notifications": _flags(mix),
        "image": mix(st.none(), "picture.png", 1),
    }


def _links(mix: Mix, resource: str, path: str) -> SearchStrategy[Any]:
    return mix(pick(resource, "link"), "", None, "nonsense", 3, f"{path}{GHOST}/", f"{path}x/")


def _users(mix: Mix) -> SearchStrategy[Any]:
    return mix(pick("user"), GHOST, "nobody", None, 12)


def _membership(mix: Mix) -> SearchStrategy[Any]:
    names = st.sampled_from(["SERVICE_PROVIDER.MANAGER", "SERVICE_PROVIDER.AUDITOR", SAMPLE])
    roles = mix(names, "PROJECT.MEMBER", "SERVICE_PROVIDER.RETIRED", "nothing", "", None, GHOST)
    times = st.sampled_from([None, "2026-05-20", "2027-04-01T00:00:00+02:00"])
    expiry = {"expiration_time": mix(times, "2020-01-01", "soon", "", 5)}
    held = st.integers(0, 30).map(
        lambda index: {"role": Pick("grant", index, "role"), "user": Pick("grant", index, "user")}
    )
    return st.one_of(_some(mix, {"role": roles, "user": _users(mix)}, expiry), held)


def _username(mix: Mix) -> SearchStrategy[Any]:
    names = mix(st.sampled_from(["anna", "", 5]), None, "x" * 101)
    return _some(mix, {"user_uuid": _users(mix), "username": names}, {})


def _table(mix: Mix, name: str, values: SearchStrategy[Any], form: str) -> SearchStrategy[Any]:
    """Return a body that says something of some components of the plan."""
    kinds = mix(pick("offering_component", form), "nope", "", "node")
    lines = st.lists(st.tuples(kinds, values), max_size=3)
    return _some(mix, {name: mix(lines.map(Table), [], None, 3)}, {})


class Table(tuple[Any, ...]):
    """Pairs that become an object when their names are known."""


def bodies(mix: Mix) -> dict[str, SearchStrategy[Any]]:
    """Return what a body of each writing operation may look like."""
    name, plan, provider = {"name": _names(mix)}, _plan(mix), _provider(mix)
    ignored = st.sampled_from([None, {}, "ignored"])
    anything = st.sampled_from([None, "any", 1])
    groups = st.lists(_links(mix, "organization_group", "/api/organization-groups/"), max_size=3)
    offering = _links(mix, "offering", "/api/marketplace-provider-offerings/")
    customer = _links(mix, "customer", "/api/customers/")
    return {
        "marketplace_plans_create": _some(mix, {**name, "offering": offering}, plan),
        "marketplace_plans_update": _some(mix, name, {**plan, "offering": anything}),
        "marketplace_plans_partial_update": _some(mix, {}, {**plan, **name}),
        "marketplace_plans_destroy": st.none(),
        "marketplace_plans_archive": ignored,
        "marketplace_plans_update_prices": _table(mix, "prices", _amounts(mix), "type"),
        "marketplace_plans_update_quotas": _table(mix, "quotas", _counts(mix), "fixed type"),
        "marketplace_plans_update_discounts": _table(mix, "discounts", _discounts(mix), "type"),
        "marketplace_plans_update_organization_groups": _some(
            mix, {}, {"organization_groups": mix(groups, None, "text")}
        ),
        "marketplace_plans_delete_organization_groups": ignored,
        f"{_P}create": _some(mix, {"customer": customer}, provider),
        f"{_P}update": _some(mix, {}, {**provider, "customer": anything}),
        f"{_P}partial_update": _some(mix, {}, provider),
        f"{_P}destroy": st.none(),
        f"{_P}add_user": _membership(mix),
        f"{_P}update_user": _membership(mix),
        f"{_P}delete_user": _membership(mix),
        f"{_P}set_offerings_username": _username(mix),
        "service_provider_api_secret_code_generate": ignored,
    }


WRITING: Final = tuple(sorted(bodies(sound)))
#: Sent again, these are refused with this status.
ONCE: Final = {
    "marketplace_plans_archive": 400,
    "marketplace_plans_destroy": 404,
    f"{_P}create": 400,
    f"{_P}destroy": 404,
    f"{_P}add_user": 400,
}
#: Sent again, these do something new.
EACH_TIME: Final = ("marketplace_plans_create", "service_provider_api_secret_code_generate")
#: Sent again, these leave everything as it is.
IDEMPOTENT: Final = frozenset(WRITING) - frozenset(ONCE) - frozenset(EACH_TIME)
#: Answers of these show the record as a later GET does.
SHOWING: Final = {
    f"{family}{verb}": f"{family}retrieve"
    for family in ("marketplace_plans_", _P)
    for verb in ("create", "update", "partial_update")
}


def writes(personas: list[str]) -> SearchStrategy[Write]:
    """Return requests of every writing operation: sound ones of the mighty, odd ones of all."""
    mighty = st.sampled_from(["staff", "staff", "staff", "owner"])
    everybody = st.sampled_from(["staff", "owner", *personas, "anonymous"])
    valid = _requests(sound, mighty)
    return st.one_of(valid, valid, _requests(mixed, everybody))


def _requests(mix: Mix, people: SearchStrategy[str]) -> SearchStrategy[Write]:
    made = bodies(mix)

    def of(operation_id: str) -> SearchStrategy[Write]:
        kind = "plan" if operation_id.startswith("marketplace_plans") else "service_provider"
        keys = st.just("") if operation_id.endswith("_create") else mix(pick(kind), GHOST, "x")
        return st.builds(
            Write, people, st.just(operation_id), keys, made[operation_id], st.booleans()
        )

    return st.one_of([of(operation_id) for operation_id in WRITING])
