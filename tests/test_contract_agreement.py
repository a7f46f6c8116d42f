"""What only several answers together can tell: lists hold each other to account."""

from __future__ import annotations

from functools import cache

import pytest

from contract_tests.lab import Blocked
from contract_tests.probes import agreement, filters, orders, scoping
from mockserver import assembly, mutants
from mockserver.assembly import Sources, World
from tests.contract_harness import heard, lab_for

_LIST = "marketplace_service_providers_{}_list"


@cache
def world() -> World:
    return assembly.read_world(Sources(scenario="default"))


@pytest.mark.parametrize(
    ("mutant", "probe", "prop", "about"),
    [
        (f"V01@{_LIST}.users_count", agreement.agreement, "B24", "users_count"),
        (f"V10@{_LIST}.plans", orders.inner_order, "D16", "plans"),
        (f"O01@{_LIST}.o:job_title", orders.orders, "D13", "o"),
        (f"O01@{_LIST}.o:native_name", orders.orders, "D13", "o"),
        (f"F01@{_LIST}.abbreviation", filters.filters, "D1", "abbreviation"),
        (f"F01@{_LIST}.is_staff", filters.filters, "D3", "is_staff"),
        (f"F01@{_LIST}.organization_group_uuid", filters.filters, "D1", "organization_group_uuid"),
        ("V07@service_provider_compliance_overview.service_provider_uuid", scoping.scoping, "B22",
         "service_provider_uuid"),
    ],
    ids=["computed", "inside", "hidden key", "odd letters", "asked for", "apart", "wider", "twice"],
)  # fmt: skip
def test_a_defect_that_one_answer_does_not_show(
    mutant: str, probe: object, prop: str, about: str, request: pytest.FixtureRequest
) -> None:
    lists = {
        "computed": "customers", "inside": "offerings", "hidden key": "users",
        "odd letters": "users", "asked for": "user_customers", "apart": "users",
        "wider": "customers",
    }  # fmt: skip
    name = mutant.format(lists.get(request.node.callspec.id, ""))
    planted = mutants.find(name, world().api)
    found = {}
    for app in (assembly.application(world()), mutants.plant(planted, world())):
        lab, seen = lab_for(app)
        suspicions = heard(lab)
        try:
            probe(lab, seen, lab.operation(planted.operation))  # type: ignore[operator]  # a probe
        except Blocked:
            pytest.fail("nothing could be asked")
        found[app] = {(s.property, s.about) for s in suspicions}
    right, wrong = found.values()
    assert right == set()
    assert (prop, about) in wrong
