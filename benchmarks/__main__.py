"""Run the benchmarks: results as JSON lines on stdout, a table of them on stderr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import click
from rich.console import Console
from rich.table import Table

from benchmarks import (
    bench_cached,
    bench_contract,
    bench_create,
    bench_growth,
    bench_journals,
    bench_load,
    bench_memory,
    bench_sessions,
    bench_startup,
)
from benchmarks.bench_contract import Contract
from benchmarks.bench_growth import Growth
from benchmarks.bench_journals import Journals
from benchmarks.bench_load import Load
from benchmarks.bench_memory import Memory
from benchmarks.bench_sessions import Sessions
from benchmarks.comparison import Comparison

Found: TypeAlias = Comparison | Sessions | Memory | Growth | Journals | Contract | Load

_BENCHMARKS: Final[Mapping[str, Callable[[int], Found]]] = {
    "startup-cold": bench_startup.cold,
    "startup-warm": bench_startup.warm,
    "startup-library": bench_startup.library,
    "memory": bench_memory.measure,
    "retrieve": bench_cached.record,
    "list": bench_cached.page,
    "list-after-write": bench_cached.fresh,
    "create": bench_create.measure,
    "sessions": bench_sessions.measure,
    "growth": bench_growth.measure,
    "growth-million": bench_growth.million,
    "journals": bench_journals.measure,
    "contract": bench_contract.measure,
    "load": bench_load.measure,
}
#: These take long or much memory, and run when they are named.
_ON_REQUEST: Final = frozenset({"growth-million", "journals", "contract", "load"})


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(_BENCHMARKS)))
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1, 100),
              help="Turns of each server; the medians count.")  # fmt: skip
def main(names: Sequence[str], rounds: int) -> None:
    """Compare the mock server with bare aiohttp; all quick ones when none is named."""
    compared = []
    console = Console(stderr=True)
    for name in names or [each for each in _BENCHMARKS if each not in _ON_REQUEST]:
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
