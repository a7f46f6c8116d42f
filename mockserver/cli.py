"""The command line: serve, lint, routes, tokens, export, version."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import platform
import secrets
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from mockserver import assembly, exporter, logs, scenario, server
from mockserver.assembly import Sources, World
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.guard import Guard, is_local
from mockserver.hub import PREFIX, Settings

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
BROKEN: Final = 2


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
@_option("--workers", default=1, show_default=True, type=int, help="Processes; only 1 for now.")
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
    host: str, port: int, port_file: Path | None, strict: bool, watch: bool, workers: int,
    cors: bool, log_level: str, log_format: str,
    require_session: bool, max_sessions: int, session_ttl: float,
    admin: bool, admin_token: str, admin_hosts: tuple[str, ...], admin_origins: tuple[str, ...],
    **settings: Any,
) -> None:  # fmt: skip
    """Serve the API until interrupted."""
    if workers != 1:
        raise click.UsageError(
            "--workers: one process holds the data in memory; only 1 is possible"
        )
    sources = Sources(**settings)
    logs.configure(log_level, log_format)
    world = _or_exit(lambda: assembly.read_world(sources))
    if admin and not admin_token and not is_local(host):
        admin_token = secrets.token_urlsafe(24)
    chosen = Settings(
        guard=Guard(admin_token, frozenset(admin_hosts), frozenset(admin_origins)),
        requires_session=require_session,
        has_admin=admin,
        max_sessions=max_sessions,
        lifetime=session_ttl,
    )
    hub = assembly.hub(world, sources, chosen, strict=strict, cors=cors)
    running = server.Server(hub, logs.exchange)

    def ready(bound: int) -> None:
        if port_file is not None:
            _write_port(port_file, bound)
        _banner(world, host, bound, chosen)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):
                loop.add_signal_handler(name, stop.set)
        watching = asyncio.create_task(_watch(running, sources, stop)) if watch else None
        try:
            await server.serve(running, host, port, ready, stop)
        finally:
            if watching is not None:
                watching.cancel()
            if port_file is not None:
                port_file.unlink(missing_ok=True)  # noqa: ASYNC240  nothing else runs any more

    try:
        _run(run())
    except OSError as error:
        _refuse_address(error, host, port)


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
    world = _or_exit(lambda: assembly.read_world(Sources(**settings)))
    records = exporter.state(world.api.spec.resources, world.scenario.state)
    _write(exporter.text(records, form), output)


@main.command("version")
def version_() -> None:
    """Print the versions that matter in a bug report."""
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
    console = Console(soft_wrap=True, highlight=False)
    info = world.api.spec.document["info"]
    shown = f"[{host}]" if ":" in host else host
    count = len(world.api.spec.operations)
    console.print(
        f"{info['title']} {info['version']}: {count} operations, scenario {world.scenario.name}"
    )
    console.print(f"listening on http://{shown}:{port}")
    if chosen.has_admin:
        name = "localhost" if is_local(host) or host in ("0.0.0.0", "::") else shown  # noqa: S104  compared, not bound
        console.print(f"console on http://{name}:{port}{PREFIX}/")
        if chosen.guard.token and not is_local(host):
            console.print(f"from elsewhere with the admin token {chosen.guard.token}")
    if world.scenario.personas:
        keyword = (world.api.conventions["auth"] or {}).get("keyword", "Token")
        console.print(f"send `Authorization: {keyword} …` with one of these:")
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
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, no_wrap=name in ("token", "path"))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    # A pipe has no width: never fold a token or a path there.
    width = None if sys.stdout.isatty() else 240
    Console(width=width, highlight=False).print(table)


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
    try:
        return version("waldur-mockserver")
    except PackageNotFoundError:
        return "from a checkout"
