"""Run servers until they are interrupted, in one process or in several."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from mockserver import assembly, logs, server, shelf, terminal
from mockserver.assembly import Sources, World
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.guard import is_local
from mockserver.hub import PREFIX, Hub, Settings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: How many new objects bring on a look for garbage, and how many such looks a deeper one.
#: A write makes hundreds of which the next ones undo most: to look among those each time
#: takes a fifth of all that a write takes.
_COLLECTED: Final = (50_000, 2, 50)


@dataclass(frozen=True, slots=True)
class Asked:
    """What `serve` was told; whole in each process."""

    sources: Sources
    settings: Settings
    host: str
    port: int
    port_file: Path | None
    strict: bool
    watch: bool
    cors: bool
    store: str
    is_named: bool
    logs: tuple[str, str]


def serve(asked: Asked, ready: Callable[[World, int], None] | None = None) -> None:
    """Serve until interrupted; whoever says what to do when ready shares the port."""
    with _uncollected():
        world, hub = terminal.or_exit(lambda: _made(asked))
    running = server.Server(hub, logs.exchange)

    def begin(bound: int) -> None:
        if ready is not None:
            ready(world, bound)
            return
        if asked.port_file is not None:
            _write_port(asked.port_file, bound)
        _banner(world, asked.host, bound, asked.settings)

    async def run() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        if ready is not None:
            _stop_without_parent(stop)
        watching = (
            asyncio.create_task(_watch(running, asked.sources, stop)) if asked.watch else None
        )
        try:
            await server.serve(
                running, asked.host, asked.port, begin, stop, is_shared=ready is not None
            )
        finally:
            if watching is not None:
                watching.cancel()
            if ready is None and asked.port_file is not None:
                asked.port_file.unlink(missing_ok=True)
            hub.close()

    try:
        _run(run())
    except OSError as error:
        _refuse_address(error, asked.host, asked.port)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while things are made that stay, and never among them."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        # A request leaves little in circles: to look for it more rarely costs little memory.
        gc.set_threshold(*_COLLECTED)
        gc.enable()


def _made(asked: Asked) -> tuple[World, Hub]:
    """Return a world and the hub around it; raise BrokenSpec or AuthorError."""
    kept, given = shelf.usual(logs.detail), {"strict": asked.strict, "cors": asked.cors}
    if asked.store == "memory":
        world = assembly.read_world(asked.sources, kept)
        return world, assembly.hub(world, asked.sources, asked.settings, **given)
    from mockserver import sharing, stores

    log = stores.opened(asked.store)
    world, first = sharing.read_world(log, asked.sources, kept, is_named=asked.is_named)
    hub = assembly.hub(world, asked.sources, asked.settings, **given)
    sharing.share(hub, log, first, logs.warning)
    return world, hub


def serve_by(count: int, asked: Asked) -> None:
    """Serve by several processes until interrupted."""
    from mockserver import workers

    def ready(bound: int) -> None:
        if asked.port_file is not None:
            _write_port(asked.port_file, bound)
        logs.event("serving", workers=count, port=bound)

    try:
        status = workers.run(count, asked.host, asked.port, partial(_work, asked), ready)
    except OSError as error:
        _refuse_address(error, asked.host, asked.port)
    finally:
        if asked.port_file is not None:
            asked.port_file.unlink(missing_ok=True)
    if status:
        sys.exit(status)


def _work(asked: Asked, port: int, listening: Connection, *, is_first: bool) -> None:
    """Be one of several processes."""
    logs.configure(*asked.logs)

    def ready(world: World, bound: int) -> None:
        if is_first:
            _banner(world, asked.host, bound, asked.settings)
        listening.send(bound)

    serve(replace(asked, port=port), ready)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set an event when the process is asked to end."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Loops of Windows have no handlers: there the interrupt itself ends the server.
        with suppress(NotImplementedError):
            loop.add_signal_handler(name, stop.set)


def _stop_without_parent(stop: asyncio.Event) -> None:
    """End when the process that looks after this one is gone: nobody else would end it."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, stop.set)


def _refuse_address(error: OSError, host: str, port: int) -> NoReturn:
    if error.errno == errno.EADDRINUSE:
        remedy = "choose another with --port, or --port 0 for a free one"
        text = f"port {port} is in use on {host}: {remedy}"
    else:
        problem = error.strerror or error
        text = f"cannot listen on {host}:{port} ({problem}): choose another --host or --port"
    click.echo(text, err=True)
    sys.exit(terminal.BROKEN)


def _write_port(path: Path, bound: int) -> None:
    try:
        server.write_port_file(path, bound)
    except OSError as error:
        text = f"--port-file: cannot write {path} ({error.strerror or error}); choose another"
        raise click.UsageError(text) from None


def _run(main_: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main_)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main_)


async def _watch(running: server.Server, sources: Sources, stop: asyncio.Event) -> None:
    """Put a new application on the old data whenever the spec changes."""
    from watchfiles import awatch

    logs.event("watching", paths=[str(path) for path in sources.watched()])
    async for _ in awatch(*sources.watched(), stop_event=stop):
        try:
            made = assembly.read_api(sources)
        except (BrokenSpec, AuthorError) as broken:
            logs.warning("reload refused", problems=str(broken).splitlines())
            continue
        running.hub.moved_to(made)
        logs.event("reloaded", operations=len(made.spec.operations))


def _banner(world: World, host: str, port: int, chosen: Settings) -> None:
    info = world.api.spec.document["info"]
    shown = f"[{host}]" if ":" in host else host
    count = len(world.api.spec.operations)
    click.echo(
        f"{info['title']} {info['version']}: {count} operations, scenario {world.scenario.name}"
    )
    click.echo(f"listening on http://{shown}:{port}")
    if chosen.has_admin:
        name = "localhost" if is_local(host) or host in ("0.0.0.0", "::") else shown  # noqa: S104  compared, not bound
        click.echo(f"console on http://{name}:{port}{PREFIX}/")
        if chosen.guard.token and not is_local(host):
            click.echo(f"from elsewhere with the admin token {chosen.guard.token}")
    if world.scenario.personas:
        keyword = (world.api.conventions["auth"] or {}).get("keyword", "Token")
        click.echo(f"send `Authorization: {keyword} …` with one of these:")
        terminal.print_rows(terminal.personas(world.scenario.personas))
