"""Stories about the shipped API that its description does not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from contract_tests import standing
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.relations import Claim, const
from contract_tests.steps import Reply
from contract_tests.wire import ABSENT
from contract_tests.world import World

Story: TypeAlias = Callable[[Lab, World, Own], None]
_RULE: Final = "C5"
_PRICE: Final = 3.25
_QUOTA: Final = 5


def quotas_are_no_prices(lab: Lab, world: World, plan: Own) -> None:
    """Set a quota and a price of one component: each leaves the other alone."""
    params = {"uuid": plan.key}
    quotas = _shown(lab.call("marketplace_plans_retrieve", params), "quotas")
    for name in quotas or {}:
        body = {"quotas": {name: _QUOTA}}
        # Only what is billed for a fixed amount has a quota.
        if lab.call("marketplace_plans_update_quotas", params, body=body).is_good:
            break
    else:
        raise Blocked("the plan has no component with a quota")
    lab.call("marketplace_plans_update_prices", params, body={"prices": {name: str(_PRICE)}})
    after = lab.call("marketplace_plans_retrieve", params)
    for shown, value, writer in (
        ("quotas", _QUOTA, "marketplace_plans_update_quotas"),
        ("prices", _PRICE, "marketplace_plans_update_prices"),
    ):
        left = after.body(f"/{shown}/{name}")
        claim = {"relation": "equal", "left": left, "right": const(value)}
        _expect(lab, claim, writer, shown, "prices and quotas are kept apart")


def groups_come_and_go(lab: Lab, world: World, plan: Own) -> None:
    """Give a plan to some groups, and take it back from all."""
    give = lab.operation("marketplace_plans_update_organization_groups")
    params, body = {"uuid": plan.key}, standing.body_for(lab, world, give)
    if not body or not lab.call(give, params, body=body).is_good:
        raise Blocked("no group is known")
    lab.call("marketplace_plans_delete_organization_groups", params)
    left = lab.call("marketplace_plans_retrieve", params).body("/organization_groups")
    claim = {"relation": "equal", "left": left, "right": const([])}
    taker = "marketplace_plans_delete_organization_groups"
    _expect(lab, claim, taker, "organization_groups", "no group is left")


def users_come_and_go(lab: Lab, world: World, provider: Own) -> None:
    """Add a user to a provider, and remove him: he is listed in between."""
    lister, params = "marketplace_service_providers_list_users_list", {"uuid": provider.key}
    add = lab.operation("marketplace_service_providers_add_user")
    body = standing.body_for(lab, world, add)
    wanted = {"user", "role"}
    if not wanted <= set(body or {}) or not lab.call(add, params, body=body).is_good:
        raise Blocked("no user is known who can be added")
    user = const(body["user"])
    listed = lab.call(lister, params).at("column", name="/user_uuid")
    claim = {"relation": "among", "left": user, "right": listed}
    _expect(lab, claim, lister, "", "who was added is listed")
    less = {name: value for name, value in body.items() if name in wanted}
    lab.call("marketplace_service_providers_delete_user", params, body=less)
    listed = lab.call(lister, params).at("column", name="/user_uuid")
    claim = {"relation": "not_among", "left": user, "right": listed}
    _expect(lab, claim, lister, "", "who was removed is not listed")


def _shown(reply: Reply, name: str) -> Any:
    found = reply.data.get(name) if isinstance(reply.data, Mapping) else None
    return found if found is not ABSENT else None


def _expect(lab: Lab, claim: Claim, operation: str, about: str, says: str) -> None:
    lab.expect(_RULE, claim, operation=operation, about=about, says=says, key="x-effect")


#: Resource -> what else to try on records of our own.
STORIES: Final[Mapping[str, tuple[Story, ...]]] = {
    "plan": (quotas_are_no_prices, groups_come_and_go),
    "service_provider": (users_come_and_go,),
}


def stories(lab: Lab, resource: str) -> tuple[Story, ...]:
    """Return the stories of a resource, where the description is of the API they are about."""
    is_known = "marketplace_plans_archive" in lab.subject.operations
    return STORIES.get(resource, ()) if is_known else ()
