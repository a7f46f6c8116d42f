"""The command line: serve, lint, routes, tokens, export, store, version."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import platform
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click
from click.core import ParameterSource

from mockserver import assembly, logs, scenario, server, shelf
from mockserver.assembly import Sources, World
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.guard import Guard, is_local
from mockserver.hub import PREFIX, Hub, Settings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
BROKEN: Final = 2
#: How many new objects bring on a look for garbage, and how many such looks a deeper one.
#: A write makes hundreds of which the next ones undo most: to look among those each time
#: takes a fifth of all that a write takes.
_COLLECTED: Final = (50_000, 2, 50)


def _option(*names: str, **settings: Any) -> Callable[[_F], _F]:
    """Make an option that is also read from MOCKSERVER_<NAME>."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = "MOCKSERVER_" + long.removeprefix("--").upper().replace("-", "_")
    return click.option(*names, envvar=variable, show_envvar=True, **settings)


def _source_options(function: _F) -> _F:
    for decorate in reversed(
        (
            _option("--spec", type=click.Path(path_type=Path), help="Root file of the spec."),
            _option("--pack", help="Behaviour: package.module:pack or file.py:pack."),
            _option(
                "--overlay", "overlays", type=click.Path(path_type=Path), multiple=True,
                help="OpenAPI Overlay applied to the spec; may be repeated.",
            ),
        )
    ):  # fmt: skip
        function = decorate(function)
    return function


def _world_options(function: _F) -> _F:
    for decorate in reversed(
        (
            _option(
                "--fixtures", type=click.Path(path_type=Path),
                help="Folder of scenarios and factories.",
            ),
            _option("--scenario", default="default", show_default=True, help="World to start in."),
            _option("--seed", type=int, help="Chance: the same seed gives the same bytes."),
            _option("--clock", help="real, or an instant at which time stands still."),
        )
    ):  # fmt: skip
        function = decorate(function)
    return _source_options(function)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Serve a fake backend that does what its OpenAPI description says."""


@main.command()
@_option("-H", "--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@_option("-p", "--port", default=4010, show_default=True, type=click.IntRange(0, 65535),
         help="Port; 0 picks a free one.")  # fmt: skip
@_option(
    "--port-file", type=click.Path(path_type=Path, dir_okay=False), help="Write the port here."
)
@_option(
    "--strict",
    is_flag=True,
    help="Check every answer and effect against the spec; a defect is a 500.",
)
@_option("-w", "--watch", is_flag=True, help="Read the spec again when it changes; the data stays.")
@_option("--store", default="memory", show_default=True,
         help="What keeps the data: memory, sqlite:///PATH or redis://HOST:PORT/DB.")  # fmt: skip
@_option("--workers", default=1, show_default=True, type=click.IntRange(1, 64),
         help="Processes that share the port and a store.")  # fmt: skip
@_option("--cors/--no-cors", default=True, show_default=True, help="Let pages of any origin call.")
@_option("--require-session", is_flag=True, help="Refuse requests that name no session.")
@_option("--max-sessions", default=10_000, show_default=True, type=click.IntRange(1),
         help="More sessions than this are refused.")  # fmt: skip
@_option("--session-ttl", default=3600.0, show_default=True, type=click.FloatRange(1),
         help="Seconds after which an idle session is forgotten.")  # fmt: skip
@_option("--admin/--no-admin", default=True, show_default=True,
         help="Serve the console and the admin API below /__mock__/.")  # fmt: skip
@_option("--admin-token", default="", help="Lets others than this machine use the admin API.")
@_option("--admin-host", "admin_hosts", multiple=True,
         help="A further name under which this machine may use the admin API.")  # fmt: skip
@_option("--admin-origin", "admin_origins", multiple=True,
         help="Origin of pages that may use the admin API.")  # fmt: skip
@_option("--log-level", default="info", show_default=True,
         type=click.Choice(["debug", "info", "warning", "error"]),
         help="Least level that is logged.")  # fmt: skip
@_option("--log-format", default="auto", show_default=True,
         type=click.Choice(["auto", "human", "json"]),
         help="auto: human on a terminal, JSON lines otherwise.")  # fmt: skip
@_world_options
def serve(  # noqa: PLR0913, PLR0917  one parameter an option
    host: str, port: int, port_file: Path | None, strict: bool, watch: bool, store: str,
    workers: int, cors: bool, log_level: str, log_format: str,
    require_session: bool, max_sessions: int, session_ttl: float,
    admin: bool, admin_token: str, admin_hosts: tuple[str, ...], admin_origins: tuple[str, ...],
    **settings: Any,
) -> None:  # fmt: skip
    """Serve the API until interrupted."""
    _check_store(store, workers, watch)
    logs.configure(log_level, log_format)
    if admin and not admin_token and not is_local(host):
        admin_token = secrets.token_urlsafe(24)
    chosen = Settings(
        guard=Guard(admin_token, frozenset(admin_hosts), frozenset(admin_origins)),
        requires_session=require_session,
        has_admin=admin,
        max_sessions=max_sessions,
        lifetime=session_ttl,
    )
    source = click.get_current_context().get_parameter_source("scenario")
    asked = _Asked(
        Sources(**settings), chosen, host, port, port_file, strict, watch, cors, store,
        is_named=source is not ParameterSource.DEFAULT, logs=(log_level, log_format),
    )  # fmt: skip
    if workers > 1:
        _serve_by(workers, asked)
    else:
        _serve(asked)


@dataclass(frozen=True, slots=True)
class _Asked:
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


def _serve(asked: _Asked, ready: Callable[[World, int], None] | None = None) -> None:
    """Serve until interrupted; whoever says what to do when ready shares the port."""
    with _uncollected():
        world, hub = _or_exit(lambda: _made(asked))
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
        _stop_on_signals(stop)
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


def _made(asked: _Asked) -> tuple[World, Hub]:
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


def _serve_by(count: int, asked: _Asked) -> None:
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


def _work(asked: _Asked, port: int, listening: Connection, *, is_first: bool) -> None:
    """Be one of several processes."""
    logs.configure(*asked.logs)

    def ready(world: World, bound: int) -> None:
        if is_first:
            _banner(world, asked.host, bound, asked.settings)
        listening.send(bound)

    _serve(replace(asked, port=port), ready)


def _stop_on_signals(stop: asyncio.Event) -> None:
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


def _check_store(store: str, workers: int, watch: bool) -> None:
    if store == "memory" and workers > 1:
        raise click.UsageError(
            "--workers: several processes need a store that they share; "
            "add --store sqlite:///PATH or --store redis://HOST:PORT/DB"
        )
    if workers > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise click.UsageError("--workers: processes cannot share a port on this system; use 1")
    if store != "memory" and watch:
        raise click.UsageError(
            "--watch: a store belongs to one description of the API; leave --store at memory"
        )


@main.group("store")
def store_() -> None:
    """Look after what `serve --store` keeps."""


@store_.command("reset")
@click.argument("address")
def store_reset(address: str) -> None:
    """Forget all that a store holds; servers that use it begin anew."""
    from mockserver import sharing, stores

    log = _or_exit(lambda: stores.opened(address))
    _or_exit(lambda: sharing.clear(log))
    click.echo(f"{log.address} is empty")


@main.command()
@_option("--fixtures", type=click.Path(path_type=Path), help="Folder of scenarios and factories.")
@_source_options
def lint(**settings: Any) -> None:
    """Check spec, overlays, pack and every scenario; report all mistakes."""
    sources = Sources(**settings)
    made = _or_exit(lambda: assembly.read_api(sources))
    known = scenario.names(sources.fixtures_path)
    problems: list[str] = []
    for name in known:
        try:
            assembly.read_world(Sources(**{**settings, "scenario": name}))
        except (BrokenSpec, AuthorError) as broken:
            problems.extend(line for line in str(broken).splitlines() if line not in problems)
    if problems:
        _exit_with(problems)
    operations, resources = len(made.spec.operations), len(made.spec.resources)
    click.echo(f"fine: {operations} operations, {resources} resources, {len(known)} scenarios")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_source_options
def routes(as_json: bool, **settings: Any) -> None:
    """List the operations, and what a caller needs for each."""
    made = _or_exit(lambda: assembly.read_api(Sources(**settings)))
    rows = [
        {
            "method": operation.method,
            "path": operation.path,
            "operation": operation.id,
            "verb": operation.verb,
            "needs": "nobody" if operation.is_public
            else operation.permission.needs if operation.permission else "a token",
        }
        for operation in made.spec.operations
    ]  # fmt: skip
    _print_rows(rows, as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_world_options
def tokens(as_json: bool, **settings: Any) -> None:
    """List the personas of a scenario and their tokens."""
    world = _or_exit(lambda: assembly.read_world(Sources(**settings)))
    _print_rows(_personas(world), as_json)


@main.group("export")
def export_() -> None:
    """Write the spec or the data for other tools."""


@export_.command("openapi")
@click.option(
    "--format", "form", default="json", show_default=True, type=click.Choice(["json", "yaml"])
)
@click.option("--plain", is_flag=True, help="Leave out the extensions and what only they use.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout."
)
@_source_options
def export_openapi(form: str, plain: bool, output: Path | None, **settings: Any) -> None:
    """Write the whole spec as one self-contained document."""
    from mockserver import exporter

    document = _or_exit(lambda: assembly.read_api(Sources(**settings))).spec.document
    shown = exporter.openapi(document, is_plain=plain)
    _write(exporter.text(shown, form), output)


@export_.command("state")
@click.option(
    "--format", "form", default="yaml", show_default=True, type=click.Choice(["json", "yaml"])
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout."
)
@_world_options
def export_state(form: str, output: Path | None, **settings: Any) -> None:
    """Write every record of a scenario, by resource."""
    from mockserver import exporter

    world = _or_exit(lambda: assembly.read_world(Sources(**settings)))
    records = exporter.state(world.api.spec.resources, world.scenario.state)
    _write(exporter.text(records, form), output)


@main.command("version")
def version_() -> None:
    """Print the versions that matter in a bug report."""
    import hashlib

    click.echo(f"mockserver {_version()} (Python {platform.python_version()}, {sys.platform})")
    spec = _or_exit(lambda: assembly.read_api(Sources())).spec
    digest = hashlib.sha256(json.dumps(spec.document, sort_keys=True).encode()).hexdigest()
    info = spec.document["info"]
    click.echo(
        f"{info['title']} {info['version']}: "
        f"{len(spec.operations)} operations, sha256 {digest[:12]}"
    )


# Around the commands


def _or_exit(make: Callable[[], _T]) -> _T:
    """Return what is made, or print every mistake of the author's and stop."""
    try:
        return make()
    except (BrokenSpec, AuthorError) as broken:
        _exit_with(str(broken).splitlines())


def _exit_with(problems: list[str]) -> NoReturn:
    for problem in problems:
        click.echo(problem, err=True)
    noun = "mistake" if len(problems) == 1 else "mistakes"
    click.echo(f"{len(problems)} {noun}; nothing is served", err=True)
    sys.exit(BROKEN)


def _refuse_address(error: OSError, host: str, port: int) -> NoReturn:
    if error.errno == errno.EADDRINUSE:
        remedy = "choose another with --port, or --port 0 for a free one"
        text = f"port {port} is in use on {host}: {remedy}"
    else:
        problem = error.strerror or error
        text = f"cannot listen on {host}:{port} ({problem}): choose another --host or --port"
    click.echo(text, err=True)
    sys.exit(BROKEN)


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
        _print_rows(_personas(world), as_json=False)


def _personas(world: World) -> list[dict[str, Any]]:
    return [
        {"persona": persona.name, "token": persona.token, "who": persona.description}
        for persona in world.scenario.personas
    ]


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo("none")
        return
    if sys.stdout.isatty():
        _print_table(rows)
        return
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(map(str.ljust, line, widths)))


def _print_table(rows: list[dict[str, Any]]) -> None:
    # Only a terminal has a width and colours, and a start need not wait for what fits them.
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, no_wrap=name in ("token", "path"))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False).print(table)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"cannot write {output} ({error.strerror}): choose another --output", err=True)
        sys.exit(BROKEN)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("waldur-mockserver")
    except PackageNotFoundError:
        return "from a checkout"
