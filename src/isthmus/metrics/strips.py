"""Cosines of many queries with all candidates, a strip of queries at a time.

No N × M array is ever built: a strip takes `STRIP_BYTES`, or one query's cosines if more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, row_chunks, take_rows, unit_rows, working_dtype

STRIP_BYTES = 32 * 2**20
"""The strip of scores that is held at a time takes about this much memory."""

SCORE_BYTES = 8
"""Memory per score of a strip: the score itself, and what comparing it needs."""


def score_rounding(epsilon: float, width: int) -> float:
    """Equal vectors of a width may score unequally by so much, depending on their place."""
    return epsilon * max(8.0, math.sqrt(width))


@dataclass(frozen=True)
class Gallery:
    """The candidates' unit rows, (M, D), in the precision that they are compared in."""

    units: Array

    @classmethod
    def of(cls, candidates: Sequence[Array], queries: Sequence[Array] = ()) -> Gallery:
        """Rows of all `candidates`, stacked; double precision if any array is double.

        >>> Gallery.of([np.eye(2), 3 * np.eye(2)]).units.shape
        (4, 2)
        """
        xp = array_namespace(*candidates, *queries)
        precise = xp.float64 in {working_dtype(x) for x in (*candidates, *queries)}
        dtype = xp.float64 if precise else xp.float32
        units = [
            xp.astype(unit_rows(x[rows, :]), dtype, copy=False)
            for x in candidates
            for rows in row_chunks(x)
        ]
        return cls(xp.concat(units, axis=0))

    @property
    def size(self) -> int:
        """M, the number of candidates."""
        return int(self.units.shape[0])

    @property
    def rounding(self) -> float:
        """Cosines that differ by no more are tied."""
        xp = array_namespace(self.units)
        return score_rounding(float(xp.finfo(self.units.dtype).eps), int(self.units.shape[1]))

    def scores(self, queries: Array, rows: NDArray[np.int64]) -> Array:
        """Cosines of some rows of the queries with all candidates, (q, M)."""
        xp = array_namespace(self.units)
        units = unit_rows(take_rows(queries, rows))  # (q, D)
        return xp.astype(units, self.units.dtype, copy=False) @ self.units.T


def strip_rows(
    rows: NDArray[np.int64], costs: NDArray[np.int64] | int
) -> Iterator[NDArray[np.int64]]:
    """Parts of `rows` such that a part's length times its largest cost is within `STRIP_BYTES`.

    Parameters
    ----------
    rows:
        (N,) rows of the queries.
    costs:
        Bytes that each of them takes, (N,) in ascending order, or one number for all.

    Examples
    --------
    >>> [part.tolist() for part in strip_rows(np.arange(3), STRIP_BYTES // 2)]
    [[0, 1], [2]]
    """
    each: NDArray[Any] = np.broadcast_to(np.asarray(costs, dtype=np.int64), rows.shape)
    start = 0
    while start < len(rows):
        block = each[start : start + max(1, STRIP_BYTES // int(each[start]))]
        fitting = int((block * np.arange(1, len(block) + 1) <= STRIP_BYTES).sum())
        stop = start + max(1, fitting)
        yield rows[start:stop]
        start = stop
