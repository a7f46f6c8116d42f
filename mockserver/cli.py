"""The command line: serve, lint, routes, tokens, export, store, version."""

from __future__ import annotations

import json
import platform
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mockserver import assembly, logs, scenario, serving, terminal
from mockserver.assembly import Sources
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.guard import Guard, is_local
from mockserver.hub import Settings
from mockserver.serving import Asked

_F = TypeVar("_F", bound=Callable[..., Any])


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
    asked = Asked(
        Sources(**settings), chosen, host, port, port_file, strict, watch, cors, store,
        is_named=source is not ParameterSource.DEFAULT, logs=(log_level, log_format),
    )  # fmt: skip
    if workers > 1:
        serving.serve_by(workers, asked)
    else:
        serving.serve(asked)


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

    log = terminal.or_exit(lambda: stores.opened(address))
    terminal.or_exit(lambda: sharing.clear(log))
    click.echo(f"{log.address} is empty")


@main.command()
@_option("--fixtures", type=click.Path(path_type=Path), help="Folder of scenarios and factories.")
@_source_options
def lint(**settings: Any) -> None:
    """Check spec, overlays, pack and every scenario; report all mistakes."""
    sources = Sources(**settings)
    made = terminal.or_exit(lambda: assembly.read_api(sources))
    known = scenario.names(sources.fixtures_path)
    problems: list[str] = []
    for name in known:
        try:
            assembly.read_world(Sources(**{**settings, "scenario": name}))
        except (BrokenSpec, AuthorError) as broken:
            problems.extend(line for line in str(broken).splitlines() if line not in problems)
    if problems:
        terminal.exit_with(problems)
    operations, resources = len(made.spec.operations), len(made.spec.resources)
    click.echo(f"fine: {operations} operations, {resources} resources, {len(known)} scenarios")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_source_options
def routes(as_json: bool, **settings: Any) -> None:
    """List the operations, and what a caller needs for each."""
    made = terminal.or_exit(lambda: assembly.read_api(Sources(**settings)))
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
    terminal.print_rows(rows, as_json=as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_world_options
def tokens(as_json: bool, **settings: Any) -> None:
    """List the personas of a scenario and their tokens."""
    world = terminal.or_exit(lambda: assembly.read_world(Sources(**settings)))
    terminal.print_rows(terminal.personas(world.scenario.personas), as_json=as_json)


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

    document = terminal.or_exit(lambda: assembly.read_api(Sources(**settings))).spec.document
    shown = exporter.openapi(document, is_plain=plain)
    terminal.write(exporter.text(shown, form), output)


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

    world = terminal.or_exit(lambda: assembly.read_world(Sources(**settings)))
    records = exporter.state(world.api.spec.resources, world.scenario.state)
    terminal.write(exporter.text(records, form), output)


@main.command("version")
def version_() -> None:
    """Print the versions that matter in a bug report."""
    import hashlib

    click.echo(f"mockserver {_version()} (Python {platform.python_version()}, {sys.platform})")
    spec = terminal.or_exit(lambda: assembly.read_api(Sources())).spec
    digest = hashlib.sha256(json.dumps(spec.document, sort_keys=True).encode()).hexdigest()
    info = spec.document["info"]
    click.echo(
        f"{info['title']} {info['version']}: "
        f"{len(spec.operations)} operations, sha256 {digest[:12]}"
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("waldur-mockserver")
    except PackageNotFoundError:
        return "from a checkout"
