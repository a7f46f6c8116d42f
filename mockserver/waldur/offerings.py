"""Describe what a provider offers."""

from __future__ import annotations

from typing import Final

from mockserver.actions import Scope
from mockserver.json_types import JSON, OMIT, Key, Record
from mockserver.waldur import context, grants
from mockserver.waldur.states import OFFERING_CODES, is_live

#: Components that an offering type brings along, with the factor between the
#: unit it measures in and the unit it is billed in.
BUILT_IN: Final[dict[str, dict[str, int | None]]] = {
    "OpenStack.Tenant": {"cores": None, "ram": 1024, "storage": 1024},
    "VMware.VirtualMachine": {"cpu": None, "ram": 1024, "disk": 1024},
    "SlurmInvoices.SlurmPackage": {"cpu": 60, "gpu": 60, "ram": 61440},
    "Marketplace.Rancher": {"node": None},
}
#: Who of a customer sees how its offerings are wired up.
_INSIDERS: Final = ("CUSTOMER.OWNER", "CUSTOMER.MANAGER")


def offering_resources_count(record: Record, scope: Scope) -> JSON:
    """Count the resources of the offering that still exist."""
    return len(offering_live_resources(record, scope))


def offering_total_customers(record: Record, scope: Scope) -> JSON:
    """Count the customers with an existing resource of the offering."""
    customers: set[Key] = set()
    for resource in offering_live_resources(record, scope):
        project = scope.store.get("project", resource["project"])
        if project is not None:
            customers.add(project["customer"])
    return len(customers)


def offering_live_resources(record: Record, scope: Scope) -> list[Record]:
    """Return the resources of the offering that still exist."""
    return list(filter(is_live, scope.store.related("resource", "offering", record["uuid"])))


def offering_grants_in_force(record: Record, scope: Scope) -> list[Record]:
    """Return the grants on the offering that count."""
    return grants.on(scope, "offering", record["uuid"])


def offering_can_create_offering_user(record: Record, scope: Scope) -> JSON:
    """Tell whether the provider may create accounts in the offering."""
    option = record["plugin_options"].get("service_provider_can_create_offering_user", False)
    return bool(option)


def offering_state_code(record: Record, scope: Scope) -> JSON:
    """Return the number by which states are ordered."""
    return OFFERING_CODES[record["state"]]


def offering_secret_options(record: Record, scope: Scope) -> JSON:
    """Show the secret options to staff and to those who manage the offering."""
    is_insider = any(
        record["customer"] in grants.scopes_of_caller(scope, "customer", role=role)
        for role in _INSIDERS
    )
    manages = record["uuid"] in grants.scopes_of_caller(scope, "offering")
    return record["secret_options"] if context.is_staff(scope) or is_insider or manages else OMIT


def offering_component_factor(record: Record, scope: Scope) -> JSON:
    """Return the factor of a built-in component, null for others."""
    return _built_in(record, scope).get(record["type"])


def offering_component_is_builtin(record: Record, scope: Scope) -> JSON:
    """Tell whether the offering's type brings the component along."""
    return record["type"] in _built_in(record, scope)


def _built_in(record: Record, scope: Scope) -> dict[str, int | None]:
    offering = scope.store.get("offering", record["offering"])
    return BUILT_IN.get(offering["type"], {}) if offering is not None else {}
