"""Combine the levels of several factors, so that each pair of levels comes together soon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

#: The chosen level of each factor.
Row: TypeAlias = tuple[int, ...]
#: A factor and its level, and another one with its own.
Pair: TypeAlias = tuple[int, int, int, int]


def covering(counts: Sequence[int], most: int) -> Iterator[Row]:
    """
    Yield combinations, each with as many new pairs of levels as one can have.

    Filters, the first two factors, are chosen in the order of their levels and not twice.
    """
    open_pairs = {
        (a, i, b, j)
        for a, b in combinations(range(len(counts)), 2)
        for i in range(counts[a])
        for j in range(counts[b])
        if not (a == 0 and b == 1 and i >= j > 0)
    }
    for _ in range(most):
        if not open_pairs:
            return
        row = _greedy(counts, open_pairs)
        open_pairs -= set(_pairs(row))
        yield row


def _greedy(counts: Sequence[int], open_pairs: set[Pair]) -> Row:
    start = max(open_pairs)
    chosen: dict[int, int] = {start[0]: start[1], start[2]: start[3]}
    for factor in range(len(counts)):
        if factor in chosen:
            continue
        chosen[factor] = max(
            range(counts[factor]),
            key=lambda level: (_gain(chosen, factor, level, open_pairs), level),
        )
    return tuple(chosen[factor] for factor in range(len(counts)))


def _gain(chosen: Mapping[int, int], factor: int, level: int, pairs: set[Pair]) -> int:
    gain = 0
    for other, held in chosen.items():
        low, high = sorted([(factor, level), (other, held)])
        gain += (*low, *high) in pairs
    return gain


def _pairs(row: Row) -> Iterator[Pair]:
    for (a, i), (b, j) in combinations(enumerate(row), 2):
        yield a, i, b, j
