"""Run the benchmarks: results as JSON lines on stdout, a table of them on stderr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks import bench_create, bench_list, bench_retrieve, bench_startup, sessions
from benchmarks.comparison import Comparison
from benchmarks.sessions import Sessions

_BENCHMARKS: Final[Mapping[str, Callable[[int], Comparison | Sessions]]] = {
    "startup": bench_startup.measure,
    "retrieve": bench_retrieve.measure,
    "list": bench_list.measure,
    "create": bench_create.measure,
    "sessions": sessions.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(_BENCHMARKS)))
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1, 100),
              help="Turns of each server; the medians count.")  # fmt: skip
def main(names: Sequence[str], rounds: int) -> None:
    """Compare the mock server with bare aiohttp; all benchmarks when none is named."""
    compared = []
    console = Console(stderr=True)
    for name in names or _BENCHMARKS:
        found = _BENCHMARKS[name](rounds)
        click.echo(found.as_json())
        if isinstance(found, Comparison):
            compared.append(found)
        else:
            console.print(found.as_text())
    if compared:
        console.print(_table(compared))


def _table(found: Sequence[Comparison]) -> Table:
    table = Table("benchmark", title="processor time of one request, bare aiohttp = 1")
    for heading in ("ratio", "middle half", "ms", "bare ms", "elapsed ms", "per second"):
        table.add_column(heading, justify="right")
    for each in found:
        low, high = each.cpu_ratio_range
        table.add_row(
            each.benchmark,
            f"{each.cpu_ratio:.1f}",
            f"{low:.1f} to {high:.1f}",
            f"{each.cpu_seconds * 1000:.3f}",
            f"{each.bare_cpu_seconds * 1000:.3f}",
            f"{each.elapsed_seconds * 1000:.3f}",
            f"{each.per_second:,.1f}",
        )
    return table


if __name__ == "__main__":
    main()
