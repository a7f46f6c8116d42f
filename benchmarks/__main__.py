"""Run the benchmarks: results as JSON lines on stdout, a table of them on stderr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks import bench_create, bench_list, bench_retrieve, bench_startup
from benchmarks.comparison import Comparison

_BENCHMARKS: Final[Mapping[str, Callable[[int], Comparison]]] = {
    "startup": bench_startup.measure,
    "retrieve": bench_retrieve.measure,
    "list": bench_list.measure,
    "create": bench_create.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(_BENCHMARKS)))
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1, 100),
              help="Turns of each server; the medians count.")  # fmt: skip
def main(names: Sequence[str], rounds: int) -> None:
    """Compare the mock server with bare aiohttp; all benchmarks when none is named."""
    found = []
    for name in names or _BENCHMARKS:
        found.append(_BENCHMARKS[name](rounds))
        click.echo(found[-1].as_json())
    Console(stderr=True).print(_table(found))


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
