"""Moments of several modalities and of their matched pairs, in one pass over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..arrays import Array, check_widths, column_sums, row_chunks, unit_rows
from ..matching import positional
from ..progress import tracked_rows
from .moments import Moments
from .pair_moments import PairMoments, pair_sums


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
    count = len(positional(*(x.shape[0] for x in arrays)))
    totals = [np.zeros(x.shape[1]) for x in arrays]
    pairs = {(a, b): PairMoments(0, 0.0, 0.0) for a, b in combinations(range(len(arrays)), 2)}
    for chunk in tracked_rows(row_chunks(*arrays), count):
        units = [unit_rows(x[chunk, :]) for x in arrays]
        for total, unit in zip(totals, units, strict=True):
            total += column_sums(unit)
        for a, b in pairs:
            pairs[a, b] = pairs[a, b].merge(pair_sums(units[a], units[b]))
    return [Moments(count, total) for total in totals], pairs
