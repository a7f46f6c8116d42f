"""The probes, by what they are about."""

from __future__ import annotations

from importlib import import_module
from typing import Final

#: In the order in which they run: what is cheap and telling first.
_MODULES: Final = (
    "reading", "pages", "filters", "orders", "fieldsets", "scoping", "agreement",
    "removal", "writes", "updates", "boundaries", "normalizing", "twins", "refusals", "protected",
    "actions", "access", "permissions", "visibility", "robustness", "oddities",
    "agreement", "features", "lifecycle", "parallel",
)  # fmt: skip


def load() -> None:
    """Import every module of probes, so that they are registered."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
