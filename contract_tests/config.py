"""What a user may ask of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from contract_tests.lab import Depth
from contract_tests.transport import Transport

Mode: TypeAlias = Literal["read-only", "own", "destructive"]
Layer: TypeAlias = Literal["probes", "interactions", "schemathesis", "machines"]
LAYERS: Final[tuple[Layer, ...]] = ("probes", "interactions", "schemathesis", "machines")


@dataclass(frozen=True, slots=True)
class Profile:
    """How far a run goes: the layers it has, how deep they look, what random games may send."""

    layers: tuple[Layer, ...]
    depth: Depth
    machine_requests: int


PROFILES: Final[Mapping[str, Profile]] = {
    "quick": Profile(
        ("probes", "schemathesis"),
        Depth("quick", values=1, parents=2, pairs=10, nasty=6, is_full=False),
        0,
    ),
    "ci": Profile(LAYERS, Depth("ci"), 1500),
    "thorough": Profile(
        LAYERS,
        Depth("thorough", values=4, parents=8, rows=1200, pairs=160, nasty=40),
        20_000,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """
    One run: where, as whom, how far, and what to leave out.

    `tokens`: persona -> token; `main` is the one that may do everything. `include` and
    `exclude` name operations, `properties` and `without` properties of the catalogue,
    or their sections ("D"). `private` says that nobody else uses the server.
    """

    url: str
    spec: Path | None = None
    overlays: tuple[Path, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    profile: str = "ci"
    mode: Mode = "own"
    seed: int = 1
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    rate: float = 0.0
    max_requests: int = 0
    max_seconds: float = 0.0
    max_findings: int = 0
    timeout: float = 30.0
    slow: float = 5.0
    ca: str | None = None
    baseline: Path | None = None
    ledger: Path | None = None
    strict_flaky: bool = False
    minimises: bool = True
    private: bool = False
    against_mock: bool = True
    pack: str | None = None
    transport: Transport | None = None
    """Replaces the socket, for runs inside one process."""

    def wants(self, prop: str) -> bool:
        """Tell whether a property is asked for, by its id or by its section."""
        named = not self.properties or prop in self.properties or prop[0] in self.properties
        return named and prop not in self.without and prop[0] not in self.without
