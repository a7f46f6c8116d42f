"""Build an application from the files it is described by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mockserver import api, compiled, data, loader, overlay, pack, scenario, upgrade
from mockserver.api import Api
from mockserver.app import Application, Options
from mockserver.clock import Clock
from mockserver.errors import SpecError
from mockserver.hub import DEFAULTS, Administration, Hub, Settings
from mockserver.loader import Node
from mockserver.scenario import Scenario
from mockserver.shelf import Shelf
from mockserver.store import Store

#: The pack that goes with the shipped spec; the only place that knows it.
SHIPPED_PACK = "mockserver.waldur:pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Which files make the API, and which world it starts in."""

    spec: Path | None = None
    fixtures: Path | None = None
    pack: str | None = None
    overlays: tuple[Path, ...] = ()
    scenario: str = "default"
    seed: int | None = None
    clock: str | None = None

    @property
    def spec_path(self) -> Path:
        """The root file of the spec; the shipped one when none is named."""
        return self.spec or data.root() / "spec" / "openapi.yaml"

    @property
    def fixtures_path(self) -> Path:
        """The folder of factories and scenarios; the shipped one goes only with shipped parts."""
        if self.fixtures is not None:
            return self.fixtures
        near = self.spec_path.parent / "fixtures"
        beside = self.spec_path.resolve().parent.parent / "fixtures"
        if near.is_dir() or beside.is_dir():
            return near if near.is_dir() else beside
        return data.root() / "fixtures" if self.pack_name == SHIPPED_PACK else near

    @property
    def pack_name(self) -> str | None:
        """The pack; the shipped one goes only with the shipped spec."""
        return self.pack or (SHIPPED_PACK if self.spec is None else None)

    def watched(self) -> list[Path]:
        """Return the files and folders whose changes matter."""
        found = [self.spec_path.resolve().parent, *(path.resolve() for path in self.overlays)]
        if self.pack and self.pack.partition(":")[0].endswith(".py"):
            found.append(Path(self.pack.partition(":")[0]).resolve())
        return found


@dataclass(frozen=True, slots=True)
class World:
    """An API and the scenario it starts from."""

    api: Api
    scenario: Scenario
    clock: Clock = field(repr=False)
    #: The instant that it is the first state of, where that is not simply the present.
    at: datetime | None = None


def document(sources: Sources) -> Node:
    """Return the bundled document, overlays applied, as OpenAPI 3.1; raise BrokenSpec."""
    return upgrade.to_3_1(overlay.apply(loader.load(sources.spec_path), sources.overlays))


def read_api(sources: Sources) -> Api:
    """Compile spec and pack; raise BrokenSpec or SpecError."""
    return _read_api(sources, None)[0]


def _read_api(sources: Sources, shelf: Shelf | None) -> tuple[Api, str]:
    name = sources.pack_name
    behaviour = pack.load(name) if name else pack.Pack("empty")
    spec, seal = compiled.read_spec(sources.spec_path, sources.overlays, shelf)
    return api.bind(spec, behaviour), seal


def read_clock(text: str) -> Clock:
    """Return the clock that a text names; raise SpecError."""
    try:
        return Clock.read(text)
    except ValueError as error:
        raise SpecError("clock", str(error)) from None


def read_world(
    sources: Sources, shelf: Shelf | None = None, begun: tuple[datetime, Clock] | None = None
) -> World:
    """
    Compile the API and fill its scenario; raise BrokenSpec with every mistake.

    With a shelf, what an earlier start kept there is taken up. `begun` is when the world
    began, and its clock, where it did before.
    """
    made, seal = _read_api(sources, shelf)
    clock = begun[1] if begun else read_clock(sources.clock or made.conventions["clock"])
    now = begun[0] if begun else clock()
    start = compiled.Start(
        sources.fixtures_path,
        sources.scenario,
        sources.seed,
        now,
        made.pack.faker_providers,
    )
    return World(made, compiled.read_scenario(start, made.spec, shelf, seal), clock, now)


def build(sources: Sources, *, strict: bool = False, cors: bool = True) -> Application:
    """Return an application in the first state of its scenario."""
    return application(read_world(sources), strict=strict, cors=cors)


def application(world: World, *, strict: bool = False, cors: bool = True) -> Application:
    """Return an application on a store of its own."""
    store = Store(world.api.spec.resources, world.scenario.state)
    options = Options(strict=strict, cors=cors, seed=world.scenario.seed)
    return Application(world.api, store, world.clock, options)


def hub(
    world: World,
    sources: Sources,
    settings: Settings = DEFAULTS,
    *,
    strict: bool = False,
    cors: bool = True,
) -> Hub:
    """Return a hub that starts in a world, and can load the scenarios beside it."""

    def load(name: str, seed: int | None, now: datetime) -> Scenario:
        return scenario.load(
            sources.fixtures_path,
            name,
            world.api.spec,
            seed=sources.seed if seed is None else seed,
            now=now,
            providers=world.api.pack.faker_providers,
        )

    def scenarios() -> Mapping[str, str]:
        return scenario.described(sources.fixtures_path)

    def administration(hub: Hub) -> Administration:
        # Most servers are never asked for it, and a start should not wait for it.
        from mockserver import admin
        from mockserver.editing import Editor

        return admin.application(
            hub,
            lambda api: Editor.of(api.spec, sources.fixtures_path, api.pack.faker_providers),
        )

    made = application(world, strict=strict, cors=cors)
    return Hub(
        made, world.scenario, load, scenarios=scenarios, settings=settings, admin=administration
    )
