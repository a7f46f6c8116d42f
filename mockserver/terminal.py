"""Say on a terminal what there is, and what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from mockserver.errors import AuthorError, BrokenSpec
from mockserver.fixtures import Persona

_T = TypeVar("_T")
#: The status of a process that could not begin because of its author's mistakes.
BROKEN: Final = 2


def or_exit(make: Callable[[], _T]) -> _T:
    """Return what is made, or print every mistake of the author's and stop."""
    try:
        return make()
    except (BrokenSpec, AuthorError) as broken:
        exit_with(str(broken).splitlines())


def exit_with(problems: list[str]) -> NoReturn:
    """Print mistakes, and how many they are, and stop."""
    for problem in problems:
        click.echo(problem, err=True)
    noun = "mistake" if len(problems) == 1 else "mistakes"
    click.echo(f"{len(problems)} {noun}; nothing is served", err=True)
    sys.exit(BROKEN)


def personas(found: Iterable[Persona]) -> list[dict[str, Any]]:
    """Return personas as rows to be printed."""
    return [
        {"persona": persona.name, "token": persona.token, "who": persona.description}
        for persona in found
    ]


def print_rows(rows: list[dict[str, Any]], *, as_json: bool = False) -> None:
    """Print rows of the same keys: a table for people, columns or JSON for programs."""
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


def write(text: str, output: Path | None) -> None:
    """Write a text to a file, or print it."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"cannot write {output} ({error.strerror}): choose another --output", err=True)
        sys.exit(BROKEN)
