"""The probes, by what they are about."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from contract_tests.probes.registry import PROBES

#: In the order in which they run: what is cheap and telling first, and deletion before all,
#: because records that stay behind may leave no room for others.
_MODULES: Final = (
    "removal", "reading", "pages", "filters", "orders", "fieldsets", "scoping",
    "writes", "updates", "uploads", "boundaries", "normalizing", "twins", "refusals", "protected",
    "actions", "nulls", "access", "permissions", "visibility", "robustness", "oddities",
    "agreement", "features", "lifecycle", "parallel",
)  # fmt: skip


def load() -> None:
    """Import every module of probes, so that they are registered in their order."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
    PROBES.sort(key=lambda probe: _MODULES.index(probe.run.__module__.rpartition(".")[2]))
