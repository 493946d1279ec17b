"""Moments of several modalities and of their matched pairs, in one pass over the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np

from ..arrays import Array, check_widths, column_sums, row_chunks, unit_rows
from ..matching import positional
from ..progress import steps, tracked_rows
from .moments import Moments
from .pair_moments import PairMoments, pair_sums

Found = TypeVar("Found")


def positional_moments(
    arrays: Sequence[Array],
) -> tuple[list[Moments], dict[tuple[int, int], PairMoments]]:
    """Moments of each (N, D) array, and of each pair of them, row i matching row i.

    Every row is read, converted and scaled to unit length once.

    Raises
    ------
    InputError
        Different widths or numbers of rows.
    """
    for other in arrays[1:]:
        check_widths(arrays[0], other)
    totals = [np.zeros(x.shape[1]) for x in arrays]

    def add(units: Sequence[Array]) -> None:
        for total, unit in zip(totals, units, strict=True):
            total += column_sums(unit)

    pairs = visit_positional(arrays, add)
    return [Moments(x.shape[0], total) for x, total in zip(arrays, totals, strict=True)], pairs


def visit_positional(
    arrays: Sequence[Array], visit: Callable[[Sequence[Array]], None]
) -> dict[tuple[int, int], PairMoments]:
    """Call `visit` with the unit rows of every array, a chunk at a time; their pairs' moments.

    An InputError for different numbers of rows.
    """
    count = len(positional(*(x.shape[0] for x in arrays)))
    pairs = {(a, b): PairMoments(0, 0.0, 0.0) for a, b in combinations(range(len(arrays)), 2)}
    for chunk in tracked_rows(row_chunks(*arrays), count):
        units = [unit_rows(x[chunk, :]) for x in arrays]
        visit(units)
        for a, b in pairs:
            pairs[a, b] = pairs[a, b].merge(pair_sums(units[a], units[b]))
    return pairs


def of_each(arrays: Mapping[str, Array], of: Callable[[Array], Found]) -> dict[str, Found]:
    """`of` every array by name, each a step of what is watched, as long as it has rows."""
    found = {}
    with steps({name: float(x.shape[0]) for name, x in arrays.items()}) as step:
        for name, x in arrays.items():
            with step(name):
                found[name] = of(x)
    return found
