"""List mutants, or serve one of them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from mockserver import assembly, logs, mutants, server, serving, terminal
from mockserver.assembly import Sources, World
from mockserver.errors import AuthorError, BrokenSpec
from mockserver.mutants import Mutant

#: A defective server must never be started by mistake.
SWITCH: Final = "MOCKSERVER_MUTANTS"

_SPEC = click.option("--spec", type=click.Path(path_type=Path), help="Root file of the spec.")
_PACK = click.option("--pack", help="Behaviour: package.module:pack or file.py:pack.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Plant one defect in the mock server, to see who notices."""


@main.command("list")
@click.option("--kind", "kind", default="", help="Only ids that begin like this: F01, F.")
@click.option("--every", is_flag=True, help="Every place, not a few of those that are alike.")
@click.option("--equivalent", is_flag=True, help="Those that break no promise, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_SPEC
@_PACK
def list_(
    kind: str, *, every: bool, equivalent: bool, as_json: bool, spec: Path | None, pack: str | None
) -> None:
    """List the mutants of an API."""
    try:
        api = assembly.read_api(Sources(spec=spec, pack=pack))
    except (BrokenSpec, AuthorError) as broken:
        _refuse(str(broken))
    if equivalent:
        rows = [{**_row(mutant), "why": why} for mutant, why in mutants.equivalents(api)]
    elif every:
        found = (m for each in mutants.kinds().values() for m in each.population(api))
        rows = [_row(mutant) for mutant in found]
    else:
        rows = [_row(mutant) for mutant in mutants.instances(api)]
    rows = [row for row in rows if row["kind"].startswith(kind)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['title']}" + (f": {row['why']}" if equivalent else ""))


def _row(mutant: Mutant) -> dict[str, Any]:
    return {
        "id": mutant.id,
        "kind": mutant.kind,
        "title": mutant.title,
        "operation": mutant.operation,
        "about": mutant.about,
        "key": mutant.key,
        "elsewhere": sorted(mutant.elsewhere),
    }


@main.command()
@click.argument("id_", metavar="ID")
@click.option("-p", "--port", default=0, show_default=True, type=click.IntRange(0, 65535))
@click.option("--scenario", default="default", show_default=True, help="World to start in.")
@_SPEC
@_PACK
def serve(id_: str, port: int, scenario: str, spec: Path | None, pack: str | None) -> None:
    """Serve the API with the defect ID until interrupted."""
    if os.environ.get(SWITCH) != "1":
        _refuse(f"a defective server is served only on purpose: set {SWITCH}=1")
    logs.configure("info", "auto")
    try:
        world = assembly.read_world(Sources(spec=spec, pack=pack, scenario=scenario))
    except (BrokenSpec, AuthorError) as broken:
        _refuse(str(broken))
    try:
        mutant = mutants.find(id_, world.api)
    except LookupError:
        _refuse(f"there is no mutant {id_}: `python -m mockserver.mutants list` names them")
    try:
        asyncio.run(_serve(mutant, world, port))
    except OSError as error:
        _refuse(f"cannot listen on port {port} ({error.strerror}): choose another --port")


async def _serve(mutant: Mutant, world: World, port: int) -> None:
    running = server.Server(mutants.plant(mutant, world), logs.exchange)
    stop = asyncio.Event()
    serving.stop_on_signals(stop)

    def ready(bound: int) -> None:
        click.echo(f"{mutant.id}: {mutant.title}")
        click.echo(f"listening on http://127.0.0.1:{bound}")

    await server.serve(running, "127.0.0.1", port, ready, stop)


def _refuse(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(terminal.BROKEN)


if __name__ == "__main__":
    main(prog_name="python -m mockserver.mutants")
